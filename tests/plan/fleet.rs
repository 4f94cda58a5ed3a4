//! A small fleet that can be changed in every way that a source repository changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

pub const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n";
pub static PARTNER_NEW: LazyLock<String> = LazyLock::new(|| partner("new.example.net", 0));

fn partner(trust_domain: &str, variant: u8) -> String {
    format!(
        "className: dir-spire\ntrustDomain: {trust_domain}\nbundleEndpointURL: https://spire{variant}.{trust_domain}\n\
         bundleEndpointProfile: {{type: https_web}}\n"
    )
}

const BASE: &str = "\
source: https://example.org/source
repository: https://example.org/environments
revision: main
argocd: {namespace: argocd}
hostPattern: '{service}.{domain}'
className: dir-spire
policies: {own: ['*'], anyone: [/a.v1.Store/Pull]}
federation: {registry: onboarding/federation, trust: none, accept: [https_web], grants: {default: [/a.v1.Store/Pull]}}
externalSecrets: {apiVersion: v1, path: dir, refreshInterval: 1h, store: {name: vault}}
";

struct Environment {
    folder: &'static str,
    name: Option<&'static str>,
    profiles: BTreeSet<&'static str>,
    app: Option<&'static str>,
    side: bool,
    registry: Option<&'static str>,
}

/// Environments, and every other file by path.
pub struct Fleet {
    environments: Vec<Environment>,
    defaults: u8,
    files: BTreeMap<String, String>,
}

const FOLDERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const NAMES: [&str; 4] = ["a", "north", "south", "d"];
const PROFILES: [&str; 3] = ["kind", "red", "blue"];
const REGISTRIES: [&str; 2] = ["onboarding/federation", "onboarding/other"];

/// Takes the next one of some.
fn pick<T: Copy, const N: usize>(from: [T; N], byte: u8) -> T {
    from[usize::from(byte) % N]
}

impl Fleet {
    /// Three environments that have little in common.
    pub fn new() -> Self {
        let environment = |folder, profile, app, side, registry| Environment {
            folder,
            name: None,
            profiles: BTreeSet::from([profile]),
            app,
            side,
            registry,
        };
        let mut fleet = Self {
            environments: vec![
                environment("a", "kind", Some("1.2.3"), false, Some(REGISTRIES[0])),
                environment("b", "red", Some("2.0.0"), false, None),
                environment("c", "blue", None, true, Some(REGISTRIES[1])),
            ],
            defaults: 0,
            files: BTreeMap::new(),
        };
        for (path, text) in [
            ("base/app/component.yaml", "chart: {repository: https://e.org, name: app, version: 1.2.3}\nwave: 1\n"),
            ("base/app/values.yaml", "config: {level: info}\npolicies: ${{ policies.all }}\nvar: ${{ vars.level }}\n"),
            ("base/app/charts/1.2.3.json", r#"{"chart": "app", "version": "1.2.3", "values": {"*": "any"}}"#),
            ("base/app/charts/2.0.0.json", r#"{"chart": "app", "version": "2.0.0", "values": {"*": "any"}}"#),
            ("base/app/profiles/kind.yaml", "kind: 1\n"),
            ("base/app/profiles/red.yaml", "red: 1\n"),
            ("base/side/component.yaml", "chart: {repository: https://e.org, name: side, version: 0.1.0}\n"),
            ("base/side/profiles/kind.yaml", "kind: 1\n"),
            ("base/side/profiles/red.yaml", "red: 1\n"),
            ("base/side/profiles/blue.yaml", "blue: 1\n"),
        ] {
            fleet.files.insert(path.to_owned(), text.to_owned());
        }
        for registry in REGISTRIES {
            fleet.files.insert(format!("{registry}/partner0.example.net.yaml"), partner("partner0.example.net", 0));
        }
        fleet
    }

    /// Changes something: what, which one, and how.
    pub fn change(&mut self, [what, which, how]: [u8; 3]) {
        let index = usize::from(which) % self.environments.len().max(1);
        match what % 14 {
            0 => self.add_environment(which, how),
            1 if self.environments.len() > 1 => {
                let folder = self.environments.remove(index).folder;
                self.files.retain(|path, _| !path.starts_with(&format!("overlays/{folder}/")));
            }
            2 => self.environments[index].name = if how % 2 == 0 { None } else { Some(pick(NAMES, how)) },
            3 => self.rename_folder(index, how),
            4 => {
                let profiles = &mut self.environments[index].profiles;
                let profile = pick(PROFILES, how);
                if !profiles.remove(profile) {
                    profiles.insert(profile);
                }
            }
            5 => self.environments[index].app = pick([None, Some("1.2.3"), Some("2.0.0")], how),
            6 => self.environments[index].side = how % 2 == 0,
            7 => self.environments[index].registry = pick([None, Some(REGISTRIES[0]), Some(REGISTRIES[1])], how),
            8 => self.defaults = how % 3,
            9 => {
                let file = pick(["app.yaml", "side.yaml", "app.manifests.yaml", "README.md"], which / 8);
                let folder = self.environments[index].folder;
                self.toggle(format!("overlays/{folder}/{file}"), how);
            }
            10 | 11 => {
                let component = pick(["app", "side"], which);
                let file = pick(
                    [
                        "values.yaml",
                        "partners.yaml",
                        "manifests.yaml",
                        "profiles/red.yaml",
                        "profiles/blue.yaml",
                        "profiles/blue.manifests.yaml",
                        "profiles/kind.manifests.yaml",
                        "notes.md",
                    ],
                    which / 2,
                );
                self.toggle(format!("base/{component}/{file}"), how);
            }
            _ => {
                let name = format!("partner{}.example.net", which % 3);
                let path = format!("{}/{name}.yaml", pick(REGISTRIES, which / 3));
                match how % 3 {
                    0 => self.files.remove(&path),
                    variant => self.files.insert(path, partner(&name, variant)),
                };
            }
        }
    }

    /// Writes another text, or removes the file.
    fn toggle(&mut self, path: String, how: u8) {
        let text = match path.ends_with("manifests.yaml") {
            true => OBJECT.replace("a: b", &format!("a: b{how}")),
            false => format!("extra{}: {how}\npartners: ${{{{ partners | length }}}}\n", how % 3),
        };
        match how % 4 {
            0 => self.files.remove(&path),
            _ => self.files.insert(path, text),
        };
    }

    fn add_environment(&mut self, which: u8, how: u8) {
        let folder = pick(FOLDERS, which);
        if self.environments.iter().all(|environment| environment.folder != folder) {
            let registry = pick([None, Some(REGISTRIES[0]), Some(REGISTRIES[1])], how);
            let profiles = BTreeSet::from([pick(PROFILES, how)]);
            let environment = Environment { folder, name: None, profiles, app: Some("1.2.3"), side: true, registry };
            self.environments.push(environment);
        }
    }

    fn rename_folder(&mut self, index: usize, how: u8) {
        let (old, new) = (self.environments[index].folder, pick(FOLDERS, how));
        if self.environments.iter().any(|environment| environment.folder == new) {
            return;
        }
        self.environments[index].folder = new;
        let old = format!("overlays/{old}/");
        let moved: Vec<String> = self.files.keys().filter(|path| path.starts_with(&old)).cloned().collect();
        for path in moved {
            let text = self.files.remove(&path).unwrap_or_default();
            self.files.insert(format!("overlays/{new}/{}", &path[old.len()..]), text);
        }
    }

    /// Writes the fleet into a folder, and removes what is not of it.
    pub fn write(&self, folder: &Path) {
        for part in ["base", "overlays", "onboarding"] {
            let _ = fs::remove_dir_all(folder.join(part));
        }
        let mut files = self.files.clone();
        let level = pick(["none", "some", "all"], self.defaults);
        files.insert("base/environment.yaml".to_owned(), format!("{BASE}vars: {{level: {level}}}\n"));
        for environment in &self.environments {
            files.insert(format!("overlays/{}/environment.yaml", environment.folder), environment.to_yaml());
            // Values of what is not deployed would be refused.
            for (component, deployed) in [("app", environment.app.is_some()), ("side", environment.side)] {
                if !deployed {
                    for ending in ["yaml", "manifests.yaml"] {
                        files.remove(&format!("overlays/{}/{component}.{ending}", environment.folder));
                    }
                }
            }
        }
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

impl Environment {
    fn to_yaml(&self) -> String {
        let folder = self.folder;
        let mut text = format!(
            "cluster: {{name: {folder}, address: https://kubernetes.default.svc}}\ntrustDomain: {folder}.example.org\n"
        );
        if let Some(name) = self.name {
            let _ = writeln!(text, "name: {name}");
        }
        let text_of = |names: Vec<String>| names.join(", ");
        let profiles = text_of(self.profiles.iter().map(|profile| (*profile).to_owned()).collect());
        let _ = writeln!(text, "profiles: [{profiles}]");
        let app = self.app.map(|version| format!("app: {{version: {version}}}"));
        let side = self.side.then(|| "side: {}".to_owned());
        let _ = writeln!(text, "components: {{{}}}", text_of(app.into_iter().chain(side).collect()));
        if let Some(registry) = self.registry {
            let _ = writeln!(text, "federation: {{registry: {registry}, trust: all}}");
        }
        text
    }
}
