//! The token for the next request, and whom it makes us.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::connection::{Request, path};
use super::credentials::Credentials;
use super::error::{Error, ErrorKind};
use super::redact::Redactor;
use super::{Forge, parse};

/// An installation's token is good for an hour; this much of it is used.
const TOKEN_LIFETIME: Duration = Duration::from_secs(50 * 60);

/// How the tokens of installations start, the one that GitHub Actions hands out among them.
const INSTALLATION_TOKEN: &str = "ghs_";

/// Who we are, and the token that an App was given.
pub(super) struct Authorisation {
    credentials: Option<Credentials>,
    installation: Mutex<Option<Installation>>,
    user: OnceLock<User>,
}

/// An App's token for one repository.
#[derive(Clone)]
struct Installation {
    token: SecretString,
    since: SystemTime,
    may_push: bool,
    slug: String,
}

/// Whom the credentials make us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// The user or bot of this name.
    Named(String),
    /// Some App: GitHub does not tell its token whose it is.
    SomeApp,
    /// Nobody, in a dry run without credentials.
    Nobody,
}

#[derive(Deserialize)]
struct FoundInstallation {
    id: u64,
    app_slug: String,
}

#[derive(Deserialize)]
struct MadeToken {
    token: String,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Default, Deserialize)]
struct Permissions {
    contents: Option<String>,
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

impl Authorisation {
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, installation: Mutex::default(), user: OnceLock::new() }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.credentials.is_none()
    }

    pub(super) fn remember_secrets(&self, redactor: &Redactor) {
        if let Some(Credentials::Token(token)) = &self.credentials {
            redactor.remember(token);
        }
    }

    /// Drops an App's token, and returns whether there was one that might be replaced.
    pub(super) fn forget_token(&self) -> bool {
        self.installation.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// Returns whether the token is an installation's: such a one is told nothing about whose it is.
    fn is_installation(&self) -> bool {
        match &self.credentials {
            Some(Credentials::Token(token)) => token.expose_secret().starts_with(INSTALLATION_TOKEN),
            Some(Credentials::App(_)) => true,
            None => false,
        }
    }
}

impl Forge {
    /// Returns a token that is good for some minutes at least, for Git over HTTPS too ([`super::GIT_USER`]); none in a
    /// dry run without credentials.
    ///
    /// # Errors
    /// Where the GitHub App is not installed for the repository, may not do what it must, or gets no token.
    pub fn token(&self) -> Result<Option<SecretString>, Error> {
        match &self.authorisation.credentials {
            None => Ok(None),
            Some(Credentials::Token(token)) => Ok(Some(token.clone())),
            Some(Credentials::App(app)) => Ok(Some(self.installation(app)?.token)),
        }
    }

    /// Returns whether the token says of itself that it may push or may not.
    pub(super) fn token_may_push(&self) -> Result<Option<bool>, Error> {
        match &self.authorisation.credentials {
            Some(Credentials::App(app)) => Ok(Some(self.installation(app)?.may_push)),
            _ => Ok(None),
        }
    }

    /// Returns whether what GitHub says about access does not go for this token.
    pub(super) fn is_installation(&self) -> bool {
        self.authorisation.is_installation()
    }

    /// Returns whom the credentials make us.
    pub(super) fn user(&self) -> Result<User, Error> {
        if let Some(user) = self.authorisation.user.get() {
            return Ok(user.clone());
        }
        let user = match &self.authorisation.credentials {
            None => User::Nobody,
            Some(Credentials::App(app)) => User::Named(format!("{}[bot]", self.installation(app)?.slug)),
            Some(Credentials::Token(_)) if self.is_installation() => User::SomeApp,
            Some(Credentials::Token(_)) => match self.read::<Login>(path(&["user"], &[])) {
                Ok(login) => login.map_or(User::SomeApp, |login| User::Named(login.login)),
                Err(error) if error.kind == ErrorKind::Forbidden => User::SomeApp,
                Err(error) => return Err(error),
            },
        };
        Ok(self.authorisation.user.get_or_init(|| user).clone())
    }

    /// Returns the App's token for this repository, a new one where the last is old.
    fn installation(&self, app: &App) -> Result<Installation, Error> {
        let now = self.waiting.clock.now();
        let mut kept = self.authorisation.installation.lock().unwrap_or_else(PoisonError::into_inner);
        let young =
            |installation: &&Installation| now.duration_since(installation.since).is_ok_and(|age| age < TOKEN_LIFETIME);
        if let Some(installation) = kept.as_ref().filter(young) {
            return Ok(installation.clone());
        }
        Ok(kept.insert(self.new_installation(app, now)?).clone())
    }

    fn new_installation(&self, app: &App, now: SystemTime) -> Result<Installation, Error> {
        let name = &self.name;
        let request = Request::get(path(&["repos", name.owner(), name.name(), "installation"], &[]));
        let found: FoundInstallation = self.ask_as_app(app, &request).map_err(|error| match error.kind {
            ErrorKind::NotFound => {
                Error::new(ErrorKind::Credentials, format!("the GitHub App {} is not installed for {name}", app.id()))
                    .help("install it there, from the App's page")
            }
            ErrorKind::Credentials => {
                let message = format!("GitHub does not take the key of the GitHub App {}: {error}", app.id());
                Error::new(ErrorKind::Credentials, message).help("check the id, the key, and this machine's clock")
            }
            _ => error,
        })?;
        let wanted = json!({
            "repositories": [name.name()],
            "permissions": {"contents": "write", "pull_requests": "write"},
        });
        let tokens = path(&["app", "installations", &found.id.to_string(), "access_tokens"], &[]);
        // It may be repeated: a token that nobody heard of harms nobody.
        let made: MadeToken =
            self.ask_as_app(app, &Request::post(tokens, wanted)).map_err(|error| match error.kind {
                ErrorKind::Refused => error.help("the App needs write access to contents and pull requests"),
                _ => error,
            })?;
        let token = SecretString::from(made.token);
        self.connection.redactor.remember(&token);
        let may_push = made.permissions.contents.as_deref() == Some("write");
        Ok(Installation { token, since: now, may_push, slug: found.app_slug })
    }

    fn ask_as_app<T: serde::de::DeserializeOwned>(&self, app: &App, request: &Request) -> Result<T, Error> {
        self.waiting.until_done(|_| {
            let assertion = app.assertion(self.waiting.clock.now())?;
            self.connection.redactor.remember(&assertion);
            parse(request, self.connection.send(request, Some(&assertion))?)
        })
    }
}
