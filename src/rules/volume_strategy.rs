//! Two pods that want one volume.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "volume-strategy",
    severity: Severity::Error,
    title: "The apiserver has a volume, and its new pod starts before the old one is gone",
    reason: "The volume is ReadWriteOnce, and the routing datastore on it (Badger) is locked by the pod that has it open: \
             with a rolling update the new pod cannot start while the old one runs, and the old one is kept until the \
             new one is ready. The dir chart says the same beside `strategy`.",
    mend: "Set `apiserver.strategy.type: Recreate`, the chart's default.",
    check: Check::Deployment(check),
};

const STRATEGY: &str = "apiserver.strategy.type";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let with_volume = deployment.of_chart("dir").filter(|dir| dir.is_on("apiserver.pvc.create", false));
    let other = with_volume.filter_map(|dir| {
        let kind = dir.text_at(STRATEGY).filter(|kind| *kind != "Recreate")?;
        let message = format!("the apiserver has a volume, and its strategy is {kind}: the new pod waits for ever");
        let volume = dir.place_of("apiserver.pvc.create");
        Some(Diagnostic::new(message).at(dir.place_of(STRATEGY)).related(volume).key(STRATEGY))
    });
    other.collect()
}
