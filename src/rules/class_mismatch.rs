//! Classes of the SPIRE controller manager that do not agree.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment, entries_of};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "class-mismatch",
    severity: Severity::Error,
    title: "An object names another class than SPIRE's controller manager has",
    reason: "The controller manager ignores every ClusterSPIFFEID and ClusterFederatedTrustDomain of another class without a \
             word (github.com/spiffe/spire-controller-manager, docs/clusterspiffeid-crd.md): no identity, no partner. The \
             chart's own default is `<namespace>-<release>`.",
    mend: "Use one class everywhere: `className` in base/environment.yaml or the overlay.",
    check: Check::Deployment(check),
};

/// Charts, and where they say which class their objects are of, with the default.
const NAMED: [(&str, &str); 3] =
    [("dir", "apiserver.spire.className"), ("dirctl", "spire.className"), ("oidc-gateway", "envoy.spiffe.className")];
const DEFAULT: &str = "dir-spire";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let manager = deployment.of_chart("spire").next().map(of_manager);
    let mut found = Vec::new();
    for (chart, path) in NAMED {
        for component in deployment.of_chart(chart) {
            // Without SPIRE at hand a chart's objects can only be compared with each other.
            let own = component.text_at(path).unwrap_or(DEFAULT);
            let class = manager.as_ref().map_or(own, |(class, _)| class);
            if own != class {
                found.push(told(own, class, component.place_of(path), manager.as_ref().map(|(_, place)| *place)));
            }
            for entry in entries_of(component) {
                let named = entry.node.get("className");
                if let Some(node) = named.filter(|node| node.as_text() != Some(class)) {
                    found.push(told(node.as_text().unwrap_or_default(), class, node.place, None));
                }
            }
        }
    }
    if let Some((class, _)) = &manager {
        found.extend(of_objects(deployment, class));
    }
    found
}

fn of_manager(spire: &Deployed) -> (String, Place) {
    const PATH: &str = "spire-server.controllerManager.className";
    let own = spire.text_at(PATH).map(str::to_owned);
    let class = own.unwrap_or_else(|| format!("{}-{}", &*spire.namespace.value, spire.release));
    (class, spire.place_of(PATH))
}

fn of_objects(deployment: &Deployment, class: &str) -> Vec<Diagnostic> {
    let of_spire = deployment.objects().filter(|object| {
        let version = object.get("apiVersion").and_then(Node::as_text).unwrap_or_default();
        version.starts_with("spire.spiffe.io/")
    });
    let named = of_spire.filter_map(|object| object.get("spec")?.get("className"));
    let foreign = named.filter(|node| node.as_text() != Some(class));
    foreign.map(|node| told(node.as_text().unwrap_or_default(), class, node.place, None)).collect()
}

fn told(own: &str, class: &str, place: Place, manager: Option<Place>) -> Diagnostic {
    let told = Diagnostic::new(format!("the class is `{own}`, and that of SPIRE's controller manager `{class}`")).at(place);
    match manager {
        Some(manager) => told.related(manager),
        None => told,
    }
}
