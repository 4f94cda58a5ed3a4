//! Where files are read from.
//!
//! Everything above this module reads through [`Tree`] and does not know whether it is a folder on a disk.

mod edited;
mod embedded;
mod object;
mod recorded;
mod repositories;
mod revision;
mod work;

use std::fmt;
use std::io;

pub use edited::Edited;
pub use embedded::Embedded;
pub use recorded::Recorded;
pub use repositories::{Repositories, in_environment_repository, is_in_environment_repository, on_disk};
pub use revision::{Revision, changed_since};
pub use work::WorkTree;

/// A tree of files. Paths are relative to its root, with `/` between their parts.
pub trait Tree: Sync {
    /// Returns the content of a file, or nothing where there is none.
    ///
    /// # Errors
    /// Where the file is larger than `limit` bytes or cannot be read.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError>;

    /// Returns what stands in a folder, sorted by name, or nothing where there is no such folder.
    ///
    /// # Errors
    /// Where the folder cannot be read or holds a name that is not UTF-8.
    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError>;

    /// Returns what has a name in a folder, or nothing where there is none.
    ///
    /// # Errors
    /// As [`Self::list`].
    fn find(&self, folder: &str, name: &str) -> Result<Option<Listed>, TreeError> {
        Ok(self.list(folder)?.and_then(|listed| listed.into_iter().find(|entry| entry.name == name)))
    }

    /// Returns the folder that the paths of the environment repository's files begin with, where the tree has them.
    fn environment_repository(&self) -> Option<&str> {
        None
    }
}

impl<T: Tree + ?Sized> Tree for &T {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        (**self).read(path, limit)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        (**self).list(folder)
    }

    fn find(&self, folder: &str, name: &str) -> Result<Option<Listed>, TreeError> {
        (**self).find(folder, name)
    }

    fn environment_repository(&self) -> Option<&str> {
        (**self).environment_repository()
    }
}

/// A file or folder in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name, without the folder.
    pub name: String,
    /// Whether it is a folder, links followed.
    pub is_folder: bool,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

/// Why something could not be read.
#[derive(Debug)]
pub enum TreeError {
    /// The file is larger than this many bytes may be.
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The operating system refused.
    Io(io::Error),
    /// A name in a folder is not UTF-8; this is its nearest spelling.
    Name(String),
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size, limit } => {
                write!(f, "it has {size} bytes, and no more than {limit} are read")
            }
            Self::Io(error) => error.fmt(f),
            Self::Name(name) => write!(f, "the name `{name}` in it is not UTF-8"),
        }
    }
}

impl std::error::Error for TreeError {}
