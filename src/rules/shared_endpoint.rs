//! One endpoint for two trust domains.

use std::collections::BTreeMap;

use url::Url;

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "shared-endpoint",
    severity: Severity::Error,
    title: "Two trust domains have one bundle endpoint",
    reason: "An endpoint serves the bundle of one trust domain; for the other it would serve keys that are not its own, \
             and whoever runs the endpoint would speak for both.",
    mend: "Name the endpoint of the trust domain's own SPIRE server.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, &FederationFile> = BTreeMap::new();
    let mut found = Vec::new();
    for file in &registry.files {
        let Some((node, endpoint)) =
            file.text_node("bundleEndpointURL").and_then(|(node, url)| Some((node, same(url)?)))
        else {
            continue;
        };
        let other = *first.entry(endpoint).or_insert(file);
        if other.text("trustDomain") != file.text("trustDomain") {
            let related = other.get("bundleEndpointURL").map_or(node.place, |node| node.place);
            let message = format!("the endpoint is that of {}, too", other.path);
            found.push(Diagnostic::new(message).at(node.place).related(related));
        }
    }
    found
}

/// Returns the URL in the one spelling of all that reach the same.
fn same(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    Some(format!("{host}:{}{}", url.port_or_known_default()?, url.path().trim_end_matches('/')))
}
