//! Images that change under their tag.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment, Found};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Map, Node, Value};

pub(super) static RULE: Rule = Rule {
    code: "moving-tag",
    severity: Severity::Warning,
    title: "An image has the tag `latest`, or none",
    reason: "What `latest` is changes without a commit: two pods of one Deployment can run different code, and no rollback \
             brings the old one back (kubernetes.io/docs/concepts/containers/images). The charts of dir and dirctl have \
             it as their default.",
    mend: "Name the version, or a digest beside the tag.",
    check: Check::Deployment(check),
};

/// The images whose tag is `latest` unless somebody says otherwise: the charts' defaults, which no digest pins.
const DEFAULTS: [(&str, &str, &str); 3] = [
    ("dir", "the apiserver's", "apiserver.image"),
    ("dir", "the reconciler's", "apiserver.reconciler.image"),
    ("dirctl", "dirctl's", "image"),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    for component in &deployment.components {
        found.extend(by_default(component));
        component.entries(&mut |entry| found.extend(written(entry)));
    }
    found
}

/// Returns the images that have the chart's `latest`. What the default is, is known of recorded charts alone.
fn by_default(component: &Deployed) -> impl Iterator<Item = Diagnostic> {
    let images = DEFAULTS.iter().filter(|(chart, ..)| component.record.is_some() && *chart == component.chart());
    let unset = images.filter(|(.., path)| {
        let set = |key: &str| component.text_at(&format!("{path}.{key}")).is_some();
        !set("tag") && !set("digest") && component.is_on("enabled", true)
    });
    unset.map(|(_, whose, path)| {
        let tag = format!("{path}.tag");
        let is_empty = component.at(&tag).is_some();
        let message = match is_empty {
            true => format!("{whose} image has no tag"),
            false => format!("{whose} image has the chart's tag, `latest`"),
        };
        Diagnostic::new(message).at(component.place_of(&tag)).key(tag)
    })
}

/// Returns an image that is written out with such a tag.
fn written(found: Found<'_>) -> Option<Diagnostic> {
    let node = &found.entry.node;
    match (&**found.key, &node.value) {
        ("tag", Value::Text(tag)) if &**tag == "latest" && is_unpinned(found.map) => Some(moving(node)),
        ("image", Value::Text(image)) => reference(image).map(|message| Diagnostic::new(message).at(node.place)),
        _ => None,
    }
}

fn moving(tag: &Node) -> Diagnostic {
    Diagnostic::new("the image's tag is `latest`, without a digest").at(tag.place)
}

fn is_unpinned(image: &Map) -> bool {
    let digest = image.get("digest").and_then(|digest| digest.node.as_text());
    digest.is_none_or(str::is_empty)
}

/// Returns what is wrong with `registry:5000/name:tag@digest`.
fn reference(image: &str) -> Option<String> {
    let name = image.rsplit('/').next().unwrap_or(image);
    if image.is_empty() || image.contains(['@', '{', '$', ' ']) {
        return None;
    }
    match name.split_once(':') {
        None => Some(format!("the image `{image}` has no tag")),
        Some((_, "latest")) => Some(format!("the image `{image}` has the tag `latest`")),
        Some(_) => None,
    }
}
