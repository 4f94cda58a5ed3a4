//! What a branch of ours has that its base has not, and whether people added to it.

use std::collections::HashSet;
use std::fs;

use git2::{Commit, Oid, Repository, Sort};

use super::provenance::changes;
use super::relation::DEPTHS;
use super::{Depth, Failure, FailureKind, Provenance, Remote};
use crate::diagnostic::Diagnostic;

/// The commits of a branch that its base does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Where the branch is.
    pub head: Oid,
    /// Where its base is.
    pub base: Oid,
    /// The commits, children before their parents.
    pub commits: Vec<(Oid, Whose)>,
    /// Whether this is all of them. In a shallow repository, the base may have some that are told here.
    pub is_whole: bool,
}

/// Whose a commit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Ours, and nobody has changed it.
    Ours(Provenance),
    /// Nobody's: it merges the base into the branch and does nothing else, as a button of the forge does.
    Nobodys,
    /// Somebody made or changed it.
    Others,
}

impl Ahead {
    /// Returns the commits that people made or changed.
    pub fn of_others(&self) -> impl Iterator<Item = Oid> {
        self.commits.iter().filter(|(_, whose)| *whose == Whose::Others).map(|(commit, _)| *commit)
    }

    /// Returns the provenance of our last commit on the branch.
    pub fn last_of_ours(&self) -> Option<&Provenance> {
        self.commits.iter().find_map(|(_, whose)| match whose {
            Whose::Ours(provenance) => Some(provenance),
            _ => None,
        })
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
    let mut ahead = Ahead { head, base, commits: Vec::new(), is_whole: true };
    let commits = walk().map_err(failed)?;
    let ours_or_theirs: HashSet<Oid> = commits.iter().copied().collect();
    for oid in commits {
        // What is beyond the edge is not here to compare with.
        let whose = match edge.contains(&oid) {
            true => {
                ahead.is_whole = false;
                Whose::Others
            }
            false => {
                let commit = repository.find_commit(oid).map_err(failed)?;
                // Where the branch leads to the very first commit and not to its base, the base does so beyond the edge.
                ahead.is_whole &= commit.parent_count() > 0 || edge.is_empty();
                whose(repository, &commit, &ours_or_theirs)?
            }
        };
        ahead.commits.push((oid, whose));
    }
    Ok(ahead)
}

fn whose(repository: &Repository, commit: &Commit<'_>, ahead: &HashSet<Oid>) -> Result<Whose, Diagnostic> {
    if let Some(provenance) = Provenance::of(repository, commit)? {
        return Ok(Whose::Ours(provenance));
    }
    let parents: Vec<Oid> = commit.parent_ids().collect();
    match parents[..] {
        // Where the histories cannot be compared, it may be anything.
        [own, base] if !ahead.contains(&base) && is_plain_merge(repository, commit, own, base).unwrap_or(false) => {
            Ok(Whose::Nobodys)
        }
        _ => Ok(Whose::Others),
    }
}

/// Returns whether a merge changes its base in exactly what the branch had changed before.
fn is_plain_merge(repository: &Repository, merge: &Commit<'_>, own: Oid, base: Oid) -> Result<bool, git2::Error> {
    let tree = |commit: Oid| repository.find_commit(commit)?.tree();
    let fork = tree(repository.merge_base(own, base)?)?;
    Ok(changes(repository, Some(&fork), &tree(own)?)? == changes(repository, Some(&tree(base)?), &merge.tree()?)?)
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
    /// nothing where there is no such branch. As much history is fetched, up to a bound, as it takes to tell.
    ///
    /// # Errors
    /// Where the remote cannot be read or lacks the base, or the repository cannot be written to.
    pub fn ahead(&self, repository: &Repository, branch: &str, base: &str) -> Result<Option<Ahead>, Failure> {
        let mut known = None;
        for depth in [2].into_iter().chain(DEPTHS) {
            let Some(head) = self.fetch(repository, branch, Depth::Commits(depth))? else {
                return Ok(None);
            };
            let base = self
                .fetch(repository, base, Depth::Commits(depth))?
                .ok_or_else(|| Failure::new(FailureKind::NotFound, format!("{self} has no branch `{base}`")))?;
            let ahead = known.insert(ahead(repository, head, base)?);
            if ahead.is_whole {
                break;
            }
        }
        Ok(known)
    }
}
