//! A certificate issuer for trying things out.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Step};

pub(super) static RULE: Rule = Rule {
    code: "staging-issuer",
    severity: Severity::Error,
    title: "Certificates come from a staging issuer",
    reason: "Nobody trusts the certificates of Let's Encrypt's staging environment (letsencrypt.org/docs/staging-environment): \
             browsers refuse them, and so does every partner that federates by https_web.",
    mend: "Name the production issuer (`vars.issuer` in environment.yaml).",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    let values = deployment.components.iter().filter_map(|component| component.values.merged.as_ref());
    for values in values.chain(deployment.objects()) {
        Path::leaves(values, &mut |path, leaf| {
            if names_staging(path, leaf) {
                let issuer = leaf.as_text().unwrap_or_default();
                let message = format!("`{issuer}` issues certificates that nobody trusts");
                found.push(Diagnostic::new(message).at(leaf.place).key(path.to_string()));
            }
        });
    }
    found
}

fn names_staging(path: &Path, leaf: &Node) -> bool {
    let text = leaf.as_text().unwrap_or_default();
    let (last, above) = match &path.0[..] {
        [.., Step::Key(above), Step::Key(last)] => (&**last, &**above),
        [Step::Key(last)] => (&**last, ""),
        _ => return false,
    };
    let is_issuer = ["cert-manager.io/cluster-issuer", "cert-manager.io/issuer"].contains(&last)
        || (above == "issuerRef" && last == "name");
    text.contains("acme-staging") || (is_issuer && text.contains("staging"))
}
