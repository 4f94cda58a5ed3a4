//! A real Git server over HTTP or HTTPS: `git http-backend` behind a few lines of HTTP, which can be told to fail.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use git2::Repository;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// What happens to a request instead of a good answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection closes before anything was done.
    DropBefore,
    /// Everything is done, and the connection closes without an answer.
    DropAfter,
    /// Everything is done, and this many bytes of the answer come.
    Cut(usize),
    /// Nothing is done and nothing comes for so long.
    Stall(Duration),
    /// Nothing is done, and this is the answer: status, header lines, body.
    Answer(u16, Vec<String>, String),
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /path?query`.
    pub line: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// A server with repositories, which ends with the test.
pub struct GitServer {
    folder: TempDir,
    address: SocketAddr,
    is_secure: bool,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    token: Option<String>,
    faults: Mutex<Vec<(String, Fault)>>,
    /// The fault of one request by its number, from 1, and whether the later ones fail too.
    numbered: Mutex<Option<(usize, Fault, bool)>>,
    requests: Mutex<Vec<Request>>,
    tls: Option<Arc<ServerConfig>>,
    is_over: AtomicBool,
}

/// Returns whether Git is here with what serves HTTP, and says so where it is not.
pub fn is_git_here() -> bool {
    let path = Command::new("git").arg("--exec-path").output();
    let path = path.ok().map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let is_here = path
        .is_some_and(|path| ["git-http-backend", "git-http-backend.exe"].iter().any(|name| path.join(name).exists()));
    if !is_here {
        println!("skipped: git with http-backend is not here");
    }
    is_here
}

impl GitServer {
    /// Starts a server that wants this token, or takes anybody.
    pub fn http(token: Option<&str>) -> Self {
        Self::start(token, false)
    }

    /// Starts a server with TLS; [`Self::authority`] is who vouches for it.
    pub fn https(token: Option<&str>) -> Self {
        Self::start(token, true)
    }

    fn start(token: Option<&str>, is_secure: bool) -> Self {
        let folder = TempDir::new().unwrap();
        let tls = is_secure.then(|| Arc::new(tls(&folder.path().join("authority.pem"))));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let root = folder.path().join("repositories");
        fs::create_dir(&root).unwrap();
        let shared = Arc::new(Shared {
            root,
            token: token.map(str::to_owned),
            faults: Mutex::default(),
            numbered: Mutex::default(),
            requests: Mutex::default(),
            tls,
            is_over: AtomicBool::new(false),
        });
        let for_thread = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if for_thread.is_over.load(Ordering::Relaxed) {
                    break;
                }
                let shared = for_thread.clone();
                // A client that goes away is no fault of the server.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { folder, address, is_secure, shared }
    }

    /// Makes an empty repository and returns its folder.
    pub fn repository(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join("repositories").join(name);
        let repository = Repository::init_bare(&path).unwrap();
        repository.set_head("refs/heads/main").unwrap();
        // The user's configuration may name another folder.
        repository.config().unwrap().set_str("core.hooksPath", path.join("hooks").to_str().unwrap()).unwrap();
        path
    }

    /// Returns the address of a repository.
    pub fn url(&self, name: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}/{name}", self.address)
    }

    /// Returns the file of the authority that vouches for the server.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Lets the next request whose first line contains `what` fail. Several wait for their requests in order.
    pub fn fail(&self, what: &str, fault: Fault) {
        self.shared.faults.lock().unwrap().push((what.to_owned(), fault));
    }

    /// Counts requests anew and lets one of them fail, from 1, and the later ones too where it `lasts`; or none.
    pub fn fail_request(&self, fault: Option<(usize, Fault, bool)>) {
        *self.shared.numbered.lock().unwrap() = fault;
        self.requests();
    }

    /// Returns the requests that came so far, and forgets them.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the one that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// Puts a hook into a repository: a shell script without its first line.
pub fn hook(repository: &Path, name: &str, script: &str) {
    let path = repository.join("hooks").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Returns what a server with a certificate for this machine needs, and writes who vouches for it.
fn tls(authority: &Path) -> ServerConfig {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
    let ca = parameters.self_signed(&ca_key).unwrap();
    fs::write(authority, ca.pem()).unwrap();
    let issuer = rcgen::Issuer::new(parameters, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap()
}

trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

impl Shared {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let wire: Box<dyn Wire> = match &self.tls {
            Some(tls) => {
                let connection = ServerConnection::new(tls.clone()).map_err(io::Error::other)?;
                Box::new(StreamOwned::new(connection, stream))
            }
            None => Box::new(stream),
        };
        let mut wire = BufReader::new(wire);
        while let Some((request, body)) = read_request(&mut wire)? {
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.len()
            };
            let fault = self.numbered_fault(number).or_else(|| self.fault(&request.line));
            let answer = match &fault {
                Some(Fault::DropBefore) => return Ok(()),
                Some(Fault::Stall(time)) => {
                    thread::sleep(*time);
                    return Ok(());
                }
                Some(Fault::Answer(status, headers, body)) => answer(*status, headers, body.as_bytes()),
                _ if !self.knows(&request) => {
                    answer(401, &["WWW-Authenticate: Basic realm=\"git\"".to_owned()], b"who are you?\n")
                }
                _ => self.backend(&request, &body)?,
            };
            match fault {
                Some(Fault::DropAfter) => return Ok(()),
                Some(Fault::Cut(length)) => {
                    wire.get_mut().write_all(&answer[..length.min(answer.len())])?;
                    return wire.get_mut().flush();
                }
                _ => {
                    wire.get_mut().write_all(&answer)?;
                    wire.get_mut().flush()?;
                }
            }
        }
        Ok(())
    }

    fn fault(&self, line: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let index = faults.iter().position(|(what, _)| line.contains(what.as_str()))?;
        Some(faults.remove(index).1)
    }

    fn numbered_fault(&self, number: usize) -> Option<Fault> {
        let numbered = self.numbered.lock().unwrap();
        let (at, fault, lasts) = numbered.as_ref()?;
        (number == *at || *lasts && number > *at).then(|| fault.clone())
    }

    fn knows(&self, request: &Request) -> bool {
        self.token.as_ref().is_none_or(|token| {
            let encoded = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
            request.headers.get("authorization") == Some(&format!("Basic {encoded}"))
        })
    }

    /// Returns the answer of `git http-backend`, called as a web server calls it (CGI).
    fn backend(&self, request: &Request, body: &[u8]) -> io::Result<Vec<u8>> {
        let (method, target) = request.line.split_once(' ').unwrap_or_default();
        // A client that takes us for its proxy names the host, too.
        let target =
            target.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
        let mut child = Command::new("git")
            .arg("http-backend")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("REMOTE_USER", "somebody")
            .env("REMOTE_ADDR", "127.0.0.1")
            .env("REQUEST_METHOD", method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", header("content-type"))
            .env("CONTENT_LENGTH", body.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let body = body.to_vec();
        let writer = thread::spawn(move || input.write_all(&body));
        let output = child.wait_with_output()?.stdout;
        // One that has read enough does not read on.
        let _ = writer.join();
        let end = output.windows(4).position(|four| four == b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
        let head = String::from_utf8_lossy(&output[..end]).into_owned();
        let status = head.lines().find_map(|line| line.strip_prefix("Status: ")?.get(..3)?.parse().ok());
        let headers: Vec<_> = head.lines().filter(|line| !line.starts_with("Status: ")).map(str::to_owned).collect();
        Ok(answer(status.unwrap_or(200), &headers, &output[end + 4..]))
    }
}

fn read_request(wire: &mut BufReader<Box<dyn Wire>>) -> io::Result<Option<(Request, Vec<u8>)>> {
    let mut first = String::new();
    if wire.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let line = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        wire.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    wire.read_exact(&mut body)?;
    Ok(Some((Request { line, headers }, body)))
}

fn answer(status: u16, headers: &[String], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    [answer.as_bytes(), body].concat()
}
