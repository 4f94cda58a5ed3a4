//! MetalLB's addresses.

use std::net::IpAddr;

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "address-pool",
    severity: Severity::Error,
    title: "Addresses and MetalLB's pools do not agree",
    reason: "MetalLB refuses pools that overlap, and a Service that asks for an address outside of them, or for a pool that is \
             not there, gets none (metallb.universe.tf/configuration, usage). An endpoint in a federation file at an address \
             that MetalLB does not give away is one that nobody answers at.",
    mend: "Take the address from a pool of this environment, or widen the pool.",
    check: Check::Deployment(check),
};

/// A stretch of addresses of one pool.
pub(super) struct Range {
    pub(super) first: IpAddr,
    pub(super) last: IpAddr,
    pub(super) place: Place,
    pub(super) text: String,
}

impl Range {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    fn has(&self, address: IpAddr) -> bool {
        self.first <= address && address <= self.last
    }
}

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let ranges = ranges(deployment, &mut |fault| found.push(fault));
    for (index, range) in ranges.iter().enumerate() {
        if let Some(other) = ranges[..index].iter().find(|other| other.overlaps(range)) {
            let message = format!("{} overlaps {}", range.text, other.text);
            found.push(Diagnostic::new(message).at(range.place).related(other.place));
        }
    }
    if pools(deployment).next().is_some() {
        found.extend(asked(deployment, &ranges));
    }
    found
}

fn pools(deployment: &Deployment) -> impl Iterator<Item = &Node> {
    let of_metallb = |object: &&Node| object.get("kind").and_then(Node::as_text) == Some("IPAddressPool");
    deployment.objects().filter(of_metallb)
}

/// Returns the addresses of all pools of an environment; what is none is told.
pub(super) fn ranges(deployment: &Deployment, fault: &mut dyn FnMut(Diagnostic)) -> Vec<Range> {
    let lists = pools(deployment).filter_map(|pool| pool.get("spec")?.get("addresses")?.as_list());
    let mut ranges = Vec::new();
    for node in lists.flatten() {
        let text = node.as_text().unwrap_or_default();
        match range(text) {
            Some((first, last)) => ranges.push(Range { first, last, place: node.place, text: text.to_owned() }),
            None => fault(Diagnostic::new(format!("`{text}` is no range of addresses")).at(node.place)),
        }
    }
    ranges
}

/// Reads `first-last` and CIDR notation.
fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        return (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last));
    }
    let (address, bits) = text.trim().split_once('/')?;
    let bits: u32 = bits.parse().ok()?;
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = u32::from(address) & !hosts;
            (bits <= 32).then_some(())?;
            (IpAddr::V4(first.into()), IpAddr::V4((first | hosts).into()))
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = u128::from(address) & !hosts;
            (bits <= 128).then_some(())?;
            (IpAddr::V6(first.into()), IpAddr::V6((first | hosts).into()))
        }
    })
}

/// What Services and the environment's own endpoint ask for and no pool has.
fn asked(deployment: &Deployment, ranges: &[Range]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut address = |text: &str, place: Place| {
        if let Ok(address) = text.trim().parse::<IpAddr>()
            && !ranges.iter().any(|range| range.has(address))
        {
            found.push(Diagnostic::new(format!("no pool of this environment has {address}")).at(place));
        }
    };
    for service in deployment.objects().filter(|object| object.get("kind").and_then(Node::as_text) == Some("Service")) {
        let annotations = service.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let annotated = annotations.and_then(|annotations| annotations.get("metallb.io/loadBalancerIPs"));
        let own = service.get("spec").and_then(|spec| spec.get("loadBalancerIP"));
        for node in annotated.into_iter().chain(own) {
            node.as_text().unwrap_or_default().split(',').for_each(|text| address(text, node.place));
        }
    }
    let url = deployment.endpoint.as_ref().and_then(|endpoint| endpoint.url.as_ref());
    if let Some(url) = url
        && let Some(host) = url::Url::parse(url).ok().and_then(|parsed| parsed.host_str().map(str::to_owned))
    {
        address(host.trim_matches(['[', ']']), url.place);
    }
    found.extend(unknown_pools(deployment));
    found
}

fn unknown_pools(deployment: &Deployment) -> Vec<Diagnostic> {
    let name = |pool: &Node| Some(pool.get("metadata")?.get("name")?.as_text()?.to_owned());
    let known: Vec<String> = pools(deployment).filter_map(name).collect();
    let named = deployment.objects().filter_map(|object| {
        object.get("metadata")?.get("annotations")?.get("metallb.io/address-pool")
    });
    let unknown = named.filter(|node| node.as_text().is_some_and(|pool| !known.iter().any(|known| known == pool)));
    unknown
        .map(|node| {
            let pool = node.as_text().unwrap_or_default();
            Diagnostic::new(format!("there is no pool `{pool}`"))
                .at(node.place)
                .suggest(pool, known.iter().map(String::as_str))
        })
        .collect()
}
