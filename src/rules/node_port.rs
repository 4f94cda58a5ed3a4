//! Node ports.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Path, Step, Value};

pub(super) static RULE: Rule = Rule {
    code: "node-port",
    severity: Severity::Error,
    title: "A node port is out of range or used twice",
    reason: "The API server refuses a Service whose node port is taken or is not between 30000 and 32767, the range unless \
             the cluster was set up with another one (kubernetes.io/docs/concepts/services-networking/service).",
    mend: "Choose another port, or leave it out: the cluster then chooses one.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut taken: BTreeMap<i64, Place> = BTreeMap::new();
    let mut found = Vec::new();
    let values = deployment.components.iter().filter_map(|component| component.values.merged.as_ref());
    for values in values.chain(deployment.components.iter().flat_map(|component| &component.manifests)) {
        Path::leaves(values, &mut |path, leaf| {
            let is_port = matches!(path.0.last(), Some(Step::Key(key)) if &**key == "nodePort");
            let Value::Int(port) = leaf.value else { return };
            if !is_port || port == 0 {
                return;
            }
            if !(30_000..=32_767).contains(&port) {
                found.push(Diagnostic::new(format!("{port} is no node port: 30000 to 32767 are")).at(leaf.place));
            } else if let Some(other) = taken.insert(port, leaf.place) {
                let message = format!("the node port {port} is used twice");
                found.push(Diagnostic::new(message).at(leaf.place).related(other));
            }
        });
    }
    found
}
