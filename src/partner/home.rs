//! Where the registry of partners is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Sources};
use crate::edits::{self, Edit};
use crate::publish::RelativePath;
use crate::rules::Conditions;
use crate::tree::{Repositories, Tree, WorkTree, is_in_environment_repository, on_disk};
use crate::workspace::{Reader, USUAL_REGISTRY, Workspace, usual_registry};

/// Where the repositories are on a disk.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The folder of the source repository, or of an environment repository alone.
    pub source: PathBuf,
    /// The folder of the environment repository, where there is one besides.
    pub environment_repository: Option<PathBuf>,
}

impl Folders {
    /// Returns the repositories' files. A source repository that is not there is none: the other one stands alone then.
    pub fn tree(&self) -> Repositories<'static> {
        match self.alone() {
            Some(folder) => Repositories::in_folders(folder, None),
            None => Repositories::in_folders(&self.source, self.environment_repository.as_deref()),
        }
    }

    /// Makes edits of these files: all of them, or none.
    ///
    /// # Errors
    /// As [`edits::write`], and where a folder on the way is a symbolic link.
    pub fn write(&self, edits: &[Edit]) -> Result<(), Diagnostic> {
        let tree = self.tree();
        let root = self.alone().unwrap_or(&self.source);
        let locate = |path: &str| on_disk(&tree, root, path);
        edits.iter().try_for_each(|edit| refuse_linked_folders(&tree, &edit.path, locate))?;
        edits::write(edits, locate)
    }

    /// Returns the environment repository, where there is no source repository.
    fn alone(&self) -> Option<&Path> {
        self.environment_repository.as_deref().filter(|_| !is_source(&WorkTree::new(&self.source)))
    }
}

/// Through a link, files outside of the repository could be written to.
fn refuse_linked_folders(tree: &dyn Tree, path: &str, locate: impl Fn(&str) -> PathBuf) -> Result<(), Diagnostic> {
    // How the environment repository itself is reached is for the user to say.
    let repository = tree.environment_repository().filter(|_| is_in_environment_repository(tree, path));
    let start = repository.map_or(0, |folder| folder.len() + 1);
    let mut folders = path.match_indices('/').map(|(end, _)| end).filter(|end| *end >= start).map(|end| &path[..end]);
    let is_link = |folder: &&str| {
        let metadata = fs::symlink_metadata(locate(folder));
        metadata.is_ok_and(|metadata| metadata.is_symlink())
    };
    match folders.find(is_link) {
        None => Ok(()),
        Some(folder) => Err(Diagnostic::new(format!("{folder} is a symbolic link: nothing was written to {path}"))
            .help("put a folder in its place, or edit by hand what it leads to")),
    }
}

/// The repositories at hand, and which registry is meant.
pub struct Home<'a> {
    /// The files of the source repository, with those of the environment repository where there are any; or of an
    /// environment repository alone.
    pub tree: &'a dyn Tree,
    /// Whether the registry is in the environment repository, whatever base/environment.yaml says.
    pub into: bool,
    /// The registry; otherwise the one in base/environment.yaml.
    pub registry: Option<String>,
    /// What the rules depend on besides the files.
    pub conditions: Conditions,
}

impl Home<'_> {
    /// Reads the source repository in a tree such as this one, where there is one.
    pub(super) fn workspace<'t>(
        &self,
        tree: &'t dyn Tree,
        sources: &'t Sources,
    ) -> Result<Option<Workspace<'t>>, Vec<Diagnostic>> {
        match is_source(tree) {
            true => Workspace::load(tree, sources, self.conditions.jobs).map(Some),
            false => Ok(None),
        }
    }

    /// Returns the folder of the registry.
    pub(super) fn registry(&self) -> Result<String, Diagnostic> {
        let tree = self.tree;
        let has_source = is_source(tree);
        if !has_source {
            self.refuse_strangers()?;
        }
        if let Some(folder) = &self.registry {
            let folder = folder.trim_start_matches("./").trim_end_matches('/');
            let path = RelativePath::new(folder).map_err(|error| {
                Diagnostic::new(error.to_string()).help("--registry names a folder of a repository")
            })?;
            return Ok(match tree.environment_repository().filter(|_| self.into) {
                Some(repository) => format!("{repository}/{path}"),
                None => path.to_string(),
            });
        }
        let sources = Sources::default();
        let usual = match has_source {
            true => usual_registry(Reader { tree, sources: &sources })?,
            false => None,
        };
        let usual = usual.unwrap_or_else(|| USUAL_REGISTRY.to_owned());
        match tree.environment_repository() {
            Some(repository) if self.into && !usual.starts_with(&format!("{repository}/")) => {
                Ok(format!("{repository}/{USUAL_REGISTRY}"))
            }
            _ => Ok(usual),
        }
    }

    /// What is no repository of ours was most likely not meant.
    fn refuse_strangers(&self) -> Result<(), Diagnostic> {
        let known = ["onboarding", "applications", "projects", ".dirops"];
        match known.iter().any(|folder| matches!(self.tree.list(folder), Ok(Some(_)))) {
            true => Ok(()),
            false => Err(Diagnostic::new(
                "this is neither a source repository (base/, overlays/) nor an environment repository",
            )
            .help("run dirops in one, or name it with --source or --into")),
        }
    }
}

/// Returns whether a tree has a source repository.
pub fn is_source(tree: &dyn Tree) -> bool {
    ["base", "overlays"].iter().all(|folder| matches!(tree.list(folder), Ok(Some(_))))
}
