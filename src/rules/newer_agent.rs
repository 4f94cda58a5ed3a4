//! SPIRE agents that are newer than their server.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "newer-agent",
    severity: Severity::Error,
    title: "A SPIRE agent is newer than its server",
    reason: "SPIRE promises that a server serves agents of its own minor version and of the one before; agents are upgraded last \
             (spiffe.io/docs/latest/deploying/upgrading). A newer agent may speak what the server does not know.",
    mend: "Raise the server's image first, or leave both to the chart.",
    check: Check::Deployment(check),
};

/// The keys of servers and agents of one cluster, by chart.
const PAIRS: [(&str, &[&str], &[&str]); 2] = [
    ("spire", &["spire-server"], &["spire-agent"]),
    (
        "spire-nested",
        &["root-spire-server", "internal-spire-server", "external-root-spire-server-full"],
        &["downstream-spire-agent-full", "upstream-spire-agent"],
    ),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (chart, servers, agents) in PAIRS {
        for spire in deployment.of_chart(chart) {
            let Some(oldest) = servers.iter().filter_map(|key| version(spire, key)).min() else { continue };
            for agent in agents.iter().filter(|key| version(spire, key).is_some_and(|version| version > oldest)) {
                let path = format!("{agent}.image.tag");
                let (newer, older) = (spire.text_at(&path).unwrap_or_default(), shown(&oldest));
                let message = format!("the agent is {newer}, and its server {older}");
                found.push(Diagnostic::new(message).at(spire.place_of(&path)).key(path));
            }
        }
    }
    found
}

/// Returns the version that an image is pinned to; where it is not, it is the chart's own and fits.
fn version(spire: &Deployed, key: &str) -> Option<Vec<u32>> {
    let tag = spire.text_at(&format!("{key}.image.tag"))?.trim_start_matches('v');
    let numbers = tag.split(['-', '+']).next()?.split('.').map(|part| part.parse().ok());
    numbers.collect()
}

fn shown(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
