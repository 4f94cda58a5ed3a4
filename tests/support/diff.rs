//! Two documents compared as values, and the comparison held against a table of the differences that are meant.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// Stands for any value in [`Meant::rendered`].
pub const ANY: &str = "*";

/// The keys by which the items of a list are told apart, the first that every item has.
const IDENTITIES: [&str; 8] =
    ["name", "appName", "trustDomain", "secretKey", "host", "id", "providerKey", "secretName"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only in what was rendered.
    Added,
    /// Only in what was expected.
    Removed,
    /// In both, with different values.
    Changed,
    /// A list with the same items in another order.
    Reordered,
}

#[derive(Debug)]
pub struct Difference {
    pub file: String,
    pub path: String,
    pub kind: Kind,
    pub expected: Value,
    pub rendered: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, path, kind, .. } = self;
        let (expected, rendered) = (clipped(&self.expected), clipped(&self.rendered));
        match kind {
            Kind::Added => write!(out, "{file}: {path:?} {kind:?}: {rendered}"),
            Kind::Removed => write!(out, "{file}: {path:?} {kind:?}: {expected}"),
            Kind::Changed | Kind::Reordered => write!(out, "{file}: {path:?} {kind:?}: {expected} became {rendered}"),
        }
    }
}

/// A difference that is meant.
#[derive(Debug, Clone, Copy)]
pub struct Meant {
    pub file: &'static str,
    pub path: &'static str,
    pub kind: Kind,
    /// What is rendered, as JSON; [`ANY`] where it does not matter, and for what is removed.
    pub rendered: &'static str,
    pub reason: &'static str,
}

/// Something that is rendered and not expected.
pub const fn added(file: &'static str, path: &'static str, rendered: &'static str, reason: &'static str) -> Meant {
    Meant { file, path, kind: Kind::Added, rendered, reason }
}

/// Something that is expected and not rendered.
pub const fn removed(file: &'static str, path: &'static str, reason: &'static str) -> Meant {
    Meant { file, path, kind: Kind::Removed, rendered: ANY, reason }
}

/// Something that is rendered with another value.
pub const fn changed(file: &'static str, path: &'static str, rendered: &'static str, reason: &'static str) -> Meant {
    Meant { file, path, kind: Kind::Changed, rendered, reason }
}

/// A list that is rendered with the same items in another order.
pub const fn reordered(file: &'static str, path: &'static str, reason: &'static str) -> Meant {
    Meant { file, path, kind: Kind::Reordered, rendered: ANY, reason }
}

impl Meant {
    fn is(&self, found: &Difference) -> bool {
        self.file == found.file && self.path == found.path && self.kind == found.kind && self.allows(&found.rendered)
    }

    fn allows(&self, rendered: &Value) -> bool {
        let rendered = rendered.to_string();
        self.rendered == ANY || self.rendered == rendered
    }
}

/// Fails on every difference that is not in the table, and on every row of the table that did not occur.
pub fn assert_only_meant(found: &[Difference], table: &[Meant]) {
    let mut problems: Vec<String> = found
        .iter()
        .filter(|difference| !table.iter().any(|row| row.is(difference)))
        .map(|difference| format!("not meant: {difference}"))
        .collect();
    problems.extend(table.iter().filter(|row| !found.iter().any(|difference| row.is(difference))).map(|row| {
        format!("did not occur: {}: {:?} {:?}: {} ({})", row.file, row.path, row.kind, row.rendered, row.reason)
    }));
    super::assert_none(&problems, "mend what is rendered, or write into the test's table why it is meant:");
}

/// Every difference between two documents, each at the highest place that says it all; where one of them is missing,
/// that is the only one.
pub fn differences(file: &str, expected: Option<&Value>, rendered: Option<&Value>) -> Vec<Difference> {
    let mut found = Found { file, differences: Vec::new() };
    found.compare_item("", expected, rendered);
    found.differences
}

struct Found<'a> {
    file: &'a str,
    differences: Vec<Difference>,
}

impl Found<'_> {
    fn add(&mut self, path: &str, kind: Kind, expected: &Value, rendered: &Value) {
        let (expected, rendered) = (expected.clone(), rendered.clone());
        self.differences.push(Difference {
            file: self.file.to_owned(),
            path: path.to_owned(),
            kind,
            expected,
            rendered,
        });
    }

    fn compare(&mut self, path: &str, expected: &Value, rendered: &Value) {
        match (expected, rendered) {
            _ if expected == rendered => {}
            (Value::Object(old), Value::Object(new)) => {
                let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    self.compare_item(&join(path, key), old.get(key), new.get(key));
                }
            }
            (Value::Array(old), Value::Array(new)) => self.compare_lists(path, old, new),
            (Value::String(old), Value::String(new)) => match (structure_in(old), structure_in(new)) {
                (Some(old), Some(new)) => self.compare(path, &old, &new),
                _ => self.add(path, Kind::Changed, expected, rendered),
            },
            _ => self.add(path, Kind::Changed, expected, rendered),
        }
    }

    fn compare_item(&mut self, path: &str, expected: Option<&Value>, rendered: Option<&Value>) {
        match (expected, rendered) {
            (Some(expected), Some(rendered)) => self.compare(path, expected, rendered),
            (Some(expected), None) => self.add(path, Kind::Removed, expected, &Value::Null),
            (None, Some(rendered)) => self.add(path, Kind::Added, &Value::Null, rendered),
            (None, None) => {}
        }
    }

    fn compare_lists(&mut self, path: &str, old: &[Value], new: &[Value]) {
        let (old_names, new_names) = names(old, new);
        for (name, item) in old_names.iter().zip(old) {
            let counterpart = new_names.iter().position(|other| other == name).map(|at| &new[at]);
            self.compare_item(&format!("{path}[{name}]"), Some(item), counterpart);
        }
        for (name, item) in new_names.iter().zip(new).filter(|(name, _)| !old_names.contains(name)) {
            self.add(&format!("{path}[{name}]"), Kind::Added, &Value::Null, item);
        }
        let common = |names: &[String], others: &[String]| -> Vec<Value> {
            names.iter().filter(|name| others.contains(name)).map(|name| Value::String(name.clone())).collect()
        };
        let (before, after) = (common(&old_names, &new_names), common(&new_names, &old_names));
        if before != after {
            self.add(path, Kind::Reordered, &Value::Array(before), &Value::Array(after));
        }
    }
}

/// What to call the items of two lists: by a key that tells them apart, by their value, or by their number.
fn names(old: &[Value], new: &[Value]) -> (Vec<String>, Vec<String>) {
    let by_key =
        IDENTITIES.iter().map(|key| move |item: &Value| item.get(key).map(|name| format!("{key}={}", bare(name))));
    for name in by_key {
        if let (Some(old), Some(new)) = (distinct(old, &name), distinct(new, &name)) {
            return (old, new);
        }
    }
    let by_value = |item: &Value| (!item.is_object() && !item.is_array()).then(|| bare(item));
    if let (Some(old), Some(new)) = (distinct(old, &by_value), distinct(new, &by_value)) {
        return (old, new);
    }
    let numbers = |count: usize| (0..count).map(|number| number.to_string()).collect();
    (numbers(old.len()), numbers(new.len()))
}

/// The names of all items, if each has one and no two have the same.
fn distinct(items: &[Value], name: &dyn Fn(&Value) -> Option<String>) -> Option<Vec<String>> {
    let names: Vec<String> = items.iter().map(name).collect::<Option<_>>()?;
    let unique: BTreeSet<&String> = names.iter().collect();
    (unique.len() == names.len()).then_some(names)
}

/// The value as JSON, without the end of a long one.
fn clipped(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

/// A text without its quotation marks, anything else as JSON.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn join(path: &str, key: &str) -> String {
    match (path, key.contains(['.', '/'])) {
        (_, true) => format!("{path}[{key}]"),
        ("", false) => key.to_owned(),
        (_, false) => format!("{path}.{key}"),
    }
}

/// What a text says in a language of its own: JSON, or the rows of a policy file.
fn structure_in(text: &str) -> Option<Value> {
    let json = serde_json::from_str(text).ok().filter(|value: &Value| value.is_object() || value.is_array());
    let is_policy = text.lines().all(|row| row.starts_with("p,"));
    json.or_else(|| is_policy.then(|| text.lines().map(Value::from).collect()))
}
