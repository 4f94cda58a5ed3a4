//! A value that its chart does not read.

use super::{Check, Rule, Severity};
use crate::chart::{Unknown, Why};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Path, Step};

pub(super) static RULE: Rule = Rule {
    code: "unknown-value",
    severity: Severity::Error,
    title: "A value reaches nothing in its chart, or is of the wrong type",
    reason: "Helm takes any key without a word; what no template reads has no effect, and whoever wrote it believes that \
             it has. base/<component>/charts/ remembers which values a version of a chart has and which its templates \
             read. Below a map that a template takes as a whole anything could be meant: there, only a key that looks \
             like a slip for one of the chart's own is told, as a warning.",
    mend: "Write the key as the chart has it, or remove it. Where the record is out of date, `dirops chart record` \
           refreshes it.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    deployment.components.iter().flat_map(of_component).collect()
}

fn of_component(component: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let Some(record) = &component.record else {
        return found;
    };
    if let Some(values) = component.values.merged.as_ref().and_then(Node::as_map) {
        record.judge(values, &mut |unknown| found.push(diagnostic(component, &unknown)));
    }
    found
}

fn diagnostic(component: &Deployed, unknown: &Unknown<'_>) -> Diagnostic {
    let path = Path(unknown.path.iter().cloned().map(Step::Key).collect()).to_string();
    let chart = format!("the chart {} {}", component.chart(), &*component.version);
    let entry = unknown.key;
    let diagnostic = match &unknown.why {
        Why::NotRead(near) => {
            let told = Diagnostic::new(format!("`{path}` reaches nothing: {chart} does not read it")).at(entry.key);
            match near {
                Some(near) => told.help(format!("did you mean `{near}`?")),
                None => told.help("remove it, or look for the key that the chart reads"),
            }
        }
        Why::Slip(near) => Diagnostic::new(format!("`{path}` may be a slip: {chart} has `{near}` there"))
            .at(entry.key)
            .help(format!("did you mean `{near}`?"))
            .soften_if(true),
        Why::WrongType(kind, expected) => {
            Diagnostic::new(format!("`{path}` is {kind}, where {chart} has {expected}")).at(entry.node.place)
        }
    };
    diagnostic.key(path)
}
