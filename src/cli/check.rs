//! `dirops check`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, Folders, jobs, now, print, report};
use crate::check::{self, Request};
use crate::diagnostic::{Place, Sources};
use crate::fix;
use crate::report::{self as findings, Format};
use crate::rules::{Conditions, Finding};
use crate::tree::is_in_environment_repository;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Federation files, folders of them, environments' folders; the whole repository by default
    paths: Vec<String>,
    /// Judge the paths as values files for this version of a chart: dir@v1.3.0
    #[arg(long, value_name = "NAME@VERSION", value_parser = chart, requires = "paths")]
    chart: Option<(String, String)>,
    /// Check this environment repository instead, whoever wrote it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["paths", "chart", "fix"])]
    into: Option<PathBuf>,
    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit 1 for warnings, too
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
    /// Tell of this rule alone; may be repeated
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,
    /// Do not tell of this rule; may be repeated
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// Tell only of files that changed since a Git revision
    #[arg(long, value_name = "REV")]
    changed_since: Option<String>,
    /// Mend what can be mended without thinking: names, endings, class names, trailing dots, letter case of hosts
    #[arg(long, conflicts_with_all = ["changed_since", "chart"])]
    fix: bool,
    /// Judge dates as of this time, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
    /// How many threads to use; as many as the machine has by default
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

pub(super) fn run(folders: &Folders, arguments: Arguments) -> Exit {
    let request = Request {
        source: folders.source.clone(),
        environment_repository: folders.environment_repository.clone(),
        paths: arguments.paths,
        chart: arguments.chart,
        into: arguments.into,
        only: arguments.only,
        allow: arguments.allow,
        changed_since: arguments.changed_since,
        conditions: Conditions { now: Some(arguments.now.unwrap_or_else(now)), jobs: jobs(arguments.jobs) },
    };
    if arguments.fix
        && let Err(exit) = mend(&request)
    {
        return exit;
    }
    let sources = Sources::default();
    let found = match check::check(&request, &sources) {
        Ok(found) => found,
        Err(problems) => return report(&problems, &sources),
    };
    let written = print(&findings::write(&found, arguments.format, &sources));
    let is_denied = |finding: &Finding| finding.is_error() || arguments.deny.is_some();
    match (written, found.iter().any(is_denied)) {
        (Exit::Clean, true) => Exit::Found,
        (exit, _) => exit,
    }
}

/// Applies the fixes, and says which.
fn mend(request: &Request) -> Result<(), Exit> {
    let base = if request.paths.is_empty() { request.source.as_path() } else { Path::new("") };
    // A fix can uncover another: a file can be named after its trust domain once that is one.
    for _ in 0..fix::ROUNDS {
        let sources = Sources::default();
        let mut found = check::check(request, &sources).map_err(|problems| report(&problems, &sources))?;
        // The partners' files in the environment repository are not of this repository; who means them names them.
        let tree = request.tree();
        let is_ours =
            |place: Place| !request.paths.is_empty() || !is_in_environment_repository(&tree, &sources.path(place.file));
        found.retain(|finding| finding.diagnostic.place.is_none_or(is_ours));
        let mended = fix::apply(&found, base, &sources).map_err(|problem| report(&[problem], &sources))?;
        for line in &mended {
            eprintln!("{line}");
        }
        if mended.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Splits `dir@v1.3.0`.
fn chart(text: &str) -> Result<(String, String), String> {
    match text.split_once('@') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => Ok((name.to_owned(), version.to_owned())),
        _ => Err("write a chart's name and version, such as dir@v1.3.0".to_owned()),
    }
}
