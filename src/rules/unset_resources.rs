//! Workloads that say nothing of what they need.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unset-resources",
    severity: Severity::Warning,
    title: "A workload has no resources set",
    reason: "Without requests a pod is scheduled as if it needed nothing, and is the first to be evicted when its node runs \
             short (kubernetes.io/docs/concepts/workloads/pods/pod-qos). The charts leave them open on purpose; \
             PostgreSQL's falls back to the preset `nano`, with less than 200 MiB, which its authors do not mean for \
             production.",
    mend: "Set requests and limits (profile production does).",
    check: Check::Deployment(check),
};

/// A workload of the dir chart: what it is, where its values and its resources stand.
const WORKLOADS: [(&str, &str, &str); 4] = [
    ("the apiserver", "apiserver", "apiserver.resources"),
    ("the reconciler", "apiserver.reconciler", "apiserver.reconciler.resources"),
    ("Zot", "apiserver.zot", "apiserver.zot.resources"),
    ("PostgreSQL", POSTGRESQL, "apiserver.postgresql.primary.resources"),
];

const POSTGRESQL: &str = "apiserver.postgresql";

const PRESET: &str = "apiserver.postgresql.primary.resourcesPreset";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if deployment.is_local {
        return Vec::new();
    }
    deployment.of_chart("dir").flat_map(unset).collect()
}

fn unset(dir: &Deployed) -> impl Iterator<Item = Diagnostic> {
    let unset = WORKLOADS.iter().filter(|(_, workload, path)| {
        // Older charts had fewer.
        let is_known = dir.record.is_some() || dir.at(workload).is_some();
        let has_preset = *workload == POSTGRESQL && !matches!(dir.text_at(PRESET), None | Some("none"));
        is_known && dir.is_on(&format!("{workload}.enabled"), true) && !dir.is_on(path, false) && !has_preset
    });
    unset.map(|(what, _, path)| {
        Diagnostic::new(format!("{what} has no resources set")).at(dir.place_of(path)).key(*path)
    })
}
