//! The keys of a bundle.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::ProblemKind;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "bundle-key",
    severity: Severity::Error,
    title: "A key of a trust bundle is no usable JWK",
    reason: "A key that cannot be read verifies nothing, and most readers refuse the whole bundle for it: RFC 7517, RFC 7518, \
             spiffe.io/docs/latest/spiffe-specs/spiffe_trust_domain_and_bundle, section 4.2.",
    mend: "Take the whole output of `spire-server bundle show -format spiffe`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let problems = file.bundle().map(|bundle| bundle.problems.as_slice()).unwrap_or_default();
    let of_kind = problems.iter().filter(|problem| problem.kind == ProblemKind::Key);
    of_kind.map(|problem| problem.diagnostic.clone()).collect()
}
