//! Writing a record.

use std::fs;
use std::path::PathBuf;

use super::{Chart, FOLDER, Record, unpack};
use crate::atomic;
use crate::diagnostic::{Diagnostic, Sources};
use crate::tree::WorkTree;
use crate::workspace::{Component, Reader};

/// What to record.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of the source repository.
    pub source: PathBuf,
    /// The component that deploys the chart.
    pub component: String,
    /// A `.tgz`, the folder of an unpacked chart, or a `values.yaml`.
    pub chart: PathBuf,
    /// The version that a `values.yaml` is of, where it is not the component's.
    pub version: Option<String>,
}

/// Records a chart, and says what was written.
///
/// # Errors
/// Where the chart cannot be read or is another one than the component deploys, or the record cannot be written.
pub fn record(request: &Request, sources: &Sources) -> Result<String, Diagnostic> {
    let tree = WorkTree::new(&request.source);
    let component = Component::read(Reader { tree: &tree, sources }, &request.component)?;
    let expected = component.chart_name.rsplit('/').next().unwrap_or(&component.chart_name).to_owned();
    let chart = read(request, &expected, &component.version, sources)?;
    if chart.name != expected {
        let message = format!(
            "{} is the chart {}, and {} deploys {expected}",
            request.chart.display(),
            chart.name,
            component.name
        );
        return Err(Diagnostic::new(message).at(component.chart_name.place));
    }
    if chart.version.is_empty() || chart.version.contains(['/', '\\', ':']) || chart.version.starts_with('.') {
        return Err(Diagnostic::new(format!("`{}` is no version that a file can be called after", chart.version)));
    }
    let path = Record::path(&component.name, &chart.version);
    let text = Record::of(&chart)
        .to_json()
        .map_err(|error| Diagnostic::new(format!("the record cannot be written: {error}")))?;
    let folder = request.source.join(format!("base/{}/{FOLDER}", component.name));
    fs::create_dir_all(folder)
        .and_then(|()| atomic::replace(&request.source.join(&path), &text))
        .map_err(|error| Diagnostic::new(format!("{path} cannot be written: {error}")))?;
    let known = match chart.reads.iter().any(Vec::is_empty) {
        true => " (its defaults alone: only slips will be told)",
        false => "",
    };
    Ok(format!("{path}: {} {}{known}", chart.name, chart.version))
}

fn read(request: &Request, name: &str, version: &str, sources: &Sources) -> Result<Chart, Diagnostic> {
    let path = &request.chart;
    let label = path.display().to_string();
    if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
        return Chart::of_files(&unpack(path)?, &label, sources);
    }
    let version = request.version.as_deref().unwrap_or(version);
    let missing = || Diagnostic::new(format!("{label} cannot be read: there is no such file"));
    let tree = WorkTree::new("");
    let (_, text) = Reader { tree: &tree, sources }.text(&label)?.ok_or_else(missing)?;
    Chart::of_values(name, version, &text, &label, sources)
}
