//! SPIRE's Helm hooks under Argo CD.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "helm-hooks",
    severity: Severity::Error,
    title: "SPIRE's Helm hooks are on under Argo CD",
    reason: "The charts spire and spire-nested have jobs that repair what Helm's install, upgrade and delete leave behind, on \
             by default. Argo CD runs them as its own hooks on every sync, and they meddle with what it manages; the chart's \
             own comment says to disable them where Helm only renders.",
    mend: "Set `global.installAndUpgradeHooks.enabled` and `global.deleteHooks.enabled` to false.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    if !deployment.is_whole {
        // By hand, with Helm itself, the hooks are in order.
        return Vec::new();
    }
    let spire = ["spire", "spire-nested"].into_iter().flat_map(|chart| deployment.of_chart(chart));
    let hooks = spire.flat_map(|spire| {
        let paths = ["global.installAndUpgradeHooks.enabled", "global.deleteHooks.enabled"];
        paths.into_iter().map(move |path| (spire, path))
    });
    let on = hooks.filter(|(spire, path)| spire.is_on(path, true));
    on.map(|(spire, path)| {
        Diagnostic::new(format!("`{path}` of {} is on", spire.name)).at(spire.place_of(path)).key(path)
    })
    .collect()
}
