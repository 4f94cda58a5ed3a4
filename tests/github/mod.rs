//! A GitHub that is none: it keeps state, answers as GitHub does, and fails when it is told to.
//!
//! ```text
//! let github = GitHub::start();
//! github.change(|state| state.add_repository("agntcy/dir-staging", Heads::from([("main", "c0")])));
//! let forge = github.forge("agntcy/dir-staging", Options::default());
//! github.fail(Fault { request: 3, kind: FaultKind::Drop, effect: Effect::After });
//! ```
//!
//! A program under test is pointed to [`GitHub::url`]; the branches of a repository are read from a bare Git
//! repository with [`Heads::Git`].

#![allow(dead_code, unused_imports, reason = "every test binary uses some of it")]

pub mod api;
pub mod fault;
pub mod relay;
pub mod state;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dirops::forge::{Api, App, Clock, Credentials, Error, Forge, Patience, RepositoryName, Settings};
use dirops::{git, propose};
use secrecy::SecretString;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub use fault::{EVERY_FAULT, Effect, Fault, FaultKind};
pub use relay::Relay;
pub use state::{Heads, State};

/// When everything happens, in seconds since 1970. Only waiting lets time pass.
pub const NOW: u64 = 1_800_000_000;

/// How long a request may take where one is made to take longer. On a busy machine others take longer too, and are only
/// sent once more.
pub const TIMEOUT: Duration = Duration::from_millis(100);
/// How long a request may take otherwise.
pub const PATIENT: Duration = Duration::from_secs(20);

/// The token of a user who may push.
pub const MAINTAINER: &str = "ghp_MaintainerPlantedToken0123456789abcdef";
/// The token of a user who may not.
pub const STRANGER: &str = "ghp_StrangerPlantedToken0123456789abcdefgh";
/// A token as GitHub Actions hands it out.
pub const ACTIONS: &str = "ghs_ActionsPlantedToken0123456789abcdefghi";
/// The id of the GitHub App whose key lies here.
pub const APP: &str = "4711";

/// The running server.
pub struct GitHub {
    state: Arc<Mutex<State>>,
    relay: Relay,
    // Ends with the test.
    _server: MockServer,
}

impl GitHub {
    /// Starts with no repository.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let server = runtime.block_on(async {
            let server = MockServer::builder().disable_request_recording().start().await;
            Mock::given(wiremock::matchers::any()).respond_with(Answers(state.clone())).mount(&server).await;
            server
        });
        let relay = Relay::start(*server.address(), None);
        Self { state, relay, _server: server }
    }

    /// Where the API is.
    pub fn url(&self) -> String {
        self.relay.url()
    }

    /// Where the API is without the wire that breaks.
    pub fn address(&self) -> std::net::SocketAddr {
        *self._server.address()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state())
    }

    /// Starts over, with this state and no fault.
    pub fn reset(&self, state: State) {
        *self.state() = state;
    }

    /// Counts requests anew and lets one of them fail.
    pub fn fail(&self, fault: Fault) {
        let mut state = self.state();
        state.requests.clear();
        state.faults = vec![fault];
    }

    /// Returns the way to one of its repositories, and what it prints.
    pub fn forge(&self, repository: &str, options: Options) -> Watched {
        Watched::new(&self.url(), repository, options)
    }
}

/// As whom to come, and how.
pub struct Options {
    pub credentials: Option<Credentials>,
    pub dry_run: bool,
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { credentials: Some(token(MAINTAINER)), dry_run: false, timeout: PATIENT }
    }
}

pub fn token(token: &str) -> Credentials {
    Credentials::Token(SecretString::from(token))
}

/// The GitHub App whose key lies here.
pub fn app() -> Credentials {
    Credentials::App(App::new(APP, &file("app-key.pem")).unwrap())
}

pub fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/github").join(name)
}

/// A forge with the lines of progress that it printed and a clock that does not make anybody wait.
pub struct Watched {
    pub forge: Forge,
    pub lines: Arc<Mutex<Vec<String>>>,
    pub clock: TestClock,
}

impl Watched {
    pub fn new(api: &str, repository: &str, options: Options) -> Self {
        Self::try_new(api, repository, options).unwrap()
    }

    pub fn try_new(api: &str, repository: &str, options: Options) -> Result<Self, Error> {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let clock = TestClock::default();
        let settings = Settings {
            api: Api::new(api).unwrap(),
            credentials: options.credentials,
            dry_run: options.dry_run,
            timeout: options.timeout,
            patience: Patience::default(),
            clock: Box::new(clock.clone()),
            progress: Box::new({
                let lines = lines.clone();
                move |line| lines.lock().unwrap().push(line.to_owned())
            }),
            ..Settings::from_environment()
        };
        let repository: RepositoryName = repository.parse().unwrap();
        Ok(Self { forge: Forge::new(repository, settings)?, lines, clock })
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How to propose something for `main` here; Git may be silent for so long.
    pub fn for_main(&self, silence: Duration) -> propose::Options<'_> {
        let lines = self.lines.clone();
        propose::Options {
            base: Some("main".to_owned()),
            is_dry: false,
            git: git::Settings { uses_proxies: false, silence, ..git::Settings::default() },
            configured_by: None,
            clock: &self.clock,
            progress: Arc::new(move |line| lines.lock().unwrap().push(line.to_owned())),
        }
    }
}

impl std::ops::Deref for Watched {
    type Target = Forge;

    fn deref(&self) -> &Forge {
        &self.forge
    }
}

/// A clock that only sleeping moves, and sleeping takes no time.
#[derive(Clone, Default)]
pub struct TestClock {
    slept: Arc<Mutex<Vec<Duration>>>,
}

impl TestClock {
    pub fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW) + self.slept().iter().sum::<Duration>()
    }

    fn sleep(&self, time: Duration) {
        self.slept.lock().unwrap().push(time);
    }
}

struct Answers(Arc<Mutex<State>>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fault::answer(&mut state, request)
    }
}
