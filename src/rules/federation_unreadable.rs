//! A federation file that cannot be read.

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::FederationFile;

pub(super) static RULE: Rule = Rule {
    code: "federation-unreadable",
    severity: Severity::Error,
    title: "A federation file is not one YAML document",
    reason: "What cannot be read cannot become a trust relationship; one such file used to break the sync of every \
             environment.",
    check: Check::File(check),
};

fn check(file: &FederationFile) -> Vec<Diagnostic> {
    file.content.as_ref().err().cloned().into_iter().collect()
}
