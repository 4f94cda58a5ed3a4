//! A credential written out in the values.

use std::borrow::Cow;

use super::{Check, Rule, Severity, exposed_credential};
use crate::deployment::{Deployed, Deployment, PLACEHOLDER};
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

/// Keys whose text is a credential wherever they stand, lower-case and without `-` and `_`; sorted.
const KEYS: [&str; 24] = [
    "accesskeyid",
    "accesstoken",
    "apikey",
    "apitoken",
    "authheader",
    "bearertoken",
    "bindpassword",
    "clientsecret",
    "credentials",
    "htpasswd",
    "kubeconfig",
    "kubeconfigbase64",
    "passphrase",
    "passwd",
    "password",
    "postgrespassword",
    "privatekey",
    "privkey",
    "refreshtoken",
    "replicationpassword",
    "secretaccesskey",
    "secretkey",
    "sharedsecret",
    "token",
];

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
                if let Some(why) = credential(component, values, path, leaf) {
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
    if component.chart() == "dir" && exposed_credential::covers(path) {
        return None;
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

/// Nothing, the placeholder, or the name of an environment variable that holds the credential.
fn is_reference(text: &str) -> bool {
    let variable = text.strip_prefix('$').map(|name| name.trim_matches(['{', '}', '(', ')']));
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    text.is_empty() || text == PLACEHOLDER || variable.is_some_and(is_name)
}

/// Returns whether a path leads into the data of a Kubernetes Secret.
fn is_secret_data(root: &Node, path: &Path) -> bool {
    let kind = |kind: &str| root.get("kind").and_then(Node::as_text) == Some(kind);
    let first = path.0.first();
    let is_data = matches!(first, Some(Step::Key(key)) if ["data", "stringData"].contains(&&**key));
    is_data && kind("Secret")
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

pub(super) fn is_credential_key(key: &str) -> bool {
    let plain = || key.bytes().filter(|b| !matches!(b, b'-' | b'_')).map(|b| b.to_ascii_lowercase());
    KEYS.binary_search_by(|known| known.bytes().cmp(plain())).is_ok()
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

fn is_credential_variable(name: &str) -> bool {
    const ENDINGS: [&str; 7] = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "PRIVATE_KEY", "API_KEY", "ACCESS_KEY"];
    let name = name.to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
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
    if has_user_with_password(text) {
        return Some("a URL with a password".into());
    }
    let json = text.trim_start().starts_with(['{', '[']);
    let parsed: Option<serde_json::Value> = json.then(|| serde_json::from_str(text).ok()).flatten();
    parsed.and_then(|value| in_json(&value, ""))
}

fn is_htpasswd_row(line: &str) -> bool {
    let hash = line.trim().split_once(':').map(|(_, hash)| hash);
    hash.is_some_and(|hash| ["$2y$", "$2a$", "$2b$", "$apr1$", "{SHA}"].iter().any(|prefix| hash.starts_with(prefix)))
}

fn has_user_with_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', ' ', '"', '\n', '?']).next().unwrap_or_default();
        let user = authority.split_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !is_reference(password))
    })
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
