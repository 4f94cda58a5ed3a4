//! One request at a time to GitHub's API: sent, answered, and what went wrong put into words.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use octocrab::Octocrab;
use reqwest::redirect::{Attempt, Policy};
use secrecy::SecretString;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::error::{Error, ErrorKind};
use super::name::Api;
use super::redact::Redactor;
use super::retry::{Failure, Pause};

/// How often an answer may send us on to another address of the same server.
const MOST_REDIRECTS: usize = 5;

/// How much of what the other side said is told, in characters.
const LONGEST_WORDS: usize = 300;

/// How a request acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something new each time.
    Post,
    /// Sets a state.
    Patch,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How it acts.
    pub method: Method,
    /// What it is about, below the API's URL, with the query.
    pub path: String,
    /// What it says.
    pub body: Option<Value>,
}

impl Request {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::Get, path, body: None }
    }

    pub(super) fn post(path: String, body: Value) -> Self {
        Self { method: Method::Post, path, body: Some(body) }
    }

    pub(super) fn patch(path: String, body: Value) -> Self {
        Self { method: Method::Patch, path, body: Some(body) }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        })
    }
}

/// Shows the method and the path.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Returns a path of segments, each of which may hold any characters, with a query.
pub(super) fn path(segments: &[&str], query: &[(&str, &str)]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(url::form_urlencoded::byte_serialize(segment.as_bytes()).map(|part| match part {
            // A plus sign means a space in queries alone.
            "+" => "%20",
            part => part,
        }));
    }
    if !query.is_empty() {
        path.push('?');
        path.push_str(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
    }
    path
}

/// The way to GitHub's API.
pub(super) struct Connection {
    runtime: Runtime,
    octocrab: Octocrab,
    pub(super) redactor: Redactor,
}

impl Connection {
    /// Makes ready to connect. Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY`).
    pub(super) fn new(api: &Api, certificates: Option<&Path>, timeout: Duration) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| unusable(&error))?;
        // Fails where it was done before, and then there is nothing to do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(Policy::custom(stay_on_the_server));
        client = match (api.is_encrypted(), certificates) {
            // Reading the system's authorities would take longer than anything else.
            (false, _) => client.tls_certs_only([]),
            (true, Some(file)) => client.tls_certs_merge(read_certificates(file)?),
            (true, None) => client,
        };
        let client = client.build().map_err(|error| unusable(&error))?;
        // Setting octocrab up starts a task, which takes a runtime.
        let inside = runtime.enter();
        let octocrab = Octocrab::builder()
            .base_uri(api.as_str().trim_end_matches('/'))
            .and_then(|builder| {
                let name = concat!("dirops/", env!("CARGO_PKG_VERSION")).to_owned();
                let accept = "application/json".to_owned();
                builder
                    .add_header(reqwest::header::USER_AGENT, name)
                    .add_header(reqwest::header::ACCEPT, accept)
                    .build_with_reqwest(client)
            })
            .map_err(|error| unusable(&error))?;
        drop(inside);
        Ok(Self { runtime, octocrab, redactor: Redactor::default() })
    }

    /// Sends a request once.
    pub(super) fn send(&self, request: &Request, token: Option<&SecretString>) -> Result<Value, Failure> {
        let answer =
            self.runtime.block_on(self.answer(request, token)).map_err(|error| self.failure(request, error))?;
        match answer.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_str(&answer).map_err(|_| {
                let error = Error::new(ErrorKind::Unavailable, format!("GitHub's answer to {request} is no JSON"));
                Failure::Passing { error, pause: Pause::Backoff }
            }),
        }
    }

    async fn answer(&self, request: &Request, token: Option<&SecretString>) -> octocrab::Result<String> {
        let octocrab = match token {
            Some(token) => self.octocrab.user_access_token(token.clone())?,
            None => self.octocrab.clone(),
        };
        let path = request.path.as_str();
        let response = match request.method {
            Method::Get => octocrab._get(path).await?,
            Method::Post => octocrab._post(path, request.body.as_ref()).await?,
            Method::Patch => octocrab._patch(path, request.body.as_ref()).await?,
        };
        octocrab.body_to_string(octocrab::map_github_error(response).await?).await
    }

    fn failure(&self, request: &Request, error: octocrab::Error) -> Failure {
        match error {
            octocrab::Error::GitHub { source, .. } => self.refusal(request, &source),
            error => {
                let message = format!("GitHub did not answer {request}: {}", self.redactor.redact(&chain(&error)));
                let unanswered = Error::new(ErrorKind::Unavailable, message);
                match is_untrusted(&error) {
                    true => Failure::Final(unanswered.help(
                        "name the file of the authority that signed its certificate, or the proxy's, in SSL_CERT_FILE",
                    )),
                    false => Failure::Passing {
                        error: unanswered.help("look at the network and at HTTPS_PROXY"),
                        pause: Pause::Backoff,
                    },
                }
            }
        }
    }

    fn refusal(&self, request: &Request, refusal: &octocrab::GitHubError) -> Failure {
        let status = refusal.status_code.as_u16();
        let said = in_one_line(&self.redactor.redact(&words(refusal)));
        let error = |kind| Error::new(kind, format!("GitHub answered {request} with {status}: {said}"));
        if let Some(pause) = rate_limit(refusal) {
            return Failure::Passing { error: error(ErrorKind::Unavailable), pause };
        }
        match status {
            408 | 500.. => Failure::Passing { error: error(ErrorKind::Unavailable), pause: Pause::Backoff },
            300..=399 => Failure::Final(
                error(ErrorKind::Refused).help("it has moved: give the repository's new name and the API's new URL"),
            ),
            401 => Failure::Final(error(ErrorKind::Credentials).help("the token is wrong, expired or revoked")),
            403 => Failure::Final(error(ErrorKind::Forbidden).help(
                "the token needs write access to contents and pull requests there, and the organisation's consent \
                 where it asks for single sign-on",
            )),
            404 => Failure::Final(
                error(ErrorKind::NotFound).help("it is not there, or the token does not let dirops see it"),
            ),
            _ => Failure::Final(error(ErrorKind::Refused)),
        }
    }
}

fn read_certificates(file: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    let wrong = |why: &dyn fmt::Display| {
        let message = format!("the certificates in {} cannot be used: {why}", file.display());
        Error::new(ErrorKind::Unavailable, message).help("SSL_CERT_FILE names a file of certificates in PEM")
    };
    let content = std::fs::read(file).map_err(|error| wrong(&error))?;
    reqwest::Certificate::from_pem_bundle(&content).map_err(|error| wrong(&chain(&error)))
}

fn unusable(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(ErrorKind::Unavailable, format!("no connection to GitHub can be set up: {}", chain(error)))
}

/// Follows an answer to where else the same server has it: a repository that was renamed.
fn stay_on_the_server(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    match same && attempt.previous().len() <= MOST_REDIRECTS {
        true => attempt.follow(),
        false => attempt.stop(),
    }
}

/// Returns how long GitHub asks to wait, where a limit of any kind was hit.
fn rate_limit(refusal: &octocrab::GitHubError) -> Option<Pause> {
    let status = refusal.status_code.as_u16();
    if !matches!(status, 403 | 429) {
        return None;
    }
    let header = |name: &str| refusal.headers.as_ref()?.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = header("retry-after") {
        return Some(Pause::For(Duration::from_secs(seconds)));
    }
    if let (Some(0), Some(reset)) = (header("x-ratelimit-remaining"), header("x-ratelimit-reset")) {
        return Some(Pause::Until(Duration::from_secs(reset)));
    }
    let message = refusal.message.to_ascii_lowercase();
    (status == 429 || message.contains("rate limit") || message.contains("abuse")).then_some(Pause::Minutes)
}

/// Returns what GitHub said, with what it found wrong in the request.
fn words(refusal: &octocrab::GitHubError) -> String {
    let errors = refusal.errors.iter().flatten().map(|error| match error.get("message").and_then(Value::as_str) {
        Some(message) => message.to_owned(),
        None => error.to_string(),
    });
    let words: Vec<String> = std::iter::once(refusal.message.clone()).chain(errors).collect();
    words.join("; ")
}

/// Returns a text without line ends and other control characters, and not too long: it may be a proxy's whole page.
/// Secrets must be out of it, for half a secret is not known any more.
fn in_one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns what an error says and what is behind it, each thing once and without the URL.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for error in causes(error) {
        let text = error.to_string();
        // Of two that say the same, the inner one says it best.
        said.retain(|before| !before.contains(&text));
        // The client's own words are the URL again, and it says why with what is behind.
        if !(error.is::<reqwest::Error>() && error.source().is_some()) {
            said.push(text);
        }
    }
    said.join(": ")
}

/// Returns whether the other side could not show that it is who it should be: that does not pass.
fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let mut cause = cause;
        // An error of input and output does not name what it wraps as its source.
        while let Some(inner) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            cause = inner;
        }
        matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
    })
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_take_any_characters() {
        assert_eq!(path(&["repos", "a", "b", "branches", "x/y z+?"], &[]), "/repos/a/b/branches/x%2Fy%20z%2B%3F");
        assert_eq!(path(&["a"], &[("head", "me:x/y&z"), ("page", "1")]), "/a?head=me%3Ax%2Fy%26z&page=1");
    }

    #[test]
    fn a_page_becomes_a_line() {
        assert_eq!(in_one_line("<html>\r\n\t<b>\u{1b}[31m502\u{7}</b>\n"), "<html> <b> [31m502 </b>");
        assert_eq!(in_one_line(&"ö".repeat(1000)), "ö".repeat(300) + "…");
    }
}
