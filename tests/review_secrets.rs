//! No credential of a catalogue of planted ones reaches any output of `dirops diff`, and each is told to have changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const FORMATS: [&str; 4] = ["text", "json", "markdown", "html"];

/// Files with a credential each; `PLANTED` is another one before and after.
const CATALOGUE: &[(&str, &str)] = &[
    ("applications/a/prod/values.yaml", "password: PLANTED\n"),
    ("applications/b/prod/values.yaml", "postgresql: {auth: {postgresPassword: PLANTED, database: x}}\n"),
    ("applications/c/prod/values.yaml", "apiserver: {zot: {authHeader: 'admin:PLANTED'}}\n"),
    (
        "applications/d/prod/values.yaml",
        "config: {store: {oci: {auth_config: {username: admin, password: PLANTED}}}}\n",
    ),
    (
        "applications/e/prod/values.yaml",
        "zot: {secretFiles: {htpasswd: \"admin:$2y$05$PLANTED\\nuser:$2y$05$PLANTEDx\\n\"}}\n",
    ),
    (
        "applications/f/prod/values.yaml",
        "env: [{name: DIRECTORY_SERVER_STORE_OCI_AUTH_CONFIG_PASSWORD, value: PLANTED}]\n",
    ),
    ("applications/g/prod/values.yaml", "extraArgs: [--token, PLANTED, --level, info]\n"),
    ("applications/h/prod/values.yaml", "args: ['--client-secret=PLANTED']\n"),
    ("applications/i/prod/values.yaml", "database: {url: 'postgres://dir:PLANTED@db.example.org:5432/dir'}\n"),
    (
        "applications/j/prod/values.yaml",
        "config.json: '{\"http\": {\"auth\": {\"ldap\": {\"bindPassword\": \"PLANTED\"}}}}'\n",
    ),
    ("applications/k/prod/values.yaml", "config: |\n  [db]\n  password = \"PLANTED\"\n  host = x\n"),
    (
        "applications/l/prod/values.yaml",
        "script: |\n  #!/bin/sh\n  export DB_PASSWORD=PLANTED\n  curl -H 'Authorization: Bearer PLANTED1234567'\n",
    ),
    (
        "applications/m/prod/values.yaml",
        "key: |\n  -----BEGIN PRIVATE KEY-----\n  PLANTED\n  -----END PRIVATE KEY-----\n",
    ),
    ("applications/n/prod/values.yaml", "kubeConfigs: {child: {kubeConfigBase64: PLANTED}}\n"),
    (
        "applications/o/prod/values.yaml",
        "kubeconfig: |\n  users:\n  - name: a\n    user: {client-key-data: PLANTED, token: PLANTED}\n",
    ),
    ("applications/p/prod/values.yaml", "connectors: [{id: github, config: {clientID: x, clientSecret: PLANTED}}]\n"),
    ("applications/q/prod/values.yaml", "list: [{password: PLANTED}, {password: PLANTEDy}]\n"),
    (
        "applications/r/prod/values.yaml",
        "dockerconfigjson: '{\"auths\": {\"ghcr.io\": {\"auth\": \"UExBTlRFRA0123456PLANTED\", \"password\": \"PLANTED\"}}}'\n",
    ),
    ("applications/s/prod/values.yaml", "nested: |\n  inner: |\n    password: PLANTED\n"),
    (
        "applicationsets/dir/prod/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: PLANTED}\ndata: {b: PLANTED}\n",
    ),
    (
        "applicationsets/dir/prod/list.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {'app.yaml': \"auth:\\n  token: PLANTED\\n\"}\n",
    ),
];

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").current_dir(folder);
    command.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(arguments);
    assert!(command.output().unwrap().status.success(), "git {arguments:?}");
}

fn write(folder: &Path, files: &[(&str, &str)], secret: &str) {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("PLANTED", secret)).unwrap();
    }
}

fn review(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    let output = command.current_dir(folder).arg("diff").args(arguments).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asserts that a review says nothing of either credential in any format.
fn assert_silent(folder: &Path, arguments: &[&str]) {
    for format in FORMATS {
        let said = review(folder, &[arguments, &["--format", format]].concat());
        for planted in ["PlAnTeD", "GeHeIm"] {
            let line = said.lines().find(|line| line.contains(planted));
            assert!(line.is_none(), "{arguments:?} in {format}: {}", line.unwrap_or_default());
        }
    }
}

#[test]
fn credentials_are_told_to_have_changed_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    git(folder, &["init", "--quiet"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "--message", "empty"]);
    for (number, secret) in ["PlAnTeD0", "GeHeIm1x"].into_iter().enumerate() {
        write(folder, CATALOGUE, secret);
        git(folder, &["add", "--all"]);
        git(folder, &["commit", "--quiet", "--message", &number.to_string()]);
    }
    for range in [["HEAD~2", "HEAD~1"], ["HEAD~1", "HEAD"], ["HEAD", "HEAD~2"]] {
        assert_silent(folder, &range);
    }
    let json: Value = serde_json::from_str(&review(folder, &["HEAD~1", "HEAD", "--format", "json"])).unwrap();
    for (path, _) in CATALOGUE {
        let component = path.split('/').nth(1).unwrap();
        let is_told = |change: &Value| {
            let text = change.to_string();
            (change["component"] == component || text.contains(path)) && text.contains("(secret ")
        };
        assert!(json["changes"].as_array().unwrap().iter().any(is_told), "{path} is not told");
    }
}

#[test]
fn files_that_cannot_be_read_show_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    git(folder, &["init", "--quiet"]);
    write(folder, CATALOGUE, "PlAnTeD0");
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "one"]);
    for text in
        ["password: PLANTED\n\tx", "password: [PLANTED\n", "password: !PLANTED x\n", "a: 1\na: PLANTED\n", "\"PLANTED"]
    {
        write(folder, &[("applications/a/prod/values.yaml", text)], "GeHeIm1x");
        assert_silent(folder, &[]);
    }
}

#[test]
fn manifests_hide_them_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, secret) in [("old", "PlAnTeD0"), ("new", "GeHeIm1x")] {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: PLANTED}\n---\napiVersion: v1\n\
                    kind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: other}\n  data: {z: PLANTED}\n";
        write(folder, &[(&format!("{name}.yaml"), text)], secret);
    }
    assert_silent(folder, &["old.yaml", "new.yaml"]);
}
