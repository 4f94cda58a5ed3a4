//! The schemas of `../shared/crds`, made as strict as an API server with strict field validation is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::objects::Object;
use super::tree::yaml_file;

/// API groups that every Kubernetes API server has: `../shared/crds` has no schema of them.
const BUILT_IN: [&str; 5] = ["", "apps", "batch", "networking.k8s.io", "rbac.authorization.k8s.io"];

/// By apiVersion and kind.
pub type Schemas = BTreeMap<(String, String), Validator>;

/// The schemas of all served versions of the CustomResourceDefinitions in `../shared/crds`, for strict validation.
pub fn schemas(shared: &Path) -> &'static Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let files = walkdir::WalkDir::new(shared.join("crds")).into_iter().filter_map(Result::ok);
        files
            .filter(|entry| entry.file_type().is_file())
            .flat_map(|entry| schemas_in(&yaml_file(entry.path())))
            .collect()
    })
}

fn schemas_in(definition: &Value) -> Vec<((String, String), Validator)> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().expect("a definition has names").to_owned();
    let served = spec["versions"]
        .as_array()
        .expect("a definition has versions")
        .iter()
        .filter(|version| version["served"] == true);
    let schemas = served.map(|version| {
        let api_version = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
        let schema = strict_object(&version["schema"]["openAPIV3Schema"]);
        let validator = jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{api_version}: {error}"));
        ((api_version, text(&spec["names"]["kind"])), validator)
    });
    schemas.collect()
}

/// The schema of a whole object: Kubernetes itself answers for apiVersion, kind and metadata.
fn strict_object(schema: &Value) -> Value {
    let mut schema = strict(schema);
    for (field, of) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        schema["properties"][field] = json!({"type": of});
    }
    schema
}

/// An OpenAPI v3 schema as a JSON schema that refuses unknown fields, as the API server's strict field validation does.
fn strict(schema: &Value) -> Value {
    let Some(schema) = schema.as_object() else { return schema.clone() };
    let mut strict = schema.clone();
    if let Some(properties) = strict.get_mut("properties").and_then(Value::as_object_mut) {
        properties.iter_mut().for_each(|(_, property)| *property = self::strict(property));
    }
    for below in ["items", "additionalProperties"] {
        if let Some(inner) = strict.get_mut(below) {
            *inner = self::strict(inner);
        }
    }
    let is = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    if schema.get("type") == Some(&json!("object"))
        && !schema.contains_key("additionalProperties")
        && !is("x-kubernetes-preserve-unknown-fields")
    {
        strict.insert("additionalProperties".to_owned(), json!(false));
    }
    if is("x-kubernetes-int-or-string") {
        strict.insert("type".to_owned(), json!(["integer", "string"]));
    }
    if let (true, Some(Value::String(of))) = (is("nullable"), schema.get("type")) {
        strict.insert("type".to_owned(), json!([of, "null"]));
    }
    Value::Object(strict)
}

/// What the API server has against an object; nothing for the kinds that are its own.
pub fn violations(schemas: &Schemas, object: &Object) -> Vec<String> {
    if BUILT_IN.contains(&object.group()) {
        return Vec::new();
    }
    let Some(schema) = schemas.get(&(object.version().to_owned(), object.kind().to_owned())) else {
        return vec![format!("{}: no API server here serves {} {}", object.label(), object.version(), object.kind())];
    };
    let errors = schema.iter_errors(&object.document);
    errors
        .map(|error| format!("{}: {}: {}", object.label(), error.instance_path(), clipped(&error.to_string())))
        .collect()
}

/// A message without the end of the object that it quotes.
fn clipped(message: &str) -> String {
    message.chars().take(300).collect()
}
