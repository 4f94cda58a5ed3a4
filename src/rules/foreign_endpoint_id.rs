//! A bundle endpoint of another trust domain.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::SpiffeId;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "foreign-endpoint-id",
    severity: Severity::Warning,
    title: "The bundle endpoint is authenticated by another trust domain",
    reason: "SPIRE accepts that only if it has the bundle of that trust domain, which then vouches for this one: \
             spiffe.io/docs/latest/spiffe-specs/spiffe_federation, section 5.2.2.",
    mend: "Use an endpoint of the trust domain itself, or make sure that the other one is a partner, too.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let node = file.get("bundleEndpointProfile").and_then(|profile| profile.get("endpointSPIFFEID"));
    let id = node.and_then(|node| Some((node, node.as_text()?.parse::<SpiffeId>().ok()?)));
    match (id, file.text("trustDomain")) {
        (Some((node, id)), Some(own)) if id.trust_domain().as_str() != own => {
            vec![Diagnostic::new(format!("`{}` must vouch for `{own}`", id.trust_domain())).at(node.place)]
        }
        _ => Vec::new(),
    }
}
