//! An image that is another one tomorrow.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Step, Value};

pub(super) static RULE: Rule = Rule {
    code: "moving-tag",
    severity: Severity::Warning,
    title: "An image has the tag `latest`, or none",
    reason: "What runs depends then on when a node pulled it: two pods of one Deployment may differ, a restart is an upgrade that \
             nobody reviewed, and there is no way back. A digest beside the tag settles it. The dir charts' default is `latest`.",
    mend: "Name a version, or a digest.",
    check: Check::Deployment(check),
};

/// Images whose default tag is `latest`.
const LATEST: [(&str, &str); 3] =
    [("dir", "apiserver.image"), ("dir", "apiserver.reconciler.image"), ("dirctl", "image")];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    for component in &deployment.components {
        found.extend(explicit(component));
        let defaults = LATEST.iter().filter(|(chart, _)| *chart == component.chart());
        for (_, image) in defaults {
            let is_pinned = ["tag", "digest"].iter().any(|key| component.at(&format!("{image}.{key}")).is_some());
            if !is_pinned {
                let message = format!("`{image}` has no tag: the chart's is `latest`");
                found.push(Diagnostic::new(message).at(component.place_of(image)).key(*image));
            }
        }
    }
    found
}

fn explicit(component: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let Some(values) = &component.values.merged else {
        return found;
    };
    Path::leaves(values, &mut |path, leaf| {
        let Some((Step::Key(last), above)) = path.0.split_last() else { return };
        let is_moving = matches!(&leaf.value, Value::Text(text) if &**text == "latest");
        let beside = Path(above.to_vec());
        let digest = beside.find(values).and_then(|image| image.get("digest")).and_then(Node::as_text);
        if &**last == "tag" && is_moving && digest.is_none_or(str::is_empty) {
            found.push(Diagnostic::new(format!("`{beside}` has the tag `latest`")).at(leaf.place).key(path.to_string()));
        }
    });
    found
}
