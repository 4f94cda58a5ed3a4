//! A registry address that partners are given and cannot use.

use super::{Check, Rule, Severity, private_endpoint};
use crate::deployment::{Deployed, Deployment, entries_of, policies};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "internal-registry-address",
    severity: Severity::Error,
    title: "Partners are given an address of the registry that only this cluster knows",
    reason: "The apiserver answers RequestRegistryCredentials with `config.store.oci.registry_address`, and the partner's \
             reconciler pulls the records from there: a name of this cluster's leads it nowhere, or to a service of its \
             own cluster, which then gets the credentials.",
    mend: "Give the registry an Ingress, and name its public host (profile production does).",
    check: Check::Deployment(check),
};

const ADDRESS: &str = "apiserver.config.store.oci.registry_address";
const CREDENTIALS: &str = "RequestRegistryCredentials";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if deployment.is_local {
        return Vec::new();
    }
    let own = deployment.trust_domain().map(|own| own.value.to_string()).unwrap_or_default();
    let told = deployment.of_chart("dir").filter_map(|dir| {
        let address = dir.at(ADDRESS)?;
        let why = private_endpoint::internal(address.as_text().filter(|text| !text.is_empty())?)?;
        is_given(deployment, dir, &own).then(|| diagnostic(address, &why))
    });
    told.collect()
}

fn diagnostic(address: &Node, why: &str) -> Diagnostic {
    Diagnostic::new(format!("partners are told that the registry is at {why}")).at(address.place).key(ADDRESS)
}

/// Returns whether anybody outside may ask for the address.
fn is_given(deployment: &Deployment, dir: &Deployed, own: &str) -> bool {
    let has_partners = !deployment.partners.is_empty() || !entries_of(dir).is_empty();
    let grants = policies(dir).iter().filter_map(|row| row.parts()).any(|(subject, method)| {
        // Only partners have identities that `*` could be.
        subject != own && subject != "*" && (method == "*" || method.ends_with(CREDENTIALS))
    });
    has_partners || grants
}
