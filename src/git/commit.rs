//! Commits made from trees, without a work tree.

use git2::{Commit, Config, ErrorCode, ObjectType, Oid, Repository};

use super::provenance::changes;
use super::{Identities, Provenance, sign};
use crate::diagnostic::Diagnostic;

/// A commit to be made.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    /// What the repository holds in it.
    pub tree: Oid,
    /// The commits that it follows.
    pub parents: &'a [Oid],
    /// What it does and why, without trailers.
    pub message: &'a str,
    /// What it was made from.
    pub provenance: &'a Provenance,
}

/// Makes a commit, signed where the configuration says so (`commit.gpgSign`), and returns its id. No branch moves.
///
/// # Errors
/// Where its tree or parents are not in the repository, nobody can sign it, or the repository cannot be written to.
pub fn commit(
    repository: &Repository,
    configuration: &Config,
    identities: &Identities,
    new: &NewCommit<'_>,
) -> Result<Oid, Diagnostic> {
    let failed = |error: git2::Error| Diagnostic::new(format!("the commit cannot be made: {}", error.message()));
    let tree = repository.find_tree(new.tree).map_err(failed)?;
    let parents: Vec<Commit<'_>> =
        new.parents.iter().map(|parent| repository.find_commit(*parent)).collect::<Result<_, _>>().map_err(failed)?;
    let parents: Vec<&Commit<'_>> = parents.iter().collect();
    let before = parents.first().map(|parent| parent.tree()).transpose().map_err(failed)?;
    let changes = changes(repository, before.as_ref(), &tree).map_err(failed)?;
    let message = new.provenance.append_to(new.message, &changes)?;
    let Identities { author, committer } = identities;
    let content = repository.commit_create_buffer(author, committer, &message, &tree, &parents).map_err(failed)?;
    match sign::signature(&content, configuration, committer)? {
        None => repository.odb().and_then(|objects| objects.write(ObjectType::Commit, &content)).map_err(failed),
        Some(signature) => {
            let content = std::str::from_utf8(&content)
                .map_err(|_| Diagnostic::new("the commit cannot be signed: its author or message is not UTF-8"))?;
            repository.commit_signed(content, &signature, None).map_err(failed)
        }
    }
}

/// Lets a branch of a local repository point to a commit, if it is still where it is expected: at that commit, or
/// nowhere. Returns whether it was.
///
/// # Errors
/// Where the name is none of a branch, the branch is checked out, or the repository cannot be written to.
pub fn set_branch(
    repository: &Repository,
    branch: &str,
    commit: Oid,
    expected: Option<Oid>,
) -> Result<bool, Diagnostic> {
    let failed =
        |error: git2::Error| Diagnostic::new(format!("the branch `{branch}` cannot be written: {}", error.message()));
    let name = format!("refs/heads/{branch}");
    let head = repository.find_reference("HEAD").ok();
    let is_head = head.is_some_and(|head| head.symbolic_target().ok().flatten() == Some(name.as_str()));
    if is_head && !repository.is_bare() {
        return Err(Diagnostic::new(format!(
            "the branch `{branch}` is checked out in {}",
            repository.path().display()
        ))
        .help("check out another branch there first: its files would no longer be those of the branch"));
    }
    let result = match expected {
        Some(expected) => repository.reference_matching(&name, commit, true, expected, "dirops"),
        None => repository.reference(&name, commit, false, "dirops"),
    };
    match result {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists | ErrorCode::NotFound) => {
            Ok(repository.refname_to_id(&name).is_ok_and(|now| now == commit))
        }
        Err(error) => Err(failed(error)),
    }
}
