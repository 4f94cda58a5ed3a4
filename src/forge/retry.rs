//! Trying again: how often, after how long, and what must be looked up first.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use super::clock::Clock;
use super::error::{Error, ErrorKind};

/// How often and how long to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often one request is sent at most.
    pub attempts: u32,
    /// The pause after the first attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// How long to wait in all, over every request together.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 6, first_pause: Duration::from_secs(1), longest_wait: Duration::from_secs(20 * 60) }
    }
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may be well the next time. Whether the request took effect is unknown.
    Passing { error: Error, pause: Pause },
    /// It will be the same the next time.
    Final(Error),
}

impl Failure {
    /// Returns whether somebody with credentials might have got an answer.
    pub(super) fn is_about_who_asks(&self) -> bool {
        match self {
            Self::Passing { pause, .. } => !matches!(pause, Pause::Backoff),
            Self::Final(error) => matches!(error.kind, ErrorKind::Credentials | ErrorKind::Forbidden),
        }
    }

    /// Takes a refusal that may only mean that GitHub has not caught up with itself for one that passes: a pull request
    /// that is there and not listed yet, a branch that was pushed and is not seen yet.
    pub(super) fn or_not_caught_up(self) -> Self {
        match self {
            Self::Final(error) if error.kind == ErrorKind::Refused && is_not_caught_up(&error.message) => {
                Self::Passing { error, pause: Pause::Backoff }
            }
            failure => failure,
        }
    }
}

fn is_not_caught_up(message: &str) -> bool {
    let names_head = message.contains(r#""field":"head""#) && message.contains(r#""code":"invalid""#);
    names_head || message.contains("already exists")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// When to try again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pause {
    /// Soon, and each time later.
    Backoff,
    /// After a minute, and each time later: what GitHub asks for where it names no time.
    Minutes,
    /// After a while that GitHub named.
    For(Duration),
    /// At a time that GitHub named, since 1970.
    Until(Duration),
}

/// Counts what has been tried, and lets time pass between.
pub(super) struct Waiting {
    pub(super) clock: Box<dyn Clock>,
    pub(super) patience: Patience,
    pub(super) progress: Box<dyn Fn(&str) + Send + Sync>,
    waited: Mutex<Duration>,
}

impl Waiting {
    pub(super) fn new(clock: Box<dyn Clock>, patience: Patience, progress: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        Self { clock, patience, progress, waited: Mutex::default() }
    }

    /// Does something until it succeeds, up to the bound. It is told how often it was tried before.
    pub(super) fn until_done<T>(&self, mut attempt: impl FnMut(u32) -> Result<T, Failure>) -> Result<T, Error> {
        let mut made = 0;
        loop {
            match attempt(made) {
                Ok(done) => return Ok(done),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { error, pause }) => self.wait(&mut made, error, pause)?,
            }
        }
    }

    /// Waits for the next attempt.
    ///
    /// # Errors
    /// With what went wrong, where there have been enough attempts, or the wait would be too long.
    fn wait(&self, made: &mut u32, error: Error, pause: Pause) -> Result<(), Error> {
        *made += 1;
        let time = self.length(pause, *made);
        if *made >= self.patience.attempts {
            let tried = format!("tried {made} times; run it again later, and it goes on where this left off");
            let help = error.help.iter().map(|help| format!("{help}; ")).collect::<String>() + &tried;
            return Err(error.help(help));
        }
        if !self.take(time) {
            let help = format!("GitHub asks to wait {} s, which is too long; run it again then", time.as_secs());
            return Err(error.help(help));
        }
        let attempts = self.patience.attempts;
        let seconds = time.as_secs_f32().ceil();
        (self.progress)(&format!("{error}; trying again in {seconds} s ({made} of {attempts})"));
        self.clock.sleep(time);
        Ok(())
    }

    fn length(&self, pause: Pause, made: u32) -> Duration {
        let doubled = |first: Duration| first.saturating_mul(1 << made.saturating_sub(1).min(16));
        match pause {
            Pause::Backoff => doubled(self.patience.first_pause),
            Pause::Minutes => doubled(Duration::from_secs(60)),
            Pause::For(time) => time,
            Pause::Until(time) => {
                let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
                // The clocks differ, and GitHub counts in whole seconds.
                time.saturating_sub(now) + Duration::from_secs(1)
            }
        }
    }

    /// Takes a wait from what may be waited in all, if that is left.
    fn take(&self, time: Duration) -> bool {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        let after = waited.saturating_add(time);
        let fits = after <= self.patience.longest_wait;
        if fits {
            *waited = after;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::*;

    #[derive(Clone, Default)]
    struct Still(Arc<Mutex<Vec<Duration>>>);

    impl Clock for Still {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(1000)
        }

        fn sleep(&self, time: Duration) {
            self.0.lock().unwrap().push(time);
        }
    }

    /// Returns how long the pauses were until it was given up, in seconds.
    fn pauses(pause: Pause) -> Vec<u64> {
        let clock = Still::default();
        let waiting = Waiting::new(Box::new(clock.clone()), Patience::default(), Box::new(|_| {}));
        let failed = waiting.until_done(|_| -> Result<(), Failure> {
            Err(Failure::Passing { error: Error::new(ErrorKind::Unavailable, "no"), pause })
        });
        assert!(failed.unwrap_err().help.is_some());
        let slept = clock.0.lock().unwrap();
        slept.iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn pauses_follow_what_github_asks_for_and_have_a_bound() {
        assert_eq!(pauses(Pause::Backoff), [1, 2, 4, 8, 16]);
        assert_eq!(pauses(Pause::Minutes), [60, 120, 240, 480]);
        assert_eq!(pauses(Pause::For(Duration::from_secs(7))), [7; 5]);
        assert_eq!(pauses(Pause::Until(Duration::from_secs(1100))), [101; 5]);
        assert_eq!(pauses(Pause::Until(Duration::from_secs(900))), [1; 5]);
        assert_eq!(pauses(Pause::For(Duration::from_secs(3600))), [] as [u64; 0]);
    }
}
