//! Keeping tokens out of whatever people get to see, also where a server echoes them.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret was.
const REDACTED: &str = "[redacted]";

/// How GitHub's tokens start, and JSON web tokens.
const PREFIXES: &[&str] = &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "eyJ"];

/// What comes after such a start in a token, and hardly in a word.
const SHORTEST_TOKEN: usize = 16;

/// Knows the secrets of this run, and takes them out of text.
#[derive(Debug, Default)]
pub struct Redactor {
    secrets: Mutex<Vec<SecretString>>,
}

impl Redactor {
    /// Remembers a secret, as it is and as it is sent with basic authentication.
    pub fn remember(&self, secret: &SecretString) {
        let basic = STANDARD.encode(format!("{}:{}", super::GIT_USER, secret.expose_secret()));
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.extend([secret.clone(), SecretString::from(basic)]);
    }

    /// Returns the text without the secrets, without whatever looks like a token of GitHub's, and without the user
    /// and password of URLs.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let secret = secret.expose_secret();
            if !secret.is_empty() && text.contains(secret) {
                text = text.replace(secret, REDACTED);
            }
        }
        without_user_information(&without_tokens(&text))
    }
}

fn without_tokens(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, prefix)) = first_of(rest, PREFIXES) {
        let (before, token) = rest.split_at(start);
        let end = token.find(|c: char| !is_token_character(c)).unwrap_or(token.len());
        redacted.push_str(before);
        redacted.push_str(if end - prefix.len() >= SHORTEST_TOKEN { REDACTED } else { &token[..end] });
        rest = &token[end..];
    }
    redacted + rest
}

fn first_of<'a>(text: &str, prefixes: &[&'a str]) -> Option<(usize, &'a str)> {
    prefixes.iter().filter_map(|prefix| Some((text.find(prefix)?, *prefix))).min()
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn without_user_information(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|start| start + 3) {
        let (before, authority) = rest.split_at(start);
        let end = authority.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(authority.len());
        let (authority, after) = authority.split_at(end);
        redacted.push_str(before);
        match authority.rsplit_once('@') {
            Some((_, host)) => redacted.extend([REDACTED, "@", host]),
            None => redacted.push_str(authority),
        }
        rest = after;
    }
    redacted + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        let redactor = Redactor::default();
        redactor.remember(&SecretString::from(secret));
        redactor
    }

    #[test]
    fn known_secrets_go_in_every_form_in_which_they_are_sent() {
        let redactor = redactor("s3cret");
        assert_eq!(redactor.redact("Bearer s3cret, twice: s3cret"), "Bearer [redacted], twice: [redacted]");
        assert_eq!(redactor.redact(&STANDARD.encode("x-access-token:s3cret")), "[redacted]");
    }

    #[test]
    fn unknown_tokens_go_by_their_form() {
        let redactor = Redactor::default();
        let token = "ghp_0123456789abcdefABCDEF0123456789abcd";
        assert_eq!(redactor.redact(&format!("bad `{token}`!")), "bad `[redacted]`!");
        assert_eq!(redactor.redact("github_pat_11AAAAAAA0_abcdefghijklmnop."), "[redacted]");
        assert_eq!(redactor.redact("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2ln"), "[redacted]");
        assert_eq!(redactor.redact("what ghp_ and ghs_1 are"), "what ghp_ and ghs_1 are");
    }

    #[test]
    fn users_and_passwords_of_urls_go() {
        let redactor = Redactor::default();
        let text = redactor.redact("proxy http://me:pass@word@proxy.example:8080/ and https://example.org/a@b");
        assert_eq!(text, "proxy http://[redacted]@proxy.example:8080/ and https://example.org/a@b");
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left(before in ".*", secret in "[A-Za-z0-9_-]{20,60}", after in ".*") {
            let redacted = redactor(&secret).redact(&format!("{before}{secret}{after}"));
            prop_assert!(!redacted.contains(&secret));
        }

        #[test]
        fn text_without_secrets_stays(text in "[a-fh-z :/.,0-9]*") {
            prop_assert_eq!(Redactor::default().redact(&text), text);
        }
    }
}
