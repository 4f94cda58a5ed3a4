//! A partner without a bundle to begin with.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "missing-bundle",
    severity: Severity::Warning,
    title: "An https_web partner has no bootstrap bundle",
    reason: "SPIRE refuses an entry whose `federatesWith` lacks a bundle. So one partner whose endpoint was down took a \
             production Directory down (agntcy/dir#1852); a bundle in the file removes that.",
    mend: "Add `trustDomainBundle` with the output of `spire-server bundle show -format spiffe`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let profile = file.profile().filter(|profile| profile.as_text() == Some("https_web"));
    let missing = profile
        .filter(|_| file.get("trustDomainBundle").is_none_or(|node| matches!(node.value, crate::yaml::Value::Null)));
    let diagnostic = |profile: &crate::yaml::Node| {
        Diagnostic::new("there is no `trustDomainBundle`: until the endpoint has answered once, SPIRE has no bundle")
            .at(profile.place)
            .key("trustDomainBundle")
    };
    missing.map(diagnostic).into_iter().collect()
}
