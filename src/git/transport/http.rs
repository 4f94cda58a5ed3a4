//! Git over HTTP and HTTPS.

use std::error::Error as _;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use git2::transport::Service;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tempfile::SpooledTempFile;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::{Carrier, Stream, name};
use crate::git::{Failure, FailureKind, Settings};

/// The user name that GitHub takes tokens of every kind for.
const USER: &str = "x-access-token";
/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_secs(10);
/// How much of a request is kept in memory, in bytes.
const IN_MEMORY: usize = 1 << 20;
/// How much is read of what is no pack: lists of branches, reports. In bytes.
const LISTED: usize = 64 << 20;
/// How much of what a server says about an error is shown, in bytes.
const WORDS: usize = 500;

/// What speaks HTTP, for any number of connections one after the other.
pub(in crate::git) struct Speaker {
    runtime: Runtime,
    client: Client,
    whole: Duration,
}

/// The way to a repository on a web server.
pub(in crate::git) struct Http(Arc<Connection>);

struct Connection {
    speaker: Arc<Speaker>,
    /// The repository; another one once the server has sent us on.
    repository: Mutex<Url>,
    /// Where the token may go: the scheme, host and port that the user named.
    origin: url::Origin,
    token: Option<SecretString>,
    deadline: Instant,
    failure: Mutex<Option<Failure>>,
    has_pushed: AtomicBool,
}

impl Speaker {
    /// Returns what speaks HTTP with these settings.
    ///
    /// # Errors
    /// Where certificates cannot be read.
    pub(in crate::git) fn new(settings: &Settings) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::local(format!("no connection can be made: {error}")))?;
        Ok(Self { runtime, client: client(settings)?, whole: settings.whole })
    }
}

impl Http {
    /// Returns the way to the repository at `url`.
    ///
    /// # Errors
    /// Where a token would travel in the open.
    pub(in crate::git) fn new(url: &Url, token: Option<SecretString>, speaker: Arc<Speaker>) -> Result<Self, Failure> {
        if token.is_some() && url.scheme() != "https" && !is_this_machine(url) {
            return Err(Failure::local(format!("a token is not sent to {url} in the open")).help("use https://"));
        }
        Ok(Self(Arc::new(Connection {
            deadline: Instant::now() + speaker.whole,
            speaker,
            repository: Mutex::new(url.clone()),
            origin: url.origin(),
            token,
            failure: Mutex::default(),
            has_pushed: AtomicBool::new(false),
        })))
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn client(settings: &Settings) -> Result<Client, Failure> {
    // Whoever came first has chosen; it is the one provider that is built in.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("git/2.0 (dirops ", env!("CARGO_PKG_VERSION"), ")"))
        // A token must not follow a redirect: they are followed here, one by one.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(settings.connect)
        .read_timeout(settings.silence)
        // Longer, and the server may have gone away unnoticed.
        .pool_idle_timeout(IDLE);
    if !settings.uses_proxies {
        builder = builder.no_proxy();
    }
    if let Some(path) = &settings.certificates {
        let unusable = |why: &dyn std::fmt::Display| {
            Failure::local(format!("the certificates in {} cannot be used: {why}", path.display()))
                .help("SSL_CERT_FILE names a file of certificates in PEM")
        };
        let content = fs::read(path).map_err(|error| unusable(&error))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&content).map_err(|error| unusable(&error))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| Failure::local(format!("no connection can be made: {}", causes(&error))))
}

impl Carrier for Http {
    fn is_stateless(&self) -> bool {
        true
    }

    fn open(&self, service: Service) -> io::Result<Box<dyn Stream>> {
        let body = SpooledTempFile::new(IN_MEMORY);
        // A fetch is bounded by those who asked for it.
        let left = if service == Service::UploadPack { usize::MAX } else { LISTED };
        Ok(Box::new(Exchange { connection: self.0.clone(), service, body, answer: None, left }))
    }

    fn failure(&self) -> Option<Failure> {
        locked(&self.0.failure).take()
    }

    fn has_pushed(&self) -> bool {
        self.0.has_pushed.load(Ordering::Relaxed)
    }
}

/// One request, written first, and its answer, read then.
struct Exchange {
    connection: Arc<Connection>,
    service: Service,
    body: SpooledTempFile,
    answer: Option<Answer>,
    /// How many bytes more are read.
    left: usize,
}

struct Answer {
    response: Response,
    read: Bytes,
}

impl Write for Exchange {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.body.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let connection = self.connection.clone();
        let answer = match &mut self.answer {
            Some(answer) => answer,
            None => {
                let body = std::mem::replace(&mut self.body, SpooledTempFile::new(0));
                let sent = connection.speaker.runtime.block_on(connection.ask(self.service, body));
                let response = sent.map_err(|failure| connection.fail(failure))?;
                self.answer.insert(Answer { response, read: Bytes::new() })
            }
        };
        while answer.read.is_empty() {
            match connection.speaker.runtime.block_on(answer.response.chunk()) {
                Ok(Some(chunk)) => match self.left.checked_sub(chunk.len()) {
                    Some(left) => (self.left, answer.read) = (left, chunk),
                    None => return Err(connection.fail(Failure::local("the server lists more than anybody reads"))),
                },
                Ok(None) => return Ok(0),
                Err(error) => return Err(connection.fail(connection.broken(&error))),
            }
        }
        let count = answer.read.len().min(buffer.len());
        buffer[..count].copy_from_slice(&answer.read[..count]);
        answer.read.advance(count);
        Ok(count)
    }
}

impl Connection {
    /// Remembers what went wrong; libgit2 has room for a text only.
    fn fail(&self, failure: Failure) -> io::Error {
        let text = failure.to_string();
        locked(&self.failure).get_or_insert(failure);
        io::Error::other(text)
    }

    async fn ask(&self, service: Service, body: SpooledTempFile) -> Result<Response, Failure> {
        let kind = match service {
            Service::UploadPackLs | Service::ReceivePackLs => "advertisement",
            Service::UploadPack | Service::ReceivePack => "result",
        };
        let response = match kind {
            "advertisement" => self.ask_for_branches(service).await?,
            _ => self.send(service, body).await?,
        };
        let expected = format!("application/x-{}-{kind}", name(service));
        let found = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match found.split(';').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(&expected)) {
            true => Ok(response),
            false => {
                let url = locked(&self.repository).clone();
                Err(Failure::new(FailureKind::NotFound, format!("{url} answers, but not as a Git repository does"))
                    .help("look at the address: a web page is there"))
            }
        }
    }

    /// Asks where the branches are. This is where a server may send us on to another address.
    async fn ask_for_branches(&self, service: Service) -> Result<Response, Failure> {
        let mut url = self.address("info/refs");
        url.set_query(Some(&format!("service={}", name(service))));
        for _ in 0..=REDIRECTS {
            let request = self.request(Method::GET, &url).header(CACHE_CONTROL, "no-cache");
            let response = request.send().await.map_err(|error| self.broken(&error))?;
            if !response.status().is_redirection() {
                let response = self.good(response).await?;
                self.remember(url);
                return Ok(response);
            }
            url = redirected(&url, &response)?;
        }
        Err(Failure::new(FailureKind::NotFound, format!("{url} sends on and on")))
    }

    /// Takes what is before `/info/refs` for the address of the repository from now on.
    fn remember(&self, mut url: Url) {
        url.set_query(None);
        if let Some(path) = url.path().strip_suffix("/info/refs").map(str::to_owned) {
            url.set_path(&path);
            *locked(&self.repository) = url;
        }
    }

    async fn send(&self, service: Service, mut body: SpooledTempFile) -> Result<Response, Failure> {
        let unreadable = |error: io::Error| Failure::local(format!("what was to be sent cannot be read: {error}"));
        let left = body.stream_position().map_err(unreadable)?;
        body.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let url = self.address(name(service));
        let request = self
            .request(Method::POST, &url)
            .header(CONTENT_TYPE, format!("application/x-{}-request", name(service)))
            .header(ACCEPT, format!("application/x-{}-result", name(service)))
            .body(reqwest::Body::wrap(Spooled { file: body, left }));
        if service == Service::ReceivePack {
            self.has_pushed.store(true, Ordering::Relaxed);
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                self.has_pushed.store(false, Ordering::Relaxed);
            }
            self.broken(&error)
        })?;
        self.good(response).await
    }

    fn address(&self, below: &str) -> Url {
        let mut url = locked(&self.repository).clone();
        let path = format!("{}/{below}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    fn request(&self, method: Method, url: &Url) -> reqwest::RequestBuilder {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let request = self.speaker.client.request(method, url.clone()).timeout(left);
        match &self.token {
            Some(token) if url.origin() == self.origin => request.basic_auth(USER, Some(token.expose_secret())),
            _ => request,
        }
    }

    /// Returns the response if it is one that helps.
    async fn good(&self, response: Response) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let wait = wait.map(Duration::from_secs);
        let url = locked(&self.repository).clone();
        let words = words(response).await;
        let failure = |kind, what: &str| Failure::new(kind, format!("{url} {what} ({status}){words}"));
        let unreachable = |retryable| FailureKind::Unreachable {
            retryable,
            perhaps_done: self.has_pushed.load(Ordering::Relaxed),
            wait,
        };
        Err(match status {
            StatusCode::UNAUTHORIZED => {
                let help = match self.token {
                    Some(_) => "the token is wrong, has expired, or is not one for this repository",
                    None => "the repository wants a token",
                };
                failure(FailureKind::Unauthenticated, "does not know who we are").help(help)
            }
            // A limit, not a refusal.
            StatusCode::FORBIDDEN if wait.is_some() => failure(unreachable(true), "asks to wait"),
            StatusCode::FORBIDDEN => {
                failure(FailureKind::Forbidden, "does not allow this").help("the token lacks the right to do this")
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => failure(FailureKind::NotFound, "is not there")
                .help("look at the address; a private repository also seems not to be there without the right token"),
            status => {
                let retryable = status.is_server_error()
                    || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
                failure(unreachable(retryable), "cannot answer")
            }
        })
    }

    /// Returns why there is no answer, or no whole one.
    fn broken(&self, error: &reqwest::Error) -> Failure {
        let url = locked(&self.repository).clone();
        let is_mistrusted = error.source().is_some_and(is_of_a_certificate);
        let kind = FailureKind::Unreachable {
            retryable: !is_mistrusted && !error.is_builder(),
            perhaps_done: self.has_pushed.load(Ordering::Relaxed),
            wait: None,
        };
        let what = match error.is_timeout() {
            true => "does not answer in time".to_owned(),
            false => format!("cannot be reached: {}", causes(error)),
        };
        let failure = Failure::new(kind, format!("{url} {what}"));
        match is_mistrusted {
            true => failure.help("name a file with the certificate of its authority in SSL_CERT_FILE"),
            false => failure,
        }
    }
}

/// Returns whether a certificate that is not to be trusted is at the bottom of an error.
fn is_of_a_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return matches!(error, rustls::Error::InvalidCertificate(_));
    }
    // What an error of the operating system's kind wraps is not its source, but what the source's source is.
    let wrapped = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
    match wrapped {
        Some(wrapped) => is_of_a_certificate(wrapped),
        None => error.source().is_some_and(is_of_a_certificate),
    }
}

/// Returns where a response sends on to.
fn redirected(from: &Url, response: &Response) -> Result<Url, Failure> {
    let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let to = to.and_then(|to| from.join(to).ok()).filter(|to| matches!(to.scheme(), "http" | "https"));
    let nowhere = || Failure::new(FailureKind::NotFound, format!("{from} sends on to nowhere"));
    let mut to = to.ok_or_else(nowhere)?;
    // Who sends on may not make us somebody.
    let cleared = to.set_username("").and_then(|()| to.set_password(None));
    cleared.map_err(|()| nowhere())?;
    match from.scheme() == "https" && to.scheme() != "https" {
        false => Ok(to),
        true => Err(Failure::new(FailureKind::Forbidden, format!("{from} sends on to {to}, which is not protected"))),
    }
}

/// Returns the first line or so of what a server says about an error; nothing where it is a page for browsers.
async fn words(mut response: Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("text/plain") {
        return String::new();
    }
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        text.extend_from_slice(&chunk);
        if text.len() >= WORDS {
            text.truncate(WORDS);
            break;
        }
    }
    match String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" ") {
        text if text.is_empty() => text,
        text => format!(": {text}"),
    }
}

/// Returns an error with what caused it; without the address, which the message has already.
fn causes(error: &reqwest::Error) -> String {
    let chain = std::iter::successors(error.source(), |error| (*error).source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    match texts.is_empty() {
        true if error.is_body() || error.is_decode() => "the connection broke".to_owned(),
        true => "the request failed".to_owned(),
        false => texts.join(": "),
    }
}

/// A request's content, read as it is sent.
struct Spooled {
    file: SpooledTempFile,
    left: u64,
}

impl Body for Spooled {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut buffer = vec![0; 1 << 16];
        Poll::Ready(match self.file.read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => {
                buffer.truncate(count);
                self.left = self.left.saturating_sub(count as u64);
                Some(Ok(Frame::data(buffer.into())))
            }
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
