//! Writing nodes, as YAML and as JSON.
//!
//! What is written reads back as the same values under YAML 1.1 and 1.2 readers (docs/decisions/yaml.md).

use std::fmt;

use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_saphyr::DoubleQuoted;

use super::{Node, Value};

/// Why a node cannot be written. None of the reasons can come from a file that was read without error.
#[derive(Debug)]
pub struct EmitError(String);

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EmitError {}

/// Returns the documents as YAML, with `---` between them and a line break at the end.
///
/// # Errors
/// Where a node still holds an expression, or a number that YAML has no portable spelling for.
pub fn to_yaml<'a>(documents: impl IntoIterator<Item = &'a Node>) -> Result<String, EmitError> {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: true,
        // Folding would break long lines at blanks; a reader of policies and URLs is better off without.
        folded_wrap_chars: usize::MAX,
    };
    let mut text = String::new();
    for (i, document) in documents.into_iter().enumerate() {
        if i > 0 {
            text.push_str("---\n");
        }
        let start = text.len();
        serde_saphyr::to_fmt_writer_with_options(&mut text, document, options.clone())
            .map_err(|error| EmitError(error.to_string()))?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        debug_assert!(
            reads_back(&text[start..], document),
            "what was written reads back as something else:\n{}",
            &text[start..]
        );
    }
    Ok(text)
}

/// Returns the node as JSON with two blanks of indentation and a line break at the end.
///
/// # Errors
/// As [`to_yaml`].
pub fn to_json(node: &Node) -> Result<String, EmitError> {
    let mut text = serde_json::to_string_pretty(node).map_err(|error| EmitError(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Returns whether a second, independent reader takes `text` for `node`.
fn reads_back(text: &str, node: &Node) -> bool {
    let read: Result<serde_json::Value, _> = serde_yaml::from_str(text);
    match (read, serde_json::to_value(node)) {
        (Ok(read), Ok(meant)) => read == meant,
        _ => false,
    }
}

/// Returns whether readers after libyaml, Kubernetes' among them, would take the block scalar of a text for an error:
/// they look for its indentation in a tab.
fn misread_as_block(text: &str) -> bool {
    text.contains('\n') && text.trim_start_matches('\n').starts_with('\t')
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::UInt(value) => serializer.serialize_u64(*value),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float(_) => Err(S::Error::custom("infinity and NaN have no spelling in JSON")),
            Value::Text(text) if misread_as_block(text) => DoubleQuoted(&**text).serialize(serializer),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Template(template) => {
                Err(S::Error::custom(format!("the expression `{}` was not evaluated", template.source())))
            }
            Value::List(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Value::Map(map) => {
                let mut mapping = serializer.serialize_map(Some(map.len()))?;
                for (key, entry) in map.iter() {
                    mapping.serialize_entry(&**key, &entry.node)?;
                }
                mapping.end()
            }
        }
    }
}
