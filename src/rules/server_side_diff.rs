//! Applications that never come into sync.

use super::{Check, Rule, Severity};
use crate::deployment::{Applications, Deployment};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "server-side-diff",
    severity: Severity::Warning,
    title: "An Application is applied by the server and compared by the client",
    reason: "With `ServerSideApply=true` alone, the defaults that the API server adds, to the `volumeClaimTemplates` of a \
             StatefulSet for one, count as a difference for ever: tried with Argo CD 3.5, SPIRE never came into sync. With \
             `ServerSideDiff=true` the server works out the difference, too \
             (argo-cd.readthedocs.io/en/stable/user-guide/diff-strategies).",
    mend: "Annotate the Applications with `argocd.argoproj.io/compare-options: ServerSideDiff=true`.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let Applications::Single(applications) = &deployment.applications else {
        // dirops writes the annotation into the template of a set.
        return Vec::new();
    };
    // A template serves all its Applications: it is told of once.
    let mut places: Vec<Place> = applications.iter().filter_map(|(_, application)| undecided(application)).collect();
    places.sort();
    places.dedup();
    let told = |place| Diagnostic::new("`ServerSideApply=true` without `ServerSideDiff=true`: never in sync").at(place);
    places.into_iter().map(told).collect()
}

/// Returns where an Application asks for being applied by the server, where nothing asks for comparing there.
fn undecided(application: &Node) -> Option<Place> {
    let options = application.get("spec")?.get("syncPolicy")?.get("syncOptions")?.as_list()?;
    let apply = options.iter().find(|option| option.as_text() == Some("ServerSideApply=true"))?;
    let annotations = application.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let compare = annotations.and_then(|all| all.get("argocd.argoproj.io/compare-options")).and_then(Node::as_text);
    let compares = compare.is_some_and(|options| options.split(',').any(|option| option.trim() == "ServerSideDiff=true"));
    (!compares).then_some(apply.place)
}
