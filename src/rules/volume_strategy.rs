//! A volume that two pods would share.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "volume-strategy",
    severity: Severity::Error,
    title: "The apiserver has a volume and is not recreated on updates",
    reason: "The routing datastore is locked by the pod that has it open, and a ReadWriteOnce volume stays at its node. A \
             rolling update starts the new pod first: it waits for the lock, the old one waits for the new one, and the \
             update never ends.",
    mend: "Set `apiserver.strategy.type: Recreate`.",
    check: Check::Deployment(check),
};

const STRATEGY: &str = "apiserver.strategy.type";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let with_volume = deployment.of_chart("dir").filter(|dir| dir.is_on("apiserver.pvc.create", false));
    let other = with_volume.filter(|dir| dir.text_at(STRATEGY).is_some_and(|strategy| strategy != "Recreate"));
    other
        .map(|dir| {
            let strategy = dir.text_at(STRATEGY).unwrap_or_default();
            let message = format!("with a volume the strategy must be Recreate, not {strategy}");
            Diagnostic::new(message).at(dir.place_of(STRATEGY)).key(STRATEGY)
        })
        .collect()
}
