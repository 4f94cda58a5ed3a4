//! `dirops chart`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Exit, print, report};
use crate::chart::{self, Request};
use crate::diagnostic::Sources;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(RecordArguments),
}

/// Write base/<COMPONENT>/charts/<version>.json: the values that a chart has, and those that its templates read
#[derive(Args, Debug)]
struct RecordArguments {
    /// The component that deploys the chart
    component: String,
    /// The .tgz that `helm pull` leaves, the folder of an unpacked chart, or its values.yaml alone
    chart: PathBuf,
    /// The version that a values.yaml is of; the component's by default
    #[arg(long, value_name = "VERSION")]
    of: Option<String>,
}

pub(super) fn run(source: &Path, arguments: Arguments) -> Exit {
    let Command::Record(arguments) = arguments.command;
    let sources = Sources::default();
    let request = Request {
        source: source.to_owned(),
        component: arguments.component,
        chart: arguments.chart,
        version: arguments.of,
    };
    match chart::record(&request, &sources) {
        Ok(written) => print(&format!("{written}\n")),
        Err(problem) => report(&[problem], &sources),
    }
}
