//! Changes that go into a repository as a branch and one pull request.
//!
//! What is proposed is a [`Change`]: what environments render to ([`Environments`]), or the edits that bring a partner in
//! or send it away ([`Partner`]). [`propose`] brings it to a [`Destination`], and can be run again at any time: it looks
//! at what is there first, and goes on from that.

mod branch;
mod destination;
mod environments;
mod partner;
mod source;
mod text;

pub use branch::{Names, names_of_environments, names_of_partner};
pub use destination::{Destination, Options, Progress};
pub use environments::Environments;
pub use partner::{Deed, Found, Partner};
pub use source::{Place, Source, published_at};

use git2::Oid;

use crate::diagnostic::Diagnostic;
use crate::forge::{self, Identity, Published, PullRequest, PullRequestState};
use crate::git::{Ahead, Provenance, Pushed};
use crate::publish::Failure;
use destination::State;

/// How often to start anew where others push or merge meanwhile.
const ATTEMPTS: u32 = 20;

/// Something to bring into a repository.
pub trait Change {
    /// Makes the change on top of a commit of the repository.
    ///
    /// # Errors
    /// Where it cannot be made; everything that is wrong.
    fn make(&self, destination: &Destination<'_>, base: Oid) -> Result<Made, Failure>;

    /// Returns how this change stands to the one that a commit of ours was made from.
    ///
    /// # Errors
    /// Where the source's history cannot be read.
    fn standing(&self, other: &Provenance) -> Result<Standing, Diagnostic>;

    /// Returns what to say about a commit of ours; `base` is what it is to be merged into.
    ///
    /// # Errors
    /// Where one of the commits cannot be read.
    fn describe(&self, destination: &Destination<'_>, base: Oid, head: Oid) -> Result<String, Diagnostic>;

    /// Returns what to say where nothing is left of the change.
    fn farewell(&self) -> String;
}

/// A change, made.
#[derive(Debug)]
pub struct Made {
    /// The tree with it.
    pub tree: Oid,
    /// The message of its commit, without trailers.
    pub message: String,
    /// What it was made from.
    pub provenance: Provenance,
    /// The environments that it changes.
    pub environments: Vec<String>,
}

/// How one input stands to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the same or a newer one.
    Newer,
    /// The other one is newer.
    Older,
    /// Neither descends from the other, or nobody can tell; this says why.
    Undecided(Diagnostic),
}

/// What came of a change.
#[derive(Debug)]
pub struct Proposal {
    /// What was done or would be.
    pub outcome: Outcome,
    /// The environments that the change changes.
    pub environments: Vec<String>,
    /// Its commit, where there is one.
    pub commit: Option<Commit>,
    /// What the pull request says.
    pub body: String,
    /// The pull request, where there is one.
    pub pull_request: Option<PullRequest>,
}

/// What was done, or would be in a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: the repository has it all.
    Nothing,
    /// The repository has it all, and what was proposed before was withdrawn.
    Withdrawn,
    /// The branch is as it should be.
    Unchanged,
    /// The branch is as it should be, and people closed the pull request for just that.
    Declined,
    /// Another run has brought a newer input to the branch.
    Superseded,
    /// The branch has a new commit.
    Committed,
}

/// A commit on our branch.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// Its message, whole.
    pub message: String,
}

impl Commit {
    fn read(destination: &Destination<'_>, id: Oid) -> Result<Self, Diagnostic> {
        let commit = destination.repository().find_commit(id);
        let commit = commit.map_err(|error| Diagnostic::new(format!("{id} cannot be read: {}", error.message())))?;
        Ok(Self { id, message: String::from_utf8_lossy(commit.message_bytes()).into_owned() })
    }

    /// Returns the first line of its message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// What to do where somebody is in the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Permissions {
    /// Whether to overwrite what people pushed to our branch, and inputs that are not older.
    pub force: bool,
}

/// Brings a change to a branch, and opens a pull request for it or brings that up to date. Where nothing is left of the
/// change, the pull request is closed.
///
/// Others may do the same at the same time: each step is one that a branch elsewhere refuses where it was not looked at
/// before, and then everything is looked at anew.
///
/// # Errors
/// Where the change cannot be made, people pushed to our branch, an input that is not older is there, or somebody cannot
/// be reached or refuses.
pub fn propose(
    change: &dyn Change,
    destination: &Destination<'_>,
    names: &Names,
    permissions: Permissions,
) -> Result<Proposal, Failure> {
    for _ in 0..ATTEMPTS {
        let state = destination.fetch(&names.branch)?;
        let attempt = Attempt { change, destination, names, permissions, state };
        if let Some(proposal) = attempt.run()? {
            return Ok(proposal);
        }
        destination.tell("somebody else was faster: once more with what is there now");
    }
    Err(Diagnostic::new(format!("others moved `{}` or its base {ATTEMPTS} times meanwhile", names.branch))
        .help("run it again when they are done")
        .into())
}

/// One look at what is there, and what follows from it.
struct Attempt<'a> {
    change: &'a dyn Change,
    destination: &'a Destination<'a>,
    names: &'a Names,
    permissions: Permissions,
    state: State,
}

impl Attempt<'_> {
    /// Returns nothing where somebody else changed what was looked at.
    fn run(&self) -> Result<Option<Proposal>, Failure> {
        if let Some(ahead) = &self.state.ahead
            && !self.permissions.force
        {
            self.refuse_others(ahead)?;
            if self.is_superseded(ahead)? {
                return self.present(ahead.head, Outcome::Superseded, Vec::new());
            }
        }
        let made = self.change.make(self.destination, self.state.base)?;
        if made.tree == self.tree_of(self.state.base)? {
            return self.withdraw();
        }
        if let Some(head) = self.head_with(made.tree)? {
            if let Some(closed) = self.declined(head)? {
                return Ok(Some(self.leave(head, closed)?));
            }
            return self.present(head, Outcome::Unchanged, made.environments);
        }
        let commit = self.destination.commit(&made, self.state.base)?;
        match self.destination.push(&self.names.branch, commit, self.head())? {
            Pushed::Done => self.present(commit, Outcome::Committed, made.environments),
            Pushed::Moved { .. } => Ok(None),
            Pushed::Refused(why) => Err(refused(&self.names.branch, &why).into()),
        }
    }

    fn head(&self) -> Option<Oid> {
        self.state.ahead.as_ref().map(|ahead| ahead.head)
    }

    fn tree_of(&self, commit: Oid) -> Result<Oid, Diagnostic> {
        self.destination.tree_of(commit)
    }

    fn refuse_others(&self, ahead: &Ahead) -> Result<(), Diagnostic> {
        let others: Vec<String> = ahead.of_others().map(|commit| commit.to_string()[..10].to_owned()).collect();
        match others.is_empty() {
            true => Ok(()),
            false => Err(Diagnostic::new(format!(
                "people pushed to `{}`, and dirops does not overwrite that: {}",
                self.names.branch,
                others.join(", ")
            ))
            .help("merge or close the pull request, or take the commits off the branch; --force overwrites them")),
        }
    }

    /// Returns whether what is on the branch was made from a newer input than ours.
    fn is_superseded(&self, ahead: &Ahead) -> Result<bool, Diagnostic> {
        let Some(other) = ahead.last_of_ours() else { return Ok(false) };
        match self.change.standing(other)? {
            Standing::Newer => Ok(false),
            Standing::Older => Ok(true),
            Standing::Undecided(problem) => Err(problem),
        }
    }

    /// Returns the branch's last commit, if that has this tree and everything that its base has.
    fn head_with(&self, tree: Oid) -> Result<Option<Oid>, Diagnostic> {
        let Some(ahead) = &self.state.ahead else { return Ok(None) };
        let is_same = self.tree_of(ahead.head)? == tree && self.destination.contains(ahead.head, self.state.base)?;
        Ok(is_same.then_some(ahead.head))
    }

    /// Takes the branch away and closes the pull request. The branch goes first: it alone can tell that somebody has a
    /// newer input meanwhile.
    fn withdraw(&self) -> Result<Option<Proposal>, Failure> {
        let open = match self.destination.forge() {
            Some(forge) => forge.find_open(&self.identity()).map_err(forge::Error::into_diagnostic)?,
            None => None,
        };
        if let (Some(forge), Some(open)) = (self.destination.forge(), &open) {
            let key = self.names.farewell_key();
            forge.comment(open.number, &key, &self.change.farewell()).map_err(forge::Error::into_diagnostic)?;
        }
        if let Some(head) = self.head() {
            match self.destination.delete(&self.names.branch, head)? {
                Pushed::Done => {}
                Pushed::Moved { now: None } => {}
                Pushed::Moved { .. } => return Ok(None),
                Pushed::Refused(why) => return Err(refused(&self.names.branch, &why).into()),
            }
        }
        if let (Some(forge), Some(open)) = (self.destination.forge(), &open) {
            forge.close(open.number).map_err(forge::Error::into_diagnostic)?;
            if !self.destination.is_dry() && self.destination.heads(&self.names.branch)?.branch.is_some() {
                return Ok(None);
            }
        }
        let was_there = open.is_some() || self.head().is_some();
        Ok(Some(Proposal {
            outcome: if was_there { Outcome::Withdrawn } else { Outcome::Nothing },
            environments: Vec::new(),
            commit: None,
            body: String::new(),
            pull_request: open,
        }))
    }

    /// Returns the pull request for this very commit that people closed, unless one is open. To open it anew, with every
    /// run, would be to argue.
    fn declined(&self, head: Oid) -> Result<Option<PullRequest>, Diagnostic> {
        let Some(forge) = self.destination.forge().filter(|_| !self.permissions.force) else { return Ok(None) };
        let identity = self.identity();
        if forge.find_open(&identity).map_err(forge::Error::into_diagnostic)?.is_some() {
            return Ok(None);
        }
        let closed = forge.find_closed(&identity).map_err(forge::Error::into_diagnostic)?;
        let is_this =
            |closed: &PullRequest| closed.state == PullRequestState::Closed && closed.head_commit == head.to_string();
        Ok(closed.filter(is_this))
    }

    fn leave(&self, head: Oid, closed: PullRequest) -> Result<Proposal, Diagnostic> {
        Ok(Proposal {
            outcome: Outcome::Declined,
            environments: Vec::new(),
            commit: Some(Commit::read(self.destination, head)?),
            body: String::new(),
            pull_request: Some(closed),
        })
    }

    /// Lets the pull request say what is on the branch. What it says follows from that alone; so of two runs the last one
    /// to write leaves it right, whichever that is.
    fn present(&self, head: Oid, outcome: Outcome, environments: Vec<String>) -> Result<Option<Proposal>, Failure> {
        let commit = Commit::read(self.destination, head)?;
        let body = self.change.describe(self.destination, self.state.base, head)?;
        let pull_request = match self.destination.forge() {
            None => None,
            Some(forge) => match forge.publish(&self.identity(), commit.title(), &body) {
                Ok(published) if self.is_still_at(head)? => pull_request(published),
                Err(error) if self.is_still_at(head)? => return Err(error.into_diagnostic().into()),
                _ => return Ok(None),
            },
        };
        Ok(Some(Proposal { outcome, environments, commit: Some(commit), body, pull_request }))
    }

    /// Returns whether the branch is where we saw it last, and its base too.
    fn is_still_at(&self, head: Oid) -> Result<bool, Diagnostic> {
        if self.destination.is_dry() {
            return Ok(true);
        }
        let now = self.destination.heads(&self.names.branch)?;
        Ok(now.branch == Some(head) && now.base == Some(self.state.base))
    }

    fn identity(&self) -> Identity {
        Identity {
            head: self.destination.head_of(&self.names.branch),
            base: self.destination.base().to_owned(),
            key: self.names.key.clone(),
        }
    }
}

fn pull_request(published: Published) -> Option<PullRequest> {
    match published {
        Published::Opened(found)
        | Published::Updated(found)
        | Published::Unchanged(found)
        | Published::WouldUpdate(found) => Some(found),
        Published::WouldOpen => None,
    }
}

fn refused(branch: &str, why: &str) -> Diagnostic {
    Diagnostic::new(format!("the branch `{branch}` cannot be pushed: {why}"))
        .help("let dirops push to branches below `dirops/`; a rule of the repository or a hook refuses it")
}
