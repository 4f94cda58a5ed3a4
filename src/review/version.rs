//! How far apart two versions or sizes are.

use crate::yaml::{Node, Value};

/// Returns how many versions there are between two, for people: `3 minor versions up`.
pub fn jump(before: &Node, after: &Node) -> Option<String> {
    let (old, new) = (before.as_text()?, after.as_text()?);
    let (old_version, new_version) = (Version::in_text(old), Version::in_text(new));
    let digest = |text: &'_ str| text.split_once("sha256:").map(|(_, digest)| digest.to_owned());
    let is_rebuilt = digest(old).is_some() && digest(new).is_some() && old_version == new_version;
    match (old_version, new_version) {
        _ if is_rebuilt => Some("another digest: the same name, another image".to_owned()),
        (Some(a), Some(b)) => Some(a.jump(&b)),
        _ => None,
    }
}

/// A version after semver.org: numbers, and what follows them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    numbers: [u64; 3],
    rest: String,
}

impl Version {
    /// Returns the version that a text is, or that its tag is where it names an image.
    fn in_text(text: &str) -> Option<Self> {
        let text = text.split('@').next().unwrap_or(text);
        let tag = text.rsplit_once(':').map_or(text, |(_, tag)| tag);
        let tag = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
        let (numbers, rest) = tag.split_at(end);
        let mut parts = numbers.split('.');
        let mut number = |is_needed: bool| match parts.next() {
            Some(part) => part.parse().ok(),
            None if is_needed => None,
            None => Some(0),
        };
        let numbers = [number(true)?, number(true)?, number(false)?];
        (parts.next().is_none() && (rest.is_empty() || rest.starts_with(['-', '+'])))
            .then(|| Self { numbers, rest: rest.to_owned() })
    }

    fn jump(&self, other: &Self) -> String {
        let names = ["major version", "minor version", "patch version"];
        let changed = names.iter().enumerate().find(|(index, _)| self.numbers[*index] != other.numbers[*index]);
        let Some((index, name)) = changed else {
            return match self.rest == other.rest {
                true => "the same version, written otherwise".to_owned(),
                false => format!("the same version, another build: {:?} to {:?}", self.rest, other.rest),
            };
        };
        let (a, b) = (self.numbers[index], other.numbers[index]);
        let count = a.abs_diff(b);
        let plural = if count == 1 { "" } else { "s" };
        let direction = if b > a { "up" } else { "down" };
        format!("{count} {name}{plural} {direction}")
    }
}

/// Returns whether a text is a version that is not below another.
pub fn is_at_least(text: &str, least: [u64; 3]) -> bool {
    Version::in_text(text).is_some_and(|version| version.numbers >= least)
}

/// Returns whether a volume's size grows, as Kubernetes writes quantities.
pub fn grows(before: &Node, after: &Node) -> bool {
    match (bytes(before), bytes(after)) {
        (Some(before), Some(after)) => after >= before,
        _ => false,
    }
}

fn bytes(node: &Node) -> Option<f64> {
    const UNITS: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let text = match &node.value {
        Value::Text(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => return Some(*number),
        _ => return None,
    };
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text.strip_suffix(unit.0)?.trim().parse().ok()?;
    Some(number * unit.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, Sources};

    fn node(text: &str) -> Node {
        Node::new(Place::point(Sources::default().add("x", text), 1, 1), text)
    }

    #[test]
    fn versions_are_counted() {
        for (before, after, expected) in [
            ("v1.0.0", "v1.3.0", Some("3 minor versions up")),
            ("1.3.0", "v1.2.9", Some("1 minor version down")),
            ("0.28.4", "0.28.6", Some("2 patch versions up")),
            ("v1.0.0", "v3.0.0", Some("2 major versions up")),
            ("v1.0.0-rc.1", "v1.0.0", Some("the same version, another build: \"-rc.1\" to \"\"")),
            ("ghcr.io/agntcy/dir:v1.0.0", "ghcr.io/agntcy/dir:v1.1.0", Some("1 minor version up")),
            ("x@sha256:aa", "x@sha256:bb", Some("another digest: the same name, another image")),
            ("localhost:5000/x", "localhost:5000/y", None),
            ("latest", "main", None),
        ] {
            assert_eq!(jump(&node(before), &node(after)).as_deref(), expected, "{before} {after}");
        }
    }

    #[test]
    fn sizes_are_compared() {
        assert!(grows(&node("5Gi"), &node("10Gi")) && grows(&node("1Gi"), &node("1Gi")));
        assert!(grows(&node("1000Mi"), &node("1Gi")) && !grows(&node("1Gi"), &node("1G")));
        assert!(!grows(&node("x"), &node("1Gi")));
    }
}
