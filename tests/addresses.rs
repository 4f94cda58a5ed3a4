//! Addresses inside somebody's network are refused as endpoints however they are spelled, and public ones never are;
//! trust domains and SPIFFE IDs are what the crate `spiffe` takes as they are written.

#[path = "corpus/laws.rs"]
#[allow(dead_code, reason = "one law of them is wanted")]
mod laws;
use std::net::{Ipv4Addr, Ipv6Addr};

use laws::memory;
use proptest::prelude::*;

/// First and last address of each range that a SPIRE server must not be sent to: IANA's registry of special-purpose
/// addresses, with multicast and what is reserved.
const INSIDE: [(&str, &str); 14] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
];

fn number(address: &str) -> u32 {
    address.parse::<Ipv4Addr>().unwrap().into()
}

fn inside() -> impl Strategy<Value = u32> {
    let range = |(first, last): (&str, &str)| number(first)..=number(last);
    proptest::sample::select(INSIDE.to_vec()).prop_flat_map(range)
}

fn outside() -> impl Strategy<Value = u32> {
    let is_inside = |address: &u32| INSIDE.iter().any(|(first, last)| (number(first)..=number(last)).contains(address));
    // 192.88.99.0/24 was that of relays to IPv6 and is nobody's now.
    any::<u32>().prop_filter("public", move |address| !is_inside(address) && address >> 8 != 0xc0_58_63)
}

/// Returns one part of an address: decimal, octal, or hexadecimal in either case, with zeros before it.
fn part(value: u32, style: u8) -> String {
    match style % 5 {
        0 => value.to_string(),
        1 => format!("0{value:o}"),
        2 => format!("0x{value:x}"),
        3 => format!("0X{value:X}"),
        _ => format!("000{value:o}"),
    }
}

/// Returns an address of one to four parts, the last of which holds what is left (inet_aton).
fn parts(address: u32, count: usize, styles: [u8; 4]) -> String {
    let leading = (0..count - 1).map(|index| address >> (24 - 8 * index) & 0xff);
    let rest = if count == 1 { address } else { address & (u32::MAX >> (8 * (count - 1))) };
    let written: Vec<String> = leading.chain([rest]).zip(styles).map(|(value, style)| part(value, style)).collect();
    written.join(".")
}

/// Returns an IPv6 address that carries this one, in one of the ways in which translators take it.
fn carried(address: u32, way: u8) -> String {
    let [a, b, c, d] = Ipv4Addr::from(address).octets();
    let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    match way % 5 {
        0 => format!("[::ffff:{a}.{b}.{c}.{d}]"),
        1 => format!("[::FFFF:{high:X}:{low:x}]"),
        2 => format!("[0:0:0:0:0:ffff:{high:04x}:{low:04x}]"),
        3 => format!("[64:ff9b::{high:x}:{low:x}]"),
        _ => format!("[2002:{high:x}:{low:x}::1]"),
    }
}

/// Returns the text with some of its characters escaped as URLs do.
fn escaped(host: &str, which: u32) -> String {
    let escape = |(index, c): (usize, char)| match which >> (index % 32) & 1 {
        1 => format!("%{:02X}", u32::from(c)),
        _ => c.to_string(),
    };
    host.chars().enumerate().map(escape).collect()
}

/// Returns the codes of the rules that find fault with an endpoint at this host.
fn judged(host: &str) -> Vec<&'static str> {
    let text = format!(
        "className: dir-spire\ntrustDomain: a.example.net\nbundleEndpointURL: \"https://{host}:8443/\"\n\
         bundleEndpointProfile:\n  type: https_spiffe\n  endpointSPIFFEID: spiffe://a.example.net/spire/server\n"
    );
    let (findings, _) = memory::check("a.example.net.yaml", text.as_bytes(), 0);
    findings.iter().map(|finding| finding.rule.code).collect()
}

fn is_refused(host: &str) -> bool {
    judged(host).contains(&"private-endpoint")
}

proptest! {
    #[test]
    fn addresses_inside_are_refused_in_every_spelling(
        address in inside(), count in 1..=4_usize, styles in any::<[u8; 4]>(), dot in any::<bool>(), which in any::<u32>(),
    ) {
        let host = parts(address, count, styles);
        prop_assert!(is_refused(&host), "{host}");
        prop_assert!(is_refused(&escaped(&host, which)), "{}", escaped(&host, which));
        let dotted = if dot { format!("{host}.") } else { host };
        prop_assert!(is_refused(&dotted), "{dotted}");
    }

    #[test]
    fn addresses_inside_are_refused_when_an_ipv6_address_carries_them(address in inside(), way in any::<u8>()) {
        let host = carried(address, way);
        prop_assert!(is_refused(&host), "{host}");
    }

    #[test]
    fn ipv6_addresses_inside_are_refused(
        first in prop_oneof![0xfc00..=0xfdff_u16, 0xfe80..=0xfeff_u16, 0xff00..=0xffff_u16], rest in any::<[u16; 7]>(),
    ) {
        let [b, c, d, e, f, g, h] = rest;
        let address = Ipv6Addr::new(first, b, c, d, e, f, g, h);
        for host in [format!("[{address}]"), format!("[{first:X}:{b:04x}:{c:X}:{d:x}:{e:x}:{f:x}:{g:x}:{h:X}]")] {
            prop_assert!(is_refused(&host), "{host}");
        }
    }

    #[test]
    fn public_addresses_are_not(address in outside(), count in 1..=4_usize, styles in any::<[u8; 4]>(), way in any::<u8>()) {
        for host in [parts(address, count, styles), carried(address, way)] {
            prop_assert!(!is_refused(&host), "{host}: {}", Ipv4Addr::from(address));
        }
    }

    #[test]
    fn public_names_are_not(name in "[a-z][a-z0-9-]{0,10}[a-z0-9](\\.[a-z][a-z0-9]{1,10}){0,3}\\.(io|com|org|ch|dev)\\.?") {
        prop_assume!(!["nip.io", "sslip.io", "xip.io"].iter().any(|service| name.trim_end_matches('.').ends_with(service)));
        prop_assert!(!is_refused(&name), "{name}: {:?}", judged(&name));
    }

    #[test]
    fn trust_domains_are_those_of_the_crate_spiffe(
        name in prop_oneof!["[a-z0-9._-]{1,300}", "[a-zA-Z0-9._:/@?#%~ -]{0,20}", "[a-z.]{1,5}\\PC{1,3}", "spiffe://[a-zA-Z0-9._-]{0,9}"],
    ) {
        laws::trust_domain(name.as_bytes());
    }

    #[test]
    fn spiffe_ids_are_those_of_the_crate_spiffe(
        scheme in prop_oneof![9 => Just("spiffe://"), 1 => Just("SPIFFE://"), 1 => Just("spiffe:/")],
        name in prop_oneof![8 => "[a-z0-9._-]{1,20}", 1 => "[a-z]{250,260}", 1 => "[A-Za-z:@]{0,5}"],
        path in prop_oneof![8 => "(/[a-zA-Z0-9._-]{1,8}){0,4}", 1 => "(/[a-z.]{0,2}){0,4}", 1 => "/[a-z?#%\\PC]{0,6}", 1 => "(/[a-z]{200}){9,12}"],
    ) {
        laws::trust_domain(format!("{scheme}{name}{path}").as_bytes());
    }
}
