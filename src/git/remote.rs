//! Repositories elsewhere: their branches are fetched, pushed and deleted.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use git2::{AutotagOption, Direction, ErrorCode, FetchOptions, Oid, PushOptions, RemoteCallbacks, Repository};
use secrecy::SecretString;
use url::Url;

use super::transport::http::{Http, Speaker};
use super::transport::program::{Place, Program};
use super::transport::{ADDRESS, Carrier, through};
use crate::diagnostic::Diagnostic;
use crate::publish::Digest;

/// How much of what a server says is kept, in bytes.
const WORDS: usize = 2000;
const HEADS: &str = "refs/heads/";

/// A repository elsewhere: where it is, and what shows who we are.
#[derive(Clone)]
pub struct Remote {
    location: Location,
    token: Option<SecretString>,
    settings: Settings,
    /// Made when it is first needed.
    speaker: Arc<OnceLock<Arc<Speaker>>>,
    watch: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// How remotes are spoken with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A file of certificates (PEM) of authorities to trust besides the system's, over HTTPS.
    pub certificates: Option<PathBuf>,
    /// Whether the proxies that the environment names (`HTTPS_PROXY`, `NO_PROXY` …) are used.
    pub uses_proxies: bool,
    /// How long connecting to a web server may take.
    pub connect: Duration,
    /// How long a web server may be silent.
    pub silence: Duration,
    /// How long everything may take together.
    pub whole: Duration,
    /// How much a fetch may bring, in bytes.
    pub fetch_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            certificates: None,
            uses_proxies: true,
            connect: Duration::from_secs(30),
            silence: Duration::from_secs(120),
            whole: Duration::from_secs(900),
            fetch_limit: 2 << 30,
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

/// How far a fetch or a push is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// How many objects have come or gone.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// How many bytes have come or gone.
    pub bytes: usize,
}

/// What takes time with a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Objects come.
    Fetch,
    /// Objects go.
    Push,
}

#[derive(Clone)]
enum Location {
    Web(Url),
    Program(Place),
}

/// How much of a branch's history is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it, as far as it is not here. Fit for a repository of the user's.
    Full,
    /// This many commits; the repository becomes a shallow one. Fit for a repository of our own.
    Commits(i32),
}

/// How a push ended that the remote has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The branch is where it was to be: now, or already.
    Done,
    /// The branch was not where it was expected: somebody else pushed. Nothing has changed.
    Moved {
        /// Where the branch is; nothing where there is none.
        now: Option<Oid>,
    },
    /// The remote refuses: a protected branch, a hook, a rule.
    Refused(String),
}

/// Why a remote could not be asked, or has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of trouble it is.
    pub kind: FailureKind,
    message: String,
    help: Option<String>,
}

/// What kept a remote from answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It cannot be reached, or broke off.
    Unreachable {
        /// Whether it may go well another time.
        retryable: bool,
        /// Whether a push may have taken effect all the same: look before doing it again. Pushing the same commit again
        /// does that by itself.
        perhaps_done: bool,
        /// How long the other side wants us to wait.
        wait: Option<Duration>,
    },
    /// It does not know us: no token, or a wrong one.
    Unauthenticated,
    /// It knows us, and we may not.
    Forbidden,
    /// There is no such repository, or none that we may know of.
    NotFound,
    /// The trouble is on this side.
    Local,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        // A diagnostic's message is fit for a terminal, whatever a server says.
        Self { kind, message: Diagnostic::new(message).message, help: None }
    }

    pub(super) fn local(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Local, message)
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns what to tell people.
    pub fn into_diagnostic(self) -> Diagnostic {
        Diagnostic { help: self.help, ..Diagnostic::new(self.message) }
    }

    /// Returns whether the same may go well another time.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, FailureKind::Unreachable { retryable: true, .. })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { kind: FailureKind::Local, message: diagnostic.message, help: diagnostic.help }
    }
}

impl Remote {
    /// Returns the repository at an address: `https://…`, `http://…`, `ssh://…`, `user@host:path`, `file://…` or a folder.
    ///
    /// # Errors
    /// Where it is none of these, or has a password in it.
    pub fn new(address: &str) -> Result<Self, Diagnostic> {
        let location = location(address)?;
        let (settings, speaker) = (Settings::from_environment(), Arc::default());
        Ok(Self { location, token: None, settings, speaker, watch: None })
    }

    /// Returns the remote with a token to show over HTTPS.
    pub fn with_token(mut self, token: SecretString) -> Self {
        self.token = Some(token);
        self
    }

    /// Returns the remote with other settings.
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self.speaker = Arc::default();
        self
    }

    /// Returns the remote with somebody to tell how far it is, often.
    pub fn with_progress(mut self, watch: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    fn tell(&self, step: Step, done: usize, total: usize, bytes: usize) {
        if let Some(watch) = &self.watch {
            watch(Progress { step, done, total, bytes });
        }
    }

    /// Returns where the branches of the remote are, by name.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn branches(&self) -> Result<BTreeMap<String, Oid>, Failure> {
        self.carry(|| {
            let mut remote = git2::Remote::create_detached(ADDRESS)?;
            remote.connect(Direction::Fetch)?;
            let branch = |head: &git2::RemoteHead<'_>| Some((head.name().strip_prefix(HEADS)?.to_owned(), head.oid()));
            Ok(remote.list()?.iter().filter_map(branch).collect())
        })
    }

    /// Returns where a branch of the remote is, if it has it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn branch(&self, name: &str) -> Result<Option<Oid>, Failure> {
        Ok(self.branches()?.get(name).copied())
    }

    /// Fetches a branch into a repository and returns where it is; nothing where the remote does not have it. What was
    /// fetched is kept from Git's tidying by a reference below `refs/dirops/`; no branch of the repository moves.
    ///
    /// # Errors
    /// Where the remote cannot be read, or the repository cannot be written to.
    pub fn fetch(&self, repository: &Repository, branch: &str, depth: Depth) -> Result<Option<Oid>, Failure> {
        let (from, to) = (reference(branch)?, format!("refs/dirops/{}/{branch}", self.key()));
        let (limit, mut is_too_much) = (self.settings.fetch_limit, false);
        let fetched = self.carry(|| {
            let mut remote = repository.remote_anonymous(ADDRESS)?;
            remote.connect(Direction::Fetch)?;
            let Some(head) = remote.list()?.iter().find(|head| head.name() == from).map(|head| head.oid()) else {
                return Ok(None);
            };
            let mut callbacks = RemoteCallbacks::new();
            callbacks.transfer_progress(|progress| {
                let bytes = progress.received_bytes();
                self.tell(Step::Fetch, progress.received_objects(), progress.total_objects(), bytes);
                is_too_much |= bytes > limit;
                !is_too_much
            });
            let mut options = FetchOptions::new();
            options.download_tags(AutotagOption::None).remote_callbacks(callbacks);
            if let Depth::Commits(depth) = depth {
                options.depth(depth.max(1));
            }
            // Fetching as a whole would empty the FETCH_HEAD of the user's repository.
            remote.download(&[format!("+{from}:{to}")], Some(&mut options))?;
            repository.reference(&to, head, true, "dirops")?;
            Ok(Some(head))
        });
        match is_too_much {
            true => Err(Failure::local(format!("{self} would send more than {limit} bytes for the branch `{branch}`"))),
            false => fetched,
        }
    }

    /// Lets a branch of the remote point to a commit of a repository, if it is still where it is expected: at that
    /// commit, or nowhere. Both is looked at in the one connection, and by the remote itself once more when it moves the
    /// branch. So the same push can be done again, whatever became of the first.
    ///
    /// # Errors
    /// Where the remote has not answered, or the repository cannot be read.
    pub fn push(
        &self,
        repository: &Repository,
        commit: Oid,
        branch: &str,
        expected: Option<Oid>,
    ) -> Result<Pushed, Failure> {
        self.update(repository, Some(commit), branch, expected)
    }

    /// Deletes a branch of the remote, if it is still where it is expected.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn delete(&self, repository: &Repository, branch: &str, expected: Oid) -> Result<Pushed, Failure> {
        self.update(repository, None, branch, Some(expected))
    }

    fn update(
        &self,
        repository: &Repository,
        commit: Option<Oid>,
        branch: &str,
        expected: Option<Oid>,
    ) -> Result<Pushed, Failure> {
        let to = reference(branch)?;
        // The lease decides, not whether the old commit is an ancestor of the new one.
        let refspec = commit.map_or_else(|| format!(":{to}"), |commit| format!("+{commit}:{to}"));
        let (mut found, mut refusal, mut words) = (None, None, Vec::new());
        let pushed = self.carry(|| {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.push_negotiation(|updates| {
                let now = updates.first().map(|update| update.src()).filter(|oid| !oid.is_zero());
                found = Some(now);
                match now == expected && now != commit {
                    true => Ok(()),
                    false => Err(git2::Error::from_str("the branch is elsewhere")),
                }
            });
            callbacks.push_transfer_progress(|done, total, bytes| self.tell(Step::Push, done, total, bytes));
            callbacks.push_update_reference(|_, status| {
                refusal = status.map(str::to_owned);
                Ok(())
            });
            callbacks.sideband_progress(|text| {
                words.extend_from_slice(&text[..text.len().min(WORDS - words.len().min(WORDS))]);
                true
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            repository.remote_anonymous(ADDRESS)?.push(&[&refspec], Some(&mut options))
        });
        match (pushed, found) {
            (Err(_), Some(now)) if now == commit => return Ok(Pushed::Done),
            (Err(_), Some(now)) if now != expected => return Ok(Pushed::Moved { now }),
            (Err(failure), _) => match refused_pack(&failure) {
                true => return Ok(Pushed::Refused(said(&failure.to_string(), &words))),
                false => return Err(failure),
            },
            (Ok(()), _) => {}
        }
        let Some(refusal) = refusal else {
            return Ok(Pushed::Done);
        };
        // One who pushed meanwhile is answered with all kinds of words; where the branch is tells for sure.
        match self.branch(branch)? {
            now if now == commit => Ok(Pushed::Done),
            now if now != expected => Ok(Pushed::Moved { now }),
            _ => Ok(Pushed::Refused(said(&refusal, &words))),
        }
    }

    /// Does something with remotes at [`ADDRESS`] that are reached through a connection to this one.
    fn carry<T>(&self, work: impl FnOnce() -> Result<T, git2::Error>) -> Result<T, Failure> {
        let carrier: Arc<dyn Carrier> = match &self.location {
            Location::Web(url) => Arc::new(Http::new(url, self.token.clone(), self.speaker()?)?),
            Location::Program(place) => Arc::new(Program::new(place.clone(), self.settings.whole)),
        };
        through(&carrier, work).map_err(|error| match carrier.failure() {
            Some(failure) => failure,
            None => self.failure(&error, carrier.has_pushed()),
        })
    }

    fn speaker(&self) -> Result<Arc<Speaker>, Failure> {
        if let Some(speaker) = self.speaker.get() {
            return Ok(speaker.clone());
        }
        let speaker = Arc::new(Speaker::new(&self.settings)?);
        Ok(self.speaker.get_or_init(|| speaker).clone())
    }

    /// Returns what libgit2 has to say where the connection itself was good.
    fn failure(&self, error: &git2::Error, perhaps_done: bool) -> Failure {
        use git2::ErrorClass::{Http, Net, Ssh, Ssl};
        let is_broken = matches!(error.class(), Net | Http | Ssh | Ssl) && error.code() != ErrorCode::User;
        let kind = match is_broken {
            true => FailureKind::Unreachable { retryable: true, perhaps_done, wait: None },
            false => FailureKind::Local,
        };
        Failure::new(kind, format!("{self}: {}", error.message()))
    }

    /// Returns a short name for the remote, fit for a path.
    fn key(&self) -> String {
        Digest::of(self.to_string().as_bytes()).to_string().chars().skip("sha256:".len()).take(12).collect()
    }
}

/// Returns the full name of a branch.
fn reference(branch: &str) -> Result<String, Failure> {
    let name = format!("{HEADS}{branch}");
    match git2::Reference::is_valid_name(&name) {
        true => Ok(name),
        false => Err(Failure::local(format!("`{branch}` is not a name for a branch"))),
    }
}

/// A remote that cannot use what it was sent says so before it says anything of the branch.
fn refused_pack(failure: &Failure) -> bool {
    failure.to_string().contains("unpacking the sent packfile failed")
}

/// Returns a refusal with what the remote says about it, in one line.
fn said(refusal: &str, words: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let lines = words.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    let text = match lines.is_empty() {
        true => refusal.to_owned(),
        false => format!("{refusal}: {}", lines.join("; ")),
    };
    // A diagnostic's message is fit for a terminal.
    Diagnostic::new(text).message
}

fn location(address: &str) -> Result<Location, Diagnostic> {
    // No address in the messages: what is wrong may be the password in it.
    let unusable = |why: &str| {
        Diagnostic::new(format!("the address of the repository {why}"))
            .help("https://…, ssh://…, user@host:path, file://… or a folder is one")
    };
    if !address.contains("://") {
        let place = Place::parse(address);
        return match &place {
            Place::Machine { host, .. } if host.starts_with('-') => Err(unusable("begins like an option")),
            Place::Machine { path, .. } if path.starts_with('-') => Err(unusable("begins like an option")),
            Place::Folder(path) if path.as_os_str().is_empty() => Err(unusable("is empty")),
            _ => Ok(Location::Program(place)),
        };
    }
    let mut url = Url::parse(address).map_err(|error| unusable(&format!("is not one: {error}")))?;
    if url.password().is_some() {
        return Err(unusable("has a password in it").help("leave it out: a token is in GITHUB_TOKEN or a file"));
    }
    match url.scheme() {
        "http" | "https" => {
            // Who we are is told by the token alone. A web address takes a user name in any case.
            let _ = url.set_username("");
            url.set_query(None);
            url.set_fragment(None);
            Ok(Location::Web(url))
        }
        "file" => match url.to_file_path() {
            Ok(path) => Ok(Location::Program(Place::Folder(path))),
            Err(()) => Err(unusable("names no folder of this machine")),
        },
        "ssh" | "git+ssh" | "ssh+git" => {
            let host = url.host_str().filter(|host| !host.is_empty() && !host.starts_with('-'));
            let host = host.ok_or_else(|| unusable("names no host"))?;
            let host = match url.username() {
                "" => host.to_owned(),
                user if user.starts_with('-') => return Err(unusable("begins like an option")),
                user => format!("{user}@{host}"),
            };
            // Somebody's home, which the shell over there knows.
            let path = url.path().strip_prefix('/').filter(|path| path.starts_with('~')).unwrap_or(url.path());
            Ok(Location::Program(Place::Machine { host, port: url.port(), path: path.to_owned() }))
        }
        scheme => Err(unusable(&format!("begins with {scheme}://, which dirops does not speak"))),
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Location::Web(url) => write!(f, "{url}"),
            Location::Program(place) => write!(f, "{place}"),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.to_string()).finish()
    }
}
