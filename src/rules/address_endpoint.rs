//! Web certificates for addresses.

use super::private_endpoint::address;
use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "address-endpoint",
    severity: Severity::Error,
    title: "An https_web endpoint is an address instead of a name",
    reason: "With `https_web` the endpoint is authenticated by a web certificate, and those are for names: SPIRE would \
             refuse the connection. An address also changes hands without anybody in DNS noticing.",
    mend: "Name the host that the certificate is for.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let is_web = file.profile_name() == Some("https_web");
    let Some((node, text)) = file.text_node("bundleEndpointURL").filter(|_| is_web) else {
        return Vec::new();
    };
    let diagnostic =
        |address| Diagnostic::new(format!("no web certificate is for the address {address}")).at(node.place);
    address(text).map(diagnostic).into_iter().collect()
}
