//! Characters that hide what a text says.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::{Diagnostic, Place, is_unseen};
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "bidirectional-text",
    severity: Severity::Error,
    title: "A federation file has characters that change how it reads",
    reason: "Bidirectional controls and invisible characters show a reviewer another text than the one that takes effect: \
             trojansource.codes, CVE-2021-42574.",
    mend: "Remove them.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    if text.is_ascii() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        if line.is_ascii() {
            continue;
        }
        for (column, c) in line.chars().enumerate().filter(|(_, c)| is_unseen(*c) && !c.is_control()) {
            let message = format!("the character U+{:04X} is not seen, and changes how the line reads", u32::from(c));
            if found.len() > 200 {
                return found;
            }
            found.push(Diagnostic::new(message).at(Place::point(file.file, index + 1, column + 1)));
        }
    }
    found
}
