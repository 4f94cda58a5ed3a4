//! `dirops diff`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, Folders, has_colours, jobs, print, report};
use crate::atomic;
use crate::diagnostic::{Diagnostic, Sources};
use crate::review::{self, Format, Range, Request, Review};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A revision, a range (main...HEAD: since the common ancestor), a folder, or a file with manifests
    #[arg(value_name = "BASE")]
    base: Option<String>,
    /// What to compare it with; the work tree by default
    #[arg(value_name = "HEAD")]
    head: Option<String>,
    /// Compare this environment repository, whoever wrote it, instead of the source repository
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Tell of this environment alone; may be repeated
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<String>,
    /// Tell of this component alone; may be repeated
    #[arg(long = "component", value_name = "COMPONENT")]
    components: Vec<String>,
    /// Exit 1 where there are differences
    #[arg(long)]
    exit_code: bool,
    /// How to write the review
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the review into this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many threads to use; as many as the machine has by default
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

pub(super) fn run(folders: &Folders, arguments: Arguments) -> Exit {
    let request = Request {
        folder: arguments.into.clone().unwrap_or_else(|| folders.source.clone()),
        environment_repository: folders.environment_repository.clone(),
        is_environment_repository: arguments.into.is_some(),
        range: Range { base: arguments.base, head: arguments.head },
        environments: arguments.environments,
        components: arguments.components,
        jobs: jobs(arguments.jobs),
    };
    let found = match review::review(&request) {
        Ok(found) => found,
        Err(problems) => return report(&problems, &Sources::default()),
    };
    let written = match &arguments.out {
        Some(path) => write(&review::write(&found, arguments.format, false), path),
        None => print(&review::write(&found, arguments.format, has_colours())),
    };
    match written {
        Exit::Clean => exit(&found, arguments.exit_code),
        failed => failed,
    }
}

fn exit(found: &Review, exit_code: bool) -> Exit {
    match () {
        () if !found.is_complete() => Exit::Failed,
        () if exit_code && !found.changes.is_empty() => Exit::Found,
        () => Exit::Clean,
    }
}

fn write(text: &str, path: &Path) -> Exit {
    match atomic::replace(path, text) {
        Ok(()) => Exit::Clean,
        Err(error) => {
            let problem = Diagnostic::new(format!("{} cannot be written: {error}", path.display()));
            report(&[problem], &Sources::default())
        }
    }
}
