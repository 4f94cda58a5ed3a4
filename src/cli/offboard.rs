//! `dirops offboard`

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::hosting::Hosting;
use super::partner::{Run, failed};
use super::progress::Reporter;
use super::{Exit, Folders, jobs, now, print, report, show_findings, show_impact};
use crate::diagnostic::Sources;
use crate::edits::Edit;
use crate::partner::{self, Home, Next, Offboarding, is_source};
use crate::propose::{Deed, Outcome};
use crate::publish::Failure;
use crate::rules::Conditions;
use crate::spiffe::TrustDomain;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The partner's trust domain
    trust_domain: TrustDomain,
    /// Remove the federation file from this environment repository; the grants must be gone before
    #[arg(long, value_name = "DIR", conflicts_with = "propose")]
    into: Option<PathBuf>,
    /// Say that no environment grants the partner anything any more, where the source repository is not at hand
    #[arg(long)]
    grants_are_gone: bool,
    /// Open the pull request for it; where registry and grants lie in different repositories, the one that takes the
    /// grants out, and once that is merged the one that removes the federation file
    #[arg(long)]
    propose: bool,
    #[command(flatten)]
    hosting: Hosting,
    /// Write nothing; show the difference, or with --propose every request that would be made
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(folders: &Folders, arguments: &Arguments) -> Exit {
    let sources = Sources::default();
    if let Err(problem) = arguments.hosting.refuse_without(arguments.propose) {
        return report(&[problem], &sources);
    }
    if arguments.propose {
        return match propose(folders, arguments, &sources) {
            Ok(exit) => exit,
            Err(failure) => failed(&failure, &sources),
        };
    }
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

/// Opens the pull request that is next. Both repositories are read as they are for everybody, not as they are here: a
/// grant that is only gone from this folder is not gone.
fn propose(folders: &Folders, arguments: &Arguments, sources: &Sources) -> Result<Exit, Failure> {
    let reporter = Reporter::start();
    let conditions = Conditions { now: Some(now()), jobs: jobs(None) };
    let (hosting, is_dry) = (&arguments.hosting, arguments.dry_run);
    let run = Run { folders, hosting, is_dry, force: false, conditions, sources, reporter: &reporter };
    let at_hand = run.at_hand()?;
    let site = run.registry_site(at_hand.as_ref())?;
    let destination = run.destination(&site)?;
    let files = destination.base_files()?;
    let into = !is_source(&files);
    let deed =
        Deed::Offboard { trust_domain: arguments.trust_domain.clone(), grants_are_gone: arguments.grants_are_gone };
    let grants = match &at_hand {
        Some(at_hand) => run.grants_site(at_hand)?,
        None => None,
    };
    let Some(grants) = grants else {
        let (proposal, found) = run.propose(deed.clone(), None, into, None, &destination)?;
        return Ok(run.show(&deed, &proposal, &found, &site, &destination));
    };
    let source = run.destination(&grants)?;
    let (proposal, found) = run.propose(deed.clone(), None, false, Some(&files), &source)?;
    if matches!(proposal.outcome, Outcome::Nothing | Outcome::Withdrawn) {
        let granted_nothing = source.base_files()?;
        let (proposal, found) = run.propose(deed.clone(), None, true, Some(&granted_nothing), &destination)?;
        return Ok(run.show(&deed, &proposal, &found, &site, &destination));
    }
    let exit = run.show(&deed, &proposal, &found, &grants, &source);
    Ok(match (exit, found.next) {
        (Exit::Clean, Some(Next::RemoveFile)) => print(&format!(
            "\nOnce that is merged, open the one that removes its federation file: dirops offboard {} --propose\n",
            arguments.trust_domain
        )),
        (exit, _) => exit,
    })
}

fn done(edit: &Edit) -> String {
    let verb = if edit.after.is_some() { "edited" } else { "removed" };
    format!("{verb} {}\n", edit.path)
}

fn told(trust_domain: &TrustDomain, offboarding: &Offboarding) -> String {
    let mut text = match offboarding.edits.is_empty() {
        true => format!("no grant here names {trust_domain}\n"),
        false => show_impact(offboarding.impact.as_ref()),
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
