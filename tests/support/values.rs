//! Helm values: files merged as Helm merges them.

use serde_json::{Map, Value};

use super::Tree;

/// What Helm makes of several values files, the later ones winning: maps merge, everything else replaces. A `null`
/// stays, because only together with the chart's defaults it removes something.
pub fn merged(layers: impl IntoIterator<Item = Value>) -> Value {
    layers.into_iter().fold(Value::Object(Map::new()), merge)
}

fn merge(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (key, value) in above {
                let value = match below.remove(&key) {
                    Some(old) => merge(old, value),
                    None => value,
                };
                below.insert(key, value);
            }
            Value::Object(below)
        }
        (_, above) => above,
    }
}

/// The values of one component in one environment, `gen.values.yaml` included where there is one.
pub fn of(tree: &Tree, component: &str, environment: &str) -> Value {
    let folder = format!("applications/{component}/{environment}");
    let files = ["values.yaml", "gen.values.yaml"].map(|file| format!("{folder}/{file}"));
    let layers: Vec<_> = files.iter().filter(|file| tree.has(file)).map(|file| tree.document(file)).collect();
    assert!(!layers.is_empty(), "{folder}: no values file");
    merged(layers)
}
