//! Zot with its blobs in S3.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Value, json_in};

pub(super) static RULE: Rule = Rule {
    code: "zot-s3",
    severity: Severity::Error,
    title: "Zot's storage in S3 is not set up for it",
    reason: "Zot deduplicates blobs with hard links and a cache on its own disk, and does so unless told not to; S3 has no \
             links, and a cache that goes with the pod leaves blobs that are empty (zotregistry.dev, storage: \
             deduplication needs a remote cache there). `rootDirectory` is required for every storage: what Zot keeps \
             locally goes there.",
    mend: "Set `dedupe: false` (or `remoteCache: true` with a cacheDriver) and `rootDirectory` in `storage`.",
    check: Check::Deployment(check),
};

const FILES: &str = "apiserver.zot.configFiles";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").filter_map(storage).flat_map(|storage| judge(&storage)).collect()
}

/// Returns whether Zot keeps its blobs outside the cluster.
pub(super) fn is_remote(dir: &Deployed) -> bool {
    storage(dir).is_some_and(|storage| storage.get("storageDriver").is_some())
}

/// Returns `storage` of the configuration that is mounted, where that may name a driver.
fn storage(dir: &Deployed) -> Option<Node> {
    if !dir.is_on("apiserver.zot.mountConfig", false) {
        return None;
    }
    // Blobs are kept elsewhere by a driver alone; without an escape there is one spelling of its key.
    let config = dir.at(FILES)?.get("config.json")?;
    config.as_text().filter(|text| text.contains("storageDriver") || text.contains('\\'))?;
    json_in(config)?.get("storage").cloned()
}

fn judge(storage: &Node) -> Vec<Diagnostic> {
    let subs = storage.get("subPaths").and_then(Node::as_map).into_iter().flat_map(|subs| subs.values());
    let all = subs.map(|entry| &entry.node).chain([storage]);
    all.filter(|storage| is_s3(storage)).flat_map(faults).collect()
}

fn is_s3(storage: &Node) -> bool {
    storage.get("storageDriver").and_then(|driver| driver.get("name")).and_then(Node::as_text) == Some("s3")
}

fn faults(storage: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let place = storage.get("storageDriver").map_or(storage.place, |driver| driver.place);
    let is = |key: &str, value: bool| matches!(storage.get(key).map(|node| &node.value), Some(Value::Bool(b)) if *b == value);
    let has_remote_cache = is("remoteCache", true) && storage.get("cacheDriver").is_some();
    if !is("dedupe", false) && !has_remote_cache {
        let (why, place) = match storage.get("dedupe") {
            Some(dedupe) => ("`dedupe` is on", dedupe.place),
            None => ("`dedupe` is on unless it says false", place),
        };
        found.push(Diagnostic::new(format!("Zot keeps its blobs in S3, and {why}")).at(place).key(FILES));
    }
    let root = storage.get("rootDirectory").and_then(Node::as_text).unwrap_or_default();
    if root.is_empty() {
        found.push(Diagnostic::new("Zot keeps its blobs in S3, and has no `rootDirectory`").at(place).key(FILES));
    }
    found
}
