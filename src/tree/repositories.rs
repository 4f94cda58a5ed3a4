//! The source repository with the environment repository beside it.

use std::path::{Path, PathBuf};

use super::{Listed, Tree, TreeError, WorkTree};

/// The files of the source repository, and below a folder of their own those of the environment repository, whose
/// registry of partners environments may trust.
pub struct Repositories<'a> {
    source: Box<dyn Tree + 'a>,
    environments: Option<(String, Box<dyn Tree + 'a>)>,
}

impl<'a> Repositories<'a> {
    /// Returns the files of a source repository alone.
    pub fn new(source: impl Tree + 'a) -> Self {
        Self { source: Box::new(source), environments: None }
    }

    /// Puts the environment repository beside it. Its paths begin with `folder`, in messages as well.
    #[must_use]
    pub fn with_environments(mut self, folder: &str, tree: impl Tree + 'a) -> Self {
        // No path of the source begins so.
        let is_distinct = folder.starts_with('.') || Path::new(folder).has_root();
        let folder = folder.trim_end_matches('/');
        let folder = if is_distinct { folder.to_owned() } else { format!("./{folder}") };
        self.environments = Some((folder, Box::new(tree)));
        self
    }

    /// Returns the repositories in two folders of a disk.
    pub fn in_folders(source: &Path, environments: Option<&Path>) -> Self {
        let repositories = Self::new(WorkTree::new(source));
        match environments {
            Some(folder) => repositories.with_environments(&folder.to_string_lossy(), WorkTree::new(folder)),
            None => repositories,
        }
    }

    fn below<'p>(&self, path: &'p str) -> (&dyn Tree, &'p str) {
        let inside = self.environments.as_ref().and_then(|(folder, tree)| {
            let rest = path.strip_prefix(folder.as_str())?.strip_prefix('/')?;
            Some((&**tree, rest))
        });
        inside.unwrap_or((&*self.source, path))
    }
}

impl Tree for Repositories<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let (tree, path) = self.below(path);
        tree.read(path, limit)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let (tree, folder) = self.below(folder);
        tree.list(folder)
    }

    fn environment_repository(&self) -> Option<&str> {
        self.environments.as_ref().map(|(folder, _)| folder.as_str())
    }
}

/// Returns where a file of a tree is on the disk, if the tree's source repository is in `source`.
pub fn on_disk(tree: &dyn Tree, source: &Path, path: &str) -> PathBuf {
    match is_in_environment_repository(tree, path) {
        true => PathBuf::from(path),
        false => source.join(path),
    }
}

/// Returns whether a path is one of the environment repository.
pub fn is_in_environment_repository(tree: &dyn Tree, path: &str) -> bool {
    in_environment_repository(tree, path).is_some()
}

/// Returns the path that a file has in the environment repository itself, where it is of that one.
pub fn in_environment_repository<'p>(tree: &dyn Tree, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(tree.environment_repository()?)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Edited, Embedded};

    #[test]
    fn each_path_is_of_one_repository() {
        let file = |path: &str, text: &str| [(path.to_owned(), text.as_bytes().to_vec())];
        let source = Edited::new(&Embedded, file("onboarding/x", "source"));
        let other = Edited::new(&Embedded, file("onboarding/x", "other"));
        for (folder, path) in [("../other", "../other"), ("/abs/", "/abs"), ("onboarding", "./onboarding"), (".", ".")]
        {
            let files = |text: &str| file("onboarding/x", text);
            let both = Repositories::new(Edited::new(&source, files("source")))
                .with_environments(folder, Edited::new(&other, files("other")));
            let read = |path: &str| both.read(path, 9).unwrap().map(|content| String::from_utf8(content).unwrap());
            assert_eq!(both.environment_repository(), Some(path));
            assert_eq!(read("onboarding/x").as_deref(), Some("source"), "{folder}");
            assert_eq!(read(&format!("{path}/onboarding/x")).as_deref(), Some("other"), "{folder}");
            assert_eq!(both.list(&format!("{path}/onboarding")).unwrap().unwrap().last().unwrap().name, "x");
        }
    }

    #[test]
    fn files_are_found_on_the_disk() {
        let both = Repositories::new(Embedded).with_environments("../other", Embedded);
        assert_eq!(on_disk(&both, Path::new("here"), "base/x"), Path::new("here/base/x"));
        assert_eq!(on_disk(&both, Path::new("here"), "../other/x"), Path::new("../other/x"));
        assert_eq!(in_environment_repository(&both, "../other/x/y"), Some("x/y"));
        assert!(!is_in_environment_repository(&both, "../otherwise/x"));
    }
}
