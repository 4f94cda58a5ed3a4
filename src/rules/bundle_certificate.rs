//! The certificates of a bundle.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::ProblemKind;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "bundle-certificate",
    severity: Severity::Error,
    title: "A certificate of a trust bundle is none, or not that of an authority of this trust domain",
    reason: "Workloads are recognised by certificates that these sign. One that is not a CA, of another key, or of another \
             trust domain recognises nobody, or somebody else: spiffe.io/docs/latest/spiffe-specs/spiffe_trust_domain_and_bundle, section 4.2.1, and X509-SVID, section 5.",
    mend: "Take the bundle from the SPIRE server of this trust domain.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let problems = file.bundle().map(|bundle| bundle.problems.as_slice()).unwrap_or_default();
    let of_kind = problems.iter().filter(|problem| problem.kind == ProblemKind::Certificate);
    of_kind.map(|problem| problem.diagnostic.clone()).collect()
}
