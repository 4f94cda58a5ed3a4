//! Files in a registry that nothing reads.

use super::{Check, Rule, Severity};
use crate::diagnostic::{Diagnostic, Fix};
use crate::workspace::{Registry, Stray, StrayKind};

pub(super) static RULE: Rule = Rule {
    code: "unread-file",
    severity: Severity::Warning,
    title: "Something in a registry is not read",
    reason: "Only `<trust domain>.yaml` is: whoever put the file there is not a partner and does not learn why.",
    mend: "Call it `<trust domain>.yaml`, or remove it; `dirops check --fix` renames `.yml`.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    registry.strays.iter().filter_map(diagnostic).collect()
}

fn diagnostic(stray: &Stray) -> Option<Diagnostic> {
    let why = match stray.kind {
        StrayKind::Link => return None,
        StrayKind::Folder => "it is a folder",
        StrayKind::Hidden => "it is hidden",
        StrayKind::Ending => "its name does not end in `.yaml`",
    };
    let diagnostic = Diagnostic::new(format!("nothing reads `{}`: {why}", stray.path)).at(stray.place);
    let name = stray.path.rsplit('/').next().unwrap_or_default();
    match name.strip_suffix(".yml").filter(|_| stray.kind == StrayKind::Ending) {
        Some(stem) => Some(diagnostic.fix(Fix::Rename(format!("{stem}.yaml")))),
        None => Some(diagnostic),
    }
}
