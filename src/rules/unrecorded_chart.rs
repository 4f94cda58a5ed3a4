//! A chart that nothing is known of.

use super::{Check, Rule, Severity};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "unrecorded-chart",
    severity: Severity::Warning,
    title: "Nothing is known of a chart's values, so they were not analysed",
    reason: "What is not in base/<component>/charts/ cannot be compared with what the chart reads: a setting that reaches \
             nothing would go unnoticed.",
    mend: "Pull the chart and record it: `helm pull …`, then `dirops chart record <component> <chart>.tgz`.",
    check: Check::Deployment(check),
};

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let unknown = deployment.components.iter().filter(|component| {
        component.record.is_none() && component.values.merged.is_some() && component.chart_name.as_text().is_some()
    });
    unknown
        .map(|component| {
            let (chart, version) = (component.chart(), &*component.version);
            Diagnostic::new(format!("the values of {} were not analysed: there is no record of {chart} {version}", component.name))
                .at(component.version.place)
                .help(format!("record it with `dirops chart record {} <the chart's .tgz>`", component.name))
        })
        .collect()
}
