//! Git revisions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use git2::{DiffOptions, Repository};

use crate::diagnostic::Diagnostic;

/// Returns the files that differ between a revision and the work tree, untracked ones among them, as real paths.
///
/// # Errors
/// Where `folder` is in no repository with a work tree, or the repository does not have the revision.
pub fn changed_since(folder: &Path, revision: &str) -> Result<BTreeSet<PathBuf>, Diagnostic> {
    let repository = Repository::discover(folder).map_err(|error| {
        Diagnostic::new(format!("{} is in no Git repository: {}", folder.display(), error.message()))
    })?;
    let Some(root) = repository.workdir().and_then(|root| std::fs::canonicalize(root).ok()) else {
        return Err(Diagnostic::new("the Git repository has no work tree"));
    };
    let unknown = |error: git2::Error| {
        Diagnostic::new(format!("there is no revision `{revision}`: {}", error.message()))
            .help("a shallow clone may lack it: fetch more history")
    };
    let tree = repository.revparse_single(revision).and_then(|object| object.peel_to_tree()).map_err(unknown)?;
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true);
    let diff = repository.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options)).map_err(unknown)?;
    let paths = diff.deltas().flat_map(|delta| [delta.old_file().path(), delta.new_file().path()]);
    Ok(paths.flatten().map(|path| root.join(path)).collect())
}
