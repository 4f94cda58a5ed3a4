//! What is a credential: by its key, by what stands beside it, or by how it looks.

use crate::deployment::PLACEHOLDER;
use crate::yaml::{Node, Path, Step};

/// Keys whose text is a credential wherever they stand, lower-case and without `-` and `_`; sorted.
const KEYS: [&str; 25] = [
    "accesskeyid",
    "accesstoken",
    "apikey",
    "apitoken",
    "authheader",
    "bearertoken",
    "bindpassword",
    "clientkeydata",
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

/// How hashes of passwords begin: bcrypt, Apache's MD5 and SHA-1.
const HASHES: [&str; 5] = ["$2y$", "$2a$", "$2b$", "$apr1$", "{SHA}"];

/// Returns whether the text under a key is a credential.
pub(crate) fn is_credential_key(key: &str) -> bool {
    KEYS.binary_search_by(|known| known.bytes().cmp(plain(key))).is_ok()
}

/// Returns a key as people mean it, however they part its words: lower-case and without `-` and `_`.
pub(crate) fn plain(key: &str) -> impl Iterator<Item = u8> {
    key.bytes().filter(|b| !matches!(b, b'-' | b'_')).map(|b| b.to_ascii_lowercase())
}

/// Returns whether an environment variable's name says that it holds a credential.
pub(crate) fn is_credential_variable(name: &str) -> bool {
    const ENDINGS: [&str; 7] = ["PASSWORD", "PASSWD", "TOKEN", "SECRET", "PRIVATE_KEY", "API_KEY", "ACCESS_KEY"];
    let name = name.to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns whether a text is nothing, the placeholder, or the name of an environment variable that holds the credential.
pub(crate) fn is_reference(text: &str) -> bool {
    let variable = text.strip_prefix('$').map(|name| name.trim_matches(['{', '}', '(', ')']));
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    text.is_empty() || text == PLACEHOLDER || variable.is_some_and(is_name)
}

/// Returns whether a path leads into the data of a Kubernetes Secret.
pub(crate) fn is_secret_data(root: &Node, path: &Path) -> bool {
    let kind = |kind: &str| root.get("kind").and_then(Node::as_text) == Some(kind);
    let first = path.0.first();
    let is_data = matches!(first, Some(Step::Key(key)) if ["data", "stringData"].contains(&&**key));
    is_data && kind("Secret")
}

/// Returns whether a text looks like the hash of a password.
pub(crate) fn is_password_hash(text: &str) -> bool {
    HASHES.iter().any(|prefix| text.starts_with(prefix))
}

/// Returns whether a line is one of an htpasswd file.
pub(crate) fn is_htpasswd_row(line: &str) -> bool {
    line.trim().split_once(':').is_some_and(|(_, hash)| is_password_hash(hash))
}

/// Returns the passwords of the URLs in a text that name a user and one.
pub(crate) fn url_passwords(text: &str) -> impl Iterator<Item = &str> {
    text.split("://").skip(1).filter_map(|rest| {
        let authority = rest.split(['/', ' ', '"', '\n', '?']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
        password.filter(|password| !is_reference(password))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted() {
        assert!(KEYS.is_sorted());
        assert!(is_credential_key("postgres-password") && is_credential_key("apiKey") && !is_credential_key("keys"));
    }
}
