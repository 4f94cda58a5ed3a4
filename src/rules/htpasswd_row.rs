//! Rows of an htpasswd file that let nobody in.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, Found, PLACEHOLDER};
use crate::diagnostic::Diagnostic;
use crate::yaml::lines_in;

pub(super) static RULE: Rule = Rule {
    code: "htpasswd-row",
    severity: Severity::Error,
    title: "A row of an htpasswd file is not a user with a bcrypt hash",
    reason: "Zot reads bcrypt alone (zotregistry.dev, user authentication with htpasswd): with any other hash the user is \
             refused. A hash is `$2y$` (or 2a, 2b), the cost, `$` and 53 characters; with `\\$` from a shell's quoting in \
             front it is none.",
    mend: "Make the row with `htpasswd -nbB <user> <password>`, and paste it as it is, inside a literal block.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for component in &deployment.components {
        component.entries(&mut |entry| found.extend(rows(entry)));
    }
    found
}

fn rows<'a>(found: Found<'a>) -> impl Iterator<Item = Diagnostic> + use<'a> {
    let file = (&**found.key == "htpasswd").then_some(&found.entry.node);
    let rows = file.into_iter().flat_map(lines_in).enumerate();
    let rows = rows.filter(|(_, (_, row))| !is_stand_in(row.trim()));
    rows.filter_map(|(index, (place, row))| {
        let message = format!("row {} of the htpasswd file {}", index + 1, fault(row.trim())?);
        // Nobody sees the row: a password can be guessed from its hash.
        Some(Diagnostic::new(message).at(place).secret())
    })
}

/// Nothing, a comment, or what a reader of a document is to replace.
fn is_stand_in(row: &str) -> bool {
    let is_blank = |text: &str| text.starts_with('<') && text.ends_with('>');
    let hash = row.split_once(':').map_or("", |(_, hash)| hash);
    row.is_empty() || row.starts_with('#') || row == PLACEHOLDER || is_blank(row) || is_blank(hash)
}

fn fault(row: &str) -> Option<&'static str> {
    let Some((user, hash)) = row.split_once(':') else {
        return Some("is not `user:hash`");
    };
    if user.is_empty() {
        return Some("has no user");
    }
    if hash.contains("\\$") {
        return Some("was escaped for a shell (`\\$`)");
    }
    if hash.contains("$$") {
        return Some("was escaped for a template (`$$`)");
    }
    (!is_bcrypt(hash)).then_some("has no bcrypt hash")
}

/// Returns whether this is `$2y$12$` and 22 characters of salt, then 31 of hash.
fn is_bcrypt(hash: &str) -> bool {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| hash.strip_prefix(prefix));
    let Some((cost, digest)) = rest.and_then(|rest| rest.split_once('$')) else {
        return false;
    };
    let is_cost = cost.len() == 2 && cost.parse::<u8>().is_ok_and(|cost| (4..=31).contains(&cost));
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    is_cost && digest.len() == 53 && digest.bytes().all(is_base64)
}
