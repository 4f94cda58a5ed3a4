//! Laying one tree over another, by Helm's rules.
//!
//! Maps merge, anything else replaces. A null stays, for Helm to remove the chart's default with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Map, Node, Text, Value};

/// Lays `over` over `base`. Lists named in `list_keys` merge by the key given there: items whose values of that key
/// are equal are laid over each other, others are appended.
pub fn merge(base: &mut Node, over: Node, list_keys: &BTreeMap<Vec<Text>, Text>) {
    merge_at(base, over, list_keys, &mut Vec::new());
}

type ListKeys = BTreeMap<Vec<Text>, Text>;

fn merge_at(base: &mut Node, over: Node, list_keys: &ListKeys, path: &mut Vec<Text>) {
    match (&mut base.value, over.value) {
        (Value::Map(lower), Value::Map(upper)) => {
            merge_maps(Arc::make_mut(lower), Arc::unwrap_or_clone(upper), list_keys, path);
        }
        (Value::List(lower), Value::List(upper)) if list_keys.contains_key(path.as_slice()) => {
            merge_lists(Arc::make_mut(lower), Arc::unwrap_or_clone(upper), list_keys, path);
        }
        (_, value) => base.value = value,
    }
    base.place = over.place;
}

fn merge_maps(lower: &mut Map, upper: Map, list_keys: &ListKeys, path: &mut Vec<Text>) {
    for (key, entry) in upper {
        match lower.get_mut(&key) {
            None => {
                lower.insert(key, entry);
            }
            Some(existing) => {
                existing.key = entry.key;
                path.push(key);
                merge_at(&mut existing.node, entry.node, list_keys, path);
                path.pop();
            }
        }
    }
}

fn merge_lists(lower: &mut Vec<Node>, upper: Vec<Node>, list_keys: &ListKeys, path: &mut Vec<Text>) {
    let Some(key) = list_keys.get(path.as_slice()) else {
        return;
    };
    for item in upper {
        let same = item.get(key).and_then(|wanted| lower.iter().position(|other| other.get(key) == Some(wanted)));
        match same {
            Some(index) => merge_at(&mut lower[index], item, list_keys, path),
            None => lower.push(item),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Sources;
    use crate::yaml::{Node, parse, to_yaml};

    fn read(text: &str) -> Node {
        parse(Sources::default().add("test.yaml", text), text).unwrap()
    }

    fn merged(base: &str, over: &str) -> String {
        let mut base = read(base);
        let keys = [(vec!["env".into()], "name".into())].into();
        super::merge(&mut base, read(over), &keys);
        to_yaml([&base]).unwrap()
    }

    #[test]
    fn maps_merge_and_anything_else_replaces() {
        assert_eq!(merged("a: {b: 1, c: [1, 2]}", "a: {c: [3], d: x}"), "a:\n  b: 1\n  c:\n  - 3\n  d: x\n");
        assert_eq!(merged("a: {b: 1}", "a: text"), "a: text\n");
        assert_eq!(merged("a: text", "a: {b: 1}"), "a:\n  b: 1\n");
    }

    #[test]
    fn null_stays_for_helm_to_remove_the_default_with() {
        assert_eq!(merged("a: {b: 1}", "a: null"), "a: null\n");
        assert_eq!(merged("a: null", "a: {b: 1}"), "a:\n  b: 1\n");
    }

    #[test]
    fn keyed_lists_merge_by_their_key() {
        assert_eq!(
            merged("env: [{name: A, value: '1'}, {name: B}]", "env: [{name: C}, {name: A, value: '2'}]"),
            "env:\n- name: A\n  value: \"2\"\n- name: B\n- name: C\n"
        );
    }
}
