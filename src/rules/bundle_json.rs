//! The JSON of a bundle.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::ProblemKind;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "bundle-json",
    severity: Severity::Error,
    title: "A trust bundle is not the JSON of one",
    reason: "SPIRE parses the bundle when it reads the ClusterFederatedTrustDomain and refuses all of it for one fault: \
             spiffe.io/docs/latest/spiffe-specs/spiffe_trust_domain_and_bundle, section 4.",
    mend: "Take the whole output of `spire-server bundle show -format spiffe`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let problems = file.bundle().map(|bundle| bundle.problems.as_slice()).unwrap_or_default();
    let of_kind = problems.iter().filter(|problem| problem.kind == ProblemKind::Json);
    of_kind.map(|problem| problem.diagnostic.clone()).collect()
}
