//! `dirops schema`

use clap::Args;

use super::{Exit, print};
use crate::workspace::{SchemaKind, schema};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The kind of file
    #[arg(value_enum)]
    kind: SchemaKind,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let text = serde_json::to_string_pretty(&schema(arguments.kind)).unwrap_or_default();
    print(&format!("{text}\n"))
}
