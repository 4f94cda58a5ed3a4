//! `dirops plan`

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::{Exit, Folders, jobs, print, report};
use crate::affected::{self, Affected, github_matrix};
use crate::diagnostic::{Diagnostic, Sources};
use crate::tree::{Recorded, Revision, Tree};
use crate::workspace::Workspace;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Only those that read what changed since this Git revision; all by default
    #[arg(long, value_name = "REV")]
    changed_since: Option<String>,
    /// The revision of the environment repository since which partners changed, where the registry is there; without it
    /// everybody who trusts that registry is named
    #[arg(long, value_name = "REV", requires_all = ["changed_since", "environment_repository"])]
    partners_since: Option<String>,
    /// Share them out to as many runs of `dirops render`, or fewer where there are fewer
    #[arg(long, value_name = "N", default_value = "1")]
    shards: NonZeroUsize,
    /// How to write them: with the reasons, as JSON, or as a matrix of GitHub Actions
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How many threads to use; as many as the machine has by default
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    GithubMatrix,
}

/// How many jobs a matrix of GitHub Actions can make:
/// docs.github.com/en/actions/reference/limits
const MATRIX_LIMIT: usize = 256;

pub(super) fn run(folders: &Folders, arguments: &Arguments) -> Exit {
    let sources = Sources::default();
    if arguments.format == Format::GithubMatrix && arguments.shards.get() > MATRIX_LIMIT {
        let problem = Diagnostic::new(format!("a matrix of GitHub Actions has no more than {MATRIX_LIMIT} jobs"));
        return report(&[problem.help("name fewer --shards")], &sources);
    }
    let affected = match affected(folders, arguments, &sources) {
        Ok(affected) => affected,
        Err(problems) => return report(&problems, &sources),
    };
    let shards = affected.shards(arguments.shards.get());
    print(&match arguments.format {
        Format::Text => affected.to_text(&shards),
        Format::Json => format!("{:#}\n", affected.to_json(&shards)),
        Format::GithubMatrix => format!("{}\n", github_matrix(&shards)),
    })
}

fn affected(folders: &Folders, arguments: &Arguments, sources: &Sources) -> Result<Affected, Vec<Diagnostic>> {
    let jobs = jobs(arguments.jobs);
    let tree = folders.tree();
    let recorded = Recorded::new(&tree);
    let workspace = Workspace::load(&recorded, sources, jobs)?;
    let Some(revision) = &arguments.changed_since else {
        return Ok(affected::everything(&workspace));
    };
    let since = || {
        let before = Revision::open(&folders.source, revision)?;
        let mut changed = before.changed_in_work_tree()?;
        changed.extend(changed_partners(folders, arguments, &workspace, tree.environment_repository())?);
        affected::since(&workspace, &recorded, &folders.source, &before, &changed, jobs)
    };
    since().map_err(|problem| vec![problem])
}

/// Returns what changed in the environment repository: where no revision of it is named, all registries there.
fn changed_partners(
    folders: &Folders,
    arguments: &Arguments,
    workspace: &Workspace<'_>,
    prefix: Option<&str>,
) -> Result<BTreeSet<String>, Diagnostic> {
    let (Some(folder), Some(prefix)) = (&folders.environment_repository, prefix) else {
        return Ok(BTreeSet::new());
    };
    let Some(revision) = &arguments.partners_since else {
        let registries = workspace.registries.keys().filter(|registry| registry.starts_with(&format!("{prefix}/")));
        return Ok(registries.cloned().collect());
    };
    let changed = Revision::open(folder, revision)?.changed_in_work_tree()?;
    Ok(changed.into_iter().map(|path| format!("{prefix}/{path}")).collect())
}
