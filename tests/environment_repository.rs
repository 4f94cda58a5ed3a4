//! The registry of partners in the environment repository: read from there, told of by its place there, never touched.

mod scratch;

use std::fs;

use scratch::{Run, Scratch};

const PARTNER: &str = "onboarding/federation/partner.example.net.yaml";

/// A source repository whose registry is in the environment repository.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    let text = fs::read_to_string(scratch.source().join(PARTNER)).unwrap();
    fs::remove_dir_all(scratch.source().join("onboarding")).unwrap();
    scratch.plant(PARTNER, text);
    scratch.edit("base/environment.yaml", "registry: onboarding/federation", "registry: environment-repository");
    scratch
}

fn with_repository(scratch: &Scratch, arguments: &[&str]) -> Run {
    let target = scratch.target();
    scratch.run(&[arguments, &["--environment-repository", target.to_str().unwrap()]].concat())
}

#[test]
fn partners_are_read_where_is_rendered_to() {
    let scratch = scratch();
    scratch.rendered();
    assert!(scratch.read("applications/app/one/gen.values.yaml").contains("partner.example.net"));
    scratch.render(&["--check"]).expect(0);

    let other = scratch.read(PARTNER).replace("partner.example.net", "other.example.net");
    scratch.plant("onboarding/federation/other.example.net.yaml", other);
    scratch.render(&["--check"]).expect(1).says("outdated           applications/app/one/gen.values.yaml");
    scratch.rendered();
    assert!(scratch.read("applications/app/one/gen.values.yaml").contains("other.example.net"));
    with_repository(&scratch, &["list"]).expect(0).says("other.example.net, partner.example.net");
    let why = with_repository(&scratch, &["why", "one", "app", "federation"]).expect(0);
    why.says(&format!("{}:3:20 (partners)", scratch.target().join(PARTNER).display()));
    with_repository(&scratch, &["check"]).expect(0);
}

#[test]
fn it_can_be_another_repository_than_is_rendered_to() {
    let scratch = scratch();
    let elsewhere = tempfile::tempdir().unwrap();
    let into = elsewhere.path().to_str().unwrap();
    let run = scratch.run(&["render", "--into", into]).expect(2);
    run.says("no folder `").says("--environment-repository");
    with_repository(&scratch, &["render", "--into", into]).expect(0);
    let values = fs::read_to_string(elsewhere.path().join("applications/app/one/gen.values.yaml")).unwrap();
    assert!(values.contains("partner.example.net"));
}

#[test]
fn places_name_the_files_as_they_can_be_found() {
    let scratch = scratch();
    scratch.plant(PARTNER, scratch.read(PARTNER).replace("https://spire", "http://spire"));
    let place = scratch.target().join(PARTNER);
    let place = format!("{}:3:20", place.display());
    with_repository(&scratch, &["check"]).expect(1).says(&place);
    scratch.render(&[]).expect(2).says(&place);
    let named = scratch.target().join(PARTNER);
    with_repository(&scratch, &["check", named.to_str().unwrap()]).expect(1).says(&place);
}

#[test]
fn relative_folders_are_shown_as_they_were_given() {
    let scratch = scratch();
    scratch.plant(PARTNER, scratch.read(PARTNER).replace("https://spire", "http://spire"));
    for (folder, shown) in [("../into", "../into"), ("../into/", "../into")] {
        let mut command = scratch.command(&["check", "--environment-repository", folder]);
        command.current_dir(scratch.source());
        let run = scratch::finish(command.spawn().unwrap()).expect(1);
        run.says(&format!("{shown}/{PARTNER}:3:20"));
    }
}

#[test]
fn who_does_not_say_where_it_is_is_asked() {
    let scratch = scratch();
    for arguments in [&["list"][..], &["check"], &["why", "one", "app"], &["secrets", "one"], &["plan"]] {
        let run = scratch.run(arguments).expect(2).says("base/environment.yaml:9:13");
        run.says("where is that?").says("--environment-repository");
    }
    // Where nobody trusts it, nobody needs it.
    scratch.edit("overlays/one/environment.yaml", "trust: all", "trust: none");
    scratch.run(&["list"]).expect(0);
}

#[test]
fn another_folder_of_it_can_be_named_but_none_that_is_rendered() {
    let scratch = scratch();
    let name = |from: &str, to: &str| scratch.edit("base/environment.yaml", from, to);
    name("environment-repository", "environment-repository/partners/all");
    scratch.render(&[]).expect(2).says("partners/all");
    fs::create_dir_all(scratch.target().join("partners")).unwrap();
    fs::rename(scratch.target().join("onboarding/federation"), scratch.target().join("partners/all")).unwrap();
    scratch.rendered();
    name("/partners/all", "/applications/app");
    scratch.render(&[]).expect(2).says("where dirops writes");
    name("/applications/app", "/../source");
    scratch.render(&[]).expect(2).says("climbs");
    name("/../source", "/.dirops/receipts");
    scratch.render(&[]).expect(2).says("where dirops writes");
}

#[test]
fn partners_files_are_never_written_owned_or_pruned() {
    let scratch = scratch();
    scratch.rendered();
    let before = scratch.read(PARTNER);
    let receipt = scratch.read(".dirops/receipts/one.json");
    assert!(!receipt.contains("onboarding"));
    // Not even where a receipt says that they are dirops'.
    let path = "applications/app/one/values.yaml";
    scratch.plant(".dirops/receipts/one.json", receipt.replace(path, PARTNER));
    for arguments in [&[][..], &["--force", "--adopt"]] {
        scratch.render(arguments).expect(2).says("it names onboarding/federation/partner.example.net.yaml");
    }
    scratch.plant(".dirops/receipts/one.json", &receipt);
    fs::remove_dir_all(scratch.source().join("overlays/one")).unwrap();
    scratch.rendered();
    assert_eq!(scratch.read(PARTNER), before);
}

#[test]
fn a_fix_is_for_the_repository_that_is_checked() {
    let scratch = scratch();
    let wrong = scratch.read(PARTNER).replace("className: dir-spire", "className: spire");
    scratch.plant(PARTNER, &wrong);
    with_repository(&scratch, &["check", "--fix"]).expect(1).says("class-name");
    assert_eq!(scratch.read(PARTNER), wrong);
    let named = scratch.target().join(PARTNER);
    with_repository(&scratch, &["check", "--fix", named.to_str().unwrap()]).expect(0).says("mended");
}

#[test]
fn a_diff_is_told_as_well() {
    let scratch = scratch();
    scratch::commit(&scratch.source());
    scratch.write("overlays/two/app.yaml", "config: {level: warn}\n");
    scratch.run(&["diff"]).expect(2).says("where is that?");
    with_repository(&scratch, &["diff", "--exit-code"]).expect(1).says("two");
}

#[test]
fn a_plan_follows_both_repositories() {
    let scratch = scratch();
    let source = scratch::commit(&scratch.source());
    let partners = scratch::commit(&scratch.target());
    let plan = |more: &[&str]| with_repository(&scratch, &[&["plan", "--changed-since", &source], more].concat());
    let since = ["--partners-since", &partners];
    assert_eq!(plan(&since).expect(0).out, "");
    assert!(plan(&[]).expect(0).out.starts_with("one  "), "without a revision, whoever trusts it");
    scratch.plant(PARTNER, scratch.read(PARTNER).replace("//spire", "//spire2"));
    scratch.plant("README.md", "x");
    let shown = scratch.target().join(PARTNER);
    assert_eq!(plan(&since).expect(0).out, format!("one  {}\n", shown.display()));
}
