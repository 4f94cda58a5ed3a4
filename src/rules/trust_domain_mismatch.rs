//! Trust domains that do not agree.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "trust-domain-mismatch",
    severity: Severity::Error,
    title: "Components of one environment are of different trust domains",
    reason: "SPIRE gives every workload an identity in its own trust domain. A dir, dirctl or gateway that believes in another \
             one asks for identities that do not exist, and refuses those that do; an audience of another trust domain makes \
             every JWT invalid.",
    mend: "Use the trust domain of SPIRE (`global.spire.trustDomain`) everywhere.",
    check: Check::Deployment(check),
};

/// Charts, the switch of their SPIRE integration with its default, and where they say which trust domain they are of.
const NAMED: [(&str, &str, bool, &str); 3] = [
    ("dir", "apiserver.spire.enabled", false, "apiserver.spire.trustDomain"),
    ("dirctl", "spire.enabled", true, "spire.trustDomain"),
    ("oidc-gateway", "envoy.spiffe.enabled", true, "envoy.spiffe.trustDomain"),
];

/// What the charts have where nothing is set.
const DEFAULT: &str = "example.org";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let Some(own) = deployment.trust_domain() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (chart, switch, by_default, path) in NAMED {
        for component in deployment.of_chart(chart).filter(|component| component.is_on(switch, by_default)) {
            let named = component.text_at(path).unwrap_or(DEFAULT);
            if named != &**own {
                let message = format!("{} is of the trust domain {named}, and SPIRE of {}", component.name, &**own);
                found.push(Diagnostic::new(message).at(component.place_of(path)).related(own.place).key(path));
            }
        }
    }
    found.extend(deployment.of_chart("dir").flat_map(|dir| audiences(dir, &own)));
    found
}

fn audiences(dir: &Deployed, own: &str) -> Vec<Diagnostic> {
    let audiences = dir.at("apiserver.config.authn.audiences").and_then(Node::as_list).unwrap_or_default();
    let foreign = audiences.iter().filter_map(|node| {
        let domain = node.as_text()?.strip_prefix("spiffe://")?.split('/').next()?;
        (domain != own).then_some((domain, node))
    });
    foreign
        .map(|(domain, node)| {
            let message = format!("the audience is of the trust domain {domain}, and SPIRE of {own}");
            Diagnostic::new(message).at(node.place).key("apiserver.config.authn.audiences")
        })
        .collect()
}
