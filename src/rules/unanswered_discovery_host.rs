//! A discovery host that the discovery provider does not answer for.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment, trust_domain};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "unanswered-discovery-host",
    severity: Severity::Error,
    title: "The OIDC discovery provider does not answer for its public host",
    reason: "The provider refuses requests for any other host than the issuer's: that of `global.spire.jwtIssuer`, or \
             `oidc-discovery.<trust domain>`, and `config.additionalDomains`. Whoever asks at the Ingress gets an error, and \
             no JWT can be checked. The issuer in the tokens must be that host, too.",
    mend: "Set `global.spire.jwtIssuer` to https:// and the Ingress's host.",
    check: Check::Deployment(check),
};

const PROVIDER: &str = "spiffe-oidc-discovery-provider";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let providers = ["spire", "spire-nested"].into_iter().flat_map(|chart| deployment.of_chart(chart));
    let trust_domain = trust_domain(&deployment.components).map(|located| located.value);
    providers.flat_map(|spire| of_provider(spire, trust_domain.as_deref().unwrap_or("example.org"))).collect()
}

fn of_provider(spire: &Deployed, trust_domain: &str) -> Vec<Diagnostic> {
    let is_on = spire.is_on(&format!("{PROVIDER}.enabled"), true)
        && spire.is_on(&format!("{PROVIDER}.ingress.enabled"), false);
    if !is_on {
        return Vec::new();
    }
    let answered = answered(spire, trust_domain);
    let hosts = hosts(spire);
    let unanswered = hosts.into_iter().filter(|node| {
        let host = full(node.as_text().unwrap_or_default(), trust_domain);
        !host.is_empty() && !answered.contains(&host)
    });
    unanswered
        .map(|node| {
            let host = full(node.as_text().unwrap_or_default(), trust_domain);
            let answers = answered.join(", ");
            Diagnostic::new(format!("the discovery provider does not answer for {host}, only for {answers}"))
                .at(node.place)
                .help(format!("set `global.spire.jwtIssuer: https://{host}`"))
        })
        .collect()
}

/// The hosts that the provider answers for.
fn answered(spire: &Deployed, trust_domain: &str) -> Vec<String> {
    let issuer = spire.text_at("global.spire.jwtIssuer").or_else(|| spire.text_at("spire-server.jwtIssuer"));
    let issuer = issuer.map(|issuer| issuer.split_once("://").map_or(issuer, |(_, rest)| rest));
    let issuer = issuer.map(|host| host.split(['/', ':']).next().unwrap_or(host).to_owned());
    let further = spire.at(&format!("{PROVIDER}.config.additionalDomains")).and_then(Node::as_list).unwrap_or_default();
    let further = further.iter().filter_map(Node::as_text).map(str::to_owned);
    let own = spire.text_at(&format!("{PROVIDER}.config.jwtDomain")).map(str::to_owned);
    let issuer = own.or(issuer).unwrap_or_else(|| format!("oidc-discovery.{trust_domain}"));
    [issuer].into_iter().chain(further).collect()
}

fn hosts(spire: &Deployed) -> Vec<&Node> {
    let several = spire.at(&format!("{PROVIDER}.ingress.hosts")).and_then(Node::as_list).unwrap_or_default();
    let several: Vec<&Node> = several.iter().filter_map(|rule| rule.get("host")).collect();
    match several.is_empty() {
        true => spire.at(&format!("{PROVIDER}.ingress.host")).into_iter().collect(),
        false => several,
    }
}

/// The chart appends the trust domain to a host that is a single label.
fn full(host: &str, trust_domain: &str) -> String {
    match host.contains('.') || host.is_empty() {
        true => host.to_owned(),
        false => format!("{host}.{trust_domain}"),
    }
}
