//! A grant to somebody who is no partner.

use super::{Check, Rule, Severity};
use crate::deployment::partners;
use crate::diagnostic::Diagnostic;
use crate::workspace::{Environment, Registry};

pub(super) static RULE: Rule = Rule {
    code: "grant-to-nobody",
    severity: Severity::Warning,
    title: "A grant names a trust domain that is no partner",
    reason: "It does nothing, and would give its methods to whoever claims that trust domain later.",
    mend: "Correct the name, or remove the grant.",
    check: Check::Trust(check),
};

fn check(environment: &Environment, registry: &Registry) -> Vec<Diagnostic> {
    let partners = partners(environment, registry).unwrap_or_default();
    let known: Vec<&str> = partners.iter().map(|partner| &*partner.trust_domain.value).collect();
    let grants = environment.federation.grants.iter();
    grants
        .filter(|(name, _)| &***name != "default" && !known.contains(&&***name))
        .map(|(name, grant)| {
            Diagnostic::new(format!("`{name}` is no partner of `{}`", &*environment.name))
                .at(grant.place)
                .suggest(name, known.iter().copied())
        })
        .collect()
}
