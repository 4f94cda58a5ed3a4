//! Where the registry of partners is.

use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Sources};
use crate::edits::{self, Edit};
use crate::publish::RelativePath;
use crate::rules::Conditions;
use crate::tree::{Repositories, Tree, is_in_environment_repository, on_disk};
use crate::workspace::{Reader, USUAL_REGISTRY, Workspace, usual_registry};

/// The repositories at hand.
#[derive(Clone, Debug)]
pub struct Home {
    /// The folder of the source repository, or of an environment repository alone.
    pub source: PathBuf,
    /// The folder of the environment repository, where there is one besides.
    pub environment_repository: Option<PathBuf>,
    /// Whether the registry is in that one, whatever base/environment.yaml says.
    pub into: bool,
    /// The registry; otherwise the one in base/environment.yaml.
    pub registry: Option<String>,
    /// What the rules depend on besides the files.
    pub conditions: Conditions,
}

impl Home {
    /// Returns whether there is a source repository.
    pub fn has_source(&self) -> bool {
        is_source(&self.source)
    }

    /// Returns the repositories' files.
    pub fn tree(&self) -> Repositories<'static> {
        match (self.has_source(), &self.environment_repository) {
            (false, Some(folder)) => Repositories::in_folders(folder, None),
            (_, folder) => Repositories::in_folders(&self.source, folder.as_deref()),
        }
    }

    /// Makes edits of these files: all of them, or none.
    ///
    /// # Errors
    /// As [`edits::write`], and where a folder on the way is a symbolic link.
    pub fn write(&self, edits: &[Edit]) -> Result<(), Diagnostic> {
        let tree = self.tree();
        edits.iter().try_for_each(|edit| self.refuse_linked_folders(&tree, &edit.path))?;
        edits::write(edits, |path| on_disk(&tree, self.root(), path))
    }

    /// Through a link, files outside of the repository could be written to.
    fn refuse_linked_folders(&self, tree: &dyn Tree, path: &str) -> Result<(), Diagnostic> {
        // How the environment repository itself is reached is for the user to say.
        let repository = tree.environment_repository().filter(|_| is_in_environment_repository(tree, path));
        let start = repository.map_or(0, |folder| folder.len() + 1);
        let folders = path.match_indices('/').map(|(end, _)| end).filter(|end| *end >= start).map(|end| &path[..end]);
        let is_link = |folder: &&str| {
            let metadata = fs::symlink_metadata(on_disk(tree, self.root(), folder));
            metadata.is_ok_and(|metadata| metadata.is_symlink())
        };
        match folders.into_iter().find(is_link) {
            None => Ok(()),
            Some(folder) => Err(Diagnostic::new(format!("{folder} is a symbolic link: nothing was written to {path}"))
                .help("put a folder in its place, or edit by hand what it leads to")),
        }
    }

    /// Returns the folder that paths are relative to, but for those of an environment repository beside a source repository.
    pub(super) fn root(&self) -> &Path {
        match (self.has_source(), &self.environment_repository) {
            (false, Some(folder)) => folder,
            _ => &self.source,
        }
    }

    /// Reads the source repository, where there is one.
    pub(super) fn workspace<'a>(
        &self,
        tree: &'a dyn Tree,
        sources: &'a Sources,
    ) -> Result<Option<Workspace<'a>>, Vec<Diagnostic>> {
        match self.has_source() {
            true => Workspace::load(tree, sources, self.conditions.jobs).map(Some),
            false => Ok(None),
        }
    }

    /// Returns the folder of the registry.
    pub(super) fn registry(&self, tree: &dyn Tree) -> Result<String, Diagnostic> {
        if !self.has_source() {
            self.refuse_strange_folder()?;
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
        let usual = match self.has_source() {
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

    /// A folder that is no repository of ours was most likely not meant.
    fn refuse_strange_folder(&self) -> Result<(), Diagnostic> {
        let root = self.root();
        let known = ["onboarding", "applications", "projects", ".dirops"];
        match known.iter().any(|folder| root.join(folder).is_dir()) {
            true => Ok(()),
            false => Err(Diagnostic::new(format!(
                "{} is neither a source repository (base/, overlays/) nor an environment repository",
                root.display()
            ))
            .help("run dirops in one, or name it with --source or --into")),
        }
    }
}

fn is_source(folder: &Path) -> bool {
    folder.join("base").is_dir() && folder.join("overlays").is_dir()
}
