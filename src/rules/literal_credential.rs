//! A credential written out in the values.

use std::borrow::Cow;

use super::{Check, Rule, Severity, exposed_credential};
use crate::credential::{
    is_credential_key, is_credential_variable, is_htpasswd_row, is_reference, is_secret_data, url_passwords,
};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Step, Text, Value};

pub(super) static RULE: Rule = Rule {
    code: "literal-credential",
    severity: Severity::Error,
    title: "A credential stands in the values of an environment that is not local",
    reason: "Whoever reads the repository has it, and a password that was in Git once is there for good. The dir chart \
             copies `config` into a ConfigMap and `zot.authHeader` into the probes of a pod, where still more can read \
             it. Credentials come from a store, through ExternalSecrets (profile external-secrets).",
    mend: "Remove it and let an ExternalSecret provide it.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    // Values that somebody gives Helm by hand need not be in a repository.
    if deployment.is_local || !deployment.is_whole {
        return Vec::new();
    }
    let mut found = Vec::new();
    for component in &deployment.components {
        let values = [&component.values.written, &component.values.generated];
        for values in values.into_iter().flatten().chain(&component.manifests) {
            Path::leaves(values, &mut |path, leaf| {
                if let Some(why) = credential(component, values, path, leaf).filter(|_| !is_exposed(component, path)) {
                    found.push(diagnostic(deployment, component, path, leaf, &why));
                }
            });
        }
    }
    found
}

fn diagnostic(deployment: &Deployment, component: &Deployed, path: &Path, leaf: &Node, why: &str) -> Diagnostic {
    Diagnostic::new(format!("{path} of {} in {} is {why}", component.name, deployment.environment)).at(leaf.place).help(
        "remove it and let an ExternalSecret provide it (profile external-secrets); write it out only in an \
         environment with the profile `kind`",
    )
}

/// Returns what makes the text at a path a credential, if anything does.
fn credential(component: &Deployed, values: &Node, path: &Path, leaf: &Node) -> Option<String> {
    let text = match &leaf.value {
        Value::Text(text) => Cow::Borrowed(&**text),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::UInt(number) => Cow::Owned(number.to_string()),
        Value::Float(number) => Cow::Owned(number.to_string()),
        _ => return None,
    };
    if is_reference(&text) {
        return None;
    }
    if is_secret_data(values, path) {
        return Some("data of a Secret".into());
    }
    let declared = component.credentials.iter().any(|pattern| matches(pattern, path));
    if declared || (last_key(path).is_some_and(is_credential_key) && !is_external_key(values, path)) {
        return Some("a literal credential".into());
    }
    if let Some(name) = environment_variable(values, path).filter(|name| is_credential_variable(name)) {
        return Some(format!("the literal value of {name}"));
    }
    within(&text)
}

/// Returns whether another rule tells of this credential.
fn is_exposed(component: &Deployed, path: &Path) -> bool {
    component.chart() == "dir" && exposed_credential::covers(path)
}

fn matches(pattern: &[Text], path: &Path) -> bool {
    pattern.len() == path.0.len()
        && pattern.iter().zip(&path.0).all(|(part, step)| match step {
            Step::Key(key) => &**part == "*" || part == key,
            Step::Item(_) => &**part == "*",
        })
}

fn last_key(path: &Path) -> Option<&str> {
    match path.0.last()? {
        Step::Key(key) => Some(key),
        Step::Item(_) => None,
    }
}

/// Returns whether a `secretKey` only names a key: that of an ExternalSecret's datum.
fn is_external_key(values: &Node, path: &Path) -> bool {
    last_key(path) == Some("secretKey") && parent(values, path).is_some_and(|datum| datum.get("remoteRef").is_some())
}

fn parent<'a>(values: &'a Node, path: &Path) -> Option<&'a Node> {
    let (_, above) = path.0.split_last()?;
    Path(above.to_vec()).find(values)
}

/// Returns the name beside a `value`: that of a variable in a container's `env`.
fn environment_variable<'a>(values: &'a Node, path: &Path) -> Option<&'a str> {
    if last_key(path)? != "value" {
        return None;
    }
    parent(values, path)?.get("name")?.as_text()
}

/// Returns what kind of credential stands inside a text under a harmless key.
fn within(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") {
        return Some("a private key".into());
    }
    // What follows has a colon in it: rows of htpasswd, URLs, and JSON with a key.
    if !text.contains(':') {
        return None;
    }
    if text.lines().any(is_htpasswd_row) {
        return Some("a row of an htpasswd file".into());
    }
    if url_passwords(text).next().is_some() {
        return Some("a URL with a password".into());
    }
    let json = text.trim_start().starts_with(['{', '[']);
    let parsed: Option<serde_json::Value> = json.then(|| serde_json::from_str(text).ok()).flatten();
    parsed.and_then(|value| in_json(&value, ""))
}

fn in_json(value: &serde_json::Value, key: &str) -> Option<String> {
    match value {
        serde_json::Value::String(text) if is_credential_key(key) && !is_reference(text) => {
            // Zot names a file under `htpasswd.path`; a path under such a key is no credential.
            (!text.starts_with('/')).then(|| format!("JSON with a literal credential (`{key}`)"))
        }
        serde_json::Value::String(text) => within(text),
        serde_json::Value::Array(items) => items.iter().find_map(|item| in_json(item, key)),
        serde_json::Value::Object(map) => map.iter().find_map(|(key, value)| in_json(value, key)),
        _ => None,
    }
}
