//! `dirops why`

use std::fmt::Write;

use clap::Args;

use super::{Exit, Folders, jobs, print, report, with_workspace};
use crate::deployment::{self, Explanation};
use crate::diagnostic::Sources;
use crate::yaml::{Node, to_yaml};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// The component
    component: String,
    /// Where the value stands: apiserver.spire.trustDomain, apiserver.extraEnv[name=X].value; all values by default
    #[arg(default_value = "")]
    path: String,
}

pub(super) fn run(folders: &Folders, arguments: &Arguments) -> Exit {
    with_workspace(folders, jobs(None), |workspace, sources| {
        let explanations = workspace
            .environment(&arguments.environment)
            .and_then(|environment| deployment::explain(workspace, environment, &arguments.component, &arguments.path));
        match explanations {
            Ok(explanations) => {
                let shown: Vec<String> = explanations.iter().map(|explanation| show(explanation, sources)).collect();
                print(&shown.join("\n"))
            }
            Err(problem) => report(&[problem], sources),
        }
    })
}

fn show(explanation: &Explanation, sources: &Sources) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} = {}", explanation.path, inline(&explanation.value));
    for (index, setting) in explanation.settings.iter().enumerate() {
        let verb = if index == 0 { "set at" } else { "overrides" };
        let place = sources.show(setting.place);
        let _ = write!(text, "  {verb:<9} {place} ({})", setting.layer);
        let written = sources.excerpt(setting.place).filter(|written| written.contains("${{"));
        match (written, index) {
            (Some(written), 0) => writeln!(text, ": {}", written.trim()),
            (Some(written), _) => writeln!(text, ": {} = {}", written.trim(), inline(&setting.value)),
            (None, 0) => writeln!(text),
            (None, _) => writeln!(text, ": {}", inline(&setting.value)),
        }
        .ok();
        for (name, place) in &setting.made_from {
            let _ = writeln!(text, "            {name} is set at {}", sources.show(*place));
        }
    }
    text
}

/// Shows a value in one line.
fn inline(node: &Node) -> String {
    const LIMIT: usize = 120;
    let text = match (node.as_text(), node.as_map(), node.as_list()) {
        (Some(text), ..) => format!("{text:?}").trim_matches('"').to_owned(),
        (None, None, None) => to_yaml([node]).unwrap_or_default().trim_end().to_owned(),
        _ => serde_json::to_string(node).unwrap_or_default(),
    };
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
