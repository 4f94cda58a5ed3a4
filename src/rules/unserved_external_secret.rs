//! An ExternalSecret of a version that the cluster does not serve.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

pub(super) static RULE: Rule = Rule {
    code: "unserved-external-secret",
    severity: Severity::Error,
    title: "An ExternalSecret is of a version that the cluster does not serve",
    reason: "The External Secrets operator serves `external-secrets.io/v1` alone since 0.17; up to 0.16 it serves `v1beta1`, \
             too. The dir chart's own `externalSecrets` is `v1beta1`, hard-coded: on a current cluster the sync fails with \
             `no matches for kind`.",
    mend: "Write `external-secrets.io/v1`, and leave the chart's `apiserver.externalSecrets` off (the profile \
           external-secrets writes the ExternalSecret itself). Where an old operator runs, say so: \
           `externalSecrets.apiVersion: v1beta1` in environment.yaml.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let served = format!("external-secrets.io/{}", deployment.external_secrets);
    let mut found = Vec::new();
    let is_new = &*deployment.external_secrets != "v1beta1";
    for dir in deployment.of_chart("dir").filter(|dir| is_new && dir.is_on("apiserver.externalSecrets.enabled", false)) {
        let place = dir.place_of("apiserver.externalSecrets.enabled");
        let message = format!("the chart's own ExternalSecret is of v1beta1, and the cluster serves {served}");
        found.push(Diagnostic::new(message).at(place).key("apiserver.externalSecrets.enabled"));
    }
    for version in deployment.objects().filter_map(|object| object.get("apiVersion")) {
        let text = version.as_text().unwrap_or_default();
        if text.starts_with("external-secrets.io/v1") && text != served {
            found.push(told(version, text, &served));
        }
    }
    found
}

fn told(version: &Node, text: &str, served: &str) -> Diagnostic {
    Diagnostic::new(format!("the object is of {text}, and the cluster serves {served}")).at(version.place)
}
