//! Everything that knows YAML: reading with places, writing, and the tree in between.
//!
//! Nothing outside this module names a YAML crate.

mod edit;
mod embedded;
mod emit;
mod merge;
mod node;
mod parse;
mod path;
mod removal;
mod scalar;

pub use edit::{replace_in_scalars, set_line, set_text};
pub use embedded::{embedded_json, json_in, lines_in, yaml_in};
pub use emit::{EmitError, to_json, to_yaml};
pub use merge::merge;
pub use node::{Entry, Map, Node, Text, Value};
pub use parse::{one_document, parse, parse_plain, parse_stream, parse_stream_from};
pub use path::{Path, Step};
pub use removal::{remove_items, remove_key};
