//! A partner that may do nothing.

use std::collections::BTreeSet;

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, entries_of, policies};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "powerless-partner",
    severity: Severity::Warning,
    title: "No policy row lets a federated partner do anything",
    reason: "Federation only makes the partner's identities known; what they may call is in the rows of \
             `authz_policies_csv`. Without a row for the trust domain or for `*` every call is refused.",
    mend: "Grant it methods (`federation.grants` in environment.yaml), or do not federate with it.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for dir in deployment.of_chart("dir").filter(|dir| dir.is_on("apiserver.config.authz.enabled", true)) {
        let rows = policies(dir);
        let subjects: BTreeSet<&str> = rows.iter().filter_map(|row| Some(row.parts()?.0)).collect();
        if subjects.contains("*") || dir.at("apiserver.authz_policies_csv").is_none() {
            continue;
        }
        for entry in entries_of(dir).iter().filter(|entry| !subjects.contains(entry.trust_domain)) {
            let message = format!("no policy row of {} is for {}", deployment.environment, entry.trust_domain);
            found.push(Diagnostic::new(message).at(entry.node.place).key("apiserver.authz_policies_csv"));
        }
    }
    found
}
