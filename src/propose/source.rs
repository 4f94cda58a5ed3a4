//! The source repository, as it was committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository};

use crate::diagnostic::{Diagnostic, Sources};
use crate::git::{Depth, Provenance, Relation, Remote, relation};
use crate::tree::{Revision, Tree};
use crate::workspace::{Reader, text};

use super::Standing;
use super::destination::own_repository;

/// How many commits are fetched at first where history is missing.
const HISTORY: i32 = 20;

/// The last commit of a source repository. What is proposed is rendered from that and from nothing else.
pub struct Source {
    folder: PathBuf,
    repository: Repository,
    commit: Oid,
    branch: Option<String>,
    /// What is not as it was committed.
    uncommitted: BTreeSet<String>,
    /// Where it was cloned from.
    origin: Option<Remote>,
}

/// Where a source repository says that something is.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The source repository, as people call it.
    pub source: Option<String>,
    /// The environment repository.
    pub repository: Option<String>,
    /// The branch of it that Argo CD follows.
    pub revision: Option<String>,
}

/// Returns where base/environment.yaml says that source and environments are.
///
/// # Errors
/// Where it cannot be read.
pub fn published_at(tree: &dyn Tree, sources: &Sources) -> Result<Place, Diagnostic> {
    let defaults = Reader { tree, sources }.template("base/environment.yaml")?;
    let named = |key: &str| -> Result<Option<String>, Diagnostic> {
        let node = defaults.as_ref().and_then(|defaults| defaults.get(key));
        node.map(|node| Ok(text(node, key)?.to_string())).transpose()
    };
    Ok(Place { source: named("source")?, repository: named("repository")?, revision: named("revision")? })
}

impl Source {
    /// Returns the source repository in a folder; `variable` looks environment variables up, which tell the branch in
    /// GitHub Actions.
    ///
    /// # Errors
    /// Where the folder is in no Git repository or nothing was committed there.
    pub fn open(folder: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Diagnostic> {
        let revision = Revision::open(folder, "HEAD").map_err(|problem| {
            problem.help("what is proposed is rendered from a commit, so that everybody can tell what it was made from")
        })?;
        let commit = revision.commit().ok_or_else(|| Diagnostic::new("HEAD of the source repository is no commit"))?;
        let repository = Repository::discover(folder).map_err(|error| {
            Diagnostic::new(format!("{} is in no Git repository: {}", folder.display(), error.message()))
        })?;
        let uncommitted = match repository.is_bare() {
            true => BTreeSet::new(),
            false => revision.changed_in_work_tree()?,
        };
        let branch = branch(&repository, variable);
        Ok(Self { folder: folder.to_owned(), repository, commit, branch, uncommitted, origin: None })
    }

    /// Returns the source repository with the one that it was cloned from, which is asked for history that is not here.
    #[must_use]
    pub fn with_origin(self, origin: Option<Remote>) -> Self {
        Self { origin, ..self }
    }

    /// Returns the address that it was cloned from.
    pub fn origin(&self) -> Option<String> {
        let origin = self.repository.find_remote("origin").ok()?;
        origin.url().ok().map(str::to_owned)
    }

    /// Returns its Git repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the commit.
    pub fn commit(&self) -> Oid {
        self.commit
    }

    /// Returns the branch that the commit is of, where that can be told.
    pub fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// Returns the files of the commit.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn files(&self) -> Result<Revision, Diagnostic> {
        Revision::open(&self.folder, &self.commit.to_string())
    }

    /// Returns what is not as it was committed, of what somebody depends on.
    pub fn uncommitted(&self, is_needed: impl Fn(&str) -> bool) -> Vec<&str> {
        self.uncommitted.iter().map(String::as_str).filter(|path| is_needed(path)).collect()
    }

    /// Returns the first line of the commit's message.
    pub fn subject(&self) -> String {
        let commit = self.repository.find_commit(self.commit).ok();
        let subject = commit.as_ref().and_then(|commit| commit.summary_bytes());
        subject.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    }

    /// Returns how the commit stands to the one that something else was made from.
    ///
    /// # Errors
    /// Where the history cannot be read.
    pub fn standing(&self, other: &Provenance) -> Result<Standing, Diagnostic> {
        let undecided = |why: &str, help: &str| Ok(Standing::Undecided(Diagnostic::new(why).help(help)));
        let Some(theirs) = other.source else {
            return undecided("the branch was made from a source that is in no Git repository", "--force replaces it");
        };
        let known = match relation(&self.repository, self.commit, theirs)? {
            Relation::Unknown => self.relation_at_origin(theirs),
            known => known,
        };
        match known {
            Relation::Same | Relation::Descends => Ok(Standing::Newer),
            Relation::Precedes => Ok(Standing::Older),
            Relation::Diverged => undecided(
                &format!("the branch was made from {theirs}, and neither descends from the other: {}", self.commit),
                "bring the two together in the source repository; --force replaces what is on the branch",
            ),
            Relation::Unknown => undecided(
                &format!("the branch was made from {theirs}, which is not in the history that is here"),
                "fetch the whole history (`fetch-depth: 0` of actions/checkout); where it was rewritten, --force \
                 replaces what is on the branch",
            ),
        }
    }
}

impl Source {
    /// A commit that was pushed after this one was fetched is not here. It is looked for in a repository of our own: the
    /// user's stays as it is. Whatever keeps us from asking, nothing is known then.
    fn relation_at_origin(&self, theirs: Oid) -> Relation {
        let (Some(origin), Some(branch)) = (&self.origin, self.branch()) else { return Relation::Unknown };
        let Ok((_folder, repository)) = own_repository() else { return Relation::Unknown };
        match origin.fetch(&repository, branch, Depth::Commits(HISTORY)) {
            Ok(Some(_)) => origin.relation(&repository, branch, self.commit, theirs).unwrap_or(Relation::Unknown),
            Ok(None) | Err(_) => Relation::Unknown,
        }
    }
}

/// In GitHub Actions a commit is checked out, not a branch.
fn branch(repository: &Repository, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let head = repository.find_reference("HEAD").ok()?;
    if let Ok(Some(target)) = head.symbolic_target() {
        return target.strip_prefix("refs/heads/").map(str::to_owned);
    }
    let named = |name: &str| variable(name).filter(|value| !value.is_empty());
    let of_pull_request = named("GITHUB_HEAD_REF");
    of_pull_request
        .or_else(|| named("GITHUB_REF_NAME").filter(|_| named("GITHUB_REF_TYPE").as_deref() == Some("branch")))
}
