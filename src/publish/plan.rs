//! What must change in an environment repository, worked out once and then only carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Digest, FileSet, Found, Receipt, RelativePath, Target};
use crate::diagnostic::Diagnostic;

/// What must change for one environment.
#[derive(Debug)]
pub struct Plan {
    /// The environment.
    pub environment: String,
    /// The files to write and delete, sorted by path.
    pub changes: Vec<Change>,
    /// What stands in the way.
    pub conflicts: Vec<Conflict>,
    /// How many files are as they should be.
    pub unchanged: usize,
    /// Folders in the repository that are there.
    pub folders: BTreeSet<String>,
    /// The receipts to write, where the one that is there is not the right one.
    pub receipts: Option<Receipts>,
}

/// A file to write or delete.
#[derive(Debug)]
pub struct Change {
    /// The file.
    pub path: RelativePath,
    /// What is the matter with it.
    pub kind: ChangeKind,
    /// What it must hold; nothing where it must go.
    pub content: Option<Vec<u8>>,
}

/// Why a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is not there.
    Missing,
    /// It is as an earlier render left it, or was taken over.
    Outdated,
    /// It is as nobody but people left it.
    Edited,
    /// Nothing renders it any more.
    Stale,
}

/// A file that may not be touched without leave.
#[derive(Debug)]
pub struct Conflict {
    /// The file.
    pub path: RelativePath,
    /// What is the matter with it.
    pub kind: ConflictKind,
}

/// Why a file may not be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictKind {
    /// People changed it; `--force` overwrites it.
    Edited,
    /// dirops does not own it; `--adopt` takes it over.
    NotOwned,
    /// It belongs to an environment of another source repository; `--adopt` takes it over.
    OtherSource(String),
    /// A folder, or a link on the way to it: nothing but people can remove it.
    InTheWay(&'static str),
}

/// What the user gave leave to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Permissions {
    /// Overwriting what people changed.
    pub force: bool,
    /// Taking over files that dirops does not own.
    pub adopt: bool,
}

/// What to write over a receipt: before the files, and after them (nothing where the environment is gone).
#[derive(Debug)]
pub struct Receipts {
    /// Before the files.
    pub begun: Receipt,
    /// After the files.
    pub done: Option<Receipt>,
}

/// Returns what must change for an environment to hold exactly these files; for one that is gone, none.
///
/// # Errors
/// Where the repository or the receipt in it cannot be read.
pub fn plan(
    target: &dyn Target,
    source: &str,
    environment: &str,
    files: Option<FileSet>,
    permissions: Permissions,
) -> Result<Plan, Diagnostic> {
    let before = target.receipt(environment)?;
    let gone = files.is_none();
    let mut planner = Planner {
        target,
        permissions,
        receipt: before.as_ref(),
        plan: Plan {
            environment: environment.to_owned(),
            changes: Vec::new(),
            conflicts: Vec::new(),
            unchanged: 0,
            folders: BTreeSet::new(),
            receipts: None,
        },
        digests_before: BTreeMap::new(),
        digests_after: BTreeMap::new(),
    };
    planner.refuse_other_source(source, environment)?;
    let files = files.unwrap_or_default();
    planner.stale_files(&files)?;
    for (path, content) in files {
        planner.file(path, content)?;
    }
    let Planner { mut plan, digests_before, digests_after, .. } = planner;
    plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
    let done = Receipt::new(source, environment, digests_after);
    if gone || before.as_ref() != Some(&done) {
        plan.receipts = Some(Receipts { begun: done.begun(digests_before), done: (!gone).then_some(done) });
    }
    Ok(plan)
}

struct Planner<'a> {
    target: &'a dyn Target,
    permissions: Permissions,
    receipt: Option<&'a Receipt>,
    plan: Plan,
    /// What owned files hold now, by path.
    digests_before: BTreeMap<String, Digest>,
    /// What they must hold.
    digests_after: BTreeMap<String, Digest>,
}

impl Planner<'_> {
    fn refuse_other_source(&mut self, source: &str, environment: &str) -> Result<(), Diagnostic> {
        let other = self.receipt.map(|receipt| &receipt.source).filter(|other| *other != source);
        if let (Some(other), false) = (other, self.permissions.adopt) {
            let path =
                RelativePath::new(Receipt::path(environment)).map_err(|error| Diagnostic::new(error.to_string()))?;
            self.conflict(path, ConflictKind::OtherSource(other.clone()));
        }
        Ok(())
    }

    fn stale_files(&mut self, files: &FileSet) -> Result<(), Diagnostic> {
        let owned = self.receipt.map(Receipt::paths).unwrap_or_default();
        for path in owned.into_iter().filter(|path| !files.contains(path)) {
            let digest = match self.target.look(&path, &mut self.plan.folders)? {
                Found::Nothing | Found::InTheWay(_) => continue,
                Found::Link => None,
                Found::File => Some(Digest::of(&self.target.read(&path)?)),
            };
            let ours = digest.as_ref().is_some_and(|digest| self.wrote(&path, digest));
            if !ours && !self.permissions.force {
                self.conflict(path, ConflictKind::Edited);
                continue;
            }
            self.remember_before(&path, digest);
            self.change(path, ChangeKind::Stale, None);
        }
        Ok(())
    }

    fn file(&mut self, path: RelativePath, content: Vec<u8>) -> Result<(), Diagnostic> {
        let after = Digest::of(&content);
        self.digests_after.insert(path.as_str().to_owned(), after.clone());
        let owned = self.receipt.is_some_and(|receipt| receipt.owns(&path));
        let kind = match self.target.look(&path, &mut self.plan.folders)? {
            Found::InTheWay(what) => {
                self.conflict(path, ConflictKind::InTheWay(what));
                return Ok(());
            }
            Found::Nothing => ChangeKind::Missing,
            Found::Link | Found::File if !owned && !self.permissions.adopt => {
                self.conflict(path, ConflictKind::NotOwned);
                return Ok(());
            }
            Found::Link => ChangeKind::Edited,
            Found::File => {
                let found = self.target.read(&path)?;
                if found == content {
                    self.remember_before(&path, Some(after));
                    self.plan.unchanged += 1;
                    return Ok(());
                }
                let digest = Digest::of(&found);
                let ours = !owned || self.wrote(&path, &digest);
                self.remember_before(&path, Some(digest));
                if ours { ChangeKind::Outdated } else { ChangeKind::Edited }
            }
        };
        if kind == ChangeKind::Edited && owned && !self.permissions.force {
            self.conflict(path, ConflictKind::Edited);
        } else {
            self.change(path, kind, Some(content));
        }
        Ok(())
    }

    fn wrote(&self, path: &RelativePath, digest: &Digest) -> bool {
        self.receipt.is_some_and(|receipt| receipt.wrote(path, digest))
    }

    fn remember_before(&mut self, path: &RelativePath, digest: Option<Digest>) {
        if let Some(digest) = digest {
            self.digests_before.insert(path.as_str().to_owned(), digest);
        }
    }

    fn change(&mut self, path: RelativePath, kind: ChangeKind, content: Option<Vec<u8>>) {
        self.plan.changes.push(Change { path, kind, content });
    }

    fn conflict(&mut self, path: RelativePath, kind: ConflictKind) {
        self.plan.conflicts.push(Conflict { path, kind });
    }
}
