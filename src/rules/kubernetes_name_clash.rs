//! Two trust domains with one Kubernetes name.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "kubernetes-name-clash",
    severity: Severity::Error,
    title: "Two trust domains have one Kubernetes name",
    reason: "The dir chart names an object after each trust domain, with dashes for dots: of two with one name the second \
             replaces the first.",
    mend: "Only one of them can be a partner.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, (&str, &FederationFile)> = BTreeMap::new();
    let mut found = Vec::new();
    for file in &registry.files {
        let Some((node, trust_domain)) = file.text_node("trustDomain") else {
            continue;
        };
        let name = trust_domain.replace('.', "-");
        let (other, other_file) = *first.entry(name.clone()).or_insert((trust_domain, file));
        if other != trust_domain {
            let message = format!("`{trust_domain}` and `{other}` (of {}) are both named `{name}`", other_file.path);
            let related = other_file.get("trustDomain").map_or(node.place, |node| node.place);
            found.push(Diagnostic::new(message).at(node.place).related(related));
        }
    }
    found
}
