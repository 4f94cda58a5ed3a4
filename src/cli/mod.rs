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

use clap::builder::{Resettable, StyledStr};
use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand};

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
    /// Begin an environment, in this source repository or in an empty folder
    Init(Deferred<init::Arguments>),
    /// Tell which environments have to be rendered after a change, and share them out
    Plan(Deferred<plan::Arguments>),
    /// Write environments into the environment repository
    Render(Deferred<render::Arguments>),
    /// Render environments, and open or update the pull request that brings them into the environment repository
    ///
    /// What is rendered is the last commit of the source repository. Where the environment repository has it all, nothing is
    /// done, and a pull request of which nothing is left is closed. It can be run again at any time.
    Propose(Deferred<propose::Arguments>),
    /// Tell why a value is what it is: what set it, and what that overrode
    Why(Deferred<why::Arguments>),
    /// Show the environments: cluster, trust domain, profiles, components with chart versions, partners
    List(Deferred<list::Arguments>),
    /// Tell what is wrong with federation files and environments
    Check(Deferred<check::Arguments>),
    /// Tell what a change does to the environments: compare two states of the repository as what they configure
    ///
    /// Without arguments, the last commit is compared with the work tree. Exits with 2 where something could not be compared.
    Diff(Deferred<diff::Arguments>),
    /// Remember what a chart does with its values
    Chart(Deferred<chart::Arguments>),
    /// Work with trust bundles
    Bundle(Deferred<bundle::Arguments>),
    /// Bring a partner in: write its federation file, and show what that changes
    Onboard(Deferred<onboard::Arguments>),
    /// Send a partner away: remove the grants that name it, and its federation file
    Offboard(Deferred<offboard::Arguments>),
    /// List the rules
    Rules(Deferred<rules::ListArguments>),
    /// Tell what a rule is about, why it matters, and how to mend what it finds
    Explain(Deferred<rules::ExplainArguments>),
    /// Print the JSON Schema of a kind of file, for editors, or of what a command writes for programs
    Schema(Deferred<schema::Arguments>),
    /// Show what an environment reads from its store of secrets, or the commands that would create it
    Secrets(Deferred<secrets::Arguments>),
}

/// Arguments that are described to the parser when somebody calls their command: those of all commands are hundreds.
#[derive(Debug)]
struct Deferred<T>(T);

impl<T: Args> Deferred<T> {
    /// Adds the arguments to their command, which keeps its own words: options that several commands share have some, too.
    fn described(command: clap::Command) -> clap::Command {
        let own = |about: Option<&StyledStr>| about.cloned().map_or(Resettable::Reset, Resettable::Value);
        let (short, long) = (own(command.get_about()), own(command.get_long_about()));
        T::augment_args(command).about(short).long_about(long)
    }
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.defer(Self::described)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
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
        Command::Init(Deferred(command)) => init::run(&arguments.folders, command),
        Command::Plan(Deferred(command)) => plan::run(&arguments.folders, &command),
        Command::Render(Deferred(command)) => render::run(&arguments.folders, command),
        Command::Propose(Deferred(command)) => propose::run(&arguments.folders, &command),
        Command::Why(Deferred(command)) => why::run(&arguments.folders, &command),
        Command::List(Deferred(command)) => list::run(&arguments.folders, &command),
        Command::Check(Deferred(command)) => check::run(&arguments.folders, command),
        Command::Diff(Deferred(command)) => diff::run(&arguments.folders, command),
        Command::Chart(Deferred(command)) => chart::run(&arguments.folders.source, command),
        Command::Bundle(Deferred(command)) => bundle::run(&arguments.folders, command),
        Command::Onboard(Deferred(command)) => onboard::run(&arguments.folders, command),
        Command::Offboard(Deferred(command)) => offboard::run(&arguments.folders, &command),
        Command::Rules(Deferred(command)) => rules::list(&command),
        Command::Explain(Deferred(command)) => rules::explain_one(&command),
        Command::Schema(Deferred(command)) => schema::run(&command),
        Command::Secrets(Deferred(command)) => secrets::run(&arguments.folders, &command),
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
    asked.map_or(parallel::ALL, |jobs| jobs.max(1))
}

/// Returns the time in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn commands_say_of_themselves_what_is_listed() {
        let listed = Arguments::command();
        let mut built = Arguments::command();
        built.build();
        for command in listed.get_subcommands() {
            let about = |command: &clap::Command| (command.get_about().cloned(), command.get_long_about().cloned());
            let built = built.find_subcommand(command.get_name()).unwrap();
            assert!(command.get_about().is_some());
            assert_eq!(about(command).0, about(built).0);
            assert_eq!(about(command).1, about(built).1);
            assert!(built.get_arguments().count() > command.get_arguments().count());
        }
    }
}
