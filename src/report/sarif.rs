//! For code scanning: SARIF 2.1.0, docs.oasis-open.org/sarif/sarif/v2.1.0.

use serde_json::{Value, json};

use super::{Told, to_json};
use crate::diagnostic::{Place, Sources};
use crate::rules::{Finding, RULES, Rule, Severity};

pub(super) fn write(findings: &[Finding], sources: &Sources) -> String {
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, sources)).collect();
    let rules: Vec<Value> = RULES.iter().map(|rule| descriptor(rule)).collect();
    to_json(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "dirops",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.mend},
        "helpUri": format!("{}/blob/main/docs/rules.md#{}", env!("CARGO_PKG_REPOSITORY"), rule.code),
        "defaultConfiguration": {"level": level(rule)},
    })
}

fn level(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn result(finding: &Finding, sources: &Sources) -> Value {
    let told = Told::of(finding, sources);
    let locations: Vec<Value> = told.place.iter().map(|place| location(*place, sources)).collect();
    let related: Vec<Value> = finding.diagnostic.related.iter().map(|place| location(*place, sources)).collect();
    let mut result = json!({
        "ruleId": told.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.code == told.rule),
        "level": told.severity,
        "message": {"text": format!("{}. {}", told.message, told.help)},
        "locations": locations,
    });
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    result
}

fn location(place: Place, sources: &Sources) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&sources.path(place.file))},
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    }})
}

/// Returns a path as a relative URI.
fn uri(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
