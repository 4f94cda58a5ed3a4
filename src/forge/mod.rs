//! GitHub: whose repository it is, forks, pull requests and comments.
//!
//! A [`Forge`] speaks about one repository. What it reads and what sets a state is repeated when GitHub or the network
//! fails; what makes something new is first looked up, so that there is never a second one. In a dry run whatever would
//! change something is written down instead ([`Forge::requests`]).
//!
//! ```no_run
//! use dirops::forge::{Forge, Head, Identity, Key, RepositoryName, Settings};
//!
//! # fn main() -> Result<(), dirops::forge::Error> {
//! let repository: RepositoryName = "agntcy/dir-staging".parse()?;
//! let forge = Forge::new(repository, Settings { dry_run: true, ..Settings::default() })?;
//! let identity = Identity {
//!     head: Head { owner: "agntcy".to_owned(), branch: "dirops/main".to_owned() },
//!     base: "main".to_owned(),
//!     key: Key::of_environments("agntcy/dirops", "main", ["dev", "prod"]),
//! };
//! forge.publish(&identity, "Render dev and prod", "The review.")?;
//! for request in forge.requests() {
//!     println!("{request}");
//! }
//! # Ok(())
//! # }
//! ```

mod app;
mod authorisation;
mod body;
mod clock;
mod comment;
mod connection;
mod credentials;
mod error;
mod fork;
mod name;
mod pull_request;
mod redact;
mod repository;
mod retry;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use app::App;
pub use body::{Key, LONGEST_BODY, Marked, is_current, marked, with_section};
pub use clock::{Clock, SystemClock};
pub use comment::Comment;
pub use connection::{Method, Request};
pub use credentials::{CredentialOptions, Credentials, TOKEN_VARIABLES};
pub use error::{Error, ErrorKind};
pub use fork::Fork;
pub use name::{Api, RepositoryName};
pub use pull_request::{Head, Identity, Published, PullRequest, PullRequestState};
pub use redact::Redactor;
pub use repository::{Access, Repository};
pub use retry::Patience;

use authorisation::Authorisation;
use connection::Connection;
use retry::{Failure, Pause, Waiting};

/// The user that a token of GitHub's goes with, for Git over HTTPS.
pub const GIT_USER: &str = "x-access-token";

/// How many entries GitHub puts on a page at most.
const PAGE: usize = 100;

/// How many pages are read of a list at most.
const MOST_PAGES: usize = 30;

/// How to speak to GitHub.
pub struct Settings {
    /// Where its API is.
    pub api: Api,
    /// As whom.
    pub credentials: Option<Credentials>,
    /// Whether to write requests that would change something down instead of sending them. An App's token is fetched all
    /// the same: it changes nothing.
    pub dry_run: bool,
    /// A file of certificates (PEM) of authorities to trust besides the system's.
    pub certificates: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often and how long to try.
    pub patience: Patience,
    /// The time.
    pub clock: Box<dyn Clock>,
    /// Is told, in a line without secrets, what takes long or has to be repeated.
    pub progress: Box<dyn Fn(&str) + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api: Api::default(),
            credentials: None,
            dry_run: false,
            certificates: None,
            timeout: Duration::from_secs(30),
            patience: Patience::default(),
            clock: Box::new(SystemClock),
            progress: Box::new(|_| {}),
        }
    }
}

impl Settings {
    /// Returns the usual settings, with the certificates that `SSL_CERT_FILE` names.
    pub fn from_environment() -> Self {
        let file = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
        Self { certificates: file.map(PathBuf::from), ..Self::default() }
    }
}

/// One repository on GitHub.
pub struct Forge {
    api: Api,
    name: RepositoryName,
    connection: Connection,
    waiting: Waiting,
    authorisation: Authorisation,
    /// What a dry run would have sent.
    requests: Option<Mutex<Vec<Request>>>,
    repository: OnceLock<Repository>,
}

impl Forge {
    /// Returns the way to a repository. Nothing is sent yet.
    ///
    /// # Errors
    /// Where there are no credentials, unless it is a dry run; where no connection can be set up.
    pub fn new(name: RepositoryName, settings: Settings) -> Result<Self, Error> {
        if settings.credentials.is_none() && !settings.dry_run {
            return Err(Error::new(ErrorKind::Credentials, "there are no credentials for GitHub")
                .help("set GITHUB_TOKEN or GH_TOKEN, or name a token file or a GitHub App; a dry run needs none"));
        }
        let connection = Connection::new(&settings.api, settings.certificates.as_deref(), settings.timeout)?;
        let authorisation = Authorisation::new(settings.credentials);
        authorisation.remember_secrets(&connection.redactor);
        Ok(Self {
            api: settings.api,
            name,
            connection,
            waiting: Waiting::new(settings.clock, settings.patience, settings.progress),
            authorisation,
            requests: settings.dry_run.then(Mutex::default),
            repository: OnceLock::new(),
        })
    }

    /// Returns what takes the secrets of this run out of text, those that GitHub handed out meanwhile included.
    pub fn redactor(&self) -> &Redactor {
        &self.connection.redactor
    }

    /// Returns the requests that a dry run would have sent, in order.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.requests.as_ref().map(|requests| requests.lock().unwrap_or_else(PoisonError::into_inner));
        requests.map(|requests| requests.clone()).unwrap_or_default()
    }

    /// Writes a request down in a dry run, and returns whether it is one.
    fn is_only_recorded(&self, request: &Request) -> bool {
        let Some(requests) = &self.requests else { return false };
        let mut request = request.clone();
        if let Some(body) = &mut request.body {
            self.redact(body);
        }
        requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        true
    }

    fn redact(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.connection.redactor.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.redact(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Returns whether GitHub cannot be asked for what only some may see: in a dry run without credentials.
    fn is_blind(&self) -> bool {
        self.requests.is_some() && self.authorisation.is_anonymous()
    }

    /// Reads something; nothing where it is not there, or may not be seen by a dry run without credentials.
    fn read<T: DeserializeOwned>(&self, path: String) -> Result<Option<T>, Error> {
        let request = Request::get(path);
        self.waiting.until_done(|_| match self.attempt(&request) {
            Ok(value) => parse(&request, value).map(Some),
            Err(Failure::Final(error)) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(failure) if self.is_blind() && failure.is_about_who_asks() => {
                (self.waiting.progress)(&format!("{request}: unknown without a token"));
                Ok(None)
            }
            Err(failure) => Err(failure),
        })
    }

    /// Reads every page of a list; `path` makes the path of a page.
    fn read_all<T: DeserializeOwned>(&self, path: impl Fn(&str) -> String) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let found: Vec<T> = self.read(path(&page.to_string()))?.unwrap_or_default();
            let is_last = found.len() < PAGE;
            all.extend(found);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Makes something new that must be there once, and returns it with whether this run made it; nothing in a dry run.
    ///
    /// Before each attempt it is looked up: the one before may have taken effect without our hearing of it.
    fn make_once<T: DeserializeOwned, Found: From<T>>(
        &self,
        request: &Request,
        look: impl Fn() -> Result<Option<Found>, Error>,
    ) -> Result<Option<(Found, bool)>, Error> {
        self.waiting.until_done(|attempts_before| {
            if let Some(found) = look()? {
                return Ok(Some((found, attempts_before > 0)));
            }
            if self.is_only_recorded(request) {
                return Ok(None);
            }
            let value = self.attempt(request).map_err(Failure::or_not_caught_up)?;
            let made: T = parse(request, value)?;
            Ok(Some((made.into(), true)))
        })
    }

    /// Sends a request once, with a new token where GitHub does not take the App's any more.
    fn attempt(&self, request: &Request) -> Result<Value, Failure> {
        let token = self.token()?;
        match self.connection.send(request, token.as_ref()) {
            Err(Failure::Final(error)) if error.kind == ErrorKind::Credentials && self.authorisation.forget_token() => {
                self.connection.send(request, self.token()?.as_ref())
            }
            answer => answer,
        }
    }
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("api", &self.api.as_str()).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads a name that GitHub gave.
fn parse_name(full_name: &str) -> Result<RepositoryName, Error> {
    full_name.parse().map_err(|_| Error::new(ErrorKind::Unavailable, "GitHub gave a repository no usable name"))
}

fn parse<T: DeserializeOwned>(request: &Request, value: Value) -> Result<T, Failure> {
    // The parser quotes what it read, which may hold anything: what it says is left out.
    serde_json::from_value(value).map_err(|_| {
        let error = Error::new(ErrorKind::Unavailable, format!("GitHub's answer to {request} lacks something"));
        Failure::Passing { error, pause: Pause::Backoff }
    })
}
