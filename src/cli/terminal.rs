//! Questions on a terminal.

use std::io::{self, BufRead, IsTerminal, Stderr, StdinLock, Write};

use crate::diagnostic::{Diagnostic, Sources};

/// Where questions are asked and answered.
pub(super) struct Terminal<R, W> {
    pub(super) answers: R,
    pub(super) questions: W,
}

/// Returns the terminal, where somebody sits at one.
pub(super) fn terminal() -> Option<Terminal<StdinLock<'static>, Stderr>> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    is_terminal.then(|| Terminal { answers: io::stdin().lock(), questions: io::stderr() })
}

impl<R: BufRead, W: Write> Terminal<R, W> {
    /// Asks until the answer can be read.
    pub(super) fn ask<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, Diagnostic>,
    ) -> Result<T, Diagnostic> {
        loop {
            let mut answer = String::new();
            let asked = write!(self.questions, "{question}: ").and_then(|()| self.questions.flush());
            let length = asked.and_then(|()| self.answers.read_line(&mut answer)).unwrap_or(0);
            if length == 0 {
                return Err(Diagnostic::new(format!("no answer: {question}")).help("nothing was changed"));
            }
            match read(answer.trim()) {
                Ok(value) => return Ok(value),
                Err(problem) => {
                    let _ = writeln!(self.questions, "{}", problem.show("error", &Sources::default()));
                }
            }
        }
    }
}
