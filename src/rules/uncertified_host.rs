//! A public host that the certificate behind it does not carry.

use super::{Check, Rule, Severity, api_ingress_tls};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "uncertified-host",
    severity: Severity::Error,
    title: "The API's certificate does not carry its public host",
    reason: "With TLS passed through, clients see the apiserver's own certificate. SPIRE puts the names of \
             `apiserver.spire.dnsNameTemplates` into it and no others: a client that checks the name it called refuses the \
             connection.",
    mend: "Add the host to `apiserver.spire.dnsNameTemplates`.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").filter(|dir| api_ingress_tls::passes_through(dir)).flat_map(of_dir).collect()
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let carried = dir.at("apiserver.spire.dnsNameTemplates").and_then(Node::as_list).unwrap_or_default();
    let hosts = dir.at("apiserver.ingress.hosts").and_then(Node::as_list).unwrap_or_default();
    let hosts = hosts.iter().filter_map(|rule| rule.get("host"));
    let uncarried = hosts.filter(|host| host.as_text().is_some_and(|name| !carries(carried, name)));
    uncarried
        .map(|host| {
            let name = host.as_text().unwrap_or_default();
            Diagnostic::new(format!("the apiserver's certificate does not carry {name}"))
                .at(host.place)
                .key("apiserver.spire.dnsNameTemplates")
        })
        .collect()
}

fn carries(templates: &[Node], host: &str) -> bool {
    // A template with an expression of SPIRE's could come to any name.
    templates.iter().filter_map(Node::as_text).any(|template| template == host || template.contains("{{"))
}
