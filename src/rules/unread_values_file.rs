//! A values file that no Application names.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unread-values-file",
    severity: Severity::Error,
    title: "A values file that no Application reads",
    reason: "It looks as if it were in effect and is not: so generated values for the partners lay where nothing read \
             them, and no partner was let in.",
    mend: "Name it in the Application's `valueFiles`, or remove it.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let unread = deployment.unread.iter();
    unread.map(|file| Diagnostic::new(format!("no Application reads {}", &**file)).at(file.place)).collect()
}
