//! `dirops list`

use std::fmt::Write;

use clap::Args;

use super::{Exit, Folders, jobs, print, report, with_workspace};
use crate::deployment::{self, Deployment};
use crate::workspace::Environment;

#[derive(Args, Debug)]
pub(super) struct Arguments {}

pub(super) fn run(folders: &Folders, _: &Arguments) -> Exit {
    with_workspace(folders, jobs(None), |workspace, sources| {
        let mut text = String::new();
        for (index, environment) in workspace.environments.iter().enumerate() {
            let deployment = match deployment::build(workspace, environment) {
                Ok(deployment) => deployment,
                Err(problem) => return report(&[problem], sources),
            };
            if index > 0 {
                text.push('\n');
            }
            push(&mut text, environment, &deployment);
        }
        print(&text)
    })
}

fn push(text: &mut String, environment: &Environment, deployment: &Deployment) {
    let join = |items: Vec<&str>| match items.is_empty() {
        true => "none".to_owned(),
        false => items.join(", "),
    };
    let components: Vec<String> = deployment
        .components
        .iter()
        .map(|component| format!("{} {}", component.name, &*component.version.value))
        .collect();
    let cluster = format!("{} ({})", &*environment.cluster_name.value, &*environment.cluster_address.value);
    let rows = [
        ("cluster", cluster),
        ("trust domain", environment.trust_domain.to_string()),
        ("profiles", join(environment.profiles.iter().map(|profile| &*profile.value).collect())),
        ("components", join(components.iter().map(String::as_str).collect())),
        ("partners", join(deployment.partners.iter().map(|partner| &*partner.trust_domain.value).collect())),
    ];
    let _ = writeln!(text, "{}", &*environment.name.value);
    for (label, value) in rows {
        let _ = writeln!(text, "  {label:<12}  {value}");
    }
}
