//! `dirops secrets`

use clap::{Args, ValueEnum};

use super::{Exit, Folders, jobs, print, report, with_workspace};
use crate::deployment;
use crate::diagnostic::{Diagnostic, Sources};
use crate::secrets::{self, Needs, Provider};
use crate::workspace::Workspace;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: String,
    /// A table, JSON, or a script for bash; dirops itself makes no secret
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Vault,
    Aws,
}

pub(super) fn run(folders: &Folders, arguments: &Arguments) -> Exit {
    with_workspace(folders, jobs(None), |workspace, sources| match show(workspace, arguments) {
        Ok(text) => print(&text),
        Err(problem) => fail(&problem, sources),
    })
}

fn fail(problem: &Diagnostic, sources: &Sources) -> Exit {
    report(std::slice::from_ref(problem), sources)
}

fn show(workspace: &Workspace<'_>, arguments: &Arguments) -> Result<String, Diagnostic> {
    let environment = workspace.environment(&arguments.environment)?;
    let deployment = deployment::build(workspace, environment)?;
    let needs = secrets::needs(workspace, environment, &deployment)?;
    let script = |provider| commands(&needs, || secrets::script(&needs, &deployment, provider));
    match arguments.format {
        Format::Text => Ok(secrets::to_text(&needs)),
        Format::Json => Ok(format!("{:#}\n", secrets::to_json(&needs))),
        Format::Vault => script(Provider::Vault),
        Format::Aws => script(Provider::Aws),
    }
}

fn commands(needs: &Needs, script: impl Fn() -> Result<String, Diagnostic>) -> Result<String, Diagnostic> {
    if needs.entries.is_empty() {
        eprint!("{}", secrets::to_text(needs));
        return Ok(String::new());
    }
    script()
}
