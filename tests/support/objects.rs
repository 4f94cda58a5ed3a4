//! The objects that reach a cluster as they are rendered, without a chart between.

use serde_json::Value;

use super::RENDERED;
use super::applications::Application;

/// An object that reaches the cluster as it is rendered.
pub struct Object {
    pub file: String,
    pub document: Value,
}

impl Object {
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.document.pointer(pointer)?.as_str()
    }

    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_else(|| panic!("{}: an object without a kind: {}", self.file, self.document))
    }

    pub fn version(&self) -> &str {
        let version = self.text("/apiVersion");
        version.unwrap_or_else(|| panic!("{}: an object without an apiVersion: {}", self.file, self.document))
    }

    pub fn group(&self) -> &str {
        self.version().split_once('/').map_or("", |(group, _)| group)
    }

    pub fn group_kind(&self) -> (String, String) {
        (self.group().to_owned(), self.kind().to_owned())
    }

    pub fn is_cluster_wide(&self) -> bool {
        [
            "ClusterSecretStore",
            "ClusterFederatedTrustDomain",
            "ClusterSPIFFEID",
            "ClusterStaticEntry",
            "Namespace",
            "StorageClass",
        ]
        .contains(&self.kind())
    }

    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    pub fn namespace(&self) -> Option<&str> {
        self.text("/metadata/namespace")
    }

    pub fn sync_wave(&self) -> i32 {
        let wave = self.text("/metadata/annotations/argocd.argoproj.io~1sync-wave").unwrap_or("0");
        wave.parse().unwrap_or_else(|_| panic!("{}: the sync wave {wave:?} is no number", self.label()))
    }

    pub fn label(&self) -> String {
        format!("{}: {} {}", self.file, self.kind(), self.name())
    }
}

/// The objects in an Application's manifests.yaml.
pub fn manifests(application: &Application) -> Vec<Object> {
    let files = application.manifests().into_iter().filter(|file| RENDERED.has(file));
    let objects = files.flat_map(|file| {
        let documents = RENDERED.documents(&file).into_iter();
        documents.map(move |document| Object { file: file.clone(), document }).collect::<Vec<_>>()
    });
    objects.collect()
}

/// The objects in the values of an Application of the chart `raw`.
pub fn raw_objects(application: &Application) -> Vec<Object> {
    if application.chart().is_none_or(|(name, _)| name != "raw") {
        return Vec::new();
    }
    let files = application.value_files().into_iter().filter(|file| RENDERED.has(file));
    let objects = files.flat_map(|file| {
        let resources = RENDERED.document(file)["resources"].as_array().cloned().unwrap_or_default();
        resources.into_iter().map(move |document| Object { file: file.to_owned(), document })
    });
    objects.collect()
}
