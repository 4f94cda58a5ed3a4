//! A policy row that lets anybody write.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, PolicyRow, policies};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "open-policy",
    severity: Severity::Error,
    title: "Every authenticated peer may write, or do anything",
    reason: "`*` as the subject is every workload of every partner, present and future. With `p,*,*` the policies decide \
             nothing any more; with a method that writes, anybody can change or delete what others published. In a local \
             environment a method that writes is a warning.",
    mend: "Grant such methods to trust domains by name.",
    check: Check::Deployment(check),
};

/// What the methods that change something start with.
const WRITING: [&str; 8] = ["Push", "Delete", "Remove", "Publish", "Unpublish", "Create", "Update", "Set"];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let rows = deployment.of_chart("dir").flat_map(policies);
    rows.filter_map(|row| judge(&row, deployment)).collect()
}

fn judge(row: &PolicyRow<'_>, deployment: &Deployment) -> Option<Diagnostic> {
    let (subject, method) = row.parts()?;
    if subject != "*" {
        return None;
    }
    let told = |message: String| Diagnostic::new(message).at(row.place).key("apiserver.authz_policies_csv");
    let environment = &deployment.environment;
    if method == "*" {
        return Some(told(format!("`p,*,*` lets every authenticated peer of {environment} do everything")));
    }
    let name = method.rsplit('/').next().unwrap_or(method);
    let writes = WRITING.iter().any(|verb| name.starts_with(verb));
    writes.then(|| told(format!("`{}` lets every authenticated peer of {environment} write", row.text)).soften_if(deployment.is_local))
}
