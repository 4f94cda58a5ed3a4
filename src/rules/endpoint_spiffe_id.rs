//! The SPIFFE ID of a bundle endpoint.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::SpiffeId;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "endpoint-spiffe-id",
    severity: Severity::Error,
    title: "The SPIFFE ID of a bundle endpoint is none",
    reason: "SPIRE refuses the whole object: SPIFFE ID standard, section 2.",
    mend: "Write `spiffe://<trust domain>/spire/server`, unless your SPIRE server has another ID.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let node = file.get("bundleEndpointProfile").and_then(|profile| profile.get("endpointSPIFFEID"));
    let Some((node, text)) = node.and_then(|node| Some((node, node.as_text()?))) else {
        return Vec::new();
    };
    let problem = match text.parse::<SpiffeId>() {
        Err(error) => error.to_string(),
        Ok(id) if id.path().is_empty() => "it names a trust domain, not a server in it".to_owned(),
        Ok(_) => return Vec::new(),
    };
    vec![Diagnostic::new(format!("this is no SPIFFE ID of an endpoint: {problem}")).at(node.place)]
}
