//! A bundle out of date that SPIRE can replace.

use super::expired_bundle::{none_is_valid, out_of_date};
use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "expired-bootstrap-bundle",
    severity: Severity::Warning,
    title: "A certificate of a bundle is out of date",
    reason: "SPIRE fetches newer bundles from the endpoint. Where that does not answer, a bundle out of date recognises nobody, \
             and a new server has nothing to begin with.",
    mend: "Take the bundle anew from `spire-server bundle show -format spiffe`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, conditions: &Conditions) -> Vec<Diagnostic> {
    let only_way = file.profile_name() == Some("https_spiffe") && none_is_valid(file, conditions);
    match only_way {
        true => Vec::new(),
        false => out_of_date(file, conditions),
    }
}
