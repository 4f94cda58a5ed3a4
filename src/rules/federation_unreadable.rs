//! A federation file that cannot be read.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "federation-unreadable",
    severity: Severity::Error,
    title: "A federation file is not one YAML document",
    reason: "What cannot be read cannot become a trust relationship; one such file used to break the sync of every \
             environment.",
    mend: "Mend the YAML at the place that the message names.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    file.content.as_ref().err().cloned().into_iter().collect()
}
