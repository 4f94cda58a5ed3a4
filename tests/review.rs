//! `dirops diff` on histories like those of the real environment repository, and on source repositories.

mod scratch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use scratch::{Run, Scratch, finish};
use serde_json::Value;
use tempfile::TempDir;

/// A Git repository with a history.
struct History {
    folder: TempDir,
}

impl History {
    fn new() -> Self {
        let history = Self { folder: tempfile::tempdir().unwrap() };
        history.git(&["init", "--quiet", "--initial-branch=main"]);
        history
    }

    /// An environment repository in dir-staging's layout: dev and prod with a few components and partners.
    fn staging() -> Self {
        let history = Self::new();
        for environment in ["dev", "prod"] {
            history.environment(environment, &["spire", "dir"]);
        }
        history.write("onboarding/federation/one.org.yaml", &federation("one.org"));
        history.write("onboarding/federation/.federation.web.template.yaml", "# copy this\ntrustDomain: x\n");
        history.write("README.md", "# staging\n");
        history.commit("start");
        history
    }

    fn environment(&self, name: &str, components: &[&str]) {
        let project = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: dir-{name}}}\nspec:\n  description: {name}\n  \
             sourceRepos: [https://charts.example.org]\n  destinations: [{{namespace: '*', server: '*'}}]\n"
        );
        self.write(&format!("projects/dir/{name}/dir-{name}.yaml"), &project);
        let app = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: dir-{name}-projectapp}}\nspec:\n  source: \
             {{repoURL: https://github.com/example/staging, path: applicationsets/dir/{name}}}\n"
        );
        self.write(&format!("projectapps/dir/{name}/app.yaml"), &app);
        self.write(
            &format!("clusters/dir/{name}/cluster-config.json"),
            "{\"cluster_address\": \"https://kubernetes.default.svc\"}",
        );
        self.set(name, components);
        for component in components {
            let config = format!(
                "{{\n  \"chart_repo\": \"ghcr.io\",\n  \"chart_name\": \"agntcy/{component}\",\n  \"chart_version\": \"v1.0.0\"\n}}\n"
            );
            self.write(&format!("applications/{component}/{name}/config.json"), &config);
        }
        self.write(
            &format!("applications/spire/{name}/values.yaml"),
            &format!("global: {{spire: {{trustDomain: {name}.org}}}}\n"),
        );
        self.write(&format!("applications/dir/{name}/values.yaml"), &VALUES.replace("NAME", name));
        self.write(
            &format!("applications/dir/{name}/gen.values.yaml"),
            "apiserver:\n  spire:\n    federation:\n    - {trustDomain: one.org, bundleEndpointURL: https://one.org}\n  \
             authz_policies_csv: |\n    p,one.org,/a.B/C\n",
        );
    }

    /// Writes the ApplicationSet, as dir-staging has it.
    fn set(&self, name: &str, components: &[&str]) {
        let elements = |wave: bool| {
            let element = |(index, component): (usize, &&str)| match wave {
                true => format!(
                    "                - {{appName: {component}, namespace: {name}-{component}, syncWave: \"{index}\"}}\n"
                ),
                false => format!("                      - appName: {component}\n"),
            };
            components.iter().enumerate().map(element).collect::<String>()
        };
        let matrix = |path: &str| {
            format!(
                "          - matrix:\n              generators:\n                - list:\n                    elements:\n{}\
                 \x20               - git: {{repoURL: x, revision: main, files: [{{path: '{path}'}}]}}\n",
                elements(false)
            )
        };
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: dir-{name}-appset}}\nspec:\n  generators:\n    - merge:\n        \
             mergeKeys: [appName]\n        generators:\n          - list:\n              elements:\n{}{}{}\
             \x20 template:\n    metadata:\n      name: '{{{{ appName }}}}-dir-{name}-argoapp'\n      labels: {{app: '{{{{ appName }}}}'}}\n    spec:\n      \
             project: dir-{name}\n      sources:\n        - repoURL: '{{{{ chart_repo }}}}'\n          chart: '{{{{ chart_name }}}}'\n          \
             targetRevision: '{{{{ chart_version }}}}'\n          helm:\n            ignoreMissingValueFiles: true\n            valueFiles:\n              \
             - '$values/applications/{{{{ appName }}}}/{name}/values.yaml'\n              - '$values/applications/{{{{ appName }}}}/{name}/gen.values.yaml'\n        \
             - {{repoURL: x, targetRevision: main, ref: values}}\n      destination: {{server: '{{{{ cluster_address }}}}', namespace: '{{{{ namespace }}}}'}}\n      \
             syncPolicy: {{automated: {{prune: true}}}}\n",
            elements(true),
            matrix(&format!("clusters/dir/{name}/cluster-config.json")),
            matrix(&format!("applications/{{{{ appName }}}}/{name}/config.json")),
        );
        self.write(&format!("applicationsets/dir/{name}/applicationset.yaml"), &text);
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn edit(&self, path: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.path().join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to))
    }

    fn remove(&self, path: &str) -> &Self {
        let path = self.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        self
    }

    fn git(&self, arguments: &[&str]) {
        git(self.path(), arguments);
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = dirops(self.path());
        finish(command.arg("diff").args(arguments).spawn().unwrap())
    }

    /// The review of the last commit.
    fn review(&self) -> Review {
        let json = self.run(&["HEAD~1", "HEAD", "--format", "json"]).expect(0).out;
        let json = serde_json::from_str(&json).unwrap();
        let validator = jsonschema::validator_for(&dirops::review::schema()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        Review(json)
    }

    /// Asserts that the review of the last commit says this, for people.
    fn says(&self, text: &str) {
        self.run(&["HEAD~1", "HEAD"]).expect(0).says(text);
    }
}

const VALUES: &str = "\
apiserver:
  image: {repository: ghcr.io/agntcy/dir-apiserver, tag: v1.0.0}
  spire: {trustDomain: NAME.org}
  config:
    publication: {worker_count: 1}
  authz_policies_csv: |
    p,NAME.org,*
  zot:
    pvc: {create: true, storage: 100Gi, storageClassName: gp3}
    secretFiles:
      htpasswd: |-
        admin:$2y$05$vmiurPmJvHylk78HHFWuruFFVePlit9rZWGA
    configFiles:
      config.json: |-
        {\"http\": {\"port\": \"5000\"}, \"log\": {\"level\": \"info\"}}
";

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "a").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        command.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
    }
    let output = command.current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn dirops(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.current_dir(folder).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command
}

fn federation(trust_domain: &str) -> String {
    format!(
        "className: dir-spire\ntrustDomain: {trust_domain}\nbundleEndpointURL: https://spire.{trust_domain}\n\
         bundleEndpointProfile: {{type: https_web}}\n"
    )
}

/// What `--format json` says.
struct Review(Value);

impl Review {
    fn changes(&self) -> &[Value] {
        self.0["changes"].as_array().unwrap()
    }

    /// Asserts that exactly these changes are told: effect, what happens, and where.
    #[track_caller]
    fn is(&self, expected: &[(&str, &str, &str)]) -> &Self {
        let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
        let place = |change: &Value| {
            let parts = ["environment", "component", "object", "path"].map(|key| text(change, key));
            parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
        };
        let told: Vec<_> = self
            .changes()
            .iter()
            .map(|change| (text(change, "effect"), text(change, "change"), place(change)))
            .collect();
        let told: Vec<_> = told.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
        assert_eq!(told, expected);
        assert!(self.0["complete"].as_bool().unwrap());
        let counts: u64 = self.changes().iter().map(|change| change["count"].as_u64().unwrap()).sum();
        assert_eq!(self.0["total"].as_u64(), Some(counts));
        self
    }

    #[track_caller]
    fn caused_by(&self, number: usize, before: &str, after: &str) -> &Self {
        let side = |side: &str| {
            let origin = &self.changes()[number]["cause"][side];
            match origin["path"].as_str() {
                Some(path) => format!("{path}:{}", origin["line"]),
                None => String::new(),
            }
        };
        assert_eq!((side("before").as_str(), side("after").as_str()), (before, after));
        self
    }
}

#[test]
fn a_partner_is_added() {
    let history = History::staging();
    history.write("onboarding/federation/two.org.yaml", &federation("two.org"));
    history.edit(
        "applications/dir/prod/gen.values.yaml",
        "https://one.org}\n",
        "https://one.org}\n    - {trustDomain: two.org, bundleEndpointURL: https://two.org}\n",
    );
    history.edit(
        "applications/dir/prod/gen.values.yaml",
        "    p,one.org,/a.B/C\n",
        "    p,one.org,/a.B/C\n    p,two.org,*\n",
    );
    history.commit("add two.org");
    history.says("a partner is gained");
    history
        .review()
        .is(&[
            ("identity", "added", "federation file onboarding/federation/two.org.yaml"),
            ("identity", "added", "prod dir values apiserver.spire.federation[trustDomain=two.org]"),
            ("access", "added", "prod dir values apiserver.authz_policies_csv(policies)[]"),
        ])
        .caused_by(0, "", "onboarding/federation/two.org.yaml:1")
        .caused_by(1, "", "applications/dir/prod/gen.values.yaml:5")
        .caused_by(2, "", "applications/dir/prod/gen.values.yaml:8");
}

#[test]
fn a_federation_entry_is_replaced_by_another_trust_domain() {
    let history = History::staging();
    history.edit("onboarding/federation/one.org.yaml", "one.org", "three.org");
    history.edit("applications/dir/prod/gen.values.yaml", "one.org", "three.org");
    history.commit("three.org instead of one.org");
    let review = history.review();
    review.is(&[
        ("identity", "changed", "federation file onboarding/federation/one.org.yaml bundleEndpointURL"),
        ("identity", "changed", "federation file onboarding/federation/one.org.yaml trustDomain"),
        ("identity", "removed", "prod dir values apiserver.spire.federation[trustDomain=one.org]"),
        ("identity", "added", "prod dir values apiserver.spire.federation[trustDomain=three.org]"),
        ("access", "added", "prod dir values apiserver.authz_policies_csv(policies)[]"),
        ("access", "removed", "prod dir values apiserver.authz_policies_csv(policies)[]"),
    ]);
    history.says("another trust domain takes the partner's place");
    history.says("a partner is lost");
}

#[test]
fn a_chart_and_an_image_are_bumped() {
    let history = History::staging();
    history.edit("applications/dir/prod/config.json", "v1.0.0", "v1.3.0");
    history.edit("applications/dir/prod/values.yaml", "tag: v1.0.0", "tag: 'v1.0.0@sha256:aaaa'");
    history.commit("bump");
    history
        .review()
        .is(&[
            ("version", "changed", "prod dir Application dir-dir-prod-argoapp spec.sources[0].targetRevision"),
            ("version", "changed", "prod dir values apiserver.image.tag"),
        ])
        .caused_by(0, "applications/dir/prod/config.json:4", "applications/dir/prod/config.json:4");
    history.says("3 minor versions up");
    history.edit("applications/dir/prod/values.yaml", "aaaa", "bbbb");
    history.commit("bump");
    history.says("another digest");
}

#[test]
fn a_component_is_removed() {
    let history = History::staging();
    history.set("prod", &["spire"]);
    history.remove("applications/dir/prod");
    history.commit("remove dir from prod");
    let review = history.review();
    review.is(&[
        ("data-loss", "removed", "prod dir Application dir-dir-prod-argoapp"),
        ("data-loss", "removed", "prod dir values"),
    ]);
    history.says("the component is removed, and what it deployed with it");
}

#[test]
fn values_that_another_file_wins_over_change_nothing() {
    let history = History::staging();
    // gen.values.yaml is laid over values.yaml.
    history.edit("applications/dir/prod/values.yaml", "p,prod.org,*", "p,prod.org,/x.Y/Z");
    history.commit("edit what has no effect");
    history.review().is(&[]);
    history.says("without effect on what is deployed: applications/dir/prod/values.yaml");
    history.says("no change of the configuration");
}

#[test]
fn spelling_and_comments_change_nothing() {
    let history = History::staging();
    let path = "applications/dir/prod/values.yaml";
    history.edit(path, "storage: 100Gi, storageClassName: gp3", "storageClassName: \"gp3\", storage: '100Gi'");
    history.edit(
        path,
        "{\"http\": {\"port\": \"5000\"}, \"log\": {\"level\": \"info\"}}",
        "{\n          \"log\": {\"level\":\"info\"},\n          \"http\": {\"port\": \"5000\"}\n        }",
    );
    history.edit(path, "apiserver:\n", "# why\napiserver:\n");
    history.commit("reformat");
    history.review().is(&[]);
}

#[test]
fn files_that_nothing_reads_are_told() {
    let history = History::staging();
    history.write("README.md", "# changed\n").write("onboarding/federation/.federation.web.template.yaml", "# new\n");
    history.write("applications/dir/prod/other.values.yaml", "a: 1\n");
    history.commit("what nothing reads");
    history.review().is(&[("reaches-nothing", "added", "prod dir values applications/dir/prod/other.values.yaml")]);
    history.says("no configuration: README.md, onboarding/federation/.federation.web.template.yaml");
}

#[test]
fn files_that_only_anothers_applications_read_are_told_there() {
    let history = History::staging();
    let file = "'$values/applications/{{ appName }}/prod/values.yaml'";
    let both = format!("{file}\n              - '$values/applications/{{{{ appName }}}}/common/values.yaml'");
    history.edit("applicationsets/dir/prod/applicationset.yaml", file, &both);
    history.write("applications/dir/common/values.yaml", "apiserver: {log_level: INFO}\n");
    history.commit("a file for several environments");
    history.edit("applications/dir/common/values.yaml", "INFO", "DEBUG");
    history.commit("log more");
    history.review().is(&[("restart", "changed", "prod dir values apiserver.log_level")]);
}

#[test]
fn a_file_is_told_of_every_application_that_reads_it() {
    let history = History::new();
    let application = |name: &str, source: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec:\n  sources:\n  \
             - {{repoURL: ghcr.io, chart: {name}, targetRevision: v1.0.0, helm: {{valueFiles: [$values/applications/{name}/prod/values.yaml]}}}}\n  \
             - {{repoURL: x, ref: values{source}}}\n"
        );
        history.write(&format!("applicationsets/dir/prod/{name}.yaml"), &text);
        history.write(&format!("applications/{name}/prod/values.yaml"), "a: 1\n");
    };
    application("one", ", path: applications/one/prod");
    application("two", ", path: applications/one");
    application("three", "");
    history.write("applicationsets/dir/prod/four.yaml", "path: applications/one/prod\nsources: [\n");
    history.edit("applicationsets/dir/prod/three.yaml", "/three/prod/values.yaml", "/one/prod/values.yaml");
    history.commit("start");
    history.edit("applications/one/prod/values.yaml", "1", "2");
    history.commit("one file");
    // Of what is deployed, a file that cannot be read may be a part, too.
    history.run(&["HEAD~1", "HEAD"]).expect(2).says("applicationsets/dir/prod/four.yaml");
    history.git(&["mv", "applicationsets/dir/prod/four.yaml", "applicationsets/dir/prod/five.yaml"]);
    history.edit("applicationsets/dir/prod/five.yaml", "applications/one/prod", "elsewhere");
    history.commit("readable");
    history.edit("applications/one/prod/values.yaml", "2", "3");
    history.write("applications/one/prod/job.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\n");
    history.commit("the file again, and an object beside it");
    history.review().is(&[
        ("other", "added", "prod one Job x"),
        ("other", "changed", "prod one values a"),
        ("other", "changed", "prod three values a"),
    ]);
}

#[test]
fn volumes_hosts_and_storage_are_judged() {
    let history = History::staging();
    let path = "applications/dir/prod/values.yaml";
    history.edit(path, "storage: 100Gi, storageClassName: gp3", "storage: 50Gi, storageClassName: io2");
    history.edit(path, "worker_count: 1", "worker_count: 2");
    history.edit(path, "\"5000\"", "\"5001\"");
    history.edit(path, "trustDomain: prod.org", "trustDomain: prod.net");
    history.edit("applications/spire/prod/values.yaml", "prod.org", "prod.net");
    history.commit("much");
    history.review().is(&[
        ("identity", "changed", "prod dir values apiserver.spire.trustDomain"),
        ("identity", "changed", "prod spire values global.spire.trustDomain"),
        ("data-loss", "changed", "prod dir values apiserver.zot.pvc.storage"),
        ("data-loss", "changed", "prod dir values apiserver.zot.pvc.storageClassName"),
        ("late-restart", "changed", "prod dir values apiserver.config.publication.worker_count"),
        ("late-restart", "changed", "prod dir values apiserver.zot.configFiles.\"config.json\"(JSON).http.port"),
    ]);
    history.edit(path, "storage: 50Gi", "storage: 60Gi");
    history.commit("grow");
    history.says("the volume grows");
}

#[test]
fn the_same_change_is_told_once() {
    let history = History::staging();
    for environment in ["dev", "prod"] {
        history.edit(&format!("applications/dir/{environment}/values.yaml"), "worker_count: 1", "worker_count: 5");
    }
    history.commit("both");
    let review = history.review();
    assert_eq!(review.changes().len(), 1);
    assert_eq!(review.changes()[0]["count"], 2);
    let environments: Vec<_> =
        review.changes()[0]["places"].as_array().unwrap().iter().map(|place| &place["environment"]).collect();
    assert_eq!(environments, ["dev", "prod"]);
    assert_eq!(review.0["total"], 2);
    history.run(&["HEAD~1", "HEAD", "--env", "dev"]).expect(0).says("1 change in dev");
    history.run(&["HEAD~1", "HEAD", "--component", "spire"]).expect(0).says("no change of the configuration");
}

#[test]
fn what_cannot_be_read_is_never_no_change() {
    let history = History::staging();
    history.write("applications/dir/prod/values.yaml", "a: [\n  password: PLANTED\n");
    history.edit("applications/dir/dev/values.yaml", "worker_count: 1", "worker_count: 5");
    history.commit("break");
    let run = history.run(&["HEAD~1", "HEAD", "--exit-code"]).expect(2);
    assert!(run.out.contains("not compared (after") && run.out.contains("INCOMPLETE"), "{}", run.out);
    assert_eq!(run.out.matches("not compared").count(), 1, "told once: {}", run.out);
    assert!(run.out.contains("applications/dir/prod/values.yaml:"), "{}", run.out);
    assert!(run.out.contains("worker_count"), "what can be read is still told: {}", run.out);
    assert!(!run.out.contains("PLANTED"), "{}", run.out);
    let json: Value =
        serde_json::from_str(&history.run(&["HEAD~1", "HEAD", "--format", "json"]).expect(2).out).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(json["failures"][0]["side"], "after");
}

#[test]
fn layouts_of_other_times_are_compared_by_their_files() {
    let history = History::new();
    history.write("applications/dir/values.yaml", "apiserver: {image: {tag: v0.4.0}}\n");
    history.write("applications/dir/config.json", "{\"chart_version\": \"v0.4.0\"}");
    history.write("onboarding/spire.prod.yaml", "# trustDomain: later\n");
    history.commit("start");
    history.edit("applications/dir/values.yaml", "v0.4.0", "v0.5.0");
    history.edit("applications/dir/config.json", "v0.4.0", "v0.5.0");
    history.write("onboarding/spire.prod.yaml", &federation("prod.org"));
    history.commit("bump");
    let run = history.run(&["HEAD~1", "HEAD", "--format", "json"]);
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let effects: Vec<_> =
        json["changes"].as_array().unwrap().iter().map(|change| change["effect"].as_str().unwrap()).collect();
    assert_eq!(effects, ["identity", "version", "version"], "{}", run.out);
}

#[test]
fn an_environment_comes_and_goes() {
    let history = History::staging();
    history.environment("test", &["spire", "dir"]);
    history.commit("add test");
    history.says("apiserver.spire.trustDomain = test.org");
    history.says("a component is deployed that was not there");
    let without_effect = || history.run(&["HEAD~1", "HEAD"]).out.contains("without effect");
    assert!(!without_effect(), "values come from several files, and all of them have some");
    history.git(&[
        "rm",
        "-r",
        "--quiet",
        "applications/dir/test",
        "applications/spire/test",
        "applicationsets/dir/test",
        "clusters/dir/test",
    ]);
    history.git(&["rm", "-r", "--quiet", "projects/dir/test", "projectapps/dir/test"]);
    history.commit("remove test");
    history.says("the component is removed");
    assert!(!without_effect());
}

#[test]
fn work_trees_ranges_and_folders_are_compared() {
    let history = History::staging();
    history.run(&[]).expect(0).says("no change of the configuration");
    history.run(&["--exit-code"]).expect(0);
    history.edit("applications/dir/prod/values.yaml", "worker_count: 1", "worker_count: 3");
    history.run(&[]).expect(0).says("1 → 3");
    history.run(&["--exit-code"]).expect(1);
    history.git(&["checkout", "--quiet", "-b", "side"]);
    history.commit("side");
    history.git(&["checkout", "--quiet", "main"]);
    history.edit("applications/dir/dev/values.yaml", "worker_count: 1", "worker_count: 9");
    history.commit("main");
    // Since the common ancestor, not what main has become meanwhile.
    let run = history.run(&["main...side"]).expect(0);
    assert!(run.out.contains("1 → 3") && !run.out.contains('9'), "{}", run.out);
    history.run(&["main..side"]).expect(0).says("9 → 1");
    history.run(&["nowhere"]).expect(2).says("there is no revision `nowhere`");
    let copy = tempfile::tempdir().unwrap();
    git(copy.path(), &["clone", "--quiet", "--branch", "side", history.path().to_str().unwrap(), "clone"]);
    let clone: PathBuf = copy.path().join("clone");
    history.run(&[".", clone.to_str().unwrap()]).expect(0).says("9 → 1");
    let bare = copy.path().join("bare");
    git(copy.path(), &["clone", "--quiet", "--bare", history.path().to_str().unwrap(), bare.to_str().unwrap()]);
    let mut command = dirops(copy.path());
    let run = finish(command.args(["diff", "main...side", "--into", bare.to_str().unwrap()]).spawn().unwrap());
    run.expect(0).says("1 → 3");
}

#[test]
fn a_source_repository_is_rendered_on_both_sides() {
    let scratch = Scratch::new();
    let source = scratch.source();
    git(&source, &["init", "--quiet", "--initial-branch=main"]);
    git(&source, &["add", "--all"]);
    git(&source, &["commit", "--quiet", "--message", "start"]);
    scratch.run(&["diff", "--exit-code"]).expect(0).says("no change of the configuration");
    scratch.write("onboarding/federation/new.example.net.yaml", federation("new.example.net"));
    scratch.edit("base/app/component.yaml", "version: 1.2.3", "version: 2.0.0");
    scratch.edit("overlays/two/environment.yaml", "trustDomain: two.example.org", "trustDomain: two.example.net");
    scratch.edit(
        "base/environment.yaml",
        "[/a.v1.Store/Pull]}\nexternalSecrets",
        "[/a.v1.Store/Push]}\nexternalSecrets",
    );
    let run = scratch.run(&["diff", "--format", "json"]).expect(0);
    let review = Review(serde_json::from_str(&run.out).unwrap());
    let find = |place: &str, path: &str| {
        let is_it =
            |change: &&Value| change["environment"] == place && change["path"].as_str().unwrap().starts_with(path);
        review.changes().iter().find(is_it).unwrap_or_else(|| panic!("{place} {path}: {}", run.out))
    };
    let cause = |change: &Value, side: &str| {
        format!("{}:{}", change["cause"][side]["path"].as_str().unwrap(), change["cause"][side]["line"])
    };
    let partner = find("one", "federation[trustDomain=new.example.net]");
    assert_eq!(cause(partner, "after"), "onboarding/federation/new.example.net.yaml:1");
    let version = find("one", "spec.sources[0].targetRevision");
    assert_eq!(cause(version, "before"), "base/app/component.yaml:1");
    assert_eq!(version["cause"]["after"]["layer"], "component app");
    // The line with the expression is the same on both sides: the fact behind it is what changed.
    let trust_domain = find("two", "trustDomain");
    assert_eq!(cause(trust_domain, "after"), "overlays/two/environment.yaml:2");
    let host = find("two", "host");
    assert_eq!(cause(host, "after"), "overlays/two/environment.yaml:2");
}

#[test]
fn a_source_repository_that_cannot_be_rendered_is_not_compared() {
    let scratch = Scratch::new();
    let source = scratch.source();
    git(&source, &["init", "--quiet", "--initial-branch=main"]);
    git(&source, &["add", "--all"]);
    git(&source, &["commit", "--quiet", "--message", "start"]);
    scratch.write("base/app/values.yaml", "a: ${{ nobody }}\n");
    let run = scratch.run(&["diff", "--exit-code"]).expect(2).says("not compared (after of one)").says("INCOMPLETE");
    assert!(!run.out.contains("no change of the configuration"), "{}", run.out);
    scratch.write("overlays/two/environment.yaml", "components: [\n");
    scratch.run(&["diff"]).expect(2).says("not compared (after)");
}

#[test]
fn a_partner_whose_file_cannot_be_read_is_not_one_that_is_lost() {
    let scratch = Scratch::new();
    let source = scratch.source();
    git(&source, &["init", "--quiet", "--initial-branch=main"]);
    git(&source, &["add", "--all"]);
    git(&source, &["commit", "--quiet", "--message", "start"]);
    scratch.write("onboarding/federation/partner.example.net.yaml", "trustDomain: [\n");
    let run = scratch
        .run(&["diff"])
        .expect(2)
        .says("not compared (after")
        .says("onboarding/federation/partner.example.net.yaml:");
    assert!(!run.out.contains("lost"), "{}", run.out);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_repository_show_nothing() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.yaml"), "planted: PLANTED\n").unwrap();
    let history = History::staging();
    let link = |path: &str, to: &Path| symlink(to, history.path().join(path)).unwrap();
    link("applications/dir/prod/link.yaml", &outside.path().join("secret.yaml"));
    link("applications/dir/prod/folder", outside.path());
    link("applications/dir/prod/circle", Path::new("."));
    history.remove("applications/dir/prod/values.yaml");
    link("applications/dir/prod/values.yaml", &outside.path().join("secret.yaml"));
    let in_work_tree = history.run(&[]);
    history.commit("links");
    for run in [in_work_tree, history.run(&["HEAD~1", "HEAD"]), history.run(&["HEAD~1", "."])] {
        let run = run.expect(0);
        assert!(!run.out.contains("PLANTED"), "{}", run.out);
        assert!(run.out.contains("applications/dir/prod/link.yaml"), "{}", run.out);
    }
}

#[cfg(unix)]
#[test]
fn what_programs_print_is_compared() {
    let script = "exec \"$0\" diff <(echo 'a: 1') <(echo 'a: 2')";
    let output = Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_dirops")]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("a: 1 → 2"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
