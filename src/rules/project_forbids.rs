//! What an AppProject does not permit.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Node, Value};

pub(super) static RULE: Rule = Rule {
    code: "project-forbids",
    severity: Severity::Error,
    title: "The AppProject does not permit a chart's repository or a namespace",
    reason: "Argo CD refuses an Application whose source or destination its AppProject does not name: `application repo … is \
             not permitted in project …`. Two of dir-staging's seven Applications never came up for that reason.",
    mend: "Add the repository to `sourceRepos`, or the namespace to `destinations`, of the AppProject.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if !deployment.is_whole || deployment.components.is_empty() {
        return Vec::new();
    }
    if matches!(deployment.project.value, Value::Null) {
        return vec![Diagnostic::new("the Applications name an AppProject that is not here").at(deployment.place)];
    }
    let spec = deployment.project.get("spec");
    let list = |key: &str| spec.and_then(|spec| spec.get(key)).and_then(Node::as_list).unwrap_or_default();
    let (repositories, destinations) = (list("sourceRepos"), list("destinations"));
    let mut found = Vec::new();
    for component in &deployment.components {
        if let Some(repository) = component.chart_repository.as_text().filter(|it| !permits(repositories, it)) {
            found.push(told(component, &format!("the repository {repository}"), component.chart_repository.place));
        }
        let namespace = &component.namespace;
        let is_open = destinations.iter().any(|destination| destination_takes(destination, namespace));
        if !is_open {
            found.push(told(component, &format!("the namespace {}", &**namespace), namespace.place));
        }
    }
    found
}

fn told(component: &Deployed, what: &str, place: Place) -> Diagnostic {
    Diagnostic::new(format!("the AppProject does not permit {what} of {}", component.name)).at(place)
}

/// argo-cd.readthedocs.io/en/stable/user-guide/projects: patterns, those after `!` forbid.
fn permits(patterns: &[Node], name: &str) -> bool {
    let patterns = patterns.iter().filter_map(Node::as_text);
    let (forbidding, permitting): (Vec<&str>, Vec<&str>) = patterns.partition(|pattern| pattern.starts_with('!'));
    let is_forbidden = forbidding.iter().any(|pattern| matches(&pattern[1..], name));
    !is_forbidden && permitting.iter().any(|pattern| matches(pattern, name))
}

fn destination_takes(destination: &Node, namespace: &str) -> bool {
    let pattern = destination.get("namespace").and_then(Node::as_text).unwrap_or_default();
    !pattern.starts_with('!') && matches(pattern, namespace)
}

/// Returns whether a name is one that a pattern with `*` describes. A repository's `.git` at the end does not count.
fn matches(pattern: &str, name: &str) -> bool {
    let bare = |text: &str| text.trim_end_matches('/').trim_end_matches(".git").to_owned();
    let (pattern, name) = (bare(pattern), bare(name));
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut ends = !pattern.contains('*');
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        ends = part.is_empty();
    }
    ends || rest.is_empty()
}
