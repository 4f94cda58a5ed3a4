//! What is generated is current: docs/rules.md and docs/schemas. UPDATE=1 in the environment writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use dirops::rules::markdown;
use dirops::workspace::{SchemaKind, schema};

const SCHEMAS: [(&str, SchemaKind); 4] = [
    ("federation", SchemaKind::Federation),
    ("environment", SchemaKind::Environment),
    ("component", SchemaKind::Component),
    ("review", SchemaKind::Review),
];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn assert_current(path: &str, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(root(path).parent().unwrap()).unwrap();
        fs::write(root(path), text).unwrap();
    }
    let committed = fs::read_to_string(root(path)).unwrap_or_default();
    assert!(committed == text, "{path} is not current: run the tests with UPDATE=1");
}

#[test]
fn the_rule_reference_is_current() {
    assert_current("docs/rules.md", &markdown());
}

#[test]
fn the_table_of_effects_is_current() {
    assert_current("docs/effects.md", &dirops::review::effects_markdown());
}

#[test]
fn the_schemas_are_current() {
    for (name, kind) in SCHEMAS {
        let text = serde_json::to_string_pretty(&schema(kind)).unwrap();
        assert_current(&format!("docs/schemas/{name}.json"), &format!("{text}\n"));
    }
}

/// Returns what the program prints.
fn printed(arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dirops")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_program_prints_the_same() {
    let root = env!("CARGO_MANIFEST_DIR");
    for (name, _) in SCHEMAS {
        let committed = fs::read_to_string(format!("{root}/docs/schemas/{name}.json")).unwrap();
        assert_eq!(printed(&["schema", name]), committed);
    }
    let reference = fs::read_to_string(format!("{root}/docs/rules.md")).unwrap();
    assert_eq!(printed(&["rules", "--markdown"]), reference);
    let listed = printed(&["rules"]);
    for rule in dirops::rules::RULES.iter() {
        assert!(listed.contains(rule.title), "{}", rule.code);
        let explained = printed(&["explain", rule.code]);
        for part in [rule.code, rule.title, rule.reason, rule.mend] {
            assert!(explained.contains(part) && reference.contains(part), "{}: {explained}", rule.code);
        }
    }
}

fn yaml(path: &Path) -> serde_json::Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Returns the repository's own files of a kind.
fn files(name: &str) -> Vec<PathBuf> {
    let (folder, file) = match name {
        "federation" => ("onboarding", ".yaml"),
        "environment" => (".", "environment.yaml"),
        _ => ("base", "component.yaml"),
    };
    let below = |top: &str| walkdir::WalkDir::new(root(top)).sort_by_file_name();
    let tops = if name == "environment" { vec!["base", "overlays"] } else { vec![folder] };
    tops.into_iter()
        .flat_map(below)
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(file)))
        .collect()
}

#[test]
fn the_repositorys_own_files_follow_the_schemas() {
    for (name, kind) in SCHEMAS.into_iter().filter(|(_, kind)| *kind != SchemaKind::Review) {
        let validator = jsonschema::validator_for(&schema(kind)).unwrap();
        let files = files(name);
        assert!(files.len() > 3, "{name}: {files:?}");
        for path in files {
            let errors: Vec<String> = validator.iter_errors(&yaml(&path)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{path:?}: {errors:?}");
        }
    }
}

#[test]
fn the_schemas_refuse_what_the_program_refuses() {
    for (name, text) in [
        ("federation", "className: dir-spire\ntrustDomain: a.b\nbundleEndpointURL: https://a.b\n"),
        (
            "federation",
            "className: x\ntrustDomain: A.b\nbundleEndpointURL: https://a.b\nbundleEndpointProfile: {type: https_web}\n",
        ),
        (
            "federation",
            "className: x\ntrustDomain: a.b\nbundleEndpointURL: https://a.b\n\
             bundleEndpointProfile: {type: https_web, endpointSPIFFEID: spiffe://a.b/x}\n",
        ),
        (
            "federation",
            "className: x\ntrustDomain: a.b\nbundleEndpointURL: http://a.b\nbundleEndpointProfile: {type: https_web}\n",
        ),
        ("environment", "trustDomian: a.b\n"),
        ("environment", "delivery: appset\n"),
        ("environment", "policies: {anyone: [Pull]}\n"),
        ("environment", "components: {dir: {versoin: v1}}\n"),
        ("component", "chart: {repository: r, name: n}\n"),
        ("component", "chart: {repository: r, name: n, version: v}\nservices: {api: 70000}\n"),
    ] {
        let kind = SCHEMAS.iter().find(|(kind, _)| *kind == name).unwrap().1;
        let validator = jsonschema::validator_for(&schema(kind)).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
        assert!(!validator.is_valid(&value), "{name}: {text}");
    }
}
