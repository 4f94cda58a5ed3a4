//! `dirops propose`: over real Git repositories, with a GitHub that keeps state.

mod github;
mod scratch;
mod support;
mod world;

use std::fs;
use std::time::Duration;

use support::git_server::{Fault, hook, is_git_here};
use world::{By, World, add, refuse_tokens};

const BRANCH: &str = "dirops/main";
const VALUES: &str = "applications/app/one/values.yaml";

#[test]
fn a_change_becomes_one_pull_request_and_follows_the_source() {
    if !is_git_here() {
        return;
    }
    for by in [By::File, By::Http] {
        let world = World::new(by);
        let run = world.propose(&[]).expect(0).says("committed: dirops/main at").says("/pull/");
        let pull = world.open();
        assert_eq!((pull.head.as_str(), pull.base.as_str()), (BRANCH, "main"));
        assert!(pull.title.starts_with("Render one and two"), "{}", pull.title);
        assert!(pull.body.contains("Rendered from"), "{}", pull.body);
        assert!(world.read(BRANCH, VALUES).is_some(), "{}", run.err);
        assert!(world.read("main", VALUES).is_none());
        let message = world.message(BRANCH);
        for trailer in ["Dirops-Source: ", "Dirops-Input: sha256:", "Dirops-Version: "] {
            assert!(message.contains(trailer), "{message}");
        }

        // The same once more: nothing is pushed.
        let head = world.head(BRANCH);
        world.propose(&[]).expect(0).says("unchanged");
        assert_eq!(world.head(BRANCH), head);

        // A new input replaces the commit, in the same pull request; what people wrote stays.
        world.github.change(|state| {
            let pull = &mut state.repository(world::ENVIRONMENTS).pulls[0];
            pull.title = "People's title".to_owned();
            pull.body = format!("People before.\n\n{}\n\nPeople after.", pull.body);
        });
        let source = world.change("level: info", "level: debug");
        world.propose(&[]).expect(0).says("committed");
        let now = world.open();
        assert_eq!((now.number, now.title.as_str()), (pull.number, "People's title"));
        assert!(now.body.starts_with("People before.") && now.body.ends_with("People after."), "{}", now.body);
        assert!(now.body.contains(&source.to_string()[..10]), "{}", now.body);
        assert!(world.read(BRANCH, VALUES).unwrap().contains("debug"));
        assert!(world.message(BRANCH).contains(&format!("Dirops-Source: {source}")));

        // Merged: nothing is left to do.
        world.merge();
        world.propose(&[]).expect(0).says("has it all");
        assert_eq!(world.pulls().len(), 1);
        assert_eq!(world.head(BRANCH), None, "a branch without a purpose goes");
        world.refuse_tokens_below(&world.environments);
        world.refuse_tokens_below(&world.scratch.source());
    }
}

#[test]
fn what_is_there_already_needs_nothing() {
    let world = World::new(By::File);
    world.propose(&[]).expect(0);
    world.merge();
    world.propose(&[]).expect(0);
    world.github.change(|state| state.requests.clear());
    world.propose(&[]).expect(0).says("nothing to propose");
    let requests = world.github.state().requests.clone();
    assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
    assert_eq!((world.head(BRANCH), world.pulls().len()), (None, 1));
}

#[test]
fn an_empty_pull_request_is_closed_with_a_word() {
    let world = World::new(By::File);
    world.propose(&[]).expect(0);
    world.merge();
    world.change("level: info", "level: debug");
    world.propose(&[]).expect(0);
    world.open();
    world.change("level: debug", "level: info");
    world.propose(&[]).expect(0).says("nothing is left").says("closed ");
    assert!(world.pulls().iter().all(|pull| !pull.open));
    assert_eq!(world.head(BRANCH), None);
    let comments = world.github.state().repositories[world::ENVIRONMENTS].comments.clone();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.contains("nothing is left to merge"), "{}", comments[0].body);
    // And it comes again where there is something again.
    world.change("level: info", "level: warn");
    world.propose(&[]).expect(0);
    world.open();
}

#[test]
fn what_people_closed_is_not_opened_anew() {
    let world = World::new(By::File);
    world.propose(&[]).expect(0);
    world.github.change(|state| state.repository(world::ENVIRONMENTS).pulls[0].open = false);
    world.propose(&[]).expect(0).says("people closed the pull request");
    assert_eq!(world.pulls().len(), 1);
    world.change("level: info", "level: debug");
    world.propose(&[]).expect(0).says("committed");
    assert_eq!(world.pulls().len(), 2);
    world.open();
}

#[test]
fn what_people_pushed_is_not_overwritten() {
    let world = World::new(By::File);
    world.propose(&[]).expect(0);
    let theirs = add(&world.environments, BRANCH, "theirs.txt", "people\n");
    world.change("level: info", "level: debug");
    world.propose(&[]).expect(2).says("people pushed to `dirops/main`").says(&theirs.to_string()[..10]);
    assert_eq!(world.head(BRANCH), Some(theirs));
    world.propose(&["--force"]).expect(0);
    assert!(world.read(BRANCH, "theirs.txt").is_none());
    world.open();
}

#[test]
fn a_base_that_moved_is_followed() {
    let world = World::new(By::File);
    world.propose(&[]).expect(0);
    let base = add(&world.environments, "main", "other.txt", "other\n");
    world.propose(&[]).expect(0).says("committed");
    let repository = git2::Repository::open(&world.environments).unwrap();
    let head = repository.find_commit(world.head(BRANCH).unwrap()).unwrap();
    assert_eq!(head.parent_id(0).unwrap(), base);
    assert!(world.read(BRANCH, "other.txt").is_some());
    world.open();
}

#[test]
fn an_older_input_does_not_replace_a_newer_one() {
    let world = World::new(By::File);
    let older = git2::Repository::open(world.scratch.source()).unwrap();
    let first = older.head().unwrap().peel_to_commit().unwrap();
    world.change("level: info", "level: debug");
    world.propose(&[]).expect(0);
    let head = world.head(BRANCH);
    older.reset(first.as_object(), git2::ResetType::Hard, None).unwrap();
    world.propose(&[]).expect(0).says("newer input");
    assert_eq!(world.head(BRANCH), head);
    world.open();
    // Neither descends from the other.
    world.change("level: info", "level: warn");
    world.propose(&[]).expect(2).says("neither descends from the other");
    assert_eq!(world.head(BRANCH), head);
    world.propose(&["--force"]).expect(0);
    assert!(world.read(BRANCH, VALUES).unwrap().contains("warn"));
}

#[test]
fn what_is_not_committed_is_not_proposed() {
    let world = World::new(By::File);
    world.scratch.edit("base/app/values.yaml", "level: info", "level: debug");
    world.propose(&[]).expect(2).says("not committed: base/app/values.yaml");
    assert!(world.pulls().is_empty());
    // What is not read is of no account.
    world.scratch.edit("base/app/values.yaml", "level: debug", "level: info");
    world.scratch.write("notes.txt", "notes");
    world.propose(&[]).expect(0);
}

#[test]
fn a_dry_run_tells_everything_and_does_nothing() {
    let world = World::new(By::File);
    let url = world.github.url();
    let arguments = ["propose", "--dry-run", "--repo", world::ENVIRONMENTS, "--api-url", &url];
    let run = scratch::finish(world.command(&arguments, None).spawn().unwrap()).expect(0);
    for text in [
        "branch: dirops/main",
        "base:   main",
        "Dirops-Source:",
        "title:  Render one and two",
        "Rendered from",
        "git push /",
    ] {
        assert!(run.out.contains(text), "{text}: {}", run.out);
    }
    assert!(run.out.contains("POST /repos/agntcy/dir-staging/pulls"), "{}", run.out);
    assert!(world.pulls().is_empty() && world.head(BRANCH).is_none());
    // A folder needs no forge.
    let folder = world.environments.to_str().unwrap();
    let run = scratch::finish(world.command(&["propose", "--dry-run", "--repo", folder], None).spawn().unwrap());
    run.expect(0).says("branch: dirops/main");
    assert_eq!(world.head(BRANCH), None);
}

#[test]
fn without_a_forge_it_commits_or_pushes() {
    let world = World::new(By::File);
    let folder = world.environments.to_str().unwrap().to_owned();
    let run = |repository: &str| {
        let arguments = ["propose", "--commit-only", "--repo", repository];
        scratch::finish(world.command(&arguments, None).spawn().unwrap())
    };
    run(&folder).expect(0).says("committed");
    let head = world.head(BRANCH).unwrap();
    run(&folder).expect(0).says("unchanged");
    let url = url::Url::from_file_path(&folder).unwrap().to_string();
    run(&url).expect(0).says("unchanged");
    assert_eq!(world.head(BRANCH), Some(head));
    world.change("level: info", "level: debug");
    run(&url).expect(0).says("committed");
    assert_ne!(world.head(BRANCH), Some(head));
    assert!(world.pulls().is_empty());
    let arguments = ["propose", "--repo", &folder];
    scratch::finish(world.command(&arguments, None).spawn().unwrap()).expect(2).says("--commit-only");
}

#[test]
fn each_set_of_environments_has_its_own() {
    let world = World::new(By::File);
    world.propose(&[]).expect(0);
    world.propose(&["one"]).expect(0);
    assert_eq!(world.pulls().iter().filter(|pull| pull.open).count(), 2);
    world.propose(&["one"]).expect(0).says("unchanged");
    assert_eq!(world.pulls().len(), 2);
}

#[test]
fn metadata_for_the_hydrator_comes_along() {
    let world = World::new(By::File);
    world.propose(&["--hydrator-metadata"]).expect(0);
    let metadata: serde_json::Value = serde_json::from_str(&world.read(BRANCH, "hydrator.metadata").unwrap()).unwrap();
    let source = git2::Repository::open(world.scratch.source()).unwrap().head().unwrap().target().unwrap();
    assert_eq!(metadata["drySha"], source.to_string());
    world.propose(&["--hydrator-metadata"]).expect(0).says("unchanged");
    world.merge();
    world.propose(&["--hydrator-metadata"]).expect(0).says("has it all");
}

#[test]
fn github_actions_is_told() {
    let world = World::new(By::File);
    let folder = tempfile::tempdir().unwrap();
    let (output, summary) = (folder.path().join("output"), folder.path().join("summary"));
    let url = world.github.url();
    let mut command =
        world.command(&["propose", "--repo", world::ENVIRONMENTS, "--api-url", &url], Some(github::MAINTAINER));
    command.env("GITHUB_OUTPUT", &output).env("GITHUB_STEP_SUMMARY", &summary);
    scratch::finish(command.spawn().unwrap()).expect(0);
    let output = fs::read_to_string(output).unwrap();
    let number = world.open().number;
    let url = format!("https://github.example.org/{}/pull/{number}", world::ENVIRONMENTS);
    assert_eq!(output, format!("changed=true\npull-request-url={url}\nenvironments=[\"one\",\"two\"]\n"));
    assert!(fs::read_to_string(summary).unwrap().contains(&url));
}

#[test]
fn a_refusal_is_told_and_nothing_is_left() {
    if !is_git_here() {
        return;
    }
    let world = World::new(By::File);
    hook(&world.environments, "pre-receive", "echo not on Fridays >&2; exit 1");
    world.propose(&[]).expect(2).says("not on Fridays");
    assert!(world.pulls().is_empty());
    fs::remove_file(world.environments.join("hooks/pre-receive")).unwrap();
    world.propose(&[]).expect(0);
    world.open();
}

#[test]
fn who_cannot_push_comes_from_a_fork() {
    let world = World::new(By::File);
    let url = world.github.url();
    let arguments = ["propose", "--repo", world::ENVIRONMENTS, "--api-url", &url];
    world.run_as(github::STRANGER, &arguments).expect(0);
    let pull = world.open();
    assert_eq!(pull.from, "stranger/dir-staging");
    // The fork lags behind.
    add(&world.environments, "main", "other.txt", "other\n");
    add(&world.environments, "main", "another.txt", "another\n");
    world.run_as(github::STRANGER, &arguments).expect(0).says("committed");
    assert_eq!(world.pulls().len(), 1);
    world.merge();
    assert!(world.read("main", VALUES).is_some());
}

#[test]
fn what_takes_long_is_told_in_a_line() {
    if !is_git_here() {
        return;
    }
    let world = World::new(By::Http);
    let quick = world.propose(&["--dry-run"]).expect(0);
    world.server.fail("info/refs", Fault::Stall(Duration::from_millis(1600)));
    let slow = world.propose(&[]).expect(0);
    let fetching = format!("fetching main from {}", world.server.url(world::ENVIRONMENTS));
    assert!(slow.err.contains(&format!("{fetching}.git …\n")), "{}", slow.err);
    assert!(!quick.err.contains("fetching main") && !slow.err.contains('\r'), "{}", quick.err);
    refuse_tokens(slow.err.as_bytes(), "what was told");
}

/// docs/propose.md shows what a dry run prints; `…` stands for what differs from run to run.
#[test]
fn the_documented_session_is_real() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/propose.md")).unwrap();
    let session = text.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let (command, wanted) = session.split_once('\n').unwrap();
    let world = World::new(By::File);
    let folder = world.environments.to_str().unwrap();
    let arguments: Vec<&str> = command.strip_prefix("$ dirops ").unwrap().split(' ').collect();
    let arguments: Vec<&str> =
        arguments.into_iter().map(|word| if word == "../dir-staging" { folder } else { word }).collect();
    let run = scratch::finish(world.command(&arguments, None).spawn().unwrap()).expect(0);
    let mut lines = run.out.lines();
    for wanted in wanted.lines().filter(|line| line.trim() != "…") {
        let is_it = |line: &str| {
            let mut rest = Some(line);
            for part in wanted.split('…') {
                rest = rest.and_then(|rest| rest.find(part).map(|at| &rest[at + part.len()..]));
            }
            rest.is_some()
        };
        assert!(lines.any(is_it), "{wanted:?} is not in\n{}", run.out);
    }
}
