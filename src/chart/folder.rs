//! A chart as Helm lays it out: helm.sh/docs/topics/charts.

use std::collections::BTreeMap;

use super::template;
use crate::diagnostic::{Diagnostic, Sources};
use crate::workspace::text;
use crate::yaml::{self, Map, Node, Text};

/// The files of a chart by path below its folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a chart is made of, as far as its values go.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its defaults.
    pub values: Node,
    /// Whether its templates read the values of whoever includes them.
    pub is_library: bool,
    /// The value paths that its templates and its schema name; the empty path stands for all of them.
    pub reads: Vec<Vec<Text>>,
    /// The charts that it brings along.
    pub dependencies: Vec<Dependency>,
}

/// A chart that another one brings along.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The key of its values.
    pub alias: Text,
    /// Its own name.
    pub name: String,
    /// The value paths that switch it on and off.
    pub switches: Vec<Vec<Text>>,
    /// The chart, where it is at hand.
    pub chart: Option<Chart>,
}

impl Chart {
    /// Returns the chart that the files of an unpacked chart make.
    ///
    /// # Errors
    /// Where `Chart.yaml` is missing, or a file that matters is not what Helm expects.
    pub fn of_files(files: &Files, label: &str, sources: &Sources) -> Result<Self, Diagnostic> {
        Self::below(&Folder { files, prefix: String::new(), label, sources }, 0)
    }

    /// Returns what the defaults of a chart alone tell: everything else could be read, too.
    ///
    /// # Errors
    /// Where the text is not a map of values.
    pub fn of_values(name: &str, version: &str, text: &str, path: &str, sources: &Sources) -> Result<Self, Diagnostic> {
        let values = parse_values(path, text, sources)?;
        let (name, version) = (name.to_owned(), version.to_owned());
        Ok(Self { name, version, values, is_library: false, reads: vec![Vec::new()], dependencies: Vec::new() })
    }

    fn below(folder: &Folder<'_>, depth: usize) -> Result<Self, Diagnostic> {
        let Some(about) = folder.document("Chart.yaml")? else {
            return Err(Diagnostic::new(format!("{} has no Chart.yaml: it is no chart", folder.name()))
                .help("name a values.yaml, the folder of a chart, or the .tgz that `helm pull` leaves"));
        };
        let required = |key: &str| {
            let node = about.get(key);
            let missing = || Diagnostic::new(format!("Chart.yaml needs the key `{key}`")).at(about.place);
            Ok::<_, Diagnostic>(text(node.ok_or_else(missing)?, key)?.value.to_string())
        };
        let values = match folder.text("values.yaml")? {
            Some((path, text)) => parse_values(&path, &text, folder.sources)?,
            None => Node::new(about.place, Map::default()),
        };
        let mut chart = Self {
            name: required("name")?,
            version: required("version")?,
            values,
            is_library: about.get("type").and_then(Node::as_text) == Some("library"),
            reads: folder.reads()?,
            dependencies: Vec::new(),
        };
        for node in folder.dependencies(&about)? {
            chart.dependencies.push(dependency(folder, &node, depth)?);
        }
        chart.dependencies.extend(folder.unlisted(&chart.dependencies, depth)?);
        chart.take_over_libraries();
        Ok(chart)
    }

    fn take_over_libraries(&mut self) {
        let charts = self.dependencies.iter().filter_map(|dependency| dependency.chart.as_ref());
        let reads: Vec<_> = charts.filter(|chart| chart.is_library).flat_map(|chart| chart.reads.clone()).collect();
        self.reads.extend(reads);
    }
}

/// How deep charts may bring along charts.
const DEPTH: usize = 8;

struct Folder<'a> {
    files: &'a Files,
    /// The path of the folder in `files`, with a `/` at its end, or nothing.
    prefix: String,
    label: &'a str,
    sources: &'a Sources,
}

impl<'a> Folder<'a> {
    fn name(&self) -> String {
        match self.prefix.is_empty() {
            true => self.label.to_owned(),
            false => format!("{} in {}", self.prefix.trim_end_matches('/'), self.label),
        }
    }

    fn text(&self, name: &str) -> Result<Option<(String, String)>, Diagnostic> {
        let path = format!("{}{name}", self.prefix);
        let Some(content) = self.files.get(&path) else {
            return Ok(None);
        };
        match String::from_utf8(content.clone()) {
            Ok(text) => Ok(Some((format!("{}/{path}", self.label), text))),
            Err(_) => Err(Diagnostic::new(format!("{path} in {} is not UTF-8", self.label))),
        }
    }

    fn document(&self, name: &str) -> Result<Option<Node>, Diagnostic> {
        let Some((path, text)) = self.text(name)? else {
            return Ok(None);
        };
        yaml::parse(self.sources.add(&path, &text), &text).map(Some)
    }

    /// The value paths in the templates of this chart, and in its schema.
    fn reads(&self) -> Result<Vec<Vec<Text>>, Diagnostic> {
        let start = format!("{}templates/", self.prefix);
        let in_templates = self.files.range(start.clone()..).take_while(|(path, _)| path.starts_with(&start));
        // The notes are for people: what only they name has no effect.
        let rendered = in_templates.filter(|(path, _)| !path.ends_with("NOTES.txt"));
        let mut reads: Vec<Vec<Text>> =
            rendered.flat_map(|(_, content)| template::reads(&String::from_utf8_lossy(content))).collect();
        if let Some((path, text)) = self.text("values.schema.json")? {
            let schema =
                serde_json::from_str(&text).map_err(|error| Diagnostic::new(format!("{path} is not JSON: {error}")))?;
            in_schema(&schema, &mut Vec::new(), &mut reads);
        }
        reads.sort();
        reads.dedup();
        Ok(reads)
    }

    /// What the chart says that it brings along: in Chart.yaml, or as Helm 2 had it in requirements.yaml.
    fn dependencies(&self, about: &Node) -> Result<Vec<Node>, Diagnostic> {
        let requirements = self.document("requirements.yaml")?;
        let listed = about.get("dependencies").or_else(|| requirements.as_ref()?.get("dependencies"));
        Ok(listed.and_then(Node::as_list).unwrap_or_default().to_vec())
    }

    /// Helm loads what lies in `charts/` even where nothing lists it.
    fn unlisted(&self, listed: &[Dependency], depth: usize) -> Result<Vec<Dependency>, Diagnostic> {
        let start = format!("{}charts/", self.prefix);
        let below = self.files.range(start.clone()..).take_while(|(path, _)| path.starts_with(&start));
        let mut names: Vec<&str> = below.filter_map(|(path, _)| Some(path[start.len()..].split_once('/')?.0)).collect();
        names.dedup();
        names.retain(|name| !listed.iter().any(|dependency| dependency.name == *name));
        let load = |name: &str| {
            let (alias, name) = (name.into(), name.to_owned());
            Ok(Dependency { alias, chart: self.sub_chart(&name, depth)?, name, switches: Vec::new() })
        };
        names.into_iter().map(load).collect()
    }

    fn sub_chart(&self, name: &str, depth: usize) -> Result<Option<Chart>, Diagnostic> {
        let prefix = format!("{}charts/{name}/", self.prefix);
        if !self.files.contains_key(&format!("{prefix}Chart.yaml")) {
            return Ok(None);
        }
        if depth == DEPTH {
            return Err(Diagnostic::new(format!("{} brings along charts more than {DEPTH} deep", self.label)));
        }
        Chart::below(&Folder { prefix, ..*self }, depth + 1).map(Some)
    }
}

fn dependency(folder: &Folder<'_>, node: &Node, depth: usize) -> Result<Dependency, Diagnostic> {
    let name = node.get("name").and_then(Node::as_text);
    let Some(name) = name else {
        return Err(Diagnostic::new("a dependency needs the key `name`").at(node.place));
    };
    let alias = node.get("alias").and_then(Node::as_text).unwrap_or(name);
    let split = |path: &str| path.split('.').map(Text::from).collect::<Vec<_>>();
    let conditions = node.get("condition").and_then(Node::as_text).unwrap_or_default().split(',');
    let conditions = conditions.map(str::trim).filter(|path| !path.is_empty()).map(split);
    let tags = node.get("tags").and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_text);
    let tags = tags.map(|tag| vec!["tags".into(), tag.into()]);
    Ok(Dependency {
        alias: alias.into(),
        name: name.to_owned(),
        switches: conditions.chain(tags).collect(),
        chart: folder.sub_chart(name, depth)?,
    })
}

fn parse_values(path: &str, text: &str, sources: &Sources) -> Result<Node, Diagnostic> {
    let file = sources.add(path, text);
    let mut documents = yaml::parse_stream(file, text)?;
    match documents.len() {
        // A file of comments alone.
        0 => Ok(Node::new(crate::diagnostic::Place::point(file, 1, 1), Map::default())),
        1 if documents[0].as_map().is_some() => Ok(documents.remove(0)),
        _ => Err(Diagnostic::new(format!("{path} is not a map of Helm values"))),
    }
}

/// The value paths that a JSON Schema describes.
fn in_schema(schema: &serde_json::Value, path: &mut Vec<Text>, reads: &mut Vec<Vec<Text>>) {
    const DEEP: usize = 64;
    let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) else {
        if !path.is_empty() {
            reads.push(path.clone());
        }
        return;
    };
    if path.len() == DEEP {
        return;
    }
    for (key, below) in properties {
        path.push(key.as_str().into());
        in_schema(below, path, reads);
        path.pop();
    }
}
