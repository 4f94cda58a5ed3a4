//! Zot's default configuration.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "zot-without-administrator",
    severity: Severity::Error,
    title: "Zot runs with the chart's configuration, in which nobody is an administrator",
    reason: "With `apiserver.zot.mountConfig` and no `configFiles` the dir chart mounts a `config.json` whose administrator \
             is the text of a Helm template that nothing evaluates: no user of that name exists, and nobody may push.",
    mend: "Set `apiserver.zot.configFiles` with a `config.json` that names the administrators of the htpasswd file \
           (base/dir/values.yaml has one).",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let mounted = deployment.of_chart("dir").filter(|dir| dir.is_on("apiserver.zot.mountConfig", false));
    let by_default = mounted.filter(|dir| {
        let own = dir.at("apiserver.zot.configFiles").and_then(|files| files.get("config.json"));
        own.is_none()
    });
    by_default
        .map(|dir| {
            Diagnostic::new("Zot's configuration is the chart's own, in which nobody is an administrator")
                .at(dir.place_of("apiserver.zot.mountConfig"))
                .key("apiserver.zot.configFiles")
        })
        .collect()
}
