//! `dirops propose`

use std::fmt::Write;

use clap::Args;

use super::hosting::Hosting;
use super::progress::Reporter;
use super::{Exit, Folders, actions, jobs, print, report, show_findings};
use crate::diagnostic::{Diagnostic, Sources};
use crate::propose::{self, Destination, Environments, Names, Outcome, Proposal, Source, names_of_environments};
use crate::publish::{Failure, Permissions};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The environments; all by default
    #[arg(value_name = "ENV")]
    environments: Vec<String>,
    #[command(flatten)]
    hosting: Hosting,
    /// The branch to push to; dirops/<branch of the source> by default
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Change nothing; print branch, commit, title, body and every request that would be made. Needs no token
    #[arg(long)]
    dry_run: bool,
    /// Commit to a branch of a local clone, or push, and open no pull request
    #[arg(long)]
    commit_only: bool,
    /// Overwrite what people pushed to the branch, files that were edited by hand, and an input that is not older
    #[arg(long)]
    force: bool,
    /// Take over files that are there and that dirops does not own
    #[arg(long)]
    adopt: bool,
    /// Write hydrator.metadata, which Argo CD's source hydrator and gitops-promoter read
    #[arg(long)]
    hydrator_metadata: bool,
    /// How many threads to use; as many as the machine has by default
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

pub(super) fn run(folders: &Folders, arguments: &Arguments) -> Exit {
    let sources = Sources::default();
    let reporter = Reporter::start();
    let result = proposed(folders, arguments, &sources, &reporter);
    drop(reporter);
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            show_findings(&failure.findings, &sources);
            report(&failure.problems, &sources)
        }
    }
}

fn proposed(folders: &Folders, arguments: &Arguments, sources: &Sources, reporter: &Reporter) -> Result<Exit, Failure> {
    let source = Source::open(&folders.source, |name| std::env::var(name).ok())?;
    let place = propose::published_at(&source.files()?, sources)?;
    let repository = arguments.hosting.repo.clone().or_else(|| place.repository.clone()).ok_or_else(|| {
        Diagnostic::new("which environment repository?").help("name it with --repo, or in base/environment.yaml")
    })?;
    let branch = source.branch().or(arguments.branch.as_deref()).map(str::to_owned).ok_or_else(|| {
        Diagnostic::new("the source repository is at a commit and not on a branch")
            .help("check out a branch, or name the branch to push to with --branch")
    })?;
    let source_name = place.source.clone().unwrap_or_else(|| "the source repository".to_owned());
    let names = names_of_environments(&source_name, &branch, &arguments.environments);
    let names = names.with_branch(arguments.branch.as_deref());
    let location = arguments.hosting.locate(&repository, arguments.commit_only, arguments.dry_run, reporter)?;
    let origin = source.origin().and_then(|address| arguments.hosting.origin(&address, &location));
    let source = source.with_origin(origin);
    let base = arguments.hosting.base.clone().or(place.revision).filter(|revision| revision != "HEAD");
    let destination = location.destination(base, arguments.dry_run, Some(&source), reporter)?;
    let change = Environments {
        source: &source,
        source_name,
        branch,
        environments: arguments.environments.clone(),
        permissions: Permissions { force: arguments.force, adopt: arguments.adopt },
        hydrator_metadata: arguments.hydrator_metadata,
        jobs: jobs(arguments.jobs),
        sources,
    };
    let permissions = propose::Permissions { force: arguments.force };
    let proposal = propose::propose(&change, &destination, &names, permissions)?;
    Ok(show(&proposal, &destination, &names, &repository))
}

/// Prints what came of it, to GitHub Actions too.
pub(super) fn show(proposal: &Proposal, destination: &Destination<'_>, names: &Names, repository: &str) -> Exit {
    if destination.is_dry() {
        return print(&plan(proposal, destination, names));
    }
    let said = said(proposal, destination, names, repository);
    let exit = print(&said);
    match actions::tell(proposal, &said) {
        Ok(()) => exit,
        Err(problem) => report(&[problem], &Sources::default()),
    }
}

fn said(proposal: &Proposal, destination: &Destination<'_>, names: &Names, repository: &str) -> String {
    let (branch, base) = (&names.branch, destination.base());
    let short = |id: &git2::Oid| id.to_string()[..10].to_owned();
    let commit =
        proposal.commit.as_ref().map(|commit| format!("{branch} at {}: {}", short(&commit.id), commit.title()));
    let commit = commit.unwrap_or_default();
    let mut text = match proposal.outcome {
        Outcome::Nothing => format!("nothing to propose: {base} of {repository} has it all\n"),
        Outcome::Withdrawn => format!("nothing is left to propose: {base} of {repository} has it all\n"),
        Outcome::Unchanged => format!("unchanged: {commit}\n"),
        Outcome::Declined => format!("people closed the pull request for this; --force opens another: {commit}\n"),
        Outcome::Superseded => format!("another run has brought a newer input: {commit}\n"),
        Outcome::Committed => format!("committed: {commit}\n"),
    };
    if let Some(pull_request) = &proposal.pull_request {
        let closed = if proposal.outcome == Outcome::Withdrawn { "closed " } else { "" };
        let _ = writeln!(text, "{closed}{}", pull_request.url);
    }
    text
}

/// Returns what a dry run would have done.
fn plan(proposal: &Proposal, destination: &Destination<'_>, names: &Names) -> String {
    let mut text = format!("branch: {}\nbase:   {}\n", names.branch, destination.base());
    match (&proposal.commit, proposal.outcome) {
        (Some(commit), outcome) => {
            let word = if outcome == Outcome::Committed { "would be made" } else { "is there" };
            let _ = write!(text, "commit: {word}\n\n{}\n", indented(&commit.message));
            let _ = write!(text, "title:  {}\nbody:\n\n{}\n", commit.title(), indented(&proposal.body));
        }
        (None, Outcome::Withdrawn) => text.push_str("commit: none; what was proposed before would be withdrawn\n"),
        (None, _) => text.push_str("commit: none; the base has it all\n"),
    }
    let requests = destination.requests();
    if requests.is_empty() {
        return text + "requests: none\n";
    }
    text.push_str("requests:\n\n");
    for request in requests {
        text.push_str(&indented(&request));
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}
