//! Names of child clusters that do not fit into the name of a port.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "cluster-identifier",
    severity: Severity::Error,
    title: "The identifier of a child cluster does not fit into the name of a port",
    reason: "The SPIRE charts name ports after the keys of `kubeConfigs` (`prom-cm-<id>`), and the name of a port is an \
             IANA service name (RFC 6335, section 5.1): at most 15 characters, lower-case letters, digits and single \
             hyphens inside. That leaves 7 for the identifier; the API server refuses the pod otherwise. The identifier \
             need not be the name of the cluster.",
    mend: "Choose at most 7 lower-case letters and digits, for example `child01`.",
    check: Check::Deployment(check),
};

const LIMIT: usize = 7;

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.components.iter().flat_map(of_component).collect()
}

fn of_component(component: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for server in component.spire_servers() {
        let clusters = component.at(&format!("{server}.kubeConfigs")).and_then(Node::as_map);
        for (id, entry) in clusters.into_iter().flatten() {
            let told = |fault: String| {
                Diagnostic::new(fault).at(entry.key).key(format!("{server}.kubeConfigs.{id}"))
            };
            found.extend(fault(id).map(told));
        }
    }
    found
}

fn fault(id: &str) -> Option<String> {
    let length = id.chars().count();
    if length > LIMIT {
        return Some(format!("`{id}` has {length} characters: `prom-cm-{id}` is more than the 15 of a port's name"));
    }
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !id.is_empty() && id.chars().all(is_plain);
    let hyphens = id.starts_with('-') || id.ends_with('-') || id.contains("--");
    (!fits || hyphens).then(|| format!("`prom-cm-{id}` is no name of a port: lower-case letters, digits, single hyphens"))
}
