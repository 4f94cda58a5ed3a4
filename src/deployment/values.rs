//! The Helm values of a component in an environment: its layers, laid over each other.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::diagnostic::Diagnostic;
use crate::expression::{self, CHECKSUM, Facts};
use crate::workspace::{Component, Environment, Workspace, split};
use crate::yaml::{Map, Node, Path, Step, Value, merge};

/// One layer of values.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// What it is: `every environment`, `profile eks` …
    pub name: String,
    /// Its values as they were written.
    pub written: Cow<'a, Node>,
    /// Its values with expressions evaluated.
    pub values: Node,
    /// Whether it follows from the partners.
    pub generated: bool,
}

/// The values of a component.
#[derive(Clone, Debug)]
pub struct Values {
    /// What people wrote: `values.yaml`.
    pub written: Option<Node>,
    /// What follows from the partners: `gen.values.yaml`.
    pub generated: Option<Node>,
    /// What Helm makes of both files: the second laid over the first.
    pub merged: Option<Node>,
}

impl Values {
    /// Returns the values of two files, and what Helm makes of them.
    pub fn new(written: Option<Node>, generated: Option<Node>) -> Self {
        let merged = merged(written.as_ref(), generated.as_ref());
        Self { written, generated, merged }
    }
}

fn merged(written: Option<&Node>, generated: Option<&Node>) -> Option<Node> {
    match (written, generated) {
        (Some(written), Some(generated)) => {
            let mut merged = written.clone();
            merge(&mut merged, generated.clone(), &Default::default());
            Some(merged)
        }
        (one, other) => one.or(other).cloned(),
    }
}

/// Returns the layers of a component's values, lowest first. Those of the partners are left out where there are none.
///
/// # Errors
/// Where a file cannot be read or an expression cannot be evaluated.
pub fn layers<'a>(
    workspace: &Workspace<'_>,
    environment: &Environment,
    component: &'a Component,
    facts: &Facts,
    has_partners: bool,
) -> Result<Vec<Layer<'a>>, Diagnostic> {
    let mut layers = Vec::new();
    let mut add = |name: String, written: Option<Cow<'a, Node>>, generated: bool| {
        if let Some(written) = written {
            let values = expression::resolve(&written, facts)?;
            layers.push(Layer { name, written, values, generated });
        }
        Ok(())
    };
    add("every environment".into(), component.values.as_ref().map(Cow::Borrowed), false)?;
    for profile in &environment.profiles {
        let written = component.profiles.get(&*profile.value).map(Cow::Borrowed);
        add(format!("profile {}", &*profile.value), written, false)?;
    }
    let own = workspace.overlay(environment, &component.name)?;
    add(format!("environment {}", &*environment.name.value), own.map(Cow::Owned), false)?;
    if has_partners {
        add("partners".into(), component.partners.as_ref().map(Cow::Borrowed), true)?;
    }
    Ok(layers)
}

/// Returns the values that layers make, with the checksum in them.
///
/// # Errors
/// Where an expression that uses the checksum cannot be evaluated.
pub fn values(layers: Vec<Layer<'_>>, component: &Component, facts: &mut Facts) -> Result<Values, Diagnostic> {
    let (mut written, mut generated) = (None, None);
    for layer in layers {
        let target = if layer.generated { &mut generated } else { &mut written };
        match target {
            Some(below) => merge(below, layer.values, &component.list_keys),
            None => *target = Some(layer.values),
        }
    }
    if component.restart_on.is_empty() {
        return Ok(Values::new(written, generated));
    }
    if let Some(merged) = merged(written.as_ref(), generated.as_ref()) {
        facts.set(CHECKSUM, checksum(&merged, component)?);
    }
    for part in [&mut written, &mut generated].into_iter().flatten() {
        *part = expression::resolve(part, facts)?;
    }
    Ok(Values::new(written, generated))
}

/// Returns the digest of the values that must restart what reads them: the first 32 hexadecimal digits of SHA-256.
/// The order of keys does not count.
fn checksum(values: &Node, component: &Component) -> Result<String, Diagnostic> {
    let mut hasher = Sha256::new();
    for path in &component.restart_on {
        let steps = split(path).into_iter().map(Step::Key).collect();
        if let Some(node) = Path(steps).find(values) {
            hasher.update(path.as_bytes());
            digest(node, &mut hasher)?;
        }
    }
    let digest = hasher.finalize();
    Ok(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Feeds a tree to the hasher so that different trees feed different bytes.
fn digest(node: &Node, hasher: &mut Sha256) -> Result<(), Diagnostic> {
    let mut scalar = |tag: u8, bytes: &[u8]| {
        hasher.update([tag]);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match &node.value {
        Value::Null => scalar(0, &[]),
        Value::Bool(value) => scalar(1, &[u8::from(*value)]),
        Value::Int(value) => scalar(2, &value.to_le_bytes()),
        Value::UInt(value) => scalar(3, &value.to_le_bytes()),
        Value::Float(value) => scalar(4, &value.to_le_bytes()),
        Value::Text(text) => scalar(5, text.as_bytes()),
        Value::Template(_) => {
            return Err(Diagnostic::new("the checksum may not stand in what it is made from")
                .at(node.place)
                .help("set it outside the paths of `restartOn` in component.yaml"));
        }
        Value::List(items) => {
            scalar(6, &(items.len() as u64).to_le_bytes());
            for item in items.iter() {
                digest(item, hasher)?;
            }
        }
        Value::Map(map) => {
            scalar(7, &(map.len() as u64).to_le_bytes());
            for key in sorted_keys(map) {
                hasher.update((key.len() as u64).to_le_bytes());
                hasher.update(key.as_bytes());
                digest(&map[key].node, hasher)?;
            }
        }
    }
    Ok(())
}

fn sorted_keys(map: &Map) -> Vec<&str> {
    let mut keys: Vec<&str> = map.keys().map(|key| &**key).collect();
    keys.sort_unstable();
    keys
}
