//! The values that a chart has and reads, as a tree of keys.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::sync::OnceLock;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::diagnostic::nearest;
use crate::yaml::{Entry, Map, Node, Text, Value};

/// What a value is in the chart's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything: the chart has no default for it, or an empty one.
    Any,
    /// A boolean.
    Bool,
    /// An integer or another number.
    Number,
    /// Text.
    Text,
    /// A list.
    List,
}

const KINDS: [(Kind, &str); 5] =
    [(Kind::Any, "any"), (Kind::Bool, "bool"), (Kind::Number, "number"), (Kind::Text, "text"), (Kind::List, "list")];

impl Kind {
    /// Returns the kind of a default that is not a map.
    pub fn of(node: &Node) -> Self {
        match node.value {
            Value::Bool(_) => Self::Bool,
            Value::Int(_) | Value::UInt(_) | Value::Float(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::List(_) => Self::List,
            Value::Null | Value::Template(_) | Value::Map(_) => Self::Any,
        }
    }

    /// Returns the kind that a record names.
    pub fn parse(word: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// Returns the word for it in a record.
    pub fn word(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("any", |(_, word)| word)
    }

    /// Returns whether a value can stand where the default is of this kind. Templates print numbers as text and put
    /// quotes around them where they want text, so these two pass for each other; `"false"` for `false` does not: as a
    /// text that is not empty it is true.
    fn takes(self, node: &Node) -> bool {
        match (self, &node.value) {
            (_, Value::Null | Value::Template(_)) | (Self::Any, _) => true,
            (Self::Bool, Value::Bool(_)) | (Self::List, Value::List(_)) => true,
            (Self::Number, value) => matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Text(_)),
            (Self::Text, value) => !matches!(value, Value::List(_) | Value::Map(_)),
            _ => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "anything",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
        })
    }
}

/// A key of a chart's values, and what may stand below it.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A value that is no map.
    Leaf(Kind),
    /// A map.
    Map(Keys),
}

/// The keys that a map of values may have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys {
    /// Those that are known.
    pub known: BTreeMap<Text, Shape>,
    /// Whether a template takes the map as a whole, so that any other key reaches it, too.
    pub open: bool,
    /// The sub-chart whose values these are.
    pub part: Option<Text>,
}

/// The key of [`Keys::open`] in a record; no chart has such a key.
const OPEN: &str = "*";
/// The key of [`Keys::part`] in a record.
const PART: &str = "&";

impl Shape {
    /// Returns the shape of a chart's defaults.
    pub fn of_defaults(node: &Node) -> Self {
        match node.as_map() {
            None => Self::Leaf(Kind::of(node)),
            Some(map) => {
                let known = map.iter().map(|(key, entry)| (key.clone(), Self::of_defaults(&entry.node)));
                Self::Map(Keys { known: known.collect(), ..Keys::default() })
            }
        }
    }

    fn keys(&self) -> Option<&Keys> {
        match self {
            Self::Map(keys) => Some(keys),
            Self::Leaf(_) => None,
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Map(_) => None,
            Self::Leaf(kind) => Some(*kind),
        }
    }

    /// Makes this the keys of a map, if it is not one yet. What was a leaf had an empty default, or was read as a whole.
    fn keys_mut(&mut self) -> &mut Keys {
        if let Self::Leaf(kind) = self {
            let open = *kind == Kind::Any;
            *self = Self::Map(Keys { open, ..Keys::default() });
        }
        match self {
            Self::Map(keys) => keys,
            Self::Leaf(_) => unreachable!("it has just become a map"),
        }
    }
}

impl Keys {
    /// Adds a path that a template reads.
    pub fn add_read(&mut self, path: &[Text]) {
        let Some((first, rest)) = path.split_first() else {
            self.open = true;
            return;
        };
        match (self.known.get_mut(first), rest) {
            (Some(Shape::Map(keys)), rest) => keys.add_read(rest),
            (Some(_), []) => {}
            (Some(leaf), rest) => leaf.keys_mut().add_read(rest),
            (None, []) => {
                self.known.insert(first.clone(), Shape::Leaf(Kind::Any));
            }
            (None, rest) => {
                let mut keys = Self::default();
                keys.add_read(rest);
                self.known.insert(first.clone(), Shape::Map(keys));
            }
        }
    }

    /// Returns the keys at a path, making what is missing on the way.
    pub fn at(&mut self, path: &[Text]) -> &mut Self {
        path.iter().fold(self, |keys, key| {
            let below = keys.known.entry(key.clone()).or_insert_with(|| Shape::Map(Self::default()));
            below.keys_mut()
        })
    }

    /// Adds what another map has.
    pub fn merge(&mut self, other: Self) {
        self.open |= other.open;
        self.part = self.part.take().or(other.part);
        for (key, shape) in other.known {
            match (self.known.get_mut(&key), shape) {
                (Some(mine), Shape::Map(theirs)) => mine.keys_mut().merge(theirs),
                (Some(Shape::Leaf(mine)), Shape::Leaf(theirs)) if *mine == Kind::Any => *mine = theirs,
                (Some(_), Shape::Leaf(_)) => {}
                (None, shape) => {
                    self.known.insert(key, shape);
                }
            }
        }
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(kind) => serializer.serialize_str(kind.word()),
            Self::Map(keys) => keys.serialize(serializer),
        }
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.open {
            map.serialize_entry(OPEN, Kind::Any.word())?;
        }
        if let Some(part) = &self.part {
            map.serialize_entry(PART, &**part)?;
        }
        for (key, shape) in &self.known {
            map.serialize_entry(&**key, shape)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Shape::deserialize(deserializer)? {
            Shape::Map(keys) => Ok(keys),
            Shape::Leaf(_) => Err(D::Error::custom("the values of a chart are a map")),
        }
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map, or one of ")?;
        f.write_str(&KINDS.map(|(_, word)| word).join(", "))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Shape, E> {
        let unknown = || E::custom(format_args!("`{word}` is none of {}", KINDS.map(|(_, word)| word).join(", ")));
        Kind::parse(word).map(Shape::Leaf).ok_or_else(unknown)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = map.next_key::<Text>()? {
            match &*key {
                OPEN => keys.open = map.next_value::<Shape>().map(|_| true)?,
                PART => keys.part = Some(map.next_value()?),
                _ => match keys.known.entry(key) {
                    btree_map::Entry::Vacant(known) => drop(known.insert(map.next_value()?)),
                    btree_map::Entry::Occupied(known) => {
                        let message = format_args!("the key `{}` stands here a second time", known.key());
                        return Err(A::Error::custom(message));
                    }
                },
            }
        }
        Ok(Shape::Map(keys))
    }
}

/// The values of a sub-chart, read when somebody asks for them: those of a database alone are more than all else in some
/// charts, and few people set any.
#[derive(Clone, Debug)]
pub struct Part {
    keys: OnceLock<Keys>,
    /// What they are read from.
    written: Option<Box<RawValue>>,
}

impl Part {
    /// Returns the values; where they cannot be read, any may reach the chart.
    fn keys(&self) -> &Keys {
        self.keys.get_or_init(|| {
            let read = self.written.as_ref().and_then(|written| serde_json::from_str(written.get()).ok());
            read.unwrap_or(Keys { open: true, ..Keys::default() })
        })
    }
}

impl From<Keys> for Part {
    fn from(keys: Keys) -> Self {
        Self { keys: keys.into(), written: None }
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.keys() == other.keys()
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.keys().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { keys: OnceLock::new(), written: Some(Box::deserialize(deserializer)?) })
    }
}

/// A value that reaches nothing, or is not what the chart expects.
#[derive(Debug)]
pub struct Unknown<'a> {
    /// The keys that lead to it.
    pub path: Vec<Text>,
    /// Where its key stands.
    pub key: &'a Entry,
    /// What is the matter.
    pub why: Why,
}

/// What is the matter with a value.
#[derive(Debug)]
pub enum Why {
    /// The chart has no such key; this one is near.
    NotRead(Option<Text>),
    /// Only a map that is taken whole could carry it, and this default is near.
    Slip(Text),
    /// The chart's default is of another kind.
    WrongType(&'static str, String),
}

/// Calls `found` for what of `values` reaches nothing, at the highest key of it.
pub fn judge<'a>(values: &'a Map, keys: &Keys, parts: &BTreeMap<Text, Part>, found: &mut dyn FnMut(Unknown<'a>)) {
    Judge { parts, path: Vec::new(), found }.map(values, &[keys], false);
}

struct Judge<'j, 'a> {
    parts: &'j BTreeMap<Text, Part>,
    path: Vec<Text>,
    found: &'j mut dyn FnMut(Unknown<'a>),
}

impl<'a> Judge<'_, 'a> {
    /// `keys` are those of the chart and, where a sub-chart has its values, those of it; `open`, whether a template takes
    /// something above as a whole.
    fn map(&mut self, values: &'a Map, keys: &[&Keys], open: bool) {
        let of_parts = keys.iter().filter_map(|keys| Some(self.parts.get(keys.part.as_ref()?)?.keys()));
        let all: Vec<&Keys> = keys.iter().copied().chain(of_parts).collect();
        let open = open || all.iter().any(|keys| keys.open);
        for (key, entry) in values {
            let shapes: Vec<&Shape> = all.iter().filter_map(|keys| keys.known.get(key)).collect();
            self.path.push(key.clone());
            match shapes.is_empty() {
                true => self.unknown(key, entry, &all, open),
                false => self.known(entry, &shapes, open),
            }
            self.path.pop();
        }
    }

    fn unknown(&mut self, key: &Text, entry: &'a Entry, all: &[&Keys], open: bool) {
        let known = || all.iter().flat_map(|keys| keys.known.keys()).map(|key| &**key);
        let why = match open {
            false => Why::NotRead(nearest(key, known()).map(Text::from)),
            true => match known().find(|known| looks_like(key, known)) {
                Some(meant) => Why::Slip(meant.into()),
                None => return,
            },
        };
        self.tell(entry, why);
    }

    fn known(&mut self, entry: &'a Entry, shapes: &[&Shape], open: bool) {
        let maps: Vec<&Keys> = shapes.iter().filter_map(|shape| shape.keys()).collect();
        let kinds: Vec<Kind> = shapes.iter().filter_map(|shape| shape.kind()).collect();
        match &entry.node.value {
            Value::Map(map) if !maps.is_empty() => self.map(map, &maps, open),
            Value::Null | Value::Template(_) => {}
            _ if kinds.iter().any(|kind| kind.takes(&entry.node)) => {}
            _ => {
                let expected = kinds.first().map_or_else(|| "a map".to_owned(), Kind::to_string);
                self.tell(entry, Why::WrongType(entry.node.kind(), expected));
            }
        }
    }

    fn tell(&mut self, key: &'a Entry, why: Why) {
        (self.found)(Unknown { path: self.path.clone(), key, why });
    }
}

/// Returns whether two keys differ by one or two letters, or by their spelling alone.
fn looks_like(key: &str, other: &str) -> bool {
    let letters = |text: &str| text.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).count();
    if letters(key).abs_diff(letters(other)) > 2 {
        return false;
    }
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let (key, other) = (plain(key), plain(other));
    key == other || (key.len().min(other.len()) > 4 && strsim::damerau_levenshtein(&key, &other) <= 2)
}
