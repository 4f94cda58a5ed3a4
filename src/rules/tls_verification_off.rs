//! Clients that take any certificate.

use super::{Check, Rule, Severity};
use crate::credential::plain;
use crate::deployment::{Deployment, Found};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Value};

pub(super) static RULE: Rule = Rule {
    code: "tls-verification-off",
    severity: Severity::Error,
    title: "A client does not check whom it speaks to",
    reason: "Without verification TLS protects from nobody who can answer in the server's place (CWE-295), and the client \
             hands its credentials to whoever does. On a local cluster, reached by an address that no certificate names, \
             it is in order. What nginx does with SPIRE's own endpoint inside the cluster (proxy-ssl-verify) is not meant.",
    mend: "Reach the server by a name that its certificate carries, and trust the authority that signed it.",
    check: Check::Deployment(check),
};

/// Settings and variables that switch verification off, lower-case and without `-` and `_`; sorted.
const OFF: [&str; 13] = [
    "directoryclienttlsskipverify",
    "disabletlsverification",
    "gitsslnoverify",
    "insecureskipsignaturevalidation",
    "insecureskiptlsverify",
    "insecureskipverify",
    "insecureskipverifytls",
    "skiptlsverification",
    "skiptlsverify",
    "skipverify",
    "tlsinsecureskipverify",
    "tlsskipverify",
    "vaultskipverify",
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    for component in &deployment.components {
        component.entries(&mut |entry| {
            found.extend(switched_off(entry));
            found.extend(flags(entry));
        });
    }
    found
}

fn switched_off(found: Found<'_>) -> Option<Diagnostic> {
    let node = &found.entry.node;
    // Beside a name, a `value` is that of an environment variable.
    let name = match &**found.key {
        "value" => found.map.get("name").and_then(|name| name.node.as_text())?,
        key => key,
    };
    let is_off = (is_switch(name) && is_true(node)) || (name == "NODE_TLS_REJECT_UNAUTHORIZED" && is_zero(node));
    is_off.then(|| Diagnostic::new(format!("`{name}` switches the verification of TLS off")).at(node.place).key(name))
}

/// Returns the arguments of a container that switch it off.
fn flags<'a>(found: Found<'a>) -> impl Iterator<Item = Diagnostic> + use<'a> {
    let arguments = match &**found.key {
        "args" | "command" | "extraArgs" => found.entry.node.as_list().unwrap_or_default(),
        _ => &[],
    };
    arguments.iter().filter_map(|argument| {
        let flag = argument.as_text()?.strip_prefix("--")?;
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        (is_switch(name) && value == "true")
            .then(|| Diagnostic::new(format!("`--{name}` switches the verification of TLS off")).at(argument.place))
    })
}

fn is_switch(name: &str) -> bool {
    OFF.binary_search_by(|off| off.bytes().cmp(plain(name))).is_ok()
}

fn is_true(node: &Node) -> bool {
    match &node.value {
        Value::Bool(on) => *on,
        Value::Int(number) => *number == 1,
        Value::Text(text) => &**text == "1" || text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn is_zero(node: &Node) -> bool {
    matches!(&node.value, Value::Int(0)) || node.as_text() == Some("0")
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_sorted() {
        assert!(super::OFF.is_sorted());
    }
}
