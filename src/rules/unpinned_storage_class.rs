//! Volumes of whatever storage class a cluster calls its default.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unpinned-storage-class",
    severity: Severity::Warning,
    title: "A volume does not say which storage class it is of",
    reason: "Without a name a volume is of the class that the cluster calls its default, encrypted or not, kept on deletion \
             or not; where there is none it stays pending (kubernetes.io/docs/concepts/storage/storage-classes). The dir \
             chart's own default is `standard`, which EKS, for one, does not have. A volume keeps its class for good.",
    mend: "Name the class (`vars.storageClass`).",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if deployment.is_local {
        return Vec::new();
    }
    let found = deployment.components.iter().flat_map(|component| match component.chart() {
        "dir" => of_dir(component),
        _ => of_servers(component),
    });
    found.collect()
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut judge = |is_there: bool, what: &str, path: &str, why: &str| {
        if is_there && dir.text_at(path).is_none() {
            found.push(told(dir, what, path, why));
        }
    };
    let default = "it is of the cluster's default class";
    let own = match dir.at("apiserver.pvc.storageClassName") {
        None => "the chart says `standard`",
        Some(_) => default,
    };
    judge(dir.is_on("apiserver.pvc.create", false), "apiserver", "apiserver.pvc.storageClassName", own);
    let zot = dir.is_on("apiserver.zot.enabled", true)
        && dir.is_on("apiserver.zot.persistence", false)
        && dir.is_on("apiserver.zot.pvc.create", true);
    judge(zot, "Zot", "apiserver.zot.pvc.storageClassName", default);
    let persistence = "apiserver.postgresql.primary.persistence";
    // Charts before v1.0.0 have no database.
    let has_database = dir.record.is_some() || dir.at("apiserver.postgresql").is_some();
    let postgresql = has_database
        && dir.is_on("apiserver.postgresql.enabled", true)
        && dir.is_on(&format!("{persistence}.enabled"), true)
        && dir.text_at(&format!("{persistence}.existingClaim")).is_none()
        && !has_global_class(dir);
    judge(postgresql, "PostgreSQL", &format!("{persistence}.storageClass"), default);
    found
}

/// PostgreSQL's chart also listens to the `global` values.
fn has_global_class(dir: &Deployed) -> bool {
    let globals = ["global", "apiserver.global", "apiserver.postgresql.global"];
    let keys = ["defaultStorageClass", "storageClass"];
    globals.iter().any(|global| keys.iter().any(|key| dir.text_at(&format!("{global}.{key}")).is_some()))
}

fn of_servers(component: &Deployed) -> Vec<Diagnostic> {
    let unpinned = component.spire_servers().into_iter().filter(|server| {
        component.text_at(&format!("{server}.persistence.type")).unwrap_or("pvc") == "pvc"
            && component.text_at(&format!("{server}.persistence.storageClass")).is_none()
    });
    unpinned
        .map(|server| {
            let path = format!("{server}.persistence.storageClass");
            told(component, server, &path, "it is of the cluster's default class")
        })
        .collect()
}

fn told(component: &Deployed, what: &str, path: &str, why: &str) -> Diagnostic {
    Diagnostic::new(format!("the volume of {what} names no storage class: {why}"))
        .at(component.place_of(path))
        .key(path)
}
