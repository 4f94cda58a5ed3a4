//! Workloads without the SPIFFE CSI driver.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "csi-driver",
    severity: Severity::Error,
    title: "A workload does not get its identity through the SPIFFE CSI driver",
    reason: "With the driver the Workload API is there before the pod starts; without it the first calls fail until the \
             identity is registered, which short-lived jobs do not survive, and the socket comes by a hostPath, which \
             namespaces with the restricted pod security standard refuse. A workload that wants the driver where SPIRE's \
             chart leaves it out does not start at all; without the driver it is a warning.",
    mend: "Leave `useCSIDriver` on, and `spiffe-csi-driver.enabled` of SPIRE's chart, too.",
    check: Check::Deployment(check),
};

/// Charts, the switch of their SPIRE integration with its default, and that of the driver.
const USERS: [(&str, &str, bool, &str); 2] = [
    ("dir", "apiserver.spire.enabled", false, "apiserver.spire.useCSIDriver"),
    ("dirctl", "spire.enabled", true, "spire.useCSIDriver"),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let without = deployment.of_chart("spire").find(|spire| !spire.is_on("spiffe-csi-driver.enabled", true));
    for (chart, switch, by_default, path) in USERS {
        for user in deployment.of_chart(chart).filter(|user| user.is_on(switch, by_default)) {
            match (user.is_on(path, true), without) {
                (false, _) => {
                    let message = format!("{} does without the SPIFFE CSI driver", user.name);
                    found.push(Diagnostic::new(message).at(user.place_of(path)).key(path).soften_if(true));
                }
                (true, Some(spire)) => {
                    let place = spire.place_of("spiffe-csi-driver.enabled");
                    let message = format!("{} needs the SPIFFE CSI driver, and {} leaves it out", user.name, spire.name);
                    found.push(Diagnostic::new(message).at(place).key("spiffe-csi-driver.enabled"));
                }
                (true, None) => {}
            }
        }
    }
    found
}
