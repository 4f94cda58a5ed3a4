//! A routing service that partners cannot reach.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, entries_of};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unreachable-routing",
    severity: Severity::Warning,
    title: "Partners cannot reach the routing service",
    reason: "Records are announced from peer to peer over the routing service. A NodePort, the chart's default, or a ClusterIP \
             is reachable only from inside the network: partners never hear of what this environment has.",
    mend: "Set `apiserver.routingService.type: LoadBalancer` (profile eks, or production).",
    check: Check::Deployment(check),
};

const TYPE: &str = "apiserver.routingService.type";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let federated = deployment.of_chart("dir").filter(|dir| !deployment.is_local && !entries_of(dir).is_empty());
    let unreachable = federated.filter(|dir| dir.text_at(TYPE) != Some("LoadBalancer"));
    unreachable
        .map(|dir| {
            let kind = dir.text_at(TYPE).unwrap_or("NodePort");
            let message = format!("the routing service is a {kind}, which partners cannot reach");
            Diagnostic::new(message).at(dir.place_of(TYPE)).key(TYPE)
        })
        .collect()
}
