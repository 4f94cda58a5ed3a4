//! Addresses that MetalLB has to give.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::{Check, Rule, Severity, private_endpoint};
use crate::deployment::{Deployment, Found};
use crate::diagnostic::Diagnostic;
use crate::workspace::Located;
use crate::yaml::{Map, Node};

pub(super) static RULE: Rule = Rule {
    code: "address-pool",
    severity: Severity::Error,
    title: "Pools of addresses overlap, or an address or pool that is asked for is in none",
    reason: "MetalLB refuses pools that overlap; in two clusters on one network they make both answer for one address. A \
             Service that asks for an address outside every pool, or for a pool that is not there, stays pending \
             (metallb.io/usage). And where the federation file names an address that no pool of the environment has, \
             partners fetch the bundle from nobody.",
    mend: "Give each cluster a range of its own, and ask for addresses inside it (`vars.addressPool`).",
    check: Check::Deployments(check),
};

const POOL: [&str; 2] = ["metallb.io/address-pool", "metallb.universe.tf/address-pool"];
const ADDRESSES: [&str; 3] = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs", "loadBalancerIP"];

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: IpAddr,
    last: IpAddr,
}

impl Range {
    /// Reads `a-b` or `a/prefix`.
    fn of(text: &str) -> Option<Self> {
        let range = match text.split_once('-') {
            Some((first, last)) => Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? },
            None => {
                let (address, prefix) = text.trim().split_once('/')?;
                Self::of_prefix(address.parse().ok()?, prefix.parse().ok()?)?
            }
        };
        (range.first.is_ipv4() == range.last.is_ipv4() && range.first <= range.last).then_some(range)
    }

    fn of_prefix(address: IpAddr, prefix: u32) -> Option<Self> {
        match address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let network = address.to_bits() & !host;
                let ends = [network, network | host].map(|bits| IpAddr::V4(bits.into()));
                (prefix <= 32).then_some(Self { first: ends[0], last: ends[1] })
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
                let network = address.to_bits() & !host;
                let ends = [network, network | host].map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)));
                (prefix <= 128).then_some(Self { first: ends[0], last: ends[1] })
            }
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && self.first <= address && address <= self.last
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.first.is_ipv4() == other.first.is_ipv4() && self.first <= other.last && other.first <= self.last
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// An IPAddressPool.
struct Pool<'a> {
    name: &'a str,
    ranges: Vec<Located<Range>>,
}

/// What MetalLB has in an environment.
struct Network<'a> {
    deployment: &'a Deployment,
    pools: Vec<Pool<'a>>,
}

impl Network<'_> {
    fn ranges(&self) -> impl Iterator<Item = (&str, &Located<Range>)> {
        self.pools.iter().flat_map(|pool| pool.ranges.iter().map(|range| (pool.name, range)))
    }

    fn has(&self, address: IpAddr, pool: Option<&str>) -> bool {
        self.ranges().any(|(name, range)| pool.is_none_or(|pool| pool == name) && range.has(address))
    }

    fn has_pool(&self, name: &str) -> bool {
        self.pools.iter().any(|pool| pool.name == name)
    }
}

fn check(deployments: &[Deployment]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut networks: Vec<Network<'_>> = Vec::new();
    for deployment in deployments {
        let network = network(deployment, &mut found);
        if network.pools.is_empty() {
            // MetalLB is set up elsewhere, or not there.
            continue;
        }
        found.extend(overlaps(&network));
        found.extend(requests(&network));
        found.extend(endpoint(&network));
        let near = networks.iter().filter(|other| share_network(deployment, other.deployment));
        found.extend(near.flat_map(|other| shared(&network, other)));
        networks.push(network);
    }
    found
}

fn network<'a>(deployment: &'a Deployment, found: &mut Vec<Diagnostic>) -> Network<'a> {
    let is_pool = |object: &&Node| object.get("kind").and_then(Node::as_text) == Some("IPAddressPool");
    let pools = deployment.objects().filter(is_pool).map(|object| pool(object, found)).collect();
    Network { deployment, pools }
}

fn pool<'a>(object: &'a Node, found: &mut Vec<Diagnostic>) -> Pool<'a> {
    let name = object.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::as_text);
    let addresses = object.get("spec").and_then(|spec| spec.get("addresses")).and_then(Node::as_list);
    let mut ranges = Vec::new();
    for node in addresses.unwrap_or_default() {
        let text = node.as_text().unwrap_or_default();
        match Range::of(text) {
            Some(value) => ranges.push(Located { value, place: node.place }),
            None => {
                let message = format!("`{text}` is neither a range `first-last` nor a network `address/prefix`");
                found.push(Diagnostic::new(message).at(node.place));
            }
        }
    }
    Pool { name: name.unwrap_or_default(), ranges }
}

/// Returns where ranges of one environment overlap.
fn overlaps(network: &Network<'_>) -> Vec<Diagnostic> {
    let ranges: Vec<_> = network.ranges().collect();
    let mut found = Vec::new();
    for (index, (name, range)) in ranges.iter().enumerate() {
        let earlier = ranges[..index].iter().find(|(_, other)| other.overlaps(range));
        found.extend(earlier.map(|(other_name, other)| {
            let environment = &network.deployment.environment;
            let message =
                format!("{} of `{name}` overlaps {} of `{other_name}` in {environment}", range.value, other.value);
            Diagnostic::new(message).at(range.place).related(other.place)
        }));
    }
    found
}

/// Two environments are on one network if they federate with each other, or are both on this machine.
fn share_network(one: &Deployment, other: &Deployment) -> bool {
    let trusts = |a: &Deployment, b: &Deployment| {
        let name = b.trust_domain();
        let names = |trust_domain: &str| name.as_ref().is_some_and(|name| *name.value == *trust_domain);
        a.partners.iter().any(|partner| names(&partner.trust_domain))
            || a.federation_entries().iter().any(|entry| names(entry.trust_domain))
    };
    (one.is_local && other.is_local) || trusts(one, other) || trusts(other, one)
}

fn shared<'a>(network: &'a Network<'_>, other: &'a Network<'_>) -> impl Iterator<Item = Diagnostic> {
    network.ranges().filter_map(|(name, range)| {
        let (other_name, taken) = other.ranges().find(|(_, taken)| taken.overlaps(range))?;
        let (here, there) = (&network.deployment.environment, &other.deployment.environment);
        let message = format!(
            "{} of `{name}` in {here} overlaps {} of `{other_name}` in {there}, on the same network",
            range.value, taken.value
        );
        Some(Diagnostic::new(message).at(range.place).related(taken.place))
    })
}

/// Returns what Services and advertisements ask for that is not there.
fn requests(network: &Network<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for component in &network.deployment.components {
        component.entries(&mut |entry| match &**entry.key {
            "ipAddressPools" => {
                let named = entry.entry.node.as_list().unwrap_or_default();
                found.extend(named.iter().filter_map(|name| no_pool(network, name)));
            }
            key if POOL.contains(&key) => found.extend(no_pool(network, &entry.entry.node)),
            // A chart leaves the address out of a Service of another type.
            "loadBalancerIP" if !is_balancer(entry.map) => {}
            key if ADDRESSES.contains(&key) => found.extend(outside(network, entry)),
            _ => {}
        });
    }
    found
}

fn is_balancer(service: &Map) -> bool {
    service.get("type").and_then(|kind| kind.node.as_text()) == Some("LoadBalancer")
}

fn no_pool(network: &Network<'_>, name: &Node) -> Option<Diagnostic> {
    let text = name.as_text().filter(|text| !text.is_empty() && !network.has_pool(text))?;
    let known = network.pools.iter().map(|pool| pool.name);
    let message = format!("there is no pool `{text}` in {}", network.deployment.environment);
    Some(Diagnostic::new(message).at(name.place).suggest(text, known))
}

fn outside(network: &Network<'_>, found: Found<'_>) -> Vec<Diagnostic> {
    let node = &found.entry.node;
    let pool = wanted_pool(found.map).filter(|pool| network.has_pool(pool));
    let addresses = node.as_text().unwrap_or_default().split(',').filter_map(|text| text.trim().parse().ok());
    let foreign = addresses.filter(|address| !network.has(*address, pool));
    let environment = &network.deployment.environment;
    let message = |address: IpAddr| match pool {
        Some(pool) => format!("{address} is not in the pool `{pool}` of {environment}"),
        None => format!("{address} is in no pool of {environment}"),
    };
    foreign.map(|address| Diagnostic::new(message(address)).at(node.place)).collect()
}

fn wanted_pool(annotations: &Map) -> Option<&str> {
    POOL.iter().find_map(|key| annotations.get(*key)?.node.as_text())
}

/// Returns whether the environment's own federation file names an address that no pool has.
fn endpoint(network: &Network<'_>) -> Option<Diagnostic> {
    let url = network.deployment.endpoint.as_ref()?.url.as_ref()?;
    let address = private_endpoint::address(url)?;
    let pools = network.ranges().next().map(|(_, range)| range.place)?;
    (!network.has(address, None)).then(|| {
        let environment = &network.deployment.environment;
        let message = format!("partners are told {address}, which is in no pool of {environment}");
        Diagnostic::new(message).at(url.place).related(pools)
    })
}
