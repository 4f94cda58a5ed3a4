//! Ports of the nodes.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, Found};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Map, Node, Value};

pub(super) static RULE: Rule = Rule {
    code: "node-port",
    severity: Severity::Error,
    title: "A node port is outside the range, or used twice",
    reason: "A node port belongs to one Service of the whole cluster, and the API server takes only those between 30000 and \
             32767, unless it was started with another --service-node-port-range (kubernetes.io/docs/concepts/services-\
             networking/service, type NodePort). It refuses the Service otherwise.",
    mend: "Choose a free port between 30000 and 32767, or leave the choice to Kubernetes.",
    check: Check::Deployment(check),
};

const KEYS: [&str; 3] = ["nodePort", "metricsNodePort", "healthCheckNodePort"];
const RANGE: std::ops::RangeInclusive<i64> = 30000..=32767;

/// A node port, with its protocol.
struct NodePort {
    number: i64,
    protocol: String,
    place: Place,
}

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut first: BTreeMap<(i64, String), Place> = BTreeMap::new();
    let mut found = Vec::new();
    for port in ports(deployment) {
        let NodePort { number, protocol, place } = port;
        if !RANGE.contains(&number) {
            found.push(Diagnostic::new(format!("the node port {number} is not between 30000 and 32767")).at(place));
            continue;
        }
        match first.get(&(number, protocol.clone())) {
            Some(other) => {
                let told = Diagnostic::new(format!("the node port {number} is used twice in {}", deployment.environment));
                found.push(told.at(place).related(*other));
            }
            None => {
                first.insert((number, protocol), place);
            }
        }
    }
    found
}

fn ports(deployment: &Deployment) -> Vec<NodePort> {
    let mut ports = Vec::new();
    for component in &deployment.components {
        component.entries(&mut |found| match &**found.key {
            // PostgreSQL's chart and others have a map of them.
            "nodePorts" if has_node_ports(found.map) => {
                let named = found.entry.node.as_map().into_iter().flat_map(Map::values);
                ports.extend(named.filter_map(|entry| port(&entry.node, found.map)));
            }
            key if KEYS.contains(&key) && has_node_ports(found.map) => ports.extend(of(found)),
            _ => {}
        });
    }
    ports
}

fn of(found: Found<'_>) -> Option<NodePort> {
    port(&found.entry.node, found.map)
}

/// A chart leaves the port out of a Service that has a type without node ports.
fn has_node_ports(map: &Map) -> bool {
    let kind = map.get("type").and_then(|kind| kind.node.as_text());
    !matches!(kind, Some("ClusterIP" | "ExternalName"))
}

fn port(node: &Node, map: &Map) -> Option<NodePort> {
    let number = match &node.value {
        Value::Int(number) => *number,
        Value::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    let protocol = map.get("protocol").and_then(|protocol| protocol.node.as_text()).unwrap_or("TCP");
    // 0 leaves the choice to Kubernetes.
    (number != 0).then(|| NodePort { number, protocol: protocol.to_owned(), place: node.place })
}
