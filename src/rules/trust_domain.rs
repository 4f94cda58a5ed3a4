//! The name of a partner's trust domain.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::{Diagnostic, Fix};
use crate::spiffe::TrustDomain;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "trust-domain",
    severity: Severity::Error,
    title: "A trust domain is not one, or Kubernetes cannot name an object after it",
    reason: "SPIFFE ID standard, section 2.1: lower-case letters, digits, `.`, `-` and `_`, at most 255 bytes. The dir \
             chart names an object after it, with dashes for dots; Kubernetes refuses a name with `_`, with a dash at \
             an end, or of more than 253 characters, and then the whole sync stops.",
    mend: "Write the trust domain as the SPIRE server has it.",
    check: Check::File(check),
};

/// Room for `<release>-apiserver-` before the trust domain.
const NAME_LIMIT: usize = 253 - 53 - "-apiserver-".len();

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let Some(node) = file.get("trustDomain") else {
        return Vec::new();
    };
    let Some(text) = node.as_text() else {
        return Vec::new();
    };
    let problem = match text.parse::<TrustDomain>() {
        Err(error) => Some(format!("`{text}` is not the name of a trust domain: {error}")),
        Ok(_) => {
            unusable_in_kubernetes(text).map(|why| format!("Kubernetes cannot name an object after `{text}`: {why}"))
        }
    };
    let diagnostic = |message| {
        let diagnostic = Diagnostic::new(message)
            .at(node.place)
            .help("write the trust domain as your SPIRE server has it, `example.org` for instance");
        let plain = text.trim_end_matches('.');
        match plain != text && plain.parse::<TrustDomain>().is_ok() {
            true => diagnostic.fix(Fix::Replace { from: text.to_owned(), to: plain.to_owned() }),
            false => diagnostic,
        }
    };
    problem.map(diagnostic).into_iter().collect()
}

fn unusable_in_kubernetes(trust_domain: &str) -> Option<&'static str> {
    let at_an_end = |c: char| trust_domain.starts_with(c) || trust_domain.ends_with(c);
    if trust_domain.contains('_') {
        Some("it has a `_`")
    } else if at_an_end('-') || at_an_end('.') {
        Some("it begins or ends with `-` or `.`")
    } else if trust_domain.len() > NAME_LIMIT {
        Some("it is too long")
    } else {
        None
    }
}
