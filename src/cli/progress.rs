//! What is being done, on standard error, as soon as it takes more than a second.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::propose::Progress;

/// What takes less than this is not told.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a terminal's line is written anew.
const TICK: Duration = Duration::from_millis(250);

/// Tells what is being done until it is dropped: in one line that changes on a terminal, in a line a step elsewhere.
pub(super) struct Reporter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    is_over: Condvar,
    is_terminal: bool,
}

struct State {
    step: String,
    since: Instant,
    /// The kind of step that was told last, where each has a line of its own.
    told: String,
    is_line_open: bool,
    is_over: bool,
}

impl Reporter {
    /// Starts to watch.
    pub(super) fn start() -> Self {
        let state = State {
            step: String::new(),
            since: Instant::now(),
            told: String::new(),
            is_line_open: false,
            is_over: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            is_over: Condvar::new(),
            is_terminal: io::stderr().is_terminal(),
        });
        let for_thread = shared.clone();
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(move || for_thread.watch()).ok();
        Self { shared, thread }
    }

    /// Returns whom to tell what is being done.
    pub(super) fn progress(&self) -> Progress {
        let shared = self.shared.clone();
        Arc::new(move |step: &str| shared.begin(step))
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.is_over.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, step: &str) {
        let mut state = self.state();
        if kind(step) != kind(&state.step) {
            state.since = Instant::now();
        }
        step.clone_into(&mut state.step);
    }

    fn watch(&self) {
        let mut state = self.state();
        while !state.is_over {
            state = self.is_over.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
            if !state.is_over && !state.step.is_empty() && state.since.elapsed() >= PATIENCE {
                self.tell(&mut state);
            }
        }
        if state.is_line_open {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }

    /// Nobody is there to be told that standard error is closed.
    fn tell(&self, state: &mut State) {
        let mut output = io::stderr().lock();
        if self.is_terminal {
            let _ = write!(output, "\r\x1b[2K{} ({} s)", state.step, state.since.elapsed().as_secs());
            let _ = output.flush();
            state.is_line_open = true;
        } else if kind(&state.step) != state.told {
            let _ = writeln!(output, "{} …", state.step);
            state.told = kind(&state.step).to_owned();
        }
    }
}

/// Returns a step without what it counts: up to the first digit that stands alone.
fn kind(step: &str) -> &str {
    step.find(" of ").filter(|_| step.ends_with(" objects")).map_or(step, |_| step.split(' ').next().unwrap_or(step))
}
