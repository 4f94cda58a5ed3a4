//! The one pull request for a source branch and a set of environments.

use serde::Deserialize;
use serde_json::json;

use super::body::{Key, Marked, is_current, marked, with_section};
use super::connection::Request;
use super::error::{Error, ErrorKind};
use super::{Forge, parse};

/// What makes a pull request ours, whatever people do to its title and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The branch that it brings.
    pub head: Head,
    /// The branch that it is to be merged into.
    pub base: String,
    /// What it is about.
    pub key: Key,
}

/// A branch, in the repository or a fork of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Who owns the repository that it is in.
    pub owner: String,
    /// What it is called.
    pub branch: String,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Where people see it.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its body, whole.
    pub body: String,
    /// Whether it is open.
    pub state: PullRequestState,
    /// The branch that it is to be merged into; people may have chosen another.
    pub base: String,
    /// The last commit of its branch.
    pub head_commit: String,
    /// Who opened it, where that is known.
    pub author: Option<String>,
}

/// What has become of a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullRequestState {
    /// It is open.
    Open,
    /// It was closed, and not merged.
    Closed,
    /// It was merged.
    Merged,
}

/// What [`Forge::publish`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The pull request is new.
    Opened(PullRequest),
    /// Its body is new.
    Updated(PullRequest),
    /// It is as it should be.
    Unchanged(PullRequest),
    /// It would be opened, were it not a dry run.
    WouldOpen,
    /// Its body would be new, were it not a dry run.
    WouldUpdate(PullRequest),
}

#[derive(Deserialize)]
struct FoundPullRequest {
    number: u64,
    html_url: String,
    title: String,
    body: Option<String>,
    state: String,
    merged_at: Option<String>,
    head: FoundBranch,
    base: FoundBranch,
    user: Option<FoundUser>,
}

#[derive(Deserialize)]
struct FoundBranch {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    /// `owner:branch`, also where the repository is gone.
    label: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct FoundUser {
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

impl From<FoundPullRequest> for PullRequest {
    fn from(found: FoundPullRequest) -> Self {
        let state = match (found.merged_at, found.state.as_str()) {
            (Some(_), _) => PullRequestState::Merged,
            (None, "open") => PullRequestState::Open,
            (None, _) => PullRequestState::Closed,
        };
        Self {
            number: found.number,
            url: found.html_url,
            title: found.title,
            body: found.body.unwrap_or_default(),
            state,
            base: found.base.name,
            head_commit: found.head.sha,
            author: found.user.map(|user| user.login),
        }
    }
}

impl Head {
    fn label(&self) -> String {
        format!("{}:{}", self.owner, self.branch)
    }

    /// GitHub leaves a filter out that it does not understand, so what it found is compared once more.
    fn is(&self, found: &FoundBranch) -> bool {
        let owner = found.label.as_deref().and_then(|label| label.strip_suffix(&format!(":{}", found.name)));
        found.name == self.branch && owner.is_none_or(|owner| owner.eq_ignore_ascii_case(&self.owner))
    }
}

impl Forge {
    /// Returns our open pull request.
    ///
    /// It is the newest one from our branch that carries our key, to whatever branch; or else the one to our base that
    /// carries no key at all, for people may have taken it out.
    ///
    /// # Errors
    /// Where the one from our branch carries the key of other environments, or GitHub cannot be asked.
    pub fn find_open(&self, identity: &Identity) -> Result<Option<PullRequest>, Error> {
        let mut found = self.find_from("open", &identity.head)?;
        found.sort_by_key(|pull_request| std::cmp::Reverse(pull_request.number));
        let mark = |pull_request: &PullRequest| marked(&pull_request.body, &identity.key);
        if let Some(ours) = found.iter().position(|pull_request| mark(pull_request) == Marked::Ours) {
            return Ok(Some(found.swap_remove(ours)));
        }
        // GitHub allows one from a branch to a branch: it is in the way of ours, if it is not ours.
        let Some(at) = found.iter().position(|pull_request| pull_request.base == identity.base) else {
            return Ok(None);
        };
        let in_place = found.swap_remove(at);
        match mark(&in_place) {
            Marked::Other => {
                let message = format!("{} is about other environments or another source", in_place.url);
                Err(Error::new(ErrorKind::Refused, message)
                    .help("two repositories or sets of environments share a branch name: choose another"))
            }
            Marked::Ours | Marked::Nothing => Ok(Some(in_place)),
        }
    }

    /// Returns the newest of our pull requests that is closed or merged.
    ///
    /// # Errors
    /// Where GitHub cannot be asked.
    pub fn find_closed(&self, identity: &Identity) -> Result<Option<PullRequest>, Error> {
        let mut found = self.find_from("closed", &identity.head)?;
        found.retain(|pull_request| marked(&pull_request.body, &identity.key) == Marked::Ours);
        Ok(found.into_iter().max_by_key(|pull_request| pull_request.number))
    }

    /// Opens our pull request, or brings our part of its body up to date where it is open. Its title is not changed:
    /// people may have chosen a better one.
    ///
    /// # Errors
    /// Where there is nothing to merge, the branch is not there, or GitHub cannot be asked.
    pub fn publish(&self, identity: &Identity, title: &str, text: &str) -> Result<Published, Error> {
        let body = json!({
            "title": title,
            "head": identity.head.label(),
            "base": identity.base,
            "body": with_section("", &identity.key, text),
        });
        let request = Request::post(self.path(&["pulls"], &[])?, body);
        let made = self.make_once::<FoundPullRequest, PullRequest>(&request, || self.find_open(identity))?;
        match made {
            None => Ok(Published::WouldOpen),
            Some((found, made)) if is_current(&found.body, &identity.key, text) => {
                Ok(if made { Published::Opened(found) } else { Published::Unchanged(found) })
            }
            Some((found, _)) => self.update(found.number, &identity.key, text),
        }
    }

    /// Brings our part of a pull request's body up to date. What people wrote around it stays, also what they wrote a
    /// moment ago.
    ///
    /// # Errors
    /// Where there is no such pull request, or GitHub cannot be asked.
    pub fn update(&self, number: u64, key: &Key, text: &str) -> Result<Published, Error> {
        let path = self.path(&["pulls", &number.to_string()], &[])?;
        self.waiting.until_done(|attempts_before| {
            let found = self.pull_request(number)?;
            if is_current(&found.body, key, text) {
                let changed = attempts_before > 0;
                return Ok(if changed { Published::Updated(found) } else { Published::Unchanged(found) });
            }
            let body = json!({"body": with_section(&found.body, key, text)});
            let request = Request::patch(path.clone(), body);
            if self.is_only_recorded(&request) {
                return Ok(Published::WouldUpdate(found));
            }
            let changed: FoundPullRequest = parse(&request, self.attempt(&request)?)?;
            Ok(Published::Updated(changed.into()))
        })
    }

    /// Closes a pull request, unless it is closed or merged.
    ///
    /// # Errors
    /// Where there is no such pull request, or GitHub cannot be asked.
    pub fn close(&self, number: u64) -> Result<(), Error> {
        let request = Request::patch(self.path(&["pulls", &number.to_string()], &[])?, json!({"state": "closed"}));
        self.waiting.until_done(|_| {
            if self.pull_request(number)?.state == PullRequestState::Open && !self.is_only_recorded(&request) {
                self.attempt(&request)?;
            }
            Ok(())
        })
    }

    /// Returns a pull request as it is now.
    ///
    /// # Errors
    /// Where there is no such pull request, or GitHub cannot be asked.
    pub fn pull_request(&self, number: u64) -> Result<PullRequest, Error> {
        let found: Option<FoundPullRequest> = self.read(self.path(&["pulls", &number.to_string()], &[])?)?;
        found.map(PullRequest::from).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no pull request {number} in {}", self.name))
        })
    }

    fn find_from(&self, state: &str, head: &Head) -> Result<Vec<PullRequest>, Error> {
        let label = head.label();
        let query = [
            ("state", state),
            ("head", label.as_str()),
            ("sort", "created"),
            ("direction", "desc"),
            ("per_page", "100"),
        ];
        let path = self.path(&["pulls"], &query)?;
        let mut found = self.read_all::<FoundPullRequest>(|page| format!("{path}&page={page}"))?;
        found.retain(|pull_request| head.is(&pull_request.head));
        Ok(found.into_iter().map(PullRequest::from).collect())
    }
}
