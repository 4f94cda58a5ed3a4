//! Rows of an htpasswd file.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "htpasswd-row",
    severity: Severity::Error,
    title: "A row of an htpasswd file is not one that Zot can check",
    reason: "Zot knows bcrypt alone (zotregistry.dev, authentication). A hash that was escaped for a shell (`\\$`) is another \
             text: nobody can log in, and nothing says why.",
    mend: "Make the row with `htpasswd -nbB <user> <password>`, and paste it as it is into a block (`|-`).",
    check: Check::Deployment(check),
};

const FILE: &str = "apiserver.zot.secretFiles.htpasswd";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let files = deployment.of_chart("dir").filter_map(|dir| dir.at(FILE));
    let mut found = Vec::new();
    for file in files {
        for (index, row) in file.as_text().unwrap_or_default().lines().map(str::trim).enumerate() {
            if let Some(fault) = fault(row) {
                let message = format!("row {} of the htpasswd file {fault}", index + 1);
                found.push(Diagnostic::new(message).at(file.place).key(FILE).secret());
            }
        }
    }
    found
}

fn fault(row: &str) -> Option<&'static str> {
    let is_placeholder = |text: &str| text.starts_with('<') && text.ends_with('>');
    if row.is_empty() || row.starts_with('#') || is_placeholder(row) {
        return None;
    }
    let Some((user, hash)) = row.split_once(':').filter(|(user, _)| !user.is_empty()) else {
        return Some("is not `<user>:<hash>`");
    };
    if is_placeholder(hash) || is_placeholder(user) {
        return None;
    }
    if hash.contains("\\$") {
        return Some("was escaped for a shell");
    }
    (!is_bcrypt(hash)).then_some("has no bcrypt hash")
}

/// `$2y$`, two digits of cost, `$`, and 53 characters of salt and hash.
fn is_bcrypt(hash: &str) -> bool {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|start| hash.strip_prefix(start));
    let Some((cost, digest)) = rest.and_then(|rest| rest.split_once('$')) else { return false };
    let is_digit_of_bcrypt = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    cost.len() == 2
        && cost.chars().all(|c| c.is_ascii_digit())
        && digest.len() == 53
        && digest.chars().all(is_digit_of_bcrypt)
}
