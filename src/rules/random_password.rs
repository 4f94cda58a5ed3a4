//! A password that comes out differently at every rendering.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "random-password",
    severity: Severity::Error,
    title: "The chart draws a new password at every rendering",
    reason: "The bundled PostgreSQL makes up a `postgres-password` whenever it is rendered and none is given. Helm keeps \
             the first one by looking into the cluster; Argo CD renders without a cluster, so that the Application never \
             comes into sync, and each sync writes a password that the database does not have.",
    mend: "Set `apiserver.postgresql.auth.existingSecret` (the profile external-secrets does), or `postgresPassword` on a \
           local cluster, or `enablePostgresUser: false`.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let bundled = deployment.of_chart("dir").filter(|dir| dir.is_on("apiserver.postgresql.enabled", true));
    bundled
        .filter(|dir| !is_fixed(dir))
        .map(|dir| {
            let message = "nothing says what `postgres-password` is: PostgreSQL's chart draws a new one at every rendering";
            Diagnostic::new(message).at(dir.place_of("apiserver.postgresql.auth")).key("apiserver.postgresql.auth")
        })
        .collect()
}

fn is_fixed(dir: &Deployed) -> bool {
    const PATHS: [&str; 4] = [
        "apiserver.postgresql.auth.existingSecret",
        "apiserver.postgresql.auth.postgresPassword",
        "global.postgresql.auth.existingSecret",
        "global.postgresql.auth.postgresPassword",
    ];
    let is_given = PATHS.iter().any(|path| dir.at(path).is_some_and(|node| node.as_text() != Some("")));
    is_given || !dir.is_on("apiserver.postgresql.auth.enablePostgresUser", true)
}
