//! A bundle that Git is too slow for.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::Authority;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "short-lived-bundle",
    severity: Severity::Warning,
    title: "A certificate of a bundle lives for less than 14 days",
    reason: "SPIRE makes a new authority before the old one ends: by default that is every day. Such a bundle in Git can \
             bootstrap nobody after a day.",
    mend: "Give the SPIRE server a longer `caTTL`, or an upstream authority that lives for years.",
    check: Check::File(check),
};

/// 14 days, in seconds.
pub(super) const WEEKS: i64 = 14 * 86_400;

fn check(file: &FederationFile, _: &Registry, conditions: &Conditions) -> Vec<Diagnostic> {
    let (Some(bundle), Some(now)) = (file.bundle(), conditions.now) else {
        return Vec::new();
    };
    let diagnostic = |authority: &Authority| {
        let hours = authority.not_after.saturating_sub(authority.not_before) / 3600;
        Diagnostic::new(format!("the certificate lives for {hours} hours")).at(authority.place)
    };
    // Of one that is out of date, that is said.
    let valid = bundle.authorities.iter().filter(|authority| now <= authority.not_after);
    valid.filter(|authority| is_short_lived(authority)).map(diagnostic).collect()
}

/// Returns whether a certificate's whole life is shorter than the warning of its end.
pub(super) fn is_short_lived(authority: &Authority) -> bool {
    authority.not_after.saturating_sub(authority.not_before) < WEEKS
}
