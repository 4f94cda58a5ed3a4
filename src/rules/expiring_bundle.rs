//! A bundle that is soon out of date.

use super::expired_bundle::date;
use super::short_lived_bundle::{WEEKS, is_short_lived};
use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::Authority;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "expiring-bundle",
    severity: Severity::Warning,
    title: "A certificate of a bundle expires within 14 days",
    reason: "A pull request takes days; after that the file cannot bootstrap anybody.",
    mend: "Take the bundle anew once the SPIRE server has prepared its next authority.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, conditions: &Conditions) -> Vec<Diagnostic> {
    let (Some(bundle), Some(now)) = (file.bundle(), conditions.now) else {
        return Vec::new();
    };
    let expires_soon = |authority: &&Authority| {
        let left = authority.not_after.saturating_sub(now);
        (0..WEEKS).contains(&left) && !is_short_lived(authority)
    };
    let diagnostic = |authority: &Authority| {
        Diagnostic::new(format!("the certificate expires on {}", date(authority.not_after))).at(authority.place)
    };
    bundle.authorities.iter().filter(expires_soon).map(diagnostic).collect()
}
