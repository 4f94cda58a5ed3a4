//! Pods without requests and limits.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unset-resources",
    severity: Severity::Warning,
    title: "A pod of the Directory has neither requests nor limits",
    reason: "Such pods are the first to be evicted when a node runs short, and nothing keeps one of them from taking everything \
             (kubernetes.io/docs/concepts/workloads/pods/pod-qos). The production guide asks for 500m to 2000m and 1 to 4Gi \
             for the apiserver.",
    mend: "Set `resources` (profile production).",
    check: Check::Deployment(check),
};

const PODS: [(&str, &str); 3] = [
    ("the apiserver", "apiserver.resources"),
    ("the reconciler", "apiserver.reconciler.resources"),
    ("Zot", "apiserver.zot.resources"),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").filter(|_| !deployment.is_local).flat_map(of_dir).collect()
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let unset = PODS.iter().filter(|(_, path)| dir.at(path).is_none_or(|node| node.is_empty_collection()));
    unset
        .map(|(pod, path)| {
            Diagnostic::new(format!("{pod} has neither requests nor limits")).at(dir.place_of(path)).key(*path)
        })
        .collect()
}
