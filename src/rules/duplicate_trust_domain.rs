//! Two federation files for one trust domain.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::Registry;

pub(super) static RULE: Rule = Rule {
    code: "duplicate-trust-domain",
    severity: Severity::Error,
    title: "Two federation files are about one trust domain, or about two with one Kubernetes name",
    reason: "The dir chart names an object after each trust domain, with dashes for dots: of two with one name the \
             second replaces the first, and nobody can tell whose endpoint is asked.",
    mend: "Keep one of the two files.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    let mut found = Vec::new();
    for file in &registry.files {
        let Some((node, trust_domain)) = file.get("trustDomain").and_then(|node| Some((node, node.as_text()?))) else {
            continue;
        };
        let name = trust_domain.replace('.', "-");
        match first.get(&name) {
            None => {
                first.insert(name, (trust_domain, &file.path));
            }
            Some((other, path)) if *other == trust_domain => found.push(
                Diagnostic::new(format!("`{trust_domain}` has a federation file already: {path}"))
                    .at(node.place)
                    .help("keep one of the two"),
            ),
            Some((other, path)) => found.push(
                Diagnostic::new(format!(
                    "`{trust_domain}` and `{other}` (of {path}) have one Kubernetes name, `{name}`"
                ))
                .at(node.place)
                .help("only one of them can be a partner"),
            ),
        }
    }
    found
}
