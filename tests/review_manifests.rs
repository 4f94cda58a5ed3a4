//! `dirops diff` on files with manifests, and on texts in a format of their own.

use std::fs;
use std::process::{Command, Output};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SanType, SerialNumber, date_time_ymd};
use serde_json::{Value, json};

/// Returns the changes between two files, and the exit code.
fn changes(before: &str, after: &str) -> Vec<Value> {
    let output = diff(before, after, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    json["changes"].as_array().unwrap().clone()
}

fn diff(before: &str, after: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("before.yaml"), before).unwrap();
    fs::write(folder.path().join("after.yaml"), after).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.current_dir(folder.path()).args(["diff", "before.yaml", "after.yaml"]).args(arguments).output().unwrap()
}

/// Asserts what is told: what happens, in which object, where, and from what to what.
#[track_caller]
fn assert_told(before: &str, after: &str, expected: &[(&str, &str, &str, Value, Value)]) {
    let changes = changes(before, after);
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap();
            (text("change"), text("object"), text("path"), change["before"].clone(), change["after"].clone())
        })
        .collect();
    assert_eq!(told, expected);
}

fn object(kind: &str, name: &str, rest: &str) -> String {
    format!("---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: apps}}\n{rest}\n")
}

#[test]
fn objects_pair_whatever_their_order() {
    let (one, two) =
        (object("Service", "one", "spec: {type: ClusterIP}"), object("Service", "two", "spec: {type: NodePort}"));
    assert_told(&format!("{one}{two}"), &format!("# first\n{two}{one}"), &[]);
    let changed = two.replace("NodePort", "LoadBalancer");
    assert_told(
        &format!("{one}{two}"),
        &format!("{changed}{one}"),
        &[("changed", "Service apps/two", "spec.type", json!("NodePort"), json!("LoadBalancer"))],
    );
}

#[test]
fn an_object_with_another_name_and_the_same_content_is_renamed() {
    let content = "spec: {type: NodePort, ports: [{name: http, port: 80}]}";
    let (old, new) = (object("Service", "old", content), object("Service", "new", content));
    assert_told(&old, &new, &[("renamed", "Service apps/new", "metadata.name", json!("old"), json!("new"))]);
    let other = object("Service", "new", &content.replace("80", "81"));
    let mut told: Vec<_> = changes(&old, &other).iter().map(|change| change["change"].to_string()).collect();
    told.sort();
    assert_eq!(told, ["\"added\"", "\"removed\""]);
}

#[test]
fn order_counts_where_it_means_something() {
    let container = |args: &str, env: &str| {
        object("Deployment", "x", &format!("spec: {{containers: [{{name: c, args: {args}, env: {env}}}]}}"))
    };
    let (args, env) = ("[-a, -b, -c]", "[{name: A, value: '1'}, {name: B, value: '2'}]");
    assert_told(&container(args, env), &container(args, "[{name: B, value: '2'}, {name: A, value: '1'}]"), &[]);
    assert_told(
        &container(args, env),
        &container("[-a, -c]", env),
        &[("removed", "Deployment apps/x", "spec.containers[name=c].args[1]", json!("-b"), json!(null))],
    );
    assert!(!changes(&container(args, env), &container("[-b, -a, -c]", env)).is_empty());
}

#[test]
fn lists_of_objects_are_objects() {
    let list = |value: &str| {
        format!(
            "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{k: {value}}}}}\n"
        )
    };
    assert_told(&list("one"), &list("two"), &[("changed", "ConfigMap a", "data.k", json!("one"), json!("two"))]);
}

#[test]
fn equal_documents_of_one_name_are_counted() {
    let one = object("ConfigMap", "x", "data: {a: one}");
    let two = object("ConfigMap", "x", "data: {a: two}");
    assert_told(
        &format!("{one}{one}"),
        &one,
        &[(
            "removed",
            "ConfigMap apps/x",
            "",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "apps"}, "data": {"a": "one"}}),
            json!(null),
        )],
    );
    assert_told(&format!("{one}{two}"), &format!("{two}{one}"), &[]);
}

#[test]
fn what_is_no_yaml_is_not_compared() {
    let good = object("ConfigMap", "x", "data: {a: b}");
    for bad in ["a: [\n", "a: 1\na: 2\n", "a: !tag x\n", "%YAML 1.2\n---\na: [\n"] {
        let output = diff(&good, &format!("{good}---\n{bad}"), &["--exit-code"]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("not compared (after)") && said.contains("after.yaml:"), "{said}");
    }
}

#[test]
fn places_are_those_of_the_file() {
    let (one, two) = (object("ConfigMap", "one", "data: {a: b}"), object("ConfigMap", "two", "data:\n  a: b"));
    let changes = changes(&format!("{one}{two}"), &format!("{one}{}", two.replace("a: b", "a: c")));
    assert_eq!(changes[0]["cause"]["after"], json!({"path": "after.yaml", "line": 11, "layer": null}));
}

#[test]
fn files_that_are_no_manifests_are_compared_as_values() {
    let told = changes("a: {b: 1}\n", "a: {b: 2}\n");
    assert_eq!((told[0]["path"].as_str(), told.len()), (Some("a.b"), 1));
}

/// A certificate in PEM, valid from a year on, with this serial number.
fn certificate(key: &KeyPair, name: &str, year: i32, serial: u64) -> rcgen::Certificate {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.subject_alt_names = vec![SanType::URI(format!("spiffe://{name}").try_into().unwrap())];
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.not_before = date_time_ymd(year, 1, 1);
    parameters.not_after = date_time_ymd(year + 1, 1, 1);
    parameters.serial_number = Some(SerialNumber::from(serial));
    parameters.self_signed(key).unwrap()
}

fn config_map(text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("    {line}\n")).collect();
    object("ConfigMap", "x", &format!("data:\n  text: |\n{lines}"))
}

/// The paths that are told below `data.text`.
fn paths(before: &str, after: &str) -> Vec<String> {
    let changes = changes(&config_map(before), &config_map(after));
    let path = |change: &Value| {
        let path = change["path"].as_str().unwrap().replace("data.text", "");
        // Keys are new in every run.
        match path.split_once("[key=").map(|(before, rest)| (before, rest.split_once(']').unwrap().1)) {
            Some((before, after)) => format!("{before}[key]{after}"),
            None => path,
        }
    };
    changes.iter().map(path).collect()
}

#[test]
fn certificates_are_compared_by_what_people_look_at() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let pem = certificate(&key, "one.org", 2026, 1).pem();
    let wrapped = pem.replace('\n', "\n\n");
    assert_eq!(paths(&pem, &wrapped), Vec::<String>::new());
    assert_eq!(
        paths(&pem, &certificate(&key, "one.org", 2027, 1).pem()),
        ["(certificates)[key].notAfter", "(certificates)[key].notBefore"]
    );
    assert_eq!(
        paths(&pem, &certificate(&other, "one.org", 2026, 1).pem()),
        ["(certificates)[key]", "(certificates)[key]"]
    );
    assert_eq!(
        paths(&pem, &certificate(&key, "two.org", 2026, 1).pem()),
        ["(certificates)[key].names[]", "(certificates)[key].names[]", "(certificates)[key].subject"]
    );
    // All that people look at is the same, and it is another certificate.
    assert_eq!(paths(&pem, &certificate(&key, "one.org", 2026, 2).pem()), ["(certificates)[key].fingerprint"]);
    assert_eq!(
        paths(&pem, &format!("{pem}{}", certificate(&other, "two.org", 2026, 3).pem())),
        ["(certificates)[key]"]
    );
}

#[test]
fn bundles_are_compared_by_their_keys() {
    use base64::Engine;
    let key = KeyPair::generate().unwrap();
    let jwk = |year: i32| {
        let der = base64::engine::general_purpose::STANDARD.encode(certificate(&key, "one.org", year, 1).der());
        json!({"use": "x509-svid", "kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ", "x5c": [der]})
    };
    let jwt = |kid: &str| json!({"use": "jwt-svid", "kty": "EC", "crv": "P-256", "kid": kid, "x": "eA", "y": "eQ"});
    let bundle = |keys: &[Value]| serde_json::to_string_pretty(&json!({"spiffe_sequence": 1, "keys": keys})).unwrap();
    let before = bundle(&[jwk(2026), jwt("a")]);
    assert_eq!(paths(&before, &bundle(&[jwt("a"), jwk(2026)])), Vec::<String>::new());
    assert_eq!(
        paths(&before, &bundle(&[jwk(2027), jwt("a")])),
        ["(bundle).keys[key].notAfter", "(bundle).keys[key].notBefore"]
    );
    assert_eq!(paths(&before, &bundle(&[jwk(2026), jwt("a"), jwt("b")])), ["(bundle).keys[]"]);
}

#[test]
fn policies_are_sets_of_rows() {
    let rows = "p,one.org,*\np,*,/a.B/C\n";
    assert_eq!(paths(rows, "# comment\n\np, *, /a.B/C\np,one.org,*\np,one.org,*\n"), Vec::<String>::new());
    let told = changes(&config_map(rows), &config_map("p,*,/a.B/C\np,two.org,/a.B/D\n"));
    let rows: Vec<_> = told.iter().map(|change| (change["before"].clone(), change["after"].clone())).collect();
    assert_eq!(rows, [(json!("p,one.org,*"), json!(null)), (json!(null), json!("p,two.org,/a.B/D"))]);
}

#[test]
fn lists_without_end_take_no_time_without_end() {
    let list = |word: &str| {
        let items: Vec<String> = (0..20_000).map(|number| format!("{word}{number}")).collect();
        object("Deployment", "x", &format!("args: [{}]", items.join(", ")))
    };
    assert_eq!(changes(&list("a"), &list("b")).len(), 20_000);
}
