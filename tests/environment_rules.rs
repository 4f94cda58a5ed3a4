//! Every rule about environments has cases that it finds fault with, at known places, and cases that it lets pass.
//!
//! `tests/rules/<code>/fail/<case>` and `pass/<case>` are folders of one of three kinds:
//! - with `environment.yaml`: an overlay, on this repository's own `base/` and `onboarding/`. Keep it small: what base/
//!   gives is there already;
//! - with `applicationsets`: an environment repository, read back;
//! - with `<chart>@<version>.yaml`: a values file judged by itself.
//!
//! `tests/rules/<code>/expected.txt` says where the rule must find what in all failing cases, one finding a line. With
//! UPDATE=1 in the environment it is written anew: read the difference.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use dirops::chart::Records;
use dirops::deployment::{self, Deployment};
use dirops::diagnostic::Sources;
use dirops::rules::{Finding, RULES, check_deployment, check_deployments, check_trust};
use dirops::tree::{Listed, Tree, TreeError, WorkTree};
use dirops::workspace::{Reader, Workspace};

/// The repository, with the cases of a rule in place of its overlays.
struct WithCases {
    repository: WorkTree,
    cases: WorkTree,
}

impl WithCases {
    fn find<'a>(&'a self, path: &'a str) -> (&'a WorkTree, &'a str) {
        match path.strip_prefix("overlays") {
            Some(rest) => (&self.cases, rest.trim_start_matches('/')),
            None => (&self.repository, path),
        }
    }
}

impl Tree for WithCases {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let (tree, path) = self.find(path);
        tree.read(path, limit)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let is_overlay =
            |case: &Listed| matches!(self.cases.list(&case.name), Ok(Some(files)) if has_environment(&files));
        let (tree, below) = self.find(folder);
        let mut listed = tree.list(below)?;
        if folder == "overlays" {
            listed.iter_mut().for_each(|cases| cases.retain(is_overlay));
        }
        Ok(listed)
    }
}

fn has_environment(files: &[Listed]) -> bool {
    files.iter().any(|file| file.name == "environment.yaml")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folders of a rule's cases, sorted.
fn cases(code: &str, side: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join("tests/rules").join(code).join(side)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn check_overlays(code: &str, side: &str, sources: &Sources) -> Vec<Finding> {
    let cases = root().join("tests/rules").join(code).join(side);
    let tree = WithCases { repository: WorkTree::new(root()), cases: WorkTree::new(cases) };
    let workspace =
        Workspace::load(&tree, sources, 1).unwrap_or_else(|problems| panic!("{code} {side}: {problems:#?}"));
    let mut findings = Vec::new();
    let mut deployments = Vec::new();
    for environment in &workspace.environments {
        if let Some(registry) = workspace.registry_of(environment) {
            findings.extend(check_trust(environment, registry, sources));
        }
        let built = deployment::build(&workspace, environment);
        let deployment = built.unwrap_or_else(|problem| panic!("{code} {side}: {}", problem.show("error", sources)));
        findings.extend(check_deployment(&deployment, sources));
        deployments.push(deployment);
    }
    findings.extend(check_deployments(&deployments, sources));
    findings
}

fn check_repository(case: &Path, sources: &Sources) -> Vec<Finding> {
    let (repository, tree) = (WorkTree::new(root()), WorkTree::new(case));
    let records = Records::new(Reader { tree: &repository, sources });
    let find = |chart: &str, version: &str| records.find(chart, version);
    let read = deployment::read_back(Reader { tree: &tree, sources }, &find, deployment::Part::default(), 1);
    let read = read.unwrap_or_else(|problems| panic!("{}: {problems:#?}", case.display()));
    let mut findings: Vec<Finding> =
        read.deployments.iter().flat_map(|deployment| check_deployment(deployment, sources)).collect();
    findings.extend(check_deployments(&read.deployments, sources));
    findings
}

fn check_values(case: &Path, sources: &Sources) -> Vec<Finding> {
    let (repository, tree) = (WorkTree::new(root()), WorkTree::new(case));
    let records = Records::new(Reader { tree: &repository, sources });
    let reader = Reader { tree: &tree, sources };
    let mut findings = Vec::new();
    for file in reader.list("").unwrap() {
        let (chart, version) = file.name.strip_suffix(".yaml").unwrap().split_once('@').unwrap();
        let values = reader.document(&file.name).unwrap().unwrap();
        let place = values.place;
        let record = records.find(chart, version);
        let deployment = Deployment::of_values(chart, version, vec![values], record, place);
        findings.extend(check_deployment(&deployment, sources));
    }
    findings
}

/// Returns what a rule finds in the cases of one side, a line each, with the case at its start.
fn found(code: &str, side: &str) -> String {
    let (overlays, others): (Vec<_>, Vec<_>) =
        cases(code, side).into_iter().partition(|case| case.join("environment.yaml").exists());
    let mut text = String::new();
    if !overlays.is_empty() {
        let sources = Sources::default();
        text += &shown(code, &check_overlays(code, side, &sources), "", &sources);
    }
    for case in others {
        let sources = Sources::default();
        let findings = match case.join("applicationsets").exists() {
            true => check_repository(&case, &sources),
            false => check_values(&case, &sources),
        };
        text += &shown(code, &findings, &format!("{}/", name_of(&case)), &sources);
    }
    text
}

fn name_of(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

fn shown(code: &str, findings: &[Finding], prefix: &str, sources: &Sources) -> String {
    let lines = findings.iter().filter(|finding| finding.rule.code == code).map(|finding| {
        let place = finding.diagnostic.place.unwrap_or_else(|| panic!("{code}: a finding without a place"));
        let (path, severity) = (sources.path(place.file), finding.severity().word());
        let message = &finding.diagnostic.message;
        let text = format!(
            "{prefix}{path}:{}:{}-{}:{} {severity}: {message}",
            place.line, place.column, place.end_line, place.end_column
        );
        ((path.to_string(), place.line, place.column), text)
    });
    let mut text = String::new();
    lines.collect::<BTreeSet<_>>().iter().for_each(|(_, line)| writeln!(text, "{line}").unwrap());
    text
}

#[test]
fn every_rule_finds_what_it_must_and_nothing_else() {
    let mut faults = Vec::new();
    let only = std::env::var("RULE").ok();
    let rules = RULES.iter().filter(|rule| rule.is_about_environments());
    // Its cases are made and not kept: they are large.
    let rules = rules.filter(|rule| rule.code != "object-size");
    for rule in rules.filter(|rule| only.as_deref().is_none_or(|only| only == rule.code)) {
        let code = rule.code;
        let path = root().join("tests/rules").join(code).join("expected.txt");
        let failing = found(code, "fail");
        if std::env::var_os("UPDATE").is_some() && !failing.is_empty() {
            fs::write(&path, &failing).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if failing.is_empty() {
            faults.push(format!("{code}: nothing in tests/rules/{code}/fail is found"));
        }
        for case in cases(code, "fail") {
            let name = name_of(&case);
            // What an overlay trusts wrongly is told at the partner's file.
            if !failing.contains(&name) && !failing.contains("onboarding/") {
                faults.push(format!("{code}: nothing is found in fail/{name}"));
            }
        }
        if failing != expected {
            faults.push(format!("{code}: expected\n{expected}found\n{failing}"));
        }
        if cases(code, "pass").is_empty() {
            faults.push(format!("{code}: there is no tests/rules/{code}/pass"));
        }
        let passing = found(code, "pass");
        if !passing.is_empty() {
            faults.push(format!("{code}: what must pass does not:\n{passing}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns what `object-size` finds in a dir's values, judged by themselves.
fn sizes(values: &str) -> Vec<String> {
    let sources = Sources::default();
    let node = dirops::yaml::parse(sources.add("values.yaml", values), values).unwrap();
    let place = node.place;
    let deployment = Deployment::of_values("dir", "v1.3.0", vec![node], None, place);
    let findings = check_deployment(&deployment, &sources);
    let large = findings.into_iter().filter(|finding| finding.rule.code == "object-size");
    large.map(|finding| finding.diagnostic.message).collect()
}

#[test]
fn objects_that_are_too_large_are_found() {
    let policies = |count: usize| {
        let rows: String = (0..count).map(|n| format!("    p,partner-{n}.example.net,*\n")).collect();
        format!("apiserver:\n  authz_policies_csv: |\n{rows}")
    };
    assert_eq!(sizes(&policies(30_000)), Vec::<String>::new());
    let found = sizes(&policies(40_000));
    assert!(found.len() == 1 && found[0].starts_with("the apiserver's ConfigMap is of "), "{found:?}");

    // What does not pack: the digits of a generator's numbers.
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:08x}", state >> 32)
    })
    .take(300_000)
    .collect();
    let found = sizes(&format!("apiserver:\n  podAnnotations:\n    noise: {noise}\n"));
    assert!(found.len() == 1 && found[0].contains("release"), "{found:?}");
    assert_eq!(sizes("apiserver:\n  podAnnotations:\n    noise: none\n"), Vec::<String>::new());
}
