//! Private key material.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::{Diagnostic, Place};
use crate::spiffe::{ProblemKind, private_material};
use crate::workspace::{FederationFile, Registry};
use crate::yaml::Path;

pub(super) static RULE: Rule = Rule {
    code: "private-key",
    severity: Severity::Error,
    title: "A federation file holds a private key",
    reason: "A bundle is public; whoever has a private key of it speaks for the whole trust domain. What was in Git once is \
             there for good.",
    mend: "Remove it, and replace the key everywhere: who has seen the file has it.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let problems = file.bundle().map(|bundle| bundle.problems.as_slice()).unwrap_or_default();
    let of_kind = problems.iter().filter(|problem| problem.kind == ProblemKind::Private);
    let mut found: Vec<Diagnostic> = of_kind.map(|problem| problem.diagnostic.clone()).collect();
    let told = |place: &Place, found: &[Diagnostic]| found.iter().any(|other| same_start(other.place, *place));
    for place in private_material(file.file, &file.text) {
        if !told(&place, &found) {
            found.push(Diagnostic::new("this is private key material").at(place));
        }
    }
    if found.is_empty() {
        found.extend(escaped(file));
    }
    found.into_iter().map(Diagnostic::secret).collect()
}

/// Returns a finding about the first text that means private key material and is not written as it: with escapes.
fn escaped(file: &FederationFile) -> Option<Diagnostic> {
    let mut place = None;
    Path::leaves(file.content.as_ref().ok()?, &mut |_, leaf| {
        let text = leaf.as_text().unwrap_or_default();
        if place.is_none() && !private_material(file.file, text).is_empty() {
            place = Some(leaf.place);
        }
    });
    place.map(|place| Diagnostic::new("there is private key material in this text").at(place))
}

fn same_start(a: Option<Place>, b: Place) -> bool {
    a.is_some_and(|a| (a.line, a.column) == (b.line, b.column))
}
