//! The URL of a partner's bundle endpoint.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "bundle-endpoint-url",
    severity: Severity::Error,
    title: "A bundle endpoint is not an https URL that a SPIRE server can fetch",
    reason: "The schema of ClusterFederatedTrustDomain and SPIRE's bundle client take an https URL with a host and \
             without user: spiffe.io/docs/latest/spiffe-specs/spiffe_federation, section 5.",
    mend: "Write `https://`, the host of the SPIRE server's federation endpoint, and its port if that is not 443.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let Some(node) = file.get("bundleEndpointURL") else {
        return Vec::new();
    };
    let problem = node.as_text().and_then(problem);
    let diagnostic = |why| {
        Diagnostic::new(format!("this is no URL to fetch a bundle from: {why}"))
            .at(node.place)
            .help("write `https://`, the host of your SPIRE server's federation endpoint, and its port if not 443")
    };
    problem.map(diagnostic).into_iter().collect()
}

fn problem(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("https://") else {
        return Some("it does not begin with `https://`");
    };
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Some("it has a blank or another character that no URL has");
    }
    if url.contains(['?', '#']) {
        return Some("it has a query or a fragment");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some("it has a user");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Some("it has no host");
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => None,
        Some(_) => Some("its port is none"),
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn https_with_a_host_and_nothing_else_is_fetched() {
        for url in [
            "https://spire.partner.io",
            "https://spire.partner.io:8443",
            "https://spire.partner.io/bundle",
            "https://[2001:db8::1]:8443",
        ] {
            assert_eq!(problem(url), None, "{url}");
        }
        for url in [
            "http://spire.partner.io",
            "spire.partner.io",
            "https://",
            "https://:8443",
            "https://user@spire.partner.io",
            "https://spire.partner.io?x=1",
            "https://spire.partner.io#x",
            "https://spire partner.io",
            "https://spire.partner.io:0",
            "https://spire.partner.io:99999",
            "https://spire.partner.io:",
        ] {
            assert!(problem(url).is_some(), "{url}");
        }
    }
}
