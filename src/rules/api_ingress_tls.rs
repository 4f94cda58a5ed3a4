//! An Ingress that ends the API's TLS.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "api-ingress-tls",
    severity: Severity::Error,
    title: "The API's Ingress does not pass TLS through",
    reason: "Clients prove who they are in the TLS handshake with the apiserver. An Ingress that ends TLS, for lack of \
             `ssl-passthrough` or because of a `secretName`, shows its own certificate instead and drops the client's; the \
             symptom is `certificate is valid for ingress.local`. nginx needs `backend-protocol: GRPCS`, too, to speak TLS \
             and HTTP/2 to the apiserver.",
    mend: "Annotate the Ingress with nginx.ingress.kubernetes.io/ssl-passthrough: \"true\" and \
           nginx.ingress.kubernetes.io/backend-protocol: GRPCS, and give `tls` hosts alone.",
    check: Check::Deployment(check),
};

const INGRESS: &str = "apiserver.ingress";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").filter(|dir| is_exposed(dir)).flat_map(of_dir).collect()
}

fn is_exposed(dir: &Deployed) -> bool {
    dir.is_on("apiserver.ingress.enabled", false) && dir.is_on("apiserver.spire.enabled", false)
}

/// Returns whether the API's Ingress hands TLS through to the apiserver.
pub(super) fn passes_through(dir: &Deployed) -> bool {
    is_exposed(dir) && annotation(dir, "ssl-passthrough").is_some_and(|text| text == "true")
}

fn annotation<'a>(dir: &'a Deployed, name: &str) -> Option<&'a str> {
    dir.at(&format!("{INGRESS}.annotations"))?.get(&format!("nginx.ingress.kubernetes.io/{name}"))?.as_text()
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for tls in dir.at(&format!("{INGRESS}.tls")).and_then(Node::as_list).unwrap_or_default() {
        if let Some(secret) = tls.get("secretName").filter(|node| node.as_text().is_some_and(|name| !name.is_empty())) {
            found.push(Diagnostic::new("with a `secretName` the Ingress ends TLS").at(secret.place));
        }
    }
    // Other controllers have other ways; what is judged is nginx, which the documents use.
    let is_nginx = dir.text_at(&format!("{INGRESS}.className")).is_none_or(|class| class.contains("nginx"));
    if !is_nginx {
        return found;
    }
    let place = dir.place_of(&format!("{INGRESS}.annotations"));
    if annotation(dir, "ssl-passthrough") != Some("true") {
        found.push(Diagnostic::new("without `ssl-passthrough: \"true\"` the Ingress ends TLS").at(place));
    }
    if annotation(dir, "backend-protocol").is_none_or(|protocol| !protocol.eq_ignore_ascii_case("GRPCS")) {
        let message = "without `backend-protocol: GRPCS` the Ingress does not speak TLS to the apiserver";
        found.push(Diagnostic::new(message).at(place));
    }
    found
}
