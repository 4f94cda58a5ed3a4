//! A policy for a method that the Directory does not have.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment, policies};
use crate::diagnostic::{Diagnostic, nearest};

pub(super) static RULE: Rule = Rule {
    code: "unknown-method",
    severity: Severity::Warning,
    title: "A policy row is for a method that this version of the Directory does not have",
    reason: "The row never applies, and what was meant stays forbidden. The methods are those of the protocol's files \
             (github.com/agntcy/dir, proto/agntcy/dir) up to v1.3; policies of later versions are not judged.",
    mend: "Write the method as the protocol has it.",
    check: Check::Deployment(check),
};

/// The services of dir v1.0 to v1.3, each with its methods.
const SERVICES: [(&str, &[&str]); 7] = [
    ("agntcy.dir.store.v1.StoreService", &["Push", "Pull", "Lookup", "Delete", "PushReferrer", "PullReferrer"]),
    (
        "agntcy.dir.store.v1.SyncService",
        &["CreateSync", "ListSyncs", "GetSync", "DeleteSync", "RequestRegistryCredentials"],
    ),
    ("agntcy.dir.search.v1.SearchService", &["SearchCIDs", "SearchRecords"]),
    ("agntcy.dir.routing.v1.RoutingService", &["Publish", "Unpublish", "Search", "List"]),
    ("agntcy.dir.routing.v1.PublicationService", &["CreatePublication", "ListPublications", "GetPublication"]),
    ("agntcy.dir.events.v1.EventService", &["Listen"]),
    ("agntcy.dir.naming.v1.NamingService", &["GetVerificationInfo", "Resolve"]),
];

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.of_chart("dir").filter(|dir| is_known(&dir.version)).flat_map(of_dir).collect()
}

/// Returns whether the methods of a version are known.
fn is_known(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
    matches!((parts.next().flatten(), parts.next().flatten()), (Some(1), Some(0..=3)))
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let known: Vec<String> = SERVICES
        .iter()
        .flat_map(|(service, methods)| methods.iter().map(move |method| format!("/{service}/{method}")))
        .collect();
    let mut found = Vec::new();
    for row in policies(dir) {
        let Some((_, method)) = row.parts().filter(|(_, method)| method.starts_with('/')) else { continue };
        // Health checks and reflection are gRPC's own.
        if known.iter().any(|known| known == method) || method.starts_with("/grpc.") {
            continue;
        }
        let told = Diagnostic::new(format!("dir {} has no method `{method}`", &*dir.version)).at(row.place);
        let near = nearest(method, known.iter().map(String::as_str));
        let told = near.map_or(told.clone(), |near| told.help(format!("did you mean `{near}`?")));
        found.push(told.key("apiserver.authz_policies_csv"));
    }
    found
}
