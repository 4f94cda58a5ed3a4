//! The tree that YAML is read into and written from.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::Place;
use crate::expression::Template;

/// Shared text: cloning it copies no bytes.
pub type Text = Arc<str>;

/// A value and where it was written. Cloning it is cheap: collections are shared until one of the clones changes.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it was written.
    pub place: Place,
}

/// What a node can be.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits in 64 bits, signed.
    Int(i64),
    /// An integer between `i64::MAX` and `u64::MAX`.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Text),
    /// Text with expressions in it that have not been evaluated yet.
    Template(Arc<Template>),
    /// A sequence.
    List(Arc<Vec<Node>>),
    /// A mapping, in the order in which it was written.
    Map(Arc<Map>),
}

/// A mapping from text to nodes, in the order of insertion. The standard library's hash took a twentieth of a render.
pub type Map = IndexMap<Text, Entry, foldhash::fast::RandomState>;

/// The value of a key in a [`Map`], and where the key stands.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key was written.
    pub key: Place,
    /// The value.
    pub node: Node,
}

impl Node {
    /// Returns a node of `value` at `place`.
    pub fn new(place: Place, value: impl Into<Value>) -> Self {
        Self { value: value.into(), place }
    }

    /// Returns a mapping whose nodes keep their own places; keys stand at `place`.
    pub fn map<const N: usize>(place: Place, entries: [(&str, Node); N]) -> Self {
        let mut map = Map::with_capacity_and_hasher(N, Default::default());
        for (key, node) in entries {
            map.insert(key.into(), Entry { key: place, node });
        }
        Self::new(place, map)
    }

    /// Returns a sequence of the given nodes.
    pub fn list(place: Place, items: impl IntoIterator<Item = Node>) -> Self {
        Self::new(place, items.into_iter().collect::<Vec<_>>())
    }

    /// Returns the mapping, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the mapping for changing, if this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(Arc::make_mut(map)),
            _ => None,
        }
    }

    /// Returns the items, if this is a sequence.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// Sets `key` of this mapping; does nothing to anything else.
    pub fn set(&mut self, key: &str, node: Node) {
        let place = node.place;
        if let Some(map) = self.as_map_mut() {
            map.insert(key.into(), Entry { key: place, node });
        }
    }

    /// Returns whether this is a mapping or a sequence.
    pub fn is_collection(&self) -> bool {
        matches!(self.value, Value::List(_) | Value::Map(_))
    }

    /// Returns whether this is a mapping or a sequence with nothing in it.
    pub fn is_empty_collection(&self) -> bool {
        match &self.value {
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            _ => false,
        }
    }

    /// Returns what kind of value this is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::UInt(_) => "an integer",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::Template(_) => "an expression",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Equality of values: places do not count, nor does the order of keys.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::UInt(a), Value::UInt(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Template(a), Value::Template(b)) => a.source() == b.source(),
            (Value::List(a), Value::List(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| x.node == y.node))
            }
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(Arc::new(map))
    }
}

impl From<Vec<Node>> for Value {
    fn from(items: Vec<Node>) -> Self {
        Self::List(Arc::new(items))
    }
}
