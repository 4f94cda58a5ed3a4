//! An identity that federates with a trust domain that SPIRE knows nothing of.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "unfederated-domain",
    severity: Severity::Error,
    title: "`federatesWith` names a trust domain that there is no federation entry or no bundle for",
    reason: "SPIRE refuses a registration entry whose `federatesWith` lacks a bundle, and the workload has no identity at \
             all. Without an entry the bundle never comes; with one, but without a bundle in it, it comes when the \
             partner's endpoint first answers: until then every workload is down (agntcy/dir#1852). The latter is a warning.",
    mend: "Onboard the trust domain, with a `trustDomainBundle` in its federation file, or take it out of `federatesWith`.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if !deployment.is_whole {
        return Vec::new();
    }
    // Each partner, and whether some entry for it has a bundle.
    let mut entries = BTreeMap::new();
    for entry in deployment.federation_entries() {
        *entries.entry(entry.trust_domain).or_default() |= entry.has_bundle();
    }
    let spire = ["spire", "spire-nested"].into_iter().flat_map(|chart| deployment.of_chart(chart));
    let lists = spire.flat_map(lists);
    lists.flat_map(|list| of_list(list, &entries, &deployment.environment)).collect()
}

/// Returns each `federatesWith` of SPIRE's own identities.
fn lists(spire: &Deployed) -> Vec<&Node> {
    let servers = ["spire-server", "root-spire-server", "internal-spire-server", "external-spire-server"];
    let identities = servers.into_iter().filter_map(|server| {
        spire.at(&format!("{server}.controllerManager.identities.clusterSPIFFEIDs")).and_then(Node::as_map)
    });
    identities.flat_map(|map| map.values()).filter_map(|identity| identity.node.get("federatesWith")).collect()
}

fn of_list(list: &Node, entries: &BTreeMap<&str, bool>, environment: &str) -> Vec<Diagnostic> {
    let items = list.as_list().unwrap_or_default();
    let mut found = Vec::new();
    let mut unready = Vec::new();
    for item in items {
        let domain = item.as_text().unwrap_or_default();
        match entries.get(domain) {
            None => found.push(
                Diagnostic::new(format!("{environment} has no federation entry for {domain}")).at(item.place),
            ),
            Some(false) => unready.push(domain),
            Some(true) => {}
        }
    }
    if !unready.is_empty() {
        let message = format!(
            "{environment}: the workloads have no identity until these have answered, for there is no bundle of theirs: {}",
            unready.join(", ")
        );
        found.push(Diagnostic::new(message).at(list.place).soften_if(true));
    }
    found
}
