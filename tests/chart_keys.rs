//! Every value that the environments set reaches something in its chart.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they skip"
)]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::applications::{self, Application};
use support::chart::Chart;
use support::{RENDERED, assert_none, shared};

#[test]
fn every_key_is_known_to_its_chart() {
    let Some(shared) = shared() else { return };
    let unknown = in_every_file(&shared, Chart::unknown);
    assert_none(
        &unknown,
        "in base/ or overlays/, use the key that the chart reads (../shared/charts), or drop this one:",
    );
}

#[test]
fn no_key_is_a_slip_for_one_of_the_charts_defaults() {
    let Some(shared) = shared() else { return };
    let slips = in_every_file(&shared, Chart::slips);
    assert_none(&slips, "in base/ or overlays/, write the key as the chart does:");
}

#[test]
fn a_key_that_nothing_reads_is_found() {
    let Some(shared) = shared() else { return };
    let dir = Chart::load(&shared, "dir", "v1.3.0");
    assert_unknown(&dir, json!({"apiserver": {"oidcc": "x", "log_level": "INFO"}}), "apiserver.oidcc");
    assert_unknown(&dir, json!({"apiserver": {"zot": {"persistance": true}}}), "apiserver.zot.persistance");
    assert_unknown(&dir, json!({"apiservr": {}}), "apiservr");
    let spire = Chart::load(&shared, "spire", "0.28.4");
    assert_unknown(&spire, json!({"spire-server": {"dataStoree": {"sql": {}}}}), "spire-server.dataStoree");
    let nested = Chart::load(&shared, "spire-nested", "0.28.4");
    assert_unknown(&nested, json!({"spire-server": {"dataStore": {"sql": {}}}}), "spire-server");
}

#[test]
fn a_slip_below_a_map_that_is_taken_whole_is_found() {
    let Some(shared) = shared() else { return };
    let dir = Chart::load(&shared, "dir", "v1.3.0");
    let slips = dir.slips(&json!({"apiserver": {"config": {"authn": {"enabeld": true}}}}));
    assert_eq!(slips.len(), 1, "`enabeld` is a slip for `enabled`: {slips:?}");
    assert!(slips[0].starts_with("apiserver.config.authn.enabeld: "), "{slips:?}");
}

#[test]
fn keys_that_the_chart_reads_are_not_reported() {
    let Some(shared) = shared() else { return };
    let dir = Chart::load(&shared, "dir", "v1.3.0");
    let values = json!({"apiserver": {
        "config": {"routing": {"gossipsub": {"enabled": true}}},
        "postgresql": {"auth": {"existingSecret": "x"}},
        "podAnnotations": {"example.org/checksum": "x"},
    }});
    assert_eq!(dir.unknown(&values), Vec::<String>::new());
    assert_eq!(dir.slips(&values), Vec::<String>::new());
}

fn assert_unknown(chart: &Chart, values: Value, path: &str) {
    let unknown = chart.unknown(&values);
    assert_eq!(unknown.len(), 1, "{path} alone is unknown: {unknown:?}");
    assert!(unknown[0].starts_with(&format!("{path}: ")), "{path} is unknown: {unknown:?}");
}

/// What `find` says of each values file of each environment, with the file's name.
fn in_every_file(shared: &Path, find: fn(&Chart, &Value) -> Vec<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (application, chart, file) in values_files() {
        let (name, version) = chart;
        let found = find(&Chart::load(shared, &name, &version), &RENDERED.document(&file));
        problems.extend(found.into_iter().map(|problem| format!("{file} ({}): {problem}", application.name())));
    }
    problems
}

/// Each rendered values file, with the Application that uses it and the chart that it is for.
fn values_files() -> Vec<(Application, (String, String), String)> {
    let mut files = Vec::new();
    for environment in RENDERED.environments() {
        for application in applications::of(&RENDERED, environment) {
            let Some((name, version)) = application.chart() else { continue };
            let chart = (name.to_owned(), version.to_owned());
            let own: Vec<String> = application.value_files().into_iter().map(str::to_owned).collect();
            for file in own.into_iter().filter(|file| RENDERED.has(file)) {
                let application =
                    Application { file: application.file.clone(), document: application.document.clone() };
                files.push((application, chart.clone(), file));
            }
        }
    }
    assert!(!files.is_empty(), "no Application uses a values file");
    files
}
