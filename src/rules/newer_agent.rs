//! A SPIRE agent that is newer than its server.

use super::version_skew::Version;
use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "newer-agent",
    severity: Severity::Error,
    title: "A SPIRE agent is newer than its server",
    reason: "SPIRE supports agents that are as old as their server or one minor version older, never newer ones \
             (spiffe.io/docs/latest/spire-helm-charts-hardened-about/upgrading and github.com/spiffe/spire, \
             doc/upgrading.md): servers are upgraded first.",
    mend: "Give the server at least the agent's version.",
    check: Check::Deployment(check),
};

/// Agents with the servers that they speak to, by chart. A child's upstream agent speaks to the root cluster.
const PAIRS: [(&str, &str, &str); 3] = [
    ("spire", "spire-agent", "spire-server"),
    ("spire-nested", "downstream-spire-agent-full", "internal-spire-server"),
    ("spire-nested", "upstream-spire-agent", "root-spire-server"),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.components.iter().flat_map(of_component).collect()
}

fn of_component(component: &Deployed) -> impl Iterator<Item = Diagnostic> {
    let servers = component.spire_servers();
    let pairs = PAIRS.iter().filter(move |(chart, _, server)| *chart == component.chart() && servers.contains(server));
    pairs.filter_map(|(_, agent, server)| {
        let (agent_path, server_path) = (format!("{agent}.image.tag"), format!("{server}.image.tag"));
        let (agent_tag, server_tag) = (component.text_at(&agent_path)?, component.text_at(&server_path)?);
        let message = format!("{agent} is {agent_tag}, newer than {server} with {server_tag}");
        (Version::of(agent_tag)? > Version::of(server_tag)?).then(|| {
            let (place, other) = (component.place_of(&agent_path), component.place_of(&server_path));
            Diagnostic::new(message).at(place).related(other).key(agent_path)
        })
    })
}
