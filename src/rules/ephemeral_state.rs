//! State that goes with its pod.

use super::{Check, Rule, Severity, zot_s3};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "ephemeral-state",
    severity: Severity::Warning,
    title: "What the Directory keeps is lost with its pod",
    reason: "Without volumes the records in Zot, the database and the routing datastore are gone at the next restart of a pod. \
             The chart's defaults have none for the apiserver and for Zot; the table of the production guide asks for them.",
    mend: "Switch the volumes on: `apiserver.pvc.create`, `apiserver.zot.persistence`, \
           `apiserver.postgresql.primary.persistence.enabled` (profile production).",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").filter(|_| !deployment.is_local).flat_map(of_dir).collect()
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut told = |what: &str, path: &str| {
        found.push(Diagnostic::new(format!("{what} has no volume")).at(dir.place_of(path)).key(path));
    };
    if !dir.is_on("apiserver.pvc.create", false) {
        told("the apiserver's routing datastore", "apiserver.pvc.create");
    }
    if !dir.is_on("apiserver.zot.persistence", false) && !zot_s3::uses_s3(dir) {
        told("Zot", "apiserver.zot.persistence");
    }
    let bundled = dir.is_on("apiserver.postgresql.enabled", true);
    if bundled && !dir.is_on("apiserver.postgresql.primary.persistence.enabled", true) {
        told("PostgreSQL", "apiserver.postgresql.primary.persistence.enabled");
    }
    found
}
