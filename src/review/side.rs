//! What is compared: two states of a repository, or of a folder or file with manifests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::tree::{Revision, Tree, WorkTree};

/// The largest file that two folders are compared by, in bytes.
const SIZE_LIMIT: u64 = 64 << 20;

/// One of the two states.
pub struct Side {
    /// What to call it.
    pub name: String,
    /// Its files.
    pub files: Files,
}

/// Where the files of a state are.
pub enum Files {
    /// A Git revision.
    Revision(Revision),
    /// A folder on the disk.
    Folder(WorkTree),
    /// One file on the disk.
    File(WorkTree, String),
}

/// Which two states to compare, as somebody wrote them.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// The first: a revision, a range, a folder or a file.
    pub base: Option<String>,
    /// The second.
    pub head: Option<String>,
}

impl Side {
    /// Returns the files as a tree.
    pub fn tree(&self) -> &dyn Tree {
        match &self.files {
            Files::Revision(revision) => revision,
            Files::Folder(folder) | Files::File(folder, _) => folder,
        }
    }

    /// Returns whether it is one file alone.
    pub fn is_file(&self) -> bool {
        matches!(self.files, Files::File(..))
    }

    fn revision(folder: &Path, name: &str) -> Result<Self, Diagnostic> {
        Ok(Self { name: name.to_owned(), files: Files::Revision(Revision::open(folder, name)?) })
    }

    /// Returns the state of another revision in the same repository.
    fn other(&self, folder: &Path, name: &str) -> Result<Self, Diagnostic> {
        match &self.files {
            Files::Revision(revision) => {
                Ok(Self { name: name.to_owned(), files: Files::Revision(revision.other(name)?) })
            }
            _ => Self::revision(folder, name),
        }
    }

    fn work_tree(folder: &Path) -> Self {
        Self { name: "the work tree".into(), files: Files::Folder(WorkTree::confined(folder)) }
    }

    /// Returns the state that a word on the command line names: a revision, or a folder or file on the disk.
    fn named(folder: &Path, name: &str) -> Result<Self, Diagnostic> {
        let path = PathBuf::from(name);
        let is_path = is_path(name);
        let revision = if is_path { None } else { Revision::open(folder, name).ok() };
        if let Some(revision) = revision {
            return Ok(Self { name: name.to_owned(), files: Files::Revision(revision) });
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                Ok(Self { name: name.to_owned(), files: Files::Folder(WorkTree::confined(path)) })
            }
            Ok(_) => {
                let parent = path.parent().map(Path::to_path_buf).unwrap_or_default();
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok(Self { name: name.to_owned(), files: Files::File(WorkTree::new(parent), file) })
            }
            // What Git says of the name is what helps then.
            Err(_) => Self::revision(folder, name).map_err(|problem| match is_path {
                true => Diagnostic::new(format!("`{name}` is not there")),
                false => problem.help("name a revision, a range such as main...HEAD, or a folder"),
            }),
        }
    }
}

/// Returns the two states that a range names; by default the last commit and the work tree.
///
/// # Errors
/// Where one of them is not there.
pub fn sides(folder: &Path, range: &Range) -> Result<(Side, Side), Diagnostic> {
    let base = range.base.as_deref().unwrap_or("HEAD");
    if let (Some((one, other)), None) = (base.split_once("..."), &range.head) {
        let (one, other) = (or_head(one), or_head(other));
        let start = Side {
            name: format!("{one}...{other}"),
            files: Files::Revision(Revision::merge_base(folder, one, other)?),
        };
        let after = start.other(folder, other)?;
        return Ok((Side { name: one.to_owned(), ..start }, after));
    }
    if let (Some((one, other)), None, false) = (base.split_once(".."), &range.head, is_path(base)) {
        let before = Side::revision(folder, or_head(one))?;
        let after = before.other(folder, or_head(other))?;
        return Ok((before, after));
    }
    let before = Side::named(folder, base)?;
    let after = match &range.head {
        Some(head) => match before.other(folder, head) {
            Ok(after) if matches!(before.files, Files::Revision(_)) && !is_path(head) => after,
            _ => Side::named(folder, head)?,
        },
        None => Side::work_tree(folder),
    };
    Ok((before, after))
}

/// Returns whether a word can only be a path.
fn is_path(name: &str) -> bool {
    name.starts_with(['.', '/']) || Path::new(name).is_absolute()
}

fn or_head(name: &str) -> &str {
    if name.is_empty() { "HEAD" } else { name }
}

/// Returns the paths of the files that are not the same in two states, sorted.
///
/// # Errors
/// Where one of them cannot be read.
pub fn changed(before: &Side, after: &Side, folder: &Path) -> Result<BTreeSet<String>, Diagnostic> {
    match (&before.files, &after.files) {
        (Files::Revision(a), Files::Revision(b)) => a.changed(b),
        (Files::Revision(revision), Files::Folder(work)) if work.root() == folder => revision.changed_in_work_tree(),
        _ => {
            let mut changed = BTreeSet::new();
            differing(before.tree(), after.tree(), "", &mut changed)?;
            differing(after.tree(), before.tree(), "", &mut changed)?;
            Ok(changed)
        }
    }
}

/// Adds the files of a tree that another does not have, or not with the same content.
fn differing(
    tree: &dyn Tree,
    other: &dyn Tree,
    folder: &str,
    changed: &mut BTreeSet<String>,
) -> Result<(), Diagnostic> {
    let unreadable =
        |path: &str, error: &dyn std::error::Error| Diagnostic::new(format!("`{path}` cannot be read: {error}"));
    for entry in tree.list(folder).map_err(|error| unreadable(folder, &error))?.unwrap_or_default() {
        let path = if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
        if entry.is_folder {
            // A linked folder could lead in a circle.
            if entry.name != ".git" && !entry.is_link {
                differing(tree, other, &path, changed)?;
            }
            continue;
        }
        let read = |tree: &dyn Tree| tree.read(&path, SIZE_LIMIT).map_err(|error| unreadable(&path, &error));
        if !changed.contains(&path) && read(tree)? != read(other)? {
            changed.insert(path);
        }
    }
    Ok(())
}

/// Returns the paths of all files of a tree that may hold manifests, sorted.
///
/// # Errors
/// Where a folder cannot be read.
pub fn manifests(tree: &dyn Tree) -> Result<Vec<String>, Diagnostic> {
    let mut found = Vec::new();
    collect(tree, "", &mut found)?;
    Ok(found)
}

fn collect(tree: &dyn Tree, folder: &str, found: &mut Vec<String>) -> Result<(), Diagnostic> {
    let listed = tree.list(folder).map_err(|error| Diagnostic::new(format!("`{folder}` cannot be read: {error}")))?;
    for entry in listed.unwrap_or_default() {
        let path = if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
        if entry.is_folder {
            if !entry.is_link && !entry.name.starts_with('.') {
                collect(tree, &path, found)?;
            }
        } else if is_yaml(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Returns whether a file's name says that it holds YAML or JSON.
pub fn is_yaml(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}
