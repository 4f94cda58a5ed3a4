//! `base/<component>/charts/<version>.yaml`: what dirops remembers of a version of a chart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::folder::{Chart, Dependency};
use super::shape::{self, Keys, Shape, Unknown};
use crate::diagnostic::{Diagnostic, Place};
use crate::tree::Embedded;
use crate::workspace::{Fields, Reader};
use crate::yaml::{Entry, Map, Node, Text};

/// The folder of records in a component's folder.
pub const FOLDER: &str = "charts";

/// How a record starts.
pub const HEADER: &str = "\
# The values that this chart has, with the types of its defaults, and those that its templates read (`any`). `*` marks a
# map that a template takes as a whole, `&` the sub-chart whose values stand there. Written by `dirops chart record`.
";

/// What is known of a version of a chart: the values that it has and reads, and of which types its defaults are.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The chart's name, without its repository.
    pub chart: Text,
    /// Its version.
    pub version: Text,
    values: Keys,
    /// The values of its sub-charts, by the sub-chart's name: a chart that is there under several aliases stands here
    /// once.
    parts: BTreeMap<Text, Keys>,
}

impl Record {
    /// Returns the record of a chart.
    pub fn of(chart: &Chart) -> Self {
        let mut parts = BTreeMap::new();
        let values = keys_of(chart, &mut parts);
        Self { chart: chart.name.as_str().into(), version: chart.version.as_str().into(), values, parts }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Where it is not what [`Self::to_node`] makes.
    pub fn parse(node: &Node) -> Result<Self, Diagnostic> {
        let fields = Fields::of(node, "the record of a chart", &["chart", "version", "values", "charts"])?;
        let parts = fields.entries("charts")?.into_iter().map(|(name, node)| Ok((name.value, keys(node)?)));
        Ok(Self {
            chart: fields.required_text("chart")?.value,
            version: fields.required_text("version")?.value,
            values: keys(fields.required("values")?)?,
            parts: parts.collect::<Result<_, Diagnostic>>()?,
        })
    }

    /// Returns the record as it is written.
    pub fn to_node(&self, place: Place) -> Node {
        let mut parts = Map::new();
        for (name, keys) in &self.parts {
            parts.insert(name.clone(), Entry { key: place, node: Shape::Map(keys.clone()).to_node(place) });
        }
        let mut node = Node::map(
            place,
            [
                ("chart", Node::new(place, self.chart.clone())),
                ("version", Node::new(place, self.version.clone())),
                ("values", Shape::Map(self.values.clone()).to_node(place)),
            ],
        );
        if !parts.is_empty() {
            node.set("charts", Node::new(place, parts));
        }
        node
    }

    /// Calls `found` for what of a chart's values reaches nothing or is of the wrong type.
    pub fn judge<'a>(&self, values: &'a Map, found: &mut dyn FnMut(Unknown<'a>)) {
        shape::judge(values, &self.values, &self.parts, found);
    }
}

/// The records in a source repository and in the program itself, read when they are asked for.
pub struct Records<'a> {
    /// Where they are looked for, in order.
    readers: [Reader<'a>; 2],
    found: Mutex<BTreeMap<NameAndVersion, Option<Arc<Record>>>>,
}

type NameAndVersion = (String, String);

impl<'a> Records<'a> {
    /// Returns the records of all components in `base/`; what is not recorded there may be in the program.
    pub fn new(reader: Reader<'a>) -> Self {
        Self { readers: [reader, Reader { tree: &Embedded, sources: reader.sources }], found: Mutex::default() }
    }

    /// Returns what is known of a version of a chart, whatever its repository is called. A record that cannot be read
    /// counts as none: the source repository's own check tells of it.
    pub fn find(&self, chart: &str, version: &str) -> Option<Arc<Record>> {
        let chart = chart.rsplit('/').next().unwrap_or(chart);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (chart.to_owned(), version.to_owned());
        let read = || self.readers.iter().find_map(|reader| read(*reader, chart, version)).map(Arc::new);
        found.entry(key).or_insert_with(read).clone()
    }

    /// Returns the versions of a chart that are recorded, sorted.
    pub fn versions(&self, chart: &str) -> BTreeSet<String> {
        let files = self.readers.iter().flat_map(|reader| {
            let folders = components(*reader).into_iter().map(|component| format!("base/{component}/{FOLDER}"));
            folders.flat_map(|folder| reader.list(&folder).unwrap_or_default()).collect::<Vec<_>>()
        });
        let versions = files.filter_map(|file| Some(file.name.strip_suffix(".yaml")?.to_owned()));
        versions.filter(|version| self.find(chart, version).is_some()).collect()
    }
}

fn components(reader: Reader<'_>) -> Vec<String> {
    let listed = reader.list("base").unwrap_or_default().into_iter();
    listed.filter(|entry| entry.is_folder).map(|entry| entry.name).collect()
}

fn read(reader: Reader<'_>, chart: &str, version: &str) -> Option<Record> {
    if version.contains(['/', '\\']) {
        return None;
    }
    components(reader).iter().find_map(|component| {
        let path = format!("base/{component}/{FOLDER}/{version}.yaml");
        let record = Record::parse(&reader.document(&path).ok()??).ok()?;
        (&*record.chart == chart).then_some(record)
    })
}

fn keys(node: &Node) -> Result<Keys, Diagnostic> {
    match Shape::parse(node) {
        Some(Shape::Map(keys)) => Ok(keys),
        _ => Err(Diagnostic::new("this is not the record of a chart's values")
            .at(node.place)
            .help("write it anew with `dirops chart record`")),
    }
}

/// Returns the values of a chart, with those of its sub-charts put into `parts`.
fn keys_of(chart: &Chart, parts: &mut BTreeMap<Text, Keys>) -> Keys {
    let mut keys = match Shape::of_defaults(&chart.values) {
        Shape::Map(keys) => keys,
        Shape::Leaf(_) => Keys::default(),
    };
    for dependency in &chart.dependencies {
        add_dependency(&mut keys, dependency, parts);
    }
    for read in &chart.reads {
        // A template that takes all values of a sub-chart says nothing about the keys in them.
        let is_alias = |dependency: &Dependency| *read == [dependency.alias.clone()];
        if !chart.dependencies.iter().any(is_alias) {
            keys.add_read(read);
        }
    }
    keys
}

fn add_dependency(keys: &mut Keys, dependency: &Dependency, parts: &mut BTreeMap<Text, Keys>) {
    for switch in &dependency.switches {
        keys.add_read(switch);
    }
    let mut part = dependency.chart.as_ref().map(|chart| keys_of(chart, parts)).unwrap_or_default();
    // Helm gives every sub-chart the same `global`: what one of them reads there, everybody may set.
    if let Some(Shape::Map(global)) = part.known.get("global") {
        keys.at(&["global".into()]).merge(global.clone());
    }
    let name: Text = dependency.name.as_str().into();
    let below = keys.at(std::slice::from_ref(&dependency.alias));
    if dependency.chart.is_none() {
        // Nothing is known of it: everything may reach it.
        below.open = true;
        return;
    }
    if let Some(same) = parts.get_mut(&name) {
        std::mem::swap(same, &mut part);
        same.merge(part);
    } else {
        parts.insert(name.clone(), part);
    }
    below.part = Some(name);
}
