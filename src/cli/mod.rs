//! The command line: one file a command, its arguments and its printing.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod actions;
mod bundle;
mod chart;
mod check;
mod diff;
mod hosting;
mod init;
mod list;
mod offboard;
mod onboard;
mod partner;
mod plan;
mod progress;
mod propose;
mod render;
mod rules;
mod schema;
mod secrets;
mod terminal;
mod why;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand};

use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::partner::Impact;
use crate::review;
use crate::rules::Finding;
use crate::tree::Repositories;
use crate::workspace::Workspace;

/// Looks after the Git repository that Argo CD deploys AGNTCY Directory from.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    folders: Folders,
    #[command(subcommand)]
    command: Command,
}

/// Where the repositories are.
#[derive(Clone, Debug, Args)]
struct Folders {
    /// The source repository, with base/, overlays/ and onboarding/
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    source: PathBuf,
    /// The environment repository, where that has the registry of partners; of `render` what --into names
    #[arg(long, global = true, value_name = "DIR")]
    environment_repository: Option<PathBuf>,
}

impl Folders {
    /// Returns the files in them.
    fn tree(&self) -> Repositories<'static> {
        Repositories::in_folders(&self.source, self.environment_repository.as_deref())
    }

    /// Returns where partners' files and grants are; `into` is the environment repository that a command was given.
    fn of_partners(&self, into: Option<&Path>) -> crate::partner::Folders {
        let environment_repository = into.or(self.environment_repository.as_deref()).map(Path::to_path_buf);
        crate::partner::Folders { source: self.source.clone(), environment_repository }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Plan(plan::Arguments),
    Render(render::Arguments),
    Propose(propose::Arguments),
    Why(why::Arguments),
    List(list::Arguments),
    Check(check::Arguments),
    Diff(diff::Arguments),
    Chart(chart::Arguments),
    Bundle(bundle::Arguments),
    Onboard(onboard::Arguments),
    Offboard(offboard::Arguments),
    Rules(rules::ListArguments),
    Explain(rules::ExplainArguments),
    Schema(schema::Arguments),
    Secrets(secrets::Arguments),
}

/// How a command ended; see the table in README.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done, nothing to report.
    Clean = 0,
    /// Findings or drift.
    Found = 1,
    /// The command could not do its work.
    Failed = 2,
}

/// Runs the command that the process was called with, and returns its exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let exit = match arguments.command {
        Command::Init(command) => init::run(&arguments.folders, command),
        Command::Plan(command) => plan::run(&arguments.folders, &command),
        Command::Render(command) => render::run(&arguments.folders, command),
        Command::Propose(command) => propose::run(&arguments.folders, &command),
        Command::Why(command) => why::run(&arguments.folders, &command),
        Command::List(command) => list::run(&arguments.folders, &command),
        Command::Check(command) => check::run(&arguments.folders, command),
        Command::Diff(command) => diff::run(&arguments.folders, command),
        Command::Chart(command) => chart::run(&arguments.folders.source, command),
        Command::Bundle(command) => bundle::run(&arguments.folders, command),
        Command::Onboard(command) => onboard::run(&arguments.folders, command),
        Command::Offboard(command) => offboard::run(&arguments.folders, &command),
        Command::Rules(command) => rules::list(&command),
        Command::Explain(command) => rules::explain_one(&command),
        Command::Schema(command) => schema::run(&command),
        Command::Secrets(command) => secrets::run(&arguments.folders, &command),
    };
    ExitCode::from(exit as u8)
}

/// Reads the source repository and does something with it.
fn with_workspace(folders: &Folders, jobs: usize, work: impl FnOnce(&Workspace<'_>, &Sources) -> Exit) -> Exit {
    let sources = Sources::default();
    let tree = folders.tree();
    match Workspace::load(&tree, &sources, jobs) {
        Ok(workspace) => work(&workspace, &sources),
        Err(problems) => report(&problems, &sources),
    }
}

/// Prints problems to standard error.
fn report(problems: &[Diagnostic], sources: &Sources) -> Exit {
    for problem in problems {
        eprintln!("{}", problem.show("error", sources));
    }
    Exit::Failed
}

/// Prints findings to standard error.
fn show_findings(findings: &[Finding], sources: &Sources) {
    for finding in findings {
        eprintln!("{}", finding.diagnostic.show(&finding.label(), sources));
    }
}

/// Prints to standard output; a reader that stops reading is no error.
fn print(text: &str) -> Exit {
    let written = io::stdout().lock().write_all(text.as_bytes());
    match written {
        Ok(()) => Exit::Clean,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Clean,
        Err(error) => {
            eprintln!("error: standard output cannot be written to: {error}");
            Exit::Failed
        }
    }
}

/// Returns what is said of what edits change with the next render: nothing is known of it without the source repository.
fn show_impact(impact: Option<&Impact>) -> String {
    let Some(impact) = impact else {
        return "\nWhat that changes for environments shows in the source repository, with --into.\n".to_owned();
    };
    let lines = impact.lines();
    if lines.is_empty() {
        return "\nNo environment trusts this registry.\n".to_owned();
    }
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    let review = match impact.review.changes.is_empty() && impact.review.is_complete() {
        true => String::new(),
        false => format!("\n{}", review::write(&impact.review, review::Format::Text, has_colours())),
    };
    format!("\nWith the next render:\n{lines}{review}")
}

/// Colours are for terminals, unless somebody does not want them: no-color.org.
fn has_colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns how many threads to use.
fn jobs(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(parallel::available).clamp(1, 64)
}

/// Returns the time in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
