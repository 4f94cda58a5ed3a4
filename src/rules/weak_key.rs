//! Keys and signatures that can be broken.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::ProblemKind;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "weak-key",
    severity: Severity::Error,
    title: "A key or signature of a trust bundle is too weak",
    reason: "Whoever can make the private key or a second certificate speaks for the whole trust domain: NIST SP 800-131A.",
    mend: "Let the SPIRE server make its keys anew, with `ca_key_type` ec-p256 or rsa-2048 at least.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let problems = file.bundle().map(|bundle| bundle.problems.as_slice()).unwrap_or_default();
    let of_kind = problems.iter().filter(|problem| problem.kind == ProblemKind::Weak);
    of_kind.map(|problem| problem.diagnostic.clone()).collect()
}
