//! `dirops bundle`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Exit, Folders, jobs, now, print, report, show_findings};
use crate::bundle::{self, Addition, Request};
use crate::diagnostic::Sources;
use crate::rules::Conditions;
use crate::spiffe::TrustDomain;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(AddArguments),
}

/// Put a bundle into the federation file of its trust domain
#[derive(Args, Debug)]
struct AddArguments {
    /// The output of `spire-server bundle show -format spiffe`; - for standard input
    file: PathBuf,
    /// Whose bundle it is, where its certificates do not say
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<TrustDomain>,
    /// The registry, a folder below the source repository; all under onboarding/ by default
    #[arg(long, value_name = "DIR")]
    registry: Option<String>,
    /// Write nothing; show the difference
    #[arg(long)]
    dry_run: bool,
    /// Judge dates as of this time, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
}

pub(super) fn run(folders: &Folders, arguments: Arguments) -> Exit {
    let Command::Add(arguments) = arguments.command;
    let request = Request {
        source: folders.source.clone(),
        environment_repository: folders.environment_repository.clone(),
        bundle: arguments.file,
        trust_domain: arguments.trust_domain,
        registry: arguments.registry,
        conditions: Conditions { now: Some(arguments.now.unwrap_or_else(now)), jobs: jobs(None) },
    };
    let sources = Sources::default();
    let addition = match bundle::add(&request, &sources) {
        Ok(addition) => addition,
        Err(refusal) => {
            show_findings(&refusal.findings, &sources);
            return report(&refusal.problems, &sources);
        }
    };
    show_findings(&addition.findings, &sources);
    if arguments.dry_run {
        return print(&difference(&addition));
    }
    match bundle::write(&request, &addition) {
        Ok(()) => print(&told(&addition)),
        Err(problem) => report(&[problem], &sources),
    }
}

fn told(addition: &Addition) -> String {
    let Addition { path, trust_domain, certificates, .. } = addition;
    match &addition.after {
        None => format!("{path} has this bundle already\n"),
        Some(_) => {
            let plural = if *certificates == 1 { "" } else { "s" };
            format!("{path}: put in the bundle of {trust_domain}, {certificates} certificate{plural}\n")
        }
    }
}

fn difference(addition: &Addition) -> String {
    let Some(after) = &addition.after else {
        return told(addition);
    };
    let (old, new) = (format!("a/{}", addition.path), format!("b/{}", addition.path));
    similar::TextDiff::from_lines(addition.before.as_str(), after).unified_diff().header(&old, &new).to_string()
}
