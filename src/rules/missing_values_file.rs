//! A values file that is not there.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "missing-values-file",
    severity: Severity::Error,
    title: "An Application names a values file that nothing writes",
    reason: "Argo CD cannot render the chart then. With `ignoreMissingValueFiles` it renders without a word: what was to \
             come from that file, the partners for instance, is missing on the cluster and nobody learns of it. That is a \
             warning, where no component has the file although there are partners to make it from.",
    mend: "Write the file, or take its name out of `valueFiles`.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let told = |(file, hidden): &(crate::workspace::Located<crate::yaml::Text>, bool)| {
        let path = &**file;
        let message = match hidden {
            true => format!("{path} is named, nothing writes it, and `ignoreMissingValueFiles` hides that"),
            false => format!("{path} is named, and nothing writes it"),
        };
        Diagnostic::new(message).at(file.place).soften_if(*hidden)
    };
    deployment.missing.iter().map(told).collect()
}
