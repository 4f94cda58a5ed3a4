//! The environment repository as a Git tree: read and written in the object database, without a work tree.
//!
//! A new tree is made from the one that is there by changing the paths concerned. Whatever else it holds, links,
//! submodules and modes of files, stays as it is; folders that nothing is written to are not even read.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Repository};

use super::{Found, Plan, Receipt, RelativePath, Target};
use crate::diagnostic::Diagnostic;

/// An environment repository as a Git tree.
pub struct GitTree {
    repository: PathBuf,
    id: Oid,
    // libgit2's repositories may move between threads and not be used by two at once: each use takes one out.
    handles: Mutex<Vec<Repository>>,
    /// The folders that were looked into, by path.
    folders: Mutex<HashMap<String, Arc<Folder>>>,
}

/// What stands in a folder, by name.
type Folder = HashMap<Vec<u8>, Entry>;

#[derive(Clone, Copy)]
enum Entry {
    Folder(Oid),
    File(Oid),
    Link,
    Submodule,
}

/// One path of a tree that changes: the blob to put there, or nothing where the file must go.
#[derive(Debug)]
pub struct Edit {
    path: RelativePath,
    blob: Option<Oid>,
}

impl GitTree {
    /// Returns the tree of a commit, or the tree with that id, in the repository in a folder; without a commit, the empty
    /// tree of a repository that has none yet.
    ///
    /// # Errors
    /// Where there is no such repository or commit.
    pub fn open(repository: &Path, commit: Option<Oid>) -> Result<Self, Diagnostic> {
        let failed = |error: git2::Error| {
            Diagnostic::new(format!("{} cannot be read as a Git repository: {}", repository.display(), error.message()))
        };
        let handle = Repository::open(repository).map_err(failed)?;
        let id = match commit {
            Some(commit) => {
                let object = handle.find_object(commit, None).map_err(failed)?;
                object.peel(ObjectType::Tree).map_err(failed)?.id()
            }
            None => handle.treebuilder(None).and_then(|builder| builder.write()).map_err(failed)?,
        };
        let repository = handle.path().to_owned();
        Ok(Self { repository, id, handles: Mutex::new(vec![handle]), folders: Mutex::default() })
    }

    /// Returns the id of the tree.
    pub fn id(&self) -> Oid {
        self.id
    }

    /// Writes the contents of a plan to the repository and returns what makes the tree from them.
    ///
    /// # Errors
    /// Where the repository cannot be written to.
    pub fn add(&self, plan: Plan) -> Result<Vec<Edit>, Diagnostic> {
        let mut edits = Vec::with_capacity(plan.changes.len() + 1);
        for change in plan.changes {
            let blob = change.content.map(|content| self.write(&content)).transpose()?;
            edits.push(Edit { path: change.path, blob });
        }
        // A commit comes as a whole: the receipt that announces it is not needed.
        if let Some(receipts) = plan.receipts {
            let path =
                RelativePath::new(Receipt::path(&plan.environment)).map_err(|e| Diagnostic::new(e.to_string()))?;
            let blob = receipts.done.map(|receipt| self.write(receipt.to_json().as_bytes())).transpose()?;
            let is_there = self.look(&path, &mut BTreeSet::new())? != Found::Nothing;
            if blob.is_some() || is_there {
                edits.push(Edit { path, blob });
            }
        }
        Ok(edits)
    }

    /// Returns the edit that puts one more file into the tree.
    ///
    /// # Errors
    /// Where something is at the path that no file can replace, or the repository cannot be written to.
    pub fn file(&self, path: &str, content: &[u8]) -> Result<Edit, Diagnostic> {
        let path = RelativePath::new(path).map_err(|error| Diagnostic::new(error.to_string()))?;
        match self.look(&path, &mut BTreeSet::new())? {
            Found::Nothing | Found::File => Ok(Edit { blob: Some(self.write(content)?), path }),
            Found::Link => Err(Diagnostic::new(format!("{path} cannot be written: it is a symbolic link"))),
            Found::InTheWay(what) => {
                Err(Diagnostic::new(format!("{path} cannot be written: {what} is in the way")).help("remove it"))
            }
        }
    }

    /// Returns the edit that takes a file out of the tree.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn without(&self, path: &str) -> Result<Edit, Diagnostic> {
        let path = RelativePath::new(path).map_err(|error| Diagnostic::new(error.to_string()))?;
        match self.look(&path, &mut BTreeSet::new())? {
            Found::File | Found::Link => Ok(Edit { path, blob: None }),
            Found::Nothing | Found::InTheWay(_) => Err(Diagnostic::new(format!("there is no file {path} to remove"))),
        }
    }

    /// Returns the id of the tree with these edits made.
    ///
    /// # Errors
    /// Where two of them do not go together, or the repository cannot be written to.
    pub fn edited(&self, edits: impl IntoIterator<Item = Edit>) -> Result<Oid, Diagnostic> {
        let mut builder = TreeUpdateBuilder::new();
        let mut is_empty = true;
        for Edit { path, blob } in edits {
            is_empty = false;
            match blob {
                Some(blob) => builder.upsert(path.as_str(), blob, FileMode::Blob),
                None => builder.remove(path.as_str()),
            };
        }
        if is_empty {
            return Ok(self.id);
        }
        self.with(|repository| builder.create_updated(repository, &repository.find_tree(self.id)?))
            .map_err(|error| Diagnostic::new(format!("the Git tree cannot be written: {}", error.message())))
    }

    fn write(&self, content: &[u8]) -> Result<Oid, Diagnostic> {
        self.with(|repository| repository.blob(content)).map_err(|error| {
            Diagnostic::new(format!("{} cannot be written to: {}", self.repository.display(), error.message()))
                .help("nothing refers to what was written so far; make room and try again")
        })
    }

    /// Does something with a handle of the repository that nobody else uses meanwhile.
    fn with<T>(&self, work: impl FnOnce(&Repository) -> Result<T, git2::Error>) -> Result<T, git2::Error> {
        let handle = self.handles.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let handle = match handle {
            Some(handle) => handle,
            None => Repository::open(&self.repository)?,
        };
        let result = work(&handle);
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        result
    }

    /// Returns what stands at a path whose folders are all real ones.
    fn entry(&self, path: &str) -> Result<Option<Entry>, Diagnostic> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok(self.folder(folder)?.and_then(|folder| folder.get(name.as_bytes()).copied()))
    }

    /// Returns what stands in a folder, if it is one.
    fn folder(&self, path: &str) -> Result<Option<Arc<Folder>>, Diagnostic> {
        let known = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let id = match path {
            "" => self.id,
            path => match self.entry(path)? {
                Some(Entry::Folder(id)) => id,
                _ => return Ok(None),
            },
        };
        let folder = Arc::new(self.with(|repository| list(repository, id)).map_err(|error| unreadable(path, &error))?);
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), folder.clone());
        Ok(Some(folder))
    }
}

impl Target for GitTree {
    fn look(&self, path: &RelativePath, _folders: &mut BTreeSet<String>) -> Result<Found, Diagnostic> {
        for folder in path.folders() {
            match self.entry(folder)? {
                Some(Entry::Folder(_)) => {}
                Some(Entry::Link) => return Ok(Found::InTheWay("a symbolic link where a folder must be")),
                Some(Entry::File(_)) => return Ok(Found::InTheWay("a file where a folder must be")),
                Some(Entry::Submodule) => return Ok(Found::InTheWay("a submodule where a folder must be")),
                None => return Ok(Found::Nothing),
            }
        }
        Ok(match self.entry(path.as_str())? {
            None => Found::Nothing,
            Some(Entry::File(_)) => Found::File,
            Some(Entry::Link) => Found::Link,
            Some(Entry::Folder(_)) => Found::InTheWay("a folder"),
            Some(Entry::Submodule) => Found::InTheWay("a submodule"),
        })
    }

    fn read(&self, path: &RelativePath) -> Result<Vec<u8>, Diagnostic> {
        let Some(Entry::File(id)) = self.entry(path.as_str())? else {
            return Err(Diagnostic::new(format!("{path} cannot be read: it is no file")));
        };
        self.with(|repository| Ok(repository.find_blob(id)?.content().to_vec()))
            .map_err(|error| unreadable(path.as_str(), &error))
    }

    fn environments(&self) -> Result<Vec<String>, Diagnostic> {
        let folder = self.folder(Receipt::FOLDER)?;
        let names = folder.iter().flat_map(|folder| folder.keys()).filter_map(|name| std::str::from_utf8(name).ok());
        let mut environments: Vec<_> = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
        environments.sort_unstable();
        Ok(environments)
    }
}

fn list(repository: &Repository, tree: Oid) -> Result<Folder, git2::Error> {
    let tree = repository.find_tree(tree)?;
    let entries = tree.iter().map(|entry| {
        let is_link = entry.filemode() == i32::from(FileMode::Link);
        let kind = match entry.kind() {
            Some(ObjectType::Tree) => Entry::Folder(entry.id()),
            Some(ObjectType::Commit) => Entry::Submodule,
            _ if is_link => Entry::Link,
            _ => Entry::File(entry.id()),
        };
        (entry.name_bytes().to_vec(), kind)
    });
    Ok(entries.collect())
}

fn unreadable(path: &str, error: &git2::Error) -> Diagnostic {
    Diagnostic::new(format!("{path} cannot be read: {}", error.message()))
        .help("a shallow or damaged clone may lack it: fetch it anew")
}
