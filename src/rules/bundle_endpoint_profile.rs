//! The profile of a partner's bundle endpoint.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "bundle-endpoint-profile",
    severity: Severity::Error,
    title: "A bundle endpoint profile is unknown or lacks what it needs",
    reason: "`https_spiffe` authenticates the endpoint by its SPIFFE ID against a bundle that is known beforehand, so \
             it needs both; `https_web` authenticates it by its web certificate: \
             spiffe.io/docs/latest/spiffe-specs/spiffe_federation, section 5.2.",
    mend: "Name `https_web`, or `https_spiffe` with `endpointSPIFFEID` and `trustDomainBundle`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let Some((profile, name)) = file.profile().and_then(|node| Some((node, node.as_text()?))) else {
        return Vec::new();
    };
    let id = file.get("bundleEndpointProfile").and_then(|map| map.get("endpointSPIFFEID"));
    match name {
        "https_web" => id.map(unused_id).into_iter().collect(),
        "https_spiffe" => missing(file, profile, id),
        _ => vec![
            Diagnostic::new(format!("there is no bundle endpoint profile `{name}`"))
                .at(profile.place)
                .suggest(name, ["https_web", "https_spiffe"]),
        ],
    }
}

fn unused_id(id: &Node) -> Diagnostic {
    Diagnostic::new("`https_web` has no use for `endpointSPIFFEID`")
        .at(id.place)
        .help("remove it, or use the profile `https_spiffe`")
}

fn missing(file: &FederationFile, profile: &Node, id: Option<&Node>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if id.is_none() {
        found.push(
            Diagnostic::new("`https_spiffe` needs `endpointSPIFFEID`")
                .at(profile.place)
                .help("it is spiffe://<trust domain>/spire/server, as a rule"),
        );
    }
    if file.text("trustDomainBundle").is_none() {
        found.push(
            Diagnostic::new("`https_spiffe` needs `trustDomainBundle`")
                .at(profile.place)
                .help("take it from `spire-server bundle show -format spiffe`"),
        );
    }
    found
}
