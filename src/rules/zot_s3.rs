//! Zot with its blobs in S3.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "zot-s3",
    severity: Severity::Error,
    title: "Zot's storage in S3 is not set up as it must be",
    reason: "Zot's deduplication links files on a disk; in S3 it needs a cache shared by all replicas, and without one it is to \
             be off. `rootDirectory` must be there in any case: Zot refuses to start without (zotregistry.dev, storage).",
    mend: "Set `storage.dedupe: false` and `storage.rootDirectory` in Zot's config.json.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").flat_map(of_dir).collect()
}

/// Returns Zot's configuration, if it is the environment's own and JSON, and where it stands.
fn configuration(dir: &Deployed) -> Option<(&Node, serde_json::Value)> {
    let node = dir.at("apiserver.zot.configFiles")?.get("config.json")?;
    Some((node, serde_json::from_str(node.as_text()?).ok()?))
}

/// Returns whether Zot keeps its blobs in S3.
pub(super) fn uses_s3(dir: &Deployed) -> bool {
    configuration(dir).is_some_and(|(_, json)| is_s3(&json["storage"]))
}

fn is_s3(storage: &serde_json::Value) -> bool {
    storage["storageDriver"]["name"].as_str() == Some("s3")
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let Some((node, json)) = configuration(dir) else {
        return Vec::new();
    };
    let storage = &json["storage"];
    let mut found = Vec::new();
    if !is_s3(storage) {
        return found;
    }
    let mut told = |message: &str| found.push(Diagnostic::new(message).at(node.place));
    let has_cache = storage["remoteCache"].as_bool() == Some(true) && !storage["cacheDriver"].is_null();
    if storage["dedupe"].as_bool() != Some(false) && !has_cache {
        told("Zot's blobs are in S3, and `storage.dedupe` is on");
    }
    if storage["rootDirectory"].as_str().is_none_or(str::is_empty) {
        told("Zot's blobs are in S3, and `storage.rootDirectory` is missing");
    }
    found
}
