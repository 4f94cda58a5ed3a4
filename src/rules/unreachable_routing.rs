//! A routing service that partners do not reach.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unreachable-routing",
    severity: Severity::Warning,
    title: "Partners have no way to the routing service",
    reason: "The peers of the routing network dial each other (libp2p, a TCP port of its own). The dir chart's default is a \
             NodePort, which outside a local cluster ends at a firewall or at the address of a node that comes and goes; \
             a ClusterIP is for the cluster alone.",
    mend: "Set `apiserver.routingService.type: LoadBalancer` (profile production does).",
    check: Check::Deployment(check),
};

const TYPE: &str = "apiserver.routingService.type";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let has_partners = !deployment.partners.is_empty() || !deployment.federation_entries().is_empty();
    if deployment.is_local || !has_partners {
        return Vec::new();
    }
    let closed = deployment.of_chart("dir").filter_map(|dir| {
        let kind = dir.text_at(TYPE).unwrap_or("NodePort");
        let message = format!("partners' nodes do not reach the routing service: it is a {kind}");
        (kind != "LoadBalancer").then(|| Diagnostic::new(message).at(dir.place_of(TYPE)).key(TYPE))
    });
    closed.collect()
}
