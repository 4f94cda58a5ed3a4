//! A bundle that this repository made up.

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "example-bundle",
    severity: Severity::Warning,
    title: "A bundle is an example, of a key that nobody has",
    reason: "By https_spiffe the bundle in the file is what the first connection is checked with. An example lets \
             everything render before the clusters exist; with it, SPIRE never gets the partner's real bundle and \
             refuses all its workloads.",
    mend: "Once the partner's SPIRE server runs, take `spire-server bundle show -format spiffe` from it and put it in \
           with `dirops bundle add FILE`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, _: &Conditions) -> Vec<Diagnostic> {
    let authorities = file.bundle().map(|bundle| bundle.authorities.as_slice()).unwrap_or_default();
    let diagnostic = |place| {
        Diagnostic::new("the certificate is an example: its subject is of the organization `dirops example`")
            .at(place)
            .help(
                "kubectl exec -n <namespace> <spire server pod> -c spire-server -- \
                 /opt/spire/bin/spire-server bundle show -format spiffe > bundle.json, then \
                 dirops bundle add bundle.json",
            )
    };
    authorities.iter().filter(|authority| authority.is_example).map(|authority| diagnostic(authority.place)).collect()
}
