//! Environment repositories that somebody else wrote: what Applications they come to, and what cannot be told.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

struct Repository(TempDir);

impl Repository {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn check(&self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dirops"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["check", "--into"])
            .arg(self.0.path())
            .output()
            .unwrap()
    }

    /// Asserts the exit code, and that something is said.
    fn says(&self, exit: i32, what: &str) {
        let output = self.check();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains(what), "not said: {what}\nsaid: {said}");
    }
}

/// An ApplicationSet with these generators; its Applications are called after `name` and deploy a chart in a
/// repository that no project permits, so that each is told of.
fn set(generators: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: all}}\nspec:\n  generators:\n{generators}\
         \n  template:\n    metadata: {{name: '{{{{ name }}}}'}}\n    spec:\n      project: none\n      source: {{repoURL: 'https://{{{{ host }}}}', \
         chart: shop, targetRevision: 1.0.0}}\n      destination: {{server: x, namespace: '{{{{ name }}}}'}}\n"
    )
}

const PROJECT: (&str, &str) = (
    "projects/none.yaml",
    "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: none}\nspec: {destinations: [{namespace: '*'}]}\n",
);

#[test]
fn generators_are_worked_out() {
    let list = "    - list: {elements: [{name: a, host: one}, {name: b, host: two}]}";
    Repository::new(&[PROJECT, ("applicationsets/x/set.yaml", &set(list))]).says(1, "the repository https://two of b");

    let files = "    - git: {repoURL: x, files: [{path: 'apps/*/config.json'}]}";
    let with_files = [
        PROJECT,
        ("applicationsets/x/set.yaml", &set(files)),
        ("apps/one/config.json", r#"{"name": "a", "host": "first"}"#),
        ("apps/two/config.json", r#"{"name": "b", "host": "second"}"#),
    ];
    Repository::new(&with_files).says(1, "the repository https://second of b");

    let matrix = "    - matrix:\n        generators:\n          - list: {elements: [{name: a}, {name: b}]}\n          \
                  - git: {repoURL: x, files: [{path: 'apps/{{ name }}.yaml'}]}";
    let with_matrix = [PROJECT, ("applicationsets/x/set.yaml", &set(matrix)), ("apps/b.yaml", "host: second\n")];
    Repository::new(&with_matrix).says(1, "the repository https://second of b");

    let merge = "    - merge:\n        mergeKeys: [name]\n        generators:\n          - list: {elements: [{name: a, host: x}, {name: b, host: y}]}\
                 \n          - list: {elements: [{name: b, host: z}]}";
    let merged = Repository::new(&[PROJECT, ("applicationsets/x/set.yaml", &set(merge))]);
    merged.says(1, "the repository https://x of a");
    merged.says(1, "the repository https://z of b");
}

#[test]
fn the_project_default_permits_everything() {
    let list = set("    - list: {elements: [{name: a, host: one}]}").replace("project: none", "project: default");
    Repository::new(&[("applicationsets/x/set.yaml", &list)]).says(0, "0 errors");
}

#[test]
fn what_only_a_cluster_can_tell_is_said() {
    let cluster = set("    - clusters: {}");
    Repository::new(&[("applicationsets/x/set.yaml", &cluster)]).says(2, "the generator `clusters` is not understood");
    let patch = format!("{}  templatePatch: |\n    x\n", set("    - list: {elements: []}"));
    Repository::new(&[("applicationsets/x/set.yaml", &patch)]).says(2, "`templatePatch` is not understood");
    Repository::new(&[("README.md", "nothing")]).says(2, "there is no object of Argo CD");
    Repository::new(&[("applicationsets/x/set.yaml", "a: [\n")]).says(2, "applicationsets/x/set.yaml:");
    Repository::new(&[("applicationsets/x/set.yaml", "kind: ApplicationSet\n")]).says(2, "has no `spec`");
}

#[test]
fn a_matrix_without_end_is_refused() {
    let many = (0..100).map(|n| format!("{{name: n{n}}}")).collect::<Vec<_>>().join(", ");
    let list = format!("          - list: {{elements: [{many}]}}\n");
    let matrix = format!("    - matrix:\n        generators:\n{}", list.repeat(6));
    Repository::new(&[("applicationsets/x/set.yaml", &set(&matrix))]).says(2, "more than 100000 Applications");
}

#[cfg(unix)]
#[test]
fn linked_folders_are_not_followed() {
    let repository = Repository::new(&[PROJECT, ("applicationsets/x/set.yaml", &set("    - list: {elements: []}"))]);
    for name in ["a", "b", "c"] {
        std::os::unix::fs::symlink("..", repository.0.path().join("applicationsets/x").join(name)).unwrap();
    }
    repository.says(0, "0 errors");
}
