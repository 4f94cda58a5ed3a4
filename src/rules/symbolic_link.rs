//! Links in a registry.

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{Registry, StrayKind};

pub(super) static RULE: Rule = Rule {
    code: "symbolic-link",
    severity: Severity::Error,
    title: "A federation file is a symbolic link",
    reason: "What it leads to can change without a change in the registry, and lies outside of what was reviewed. It is not \
             read.",
    mend: "Put the file itself there.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let links = registry.strays.iter().filter(|stray| stray.kind == StrayKind::Link);
    links.map(|stray| Diagnostic::new(format!("`{}` is a symbolic link", stray.path)).at(stray.place)).collect()
}
