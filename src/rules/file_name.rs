//! The name of a federation file.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "file-name",
    severity: Severity::Error,
    title: "A federation file is not called after its trust domain",
    reason: "One file per trust domain is what makes it visible in a pull request who changes whose entry, and what \
             keeps two files from claiming one trust domain.",
    mend: "Call the file `<trust domain>.yaml`; `dirops check --fix` does it.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    match file.get("trustDomain").and_then(|node| Some((node, node.as_text()?))) {
        Some((node, trust_domain)) if trust_domain != file.stem() => vec![
            Diagnostic::new(format!("the file is about `{trust_domain}` and is called `{}.yaml`", file.stem()))
                .at(node.place)
                .help(format!("call it `{trust_domain}.yaml`")),
        ],
        _ => Vec::new(),
    }
}
