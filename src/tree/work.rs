//! A folder on a disk.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use walkdir::WalkDir;

use super::{Listed, Tree, TreeError};

/// The files of a folder, as they are at the moment of reading.
#[derive(Clone, Debug)]
pub struct WorkTree {
    root: PathBuf,
}

impl WorkTree {
    /// Returns the tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Tree for WorkTree {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let file = match File::open(self.root.join(path)) {
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
        let root = self.root.join(folder);
        match fs::metadata(&root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TreeError::Io(error)),
            Ok(_) => {}
        }
        fs::read_dir(&root).map_err(TreeError::Io)?;
        let entries = WalkDir::new(&root).min_depth(1).max_depth(1).follow_links(true).sort_by_file_name();
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| TreeError::Io(error.into()))?;
            let name = entry
                .file_name()
                .to_str()
                .ok_or_else(|| TreeError::Name(entry.file_name().to_string_lossy().into()))?;
            listed.push(Listed { name: name.to_owned(), is_folder: entry.file_type().is_dir() });
        }
        Ok(Some(listed))
    }
}
