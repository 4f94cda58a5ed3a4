//! What an ApplicationSet makes: the generators list, matrix, merge and git files, and the template.
//!
//! After argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators. Templates are Argo CD's first kind,
//! `{{ name }}`; of Go templates, plain paths such as `{{ .name }}` are understood.

use crate::diagnostic::Diagnostic;
use crate::workspace::Reader;
use crate::yaml::{Entry, Map, Node, Text, Value};

/// How many Applications a generator may come to.
const LIMIT: usize = 100_000;

/// What a generator knows of one Application: values by dotted name, each with its place.
type Parameters = indexmap::IndexMap<String, Node>;

/// Returns the Applications that an ApplicationSet makes, with the places of the template and of what was put in.
///
/// # Errors
/// Where it has a generator that only a cluster or a forge can answer, or a file that it reads cannot be read.
pub fn applications(set: &Node, reader: Reader<'_>) -> Result<Vec<Node>, Diagnostic> {
    let Some(spec) = set.get("spec") else {
        return Err(Diagnostic::new("the ApplicationSet has no `spec`").at(set.place));
    };
    let Some(template) = spec.get("template") else {
        return Err(Diagnostic::new("the ApplicationSet has no `template`").at(spec.place));
    };
    if let Some(patch) = spec.get("templatePatch") {
        return Err(Diagnostic::new("`templatePatch` is not understood").at(patch.place));
    }
    let generators = spec.get("generators").and_then(Node::as_list).unwrap_or_default();
    let mut made = Vec::new();
    for generator in generators {
        for parameters in generate(generator, &Parameters::new(), reader)? {
            made.push(application(template, &parameters, set));
        }
    }
    Ok(made)
}

fn application(template: &Node, parameters: &Parameters, set: &Node) -> Node {
    let mut application = Node::map(
        template.place,
        [
            ("apiVersion", Node::new(template.place, "argoproj.io/v1alpha1")),
            ("kind", Node::new(template.place, "Application")),
        ],
    );
    let filled = fill(template, parameters);
    for (key, entry) in filled.as_map().into_iter().flatten() {
        application.set(key, entry.node.clone());
    }
    // Argo CD makes the Applications in its own namespace, the set's.
    let namespace = set.get("metadata").and_then(|metadata| metadata.get("namespace"));
    if let (Some(namespace), Some(map)) = (namespace, application.as_map_mut())
        && let Some(metadata) = map.get_mut("metadata")
    {
        metadata.node.set("namespace", namespace.clone());
    }
    application
}

/// `known` is what the generators before it in a matrix have found.
fn generate(generator: &Node, known: &Parameters, reader: Reader<'_>) -> Result<Vec<Parameters>, Diagnostic> {
    let of = |kind: &str| generator.get(kind);
    if let Some(list) = of("list") {
        return Ok(elements(list));
    }
    if let Some(matrix) = of("matrix") {
        return self::matrix(matrix, known, reader);
    }
    if let Some(merge) = of("merge") {
        return self::merge(merge, known, reader);
    }
    if let Some(git) = of("git").filter(|git| git.get("files").is_some()) {
        return files(&fill(git, known), reader);
    }
    let kind = generator.as_map().and_then(|map| map.keys().next()).map_or("none", |key| key);
    Err(Diagnostic::new(format!("the generator `{kind}` is not understood: it depends on more than this repository"))
        .at(generator.place)
        .help("dirops understands list, matrix, merge and git files"))
}

fn elements(list: &Node) -> Vec<Parameters> {
    let elements = list.get("elements").and_then(Node::as_list).unwrap_or_default();
    elements.iter().map(flat).collect()
}

/// Every result of the first generator with every one of the second, which may use what the first has found.
fn matrix(matrix: &Node, known: &Parameters, reader: Reader<'_>) -> Result<Vec<Parameters>, Diagnostic> {
    let generators = matrix.get("generators").and_then(Node::as_list).unwrap_or_default();
    let mut rows = vec![known.clone()];
    for generator in generators {
        let mut next = Vec::new();
        for row in &rows {
            for found in generate(generator, row, reader)? {
                let mut joined = row.clone();
                joined.extend(found);
                next.push(joined);
            }
            if next.len() > LIMIT {
                return Err(Diagnostic::new(format!("the matrix comes to more than {LIMIT} Applications"))
                    .at(matrix.place)
                    .help("no Argo CD takes so many: narrow the generators"));
            }
        }
        rows = next;
    }
    Ok(rows)
}

/// The results of the first generator, each with those of the others that have the same keys.
fn merge(merge: &Node, known: &Parameters, reader: Reader<'_>) -> Result<Vec<Parameters>, Diagnostic> {
    let keys: Vec<&str> =
        merge.get("mergeKeys").and_then(Node::as_list).unwrap_or_default().iter().filter_map(Node::as_text).collect();
    let generators = merge.get("generators").and_then(Node::as_list).unwrap_or_default();
    let Some((first, others)) = generators.split_first() else {
        return Ok(Vec::new());
    };
    let mut rows = generate(first, known, reader)?;
    for other in others {
        for found in generate(other, known, reader)? {
            let same = |row: &&mut Parameters| keys.iter().all(|key| row.get(*key) == found.get(*key));
            for row in rows.iter_mut().filter(same) {
                row.extend(found.clone());
            }
        }
    }
    Ok(rows)
}

/// The content of each file that the generator names. Only paths are understood, and `*` for one part of one.
fn files(git: &Node, reader: Reader<'_>) -> Result<Vec<Parameters>, Diagnostic> {
    let listed = git.get("files").and_then(Node::as_list).unwrap_or_default();
    let mut found = Vec::new();
    for pattern in listed.iter().filter_map(|file| file.get("path")) {
        for path in matching(pattern.as_text().unwrap_or_default(), reader)? {
            let Some(node) = reader.document(&path)? else { continue };
            let mut parameters = flat(&node);
            add_path(&mut parameters, &path, pattern);
            found.push(parameters);
        }
    }
    Ok(found)
}

fn matching(pattern: &str, reader: Reader<'_>) -> Result<Vec<String>, Diagnostic> {
    let mut paths = vec![String::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for path in paths {
            let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            match part.split_once('*') {
                None => next.push(join(part)),
                Some((start, end)) => {
                    let listed = reader.list(&path)?;
                    let fits =
                        |name: &&str| name.starts_with(start) && name.ends_with(end) && name.len() >= part.len() - 1;
                    next.extend(listed.iter().map(|entry| entry.name.as_str()).filter(fits).map(join));
                }
            }
        }
        paths = next;
    }
    Ok(paths)
}

fn add_path(parameters: &mut Parameters, path: &str, pattern: &Node) {
    let (folder, file) = path.rsplit_once('/').unwrap_or((".", path));
    let base = folder.rsplit('/').next().unwrap_or(folder);
    let mut add = |name: &str, value: &str| parameters.insert(name.to_owned(), Node::new(pattern.place, value));
    add("path", folder);
    add("path.basename", base);
    add("path.filename", file);
    for (index, part) in folder.split('/').enumerate() {
        add(&format!("path[{index}]"), part);
    }
}

/// Returns the values in a map by dotted name.
fn flat(node: &Node) -> Parameters {
    let mut parameters = Parameters::new();
    flatten(node, "", &mut parameters);
    parameters
}

fn flatten(node: &Node, name: &str, parameters: &mut Parameters) {
    match &node.value {
        Value::Map(map) => {
            for (key, entry) in map.iter() {
                let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
                flatten(&entry.node, &name, parameters);
            }
        }
        _ => {
            parameters.insert(name.to_owned(), node.clone());
        }
    }
}

/// Puts parameters into the texts of a template. A text that is one parameter and nothing else has that one's place.
fn fill(node: &Node, parameters: &Parameters) -> Node {
    match &node.value {
        Value::Text(text) if text.contains("{{") => fill_text(node, text, parameters),
        Value::List(items) => Node::list(node.place, items.iter().map(|item| fill(item, parameters))),
        Value::Map(map) => {
            let filled = map.iter().map(|(key, entry)| {
                let node = fill(&entry.node, parameters);
                (key.clone(), Entry { key: entry.key, node })
            });
            Node::new(node.place, filled.collect::<Map>())
        }
        _ => node.clone(),
    }
}

fn fill_text(node: &Node, text: &str, parameters: &Parameters) -> Node {
    let mut filled = String::new();
    let mut place = node.place;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        let value = parameters.get(name.trim().trim_start_matches('.'));
        filled.push_str(before);
        match value.map(|node| (shown(node), node.place)) {
            Some((Some(value), at)) => {
                if before.is_empty() && after.is_empty() && filled.is_empty() {
                    place = at;
                }
                filled.push_str(&value);
            }
            // What nobody knows stays as it is: so does Argo CD leave it.
            _ => filled.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Node::new(place, filled)
}

fn shown(node: &Node) -> Option<Text> {
    Some(match &node.value {
        Value::Text(text) => text.clone(),
        Value::Bool(value) => value.to_string().into(),
        Value::Int(value) => value.to_string().into(),
        Value::UInt(value) => value.to_string().into(),
        Value::Float(value) => value.to_string().into(),
        _ => return None,
    })
}
