//! A policy row for somebody who cannot come.

use std::collections::BTreeSet;

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, policies};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "policy-for-nobody",
    severity: Severity::Warning,
    title: "A policy row is for a trust domain that the environment does not federate with",
    reason: "Nobody can show an identity of that trust domain here, so the row does nothing, and it would give its method to \
             whoever claims the trust domain and is onboarded later.",
    mend: "Remove the row, or federate with the trust domain.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let own = deployment.trust_domain();
    let entries = deployment.federation_entries();
    let partners: BTreeSet<&str> = entries.iter().map(|entry| entry.trust_domain).collect();
    let is_known = |subject: &str| {
        // Where nobody says which trust domain is the environment's own, every row may be for it.
        subject == "*" || partners.contains(subject) || own.as_ref().is_none_or(|own| &*own.value == subject)
    };
    let mut found = Vec::new();
    for dir in deployment.of_chart("dir") {
        let mut told = BTreeSet::new();
        for row in policies(dir) {
            let Some((subject, _)) = row.parts() else { continue };
            if !is_known(subject) && told.insert(subject) {
                let message = format!("a policy row is for {subject}, whom nothing here federates with");
                found.push(Diagnostic::new(message).at(row.place).key("apiserver.authz_policies_csv"));
            }
        }
    }
    found
}
