//! `dirops render`

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Exit, Folders, jobs, print, report, show_findings, with_workspace};
use crate::publish::{self, ChangeKind, ConflictKind, Outcome, Permissions, Reason, Request, Selection, Summary};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The environments; all by default
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    /// The folder of the environment repository
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Remove the files of environments that are gone, too, as a render of all does; with no ENV that alone
    #[arg(long)]
    prune: bool,
    /// Write nothing; list what is missing, outdated, edited by hand or stale, and exit 1 if anything is
    #[arg(long, conflicts_with_all = ["force", "adopt"])]
    check: bool,
    /// Overwrite files of dirops that were edited by hand
    #[arg(long)]
    force: bool,
    /// Take over files that are there and that dirops does not own
    #[arg(long)]
    adopt: bool,
    /// How many threads to use; as many as the machine has by default
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

pub(super) fn run(folders: &Folders, arguments: Arguments) -> Exit {
    let folders = Folders {
        environment_repository: folders.environment_repository.clone().or_else(|| Some(arguments.into.clone())),
        ..folders.clone()
    };
    let request = Request {
        selection: Selection { environments: arguments.environments, prune: arguments.prune },
        source: folders.source.clone(),
        into: arguments.into,
        check: arguments.check,
        permissions: Permissions { force: arguments.force, adopt: arguments.adopt },
        jobs: jobs(arguments.jobs),
    };
    with_workspace(&folders, request.jobs, |workspace, sources| match publish::render(workspace, &request) {
        Ok(outcome) => {
            count_warnings(outcome.warnings.len());
            match request.check {
                true => show_drift(&outcome),
                false => print(&written(&outcome)),
            }
        }
        Err(failure) => {
            show_findings(&failure.findings, sources);
            report(&failure.problems, sources);
            eprintln!("nothing was written");
            Exit::Failed
        }
    })
}

/// What could be better is for `dirops check` to tell at length.
fn count_warnings(count: usize) {
    match count {
        0 => {}
        1 => eprintln!("1 warning: see `dirops check`"),
        _ => eprintln!("{count} warnings: see `dirops check`"),
    }
}

fn written(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut unchanged = 0;
    for environment in &outcome.environments {
        if environment.changes.is_empty() && !environment.receipt_only {
            unchanged += 1;
            continue;
        }
        let count = |wanted: fn(ChangeKind) -> bool| {
            let kinds = environment.changes.iter().filter_map(|(_, reason)| match reason {
                Reason::Change(kind) => Some(*kind),
                Reason::Conflict(_) => None,
            });
            kinds.filter(|kind| wanted(*kind)).count()
        };
        let deleted = count(|kind| kind == ChangeKind::Stale);
        let _ = writeln!(
            text,
            "{}: {} written, {deleted} deleted, {} unchanged",
            environment.name,
            count(|kind| kind != ChangeKind::Stale),
            environment.unchanged
        );
    }
    if unchanged > 0 {
        let plural = if unchanged == 1 { "" } else { "s" };
        let _ = writeln!(text, "{unchanged} environment{plural} unchanged");
    }
    text
}

fn show_drift(outcome: &Outcome) -> Exit {
    let mut text = String::new();
    for environment in &outcome.environments {
        push_drift(&mut text, environment);
    }
    let drifted = !text.is_empty();
    match (print(&text), drifted) {
        (Exit::Clean, true) => Exit::Found,
        (exit, _) => exit,
    }
}

fn push_drift(text: &mut String, environment: &Summary) {
    for (path, reason) in &environment.changes {
        let reason = match reason {
            Reason::Change(ChangeKind::Missing) => "missing",
            Reason::Change(ChangeKind::Outdated) => "outdated",
            Reason::Change(ChangeKind::Stale) => "stale",
            Reason::Change(ChangeKind::Edited) | Reason::Conflict(ConflictKind::Edited) => "edited by hand",
            Reason::Conflict(ConflictKind::NotOwned) => "not owned",
            Reason::Conflict(ConflictKind::OtherSource(_)) => "of another source",
            Reason::Conflict(ConflictKind::InTheWay(_)) => "in the way",
        };
        let _ = writeln!(text, "{reason:<18} {path}");
    }
    if environment.receipt_only {
        let path = publish::Receipt::path(&environment.name);
        let _ = writeln!(text, "{:<18} {path}", "outdated");
    }
}
