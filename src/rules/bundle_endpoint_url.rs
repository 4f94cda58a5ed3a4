//! The URL of a partner's bundle endpoint.

use url::Url;

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::{Diagnostic, Fix};
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

/// No host and path of an endpoint need more, and reading a URL takes many times its size.
pub(super) const LONGEST_URL: usize = 2048;

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let Some((node, url)) = file.text_node("bundleEndpointURL") else {
        return Vec::new();
    };
    if let Some(why) = problem(url) {
        let message = format!("this is no URL to fetch a bundle from: {why}");
        return vec![Diagnostic::new(message).at(node.place)];
    }
    let plain = plain(url);
    if plain == url {
        return Vec::new();
    }
    let fix = Fix::Replace { from: url.to_owned(), to: plain.clone() };
    vec![
        Diagnostic::new("the host has upper-case letters or a dot at the end")
            .at(node.place)
            .help(format!("write `{plain}`"))
            .fix(fix),
    ]
}

/// Returns the URL with its host in lower case and without a dot at the end.
fn plain(url: &str) -> String {
    let rest = url.get("https://".len()..).unwrap_or_default();
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let (host, port) = match authority.rsplit_once(':').filter(|_| !authority.ends_with(']')) {
        Some((host, port)) => (host, format!(":{port}")),
        None => (authority, String::new()),
    };
    format!("https://{}{port}{path}", host.trim_end_matches('.').to_ascii_lowercase())
}

pub(crate) fn problem(url: &str) -> Option<&'static str> {
    if url.len() > LONGEST_URL {
        return Some("it has more than 2048 characters");
    }
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
    if host.trim_matches('.').is_empty() {
        return Some("it has no host");
    }
    if authority.contains(['\\', '%']) || Url::parse(url).is_err() {
        return Some("its host is none");
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
    fn an_endless_url_is_not_fetched() {
        let url = format!("https://spire.partner.io/{}", "a".repeat(2023));
        assert_eq!(problem(&url), None);
        assert!(problem(&format!("{url}a")).is_some());
    }

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
