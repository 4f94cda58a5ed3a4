//! A tree as it would be with other files in it, or without some.

use std::collections::BTreeMap;

use super::{Listed, Tree, TreeError};

/// A tree with some files added, replaced or removed, so that an edit can be judged before it is made.
pub struct Edited<'a> {
    below: &'a dyn Tree,
    /// What each file holds; nothing where it is removed.
    files: BTreeMap<String, Option<Vec<u8>>>,
}

impl<'a> Edited<'a> {
    /// Returns the tree `below` with these files, by path.
    pub fn new(below: &'a dyn Tree, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self { below, files: files.into_iter().map(|(path, content)| (path, Some(content))).collect() }
    }

    /// Returns the tree without these files as well.
    #[must_use]
    pub fn without(mut self, paths: impl IntoIterator<Item = String>) -> Self {
        self.files.extend(paths.into_iter().map(|path| (path, None)));
        self
    }
}

impl Tree for Edited<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.files.get(path) {
            None => self.below.read(path, limit),
            Some(Some(content)) if content.len() as u64 > limit => {
                Err(TreeError::TooLarge { size: content.len() as u64, limit })
            }
            Some(content) => Ok(content.clone()),
        }
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let inside = self.files.iter().filter_map(|(path, content)| {
            let rest = path.strip_prefix(folder)?.strip_prefix('/')?;
            let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            // A folder stays, whatever is removed from it.
            (content.is_some() || !is_folder).then_some((name, content.is_some(), is_folder))
        });
        let mut edited = BTreeMap::new();
        for (name, is_there, is_folder) in inside {
            *edited.entry(name).or_default() = is_there.then_some(is_folder);
        }
        let below = self.below.list(folder)?;
        if edited.is_empty() {
            return Ok(below);
        }
        let kept = below.unwrap_or_default().into_iter().filter(|listed| !edited.contains_key(listed.name.as_str()));
        let mut listed: Vec<Listed> = kept.collect();
        let added = edited.into_iter().filter_map(|(name, is_folder)| {
            Some(Listed { name: name.to_owned(), is_folder: is_folder?, is_link: false })
        });
        listed.extend(added);
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(listed))
    }

    fn environment_repository(&self) -> Option<&str> {
        self.below.environment_repository()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::WorkTree;

    #[test]
    fn added_files_stand_among_the_others() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/old"), "old").unwrap();
        std::fs::write(folder.path().join("a/z"), "z").unwrap();
        let work = WorkTree::new(folder.path());
        let files = [("a/old", "new"), ("a/b/c", "c"), ("d/e", "e")];
        let tree = Edited::new(&work, files.map(|(path, text)| (path.to_owned(), text.into())));
        let names_of = |tree: &Edited<'_>, folder: &str| {
            let listed = tree.list(folder).unwrap();
            listed.map(|listed| listed.into_iter().map(|entry| (entry.name, entry.is_folder)).collect::<Vec<_>>())
        };
        let entry = |name: &str, is_folder| (name.to_owned(), is_folder);
        assert_eq!(names_of(&tree, "a"), Some(vec![entry("b", true), entry("old", false), entry("z", false)]));
        assert_eq!(names_of(&tree, "d"), Some(vec![entry("e", false)]));
        assert_eq!(names_of(&tree, "f"), None);
        assert_eq!(tree.read("a/old", 3).unwrap(), Some(b"new".to_vec()));
        assert!(tree.read("a/old", 2).is_err());
        assert_eq!(tree.read("a/z", 9).unwrap(), Some(b"z".to_vec()));

        let tree = tree.without(["a/old".to_owned(), "a/z".to_owned(), "g/h".to_owned()]);
        assert_eq!(names_of(&tree, "a"), Some(vec![entry("b", true)]));
        assert_eq!(tree.read("a/z", 9).unwrap(), None);
    }
}
