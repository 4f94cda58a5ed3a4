//! Certificates of a test authority.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, Found};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Map, Node};

pub(super) static RULE: Rule = Rule {
    code: "staging-issuer",
    severity: Severity::Error,
    title: "A certificate comes from a staging issuer",
    reason: "Let's Encrypt's staging environment signs with roots that no client trusts (letsencrypt.org/docs/\
             staging-environment): browsers warn, registries' clients and partners that fetch the bundle by https_web \
             refuse. It is for trying out on local clusters.",
    mend: "Name an issuer of the production authority (`vars.issuer`).",
    check: Check::Deployment(check),
};

const ANNOTATIONS: [&str; 2] = ["cert-manager.io/cluster-issuer", "cert-manager.io/issuer"];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    for component in &deployment.components {
        component.entries(&mut |entry| found.extend(staging(entry)));
    }
    found
}

fn staging(found: Found<'_>) -> Option<Diagnostic> {
    let (key, node) = (&**found.key, &found.entry.node);
    let told = |message: String, node: &Node| Some(Diagnostic::new(message).at(node.place).key(key));
    if key == "issuerRef" {
        let name = node.get("name").filter(|name| is_staging(name))?;
        return told(format!("the issuer `{}` is a staging one", name.as_text()?), name);
    }
    if ANNOTATIONS.contains(&key) && is_staging(node) {
        return told(format!("the issuer `{}` is a staging one", node.as_text()?), node);
    }
    let is_server = key == "server" && is_acme(found.map);
    let is_staging = is_server && node.as_text().is_some_and(|url| url.to_ascii_lowercase().contains("staging"));
    is_staging.then(|| told("the ACME server is that of a staging environment".to_owned(), node)).flatten()
}

/// A name with the word in it, not with letters around: `letsencrypt-staging`, `staging`.
fn is_staging(name: &Node) -> bool {
    let words = name.as_text().unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| word.eq_ignore_ascii_case("staging"))
}

/// An ACME issuer names its server beside an e-mail address, solvers or the Secret of its key.
fn is_acme(map: &Map) -> bool {
    let server = map.get("server").and_then(|server| server.node.as_text()).unwrap_or_default();
    server.contains("acme") || ["email", "solvers", "privateKeySecretRef"].iter().any(|key| map.contains_key(*key))
}
