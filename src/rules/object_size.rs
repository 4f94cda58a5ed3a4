//! Objects that Kubernetes does not keep.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment, entries_of};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Node, Value, to_json};

pub(super) static RULE: Rule = Rule {
    code: "object-size",
    severity: Severity::Error,
    title: "An object is larger than Kubernetes takes",
    reason: "A ConfigMap or Secret holds 1 MiB (kubernetes.io/docs/concepts/configuration), and etcd takes no object over \
             1.5 MiB (etcd.io, system limits). Policy rows and bundles of thousands of partners get there. Whoever \
             installs with Helm also has the release in a Secret: values, chart and what came of them, in gzip and \
             base64. Sizes are estimated from the values, without what the chart adds: what is told of is too large in \
             any case. Argo CD keeps no release.",
    mend: "Give partners their rights by a row for `*` instead of rows of their own, or divide them between environments.",
    check: Check::Deployment(check),
};

const MEBIBYTE: usize = 1 << 20;
/// etcd's --max-request-bytes.
const REQUEST: usize = MEBIBYTE + MEBIBYTE / 2;

/// ConfigMaps and Secrets of the dir chart: what they are, and the values that they hold.
const HOLDERS: [(&str, &[&str]); 4] = [
    ("the apiserver's ConfigMap", &["apiserver.config", "apiserver.authz_policies_csv"]),
    ("the reconciler's ConfigMap", &["apiserver.reconciler.config"]),
    ("Zot's ConfigMap", &["apiserver.zot.configFiles"]),
    ("Zot's Secret", &["apiserver.zot.secretFiles"]),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let of_charts = deployment.components.iter().flat_map(of_component);
    let of_objects = deployment.objects().filter_map(object);
    let releases = deployment.components.iter().filter(|_| !deployment.is_whole).filter_map(release);
    of_charts.chain(of_objects).chain(releases).collect()
}

fn of_component(component: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if component.chart() == "dir" {
        found.extend(HOLDERS.iter().filter_map(|(what, paths)| {
            let parts: Vec<&Node> = paths.iter().filter_map(|path| component.at(path)).collect();
            held(what, &parts)
        }));
    }
    if component.chart() == "dirctl" {
        let maps = component.at("configMaps").and_then(Node::as_list).unwrap_or_default();
        found.extend(maps.iter().filter_map(|map| held("a ConfigMap of dirctl's", &[map.get("data")?])));
    }
    let entries = entries_of(component);
    found.extend(entries.iter().filter_map(|entry| {
        let what = format!("the ClusterFederatedTrustDomain of {}", entry.trust_domain);
        over(&what, size(entry.node), REQUEST, largest(&[entry.node]))
    }));
    found
}

fn object(object: &Node) -> Option<Diagnostic> {
    let kind = object.get("kind")?.as_text()?;
    let name = object.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::as_text);
    let what = format!("the {kind} `{}`", name.unwrap_or_default());
    let data: Vec<&Node> = ["data", "stringData", "binaryData"].iter().filter_map(|key| object.get(key)).collect();
    let holds = matches!(kind, "ConfigMap" | "Secret");
    let told = holds.then(|| held(&what, &data)).flatten();
    told.or_else(|| over(&what, size(object), REQUEST, largest(&[object])))
}

fn held(what: &str, parts: &[&Node]) -> Option<Diagnostic> {
    over(what, parts.iter().map(|part| size(part)).sum(), MEBIBYTE, largest(parts))
}

fn over(what: &str, size: usize, limit: usize, place: Option<Place>) -> Option<Diagnostic> {
    let place = place.filter(|_| size > limit)?;
    let message = format!("{what} is of {} or more: Kubernetes takes {}", mebibytes(size), mebibytes(limit));
    Some(Diagnostic::new(message).at(place))
}

/// Returns whether the Secret in which Helm keeps a release is too large: the values and, once more, what the chart
/// copies of them into ConfigMaps, as JSON, in gzip and base64.
fn release(component: &Deployed) -> Option<Diagnostic> {
    let values = component.values.merged.as_ref()?;
    // Even where nothing can be compressed, it takes this much.
    if size(values) < MEBIBYTE / 4 {
        return None;
    }
    let copied: Vec<&Node> = HOLDERS.iter().flat_map(|(_, paths)| *paths).filter_map(|path| component.at(path)).collect();
    let parts = [values].into_iter().chain(copied);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    for part in parts {
        gzip.write_all(to_json(part).ok()?.as_bytes()).ok()?;
    }
    let size = STANDARD.encode(gzip.finish().ok()?).len();
    let message = format!(
        "Helm's record of the release is of {} or more: Kubernetes takes {}",
        mebibytes(size),
        mebibytes(MEBIBYTE)
    );
    let place = largest(&[values])?;
    (size > MEBIBYTE).then(|| Diagnostic::new(message).at(place))
}

fn mebibytes(size: usize) -> String {
    let hundredths = size * 100 / MEBIBYTE;
    format!("{}.{:02} MiB", hundredths / 100, hundredths % 100)
}

/// Returns how many bytes a value takes, without indentation.
fn size(node: &Node) -> usize {
    match &node.value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.iter().map(|item| size(item) + 2).sum(),
        Value::Map(map) => map.iter().map(|(key, entry)| key.len() + 2 + size(&entry.node)).sum(),
        _ => 4,
    }
}

/// Returns where the largest value stands that is not a map or list.
fn largest(parts: &[&Node]) -> Option<Place> {
    let mut largest: Option<(usize, Place)> = None;
    let mut pending: Vec<&Node> = parts.to_vec();
    while let Some(node) = pending.pop() {
        match &node.value {
            Value::List(items) => pending.extend(items.iter()),
            Value::Map(map) => pending.extend(map.values().map(|entry| &entry.node)),
            _ if largest.is_none_or(|(before, _)| size(node) > before) => largest = Some((size(node), node.place)),
            _ => {}
        }
    }
    largest.map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;

    /// Hexadecimal digits that no compression makes much of.
    fn noise(length: usize) -> String {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        (0..length).map(|_| char::from(b"0123456789abcdefghijklmnopqrstuv"[usize::from(next() % 32)])).collect()
    }

    fn found(configuration: String) -> Vec<String> {
        let place = Place::point(Sources::default().add("x", ""), 1, 1);
        let text = Node::new(place, configuration);
        let values = Node::map(place, [("cronjobs", Node::map(place, [("text", text)]))]);
        let deployment = Deployment::of_values("dirctl", "v1.3.0", vec![values], None, place);
        check(&deployment).into_iter().map(|told| told.message).collect()
    }

    #[test]
    fn a_release_counts_compressed() {
        assert_eq!(found("x".repeat(5 * MEBIBYTE)), Vec::<String>::new());
        assert_eq!(found(noise(MEBIBYTE)), Vec::<String>::new());
        let [message] = found(noise(2 * MEBIBYTE)).try_into().unwrap();
        assert!(message.starts_with("Helm's record of the release is of 1."), "{message}");
    }
}
