//! `dirops offboard`

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Exit, Folders, jobs, now, print, report, show_changes, show_findings};
use crate::diagnostic::Sources;
use crate::edits::Edit;
use crate::partner::{self, Home, Next, Offboarding};
use crate::rules::Conditions;
use crate::spiffe::TrustDomain;

/// Send a partner away: remove the grants that name it, and its federation file
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The partner's trust domain
    trust_domain: TrustDomain,
    /// Remove the federation file from this environment repository; the grants must be gone before
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Say that no environment grants the partner anything any more, where the source repository is not at hand
    #[arg(long)]
    grants_are_gone: bool,
    /// Write nothing; show the difference
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(folders: &Folders, arguments: &Arguments) -> Exit {
    let sources = Sources::default();
    let folders = folders.of_partners(arguments.into.as_deref());
    let tree = folders.tree();
    let home = Home {
        tree: &tree,
        into: arguments.into.is_some(),
        registry: None,
        conditions: Conditions { now: Some(now()), jobs: jobs(None) },
    };
    let trust_domain = &arguments.trust_domain;
    let offboarding = match partner::offboard(&home, trust_domain, arguments.grants_are_gone, &sources) {
        Ok(offboarding) => offboarding,
        Err(refusal) => {
            show_findings(&refusal.findings, &sources);
            return report(&refusal.problems, &sources);
        }
    };
    if arguments.dry_run {
        let diffs: String = offboarding.edits.iter().map(Edit::to_diff).collect();
        return print(&(diffs + &told(trust_domain, &offboarding)));
    }
    match folders.write(&offboarding.edits) {
        Ok(()) => {
            let done: String = offboarding.edits.iter().map(done).collect();
            print(&(done + &told(trust_domain, &offboarding)))
        }
        Err(problem) => report(&[problem], &sources),
    }
}

fn done(edit: &Edit) -> String {
    let verb = if edit.after.is_some() { "edited" } else { "removed" };
    format!("{verb} {}\n", edit.path)
}

fn told(trust_domain: &TrustDomain, offboarding: &Offboarding) -> String {
    let mut text = match offboarding.edits.is_empty() {
        true => format!("no grant here names {trust_domain}\n"),
        false => show_changes(offboarding.changes.as_deref()),
    };
    if !offboarding.widened.is_empty() {
        let environments = offboarding.widened.join(", ");
        let _ = write!(
            text,
            "\nUntil its federation file is gone, {trust_domain} may call what `default` grants, which is more than before, \
             in: {environments}\n"
        );
    }
    let next = match offboarding.next {
        None => String::new(),
        Some(Next::RemoveFile) if offboarding.edits.is_empty() => {
            format!("\nOnce that is merged, remove its federation file: dirops offboard {trust_domain} --into DIR\n")
        }
        Some(Next::RemoveFile) => {
            format!("\nMerge this first; then remove its federation file: dirops offboard {trust_domain} --into DIR\n")
        }
        Some(Next::GrantsFirst) => {
            format!("\nMerge this only after what takes the grants of {trust_domain} out of the source repository.\n")
        }
    };
    text + &next
}
