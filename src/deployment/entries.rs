//! Going through everything that is written out for a component.

use super::Deployed;
use crate::yaml::{Entry, Map, Node, Text, Value};

/// An entry of a map in a component's values or in its other objects.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its key.
    pub key: &'a Text,
    /// Its value, and where the key stands.
    pub entry: &'a Entry,
    /// The map that it stands in.
    pub map: &'a Map,
}

impl Deployed {
    /// Calls `visit` for every entry of every map in the values and the other objects, outer ones first. A map that says
    /// `enabled: false` is left out: what stands in it reaches no cluster.
    pub fn entries<'a>(&'a self, visit: &mut dyn FnMut(Found<'a>)) {
        let values = self.values.merged.as_ref();
        values.into_iter().chain(&self.manifests).for_each(|root| walk(root, visit));
    }
}

fn walk<'a>(node: &'a Node, visit: &mut dyn FnMut(Found<'a>)) {
    match &node.value {
        Value::Map(map) if !is_off(map) => {
            for (key, entry) in map.iter() {
                visit(Found { key, entry, map });
                walk(&entry.node, visit);
            }
        }
        Value::List(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

fn is_off(map: &Map) -> bool {
    matches!(map.get("enabled").map(|entry| &entry.node.value), Some(Value::Bool(false)))
}
