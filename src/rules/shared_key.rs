//! One key in two bundles.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::diagnostic::{Diagnostic, Place};
use crate::spiffe::PublicKeyBytes;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "shared-key",
    severity: Severity::Error,
    title: "Two trust domains have a signing key in common",
    reason: "Whoever holds the key can speak for either: each could forge the identities of the other.",
    mend: "Give each SPIRE server keys of its own.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&PublicKeyBytes, (&FederationFile, Place)> = BTreeMap::new();
    let mut found = Vec::new();
    for file in &registry.files {
        for (key, place) in file.bundle().map(|bundle| bundle.keys.as_slice()).unwrap_or_default() {
            let (other, other_place) = first.entry(key).or_insert((file, *place));
            if other.text("trustDomain") != file.text("trustDomain") {
                found.push(
                    Diagnostic::new(format!("this key is also in the bundle of {}", other.path))
                        .at(*place)
                        .related(*other_place),
                );
            }
        }
    }
    found
}
