//! Expressions inside scalars: `${{ host.api }}`.
//!
//! They are minijinja expressions, compiled one by one; minijinja's statements and comments are not live. Undefined
//! names are errors.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Environment, Expression, UndefinedBehavior, Value as Fact};

use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::yaml::{Entry, Map, Node, Value};

/// The fact that is known only when everything else of a component's values is.
pub const CHECKSUM: &str = "checksum";

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    // Facts are all that expressions may see: what is undefined is to be an error, not a function.
    for function in ["range", "dict", "namespace", "debug"] {
        engine.remove_global(function);
    }
    engine
});

/// Text with at least one expression in it.
pub struct Template {
    source: Arc<str>,
    segments: Vec<Segment>,
    uses_checksum: bool,
}

enum Segment {
    Text(String),
    Expression { source: String, compiled: Expression<'static, 'static> },
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

impl Template {
    /// Returns the text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the names that the expressions use, as dotted paths.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.segments
            .iter()
            .filter_map(|segment| match segment {
                Segment::Expression { compiled, .. } => Some(compiled),
                Segment::Text(_) => None,
            })
            .flat_map(|compiled| compiled.undeclared_variables(true))
    }

    fn evaluate(&self, facts: &Facts, place: Place) -> Result<Node, Diagnostic> {
        if let [Segment::Expression { source, compiled }] = self.segments.as_slice() {
            let value = evaluate(source, compiled, facts, place)?;
            return to_node(&value, place);
        }
        let mut text = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(literal) => text.push_str(literal),
                Segment::Expression { source, compiled } => {
                    let value = evaluate(source, compiled, facts, place)?;
                    if !matches!(value.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool) {
                        return Err(Diagnostic::new(format!(
                            "`{source}` is {} and cannot stand inside text",
                            kind_name(&value)
                        ))
                        .at(place)
                        .help("let the expression be the whole scalar, or join its items"));
                    }
                    text.push_str(&value.to_string());
                }
            }
        }
        Ok(Node::new(place, text))
    }
}

/// Turns every text with expressions in `node` into a compiled template.
///
/// # Errors
/// Where an expression is not closed or is not an expression.
pub fn compile(node: &mut Node) -> Result<(), Diagnostic> {
    let place = node.place;
    match &mut node.value {
        Value::Text(text) if text.contains("${{") => {
            node.value = compile_text(text, place)?;
            Ok(())
        }
        Value::List(items) => Arc::make_mut(items).iter_mut().try_for_each(compile),
        Value::Map(map) => Arc::make_mut(map).values_mut().try_for_each(|entry| compile(&mut entry.node)),
        _ => Ok(()),
    }
}

fn compile_text(text: &str, place: Place) -> Result<Value, Diagnostic> {
    let mut segments = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        let (before, expression) = (&rest[..start], &rest[start + 3..]);
        if let Some(before) = before.strip_suffix('$') {
            literal.push_str(before);
            literal.push_str("${{");
            rest = expression;
            continue;
        }
        literal.push_str(before);
        let Some(end) = expression_end(expression) else {
            return Err(Diagnostic::new("an expression is not closed: `}}` is missing").at(place).help(
                "close it; if it contains `: ` or ` #`, quote the scalar, for YAML cuts it short \
                     there; a literal `${{` is written `$${{`",
            ));
        };
        if !literal.is_empty() {
            segments.push(Segment::Text(std::mem::take(&mut literal)));
        }
        segments.push(compile_expression(expression[..end].trim(), place)?);
        rest = &expression[end + 2..];
    }
    literal.push_str(rest);
    if segments.is_empty() {
        return Ok(literal.into());
    }
    if !literal.is_empty() {
        segments.push(Segment::Text(literal));
    }
    let mut template = Template { source: text.into(), segments, uses_checksum: false };
    let uses_checksum = template.names().any(|name| name == CHECKSUM);
    template.uses_checksum = uses_checksum;
    Ok(Value::Template(Arc::new(template)))
}

/// Returns where the `}}` stands that closes an expression: not in a string, and not the end of a map in it.
fn expression_end(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    let mut depth = 0usize;
    for (i, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if text.as_bytes().get(i + 1) == Some(&b'}') => return Some(i),
            _ => {}
        }
    }
    None
}

fn compile_expression(source: &str, place: Place) -> Result<Segment, Diagnostic> {
    let compiled = ENGINE.compile_expression_owned(source.to_owned()).map_err(|error| {
        Diagnostic::new(format!(
            "`{source}` is not an expression: {}",
            error.detail().unwrap_or("it is empty or incomplete")
        ))
        .at(place)
        .help("see docs/sources.md, Expressions")
    })?;
    Ok(Segment::Expression { source: source.to_owned(), compiled })
}

/// Returns `node` with its expressions evaluated; those that use [`CHECKSUM`] only if the facts have it.
///
/// # Errors
/// Where an expression uses a name that is not known, or cannot be evaluated.
pub fn resolve(node: &Node, facts: &Facts) -> Result<Node, Diagnostic> {
    Ok(changed(node, facts)?.unwrap_or_else(|| node.clone()))
}

/// Returns the node with its expressions evaluated, or nothing where there are none to evaluate: what has none stays
/// shared with the sources.
fn changed(node: &Node, facts: &Facts) -> Result<Option<Node>, Diagnostic> {
    let value: Value = match &node.value {
        Value::Template(template) if template.uses_checksum && facts.is_before_checksum() => return Ok(None),
        Value::Template(template) => return template.evaluate(facts, node.place).map(Some),
        Value::List(items) => {
            let mut copy: Option<Vec<Node>> = None;
            for (index, item) in items.iter().enumerate() {
                if let Some(item) = changed(item, facts)? {
                    copy.get_or_insert_with(|| items.to_vec())[index] = item;
                }
            }
            match copy {
                Some(items) => items.into(),
                None => return Ok(None),
            }
        }
        Value::Map(map) => {
            let mut copy: Option<Map> = None;
            for (index, entry) in map.values().enumerate() {
                if let Some(node) = changed(&entry.node, facts)? {
                    copy.get_or_insert_with(|| Map::clone(map))[index].node = node;
                }
            }
            match copy {
                Some(map) => map.into(),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Node { value, place: node.place }))
}

/// What expressions may see, by name.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    names: Arc<Names>,
    checksum_follows: bool,
}

/// The facts as the engine sees them, and where those come from that somebody wrote.
#[derive(Clone, Debug, Default)]
struct Names(BTreeMap<Arc<str>, (Fact, Option<Place>)>);

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Fact) -> Option<Fact> {
        Some(self.0.get(key.as_str()?)?.0.clone())
    }
}

impl Facts {
    /// Adds a fact.
    pub fn set(&mut self, name: &str, value: impl Into<Fact>) {
        Arc::make_mut(&mut self.names).0.insert(name.into(), (value.into(), None));
    }

    /// Adds a fact that is a node; what expressions take out of it keeps its places.
    pub fn set_node(&mut self, name: &str, node: Node) {
        let place = Some(node.place);
        Arc::make_mut(&mut self.names).0.insert(name.into(), (from_node(node), place));
    }

    /// Returns where the fact of a dotted name was written, if somebody wrote it.
    pub fn place_of(&self, dotted: &str) -> Option<Place> {
        let (first, rest) = dotted.split_once('.').map_or((dotted, None), |(first, rest)| (first, Some(rest)));
        let (fact, place) = self.names.0.get(first)?;
        match (fact.downcast_object_ref::<NodeObject>(), rest) {
            (Some(object), Some(rest)) => {
                rest.split('.').try_fold(&object.0, |node, part| node.get(part)).map(|node| node.place)
            }
            _ => *place,
        }
    }

    /// Leaves expressions that use [`CHECKSUM`] alone until that fact is set.
    pub fn expect_checksum(&mut self) {
        self.checksum_follows = true;
    }

    fn is_before_checksum(&self) -> bool {
        self.checksum_follows && !self.names.0.contains_key(CHECKSUM)
    }

    fn context(&self) -> Fact {
        Fact::from_dyn_object(self.names.clone())
    }

    /// Returns the first part of a dotted name that leads nowhere, and what stands beside it.
    fn missing(&self, dotted: &str) -> Option<(String, Vec<String>)> {
        let mut known: Vec<String> = self.names.0.keys().map(ToString::to_string).collect();
        let mut value: Option<Fact> = None;
        let mut walked = String::new();
        for part in dotted.split('.') {
            let next = match &value {
                None => self.names.0.get(part).map(|(fact, _)| fact.clone()),
                Some(value) => value.get_attr(part).ok().filter(|v| !v.is_undefined()),
            };
            let Some(next) = next else {
                let known = known.into_iter().map(|name| format!("{walked}{name}")).collect();
                return Some((format!("{walked}{part}"), known));
            };
            walked = format!("{walked}{part}.");
            known = match next.kind() {
                ValueKind::Map => {
                    next.try_iter().map(|keys| keys.map(|key| key.to_string()).collect()).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            value = Some(next);
        }
        None
    }
}

fn evaluate(
    source: &str,
    compiled: &Expression<'static, 'static>,
    facts: &Facts,
    place: Place,
) -> Result<Fact, Diagnostic> {
    let reason = match compiled.eval(facts.context()) {
        Ok(value) if !value.is_undefined() => return Ok(value),
        Ok(_) => "it has no value".to_owned(),
        Err(error) => error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    };
    let mut names: Vec<_> = compiled.undeclared_variables(true).into_iter().collect();
    names.sort_unstable();
    let missing = names.iter().find_map(|name| facts.missing(name));
    Err(match missing {
        Some((name, known)) => {
            let diagnostic = Diagnostic::new(format!("`{source}` uses the unknown name `{name}`")).at(place);
            match nearest(&name, known.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("known are: {}", known.join(", "))),
            }
        }
        None => Diagnostic::new(format!("`{source}` cannot be evaluated: {reason}")).at(place),
    })
}

fn kind_name(value: &Fact) -> &'static str {
    match value.kind() {
        ValueKind::Map => "a map",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::None | ValueKind::Undefined => "nothing",
        _ => "no text",
    }
}

/// A map or list of the sources as the engine sees it.
#[derive(Debug)]
struct NodeObject(Node);

impl Object for NodeObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.0.value {
            Value::List(_) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Fact) -> Option<Fact> {
        let node = match &self.0.value {
            Value::List(items) => items.get(key.as_usize()?)?,
            _ => self.0.get(key.as_str()?)?,
        };
        Some(from_node(node.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.0.value {
            Value::List(items) => Enumerator::Seq(items.len()),
            Value::Map(map) => Enumerator::Values(map.keys().map(|key| Fact::from(&**key)).collect()),
            _ => Enumerator::NonEnumerable,
        }
    }
}

/// Returns the node as a fact.
pub fn from_node(node: Node) -> Fact {
    match &node.value {
        Value::Null | Value::Template(_) => Fact::from(()),
        Value::Bool(value) => Fact::from(*value),
        Value::Int(value) => Fact::from(*value),
        Value::UInt(value) => Fact::from(*value),
        Value::Float(value) => Fact::from(*value),
        Value::Text(text) => Fact::from(text.clone()),
        Value::List(_) | Value::Map(_) => Fact::from_object(NodeObject(node)),
    }
}

fn to_node(value: &Fact, place: Place) -> Result<Node, Diagnostic> {
    if let Some(object) = value.downcast_object_ref::<NodeObject>() {
        return Ok(object.0.clone());
    }
    let refused = |why: &str| Err(Diagnostic::new(format!("an expression's result {why}")).at(place));
    let items = || value.try_iter().map_err(|error| Diagnostic::new(error.to_string()).at(place));
    let value = match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => match (i64::try_from(value.clone()), u64::try_from(value.clone())) {
            (Ok(integer), _) if value.is_integer() => Value::Int(integer),
            (_, Ok(integer)) if value.is_integer() => Value::UInt(integer),
            _ => match f64::try_from(value.clone()) {
                Ok(float) => Value::Float(float),
                Err(_) => return refused("is a number that is too large"),
            },
        },
        ValueKind::String => value.to_string().into(),
        ValueKind::Seq | ValueKind::Iterable => {
            items()?.map(|item| to_node(&item, place)).collect::<Result<Vec<_>, _>>()?.into()
        }
        ValueKind::Map => {
            let mut map = Map::default();
            for key in items()? {
                let member = value.get_item(&key).map_err(|error| Diagnostic::new(error.to_string()).at(place))?;
                let node = to_node(&member, place)?;
                map.insert(key.to_string().into(), Entry { key: place, node });
            }
            map.into()
        }
        _ => return refused("is nothing that YAML could hold"),
    };
    Ok(Node { value, place })
}
