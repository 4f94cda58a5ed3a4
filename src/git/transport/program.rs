//! Git through a program that talks to the other side: `git` itself for a folder, `ssh` for another machine.
//!
//! A folder is served by `git upload-pack` and `git receive-pack`, as by Git: hooks run, branches are locked while they
//! move, and shallow clones work, none of which libgit2's own way to a folder does.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use git2::transport::Service;

use super::{Carrier, Stream, name};
use crate::git::{Failure, FailureKind};

/// How much of what a program says about an error is read, in bytes.
const WORDS: u64 = 2000;

/// What makes Git work on another repository than the one that it is told; set while a hook runs.
const LOCAL_VARIABLES: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
];

/// Where a program finds a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::git) enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// On another machine.
    Machine {
        /// The host, with the user to log in as where that matters.
        host: String,
        /// The port, unless it is the usual one.
        port: Option<u16>,
        /// The path there.
        path: String,
    },
}

/// The way to a repository through a program.
pub(in crate::git) struct Program {
    place: Place,
    whole: Duration,
    ended: Arc<Mutex<Option<Ended>>>,
    failure: Mutex<Option<Failure>>,
    has_pushed: Arc<AtomicBool>,
}

struct Ended {
    status: Option<ExitStatus>,
    said: String,
    was_late: bool,
}

impl Program {
    pub(in crate::git) fn new(place: Place, whole: Duration) -> Self {
        let (ended, failure, has_pushed) = (Arc::default(), Mutex::default(), Arc::default());
        Self { place, whole, ended, failure, has_pushed }
    }

    fn command(&self, service: Service) -> Command {
        let (kind, service) = (&self.place, name(service));
        let mut command = match kind {
            Place::Folder(path) => {
                let mut command = Command::new("git");
                // A path that begins like an option is a path all the same.
                command.arg(service.trim_start_matches("git-")).arg(Path::new(".").join(path));
                command
            }
            Place::Machine { host, port, path } => {
                let mut command = ssh();
                if let Some(port) = port {
                    command.arg("-p").arg(port.to_string());
                }
                command.arg(host).arg(format!("{service} {}", quoted(path)));
                command
            }
        };
        for variable in LOCAL_VARIABLES {
            command.env_remove(variable);
        }
        // libgit2 speaks the first protocol.
        command.env_remove("GIT_PROTOCOL");
        command
    }
}

/// Returns a path as one word for a shell, somebody's home before it left to the shell.
fn quoted(path: &str) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    match path.strip_prefix('~').map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
        Some((name, rest)) if is_plain(name) => format!("~{name}/{}", quote(rest)),
        _ => quote(path),
    }
}

/// Returns `ssh` as the user has it.
fn ssh() -> Command {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(line) = variable("GIT_SSH_COMMAND") {
        let mut command = Command::new("sh");
        let mut script = line;
        script.push(" \"$@\"");
        command.arg("-c").arg(script).arg("ssh");
        return command;
    }
    Command::new(variable("GIT_SSH").as_deref().unwrap_or(OsStr::new("ssh")))
}

impl Carrier for Program {
    fn is_stateless(&self) -> bool {
        false
    }

    fn open(&self, service: Service) -> io::Result<Box<dyn Stream>> {
        let mut command = self.command(service);
        let program = command.get_program().to_string_lossy().into_owned();
        let started = Conversation::start(&mut command, service, self);
        started.map(|conversation| Box::new(conversation) as Box<dyn Stream>).map_err(|error| {
            let failure = Failure::local(format!("{} cannot be reached: {program} does not run: {error}", self.place))
                .help(format!("install {program}, or name the repository by https://"));
            let text = failure.to_string();
            locked(&self.failure).get_or_insert(failure);
            io::Error::other(text)
        })
    }

    fn failure(&self) -> Option<Failure> {
        if let Some(failure) = locked(&self.failure).take() {
            return Some(failure);
        }
        let Ended { status, said, was_late } = locked(&self.ended).take()?;
        let perhaps_done = self.has_pushed();
        let unreachable = |retryable| FailureKind::Unreachable { retryable, perhaps_done, wait: None };
        if was_late {
            return Some(Failure::new(unreachable(true), format!("{} does not answer in time", self.place)));
        }
        let is_said = |words: &[&str]| words.iter().any(|words| said.contains(words));
        let kind = if is_said(&["does not appear to be a git repository", "not a git repository", "not found"]) {
            FailureKind::NotFound
        } else if is_said(&["Permission denied (", "Authentication failed"]) {
            FailureKind::Unauthenticated
        } else if is_said(&["Host key verification failed", "dubious ownership", "Permission denied"]) {
            FailureKind::Forbidden
        } else if status.is_some_and(|status| status.success()) && said.is_empty() {
            return None;
        } else {
            unreachable(matches!(self.place, Place::Machine { .. }))
        };
        Some(Failure::new(kind, format!("{} cannot be reached: {said}", self.place)))
    }

    fn has_pushed(&self) -> bool {
        self.has_pushed.load(Ordering::Relaxed)
    }
}

/// A running program, written to and read from.
struct Conversation {
    child: Arc<Mutex<Child>>,
    input: Option<ChildStdin>,
    output: Receiver<Bytes>,
    read: Bytes,
    deadline: Instant,
    errors: File,
    ended: Arc<Mutex<Option<Ended>>>,
    has_pushed: Option<Arc<AtomicBool>>,
    /// Ends the watch.
    done: Option<Sender<()>>,
    watch: Option<JoinHandle<bool>>,
}

impl Conversation {
    fn start(command: &mut Command, service: Service, program: &Program) -> io::Result<Self> {
        let errors = tempfile::tempfile()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors.try_clone()?);
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().map(chunks).ok_or(io::ErrorKind::BrokenPipe)?;
        let child = Arc::new(Mutex::new(child));
        let (done, is_done) = channel::<()>();
        let (watched, whole) = (child.clone(), program.whole);
        let deadline = Instant::now() + whole;
        let watch = thread::spawn(move || {
            let is_late = is_done.recv_timeout(whole) == Err(RecvTimeoutError::Timeout);
            if is_late {
                // One that has ended meanwhile needs no end.
                let _ = locked(&watched).kill();
            }
            is_late
        });
        let has_pushed = matches!(service, Service::ReceivePackLs).then(|| program.has_pushed.clone());
        let ended = program.ended.clone();
        let (read, done, watch) = (Bytes::new(), Some(done), Some(watch));
        Ok(Self { child, input, output, read, deadline, errors, ended, has_pushed, done, watch })
    }
}

/// Returns what a program writes, as it comes. Reading itself cannot be given up: what a program has started may go on
/// when the program has ended.
fn chunks(mut output: ChildStdout) -> Receiver<Bytes> {
    // As much as a pipe holds may wait to be taken.
    let (sender, receiver) = sync_channel(4);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if sender.send(Bytes::copy_from_slice(&buffer[..count])).is_err() {
                break;
            }
        }
    });
    receiver
}

impl Read for Conversation {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.is_empty() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(chunk) => self.read = chunk,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let count = self.read.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.read[..count]);
        self.read.advance(count);
        Ok(count)
    }
}

impl Write for Conversation {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // A lone `0000` says goodbye.
        if let Some(has_pushed) = self.has_pushed.as_ref().filter(|_| data != b"0000") {
            has_pushed.store(true, Ordering::Relaxed);
        }
        self.input.as_mut().map_or(Ok(0), |input| input.write(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Conversation {
    /// Lets the program come to its end: hooks that run after a push are part of it.
    fn drop(&mut self) {
        drop(self.input.take());
        self.output = sync_channel(0).1;
        let status = loop {
            // Not waited for under the lock, which the watch needs to end the program.
            match locked(&self.child).try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => break Some(status),
                Err(_) => break None,
            }
            thread::sleep(Duration::from_millis(2));
        };
        drop(self.done.take());
        let was_late = self.watch.take().is_some_and(|watch| watch.join().unwrap_or(false));
        let mut said = Vec::new();
        let read = self.errors.rewind().and_then(|()| (&self.errors).take(WORDS).read_to_end(&mut said));
        let said = read.map(|_| String::from_utf8_lossy(&said).into_owned()).unwrap_or_default();
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        *locked(&self.ended) = Some(Ended { status, said, was_late });
    }
}

impl Place {
    /// Returns the place that a text names as `user@host:path`, or a folder.
    pub(in crate::git) fn parse(text: &str) -> Self {
        match text.split_once(':') {
            // One letter is a drive.
            Some((host, path)) if host.len() > 1 && !host.contains(['/', '\\']) && !Path::new(text).exists() => {
                Self::Machine { host: host.to_owned(), port: None, path: path.to_owned() }
            }
            _ => Self::Folder(PathBuf::from(text)),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Machine { host, port: None, path } => write!(f, "{host}:{path}"),
            Self::Machine { host, port: Some(port), path } => {
                write!(f, "ssh://{host}:{port}/{}", path.trim_start_matches('/'))
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word_for_a_shell() {
        for (path, word) in [
            ("/a b/it's", r"'/a b/it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("~/e.git", "~/'e.git'"),
            ("~git/a b", "~git/'a b'"),
            ("~$(x)/e", "'~$(x)/e'"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }
}
