//! Every rule of federation files (environment_rules.rs has those about environments) has files that it finds fault with, at known places, and files that it lets pass.
//!
//! `tests/rules/<code>/fail` and `pass` are registries; `local-fail` and `local-pass` are registries of local clusters.
//! `tests/rules/<code>/expected.txt` says where the rule must find what, one finding a line:
//! `<file>:<line>:<column>-<end line>:<end column> <message>`. With UPDATE=1 in the environment it is written anew: read
//! the difference.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use dirops::diagnostic::Sources;
use dirops::rules::{Conditions, RULES, check_registry};
use dirops::tree::WorkTree;
use dirops::workspace::{Reader, Registry};

/// 2026-11-23T00:00:00Z
const NOW: i64 = 1_795_392_000;

fn folder(code: &str) -> String {
    format!("{}/tests/rules/{code}", env!("CARGO_MANIFEST_DIR"))
}

/// Returns what a rule finds in a registry below its folder, a line each.
fn found(code: &str, registry: &str) -> String {
    let root = folder(code);
    if !Path::new(&root).join(registry).exists() {
        return String::new();
    }
    let (tree, sources) = (WorkTree::new(&root), Sources::default());
    let reader = Reader { tree: &tree, sources: &sources };
    let mut read = Registry::read(reader, registry, &[], 1).unwrap();
    read.is_local = registry.starts_with("local");
    let mut findings = check_registry(&read, &Conditions { now: Some(NOW), jobs: 1 }, &sources);
    dirops::rules::sort(&mut findings, &sources);
    let mut lines = String::new();
    for finding in findings.iter().filter(|finding| finding.rule.code == code) {
        let place = finding.diagnostic.place.unwrap_or_else(|| panic!("{code}: a finding without a place"));
        let (path, message) = (sources.path(place.file), &finding.diagnostic.message);
        writeln!(lines, "{path}:{}:{}-{}:{} {message}", place.line, place.column, place.end_line, place.end_column)
            .unwrap();
    }
    lines
}

#[test]
fn every_rule_finds_what_it_must_and_nothing_else() {
    let mut faults = Vec::new();
    for rule in RULES.iter().filter(|rule| !rule.is_about_environments()) {
        let code = rule.code;
        let path = format!("{}/expected.txt", folder(code));
        let failing = format!("{}{}", found(code, "fail"), found(code, "local-fail"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &failing).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if failing.is_empty() {
            faults.push(format!("{code}: nothing in tests/rules/{code}/fail is found"));
        }
        if failing != expected {
            faults.push(format!("{code}: expected\n{expected}found\n{failing}"));
        }
        if !Path::new(&folder(code)).join("pass").exists() {
            faults.push(format!("{code}: there is no tests/rules/{code}/pass"));
        }
        let passing = format!("{}{}", found(code, "pass"), found(code, "local-pass"));
        if !passing.is_empty() {
            faults.push(format!("{code}: what must pass does not:\n{passing}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn codes_are_stable_words_in_order() {
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert!(codes.is_sorted(), "{codes:?}");
    for rule in RULES.iter() {
        assert!(rule.code.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')), "{}", rule.code);
        assert!(!rule.title.ends_with('.') && rule.reason.ends_with('.') && rule.mend.ends_with('.'), "{}", rule.code);
    }
}
