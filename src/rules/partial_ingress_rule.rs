//! An Ingress rule that is not a whole rule.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "partial-ingress-rule",
    severity: Severity::Error,
    title: "The API's Ingress has a rule that the API server refuses",
    reason: "The dir chart copies `apiserver.ingress.hosts` as it stands into `spec.rules` of the Ingress and adds no \
             backend. With `host` and `paths` alone, as in the chart's own default, the API server says \
             `spec.rules[0].paths: field not declared in schema`, and the sync stops.",
    mend: "Write whole rules: host, http.paths with path, pathType and backend.service with name and port.number; the \
           service is <release>-apiserver, port 8888.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let with_ingress = deployment.of_chart("dir").filter(|dir| dir.is_on("apiserver.ingress.enabled", false));
    with_ingress.flat_map(of_ingress).collect()
}

fn of_ingress(dir: &Deployed) -> Vec<Diagnostic> {
    let Some(hosts) = dir.at("apiserver.ingress.hosts").and_then(Node::as_list) else {
        let place = dir.place_of("apiserver.ingress.enabled");
        return vec![Diagnostic::new("the Ingress has the chart's example as its only rule, which is no whole rule").at(place)];
    };
    hosts.iter().filter_map(|rule| fault(rule).map(|(fault, node)| Diagnostic::new(fault).at(node.place))).collect()
}

/// Returns what is wrong with a rule of an Ingress, and at which node: kubernetes.io/docs/concepts/services-networking/ingress.
fn fault(rule: &Node) -> Option<(String, &Node)> {
    if let Some(extra) = rule.as_map()?.iter().find(|(key, _)| !["host", "http"].contains(&&***key)) {
        return Some((format!("a rule of an Ingress has no field `{}`", extra.0), &extra.1.node));
    }
    let paths = rule.get("http").and_then(|http| http.get("paths")).and_then(Node::as_list);
    let Some(paths) = paths.filter(|paths| !paths.is_empty()) else {
        return Some(("a rule of the Ingress has no `http.paths`: it leads nowhere".to_owned(), rule));
    };
    paths.iter().find_map(|path| {
        let backend = path.get("backend");
        let service = backend.and_then(|backend| backend.get("service"));
        let has_port = service.and_then(|service| service.get("port")).is_some();
        let has_name = service.and_then(|service| service.get("name")).is_some();
        let has_resource = backend.and_then(|backend| backend.get("resource")).is_some();
        if path.get("pathType").is_none() {
            return Some(("a path of the Ingress has no `pathType`".to_owned(), path));
        }
        let leads_nowhere = !(has_resource || has_name && has_port);
        leads_nowhere.then(|| ("a path of the Ingress has no `backend.service` with name and port".to_owned(), path))
    })
}
