//! A partner whose profile an environment does not accept.

use super::{Check, Rule, Severity};
use crate::deployment::{accepts, trusted};
use crate::diagnostic::Diagnostic;
use crate::workspace::{Environment, FederationFile, Registry};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "profile-not-accepted",
    severity: Severity::Warning,
    title: "An environment does not accept the profile of a partner that it trusts",
    reason: "The partner is left out there: an environment federates only by the profiles under `accept`, since each \
             asks something of its network and certificates.",
    mend: "Offer a profile that the environment accepts, or leave the partner out of its `trust`.",
    check: Check::Trust(check),
};

fn check(environment: &Environment, registry: &Registry) -> Vec<Diagnostic> {
    // That a trusted domain has no file stops rendering by itself.
    let files = trusted(environment, registry).unwrap_or_default();
    let known = |file: &FederationFile| {
        let profile = file.profile().and_then(Node::as_text);
        matches!(profile, Some("https_web" | "https_spiffe"))
    };
    files
        .into_iter()
        .filter(|file| known(file) && !accepts(environment, file))
        .filter(|file| file.text("trustDomain") != Some(environment.trust_domain.as_str()))
        .filter_map(|file| Some(diagnostic(environment, file.profile()?)))
        .collect()
}

fn diagnostic(environment: &Environment, profile: &Node) -> Diagnostic {
    let accepted: Vec<&str> = environment.federation.accept.iter().map(|name| &*name.value).collect();
    Diagnostic::new(format!(
        "the environment `{}` does not federate by `{}`",
        &*environment.name,
        profile.as_text().unwrap_or_default()
    ))
    .at(profile.place)
    .help(format!("it accepts {}", accepted.join(", ")))
}
