//! For programs: docs/check.md describes it.

use serde_json::json;

use super::{Told, to_json};
use crate::diagnostic::Sources;
use crate::rules::Finding;

pub(super) fn write(findings: &[Finding], sources: &Sources) -> String {
    let finding = |finding: &Finding| {
        let told = Told::of(finding, sources);
        let mut object = json!({
            "rule": told.rule,
            "severity": told.severity,
            "path": told.path,
            "line": told.place.map(|place| place.line),
            "column": told.place.map(|place| place.column),
            "endLine": told.place.map(|place| place.end_line),
            "endColumn": told.place.map(|place| place.end_column),
            "message": told.message,
            "help": told.help,
        });
        if let Some(key) = told.key {
            object["key"] = key.into();
        }
        object
    };
    let findings: Vec<_> = findings.iter().map(finding).collect();
    to_json(&json!({"version": 1, "findings": findings}))
}
