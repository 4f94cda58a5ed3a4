//! Bundle endpoints that are not on the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::bundle_endpoint_url::LONGEST_URL;
use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "private-endpoint",
    severity: Severity::Error,
    title: "A bundle endpoint is an address or name inside somebody's network",
    reason: "The SPIRE server fetches the URL from inside the cluster. An internal address makes it ask services that \
             only trust their own network, the cloud's metadata service among them (server-side request forgery, \
             CWE-918); at best it reaches nobody. Registries of local clusters alone may have such addresses.",
    mend: "Name a host that the public DNS knows.",
    check: Check::File(check),
};

/// Names that no public DNS has: RFC 6761, 6762, 8375, ICANN's `internal`, Kubernetes' services.
const INTERNAL: [&str; 11] =
    ["localhost", "local", "internal", "svc", "cluster.local", "home.arpa", "lan", "intranet", "corp", "home", "test"];

/// Services whose names are addresses.
const ADDRESS_NAMES: [&str; 5] = ["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me"];

fn check(file: &FederationFile, registry: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    if registry.is_local {
        return Vec::new();
    }
    let Some((node, text)) = file.text_node("bundleEndpointURL") else {
        return Vec::new();
    };
    let why = host(text).and_then(|host| inside(&host));
    why.map(|why| Diagnostic::new(format!("the endpoint is {why}")).at(node.place)).into_iter().collect()
}

/// Returns the host that an HTTP client would take from a URL: decimal, octal, hexadecimal and short addresses are
/// read as the addresses that they are (url.spec.whatwg.org, section 3.5).
pub(super) fn host(text: &str) -> Option<Host<String>> {
    if text.len() > LONGEST_URL {
        return None;
    }
    Url::parse(text.trim()).ok()?.host().map(|host| host.to_owned())
}

/// Returns why `host` or `host:port` means something only in its own network, if it does.
pub(super) fn internal(authority: &str) -> Option<String> {
    host(&format!("https://{authority}")).and_then(|host| inside(&host))
}

fn inside(host: &Host<String>) -> Option<String> {
    match host {
        Host::Ipv4(address) => special_v4(*address).map(|what| format!("{address}, {what}")),
        Host::Ipv6(address) => special_v6(*address).map(|what| format!("{address}, {what}")),
        Host::Domain(name) => internal_name(name),
    }
}

fn internal_name(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let below = |suffix: &str| name == suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    if let Some(suffix) = INTERNAL.iter().find(|suffix| below(suffix)) {
        return Some(format!("`{name}`: the public DNS has no `{suffix}`"));
    }
    if let Some(service) = ADDRESS_NAMES.iter().find(|service| below(service)) {
        return Some(format!("`{name}`: names of {service} are addresses"));
    }
    // Some clients read a zone or an escaped address out of what is left.
    if name.split('.').next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Some(format!("`{name}`, which is neither a name nor an address"));
    }
    (!name.contains('.')).then(|| format!("`{name}`, a name of one label: it means something else in every network"))
}

/// Returns what kind of address that is not on the public Internet this is: the IANA registry of special-purpose
/// addresses, RFC 6890.
fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    if [[169, 254, 169, 254], [169, 254, 170, 2], [100, 100, 100, 200]].contains(&address.octets()) {
        return Some("where clouds serve the credentials of machines");
    }
    match (a, b, c) {
        (0, ..) => Some("an unspecified address"),
        (127, ..) => Some("the server itself"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("a private address"),
        (169, 254, _) => Some("a link-local address"),
        (100, 64..=127, _) => Some("an address behind a carrier's NAT"),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (198, 18..=19, _) | (192, 88, 99) => {
            Some("a reserved address")
        }
        (224..=239, ..) => Some("a multicast address"),
        (240..=255, ..) => Some("a reserved address"),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        special_v4(Ipv4Addr::new(a, b, c, d))
    };
    if address.is_loopback() {
        return Some("the server itself");
    }
    if address.is_unspecified() {
        return Some("an unspecified address");
    }
    match segments {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Some("where clouds serve the credentials of machines"),
        // Mapped, compatible, translated (RFC 6052, 8215) and 6to4 addresses carry an IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, 1, ..] => Some("a private address"),
        [0x2002, high, low, ..] => embedded(high, low),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfec0..=0xfeff, ..] => Some("a site-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] | [0x2001, 0..=0x01ff, ..] | [0x100, 0, 0, 0, ..] => {
            Some("a reserved address")
        }
        _ => None,
    }
}

/// Returns whether the host of a URL is an address.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    match host(text)? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_inside(url: &str) -> bool {
        host(url).and_then(|host| inside(&host)).is_some()
    }

    #[test]
    fn addresses_inside_are_found_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "10.0.0.1",
            "10.1",
            "167772161",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "0xc0a80101",
            "192.168.257",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "0.0.0.0",
            "0",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "198.18.0.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:10.0.0.1]",
            "[::10.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:a00:1::]",
            "[fd00::1]",
            "[fc00::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[fd00:ec2::254]",
            "[2001:db8::1]",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "localhost.",
            "printer.local",
            "x.internal",
            "metadata.google.internal",
            "spire-server.spire.svc",
            "spire.svc.cluster.local",
            "cluster.local",
            "spire",
            "intranet",
            "router.home.arpa",
            "10.0.0.1.nip.io",
            "127-0-0-1.sslip.io",
            "localtest.me",
        ] {
            assert!(is_inside(&format!("https://{host}/")), "{host}");
            assert!(is_inside(&format!("https://{host}:8443")), "{host}");
        }
    }

    #[test]
    fn public_names_and_addresses_are_not() {
        for host in [
            "spire.partner.io",
            "SPIRE.partner.io",
            "spire.partner.io.",
            "localhost.example.net",
            "internal.example.net",
            "svc.example.net",
            "local.partner.io",
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.169.0.1",
            "[2606:4700::1111]",
            "[64:ff9b::8.8.8.8]",
            "[2002:808:808::]",
            "xn--bcher-kva.example",
            "notlocal",
            "a.b",
        ] {
            let expected = host == "notlocal";
            assert_eq!(is_inside(&format!("https://{host}/")), expected, "{host}");
        }
    }
}
