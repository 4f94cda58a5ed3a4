//! An Ingress that ends the TLS of the API.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "api-ingress-tls",
    severity: Severity::Error,
    title: "The Ingress of the API ends TLS",
    reason: "Clients of the API prove who they are in the TLS handshake, with the apiserver itself: what ends TLS before it \
             takes their certificate away. With a `secretName`, or without the annotation ssl-passthrough, ingress-nginx \
             answers with a certificate of its own, and clients report \"certificate is valid for ingress.local\". Where \
             the controller runs without --enable-ssl-passthrough, backend-protocol GRPCS at least makes it speak TLS to \
             the apiserver.",
    mend: "Set the annotations nginx.ingress.kubernetes.io/ssl-passthrough: \"true\" and backend-protocol: GRPCS, and name \
           only hosts under `tls` (profile production does).",
    check: Check::Deployment(check),
};

const INGRESS: &str = "apiserver.ingress";
const PASSTHROUGH: &str = "nginx.ingress.kubernetes.io/ssl-passthrough";
const PROTOCOL: &str = "nginx.ingress.kubernetes.io/backend-protocol";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let exposed = deployment.of_chart("dir").filter(|dir| {
        // Without identities the API has no TLS that could be ended.
        dir.is_on("apiserver.ingress.enabled", false) && dir.is_on("apiserver.spire.enabled", false)
    });
    exposed.flat_map(judge).map(|told| told.soften_if(deployment.is_local)).collect()
}

fn judge(dir: &Deployed) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = secrets(dir).collect();
    let class = dir.text_at("apiserver.ingress.className").unwrap_or("nginx");
    // What other controllers are told is not known.
    if !class.contains("nginx") {
        return found;
    }
    let (passthrough, place) = annotation(dir, PASSTHROUGH);
    let passes = passthrough == Some("true");
    let told = |what: &str, message: String, place: Place| Diagnostic::new(message).at(place).key(what);
    if !passes {
        let message = match passthrough {
            Some(other) => format!("the API's Ingress ends TLS: ssl-passthrough is {other}, not the text `true`"),
            None => "the API's Ingress ends TLS: it has no annotation ssl-passthrough".to_owned(),
        };
        found.push(told(PASSTHROUGH, message, place));
    }
    let (protocol, place) = annotation(dir, PROTOCOL);
    if protocol != Some("GRPCS") {
        let message = match protocol {
            Some(other) => format!("the API's Ingress speaks {other} to the apiserver, not GRPCS"),
            None => "the API's Ingress does not say that the apiserver speaks GRPCS".to_owned(),
        };
        // Passed through, nothing of nginx's speaks to the apiserver.
        found.push(told(PROTOCOL, message, place).soften_if(passes));
    }
    found
}

fn secrets(dir: &Deployed) -> impl Iterator<Item = Diagnostic> {
    let tls = dir.at("apiserver.ingress.tls").and_then(Node::as_list).unwrap_or_default();
    let named = tls.iter().filter_map(|tls| tls.get("secretName"));
    let named = named.filter(|name| name.as_text().is_some_and(|name| !name.is_empty()));
    named.map(|name| {
        let message = "the API's Ingress ends TLS: `secretName` makes nginx answer with that certificate";
        Diagnostic::new(message).at(name.place).key("apiserver.ingress.tls")
    })
}

/// Returns the text of an annotation, and where it stands or would.
fn annotation<'a>(dir: &'a Deployed, name: &str) -> (Option<&'a str>, Place) {
    let annotations = dir.at("apiserver.ingress.annotations");
    match annotations.and_then(|annotations| annotations.get(name)) {
        Some(node) => (Some(node.as_text().unwrap_or_else(|| node.kind())), node.place),
        None => (None, dir.place_of(&format!("{INGRESS}.enabled"))),
    }
}
