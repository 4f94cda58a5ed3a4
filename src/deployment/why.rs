//! Why a value is what it is: the layers, replayed at a path.

use std::collections::BTreeSet;

use super::{Context, values};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::expression::Facts;
use crate::workspace::{Component, Environment, Workspace};
use crate::yaml::{Node, Path, Step, Value};

/// Why one value is what it is.
#[derive(Debug)]
pub struct Explanation {
    /// Where it stands in the values.
    pub path: Path,
    /// What it is.
    pub value: Node,
    /// What set it, and what that overrode; the highest layer first.
    pub settings: Vec<Setting>,
}

/// What one layer says about a value.
#[derive(Debug)]
pub struct Setting {
    /// The layer.
    pub layer: String,
    /// Where it says so: in the file, before expressions are evaluated.
    pub place: Place,
    /// What it says. Where a layer sets the whole list or map that the value is in, that.
    pub value: Node,
    /// The facts that it is made from, by name, and where each was written.
    pub made_from: Vec<(String, Place)>,
}

/// Returns why the values of a component are what they are at `path`: one explanation for each leaf.
///
/// # Errors
/// Where there is no such component or value, and where the environment cannot be built.
pub fn explain(
    workspace: &Workspace<'_>,
    environment: &Environment,
    component: &str,
    path: &str,
) -> Result<Vec<Explanation>, Diagnostic> {
    let context = Context::new(workspace, environment)?;
    let Some((names, found)) = context.components.iter().find(|(names, _)| names.component == component) else {
        let known = environment.components.iter().map(|used| &*used.name.value);
        return Err(Diagnostic::new(format!("`{}` does not deploy a component `{component}`", &*environment.name))
            .suggest(component, known));
    };
    let layers = context.layers(names, found)?;
    let mut facts = super::facts::of_component(&context.facts, names);
    let values = values::values(layers.clone(), found, &mut facts)?;
    let Some(merged) = values.merged.clone() else {
        return Err(Diagnostic::new(format!("`{component}` has no values of its own here")));
    };
    let Some(at) = Path::parse_in(&merged, path) else {
        return Err(no_such_path(&merged, path));
    };
    let top = at.find(&merged).unwrap_or(&merged);
    let mut explanations = Vec::new();
    Path::leaves(top, &mut |below, value| {
        let path = Path(at.0.iter().chain(&below.0).cloned().collect());
        let settings = layers
            .iter()
            .rev()
            .filter_map(|layer| {
                let node = said_by(&layer.values, &merged, &path, found)?;
                Some(Setting {
                    layer: layer.name.clone(),
                    place: node.place,
                    value: node.clone(),
                    made_from: made_from(said_by(&layer.written, &merged, &path, found), &facts),
                })
            })
            .collect();
        explanations.push(Explanation { path, value: value.clone(), settings });
    });
    Ok(explanations)
}

/// Returns what a layer says at a path: the value there, or the one above it that leaves no room for more.
fn said_by<'a>(layer: &'a Node, merged: &Node, path: &Path, component: &Component) -> Option<&'a Node> {
    let mut node = layer;
    let mut in_merged = merged;
    let mut keys = Vec::new();
    for step in &path.0 {
        let next = match step {
            Step::Key(key) => {
                keys.push(key.clone());
                in_merged = in_merged.get(key)?;
                match node.as_map() {
                    Some(map) => &map.get(key)?.node,
                    None => return Some(node),
                }
            }
            Step::Item(index) => {
                in_merged = in_merged.as_list()?.get(*index)?;
                let Some(items) = node.as_list() else {
                    return Some(node);
                };
                match component.list_keys.get(&keys) {
                    // The item may stand elsewhere in this layer's part of the list.
                    Some(key) => {
                        let wanted = in_merged.get(key);
                        items.iter().find(|item| item.get(key) == wanted)?
                    }
                    None => match items.get(*index) {
                        Some(item) => item,
                        None => return Some(node),
                    },
                }
            }
        };
        node = next;
    }
    Some(node)
}

/// Returns the facts that an expression uses and that somebody wrote, sorted by name.
fn made_from(written: Option<&Node>, facts: &Facts) -> Vec<(String, Place)> {
    let Some(Value::Template(template)) = written.map(|node| &node.value) else {
        return Vec::new();
    };
    let names: BTreeSet<String> = template.names().collect();
    names.into_iter().filter_map(|name| facts.place_of(&name).map(|place| (name, place))).collect()
}

fn no_such_path(values: &Node, path: &str) -> Diagnostic {
    let mut known = Vec::new();
    collect(values, &mut Path::default(), &mut known);
    let diagnostic = Diagnostic::new(format!("there is no value at `{path}`"));
    match nearest_paths(path, &known).as_slice() {
        [] => diagnostic.help("leave the path out to see all values"),
        near => diagnostic.help(format!("near are: {}", near.join(", "))),
    }
}

fn collect(node: &Node, path: &mut Path, known: &mut Vec<String>) {
    let Some(map) = node.as_map() else {
        return;
    };
    for (key, entry) in map {
        path.0.push(Step::Key(key.clone()));
        known.push(path.to_string());
        collect(&entry.node, path, known);
        path.0.pop();
    }
}

/// Returns up to three paths that may have been meant: by their spelling, then by their last key.
fn nearest_paths(path: &str, known: &[String]) -> Vec<String> {
    let mut scored: Vec<(f64, &String)> = known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(path, candidate), candidate))
        .filter(|(score, _)| *score > 0.6)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    if !scored.is_empty() {
        return scored.into_iter().take(3).map(|(_, path)| path.clone()).collect();
    }
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let lasts: Vec<String> = known.iter().map(|path| last(path)).collect();
    let wanted = last(path);
    let Some(near) = nearest(&wanted, lasts.iter().map(String::as_str)) else {
        return Vec::new();
    };
    let same_end = known.iter().filter(|path| last(path) == near);
    same_end.take(3).cloned().collect()
}
