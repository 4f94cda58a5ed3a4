//! Why GitHub did not do what it was asked.

use std::fmt;

use crate::diagnostic::Diagnostic;

/// Why GitHub did not do what it was asked. No token is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of trouble it is.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
}

/// The kinds of trouble with GitHub that a caller may treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There are no credentials, they cannot be read, or GitHub does not take them.
    Credentials,
    /// The credentials are good, but not for this.
    Forbidden,
    /// It is not there, or the credentials do not let one see it.
    NotFound,
    /// GitHub understood and refuses.
    Refused,
    /// GitHub cannot be reached or does not answer as it should; another run may find it well again.
    Unavailable,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns what to tell people. (A `From` for it would leave the compiler in doubt wherever `?` meets a diagnostic.)
    pub fn into_diagnostic(self) -> Diagnostic {
        Diagnostic { help: self.help, ..Diagnostic::new(self.message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
