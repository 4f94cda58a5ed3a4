//! A registry address that means nothing outside the cluster.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, entries_of};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "internal-registry-address",
    severity: Severity::Error,
    title: "Partners are given a registry address from inside the cluster",
    reason: "Whoever asks by RequestRegistryCredentials is given `apiserver.config.store.oci.registry_address` to pull from. A \
             service name of the cluster cannot be resolved anywhere else, and every sync of a partner fails.",
    mend: "Use the registry's public host.",
    check: Check::Deployment(check),
};

const ADDRESS: &str = "apiserver.config.store.oci.registry_address";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let federated = deployment.of_chart("dir").filter(|dir| !deployment.is_local && !entries_of(dir).is_empty());
    let inside = federated.filter_map(|dir| Some((dir, dir.text_at(ADDRESS).filter(|address| is_internal(address))?)));
    inside
        .map(|(dir, address)| {
            Diagnostic::new(format!("partners are told to pull from {address}")).at(dir.place_of(ADDRESS)).key(ADDRESS)
        })
        .collect()
}

fn is_internal(address: &str) -> bool {
    let host = address.split(['/', ':']).next().unwrap_or(address);
    !host.contains('.') || host.ends_with(".svc") || host.contains(".svc.") || host.ends_with(".local")
}
