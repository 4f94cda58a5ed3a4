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
    let audiences = deployment.components.iter().flat_map(audiences);
    found.extend(audiences.filter_map(|audience| foreign(audience, &own)));
    found
}

/// The audiences that the apiserver accepts, and the one that dirctl asks for.
fn audiences(component: &Deployed) -> Vec<&Node> {
    let list = |path: &str| component.at(path).and_then(Node::as_list).unwrap_or_default();
    match component.chart() {
        "dir" => list("apiserver.config.authn.audiences").iter().collect(),
        "dirctl" => {
            let is_audience = |variable: &&Node| {
                variable.get("name").and_then(Node::as_text) == Some("DIRECTORY_CLIENT_JWT_AUDIENCE")
            };
            list("env").iter().filter(is_audience).filter_map(|variable| variable.get("value")).collect()
        }
        _ => Vec::new(),
    }
}

fn foreign(audience: &Node, own: &str) -> Option<Diagnostic> {
    let domain = audience.as_text()?.strip_prefix("spiffe://")?.split('/').next()?;
    let message = format!("the audience is of the trust domain {domain}, and SPIRE of {own}");
    (domain != own).then(|| Diagnostic::new(message).at(audience.place))
}
