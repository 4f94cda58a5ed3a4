//! Two Applications of one name.

use std::collections::BTreeMap;

use super::{Check, Rule, Severity};
use crate::deployment::{Applications, Deployment};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "duplicate-application",
    severity: Severity::Error,
    title: "Two Applications have one name",
    reason: "Argo CD keeps all Applications in its own namespace: of two with one name the one that comes later takes the \
             other's place, and with pruning on what that one deployed is deleted.",
    mend: "Give one of them another name.",
    check: Check::Deployments(check),
};

fn check(deployments: &[Deployment]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    let mut found = Vec::new();
    for (name, place) in deployments.iter().flat_map(names) {
        match first.get(name) {
            None => {
                first.insert(name, place);
            }
            Some(other) => found.push(
                Diagnostic::new(format!("two Applications are called `{name}`")).at(place).related(*other),
            ),
        }
    }
    found
}

fn names(deployment: &Deployment) -> Vec<(&str, Place)> {
    let Applications::Single(applications) = &deployment.applications else {
        // Those of a set are named after the component and the environment, of which there is one each.
        return Vec::new();
    };
    let named = applications.iter().filter_map(|(_, application)| application.get("metadata")?.get("name"));
    named.filter_map(|name: &Node| Some((name.as_text()?, name.place))).collect()
}
