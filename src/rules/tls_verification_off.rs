//! A client that believes anybody.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Step, Value};

pub(super) static RULE: Rule = Rule {
    code: "tls-verification-off",
    severity: Severity::Error,
    title: "A client does not check whom it talks to",
    reason: "With verification switched off, TLS protects from nobody who stands in between. On a local cluster, where \
             addresses stand in for names, it is how the documents do it. What nginx' `proxy-ssl-verify` says of SPIRE's own \
             endpoint does not count: the certificate there is SPIRE's own, and the partner checks the bundle.",
    mend: "Remove the setting; let the certificate carry the name that the client calls.",
    check: Check::Deployment(check),
};

/// Keys that switch verification off, lower-case and without `-` and `_`.
const KEYS: [&str; 5] = ["tlsskipverify", "insecureskipverify", "skipverify", "insecureskiptlsverify", "skiptlsverify"];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    let values = deployment.components.iter().filter_map(|component| component.values.merged.as_ref());
    for values in values.chain(deployment.objects()) {
        Path::leaves(values, &mut |path, leaf| {
            if is_true(leaf) && switches_off(values, path) {
                found.push(Diagnostic::new(format!("{path} switches the check of TLS off")).at(leaf.place));
            }
        });
    }
    found
}

fn is_true(leaf: &Node) -> bool {
    match &leaf.value {
        Value::Bool(on) => *on,
        Value::Text(text) => ["true", "1", "yes"].contains(&text.to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// By its key, or as the value of an environment variable of such a name.
fn switches_off(values: &Node, path: &Path) -> bool {
    let Some((Step::Key(last), above)) = path.0.split_last() else { return false };
    let name = match &**last {
        "value" => Path(above.to_vec()).find(values).and_then(|item| item.get("name")).and_then(Node::as_text),
        key => Some(key),
    };
    let plain = name.unwrap_or_default().replace(['-', '_'], "").to_ascii_lowercase();
    KEYS.iter().any(|key| plain.ends_with(key))
}
