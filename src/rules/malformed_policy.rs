//! A policy row that Casbin does not understand.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, PolicyRow, policies};
use crate::diagnostic::Diagnostic;
use crate::spiffe::TrustDomain;

pub(super) static RULE: Rule = Rule {
    code: "malformed-policy",
    severity: Severity::Error,
    title: "A policy row is not `p,<trust domain or *>,<method or *>`",
    reason: "The apiserver reads the rows with Casbin when it starts: a row that is none keeps it from starting, and a row \
             with something else as its subject or method never applies.",
    mend: "Write `p`, the trust domain or `*`, and the full gRPC method (`/package.Service/Method`) or `*`, separated by \
           commas.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let rows = deployment.of_chart("dir").flat_map(policies);
    let faults = rows.filter_map(|row| fault(&row).map(|fault| (row.place, fault)));
    faults.map(|(place, fault)| Diagnostic::new(fault).at(place).key("apiserver.authz_policies_csv")).collect()
}

fn fault(row: &PolicyRow<'_>) -> Option<String> {
    let text = row.text;
    let Some((subject, method)) = row.parts() else {
        return Some(format!("the policy row `{text}` is not `p,<trust domain or *>,<method or *>`"));
    };
    if subject != "*" && subject.parse::<TrustDomain>().is_err() {
        return Some(format!("the subject of the policy row `{text}` is neither a trust domain nor `*`"));
    }
    let is_method = method.strip_prefix('/').and_then(|method| method.split_once('/')).is_some_and(|(service, name)| {
        service.contains('.') && !name.is_empty() && !name.contains('/')
    });
    let fits = method == "*" || is_method;
    (!fits).then(|| format!("the method of the policy row `{text}` is neither `/package.Service/Method` nor `*`"))
}
