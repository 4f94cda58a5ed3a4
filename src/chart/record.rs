//! `base/<component>/charts/<version>.json`: what dirops remembers of a version of a chart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::folder::{Chart, Dependency};
use super::shape::{self, Keys, Part, Shape, Unknown};
use crate::diagnostic::{Diagnostic, FileId, Place};
use crate::tree::Embedded;
use crate::workspace::Reader;
use crate::yaml::{Map, Text};

/// The folder of records in a component's folder.
pub const FOLDER: &str = "charts";

/// What a record says of itself.
const COMMENT: &str = "Written by `dirops chart record`; docs/check.md says what it means.";

/// What is known of a version of a chart: the values that it has and reads, and of which types its defaults are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Where it comes from, for people.
    comment: String,
    /// The chart's name, without its repository.
    pub chart: String,
    /// Its version.
    pub version: String,
    values: Keys,
    /// The values of its sub-charts, by the sub-chart's name: a chart that is there under several aliases stands here
    /// once.
    #[serde(rename = "charts", skip_serializing_if = "BTreeMap::is_empty")]
    parts: BTreeMap<Text, Part>,
}

/// A record as it is read: with the sub-charts' values ([`Keys`]), or with their text for later ([`Part`]).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<P> {
    #[serde(default)]
    comment: String,
    chart: String,
    version: String,
    values: Keys,
    #[serde(default = "BTreeMap::new")]
    charts: BTreeMap<Text, P>,
}

impl<P: Into<Part>> From<Written<P>> for Record {
    fn from(written: Written<P>) -> Self {
        let Written { comment, chart, version, values, charts } = written;
        let parts = charts.into_iter().map(|(name, part)| (name, part.into())).collect();
        Self { comment, chart, version, values, parts }
    }
}

impl Record {
    /// Returns the record of a chart.
    pub fn of(chart: &Chart) -> Self {
        let mut charts = BTreeMap::new();
        let values = keys_of(chart, &mut charts);
        let (comment, chart, version) = (COMMENT.into(), chart.name.clone(), chart.version.clone());
        Written { comment, chart, version, values, charts }.into()
    }

    /// Returns the path of the record of a version of a component's chart.
    pub fn path(component: &str, version: &str) -> String {
        format!("base/{component}/{FOLDER}/{version}.json")
    }

    /// Reads the record of a version of a component's chart; nothing where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or is not what [`Self::to_json`] makes.
    pub fn read(reader: Reader<'_>, component: &str, version: &str) -> Result<Option<Self>, Diagnostic> {
        if version.contains(['/', '\\']) {
            return Ok(None);
        }
        let text = reader.text(&Self::path(component, version))?;
        text.map(|(file, text)| Self::parse(file, &text)).transpose()
    }

    /// Returns the record that [`Self::read`] does, unless something is wrong with it; of a sub-chart in which something
    /// is wrong, nothing is known.
    fn skim(reader: Reader<'_>, component: &str, version: &str) -> Option<Self> {
        let (file, text) = reader.text(&Self::path(component, version)).ok()??;
        decode::<Part>(file, &text).ok()
    }

    /// Reads the text of a record.
    ///
    /// # Errors
    /// Where it is not what [`Self::to_json`] makes.
    pub fn parse(file: FileId, text: &str) -> Result<Self, Diagnostic> {
        decode::<Keys>(file, text)
    }

    /// Returns the record as it is written.
    ///
    /// # Errors
    /// None that is known: a record has nothing that JSON cannot express.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Calls `found` for what of a chart's values reaches nothing or is of the wrong type.
    pub fn judge<'a>(&self, values: &'a Map, found: &mut dyn FnMut(Unknown<'a>)) {
        shape::judge(values, &self.values, &self.parts, found);
    }
}

fn decode<'t, P: Deserialize<'t> + Into<Part>>(file: FileId, text: &'t str) -> Result<Record, Diagnostic> {
    // Windows' editors write a byte order mark, which JSON does not know.
    let written = serde_json::from_str::<Written<P>>(text.strip_prefix('\u{feff}').unwrap_or(text));
    written.map(Record::from).map_err(|error| {
        let message = error.to_string();
        let what = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
        Diagnostic::new(format!("this is not the record of a chart: {what}"))
            .at(Place::point(file, error.line(), error.column()))
            .help("write it anew with `dirops chart record`")
    })
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
        let versions = files.filter_map(|file| Some(file.name.strip_suffix(".json")?.to_owned()));
        versions.filter(|version| self.find(chart, version).is_some()).collect()
    }
}

fn components(reader: Reader<'_>) -> Vec<String> {
    let listed = reader.list("base").unwrap_or_default().into_iter();
    listed.filter(|entry| entry.is_folder).map(|entry| entry.name).collect()
}

fn read(reader: Reader<'_>, chart: &str, version: &str) -> Option<Record> {
    let recorded = |component: &String| Record::skim(reader, component, version);
    components(reader).iter().filter_map(recorded).find(|record| record.chart == chart)
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
