//! `dirops secrets`: what is listed, and that the printed scripts create it in the form that is asked for.

#![cfg(unix)]

mod scratch;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scratch::{Run, Scratch, finish};
use serde_json::Value;

const COMPONENT: &str = "base/app/component.yaml";

/// A component that reads every form that can be drawn.
const FORMS: &str = "\
chart: {repository: https://charts.example.org, name: app, version: 1.2.3}
restartOn: [config]
secrets:
  - name: app
    keys: {key: node.privkey, user: oci-username, password: oci-password}
  - name: zot
    keys: {htpasswd: htpasswd, reader: sync-username, pass: sync-password}
forms:
  node.privkey: ed25519-key
  oci-username: {form: user, is: admin}
  oci-password: password
  sync-username: {form: user, is: \"o'user\"}
  sync-password: {form: password, given: [kind]}
  htpasswd: {form: htpasswd, users: {oci-username: oci-password, sync-username: sync-password}}
";

/// The repository that is here.
fn here(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn environments() -> Vec<String> {
    let folders = fs::read_dir(format!("{}/overlays", env!("CARGO_MANIFEST_DIR"))).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

fn with_forms() -> Scratch {
    let scratch = Scratch::new();
    scratch.write(COMPONENT, FORMS);
    scratch
}

#[test]
fn every_property_of_this_repository_is_described() {
    for environment in environments() {
        let run = here(&["secrets", &environment, "--format", "json"]).expect(0);
        let needs: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(needs["version"], 1);
        for entry in needs["entries"].as_array().unwrap() {
            for property in entry["properties"].as_array().unwrap() {
                assert!(property["form"].is_string(), "{environment}: say in component.yaml what this is: {property}");
                assert!(!property["readers"].as_array().unwrap().is_empty(), "{property}");
            }
        }
    }
}

#[test]
fn what_is_read_is_what_the_rendered_external_secrets_read() {
    let scratch = Scratch::new();
    scratch.rendered();
    let manifests = scratch.read("applications/app/one/manifests.yaml");
    let run = scratch.run(&["secrets", "one", "--format", "json"]).expect(0);
    let needs: Value = serde_json::from_str(&run.out).unwrap();
    let entry = &needs["entries"][0];
    assert_eq!(entry["path"], "dir/one");
    assert_eq!(entry["store"]["name"], "vault");
    let property = &entry["properties"][0];
    assert_eq!(property["property"], "app-password");
    assert_eq!(property["form"], Value::Null);
    assert_eq!(property["description"], "not described");
    let reader = &property["readers"][0];
    for (name, value) in [("key", "password"), ("component", "app"), ("namespace", "dir-one-app")] {
        assert_eq!(reader[name], value);
    }
    assert!(manifests.contains(reader["secret"].as_str().unwrap()), "{manifests}");
}

#[test]
fn the_table_is_for_people() {
    let run = with_forms().run(&["secrets", "one"]).expect(0);
    let expected = "\
dir/one in ClusterSecretStore vault
  property       must be                                                  read by  as
  htpasswd       htpasswd with bcrypt, of oci-username and sync-username  app      htpasswd of dir-one-app/zot
  node.privkey   Ed25519 private key in PEM                               app      key of dir-one-app/app
  oci-password   password                                                 app      password of dir-one-app/app
  oci-username   user name `admin`                                        app      user of dir-one-app/app
  sync-password  password                                                 app      pass of dir-one-app/zot
  sync-username  user name `o'user`                                       app      reader of dir-one-app/zot
";
    assert_eq!(run.out, expected);
}

#[test]
fn secrets_inside_values_and_objects_count_too() {
    let scratch = with_forms();
    let object = "\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: other}
spec:
  secretStoreRef: {kind: SecretStore, name: near}
  data:
    - {secretKey: config, remoteRef: {key: far/away, property: oci-password, decodingStrategy: Base64}}
";
    scratch.write("base/app/manifests.yaml", object);
    let indented: String = object.lines().map(|line| format!("    {line}\n")).collect();
    scratch.write("base/crds/values.yaml", format!("resources:\n  -\n{}", indented.replace("far/away", "raw/path")));
    let run = scratch.run(&["secrets", "one"]).expect(0);
    assert!(run.out.contains("far/away in SecretStore near\n"), "{}", run.out);
    assert!(run.out.contains("raw/path in SecretStore near\n"), "{}", run.out);
    assert!(run.out.contains("password, in base64 "), "{}", run.out);
    let script = scratch.run(&["secrets", "one", "--format", "vault"]).expect(0);
    assert!(script.out.contains("openssl base64 -A"), "{}", script.out);
}

#[test]
fn an_environment_without_a_store_has_nothing_to_create() {
    for format in ["text", "vault", "aws"] {
        let run = Scratch::new().run(&["secrets", "two", "--format", format]).expect(0);
        run.says("two reads nothing from a store");
    }
}

#[test]
fn faults_are_told() {
    let scratch = Scratch::new();
    scratch.run(&["secrets", "onne"]).expect(2).says("did you mean `one`?");
    for (from, to, says) in [
        ("oci-password: password", "oci-password: passwort", "did you mean `password`?"),
        ("oci-password: password", "oci-password: [password]", "must be a form or a map"),
        ("oci-password: password", "oci-password: {form: password, is: x}", "`is` means nothing for this form"),
        ("oci-password: password", "oci-password: {forms: password}", "has no key `forms`"),
        ("oci-password: password", "oci-password: user", "`oci-password` has not the form `password`"),
        ("{oci-username: oci-password,", "{oci-user: oci-password,", "`oci-user` has not the form `user`"),
        (
            "htpasswd: {form: htpasswd, users: {oci-username: oci-password, sync-username: sync-password}}",
            "htpasswd: htpasswd",
            "needs `users`",
        ),
    ] {
        scratch.write(COMPONENT, FORMS);
        scratch.edit(COMPONENT, from, to);
        scratch.run(&["secrets", "one"]).expect(2).says(says).says("base/app/component.yaml:");
    }
    scratch.write(COMPONENT, FORMS.replace(", user: oci-username", ""));
    scratch.run(&["secrets", "one", "--format", "vault"]).expect(2).says("nothing reads the property `oci-username`");
    scratch.write(COMPONENT, FORMS);
    scratch.edit(
        "overlays/one/environment.yaml",
        "profiles",
        "externalSecrets: {store: {aws: {region: eu-west-1}}}\nprofiles",
    );
    scratch.run(&["secrets", "one", "--format", "vault"]).expect(2).says("use --format aws");
    scratch.write(
        "base/crds/component.yaml",
        "chart: {repository: https://charts.example.org, name: crds, version: 0.1.0}\n\
         secrets: [{name: x, keys: {x: oci-password}}]\nforms: {oci-password: oauth-client-secret}\n",
    );
    scratch.run(&["secrets", "one"]).expect(2).says("expect different things of the property `oci-password`");
}

// --- scripts ---------------------------------------------------------------------------------------------------------

/// A folder with a program that keeps what it is given.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    fn new(name: &str, present: bool) -> Self {
        let fake = Self { folder: tempfile::tempdir().unwrap() };
        // What looks whether the entry is there must not be taken for what creates it.
        let answer = if present { 0 } else { 2 };
        let program = format!(
            "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nprintf '%s ' \"$@\" >>arguments\necho >>arguments\n\
             env >>environment\ncase \"$*\" in *' get '*|*describe*) exit {answer};; esac\ncat >>input\n"
        );
        fake.program(name, &program);
        fake
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Runs a script with this folder before all others, and `input` as what is typed.
    fn run(&self, script: &str, input: &str) -> Run {
        let path = self.path("script");
        fs::write(&path, script).unwrap();
        fs::write(self.path("typed"), input).unwrap();
        let places = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.arg(&path).env("PATH", places).stdin(fs::File::open(self.path("typed")).unwrap());
        finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

fn has(program: &str) -> bool {
    let places = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&places).any(|place| place.join(program).exists())
}

/// Returns whether the printed scripts can be run here; says so where not.
fn can_run() -> bool {
    let can = has("openssl") && has("bash");
    if !can {
        println!("skipped: openssl or bash is not here");
    }
    can
}

/// Puts in a stand-in for htpasswd where there is none: real ones are told by their lines.
fn with_htpasswd(fake: &Fake) {
    if !has("htpasswd") {
        println!("htpasswd is not here (Debian: apache2-utils): a stand-in takes its place");
        let hash = "$2y$10$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyz01234";
        let program = format!(
            "#!/bin/sh\nfor user; do :; done\ncat >>\"$(dirname \"$0\")/hashed\"\nprintf '%s:%s\\n\\n' \"$user\" '{hash}'\n"
        );
        fake.program("htpasswd", &program);
    }
}

fn entry(input: &str) -> BTreeMap<String, String> {
    serde_json::from_str(input).unwrap_or_else(|error| panic!("{error}: {input}"))
}

fn assert_private_key(pem: &str, folder: &Path) {
    let path = folder.join("key.pem");
    fs::write(&path, pem).unwrap();
    let output = Command::new("openssl").args(["pkey", "-noout", "-text", "-in"]).arg(&path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(output.status.success() && text.contains("ed25519"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_htpasswd(entry: &BTreeMap<String, String>, folder: &Path) {
    let file = &entry["htpasswd"];
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.len(), 2, "{file:?}");
    for (line, user, password) in [(lines[0], "admin", "oci-password"), (lines[1], "o'user", "sync-password")] {
        let (name, hash) = line.split_once(':').unwrap();
        assert_eq!(name, user);
        let rest = hash.strip_prefix("$2y$10$").unwrap_or_else(|| panic!("no bcrypt: {line}"));
        assert!(rest.len() == 53 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"./".contains(&b)), "{line}");
        if has("htpasswd") {
            let path = folder.join("file");
            fs::write(&path, file).unwrap();
            let output =
                Command::new("htpasswd").arg("-vb").arg(&path).args([user, &entry[password]]).output().unwrap();
            assert!(output.status.success(), "{user}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// Runs the script of an environment whose component has every form, and returns what was created.
fn created(scratch: &Scratch, fake: &Fake, format: &str) -> BTreeMap<String, String> {
    let script = scratch.run(&["secrets", "one", "--format", format]).expect(0).out;
    with_htpasswd(fake);
    fake.run(&script, "").expect(0).says("making dir/one");
    let entry = entry(&fake.read("input"));
    assert_eq!(entry["oci-username"], "admin");
    assert_eq!(entry["sync-username"], "o'user");
    assert!(entry["oci-password"].len() >= 32 && entry["oci-password"] != entry["sync-password"]);
    assert_private_key(&entry["node.privkey"], fake.folder.path());
    assert_htpasswd(&entry, fake.folder.path());
    let (arguments, environment) = (fake.read("arguments"), fake.read("environment"));
    for secret in ["oci-password", "sync-password", "node.privkey"] {
        let part = &entry[secret][..30];
        assert!(!arguments.contains(part) && !environment.contains(part), "{secret} is in plain sight");
    }
    entry
}

#[test]
fn the_script_for_vault_creates_every_form() {
    if !can_run() {
        return;
    }
    let (scratch, fake) = (with_forms(), Fake::new("vault", false));
    created(&scratch, &fake, "vault");
    assert_eq!(fake.read("arguments"), "kv get -mount=secret dir/one \nkv put -mount=secret -cas=0 dir/one - \n");

    let vault = "{server: 'https://v.example.org', path: kv, version: v1, namespace: team, role: dir}";
    scratch.edit(
        "overlays/one/environment.yaml",
        "profiles",
        &format!("externalSecrets: {{store: {{kind: SecretStore, vault: {vault}}}}}\nprofiles"),
    );
    let fake = Fake::new("vault", false);
    created(&scratch, &fake, "vault");
    assert_eq!(fake.read("arguments"), "kv get -mount=kv dir/one \nkv put -mount=kv dir/one - \n");
    assert!(fake.read("environment").contains("VAULT_ADDR=https://v.example.org\n"));
    assert!(fake.read("environment").contains("VAULT_NAMESPACE=team\n"));
}

#[test]
fn the_script_for_aws_creates_every_form() {
    if !can_run() {
        return;
    }
    let (scratch, fake) = (with_forms(), Fake::new("aws", false));
    scratch.edit(
        "overlays/one/environment.yaml",
        "profiles",
        "externalSecrets: {store: {aws: {region: eu-west-1}}}\nprofiles",
    );
    created(&scratch, &fake, "aws");
    let expected = "secretsmanager describe-secret --region eu-west-1 --secret-id dir/one \n\
                    secretsmanager create-secret --region eu-west-1 --name dir/one --secret-string file:///dev/stdin \n";
    assert_eq!(fake.read("arguments"), expected);
}

#[test]
fn what_is_there_is_never_overwritten() {
    if !can_run() {
        return;
    }
    let (scratch, fake) = (with_forms(), Fake::new("vault", true));
    let script = scratch.run(&["secrets", "one", "--format", "vault"]).expect(0).out;
    with_htpasswd(&fake);
    fake.run(&script, "").expect(1).says("dir/one is there already");
    assert_eq!(fake.read("input"), "");
}

#[test]
fn what_is_made_elsewhere_is_asked_for() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let keys = "{a: client, b: secret, c: database, d: cluster, e: unknown}";
    let forms = "{client: oauth-client-id, secret: oauth-client-secret, cluster: kubeconfig,\n  \
                 database: {form: password, given: [external-secrets]}}";
    let component = "chart: {repository: https://charts.example.org, name: app, version: 1.2.3}";
    scratch.write(
        COMPONENT,
        format!("{component}\nrestartOn: [config]\nsecrets: [{{name: x, keys: {keys}}}]\nforms: {forms}\n"),
    );
    let script = scratch.run(&["secrets", "one", "--format", "vault"]).expect(0).out;
    assert!(!script.contains("htpasswd"), "{script}");
    let fake = Fake::new("vault", false);
    let config = fake.path("kubeconfig");
    fs::write(&config, "apiVersion: v1\nkind: Config\n").unwrap();
    // In the order of their names: client, cluster, database, secret, unknown.
    let typed = format!("an id\n{}\nit's \"quoted\" \\ $HOME `x`\n secret \nää\t%s\n", config.display());
    fake.run(&script, &typed).expect(0);
    let entry = entry(&fake.read("input"));
    assert_eq!(entry["client"], "an id");
    assert_eq!(entry["cluster"], "apiVersion: v1\nkind: Config\n");
    assert_eq!(entry["database"], "it's \"quoted\" \\ $HOME `x`");
    assert_eq!(entry["secret"], " secret ");
    assert_eq!(entry["unknown"], "ää\t%s");

    for (typed, says) in [
        ("", "save this script, and run it in a terminal"),
        ("\n", "it cannot be empty"),
        ("an id\nnowhere\n", "nowhere is not there"),
    ] {
        let fake = Fake::new("vault", false);
        fake.run(&script, typed).expect(1).says(says);
        assert_eq!(fake.read("input"), "");
    }
}

#[test]
fn names_are_never_taken_for_commands() {
    if !can_run() {
        return;
    }
    let scratch = Scratch::new();
    let name = "a'$(touch pwned)`touch pwned`\n; touch pwned #";
    let path = "p'\"; touch pwned; $(touch pwned)";
    let form = format!("{{form: user, is: {}}}", Value::from(name));
    let key = Value::from(name);
    scratch.write(
        COMPONENT,
        format!(
            "chart: {{repository: https://charts.example.org, name: app, version: 1.2.3}}\nrestartOn: [config]\n\
             secrets: [{{name: x, keys: {{a: {key}, b: asked}}}}]\nforms: {{{key}: {form}, asked: oauth-client-id}}\n"
        ),
    );
    scratch.edit(
        "overlays/one/environment.yaml",
        "profiles",
        &format!("externalSecrets: {{path: {}}}\nprofiles", Value::from(path)),
    );
    let fake = Fake::new("vault", false);
    let script = scratch.run(&["secrets", "one", "--format", "vault"]).expect(0).out;
    fake.run(&script, "x\n").expect(0);
    assert_eq!(entry(&fake.read("input"))[name], name);
    assert!(fake.read("arguments").contains(path));
    for folder in [fake.folder.path(), Path::new(".")] {
        assert!(!folder.join("pwned").exists());
    }
}

#[test]
fn a_failing_command_ends_the_script() {
    if !can_run() {
        return;
    }
    for name in ["openssl", "htpasswd", "vault"] {
        let fake = Fake::new("vault", false);
        fake.program(name, "#!/bin/sh\ncase \"$*\" in *' get '*) exit 2;; esac\nexit 7\n");
        let script = with_forms().run(&["secrets", "one", "--format", "vault"]).expect(0).out;
        let run = fake.run(&script, "");
        assert_ne!(run.code, Some(0), "{name}: {}{}", run.out, run.err);
        assert_eq!(fake.read("input"), "", "{name}");
    }
}

#[test]
fn shellcheck_finds_nothing() {
    if !has("shellcheck") {
        println!("skipped: shellcheck is not here");
        return;
    }
    let with_forms = with_forms();
    let mut scripts: Vec<String> = environments()
        .iter()
        .map(|environment| here(&["secrets", environment, "--format", "vault"]).expect(0).out)
        .filter(|script| !script.is_empty())
        .collect();
    scripts
        .extend(["vault", "aws"].map(|format| with_forms.run(&["secrets", "one", "--format", format]).expect(0).out));
    let folder = tempfile::tempdir().unwrap();
    for script in scripts {
        let path = folder.path().join("script");
        fs::write(&path, &script).unwrap();
        let output = Command::new("shellcheck").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn properties_named_elsewhere_have_the_form_of_the_others() {
    let scratch = with_forms();
    scratch.edit(COMPONENT, "forms:\n", "forms:\n  \"*\": kubeconfig\n");
    scratch.edit(COMPONENT, "key: node.privkey,", "key: node.privkey, far: child01,");
    scratch.run(&["secrets", "one"]).expect(0).says("child01        kubeconfig, made elsewhere");
}
