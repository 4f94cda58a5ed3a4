//! Objects that are too large to be kept.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Value, to_json};

pub(super) static RULE: Rule = Rule {
    code: "object-size",
    severity: Severity::Error,
    title: "An object is larger than Kubernetes keeps",
    reason: "A ConfigMap may have 1 MiB (kubernetes.io/docs/concepts/configuration/configmap), a request to etcd 1.5 MiB \
             (etcd.io/docs, system limits); the policy rows of thousands of partners go into one ConfigMap. Helm by hand keeps a \
             release in a Secret of at most 1 MiB, values and rendered objects packed; under Argo CD there is none.",
    mend: "Grant methods to `*` instead of to each partner, or trust fewer partners.",
    check: Check::Deployment(check),
};

const CONFIG_MAP: usize = 1 << 20;
const OBJECT: usize = 3 << 19;
const RELEASE: usize = 1 << 20;

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = deployment.of_chart("dir").filter_map(config_map).collect();
    for object in deployment.objects().filter(|object| weight(object) > OBJECT) {
        let size = weight(object);
        found.push(Diagnostic::new(format!("the object has {size} bytes, and etcd takes {OBJECT}")).at(object.place));
    }
    if !deployment.is_whole {
        found.extend(deployment.components.iter().filter_map(release));
    }
    found
}

/// The ConfigMap with the apiserver's configuration and its policies.
fn config_map(dir: &Deployed) -> Option<Diagnostic> {
    let parts = ["apiserver.authz_policies_csv", "apiserver.config"];
    let weights = parts.map(|path| (path, dir.at(path).map_or(0, weight)));
    let size: usize = weights.iter().map(|(_, weight)| weight).sum();
    let (largest, _) = weights.into_iter().max_by_key(|(_, weight)| *weight)?;
    let message = format!("the ConfigMap made from this has {size} bytes, and may have {CONFIG_MAP}");
    (size > CONFIG_MAP).then(|| Diagnostic::new(message).at(dir.place_of(largest)).key(largest))
}

/// A release has the values, and the objects, which repeat them: packed, and then as base64.
fn release(component: &Deployed) -> Option<Diagnostic> {
    let values = component.values.merged.as_ref().filter(|values| weight(values) > RELEASE)?;
    let json = to_json(values).ok()?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(json.as_bytes()).ok()?;
    let size = encoder.finish().ok()?.len() * 4 / 3;
    let message = format!("Helm's release would have at least {size} bytes, and may have {RELEASE}");
    (size > RELEASE).then(|| Diagnostic::new(message).at(values.place))
}

/// How many bytes a node has at least, written out.
fn weight(node: &Node) -> usize {
    let mut bytes = 0;
    Path::leaves(node, &mut |path, leaf| {
        bytes += path.0.len() + 2;
        if let Value::Text(text) = &leaf.value {
            bytes += text.len();
        }
    });
    bytes
}
