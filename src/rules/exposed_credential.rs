//! A credential that Kubernetes does not keep as a secret.

use super::{Check, Rule, Severity};
use crate::credential::is_credential_key;
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Step};

pub(super) static RULE: Rule = Rule {
    code: "exposed-credential",
    severity: Severity::Error,
    title: "A credential ends in a ConfigMap or in the specification of a pod",
    reason: "The dir chart copies `apiserver.config` and `apiserver.reconciler.config` whole into a ConfigMap, and \
             `apiserver.zot.authHeader` into the probes of a StatefulSet: whoever may read those, and that is many more \
             than may read Secrets, has the password. In a local environment it is a warning.",
    mend: "Take it out and let the program read it from a Secret: through `apiserver.extraEnv` \
           (DIRECTORY_SERVER_STORE_OCI_AUTH_CONFIG_PASSWORD and its likes), which the profile external-secrets does. Zot \
           answers its probes without `authHeader`.",
    check: Check::Deployment(check),
};

/// Where the dir chart copies values into a ConfigMap.
const CONFIG_MAPS: [&str; 2] = ["apiserver.config", "apiserver.reconciler.config"];
const PROBES: &str = "apiserver.zot.authHeader";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let found = deployment.of_chart("dir").flat_map(of_dir);
    found.map(|diagnostic| diagnostic.soften_if(deployment.is_local)).collect()
}

fn of_dir(dir: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for top in CONFIG_MAPS {
        let Some(config) = dir.at(top) else { continue };
        Path::leaves(config, &mut |path, leaf| {
            if is_credential(path, leaf) {
                found.push(diagnostic(leaf, &format!("{top}.{path}"), "a ConfigMap"));
            }
        });
    }
    if let Some(header) = dir.at(PROBES).filter(|node| node.as_text().is_some_and(|text| !text.is_empty())) {
        found.push(diagnostic(header, PROBES, "the probes of Zot's pods"));
    }
    found
}

fn diagnostic(leaf: &Node, path: &str, target: &str) -> Diagnostic {
    Diagnostic::new(format!("{path} ends in {target}, readable by many")).at(leaf.place).key(path).secret()
}

fn is_credential(path: &Path, leaf: &Node) -> bool {
    let Some(Step::Key(key)) = path.0.last() else { return false };
    let has_text = leaf.as_text().is_some_and(|text| !text.is_empty());
    has_text && is_credential_key(key)
}

/// Returns whether this rule is the one to tell of a credential at a path of the dir chart's values.
pub(super) fn covers(path: &Path) -> bool {
    below(path, PROBES).is_some_and(<[Step]>::is_empty)
        || CONFIG_MAPS.iter().any(|top| matches!(below(path, top), Some([Step::Key(_), ..])))
}

/// Returns the rest of a path that leads through another, whose keys have no dots in them.
fn below<'a>(path: &'a Path, top: &str) -> Option<&'a [Step]> {
    top.split('.').try_fold(path.0.as_slice(), |rest, key| match rest.split_first() {
        Some((Step::Key(own), rest)) if &**own == key => Some(rest),
        _ => None,
    })
}
