//! Trust domains that are easily taken for another.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use super::{Check, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "look-alike",
    severity: Severity::Warning,
    title: "A trust domain looks like another one",
    reason: "A reviewer reads `partner.io` in `partnr.io` or `partner.i0`, and grants to a stranger what was meant for a \
             partner. Names that are one edit apart, or that differ in characters that look alike, are told; names that \
             differ in digits alone are taken for members of a series.",
    mend: "Make sure that both are who they say they are, and allow the rule in the file with the reason.",
    check: Check::Registry(check),
};

fn check(registry: &Registry) -> Vec<Diagnostic> {
    let mut seen: HashMap<u64, &FederationFile> = HashMap::new();
    let mut found = Vec::new();
    for file in &registry.files {
        let Some((node, name)) = file.text_node("trustDomain").filter(|(_, name)| name.len() <= 255) else {
            continue;
        };
        let signs = signs(name);
        let other = signs.iter().find_map(|sign| seen.get(sign).copied().filter(|other| alike(name, other)));
        if let Some(other) = other {
            let related = other.get("trustDomain").map_or(node.place, |node| node.place);
            let shown = other.text("trustDomain").unwrap_or_default();
            let message = format!("`{name}` looks like `{shown}` (of {})", other.path);
            found.push(Diagnostic::new(message).at(node.place).related(related));
        }
        for sign in signs {
            seen.entry(sign).or_insert(file);
        }
    }
    found
}

/// Returns digests of which two names have one in common if they are one edit apart or look alike: of the name, of the
/// name without each of its characters, and of its skeleton. (Two names that are one edit apart are equal once the
/// right character of each is gone.) Digests instead of texts keep 100,000 names in memory.
fn signs(name: &str) -> Vec<u64> {
    let digest = |parts: &[&str]| {
        let mut hasher = DefaultHasher::new();
        parts.iter().for_each(|part| hasher.write(part.as_bytes()));
        hasher.finish()
    };
    let without_each = name.char_indices().map(|(index, c)| digest(&[&name[..index], &name[index + c.len_utf8()..]]));
    let whole = [digest(&[name]), digest(&["=", &skeleton(name)])];
    without_each.chain(whole).collect()
}

/// Returns the name with one character for all that look like it.
fn skeleton(name: &str) -> String {
    let pairs = [("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m")];
    let joined = pairs.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to));
    let alike = |c: char| match c {
        '0' => 'o',
        '1' | 'i' | '|' => 'l',
        '5' => 's',
        '2' => 'z',
        '8' => 'b',
        '_' | '.' => '-',
        c => c,
    };
    joined.chars().map(alike).collect()
}

fn alike(name: &str, other: &FederationFile) -> bool {
    let Some(other) = other.text("trustDomain").filter(|other| *other != name) else {
        return false;
    };
    let without_digits = |name: &str| -> String { name.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let both_numbered = [name, other].iter().all(|name| name.contains(|c: char| c.is_ascii_digit()));
    if both_numbered && without_digits(name) == without_digits(other) {
        return false;
    }
    strsim::osa_distance(name, other) <= 1 || skeleton(name) == skeleton(other)
}
