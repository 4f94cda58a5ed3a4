//! Reading the keys of a map of our own files, strictly.

use std::ops::Deref;

use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Map, Node, Text, Value};

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl From<&Located<Text>> for Node {
    fn from(located: &Located<Text>) -> Self {
        Self::new(located.place, located.value.clone())
    }
}

/// The keys of a map, all of them known.
pub struct Fields<'a> {
    map: &'a Map,
    place: Place,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Returns the fields of `node`, which is `what` in messages.
    ///
    /// # Errors
    /// Where the node is no map or has a key that is not in `known`.
    pub fn of(node: &'a Node, what: &'static str, known: &[&'static str]) -> Result<Self, Diagnostic> {
        let map = node
            .as_map()
            .ok_or_else(|| Diagnostic::new(format!("{what} must be a map, not {}", node.kind())).at(node.place))?;
        match map.iter().find(|(key, _)| !known.contains(&&***key)) {
            None => Ok(Self { map, place: node.place, what }),
            Some((key, entry)) => Err(Diagnostic::new(format!("{what} has no key `{key}`"))
                .at(entry.key)
                .suggest(key, known.iter().copied())),
        }
    }

    /// Returns the value of `key`; a null counts as none.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.map.get(key).map(|entry| &entry.node).filter(|node| !matches!(node.value, Value::Null))
    }

    /// Returns the value of `key`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn required(&self, key: &str) -> Result<&'a Node, Diagnostic> {
        self.node(key).ok_or_else(|| {
            let place = self.map.get(key).map_or(self.place, |entry| entry.key);
            Diagnostic::new(format!("{} needs the key `{key}`", self.what)).at(place)
        })
    }

    /// Returns the text at `key`, if there is any.
    ///
    /// # Errors
    /// Where it is not text, or empty.
    pub fn text(&self, key: &str) -> Result<Option<Located<Text>>, Diagnostic> {
        self.node(key).map(|node| text(node, key)).transpose()
    }

    /// Returns the text at `key`.
    ///
    /// # Errors
    /// As [`Self::text`], and where there is none.
    pub fn required_text(&self, key: &str) -> Result<Located<Text>, Diagnostic> {
        text(self.required(key)?, key)
    }

    /// Returns the texts in the list at `key`; none where there is no such key.
    ///
    /// # Errors
    /// Where it is not a list of texts.
    pub fn texts(&self, key: &str) -> Result<Vec<Located<Text>>, Diagnostic> {
        self.node(key).map_or(Ok(Vec::new()), |node| texts(node, key))
    }

    /// Returns which of `choices` stands at `key`, if any does.
    ///
    /// # Errors
    /// Where something else stands there.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>, Diagnostic> {
        let Some(written) = self.text(key)? else {
            return Ok(None);
        };
        match choices.iter().find(|(name, _)| *name == &**written) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => Err(Diagnostic::new(format!("`{key}` cannot be `{}`", &**written))
                .at(written.place)
                .suggest(&written, choices.iter().map(|(name, _)| *name))),
        }
    }

    /// Returns the entries of the map at `key`; none where there is no such key.
    ///
    /// # Errors
    /// Where it is not a map.
    pub fn entries(&self, key: &str) -> Result<Vec<(Located<Text>, &'a Node)>, Diagnostic> {
        let Some(node) = self.node(key) else {
            return Ok(Vec::new());
        };
        let map = node.as_map().ok_or_else(|| wrong_type(node, key, "a map"))?;
        let entry = |(key, entry): (&Text, &'a crate::yaml::Entry)| {
            let name = Located { value: key.clone(), place: entry.key };
            (name, &entry.node)
        };
        Ok(map.iter().map(entry).collect())
    }
}

/// Returns the text that `node` is.
///
/// # Errors
/// Where it is something else, or empty.
pub fn text(node: &Node, what: &str) -> Result<Located<Text>, Diagnostic> {
    match &node.value {
        Value::Text(text) if !text.trim().is_empty() => Ok(Located { value: text.clone(), place: node.place }),
        Value::Text(_) => Err(Diagnostic::new(format!("`{what}` is empty")).at(node.place)),
        Value::Template(_) => {
            Err(Diagnostic::new(format!("`{what}` may not be an expression: expressions are made from it"))
                .at(node.place))
        }
        _ => Err(wrong_type(node, what, "text")),
    }
}

/// Returns the texts in the list that `node` is.
///
/// # Errors
/// Where it is something else.
pub fn texts(node: &Node, what: &str) -> Result<Vec<Located<Text>>, Diagnostic> {
    let items = node.as_list().ok_or_else(|| wrong_type(node, what, "a list"))?;
    items.iter().map(|item| text(item, what)).collect()
}

/// Returns the diagnostic for a value that is not of the type it must be of.
pub fn wrong_type(node: &Node, what: &str, expected: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("`{what}` must be {expected}, not {}", node.kind())).at(node.place);
    match (&node.value, expected) {
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), "text") => diagnostic.help("quote it to make it text"),
        _ => diagnostic,
    }
}
