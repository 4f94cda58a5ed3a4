//! The environment repository on a disk.
//!
//! Files are first staged below `.dirops/staging` and then renamed into place, so that a full disk is found out
//! before anything has changed and no file is ever half written. Links are never followed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Found, Plan, Receipt, RelativePath, Target};
use crate::diagnostic::Diagnostic;

const STAGING: &str = ".dirops/staging";

/// A folder that holds an environment repository.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Target for Disk {
    fn look(&self, path: &RelativePath, folders: &mut BTreeSet<String>) -> Result<Found, Diagnostic> {
        for folder in path.folders() {
            if folders.contains(folder) {
                continue;
            }
            match fs::symlink_metadata(self.root.join(folder)) {
                Ok(metadata) if metadata.is_dir() => folders.insert(folder.to_owned()),
                // Through a link, files outside of the repository could be reached.
                Ok(metadata) if metadata.is_symlink() => {
                    return Ok(Found::InTheWay("a symbolic link where a folder must be"));
                }
                Ok(_) => return Ok(Found::InTheWay("a file where a folder must be")),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
                Err(error) => return Err(failed("read", folder, &error)),
            };
        }
        match fs::symlink_metadata(self.root.join(path.as_str())) {
            Ok(metadata) if metadata.is_symlink() => Ok(Found::Link),
            Ok(metadata) if metadata.is_file() => Ok(Found::File),
            Ok(metadata) if metadata.is_dir() => Ok(Found::InTheWay("a folder")),
            Ok(_) => Ok(Found::InTheWay("something that is no file")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(failed("read", path.as_str(), &error)),
        }
    }

    fn read(&self, path: &RelativePath) -> Result<Vec<u8>, Diagnostic> {
        fs::read(self.root.join(path.as_str())).map_err(|error| failed("read", path.as_str(), &error))
    }

    fn environments(&self) -> Result<Vec<String>, Diagnostic> {
        let folder = match fs::read_dir(self.root.join(Receipt::FOLDER)) {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", Receipt::FOLDER, &error)),
        };
        let mut environments = Vec::new();
        for entry in folder {
            let entry = entry.map_err(|error| failed("read", Receipt::FOLDER, &error))?;
            let name = entry.file_name();
            if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".json")) {
                environments.push(name.to_owned());
            }
        }
        environments.sort_unstable();
        Ok(environments)
    }
}

impl Disk {
    /// Returns the repository in `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Begins to write: until the returned stage is dropped, nobody else can.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn stage(&self) -> Result<Stage<'_>, Diagnostic> {
        let root_is_new = !self.root.exists();
        let cannot = |error: &io::Error| {
            Diagnostic::new(format!("{} cannot be written to: {error}", self.root.display()))
                .help("nothing was changed; name another folder with --into, or make room in this one")
        };
        fs::create_dir_all(&self.root).map_err(|error| cannot(&error))?;
        let lock = lock(&self.root).map_err(|error| cannot(&error))?;
        let metadata = fs::symlink_metadata(self.root.join(".dirops"));
        if metadata.is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(Diagnostic::new(".dirops is a symbolic link: nothing was changed").help("remove it"));
        }
        let stage = Stage {
            target: self,
            root_is_new,
            written: AtomicUsize::new(0),
            folders: Mutex::new(Vec::new()),
            _lock: lock,
        };
        // What a killed render left behind.
        let staging = self.root.join(STAGING);
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(&error)),
            _ => fs::create_dir_all(&staging).map_err(|error| cannot(&error))?,
        }
        Ok(stage)
    }
}

/// Waits until no other process writes to the folder. The lock goes with the process, however that ends.
#[cfg(unix)]
fn lock(root: &Path) -> io::Result<fs::File> {
    let folder = fs::File::open(root)?;
    folder.lock()?;
    Ok(folder)
}

/// Folders cannot be locked here; two renders at once into one folder are the user's to avoid.
#[cfg(not(unix))]
fn lock(_root: &Path) -> io::Result<()> {
    Ok(())
}

/// Files on their way into the repository. What is staged when this is dropped is removed.
pub struct Stage<'a> {
    target: &'a Disk,
    root_is_new: bool,
    written: AtomicUsize,
    /// The folders that were made for the files, for removal where the files do not come.
    folders: Mutex<Vec<PathBuf>>,
    #[cfg(unix)]
    _lock: fs::File,
    #[cfg(not(unix))]
    _lock: (),
}

/// A plan whose contents are on the disk already, all but in place.
#[derive(Debug)]
pub struct Staged {
    changes: Vec<(RelativePath, Option<PathBuf>)>,
    receipt: Option<StagedReceipt>,
}

#[derive(Debug)]
struct StagedReceipt {
    path: PathBuf,
    begun: PathBuf,
    done: Option<PathBuf>,
}

impl Stage<'_> {
    /// Writes the contents of a plan where they are not in the way.
    ///
    /// # Errors
    /// Where the disk is full or refuses otherwise; nothing has changed then.
    pub fn add(&self, plan: Plan) -> Result<Staged, Diagnostic> {
        let mut staged = Staged { changes: Vec::with_capacity(plan.changes.len()), receipt: None };
        let mut folders = plan.folders;
        for change in plan.changes {
            let file = match &change.content {
                Some(content) => {
                    self.make_folders(&change.path, &mut folders)?;
                    Some(self.write(content)?)
                }
                None => None,
            };
            staged.changes.push((change.path, file));
        }
        if let Some(receipts) = plan.receipts {
            let path = Receipt::path(&plan.environment);
            let relative = RelativePath::new(path.clone()).map_err(|e| Diagnostic::new(e.to_string()))?;
            self.make_folders(&relative, &mut folders)?;
            staged.receipt = Some(StagedReceipt {
                path: self.target.root.join(path),
                begun: self.write(receipts.begun.to_json().as_bytes())?,
                done: match receipts.done {
                    Some(done) => Some(self.write(done.to_json().as_bytes())?),
                    None => None,
                },
            });
        }
        Ok(staged)
    }

    fn write(&self, content: &[u8]) -> Result<PathBuf, Diagnostic> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let path = self.target.root.join(STAGING).join(number.to_string());
        fs::write(&path, content).map_err(|error| {
            Diagnostic::new(format!("{} cannot be written to: {error}", self.target.root.display()))
                .help("nothing was changed; make room and render again")
        })?;
        Ok(path)
    }

    /// Makes the folders above a path, but for those that are known to be there.
    fn make_folders(&self, path: &RelativePath, known: &mut BTreeSet<String>) -> Result<(), Diagnostic> {
        for folder in path.folders() {
            if known.contains(folder) {
                continue;
            }
            let full = self.target.root.join(folder);
            match fs::create_dir(&full) {
                Ok(()) => self.folders.lock().unwrap_or_else(PoisonError::into_inner).push(full),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("made", folder, &error).help("nothing was changed")),
            }
            known.insert(folder.to_owned());
        }
        Ok(())
    }

    /// Ends the writing: what was made for the files stays.
    pub fn finish(self) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Puts a staged plan in place: the receipt that names everything, the files, the final receipt.
    ///
    /// # Errors
    /// Where the disk refuses. The next render completes what this one began.
    pub fn commit(&self, staged: Staged) -> Result<(), Diagnostic> {
        let root = &self.target.root;
        let put = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|error| {
                failed("put in place", &to.display().to_string(), &error)
                    .help("render again: that completes what was begun")
            })
        };
        if let Some(receipt) = &staged.receipt {
            put(&receipt.begun, &receipt.path)?;
        }
        let mut emptied = BTreeSet::new();
        for (path, file) in &staged.changes {
            let full = root.join(path.as_str());
            match file {
                Some(file) => put(file, &full)?,
                None => {
                    fs::remove_file(&full).map_err(|error| failed("removed", path.as_str(), &error))?;
                    emptied.extend(path.folders().map(|folder| root.join(folder)));
                }
            }
        }
        // Longer paths first: a folder is empty once those in it are gone. Those that are not empty stay.
        for folder in emptied.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
        match staged.receipt {
            Some(StagedReceipt { path, done: Some(done), .. }) => put(&done, &path),
            Some(StagedReceipt { path, done: None, .. }) => {
                fs::remove_file(&path).map_err(|error| failed("removed", &path.display().to_string(), &error))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Stage<'_> {
    /// Leaves nothing behind that was not put in place. What cannot be removed does no harm.
    fn drop(&mut self) {
        let root = &self.target.root;
        let _ = fs::remove_dir_all(root.join(STAGING));
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
        let _ = fs::remove_dir(root.join(".dirops"));
        if self.root_is_new {
            let _ = fs::remove_dir(root);
        }
    }
}

fn failed(action: &str, path: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::new(format!("{path} cannot be {action}: {error}"))
}
