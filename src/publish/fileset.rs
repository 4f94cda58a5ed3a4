//! Files by path, before they are anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A path that stays below the folder that it is relative to, on every system, with `/` between its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

/// Why a text is not a path below a folder, or cannot stand beside the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    path: String,
    why: &'static str,
}

impl RelativePath {
    /// Returns the path.
    ///
    /// # Errors
    /// Where it is absolute, climbs (`..`), or has a part that is empty or has characters that file systems refuse.
    pub fn new(path: impl Into<String>) -> Result<Self, PathError> {
        let path = path.into();
        let part_error = |part: &str| match part {
            "" => Some("is absolute or has an empty part"),
            "." | ".." => Some("has a part that climbs"),
            _ if part.contains(['\\', ':']) => Some("has a `\\` or `:`"),
            _ if part.chars().any(char::is_control) => Some("has a control character"),
            _ if part.len() > 255 => Some("has a part of more than 255 bytes"),
            _ => None,
        };
        match path.split('/').find_map(part_error) {
            Some(why) => Err(PathError { path, why }),
            None => Ok(Self(path)),
        }
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the folders above the path, the outermost first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(end, _)| &self.0[..end])
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the path {:?} {}", self.path, self.why)
    }
}

impl std::error::Error for PathError {}

/// Files by path, in order.
#[derive(Clone, Debug, Default)]
pub struct FileSet {
    files: BTreeMap<RelativePath, Vec<u8>>,
    folded: BTreeSet<String>,
}

impl FileSet {
    /// Adds a file.
    ///
    /// # Errors
    /// Where the path leaves the folder, or a file system that ignores case takes it for one that is there already.
    pub fn insert(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Result<(), PathError> {
        let path = RelativePath::new(path)?;
        if !self.folded.insert(path.as_str().to_lowercase()) {
            return Err(PathError { path: path.0, why: "is taken by another file, letter case aside" });
        }
        self.files.insert(path, content.into());
        Ok(())
    }

    /// Returns the files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RelativePath, &[u8])> {
        self.files.iter().map(|(path, content)| (path, content.as_slice()))
    }

    /// Returns whether there is a file at `path`.
    pub fn contains(&self, path: &RelativePath) -> bool {
        self.files.contains_key(path)
    }
}

impl IntoIterator for FileSet {
    type Item = (RelativePath, Vec<u8>);
    type IntoIter = std::collections::btree_map::IntoIter<RelativePath, Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_their_folder() {
        for path in ["a", "a/b.yaml", ".dirops/receipts/prod.json", "a/..b"] {
            assert!(RelativePath::new(path).is_ok(), "{path}");
        }
        for path in ["", "/etc/passwd", "a//b", "a/../b", "..", "a/.", "a\\b", "C:/x", "a\nb", "a/"] {
            assert!(RelativePath::new(path).is_err(), "{path}");
        }
    }

    #[test]
    fn case_twins_are_refused() {
        let mut files = FileSet::default();
        files.insert("a/B.yaml", "").unwrap();
        assert!(files.insert("A/b.yaml", "").is_err());
    }
}
