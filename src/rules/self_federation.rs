//! An environment that trusts itself as a partner.

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{Environment, Registry, Trust};

pub(super) static RULE: Rule = Rule {
    code: "self-federation",
    severity: Severity::Error,
    title: "An environment federates with itself",
    reason: "SPIRE refuses a federation with its own trust domain; the entry does nothing but fail.",
    mend: "Remove the environment's own trust domain from `trust`.",
    check: Check::Trust(check),
};

fn check(environment: &Environment, _: &Registry) -> Vec<Diagnostic> {
    let Trust::List(names) = &environment.federation.trust else {
        return Vec::new();
    };
    let own = names.iter().filter(|name| *name.value == *environment.trust_domain.as_str());
    let diagnostic = |place| Diagnostic::new(format!("`{}` trusts itself", &*environment.name.value)).at(place);
    own.map(|name| diagnostic(name.place)).collect()
}
