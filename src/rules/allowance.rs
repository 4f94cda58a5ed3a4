//! Comments in a file that allow what a rule would find there: `# dirops: allow missing-bundle: asked for, see #12`.

use std::collections::BTreeMap;

use super::{Check, Finding, Rule, Severity};
use crate::diagnostic::{Diagnostic, FileId, Place, Sources};
use crate::workspace::{FederationFile, Registry};

use super::{Conditions, RULES};

pub(super) static RULE: Rule = Rule {
    code: "allowance",
    severity: Severity::Warning,
    title: "A comment that would allow something names no rule, gives no reason, or may not",
    reason: "`# dirops: allow <rule>: <reason>` on a line of its own allows what that rule finds in the file. Whoever \
             reads it must learn why, and nothing that gives a secret away can be allowed.",
    mend: "Name one rule of `dirops rules`, and say why it does not apply here.",
    check: Check::File(check),
};

/// What no comment can allow: a secret in Git is one for nobody any more.
const NEVER: [&str; 2] = ["literal-credential", "private-key"];

const MARK: &str = "dirops: allow ";

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let faults = comments(&file.text).filter_map(|(number, column, comment)| {
        let fault = fault(comment)?;
        Some(Diagnostic::new(fault).at(Place::stretch(
            file.file,
            (number, column),
            (number, column + comment.chars().count()),
        )))
    });
    faults.collect()
}

fn fault(comment: &str) -> Option<String> {
    let (code, reason) = parts(comment);
    if !RULES.iter().any(|rule| rule.code == code) {
        return Some(format!("there is no rule `{code}` to allow"));
    }
    if NEVER.contains(&code) {
        return Some(format!("no comment can allow `{code}`"));
    }
    reason.is_empty().then(|| format!("`{code}` is allowed without a reason"))
}

/// Returns the findings that no comment in their file allows.
pub(super) fn apply(findings: Vec<Finding>, sources: &Sources) -> Vec<Finding> {
    let mut allowed: BTreeMap<FileId, Vec<String>> = BTreeMap::new();
    let allows = |finding: &Finding| {
        let Some(place) = finding.diagnostic.place else {
            return false;
        };
        let codes = allowed.entry(place.file).or_insert_with(|| allowed_in(&sources.text(place.file)));
        codes.iter().any(|code| code == finding.rule.code)
    };
    let mut allows = allows;
    findings.into_iter().filter(|finding| !allows(finding)).collect()
}

fn allowed_in(text: &str) -> Vec<String> {
    if !text.contains(MARK) {
        return Vec::new();
    }
    let right = comments(text).filter(|(.., comment)| fault(comment).is_none());
    right.map(|(.., comment)| parts(comment).0.to_owned()).collect()
}

/// Returns line, column and text of the comments that would allow something.
fn comments(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let comment = line.trim_start();
        let column = line.chars().count() - comment.chars().count() + 1;
        let is_one = comment.strip_prefix('#')?.trim_start().starts_with(MARK);
        is_one.then(|| (index + 1, column, comment.trim_end()))
    })
}

/// Returns the rule that a comment names and the reason that it gives.
fn parts(comment: &str) -> (&str, &str) {
    let rest = comment.trim_start_matches('#').trim_start().strip_prefix(MARK).unwrap_or_default();
    let (code, reason) = rest.split_once(':').unwrap_or((rest, ""));
    (code.trim(), reason.trim())
}
