//! The repository that a change goes to: a local one, one elsewhere, or one on GitHub.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git2::{Oid, Repository};
use tempfile::TempDir;

use super::Made;
use crate::diagnostic::Diagnostic;
use crate::forge::{self, Access, Clock, Forge, Head};
use crate::git::{
    Ahead, Depth, Failure, FailureKind, NewCommit, Pushed, Remote, Settings, Step, ahead, commit, configuration,
    identities, set_branch,
};
use crate::tree::Revision;

/// How often to try where a server does not answer.
const ATTEMPTS: u32 = 5;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// How the folders begin that runs keep what they fetch in.
const FOLDER: &str = "dirops-propose-";

/// No run takes longer.
const LONGEST_RUN: Duration = Duration::from_secs(24 * 60 * 60);

/// Is told what is being done, in a few words.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// How to come to a destination.
pub struct Options<'a> {
    /// The branch that the change is to be merged into.
    pub base: Option<String>,
    /// Whether to change nothing.
    pub is_dry: bool,
    /// How to speak Git.
    pub git: Settings,
    /// The repository whose configuration says how commits are signed and whose they are.
    pub configured_by: Option<&'a Repository>,
    /// What lets time pass.
    pub clock: &'a dyn Clock,
    /// Who is told what is being done.
    pub progress: Progress,
}

/// A repository that a change goes to.
pub struct Destination<'a> {
    /// Where commits are made.
    repository: Repository,
    /// Where that is one of our own, gone in the end.
    _folder: Option<TempDir>,
    way: Way,
    forge: Option<&'a Forge>,
    /// Who owns the repository with our branch; empty without a forge.
    owner: String,
    base: String,
    options: Options<'a>,
    /// What a dry run would have done to branches.
    requests: Mutex<Vec<String>>,
}

enum Way {
    /// Branches of a repository on this disk are moved.
    Local,
    /// Branches are fetched and pushed.
    Remote(Box<Ends>),
}

/// Where branches are fetched from and pushed to.
struct Ends {
    /// The repository with the base.
    base: Remote,
    /// The one with our branch: the same, or a fork of it.
    head: Remote,
    is_fork: bool,
}

/// What is there.
pub(super) struct State {
    /// Where the base is.
    pub(super) base: Oid,
    /// What our branch has that the base has not, where there is such a branch.
    pub(super) ahead: Option<Ahead>,
}

/// Where the two branches are.
pub(super) struct Heads {
    pub(super) base: Option<Oid>,
    pub(super) branch: Option<Oid>,
}

impl<'a> Destination<'a> {
    /// Returns a repository on this disk, of which branches are moved.
    ///
    /// # Errors
    /// Where the folder holds none, or the base is not said and cannot be told.
    pub fn local(folder: &Path, options: Options<'a>) -> Result<Self, Diagnostic> {
        let repository = Repository::open(folder).map_err(|error| {
            Diagnostic::new(format!("{} holds no Git repository: {}", folder.display(), error.message()))
        })?;
        Self::new(repository, None, Way::Local, options)
    }

    /// Returns a repository elsewhere, to which is pushed.
    ///
    /// # Errors
    /// Where the base is not said, or no folder can be made.
    pub fn remote(remote: Remote, options: Options<'a>) -> Result<Self, Diagnostic> {
        let remote = watched(remote.with_settings(options.git.clone()), &options.progress);
        let (folder, repository) = own_repository()?;
        let ends = Ends { base: remote.clone(), head: remote, is_fork: false };
        Self::new(repository, Some(folder), Way::Remote(Box::new(ends)), options)
    }

    /// Returns a repository on GitHub, with our branch in it or, where we cannot push, in a fork that is made if need be.
    ///
    /// # Errors
    /// Where GitHub cannot be asked, there is no such repository, or it cannot be forked.
    pub fn on_forge(forge: &'a Forge, mut options: Options<'a>) -> Result<Self, Diagnostic> {
        (options.progress)("asking GitHub for the repository");
        let found = forge.repository().map_err(forge::Error::into_diagnostic)?;
        let fork = match found.access {
            Access::Read => forge.fork().map_err(forge::Error::into_diagnostic)?,
            Access::Push | Access::Unknown => None,
        };
        options.base = options.base.or_else(|| found.default_branch.clone());
        let token = forge.token().map_err(forge::Error::into_diagnostic)?;
        let remote = |url: &str| -> Result<Remote, Diagnostic> {
            let remote = Remote::new(url)?.with_settings(options.git.clone());
            let remote = token.iter().fold(remote, |remote, token| remote.with_token(token.clone()));
            Ok(watched(remote, &options.progress))
        };
        let base = remote(&found.clone_url)?;
        let (folder, repository) = own_repository()?;
        let ends = match &fork {
            Some(fork) => Ends { base, head: remote(&fork.clone_url)?, is_fork: true },
            None => Ends { head: base.clone(), base, is_fork: false },
        };
        let owner = fork.as_ref().map_or(&found.name, |fork| &fork.name).owner().to_owned();
        let destination = Self::new(repository, Some(folder), Way::Remote(Box::new(ends)), options)?;
        Ok(Self { forge: Some(forge), owner, ..destination })
    }

    fn new(
        repository: Repository,
        folder: Option<TempDir>,
        way: Way,
        options: Options<'a>,
    ) -> Result<Self, Diagnostic> {
        let base = options.base.clone().ok_or_else(|| {
            Diagnostic::new("into which branch is this to be merged?").help("name it with --base, such as --base main")
        })?;
        let (owner, requests) = (String::new(), Mutex::default());
        Ok(Self { repository, _folder: folder, way, forge: None, owner, base, options, requests })
    }

    /// Returns the repository in which commits are made.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the branch that changes are to be merged into.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Returns whether nothing is to be changed.
    pub fn is_dry(&self) -> bool {
        self.options.is_dry
    }

    /// Returns the requests that a dry run would have made: Git's, then GitHub's, each in order.
    pub fn requests(&self) -> Vec<String> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        requests.extend(self.forge.into_iter().flat_map(Forge::requests).map(|request| match &request.body {
            Some(body) => format!("{request}\n{body:#}"),
            None => request.to_string(),
        }));
        requests
    }

    pub(super) fn forge(&self) -> Option<&'a Forge> {
        self.forge
    }

    pub(super) fn head_of(&self, branch: &str) -> Head {
        Head { owner: self.owner.clone(), branch: branch.to_owned() }
    }

    pub(super) fn tell(&self, what: &str) {
        (self.options.progress)(what);
    }

    /// Fetches the base and our branch, with as much history as it takes to tell whose commits are on it.
    pub(super) fn fetch(&self, branch: &str) -> Result<State, Diagnostic> {
        let Ends { base, head, is_fork } = match &self.way {
            Way::Local => return self.look(branch),
            Way::Remote(ends) => &**ends,
        };
        self.tell(&format!("fetching {} from {base}", self.base));
        if *is_fork {
            return self.fetch_fork(base, head, branch);
        }
        let ahead = self.patiently(|| head.ahead(&self.repository, branch, &self.base))?;
        if let Some(ahead) = ahead {
            return Ok(State { base: ahead.base, ahead: Some(ahead) });
        }
        Ok(State { base: self.fetch_base(base, Depth::Commits(1))?, ahead: None })
    }

    fn fetch_base(&self, remote: &Remote, depth: Depth) -> Result<Oid, Diagnostic> {
        let fetched = self.patiently(|| remote.fetch(&self.repository, &self.base, depth))?;
        fetched.ok_or_else(|| self.no_base(&remote.to_string()))
    }

    /// Returns the files of the base as they are now.
    ///
    /// # Errors
    /// Where there is no such branch, or the other side cannot be reached.
    pub fn base_files(&self) -> Result<Revision, Diagnostic> {
        let base = match &self.way {
            Way::Local => self.look(&self.base)?.base,
            Way::Remote(ends) => {
                self.tell(&format!("fetching {} from {}", self.base, ends.base));
                self.fetch_base(&ends.base, if ends.is_fork { Depth::Full } else { Depth::Commits(1) })?
            }
        };
        Revision::open(self.repository.path(), &base.to_string())
    }

    /// A fork may lack what the base has got meanwhile: then all of that has to be sent, so all of it is fetched.
    fn fetch_fork(&self, base: &Remote, fork: &Remote, branch: &str) -> Result<State, Diagnostic> {
        let base = self.fetch_base(base, Depth::Full)?;
        let head = match self.patiently(|| match fork.fetch(&self.repository, branch, Depth::Full) {
            // The fork that a dry run did not make.
            Err(failure) if self.is_dry() && failure.kind == FailureKind::NotFound => Ok(None),
            fetched => fetched,
        })? {
            Some(head) => head,
            None => return Ok(State { base, ahead: None }),
        };
        Ok(State { base, ahead: Some(ahead(&self.repository, head, base)?) })
    }

    /// Looks at the branches of a local repository; the base may be one that was only fetched.
    fn look(&self, branch: &str) -> Result<State, Diagnostic> {
        let heads = self.heads(branch)?;
        let place = self.repository.path().display().to_string();
        let base = heads.base.ok_or_else(|| self.no_base(&place))?;
        let ahead = heads.branch.map(|head| ahead(&self.repository, head, base)).transpose()?;
        Ok(State { base, ahead })
    }

    fn no_base(&self, place: &str) -> Diagnostic {
        Diagnostic::new(format!("{place} has no branch `{}` to merge into", self.base))
            .help("name another one with --base; an empty repository needs a first commit")
    }

    /// Returns where the branches are now.
    pub(super) fn heads(&self, branch: &str) -> Result<Heads, Diagnostic> {
        match &self.way {
            Way::Local => {
                let at = |name: String| self.repository.refname_to_id(&name).ok();
                let own = at(format!("refs/heads/{}", self.base));
                let base = own.or_else(|| at(format!("refs/remotes/origin/{}", self.base)));
                Ok(Heads { base, branch: at(format!("refs/heads/{branch}")) })
            }
            Way::Remote(ends) => {
                let branches = self.patiently(|| ends.head.branches())?;
                let base = match ends.is_fork {
                    true => self.patiently(|| ends.base.branch(&self.base))?,
                    false => branches.get(&self.base).copied(),
                };
                Ok(Heads { base, branch: branches.get(branch).copied() })
            }
        }
    }

    /// Makes the commit of a change on top of a base; no branch moves.
    pub(super) fn commit(&self, made: &Made, base: Oid) -> Result<Oid, Diagnostic> {
        let variable = |name: &str| std::env::var_os(name);
        let configured_by = match self.way {
            Way::Local => &self.repository,
            Way::Remote(_) => self.options.configured_by.unwrap_or(&self.repository),
        };
        let configuration = configuration(configured_by, variable)?;
        let identities = identities(&configuration, variable)?;
        let new = NewCommit { tree: made.tree, parents: &[base], message: &made.message, provenance: &made.provenance };
        commit(&self.repository, &configuration, &identities, &new)
    }

    /// Lets our branch point to a commit, if it is still where it is expected.
    pub(super) fn push(&self, branch: &str, commit: Oid, expected: Option<Oid>) -> Result<Pushed, Diagnostic> {
        if self.is_dry() {
            self.note(format!("{} {commit}:refs/heads/{branch} (expecting {})", self.verb("push"), shown(expected)));
            return Ok(Pushed::Done);
        }
        match &self.way {
            Way::Local => match set_branch(&self.repository, branch, commit, expected)? {
                true => Ok(Pushed::Done),
                false => Ok(Pushed::Moved { now: self.heads(branch)?.branch }),
            },
            Way::Remote(ends) => {
                let head = &ends.head;
                self.tell(&format!("pushing {branch} to {head}"));
                self.patiently(|| head.push(&self.repository, commit, branch, expected))
            }
        }
    }

    /// Deletes our branch, if it is still where it is expected.
    pub(super) fn delete(&self, branch: &str, expected: Oid) -> Result<Pushed, Diagnostic> {
        if self.is_dry() {
            self.note(format!("{} :refs/heads/{branch} (expecting {expected})", self.verb("push")));
            return Ok(Pushed::Done);
        }
        match &self.way {
            Way::Local => delete_local(&self.repository, branch, expected),
            Way::Remote(ends) => {
                let head = &ends.head;
                self.tell(&format!("deleting {branch} at {head}"));
                self.patiently(|| head.delete(&self.repository, branch, expected))
            }
        }
    }

    pub(super) fn tree_of(&self, commit: Oid) -> Result<Oid, Diagnostic> {
        let tree = self.repository.find_commit(commit).map(|commit| commit.tree_id());
        tree.map_err(|error| Diagnostic::new(format!("{commit} cannot be read: {}", error.message())))
    }

    /// Returns whether a commit is another or descends from it.
    pub(super) fn contains(&self, commit: Oid, ancestor: Oid) -> Result<bool, Diagnostic> {
        let failed = |error: git2::Error| Diagnostic::new(format!("the history cannot be read: {}", error.message()));
        // A handle remembers the commits that it has seen, without the parents that came since.
        let repository = Repository::open(self.repository.path()).map_err(failed)?;
        Ok(commit == ancestor || repository.graph_descendant_of(commit, ancestor).map_err(failed)?)
    }

    fn note(&self, request: String) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    fn verb(&self, verb: &str) -> String {
        match &self.way {
            Way::Local => format!("git update-ref in {}:", self.repository.path().display()),
            Way::Remote(ends) => format!("git {verb} {}", ends.head),
        }
    }

    /// Does something that is safe to repeat until the other side answers, up to a bound.
    fn patiently<T>(&self, work: impl Fn() -> Result<T, Failure>) -> Result<T, Diagnostic> {
        let mut pause = Duration::from_secs(1);
        for _ in 1..ATTEMPTS {
            match work() {
                Err(failure) if failure.is_retryable() => {
                    let asked = match failure.kind {
                        FailureKind::Unreachable { wait, .. } => wait.unwrap_or(pause),
                        _ => pause,
                    };
                    let asked = asked.min(LONGEST_PAUSE);
                    self.tell(&format!("{failure}; trying again in {} s", asked.as_secs()));
                    self.options.clock.sleep(asked);
                    pause *= 2;
                }
                done => return done.map_err(Failure::into_diagnostic),
            }
        }
        work().map_err(Failure::into_diagnostic)
    }
}

fn shown(expected: Option<Oid>) -> String {
    expected.map_or_else(|| "no such branch".to_owned(), |expected| expected.to_string())
}

/// A repository of our own: without a work tree, and gone with the folder. A run that was ended could not take its folder
/// away; the next one does.
pub(super) fn own_repository() -> Result<(TempDir, Repository), Diagnostic> {
    remove_leftovers(&std::env::temp_dir());
    let failed = |why: String| Diagnostic::new(format!("no folder can be made for what is fetched: {why}"));
    let folder = tempfile::Builder::new().prefix(FOLDER).tempdir().map_err(|error| failed(error.to_string()))?;
    let repository = Repository::init_bare(folder.path()).map_err(|error| failed(error.message().to_owned()))?;
    Ok((folder, repository))
}

/// Removes folders of runs that ended long ago; nobody minds where that cannot be done.
fn remove_leftovers(place: &Path) {
    let entries = std::fs::read_dir(place).into_iter().flatten().filter_map(Result::ok);
    let is_ours = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.starts_with(FOLDER));
    for entry in entries.filter(|entry| is_ours(&entry.file_name())) {
        let age = entry
            .metadata()
            .ok()
            .filter(|found| found.is_dir())
            .and_then(|found| found.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age > LONGEST_RUN) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn delete_local(repository: &Repository, branch: &str, expected: Oid) -> Result<Pushed, Diagnostic> {
    let failed =
        |error: git2::Error| Diagnostic::new(format!("the branch `{branch}` cannot be deleted: {}", error.message()));
    let found = match repository.find_branch(branch, git2::BranchType::Local) {
        Ok(found) => found,
        Err(_) => return Ok(Pushed::Done),
    };
    let now = found.get().target();
    if now != Some(expected) {
        return Ok(Pushed::Moved { now });
    }
    let mut found = found;
    found.delete().map_err(failed)?;
    Ok(Pushed::Done)
}

/// Returns a remote that tells how far it is.
fn watched(remote: Remote, progress: &Progress) -> Remote {
    let progress = progress.clone();
    remote.with_progress(move |at| {
        let verb = match at.step {
            Step::Fetch => "receiving",
            Step::Push => "sending",
        };
        progress(&format!("{verb} {} of {} objects", at.done, at.total));
    })
}

// Elsewhere a folder cannot be opened as a file, to make it older.
#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_an_ended_run_left_goes_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, age: Duration| {
            let path = place.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("file"), "x").unwrap();
            File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        };
        make("dirops-propose-old", LONGEST_RUN * 2);
        make("dirops-propose-new", Duration::ZERO);
        make("other", LONGEST_RUN * 2);
        remove_leftovers(place.path());
        let mut left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["dirops-propose-new", "other"]);
    }
}
