//! A small source repository in a folder of its own, and the program run on it.

#![allow(dead_code, reason = "every test binary uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub const FILES: &[(&str, &str)] = &[
    (
        "base/environment.yaml",
        "\
source: https://example.org/source
repository: https://example.org/environments
revision: main
argocd: {namespace: argocd}
hostPattern: '{service}.{domain}'
className: dir-spire
policies: {own: ['*'], anyone: [/a.v1.Store/Pull]}
federation:
  registry: onboarding/federation
  trust: none
  accept: [https_web]
  grants: {default: [/a.v1.Store/Pull]}
externalSecrets:
  apiVersion: v1
  path: dir/${{ name }}
  refreshInterval: 1h
  store: {name: vault}
",
    ),
    (
        "base/app/component.yaml",
        "\
chart: {repository: https://charts.example.org, name: app, version: 1.2.3}
wave: 1
clusterKinds: [{group: rbac.authorization.k8s.io, kind: ClusterRole}]
services: {web: 8080}
listKeys: {env: name}
credentials: [auth.login]
restartOn: [config]
secrets:
  - {name: '${{ release }}-app', shield: true, keys: {password: app-password}}
",
    ),
    (
        "base/app/values.yaml",
        "\
trustDomain: ${{ trustDomain }}
host: ${{ host.api }}
config: {level: info}
env:
  - {name: CHECKSUM, value: '${{ checksum }}'}
policies: ${{ policies.own }}
",
    ),
    ("base/app/charts/1.2.3.json", r#"{"chart": "app", "version": "1.2.3", "values": {"*": "any"}}"#),
    ("base/app/charts/2.0.0.json", r#"{"chart": "app", "version": "2.0.0", "values": {"*": "any"}}"#),
    ("base/app/profiles/kind.yaml", "local: true\n"),
    ("base/app/profiles/external-secrets.yaml", "auth: {existingSecret: '${{ release }}-app'}\n"),
    (
        "base/app/partners.yaml",
        "federation: ${{ partners | map(attribute='entry') | list }}\npolicies: ${{ policies.all }}\n",
    ),
    ("base/crds/component.yaml", "chart: {repository: https://charts.example.org, name: crds, version: 0.1.0}\n"),
    (
        "overlays/one/environment.yaml",
        "\
cluster: {name: one, address: https://kubernetes.default.svc}
trustDomain: one.example.org
profiles: [external-secrets]
components: {crds: {}, app: {}}
federation: {trust: all}
",
    ),
    (
        "overlays/two/environment.yaml",
        "\
cluster: {name: two, address: https://kubernetes.default.svc}
trustDomain: two.example.org
profiles: [kind]
delivery: applicationset
access: open
components: {crds: {}, app: {version: 2.0.0}}
",
    ),
    ("overlays/two/app.yaml", "config: {level: debug}\n"),
    (
        "onboarding/federation/partner.example.net.yaml",
        "\
className: dir-spire
trustDomain: partner.example.net
bundleEndpointURL: https://spire.partner.example.net
bundleEndpointProfile: {type: https_web}
",
    ),
];

/// What a run of the program printed, and how it ended.
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A source repository and a place to render it into.
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub fn new() -> Self {
        let scratch = Self { folder: tempfile::tempdir().unwrap() };
        for (path, text) in FILES {
            scratch.write(path, text);
        }
        scratch
    }

    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    pub fn target(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    /// Writes a file of the source.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        put(&self.source().join(path), content);
    }

    /// Replaces text in a file of the source that must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.source().join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, text.replace(from, to));
    }

    /// Writes a file of the environment repository.
    pub fn plant(&self, path: &str, content: impl AsRef<[u8]>) {
        put(&self.target().join(path), content);
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.target().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
        command
            .arg("--source")
            .arg(self.source())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments).spawn().unwrap())
    }

    /// Runs `render --into`, with more arguments.
    pub fn render(&self, arguments: &[&str]) -> Run {
        let into = self.target();
        let mut all = vec!["render", "--into", into.to_str().unwrap()];
        all.extend(arguments);
        self.run(&all)
    }

    /// Renders, which must succeed.
    pub fn rendered(&self) -> &Self {
        self.render(&[]).expect(0);
        self
    }

    /// Returns every file of the environment repository with its content, staged files left out.
    pub fn tree(&self) -> Vec<(String, Vec<u8>)> {
        tree(&self.target())
    }
}

impl Run {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let said = format!("{}{}", self.out, self.err);
        assert!(said.contains(text), "not said: {text:?}\nsaid: {said}");
        self
    }
}

pub fn finish(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = walkdir::WalkDir::new(root)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| {
            let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap_or_default())
        })
        .filter(|(path, _)| !path.starts_with(".dirops/staging"))
        .collect();
    files.sort();
    files
}

/// Commits everything in a folder, and returns the commit.
pub fn commit(folder: &Path) -> String {
    let repository = git2::Repository::open(folder).or_else(|_| git2::Repository::init(folder)).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::FORCE, None).unwrap();
    index.update_all(["*"], None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let author = git2::Signature::new("Test", "test@example.org", &git2::Time::new(0, 0)).unwrap();
    let head = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = head.iter().collect();
    repository.commit(Some("HEAD"), &author, &author, "change", &tree, &parents).unwrap().to_string()
}

fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
