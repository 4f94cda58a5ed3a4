//! State that a restart takes away.

use super::{Check, Rule, Severity, zot_s3};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "ephemeral-state",
    severity: Severity::Warning,
    title: "State is kept in a pod",
    reason: "Without a volume whatever the pod has is gone when it restarts: the records in Zot, the database, the routing \
             datastore, SPIRE's keys and entries. The charts of dir and Zot have none by default, which is right for \
             local clusters alone.",
    mend: "Switch the volume on (profile production does): apiserver.pvc.create, zot.persistence, \
           postgresql.primary.persistence.enabled.",
    check: Check::Deployment(check),
};

/// Something of the dir chart with state: what it is, what else has to be on, the switch of its volume, and the
/// charts' defaults of both.
const STATES: [(&str, &str, bool, &str, bool); 3] = [
    ("the apiserver's routing datastore", "apiserver.enabled", true, "apiserver.pvc.create", false),
    ("what is in Zot", "apiserver.zot.enabled", true, "apiserver.zot.persistence", false),
    (
        "the database",
        "apiserver.postgresql.enabled",
        true,
        "apiserver.postgresql.primary.persistence.enabled",
        true,
    ),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if deployment.is_local {
        return Vec::new();
    }
    deployment.of_chart("dir").flat_map(of_dir).chain(deployment.components.iter().flat_map(of_servers)).collect()
}

fn of_dir(dir: &Deployed) -> impl Iterator<Item = Diagnostic> {
    let ephemeral = STATES.iter().filter(|(_, needed, is_there, switch, default)| {
        dir.is_on(needed, *is_there) && !dir.is_on(switch, *default) && !is_kept_elsewhere(dir, switch)
    });
    ephemeral.map(|(what, _, _, switch, _)| told(what, dir, switch))
}

/// A volume of one's own, or a bucket.
fn is_kept_elsewhere(dir: &Deployed, switch: &str) -> bool {
    let has_volume = |path: &str| {
        let volumes = dir.at(path).and_then(Node::as_list).unwrap_or_default();
        volumes.iter().any(|volume| volume.get("persistentVolumeClaim").is_some())
    };
    match switch {
        "apiserver.pvc.create" => has_volume("apiserver.extraVolumes"),
        "apiserver.zot.persistence" => has_volume("apiserver.zot.extraVolumes") || zot_s3::is_remote(dir),
        _ => false,
    }
}

fn of_servers(component: &Deployed) -> impl Iterator<Item = Diagnostic> {
    component.spire_servers().into_iter().filter_map(|server| {
        let switch = format!("{server}.persistence.type");
        let is_empty_dir = component.text_at(&switch) == Some("emptyDir");
        is_empty_dir.then(|| told("what the SPIRE server keeps", component, &switch))
    })
}

fn told(what: &str, component: &Deployed, switch: &str) -> Diagnostic {
    Diagnostic::new(format!("{what} is gone with its pod: it has no volume")).at(component.place_of(switch)).key(switch)
}
