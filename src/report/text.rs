//! For people.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::diagnostic::Sources;
use crate::rules::Finding;

pub(super) fn write(findings: &[Finding], sources: &Sources) -> String {
    let mut text = String::new();
    let mut explained = BTreeSet::new();
    for finding in findings {
        let mut diagnostic = finding.diagnostic.clone();
        diagnostic.help.get_or_insert_with(|| finding.rule.mend.to_owned());
        let _ = write!(text, "{}", diagnostic.show(&finding.label(), sources));
        // Why it matters is said once for each rule.
        let _ = match explained.insert(finding.rule.code) {
            true => writeln!(text, "\n  why: {}\n", finding.rule.reason),
            false => writeln!(text, "\n"),
        };
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let _ = writeln!(text, "{}, {}", count(errors, "error"), count(warnings, "warning"));
    text
}
