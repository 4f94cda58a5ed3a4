//! A folder of files in memory, and its YAML and JSON files as values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// The files of one folder, by their path below it.
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads every file below `folder`.
    pub fn read(folder: &Path) -> Self {
        let files = walkdir::WalkDir::new(folder)
            .into_iter()
            .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())))
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let path = entry.path().strip_prefix(folder).expect("it lies below the folder");
                (path.to_str().expect("paths are UTF-8").to_owned(), text(entry.path()))
            })
            .collect();
        Self { files }
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The paths of one environment: `<kind of file>/<component or dir>/<environment>/<file>`, receipts left out.
    pub fn paths_of(&self, environment: &str) -> Vec<&str> {
        self.paths().filter(|path| environment_of(path) == Some(environment)).collect()
    }

    /// The names of the environments that have a project here.
    pub fn environments(&self) -> BTreeSet<&str> {
        self.paths().filter(|path| path.starts_with("projects/")).filter_map(environment_of).collect()
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub fn has_folder(&self, folder: &str) -> bool {
        let below = format!("{}/", folder.trim_end_matches('/'));
        self.paths().any(|path| path.starts_with(&below))
    }

    /// The documents of a YAML or JSON file; empty ones are left out.
    pub fn documents(&self, path: &str) -> Vec<Value> {
        let text = self.files.get(path).unwrap_or_else(|| panic!("{path}: there is no such file"));
        if path.ends_with(".json") {
            vec![serde_json::from_str(text).unwrap_or_else(|error| panic!("{path}: not JSON: {error}"))]
        } else {
            parse_yaml(path, text)
        }
    }

    /// The only document of a YAML or JSON file.
    pub fn document(&self, path: &str) -> Value {
        only(path, self.documents(path))
    }
}

/// The only document of a YAML file on the disk.
pub fn yaml_file(path: &Path) -> Value {
    let name = path.display().to_string();
    only(&name, parse_yaml(&name, &text(path)))
}

/// The documents of a YAML file on the disk.
pub fn yaml_files(path: &Path) -> Vec<Value> {
    parse_yaml(&path.display().to_string(), &text(path))
}

/// The text of a file on the disk.
pub fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn environment_of(path: &str) -> Option<&str> {
    match path.split('/').collect::<Vec<_>>()[..] {
        [_, _, environment, _] => Some(environment),
        _ => None,
    }
}

fn only(path: &str, documents: Vec<Value>) -> Value {
    let count = documents.len();
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (Some(document), None) => document,
        _ => panic!("{path}: {count} documents where there should be one"),
    }
}

/// By way of YAML's own values, which refuse duplicate keys.
fn parse_yaml(path: &str, text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            let value =
                serde_yaml::Value::deserialize(document).unwrap_or_else(|error| panic!("{path}: not YAML: {error}"));
            serde_json::to_value(value).unwrap_or_else(|error| panic!("{path}: not what JSON can say: {error}"))
        })
        .filter(|document| !document.is_null())
        .collect()
}
