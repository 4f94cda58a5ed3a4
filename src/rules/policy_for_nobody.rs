//! A policy row for somebody who cannot come.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, entries_of, policies};
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
    let mut found = Vec::new();
    for dir in deployment.of_chart("dir") {
        let entries = entries_of(dir);
        let all = deployment.federation_entries();
        let is_known = |subject: &str| {
            let is_own = own.as_ref().is_none_or(|own| &*own.value == subject);
            subject == "*" || is_own || entries.iter().chain(&all).any(|entry| entry.trust_domain == subject)
        };
        let mut told = Vec::new();
        for row in policies(dir) {
            let Some((subject, _)) = row.parts() else { continue };
            if !is_known(subject) && !told.contains(&subject) {
                told.push(subject);
                let message = format!("a policy row is for {subject}, whom nothing here federates with");
                found.push(Diagnostic::new(message).at(row.place).key("apiserver.authz_policies_csv"));
            }
        }
    }
    found
}
