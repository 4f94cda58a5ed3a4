//! Versions of one product that differ.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "version-skew",
    severity: Severity::Warning,
    title: "Chart and images of one product are of different versions",
    reason: "Chart, apiserver, reconciler and dirctl are released together and tried together; the chart writes the \
             configuration that its own version of the program reads.",
    mend: "Use one version: `${{ version }}` in values is the chart's.",
    check: Check::Deployment(check),
};

/// Charts, and where the tags of their own images stand.
const TAGS: [(&str, &str); 4] = [
    ("dir", "apiserver.image.tag"),
    ("dir", "apiserver.reconciler.image.tag"),
    ("dirctl", "image.tag"),
    ("oidc-gateway", "authServer.image.tag"),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (chart, path) in TAGS {
        for component in deployment.of_chart(chart) {
            // `latest` is for another rule to tell of.
            let tag = component.text_at(path).filter(|tag| *tag != "latest" && differs(tag, &component.version));
            if let Some(tag) = tag {
                let message = format!("the image is {tag}, and the chart {chart} is {}", &*component.version);
                found.push(Diagnostic::new(message).at(component.place_of(path)).key(path));
            }
        }
    }
    found.extend(clients(deployment));
    found
}

fn clients(deployment: &Deployment) -> Vec<Diagnostic> {
    let Some(dir) = deployment.of_chart("dir").next() else {
        return Vec::new();
    };
    let older = |dirctl: &&Deployed| differs(&dirctl.version, &dir.version);
    let told = |dirctl: &Deployed| {
        let (client, server) = (&*dirctl.version, &*dir.version);
        let message = format!("dirctl is {client}, and dir {server}");
        Diagnostic::new(message).at(dirctl.version.place).related(dir.version.place)
    };
    deployment.of_chart("dirctl").filter(older).map(told).collect()
}

fn differs(one: &str, other: &str) -> bool {
    one.trim_start_matches('v') != other.trim_start_matches('v')
}
