//! `dirops init`: what it begins renders and checks, and what it refuses leaves nothing behind.

mod scratch;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use dirops::diagnostic::Sources;
use dirops::init::{self, Request};
use scratch::{Run, Scratch, finish, tree};

const ARGUMENTS: [&str; 6] = ["init", "one", "--profile", "kind", "--trust-domain", "example.org"];

fn dirops(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn environment(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(format!("overlays/{name}/environment.yaml"))).unwrap()
}

#[test]
fn an_empty_folder_becomes_a_repository_that_renders_and_checks() {
    for (profiles, more) in [
        (&["kind"][..], &[][..]),
        (&["eks", "https-web", "external-secrets"], &["--domain", "directory.example.org"]),
        (&["eks", "https-web", "external-secrets", "external-database"], &["--var", "databaseHost=db.example.org"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut arguments = vec!["init", "one", "--trust-domain", "example.org"];
        arguments.extend(profiles.iter().flat_map(|profile| ["--profile", profile]));
        arguments.extend(more);
        let run = dirops(folder, &arguments).expect(0);
        let run =
            run.says("wrote overlays/one/environment.yaml\n").says("wrote base/").says("dirops render one --into");
        assert!(!run.err.contains("error"), "{}", run.err);
        let lines = environment(folder, "one").lines().count();
        assert!(lines <= 15, "{lines} lines");
        dirops(folder, &["check"]).expect(0);
        dirops(folder, &["render", "--into", "into"]).expect(0).says("one: ");
        dirops(folder, &["secrets", "one"]).expect(0);
        let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        found.sort();
        assert_eq!(found, ["base", "into", "onboarding", "overlays"], "nothing else is left");

        // A second environment stands on the same base.
        let second = ["init", "two", "--profile", "kind", "--trust-domain", "two.example.org"];
        let run = dirops(folder, &second).expect(0);
        assert!(!run.out.contains("base/"), "{}", run.out);
        dirops(folder, &["check"]).expect(0);
    }
}

#[test]
fn the_file_is_short_and_says_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "init",
        "acme",
        "--profile",
        "eks",
        "--profile",
        "https-web",
        "--profile",
        "external-secrets",
        "--trust-domain",
        "acme.example.org",
        "--domain",
        "dir.acme.example.org",
        "--component",
        "spire-crds",
        "--component",
        "spire",
        "--cluster",
        "eks-acme",
        "--var",
        "issuer=letsencrypt",
    ];
    dirops(folder.path(), &arguments).expect(0);
    let expected = "\
# Every key: https://github.com/agntcy/dirops/blob/main/docs/sources.md
description: AGNTCY Directory, acme
cluster: {name: eks-acme}
# For good: every identity and every partner's federation file names it.
trustDomain: acme.example.org
# The public hostnames are made from it.
domain: dir.acme.example.org
profiles: [eks, https-web, external-secrets]
components: {spire-crds: {}, spire: {}}
federation:
  # Nobody, a list of trust domains that have a file in the registry, or all.
  trust: none
vars:
  issuer: letsencrypt
";
    assert_eq!(environment(folder.path(), "acme"), expected);
}

#[test]
fn names_that_yaml_takes_for_something_else_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["on", "123", "null", "1e3", "0x1f", "y", "2026-01-01"] {
        let trust_domain = format!("t{name}.example.org");
        let arguments =
            ["init", name, "--profile", "kind", "--trust-domain", &trust_domain, "--var", "y=no", "--var", "a=#: '{\""];
        dirops(folder.path(), &arguments).expect(0);
    }
    dirops(folder.path(), &["init", "td", "--profile", "kind", "--trust-domain", "1e3", "--domain", "example.org"])
        .expect(0);
    dirops(folder.path(), &["list"]).expect(0).says("2026-01-01\n").says("trust domain  1e3\n");
}

#[test]
fn a_folder_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--source", "new/repository"];
    arguments.extend(ARGUMENTS);
    dirops(folder.path(), &arguments).expect(0).says("dirops --source new/repository check");
    dirops(folder.path(), &["--source", "new/repository", "check"]).expect(0);
}

#[test]
fn a_repository_of_its_own_is_left_as_it_is() {
    let scratch = Scratch::new();
    let before = tree(&scratch.source());
    let address = ["--address", "https://10.0.0.1:6443"];
    let arguments = ["init", "three", "--profile", "kind", "--trust-domain", "three.example.org", "--component", "app"];
    scratch.run(&arguments).expect(2).says("needs the key `address`");
    assert_eq!(tree(&scratch.source()), before);
    let arguments: Vec<&str> = arguments.into_iter().chain(address).collect();
    scratch.run(&arguments).expect(0);
    let mut after = tree(&scratch.source());
    after.retain(|(path, _)| path != "overlays/three/environment.yaml");
    assert_eq!(after, before);
    scratch.render(&["three"]).expect(0);
}

/// Asserts that nothing is written, and that it is said why.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], says: &str) {
    let before = tree(folder);
    let folders = |folder: &Path| walk(folder);
    let folders_before = folders(folder);
    dirops(folder, arguments).expect(2).says(says);
    assert_eq!(tree(folder), before, "{arguments:?}");
    assert_eq!(folders(folder), folders_before, "{arguments:?}");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path()).collect()
}

#[test]
fn bad_input_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let long = "a".repeat(64);
    for name in ["A", "", "a.b", "../x", "a/b", "-", "a-", "ä", "a b", "a\nb", &long] {
        let says = if name == "-" { "" } else { "an environment's name cannot be" };
        refused(folder, &["init", name, "--profile", "kind", "--trust-domain", "example.org"], says);
    }
    for (trust_domain, says) in [
        ("Example.org", "an upper-case letter"),
        ("spiffe://example.org", "more than a name"),
        ("", "it is empty"),
        ("a b", "the character"),
    ] {
        refused(folder, &["init", "one", "--profile", "kind", "--trust-domain", trust_domain], says);
    }
    let with = |more: &[&str], says: &str| {
        let mut arguments = vec!["init", "one", "--trust-domain", "example.org"];
        arguments.extend(more);
        refused(folder, &arguments, says);
    };
    with(&["--profile", "kint"], "did you mean `kind`?");
    with(&["--profile", "kind", "--profile", "kind"], "named twice");
    with(&["--profile", "../kind"], "a profile cannot be");
    with(&["--profile", "kind", "--component", "sipre"], "did you mean `spire`?");
    with(&["--profile", "kind", "--component", "{}"], "a component cannot be");
    with(&["--profile", "kind", "--domain", "a_b.example.org"], "is not a hostname");
    with(&["--profile", "kind", "--domain", "a\nb: c"], "cannot stand in YAML");
    with(&["--profile", "kind", "--cluster", "A"], "a cluster's name cannot be");
    with(&["--profile", "kind", "--var", "x"], "NAME=VALUE");
    with(&["--profile", "kind", "--var", "1x=y"], "a variable cannot be called");
    // The profile needs a variable.
    with(&["--profile", "external-secrets", "--profile", "external-database"], "databaseHost");
    refused(folder, &["init"], "missing: ENV, --profile, --trust-domain");
    refused(folder, &["init", "one", "--profile", "kind"], "missing: --trust-domain");
}

#[test]
fn an_environment_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    dirops(folder, &ARGUMENTS).expect(0);
    refused(folder, &ARGUMENTS, "there is an environment `one` already");
    fs::create_dir(folder.join("overlays/other")).unwrap();
    let text = environment(folder, "one").replace("cluster: {name: one}", "name: two\ncluster: {name: two}");
    fs::write(folder.join("overlays/other/environment.yaml"), text).unwrap();
    refused(
        folder,
        &["init", "two", "--profile", "kind", "--trust-domain", "two.example.org", "--cluster", "x"],
        "two environments have the name `two`",
    );
    let same_cluster =
        ["init", "three", "--profile", "kind", "--trust-domain", "three.example.org", "--cluster", "one"];
    refused(folder, &same_cluster, "both deploy");
}

#[test]
fn a_folder_of_other_things_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "").unwrap();
    refused(folder.path(), &ARGUMENTS, "neither a source repository nor an empty folder");
    // What a new repository has is not in the way.
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    fs::write(folder.path().join("README.md"), "").unwrap();
    dirops(folder.path(), &ARGUMENTS).expect(0);
}

#[test]
fn what_is_in_the_way_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("overlays"), "").unwrap();
    refused(folder.path(), &ARGUMENTS, "overlays");
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        // A link to nowhere: nothing can be made below it.
        std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join("overlays")).unwrap();
        let before = fs::read_link(folder.path().join("overlays")).unwrap();
        dirops(folder.path(), &ARGUMENTS).expect(2).says("nothing was changed");
        assert_eq!(fs::read_link(folder.path().join("overlays")).unwrap(), before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "base/ is taken back");
    }
}

#[test]
fn what_comes_in_the_way_at_the_last_moment_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        source: folder.path().to_owned(),
        environment_repository: None,
        name: "one".to_owned(),
        trust_domain: "example.org".parse().unwrap(),
        domain: None,
        cluster: None,
        address: None,
        profiles: vec!["kind".to_owned()],
        components: init::COMPONENTS.map(str::to_owned).into(),
        vars: Vec::new(),
        jobs: 1,
    };
    let plan = init::plan(&request, &Sources::default()).unwrap();
    // Somebody else is faster.
    fs::create_dir(folder.path().join("onboarding")).unwrap();
    let problem = init::write(folder.path(), &plan).unwrap_err();
    assert!(problem.message.contains("onboarding is in the way"), "{problem:?}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["onboarding"]);
}
