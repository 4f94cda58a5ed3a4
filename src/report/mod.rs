//! Findings for people and for programs: one list, four ways to write it.

mod github;
mod json;
mod sarif;
mod text;

use crate::diagnostic::{Place, Sources};
use crate::rules::Finding;

/// How to write findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: the source line with the place marked.
    Text,
    /// One object, described in docs/check.md.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// Returns the findings written in a format.
pub fn write(findings: &[Finding], format: Format, sources: &Sources) -> String {
    match format {
        Format::Text => text::write(findings, sources),
        Format::Json => json::write(findings, sources),
        Format::Sarif => sarif::write(findings, sources),
        Format::Github => github::write(findings, sources),
    }
}

/// What every format says of a finding.
struct Told<'a> {
    rule: &'static str,
    severity: &'static str,
    path: String,
    place: Option<Place>,
    message: &'a str,
    help: &'a str,
    key: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn of(finding: &'a Finding, sources: &Sources) -> Self {
        let diagnostic = &finding.diagnostic;
        Self {
            rule: finding.rule.code,
            severity: finding.severity().word(),
            path: diagnostic.place.map(|place| sources.path(place.file).to_string()).unwrap_or_default(),
            place: diagnostic.place,
            message: &diagnostic.message,
            help: diagnostic.help.as_deref().unwrap_or(finding.rule.mend),
            key: diagnostic.key.as_deref(),
        }
    }
}

/// Returns JSON of texts, numbers and lists, which always has a spelling.
fn to_json(value: &serde_json::Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
