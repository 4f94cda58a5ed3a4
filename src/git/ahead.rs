//! What a branch of ours has that its base has not, and whether people added to it.

use std::collections::HashSet;
use std::fs;

use git2::{Oid, Repository, Sort};

use super::relation::DEPTHS;
use super::{Depth, Failure, Provenance, Remote};
use crate::diagnostic::Diagnostic;

/// The commits of a branch that its base does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Where the branch is.
    pub head: Oid,
    /// Where its base is.
    pub base: Oid,
    /// The commits, children before their parents; with the provenance of those that are ours and nobody has changed.
    pub commits: Vec<(Oid, Option<Provenance>)>,
    /// Whether this is all of them. In a shallow repository, the base may have some that are told here.
    pub is_whole: bool,
}

impl Ahead {
    /// Returns the commits that people made or changed.
    pub fn of_others(&self) -> impl Iterator<Item = Oid> {
        self.commits.iter().filter(|(_, provenance)| provenance.is_none()).map(|(commit, _)| *commit)
    }

    /// Returns the provenance of our last commit on the branch.
    pub fn last_of_ours(&self) -> Option<&Provenance> {
        self.commits.iter().find_map(|(_, provenance)| provenance.as_ref())
    }
}

/// Returns what one commit has that another has not, as far as the history in the repository tells.
///
/// # Errors
/// Where the repository cannot be read.
pub fn ahead(repository: &Repository, head: Oid, base: Oid) -> Result<Ahead, Diagnostic> {
    let failed = |error: git2::Error| Diagnostic::new(format!("the history cannot be read: {}", error.message()));
    // A handle remembers the commits that it has seen, without the parents that came since.
    let repository = &Repository::open(repository.path()).map_err(failed)?;
    let walk = || {
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        walk.push(head)?;
        walk.hide(base)?;
        walk.collect::<Result<Vec<Oid>, _>>()
    };
    let edge = edge(repository)?;
    // Without a common ancestor, one may be beyond the edge.
    let is_related = repository.merge_base(head, base).is_ok();
    let mut ahead = Ahead { head, base, commits: Vec::new(), is_whole: is_related || edge.is_empty() };
    for oid in walk().map_err(failed)? {
        // What is beyond the edge is not here to compare with.
        let is_at_edge = edge.contains(&oid);
        ahead.is_whole &= !is_at_edge;
        let provenance = match is_at_edge {
            true => None,
            false => Provenance::of(repository, &repository.find_commit(oid).map_err(failed)?)?,
        };
        ahead.commits.push((oid, provenance));
    }
    Ok(ahead)
}

/// Returns the commits of a shallow repository whose parents are not in it.
fn edge(repository: &Repository) -> Result<HashSet<Oid>, Diagnostic> {
    match fs::read_to_string(repository.commondir().join("shallow")) {
        Ok(text) => Ok(text.lines().filter_map(|line| Oid::from_str(line.trim()).ok()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(Diagnostic::new(format!("the history cannot be read: {error}"))),
    }
}

impl Remote {
    /// Fetches a branch and its base into a repository of our own, and returns what the one has that the other has not;
    /// nothing where the remote lacks either. As much history is fetched, up to a bound, as it takes to tell.
    ///
    /// # Errors
    /// Where the remote cannot be read or the repository cannot be written to.
    pub fn ahead(&self, repository: &Repository, branch: &str, base: &str) -> Result<Option<Ahead>, Failure> {
        let mut known = None;
        for depth in [2].into_iter().chain(DEPTHS) {
            let heads = (
                self.fetch(repository, branch, Depth::Commits(depth))?,
                self.fetch(repository, base, Depth::Commits(depth))?,
            );
            let (Some(head), Some(base)) = heads else {
                return Ok(None);
            };
            let ahead = known.insert(ahead(repository, head, base)?);
            if ahead.is_whole {
                break;
            }
        }
        Ok(known)
    }
}
