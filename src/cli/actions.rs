//! What GitHub Actions is told: a summary for people, outputs for later steps.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::Write as _;

use crate::diagnostic::Diagnostic;
use crate::propose::{Outcome, Proposal};

/// Writes what came of a proposal to the files that GitHub Actions names, where it does.
///
/// # Errors
/// Where one of them cannot be written.
pub(super) fn tell(proposal: &Proposal, said: &str) -> Result<(), Diagnostic> {
    append("GITHUB_OUTPUT", &outputs(proposal))?;
    append("GITHUB_STEP_SUMMARY", &summary(proposal, said))
}

fn append(variable: &str, text: &str) -> Result<(), Diagnostic> {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else { return Ok(()) };
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Diagnostic::new(format!("the file that {variable} names cannot be written: {error}")))
}

/// `changed` is whether what is rendered differs from the base; a value ends with its line.
fn outputs(proposal: &Proposal) -> String {
    let changed = !matches!(proposal.outcome, Outcome::Nothing | Outcome::Withdrawn);
    let url = proposal.pull_request.as_ref().map(|found| found.url.replace(['\n', '\r'], "")).unwrap_or_default();
    let environments = serde_json::json!(proposal.environments);
    format!("changed={changed}\npull-request-url={url}\nenvironments={environments}\n")
}

fn summary(proposal: &Proposal, said: &str) -> String {
    let mut text = String::from("### dirops\n\n");
    for line in said.lines() {
        let _ = writeln!(text, "{line}  ");
    }
    if !proposal.body.is_empty() {
        let _ = write!(text, "\n{}\n", proposal.body);
    }
    text
}
