//! A folder on a disk.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Listed, Tree, TreeError};

/// The files of a folder, as they are at the moment of reading.
#[derive(Clone, Debug)]
pub struct WorkTree {
    root: PathBuf,
    /// Whether only what is a file, and below the root once links are followed, is read.
    is_confined: bool,
}

impl WorkTree {
    /// Returns the tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), is_confined: false }
    }

    /// Returns the tree below `root`, for files that strangers may have put there: what a link to the outside leads to, a
    /// pipe or a device is not there.
    pub fn confined(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), is_confined: true }
    }

    fn is_inside(&self, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        let root = if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root };
        let is_below = real(root).zip(real(path)).is_some_and(|(root, path)| path.starts_with(root));
        is_below && path.is_file()
    }

    /// Returns the folder that the paths are relative to.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Tree for WorkTree {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let path = self.root.join(path);
        if self.is_confined && !self.is_inside(&path) {
            return Ok(None);
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TreeError::Io(error)),
        };
        let size = file.metadata().map_err(TreeError::Io)?.len();
        if size > limit {
            return Err(TreeError::TooLarge { size, limit });
        }
        let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        // A pipe or a file that grows does not tell its size beforehand.
        file.take(limit + 1).read_to_end(&mut content).map_err(TreeError::Io)?;
        match content.len() as u64 {
            size if size > limit => Err(TreeError::TooLarge { size, limit }),
            _ => Ok(Some(content)),
        }
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let entries = WalkDir::new(self.root.join(folder)).min_depth(1).max_depth(1).follow_links(true);
        let mut listed = Vec::new();
        for entry in entries.sort_by_file_name() {
            // A link to a folder that it stands in.
            if let Err(error) = &entry
                && error.loop_ancestor().is_some()
                && let Some(name) = error.path().and_then(Path::file_name).and_then(OsStr::to_str)
            {
                listed.push(Listed { name: name.to_owned(), is_folder: true, is_link: true });
                continue;
            }
            let entry = match entry.map_err(|error| (error.depth(), io::Error::from(error))) {
                Ok(entry) => entry,
                Err((0, error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err((_, error)) => return Err(TreeError::Io(error)),
            };
            let name = entry
                .file_name()
                .to_str()
                .ok_or_else(|| TreeError::Name(entry.file_name().to_string_lossy().into()))?;
            listed.push(Listed {
                name: name.to_owned(),
                is_folder: entry.file_type().is_dir(),
                is_link: entry.path_is_symlink(),
            });
        }
        Ok(Some(listed))
    }
}
