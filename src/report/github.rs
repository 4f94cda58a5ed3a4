//! Annotations of GitHub Actions:
//! docs.github.com/actions/reference/workflow-commands-for-github-actions

use std::fmt::Write;

use super::Told;
use crate::diagnostic::Sources;
use crate::rules::Finding;

pub(super) fn write(findings: &[Finding], sources: &Sources) -> String {
    let mut text = String::new();
    for finding in findings {
        let told = Told::of(finding, sources);
        let place = told.place.map_or_else(String::new, |place| {
            format!(
                "file={},line={},col={},endLine={},endColumn={},",
                property(&told.path),
                place.line,
                place.column,
                place.end_line,
                place.end_column
            )
        });
        let message = data(&format!("{}\n{}", told.message, told.help));
        let _ = writeln!(text, "::{} {place}title={}::{message}", told.severity, property(told.rule));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
