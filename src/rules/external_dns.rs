//! Public hosts and the names that ExternalDNS makes.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "external-dns",
    severity: Severity::Error,
    title: "A public host and the name that ExternalDNS is to make for it do not agree",
    reason: "Where ExternalDNS is in use, a host is found in DNS only under the name in the annotation \
             `external-dns.alpha.kubernetes.io/hostname` (kubernetes-sigs.github.io/external-dns). Another name there leaves \
             the host without a record; a missing one does, too, unless the host itself is looked at, and is a warning.",
    mend: "Annotate the Ingress or Service with the host.",
    check: Check::Deployment(check),
};

const ANNOTATION: &str = "external-dns.alpha.kubernetes.io/hostname";

/// Charts, the switch of an Ingress, and where its hosts are.
const INGRESSES: [(&str, &str, &[&str]); 6] = [
    ("dir", "apiserver.ingress", &["hosts"]),
    ("dir", "apiserver.zot.ingress", &["hosts"]),
    ("spire", "spire-server.federation.ingress", &["hosts", "host"]),
    ("spire", "spiffe-oidc-discovery-provider.ingress", &["hosts", "host"]),
    ("oidc-gateway", "ingress", &["host"]),
    ("dex", "ingress", &["hosts"]),
];
const ROUTING: &str = "apiserver.routingService";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let exposures = exposures(deployment);
    let objects = deployment.objects().any(|object| {
        let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
        annotations.is_some_and(|annotations| annotations.get(ANNOTATION).is_some())
    });
    let is_used = objects || exposures.iter().any(|exposure| exposure.annotation().is_some());
    exposures.iter().filter_map(|exposure| exposure.fault(is_used)).collect()
}

/// An Ingress or Service that is reachable from outside.
struct Exposure<'a> {
    component: &'a Deployed,
    path: &'static str,
    hosts: Vec<&'a Node>,
}

fn exposures(deployment: &Deployment) -> Vec<Exposure<'_>> {
    let mut found = Vec::new();
    for (chart, path, keys) in INGRESSES {
        let on = deployment.of_chart(chart).filter(|component| component.is_on(&format!("{path}.enabled"), false));
        found.extend(on.map(|component| Exposure { component, path, hosts: hosts(component, path, keys) }));
    }
    let routed = deployment.of_chart("dir").filter(|dir| dir.text_at("apiserver.routingService.type") == Some("LoadBalancer"));
    found.extend(routed.map(|component| Exposure { component, path: ROUTING, hosts: Vec::new() }));
    found
}

fn hosts<'a>(component: &'a Deployed, path: &str, keys: &[&str]) -> Vec<&'a Node> {
    let nodes = keys.iter().filter_map(|key| component.at(&format!("{path}.{key}")));
    let hosts = nodes.flat_map(|node| match node.as_list() {
        Some(items) => items.iter().filter_map(|item| item.get("host")).collect(),
        None => vec![node],
    });
    hosts.filter(|host| host.as_text().is_some_and(|name| name.contains('.'))).collect()
}

impl<'a> Exposure<'a> {
    fn annotation(&self) -> Option<&'a Node> {
        let annotations = self.component.at(&format!("{}.annotations", self.path))?;
        annotations.get(ANNOTATION).filter(|node| node.as_text().is_some_and(|text| !text.is_empty()))
    }

    fn fault(&self, is_used: bool) -> Option<Diagnostic> {
        let Some(annotation) = self.annotation() else {
            let what = self.hosts.first().and_then(|host| host.as_text()).unwrap_or("the load balancer for routing");
            let place = self.hosts.first().map_or_else(|| self.component.place_of(self.path), |host| host.place);
            let told = Diagnostic::new(format!("ExternalDNS is told of no name for {what}"));
            return is_used.then(|| told.at(place).key(self.path).soften_if(true));
        };
        let named: Vec<&str> = annotation.as_text().unwrap_or_default().split(',').map(str::trim).collect();
        let unnamed = self.hosts.iter().filter_map(|host| host.as_text()).find(|host| !named.contains(host))?;
        let message = format!("ExternalDNS makes {}, and the host is {unnamed}", named.join(", "));
        Some(Diagnostic::new(message).at(annotation.place).key(self.path))
    }
}
