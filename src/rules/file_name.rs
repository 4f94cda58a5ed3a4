//! The name of a federation file.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::{Diagnostic, Fix};
use crate::spiffe::TrustDomain;
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
        Some((node, trust_domain)) if trust_domain != file.stem() => {
            let diagnostic =
                Diagnostic::new(format!("the file is about `{trust_domain}` and is called `{}.yaml`", file.stem()))
                    .at(node.place)
                    .help(format!("call it `{trust_domain}.yaml`"));
            match trust_domain.parse::<TrustDomain>() {
                Ok(_) => vec![diagnostic.fix(Fix::Rename(format!("{trust_domain}.yaml")))],
                Err(_) => vec![diagnostic],
            }
        }
        _ => Vec::new(),
    }
}
