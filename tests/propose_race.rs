//! Two processes of `dirops propose` at once, with two inputs of which one descends from the other.

mod github;
mod scratch;
mod support;
mod world;

use std::process::Child;
use std::thread;
use std::time::Duration;

use git2::{Repository, ResetType};
use scratch::Run;
use world::{By, ENVIRONMENTS, World, refuse_tokens};

const BRANCH: &str = "dirops/main";
const RACES: u64 = 100;

/// Starts `propose` on the world's environment repository, from another source.
fn start(world: &World, source: &World) -> Child {
    let url = world.github.url();
    let arguments = ["propose", "--repo", ENVIRONMENTS, "--api-url", &url, "--jobs", "1"];
    source.command(&arguments, Some(github::MAINTAINER)).spawn().unwrap()
}

fn finish(child: Child) -> Run {
    let run = scratch::finish(child).expect(0);
    refuse_tokens(format!("{}{}", run.out, run.err).as_bytes(), "what was printed");
    run
}

#[test]
fn the_input_that_descends_from_the_other_wins() {
    // The same history twice; one is at the older commit.
    let (newer, older) = (World::new(By::File), World::new(By::File));
    let first = Repository::open(older.scratch.source()).unwrap().head().unwrap().target().unwrap();
    assert_eq!(Repository::open(newer.scratch.source()).unwrap().head().unwrap().target().unwrap(), first);
    let source = newer.change("level: info", "level: debug");
    older.change("level: info", "level: debug");
    let repository = Repository::open(older.scratch.source()).unwrap();
    repository.reset(&repository.find_object(first, None).unwrap(), ResetType::Hard, None).unwrap();

    let (mut superseded, mut replaced) = (0, 0);
    for race in 0..RACES {
        let environments = Repository::open(&newer.environments).unwrap();
        let _ = environments.find_reference(&format!("refs/heads/{BRANCH}")).map(|mut found| found.delete().unwrap());
        newer.github.change(|state| {
            state.repository(ENVIRONMENTS).pulls.clear();
            state.requests.clear();
        });
        // Sometimes the one is ahead, sometimes the other.
        let lead = Duration::from_millis((race % 10) * 12);
        let (first, second) = if race % 2 == 0 { (&newer, &older) } else { (&older, &newer) };
        let one = start(&newer, first);
        thread::sleep(lead);
        let runs = [start(&newer, second), one].map(finish);
        superseded += u64::from(runs.iter().any(|run| run.out.contains("newer input")));
        let posts = newer.github.state().requests.iter().filter(|request| request.starts_with("POST")).count();
        replaced += u64::from(runs.iter().all(|run| run.out.contains("committed")));

        let pulls = newer.pulls();
        assert_eq!(pulls.len(), 1, "race {race}: {pulls:?}");
        assert!(posts <= 2, "race {race}: {posts} pull requests were asked for");
        assert!(newer.message(BRANCH).contains(&format!("Dirops-Source: {source}")), "race {race}");
        assert!(newer.read(BRANCH, "applications/app/one/values.yaml").unwrap().contains("debug"), "race {race}");
        let body = &newer.open().body;
        assert!(body.contains(&source.to_string()[..10]), "race {race}: the text is about another commit: {body}");
    }
    assert!(superseded > 0 && replaced > 0, "no race: {superseded} superseded, {replaced} replaced");
}
