//! Volumes of whatever storage class the cluster has.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unpinned-storage-class",
    severity: Severity::Warning,
    title: "A volume is of no particular storage class",
    reason: "The cluster's default, or a class called `standard`, may be unencrypted, may be another one tomorrow, or may not \
             exist; a volume's class is for good (kubernetes.io/docs/concepts/storage/persistent-volumes). The production guide \
             names an encrypted one.",
    mend: "Name the storage class (`vars.storageClass` with the profile production or eks).",
    check: Check::Deployment(check),
};

/// Charts, the switch of a volume with its default, and where its class may stand.
const VOLUMES: [(&str, &str, bool, &[&str]); 4] = [
    ("dir", "apiserver.pvc.create", false, &["apiserver.pvc.storageClassName"]),
    ("dir", "apiserver.zot.persistence", false, &["apiserver.zot.pvc.storageClassName"]),
    (
        "dir",
        "apiserver.postgresql.primary.persistence.enabled",
        true,
        &[
            "apiserver.postgresql.primary.persistence.storageClass",
            "apiserver.postgresql.global.storageClass",
            "apiserver.postgresql.global.defaultStorageClass",
            "global.storageClass",
            "global.defaultStorageClass",
        ],
    ),
    ("spire", "spire-server.enabled", true, &["spire-server.persistence.storageClass", "global.spire.persistence.storageClass"]),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if deployment.is_local {
        return found;
    }
    for (chart, switch, by_default, classes) in VOLUMES {
        for component in deployment.of_chart(chart).filter(|component| component.is_on(switch, by_default)) {
            let is_other = match chart {
                "spire" => component.text_at("spire-server.persistence.type").is_some_and(|kind| kind != "pvc"),
                _ => switch.contains("postgresql") && !component.is_on("apiserver.postgresql.enabled", true),
            };
            if !is_other && !classes.iter().any(|path| component.text_at(path).is_some()) {
                let message = format!("the volume of {} has no storage class of its own", volume(switch));
                found.push(Diagnostic::new(message).at(component.place_of(classes[0])).key(classes[0]));
            }
        }
    }
    found
}

fn volume(switch: &str) -> &'static str {
    match switch {
        "apiserver.pvc.create" => "the apiserver",
        "apiserver.zot.persistence" => "Zot",
        "spire-server.enabled" => "the SPIRE server",
        _ => "PostgreSQL",
    }
}
