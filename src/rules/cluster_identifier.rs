//! Names of child clusters in nested SPIRE.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "cluster-identifier",
    severity: Severity::Error,
    title: "The identifier of a child cluster is too long, or no part of a port's name",
    reason: "The chart spire-nested makes port names from it, `prom-cm-<identifier>` the longest. A port name has at most 15 \
             characters, of lower-case letters, digits and single dashes inside (RFC 6335, section 5.1, which Kubernetes \
             enforces): the API server refuses the pod otherwise.",
    mend: "Use at most 7 characters: lower-case letters and digits.",
    check: Check::Deployment(check),
};

const CHILDREN: &str = "external-spire-server.kubeConfigs";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let children = deployment.of_chart("spire-nested").filter_map(|spire| spire.at(CHILDREN)?.as_map());
    let mut found = Vec::new();
    for (key, entry) in children.flatten() {
        if let Some(fault) = fault(key) {
            found.push(Diagnostic::new(format!("the cluster's identifier `{key}` {fault}")).at(entry.key).key(CHILDREN));
        }
    }
    found
}

fn fault(identifier: &str) -> Option<&'static str> {
    const LONGEST: usize = 15 - "prom-cm-".len();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let dashes = identifier.starts_with('-') || identifier.ends_with('-') || identifier.contains("--");
    if identifier.is_empty() || !identifier.chars().all(fits) || dashes {
        return Some("is no part of a port's name");
    }
    (identifier.len() > LONGEST).then_some("has more than 7 characters")
}
