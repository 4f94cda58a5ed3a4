//! Two federation files for one trust domain.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "duplicate-trust-domain",
    severity: Severity::Error,
    title: "Two federation files are about one trust domain",
    reason: "Nobody could tell whose endpoint is asked: the second would replace the first.",
    mend: "Keep one of the two files.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, &FederationFile> = BTreeMap::new();
    let mut found = Vec::new();
    for file in &registry.files {
        let Some((node, trust_domain)) = file.text_node("trustDomain") else {
            continue;
        };
        let other = *first.entry(trust_domain).or_insert(file);
        if other.path != file.path {
            let message = format!("`{trust_domain}` has a federation file already: {}", other.path);
            let related = other.get("trustDomain").map_or(node.place, |node| node.place);
            found.push(Diagnostic::new(message).at(node.place).related(related));
        }
    }
    found
}
