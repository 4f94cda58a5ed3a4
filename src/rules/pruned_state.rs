//! State that goes when an ApplicationSet does.

use super::{Check, Rule, Severity};
use crate::deployment::{Applications, Deployment};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Node, Value};

pub(super) static RULE: Rule = Rule {
    code: "pruned-state",
    severity: Severity::Warning,
    title: "Deleting the ApplicationSet would delete the environment's volumes",
    reason: "With `preserveResourcesOnDeletion: false`, the default, an ApplicationSet that is deleted takes its Applications \
             along, and they everything that they deployed (argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/\
             Application-Deletion): databases and registries with their volumes.",
    mend: "Set `spec.syncPolicy.preserveResourcesOnDeletion: true`; whoever wants the environment gone can delete it by hand.",
    check: Check::Deployment(check),
};

/// The charts that keep something.
const WITH_STATE: [&str; 3] = ["dir", "spire", "spire-nested"];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let has_state = WITH_STATE.iter().any(|chart| deployment.of_chart(chart).next().is_some());
    let set = match &deployment.applications {
        Applications::Set { set, .. } => Some(set),
        Applications::Single(_) => deployment.set.as_ref(),
    };
    let unkept = set.filter(|_| has_state && !deployment.is_local).and_then(unkept);
    let told = |place| Diagnostic::new("deleting this ApplicationSet deletes the volumes of what it deploys").at(place);
    unkept.map(told).into_iter().collect()
}

/// Returns where it is said, or left unsaid, that resources go with the set.
fn unkept(set: &Node) -> Option<Place> {
    let policy = set.get("spec")?.get("syncPolicy");
    let setting = policy.and_then(|policy| policy.get("preserveResourcesOnDeletion"));
    match setting.map(|node| (&node.value, node.place)) {
        Some((Value::Bool(true), _)) => None,
        Some((_, place)) => Some(place),
        None => Some(set.place),
    }
}
