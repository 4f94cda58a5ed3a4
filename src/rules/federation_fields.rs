//! The keys of a federation file and the types of their values.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry, wrong_type};
use crate::yaml::{Node, Value};

pub(super) static RULE: Rule = Rule {
    code: "federation-fields",
    severity: Severity::Error,
    title: "A federation file has a key too many or too few, or a value of the wrong type",
    reason: "The file becomes the spec of a ClusterFederatedTrustDomain, whose schema refuses anything else: \
             github.com/spiffe/spire-controller-manager/blob/main/docs/clusterfederatedtrustdomain-crd.md.",
    mend: "Compare the file with `onboarding/federation/.federation.web.template.yaml`.",
    check: Check::File(check),
};

const KEYS: [&str; 5] = ["className", "trustDomain", "bundleEndpointURL", "bundleEndpointProfile", "trustDomainBundle"];

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let Ok(content) = &file.content else {
        return Vec::new();
    };
    let mut found = texts(content, "a federation file", &KEYS, &KEYS[..3]);
    match file.get("bundleEndpointProfile") {
        Some(profile) => {
            let keys = ["type", "endpointSPIFFEID"];
            found.extend(texts(profile, "`bundleEndpointProfile`", &keys, &keys[..1]));
        }
        None if content.as_map().is_some() => found.push(
            Diagnostic::new("a federation file needs the key `bundleEndpointProfile`")
                .at(content.place)
                .help("add `bundleEndpointProfile: {type: https_web}`"),
        ),
        None => {}
    }
    found
}

/// Returns what keeps `node` from being a map of texts with `known` keys, the `required` ones among them.
fn texts(node: &Node, what: &'static str, known: &[&'static str], required: &[&'static str]) -> Vec<Diagnostic> {
    let Some(map) = node.as_map() else {
        let message = format!("{what} must be a map, not {}", node.kind());
        return vec![Diagnostic::new(message).at(node.place)];
    };
    let unknown = map.iter().filter(|(key, _)| !known.contains(&&***key));
    let mut found: Vec<Diagnostic> = unknown
        .map(|(key, entry)| {
            Diagnostic::new(format!("{what} has no key `{key}`"))
                .at(entry.key)
                .key(&**key)
                .suggest(key, known.iter().copied())
        })
        .collect();
    for key in required {
        if map.get(*key).is_none_or(|entry| matches!(entry.node.value, Value::Null)) {
            found.push(Diagnostic::new(format!("{what} needs the key `{key}`")).at(node.place));
        }
    }
    for (key, entry) in map {
        let is_text = matches!(entry.node.value, Value::Text(_) | Value::Null);
        if known.contains(&&**key) && &**key != "bundleEndpointProfile" && !is_text {
            found.push(wrong_type(&entry.node, key, "text"));
        }
    }
    found
}
