//! A tree that remembers what was asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Listed, Tree, TreeError};

/// A tree that remembers which files were read and which folders were listed, those that were not there among them: as
/// long as none of that changes, whoever asked would get the same answers.
pub struct Recorded<'a> {
    below: &'a dyn Tree,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    files: BTreeSet<String>,
    /// The names in each folder.
    folders: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Recorded<'a> {
    /// Returns a tree that answers as `below` does.
    pub fn new(below: &'a dyn Tree) -> Self {
        Self { below, asked: Mutex::default() }
    }

    /// Returns the files that were read, or would have been if they were there, sorted.
    pub fn files(&self) -> Vec<String> {
        self.asked().files.iter().cloned().collect()
    }

    /// Returns whether an answer may have been another before this path changed: its file was read, something below it
    /// was, or it is gone from a folder that was listed. What was listed and not read is of no account.
    pub fn depends_on(&self, path: &str) -> bool {
        let asked = self.asked();
        let below = format!("{path}/");
        let is_below = |asked: Option<&String>| asked.is_some_and(|asked| asked.starts_with(&below));
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        asked.files.contains(path)
            || is_below(asked.files.range(below.clone()..).next())
            || is_below(asked.folders.range(below.clone()..).next().map(|(folder, _)| folder))
            || asked.folders.contains_key(path)
            || asked.folders.get(folder).is_some_and(|names| !names.contains(name))
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tree for Recorded<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        self.asked().files.insert(path.to_owned());
        self.below.read(path, limit)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let listed = self.below.list(folder);
        let entries = listed.as_ref().ok().and_then(Option::as_ref).into_iter().flatten();
        let names = entries.map(|entry| entry.name.clone()).collect();
        self.asked().folders.insert(folder.to_owned(), names);
        listed
    }

    fn environment_repository(&self) -> Option<&str> {
        self.below.environment_repository()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Edited, Embedded};

    #[test]
    fn what_was_read_listed_or_absent_is_remembered() {
        let files = ["a/read", "a/listed", "b/c/read"].map(|path| (path.to_owned(), Vec::new()));
        let tree = Edited::new(&Embedded, files);
        let recorded = Recorded::new(&tree);
        assert!(!recorded.depends_on("a/read"));
        recorded.read("a/read", 1).unwrap();
        recorded.read("a/absent", 1).unwrap();
        recorded.read("b/c/read", 1).unwrap();
        recorded.list("a").unwrap();
        recorded.list("nowhere").unwrap();
        for path in ["a/read", "a/absent", "b/c/read", "b/c", "b", "a", "a/gone", "nowhere/gone", "nowhere"] {
            assert!(recorded.depends_on(path), "{path}");
        }
        for path in ["a/listed", "b/c/other", "b/other", "a/listed/x", "c", "nowhere/x/y"] {
            assert!(!recorded.depends_on(path), "{path}");
        }
        assert_eq!(recorded.files(), ["a/absent", "a/read", "b/c/read"]);
    }
}
