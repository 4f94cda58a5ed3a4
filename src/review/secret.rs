//! Hides credentials before anything is compared, so that none can reach any output.
//!
//! Each is replaced by a text that carries its digest: equal credentials stay equal, and a changed one is seen to have
//! changed. In what people read, digests become numbers ([`Numbers`]): a digest of a weak password is as good as the
//! password to somebody who tries out a dictionary.

use std::collections::HashMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::step::{Step, Steps};
use crate::credential::{
    is_credential_key, is_credential_variable, is_htpasswd_row, is_password_hash, is_reference, url_passwords,
};
use crate::yaml::{Map, Node, Text, Value};

const OPEN: &str = "<secret:";
const CLOSE: char = '>';
/// Hexadecimal digits of a digest.
const LENGTH: usize = 64;

/// Returns the tree with every credential in it hidden. `declared` are value paths that hold credentials, with `*` for any
/// key or item.
pub fn hide(root: &Node, declared: &[Vec<Text>]) -> Node {
    let mut hider = Hider { declared, path: Vec::new() };
    hider.node(root, false).unwrap_or_else(|| root.clone())
}

/// Returns whether a value is a hidden credential, or holds one.
pub fn is_hidden(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text.contains(OPEN),
        Value::List(items) => items.iter().any(is_hidden),
        Value::Map(map) => map.values().any(|entry| is_hidden(&entry.node)),
        _ => false,
    }
}

/// Returns what stands for a credential.
fn hidden(text: &str) -> String {
    let digest = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{OPEN}{digest}{CLOSE}")
}

struct Hider<'a> {
    declared: &'a [Vec<Text>],
    path: Vec<Text>,
}

impl Hider<'_> {
    /// Returns the node with credentials hidden, where there are any. `all` says that every scalar here is one.
    fn node(&mut self, node: &Node, all: bool) -> Option<Node> {
        let value = match &node.value {
            Value::Map(map) => self.map(map, all)?.into(),
            Value::List(items) => self.list(items, all)?.into(),
            _ => self.leaf(node, all)?.into(),
        };
        Some(Node { value, place: node.place })
    }

    fn map(&mut self, map: &Map, all: bool) -> Option<Map> {
        let mut changed: Option<Map> = None;
        // A Secret may stand in a list of objects, too.
        let is_secret = map.get("kind").and_then(|entry| entry.node.as_text()) == Some("Secret");
        for (key, entry) in map {
            let is_data = is_secret && ["data", "stringData"].contains(&&**key);
            self.path.push(key.clone());
            let is_credential = all || is_data || self.is_declared() || is_credential_entry(map, key);
            let hidden = match is_credential || !is_doubtful(key) {
                true => self.node(&entry.node, is_credential && !is_settings(&entry.node, is_data || all)),
                false => self.node(&entry.node, entry.node.as_text().is_some_and(looks_random)),
            };
            self.path.pop();
            if let Some(node) = hidden
                && let Some(entry) = changed.get_or_insert_with(|| map.clone()).get_mut(key)
            {
                entry.node = node;
            }
        }
        changed
    }

    fn list(&mut self, items: &[Node], all: bool) -> Option<Vec<Node>> {
        let mut changed: Option<Vec<Node>> = None;
        self.path.push("*".into());
        let is_declared = self.is_declared();
        for (index, item) in items.iter().enumerate() {
            let follows_flag = index > 0 && items[index - 1].as_text().is_some_and(is_credential_flag);
            if let Some(node) = self.node(item, all || is_declared || follows_flag) {
                changed.get_or_insert_with(|| items.to_vec())[index] = node;
            }
        }
        self.path.pop();
        changed
    }

    fn leaf(&self, node: &Node, all: bool) -> Option<String> {
        if !all {
            return node.as_text().and_then(hide_in_text);
        }
        let text: String = match &node.value {
            Value::Text(text) => text.to_string(),
            Value::Int(number) => number.to_string(),
            Value::UInt(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => return None,
        };
        (!is_reference(&text)).then(|| hidden(&text))
    }

    fn is_declared(&self) -> bool {
        let fits = |pattern: &Vec<Text>| {
            pattern.len() == self.path.len()
                && pattern.iter().zip(&self.path).all(|(part, key)| &**part == "*" || part == key)
        };
        self.declared.iter().any(fits)
    }
}

/// Returns whether the value of a key is a credential by the key, or by the name beside it.
fn is_credential_entry(map: &Map, key: &str) -> bool {
    let text = |key: &str| map.get(key).and_then(|entry| entry.node.as_text());
    match key {
        // An ExternalSecret's datum only names a key of the Secret.
        "secretKey" => !map.contains_key("remoteRef"),
        "value" => {
            text("name").or_else(|| text("key")).is_some_and(|name| is_credential_key(name) || is_variable(name))
        }
        _ => is_credential_key(key) || is_variable(key) || is_password_key(key),
    }
}

fn is_variable(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') && is_credential_variable(name)
}

fn is_password_key(key: &str) -> bool {
    ["password", "passwd", "passphrase"].iter().any(|ending| ends_with(key, ending))
}

/// Returns whether a key ends in a word, whatever its letter case.
fn ends_with(key: &str, ending: &str) -> bool {
    let start = key.len().checked_sub(ending.len());
    start.and_then(|start| key.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

/// Returns whether a key may be that of a credential or of a reference to one: then the looks of the value decide.
fn is_doubtful(key: &str) -> bool {
    let endings = ["secret", "token", "key", "credential", "credentials", "auth"];
    endings.iter().any(|ending| ends_with(key, ending)) && !key.eq_ignore_ascii_case("existingsecret")
}

/// Returns whether a map under the key of a credential holds settings of their own, as `htpasswd: {path: …}` does.
fn is_settings(node: &Node, is_data: bool) -> bool {
    node.as_map().is_some() && !is_data
}

/// Returns whether a text is long and has as many different characters as only a generator uses.
fn looks_random(text: &str) -> bool {
    const SHORTEST: usize = 16;
    const BITS: f64 = 3.5;
    let is_word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    if text.len() < SHORTEST || !is_word || !has_digit {
        return false;
    }
    let mut counts = HashMap::new();
    text.bytes().for_each(|b| *counts.entry(b).or_insert(0u32) += 1);
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let entropy: f64 = counts.values().map(|count| f64::from(*count) / length).map(|p| -p * p.log2()).sum();
    entropy > BITS
}

/// Returns whether an argument says that the next one is a credential.
fn is_credential_flag(argument: &str) -> bool {
    let name = argument.trim_start_matches('-');
    argument.starts_with('-') && !argument.contains('=') && (is_credential_key(name) || is_password_key(name))
}

/// Returns a text with the credentials in it hidden, where there are any.
fn hide_in_text(text: &str) -> Option<String> {
    // Whatever is found below has a name before it, or is longer than this.
    const SHORTEST: usize = 16;
    if text.len() < SHORTEST && !text.contains([':', '=', ' ']) {
        return None;
    }
    let mut ranges = ranges(text);
    if ranges.is_empty() {
        return None;
    }
    ranges.sort_unstable_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for range in ranges {
        // One that begins inside of another is part of it, or reaches on: then the rest of it is hidden by itself.
        let start = range.start.max(end);
        if start >= range.end {
            continue;
        }
        out.push_str(&text[end..start]);
        out.push_str(&hidden(&text[start..range.end]));
        end = range.end;
    }
    out.push_str(&text[end..]);
    Some(out)
}

/// Returns where credentials stand in a text under a key that says nothing of them.
fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    private_keys(text, &mut ranges);
    if text.contains("://") {
        ranges.extend(url_passwords(text).map(|password| range_of(text, password)));
    }
    let mut start = 0;
    let mut block: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        match block {
            // What a block scalar under a credential's key holds.
            Some(outer) if line.trim().is_empty() || indent > outer => {
                let body = line.trim();
                if !body.is_empty() {
                    ranges.push(start + indent..start + indent + body.len());
                }
            }
            _ => block = in_line(line, start, indent, &mut ranges),
        }
        start += line.len();
    }
    ranges
}

fn range_of(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn private_keys(text: &str, ranges: &mut Vec<Range<usize>>) {
    const LABEL: &str = "PRIVATE KEY-----";
    let mut from = 0;
    while let Some(found) = text[from..].find(LABEL) {
        let header_end = from + found + LABEL.len();
        let start = text[..from + found].rfind("-----BEGIN").unwrap_or(from + found);
        // Without an end, all that follows may be part of it.
        let end = text[header_end..].find(LABEL).map_or(text.len(), |end| header_end + end + LABEL.len());
        ranges.push(start..end);
        from = end;
    }
}

/// Finds the credentials of a line, and returns its indentation where a block scalar of one follows.
fn in_line(line: &str, start: usize, indent: usize, ranges: &mut Vec<Range<usize>>) -> Option<usize> {
    let mut block = None;
    let bytes = line.as_bytes();
    for (at, separator) in line.char_indices().filter(|(_, c)| matches!(c, ':' | '=')) {
        let Some(key) = key_before(&line[..at]) else { continue };
        let name = key.rsplit(['.', '/']).next().unwrap_or(key);
        let is_certain = is_credential_key(name) || is_password_key(name) || is_variable(name);
        if !is_certain && !is_doubtful(name) {
            continue;
        }
        let value = at + 1 + (line[at + 1..].len() - line[at + 1..].trim_start_matches([' ', '\t']).len());
        let rest = &line[value..];
        if is_certain && separator == ':' && rest.starts_with(['|', '>']) {
            block = Some(indent);
            continue;
        }
        let is_alone = separator == ':' && bytes.get(at + 1) == Some(&b' ') && !line.contains(['{', '[']);
        let (from, length) = value_at(rest, is_alone);
        let word = &rest[from..from + length];
        if length > 0 && !is_reference(word) && (is_certain || looks_random(word)) {
            ranges.push(start + value + from..start + value + from + length);
        }
    }
    if is_htpasswd_row(line)
        && let Some((_, hash)) = line.trim_end().split_once(':')
    {
        let hash = range_of(line, hash);
        ranges.push(start + hash.start..start + hash.end);
    }
    tokens(line, start, ranges);
    block
}

/// Returns the name that a text ends in, a quote and blanks after it aside.
fn key_before(text: &str) -> Option<&str> {
    let text = text.trim_end_matches([' ', '\t']).trim_end_matches(['"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let name =
        &text[text.rfind(|c| !is_part(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8))..];
    let name = name.trim_start_matches('-');
    (!name.is_empty()).then_some(name)
}

/// Returns where the value begins at the start of `rest`, and how long it is.
fn value_at(rest: &str, is_alone: bool) -> (usize, usize) {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let mut is_escaped = false;
        for (index, c) in rest.char_indices().skip(1) {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' if quote == '"' => is_escaped = true,
                c if c == quote => return (1, index - 1),
                _ => {}
            }
        }
        return (1, rest.trim_end().len().saturating_sub(1));
    }
    let line = rest.trim_end();
    let end = match is_alone {
        true => line.find(" #").unwrap_or(line.len()),
        false => line.find([',', '}', ']', ' ', '\t', '&', ';', '"', '\'']).unwrap_or(line.len()),
    };
    (0, line[..end].trim_end().len())
}

/// Finds words that are credentials by their looks: tokens of well-known services, JWTs, and what follows `Bearer`.
fn tokens(line: &str, start: usize, ranges: &mut Vec<Range<usize>>) {
    const PREFIXES: [&str; 13] = [
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "AKIA",
        "ASIA",
        "xoxb-",
        "xoxp-",
        "hvs.",
        "s.",
    ];
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '=' | '~' | '$');
    let mut previous = "";
    for word in line.split(|c| !is_part(c)).filter(|word| !word.is_empty()) {
        let follows = ["Bearer", "Basic"].contains(&previous) && word.len() >= 8;
        let is_known = PREFIXES.iter().any(|prefix| {
            word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 16 && looks_random(rest.trim_matches('.')))
        });
        let is_jwt = word.starts_with("eyJ") && word.split('.').count() == 3;
        if follows || is_known || is_jwt || is_password_hash(word) {
            let range = range_of(line, word);
            ranges.push(start + range.start..start + range.end);
        }
        previous = word;
    }
}

/// Numbers for hidden credentials, in the order in which they are met.
#[derive(Debug, Default)]
pub struct Numbers {
    numbers: HashMap<String, usize>,
}

impl Numbers {
    /// Returns a text as people read it: `(secret 1)` for the first credential.
    pub fn show(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let digest = after.get(..LENGTH).filter(|digest| digest.bytes().all(|b| b.is_ascii_hexdigit()));
            let Some(digest) = digest.filter(|_| after[LENGTH..].starts_with(CLOSE)) else {
                out.push_str(before);
                out.push_str(OPEN);
                rest = after;
                continue;
            };
            let next = self.numbers.len() + 1;
            let number = *self.numbers.entry(digest.to_owned()).or_insert(next);
            out.push_str(before);
            out.push_str(&format!("(secret {number})"));
            rest = &after[LENGTH + 1..];
        }
        out.push_str(rest);
        out
    }

    /// Returns a path as people read it: a credential may be what tells items apart.
    pub fn steps(&mut self, steps: &Steps) -> Steps {
        let show = |step: &Step| match step {
            Step::Item { key, value } if value.contains(OPEN) => {
                Step::Item { key: key.clone(), value: self.show(value).into() }
            }
            other => other.clone(),
        };
        Steps(steps.0.iter().map(show).collect())
    }

    /// Returns a tree as people read it.
    pub fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Text(text) if text.contains(OPEN) => self.show(text).into(),
            Value::List(items) => items.iter().map(|item| self.node(item)).collect::<Vec<_>>().into(),
            Value::Map(map) => {
                let shown = map.iter().map(|(key, entry)| {
                    let mut entry = entry.clone();
                    entry.node = self.node(&entry.node);
                    (key.clone(), entry)
                });
                shown.collect::<Map>().into()
            }
            other => other.clone(),
        };
        Node { value, place: node.place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;
    use crate::yaml::{parse, to_yaml};

    /// Returns the values as people would read them.
    fn shown(text: &str) -> String {
        let node = parse(Sources::default().add("x", text), text).unwrap();
        to_yaml([&Numbers::default().node(&hide(&node, &[vec!["declared".into(), "*".into(), "a".into()]]))]).unwrap()
    }

    #[test]
    fn credentials_are_hidden_wherever_they_stand() {
        for text in [
            "password: PLANTED",
            "a: {db-password: PLANTED}",
            "adminPassword: PLANTED",
            "apiKey: PLANTED",
            "declared: [{a: PLANTED}]",
            "kind: Secret\nmetadata: {name: x}\nstringData: {a: PLANTED, b: {c: PLANTED}}",
            "kind: Secret\ndata: {x: PLANTED}",
            "env: [{name: DB_PASSWORD, value: PLANTED}]",
            "env: {GITHUB_TOKEN: PLANTED}",
            "env: [{name: client-secret, value: PLANTED}]",
            "args: [--password, PLANTED]",
            "args: ['--password=PLANTED']",
            "command: [sh, -c, 'run --token=PLANTED --x']",
            "url: postgres://user:PLANTED@db:5432/dir",
            "url: 'postgres://user:PLA@NTED@db/dir'",
            "config: '{\"http\": {\"auth\": {\"password\": \"PLANTED\", \"x\": 1}}}'",
            "config: |\n  a: b\n  password: PLANTED with blanks\n  c: d\n",
            "config: |\n  password: |\n    PLANTED\n    PLANTED\n  c: d\n",
            "config: |\n  [auth]\n  password = 'PLANTED'\n",
            "config: 'PASSWORD=PLANTED other'",
            "key: |\n  -----BEGIN EC PRIVATE KEY-----\n  PLANTED\n  -----END EC PRIVATE KEY-----\n",
            "key: |\n  -----BEGIN PRIVATE KEY-----\n  PLANTED\n",
            "users: |\n  admin:$2y$05$PLANTED\n  user:$apr1$PLANTED\n",
            "header: Bearer PLANTED12345",
            "note: 'see ghp_0123456789PLANTEDabcdefABCDEF for it'",
            "note: eyJhbGciOiJIUzI1NiJ9.PLANTED.abc",
            "clientSecret: PLANTED",
            "someSecret: 4f8a7d0PLANTED2b6c1e9",
            "secretKey: PLANTED",
            "password: 123PLANTED",
        ] {
            let shown = shown(text);
            assert!(!shown.contains("PLA") && !shown.contains("NTED"), "{text:?}: {shown}");
            assert!(shown.contains("(secret 1)"), "{text:?}: {shown}");
        }
        assert_eq!(shown("password: 12345\n"), "password: (secret 1)\n");
    }

    #[test]
    fn what_is_none_is_shown() {
        for text in [
            "existingSecret: dir-prod-dir-argoapp-postgres-1\n",
            "secretName: prod-zot-directory-outshift-test-tls\n",
            "data:\n- secretKey: username\n  remoteRef:\n    key: dir/prod\n",
            "password: \"\"\n",
            "password: managed-by-external-secrets\n",
            "password: ${DB_PASSWORD}\n",
            "url: https://api.example.org:443/x\n",
            "tokenTTL: 5m\n",
            "htpasswd:\n  path: /secret/htpasswd\n",
            "tag: v1.3.0\n",
            "digest: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
            "key_path: /etc/routing/node.privkey\n",
            "policy: p,*,/agntcy.dir.store.v1.StoreService/Pull\n",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn equal_credentials_have_equal_numbers() {
        assert_eq!(
            shown("a: {password: x}\nb: {password: z}\nc: {token: x}\n"),
            "a:\n  password: (secret 1)\nb:\n  password: (secret 2)\nc:\n  token: (secret 1)\n"
        );
    }

    #[test]
    fn what_looks_like_a_hidden_credential_and_is_none_stays() {
        let mut numbers = Numbers::default();
        for text in ["<secret:", "<secret:abc>", &format!("<secret:{}", "é".repeat(64)), "a <secret:x> b"] {
            assert_eq!(numbers.show(text), text);
        }
    }
}
