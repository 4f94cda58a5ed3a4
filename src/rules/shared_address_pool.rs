//! MetalLB's addresses, given away by two clusters.

use super::address_pool::{Range, ranges};
use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "shared-address-pool",
    severity: Severity::Error,
    title: "Two local clusters give away the same addresses",
    reason: "Kind clusters of one machine are in one network. Two MetalLBs that both answer for an address there take turns at \
             it: connections end now at one cluster, now at the other.",
    mend: "Give each cluster addresses of its own.",
    check: Check::Deployments(check),
};

fn check(deployments: &[Deployment]) -> Vec<Diagnostic> {
    let mut seen: Vec<(&Deployment, Range)> = Vec::new();
    let mut found = Vec::new();
    for deployment in deployments.iter().filter(|deployment| deployment.is_local) {
        for range in ranges(deployment, &mut |_| {}) {
            let taken = seen.iter().find(|(owner, other)| {
                owner.environment != deployment.environment && other.overlaps(&range)
            });
            if let Some((owner, other)) = taken {
                let message = format!("{} gives away {}, too: {}", owner.environment, range.text, other.text);
                found.push(Diagnostic::new(message).at(range.place).related(other.place));
            }
            seen.push((deployment, range));
        }
    }
    found
}
