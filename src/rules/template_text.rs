//! The template's own text.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "template-text",
    severity: Severity::Error,
    title: "The text of the template was left in",
    reason: "`example.com` is nobody's trust domain: the file was copied and not filled in.",
    mend: "Write your own trust domain and the host of your own SPIRE server.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let id = file.get("bundleEndpointProfile").and_then(|profile| profile.get("endpointSPIFFEID"));
    let is_left = |node: &&Node, left: &[&str]| {
        let text = node.as_text().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
        left.contains(&text.as_str())
    };
    let trust_domain = file.get("trustDomain").filter(|node| is_left(node, &["example.com"]));
    let url = file.get("bundleEndpointURL").filter(|node| {
        is_left(node, &["https://spire.example.com", "https://spire.example.com:443", "https://spire.example.com:8443"])
    });
    let id = id.filter(|node| is_left(node, &["spiffe://example.com/spire/server"]));
    let diagnostic = |node: &Node| {
        let text = node.as_text().unwrap_or_default();
        Diagnostic::new(format!("`{text}` is the template's, not yours")).at(node.place)
    };
    [trust_domain, url, id].into_iter().flatten().map(diagnostic).collect()
}
