//! A public host of the API that the apiserver's certificate does not name.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "uncertified-host",
    severity: Severity::Error,
    title: "The apiserver's certificate does not name the host of its Ingress",
    reason: "With TLS passthrough a client sees the apiserver's own certificate, which SPIRE issues for the names in \
             `apiserver.spire.dnsNameTemplates` (the dir chart copies them into its ClusterSPIFFEID). Without the public \
             host among them a client that checks the name refuses the connection.",
    mend: "Add the Ingress's host to `apiserver.spire.dnsNameTemplates` (profile production does).",
    check: Check::Deployment(check),
};

const NAMES: &str = "apiserver.spire.dnsNameTemplates";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let exposed = deployment.of_chart("dir").filter(|dir| {
        // What charts without a record do of themselves is not known.
        let is_known = dir.record.is_some() || dir.at(NAMES).is_some();
        is_known && dir.is_on("apiserver.ingress.enabled", false) && dir.is_on("apiserver.spire.enabled", false)
    });
    exposed.flat_map(uncertified).map(|told| told.soften_if(deployment.is_local)).collect()
}

fn uncertified(dir: &Deployed) -> Vec<Diagnostic> {
    let names = dir.at(NAMES);
    let templates = || names.and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_text);
    let rules = dir.at("apiserver.ingress.hosts").and_then(Node::as_list).unwrap_or_default();
    let hosts = rules.iter().filter_map(|rule| rule.get("host"));
    let missing = hosts.filter(|host| host.as_text().is_some_and(|host| !templates().any(|name| may_be(name, host))));
    missing
        .map(|host| {
            let name = host.as_text().unwrap_or_default();
            let told = Diagnostic::new(format!("the apiserver's certificate does not name `{name}`: {NAMES} lacks it"));
            let told = told.at(host.place).key(NAMES);
            match names {
                Some(names) => told.related(names.place),
                None => told,
            }
        })
        .collect()
}

/// Returns whether a template can become the host. What Go makes of an expression is not known before there is a pod.
fn may_be(template: &str, host: &str) -> bool {
    let (template, host) = (template.trim().to_ascii_lowercase(), host.to_ascii_lowercase());
    match (template.split_once("{{"), template.rsplit_once("}}")) {
        (Some((start, _)), Some((_, end))) => host.starts_with(start) && host.ends_with(end),
        _ => template == host,
    }
}
