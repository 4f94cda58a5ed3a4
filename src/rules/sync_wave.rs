//! Sync waves that do not follow what components need.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "sync-wave",
    severity: Severity::Error,
    title: "A component does not come after what it needs",
    reason: "SPIRE needs its CustomResourceDefinitions, and everything else needs SPIRE to have an identity. Argo CD \
             applies lower waves first (argo-cd.readthedocs.io/en/stable/user-guide/sync-waves); within a wave there is \
             no order by dependency.",
    mend: "Raise the wave of the component, or lower that of what it needs: spire-crds 0, spire 1, dir 2, the others 3.",
    check: Check::Deployment(check),
};

/// Charts, and what each of them needs.
const NEEDS: [(&str, &[&str]); 5] = [
    ("spire", &["spire-crds"]),
    ("spire-nested", &["spire-crds"]),
    ("dir", &["spire-crds", "spire", "spire-nested"]),
    ("dirctl", &["spire-crds", "spire", "spire-nested", "dir"]),
    ("oidc-gateway", &["spire-crds", "spire", "spire-nested", "dir"]),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if !deployment.is_whole {
        return found;
    }
    for (chart, needs) in NEEDS {
        for component in deployment.of_chart(chart) {
            let wave = component.wave.value;
            let late = needs.iter().flat_map(|need| deployment.of_chart(need)).find(|need| need.wave.value >= wave);
            if let Some(late) = late {
                let (name, need, other) = (&component.name, &late.name, late.wave.value);
                let message = format!("{name} is in wave {wave}, and {need}, which it needs, in wave {other}");
                found.push(Diagnostic::new(message).at(component.wave.place).related(late.wave.place));
            }
        }
    }
    found
}
