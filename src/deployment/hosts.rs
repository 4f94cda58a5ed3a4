//! What of an environment is reached from outside by name: Ingresses, and Services with a load balancer.

use super::{Deployed, Deployment};
use crate::diagnostic::Place;
use crate::workspace::Located;
use crate::yaml::Node;

/// An Ingress, or a Service with a load balancer.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// What it is, for messages.
    pub what: String,
    /// The hosts that an Ingress answers for; a Service has none.
    pub hosts: Vec<Located<String>>,
    /// Its annotations, where there are any.
    pub annotations: Option<&'a Node>,
    /// Where it is switched on.
    pub place: Place,
    /// Whether it is an Ingress.
    pub is_ingress: bool,
}

impl Opening<'_> {
    /// Returns the text of an annotation, unless it is empty.
    pub fn annotation(&self, name: &str) -> Option<Located<&str>> {
        let node = self.annotations?.get(name)?;
        let text = node.as_text().filter(|text| !text.trim().is_empty())?;
        Some(Located { value: text, place: node.place })
    }
}

/// An Ingress of a chart: what it is, where its values stand, what else has to be on, whether that is so by default,
/// and the host that it has by default, which the trust domain is appended to.
struct ChartIngress {
    chart: &'static str,
    what: &'static str,
    path: &'static str,
    needs: Option<(&'static str, bool)>,
    default_host: Option<&'static str>,
}

/// From the charts' default values.
const INGRESSES: [ChartIngress; 7] = [
    ChartIngress {
        chart: "dir",
        what: "the API's Ingress",
        path: "apiserver.ingress",
        needs: None,
        default_host: None,
    },
    ChartIngress {
        chart: "dir",
        what: "Zot's Ingress",
        path: "apiserver.zot.ingress",
        needs: Some(("apiserver.zot.enabled", true)),
        default_host: None,
    },
    ChartIngress {
        chart: "spire",
        what: "the Ingress of SPIRE's federation endpoint",
        path: "spire-server.federation.ingress",
        needs: Some(("spire-server.federation.enabled", false)),
        default_host: Some("spire-server-federation"),
    },
    ChartIngress {
        chart: "spire",
        what: "the OIDC discovery provider's Ingress",
        path: "spiffe-oidc-discovery-provider.ingress",
        needs: Some(("spiffe-oidc-discovery-provider.enabled", true)),
        default_host: Some("oidc-discovery"),
    },
    ChartIngress {
        chart: "spire-nested",
        what: "the OIDC discovery provider's Ingress",
        path: "spiffe-oidc-discovery-provider.ingress",
        needs: Some(("spiffe-oidc-discovery-provider.enabled", true)),
        default_host: Some("oidc-discovery"),
    },
    ChartIngress {
        chart: "oidc-gateway",
        what: "the gateway's Ingress",
        path: "ingress",
        needs: None,
        default_host: None,
    },
    ChartIngress { chart: "dex", what: "Dex' Ingress", path: "ingress", needs: None, default_host: None },
];

/// The Services of charts that can have a load balancer: the chart, what they are, and where their values stand.
const SERVICES: [(&str, &str, &str); 7] = [
    ("dir", "the API's Service", "apiserver.service"),
    ("dir", "the routing Service", "apiserver.routingService"),
    ("dir", "Zot's Service", "apiserver.zot.service"),
    ("spire", "the Service of the SPIRE server", "spire-server.service"),
    ("spire-nested", "the Service of the root SPIRE server", "root-spire-server.service"),
    ("spire-nested", "the Service of the external SPIRE server", "external-spire-server.service"),
    ("oidc-gateway", "the gateway's Service", "envoy.service"),
];

impl Deployment {
    /// Returns the Ingresses that are switched on and the Services that have a load balancer, those of charts first.
    pub fn openings(&self) -> Vec<Opening<'_>> {
        let of_charts = self.components.iter().flat_map(|component| {
            let chart = component.chart();
            let ingresses = INGRESSES.iter().filter(move |ingress| ingress.chart == chart);
            let ingresses = ingresses.filter_map(|ingress| chart_ingress(component, ingress));
            let services = SERVICES.iter().filter(move |(of, ..)| *of == chart);
            ingresses.chain(services.filter_map(|(_, what, path)| chart_service(component, what, path)))
        });
        of_charts.chain(self.objects().filter_map(object)).collect()
    }
}

fn chart_ingress<'a>(component: &'a Deployed, ingress: &ChartIngress) -> Option<Opening<'a>> {
    let path = ingress.path;
    let is_there = ingress.needs.is_none_or(|(needed, default)| component.is_on(needed, default));
    if !is_there || !component.is_on(&format!("{path}.enabled"), false) {
        return None;
    }
    let place = component.place_of(&format!("{path}.enabled"));
    Some(Opening {
        what: ingress.what.to_owned(),
        hosts: hosts(component, ingress, place),
        annotations: component.at(&format!("{path}.annotations")),
        place,
        is_ingress: true,
    })
}

/// Rules go before the one host; the SPIRE charts append the trust domain to a host of one label.
fn hosts(component: &Deployed, ingress: &ChartIngress, switch: Place) -> Vec<Located<String>> {
    let located = |node: &Node| Some(Located { value: node.as_text()?.to_owned(), place: node.place });
    let rules = component.at(&format!("{}.hosts", ingress.path)).and_then(Node::as_list).unwrap_or_default();
    let of_rules: Vec<_> = rules.iter().filter_map(|rule| located(rule.get("host")?)).collect();
    if !of_rules.is_empty() {
        return of_rules;
    }
    let written = component.at(&format!("{}.host", ingress.path)).and_then(located);
    let default = || Some(Located { value: ingress.default_host?.to_owned(), place: switch });
    let mut host = written.filter(|host| !host.is_empty()).or_else(default);
    if let (Some(host), Some(_)) = (&mut host, ingress.default_host)
        && !host.contains('.')
    {
        let trust_domain = component.text_at("global.spire.trustDomain").unwrap_or("example.org");
        host.value = format!("{}.{trust_domain}", host.value);
    }
    host.into_iter().collect()
}

fn chart_service<'a>(component: &'a Deployed, what: &str, path: &str) -> Option<Opening<'a>> {
    let switch = format!("{path}.type");
    (component.text_at(&switch) == Some("LoadBalancer")).then(|| Opening {
        what: what.to_owned(),
        hosts: Vec::new(),
        annotations: component.at(&format!("{path}.annotations")),
        place: component.place_of(&switch),
        is_ingress: false,
    })
}

fn object(object: &Node) -> Option<Opening<'_>> {
    let kind = object.get("kind")?.as_text()?;
    let spec = object.get("spec")?;
    let metadata = object.get("metadata");
    let name = metadata.and_then(|metadata| metadata.get("name")).and_then(Node::as_text).unwrap_or_default();
    let is_ingress = kind == "Ingress";
    let balancer = spec.get("type").filter(|kind| kind.as_text() == Some("LoadBalancer"));
    let place = match (is_ingress, kind, balancer) {
        (true, ..) => object.place,
        (_, "Service", Some(balancer)) => balancer.place,
        _ => return None,
    };
    let rules = spec.get("rules").and_then(Node::as_list).unwrap_or_default();
    let host = |rule: &Node| {
        let host = rule.get("host")?;
        Some(Located { value: host.as_text()?.to_owned(), place: host.place })
    };
    Some(Opening {
        what: format!("the {kind} `{name}`"),
        hosts: rules.iter().filter_map(host).collect(),
        annotations: metadata.and_then(|metadata| metadata.get("annotations")),
        place,
        is_ingress,
    })
}
