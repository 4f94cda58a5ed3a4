//! Which of two commits comes first.

use git2::{ErrorCode, Oid, Repository};

use super::{Depth, Failure, Remote};
use crate::diagnostic::Diagnostic;

/// How much history is fetched, in commits, until it tells.
pub(super) const DEPTHS: [i32; 3] = [50, 500, 5000];

/// How one commit stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are the same.
    Same,
    /// The one descends from the other.
    Descends,
    /// The other descends from the one.
    Precedes,
    /// Neither descends from the other.
    Diverged,
    /// The history that is here does not tell.
    Unknown,
}

/// Returns how `one` stands to `other`, as far as the history in the repository tells.
///
/// # Errors
/// Where the repository cannot be read.
pub fn relation(repository: &Repository, one: Oid, other: Oid) -> Result<Relation, Diagnostic> {
    if one == other {
        return Ok(Relation::Same);
    }
    let descends = |commit: Oid, ancestor: Oid| match repository.graph_descendant_of(commit, ancestor) {
        Ok(descends) => Ok(descends),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(Diagnostic::new(format!("the history cannot be read: {}", error.message()))),
    };
    let is_here = |commit: Oid| repository.find_commit(commit).is_ok();
    Ok(match (is_here(one), is_here(other)) {
        (true, true) if descends(one, other)? => Relation::Descends,
        (true, true) if descends(other, one)? => Relation::Precedes,
        (true, true) if !repository.is_shallow() => Relation::Diverged,
        _ => Relation::Unknown,
    })
}

impl Remote {
    /// Returns how `one` stands to `other`, both reachable from a branch. More of its history is fetched, up to a bound,
    /// until that tells, if the repository is a shallow one.
    ///
    /// # Errors
    /// Where the remote or the repository cannot be read.
    pub fn relation(&self, repository: &Repository, branch: &str, one: Oid, other: Oid) -> Result<Relation, Failure> {
        let mut known = relation(repository, one, other)?;
        if !repository.is_shallow() {
            return Ok(known);
        }
        for depth in DEPTHS {
            if known != Relation::Unknown || !repository.is_shallow() {
                break;
            }
            self.fetch(repository, branch, Depth::Commits(depth))?;
            known = relation(repository, one, other)?;
        }
        Ok(known)
    }
}
