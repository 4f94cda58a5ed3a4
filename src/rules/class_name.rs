//! The class of a federation file.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::{Diagnostic, Fix};
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "class-name",
    severity: Severity::Error,
    title: "A federation file names another class than its registry",
    reason: "The SPIRE controller manager ignores objects of another class without a word: no partner would be trusted.",
    mend: "Write the registry's class; `dirops check --fix` does it.",
    check: Check::File(check),
};

fn check(file: &FederationFile, registry: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let Some((node, class)) = file.text_node("className") else {
        return Vec::new();
    };
    if class == registry.class_name {
        return Vec::new();
    }
    let fix = Fix::Replace { from: class.to_owned(), to: registry.class_name.clone() };
    vec![
        Diagnostic::new(format!("the class is `{class}`; here it is `{}`", registry.class_name))
            .at(node.place)
            .help(format!("write `{}`", registry.class_name))
            .fix(fix),
    ]
}
