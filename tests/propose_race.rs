//! Two processes of `dirops propose` at once, with two inputs of which one descends from the other.

mod github;
mod scratch;
mod support;
mod world;

use std::cell::Cell;
use std::process::Child;
use std::thread;
use std::time::Duration;

use dirops::diagnostic::{Diagnostic, Sources};
use dirops::git::{Provenance, Remote};
use dirops::propose::{
    Change, Destination, Environments, Made, Outcome, Permissions, Source, Standing, names_of_environments, propose,
};
use dirops::publish::Failure;
use git2::{Oid, Repository, ResetType};
use scratch::Run;
use world::{By, ENVIRONMENTS, World, add, everything, refuse_tokens};

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

/// Where a run is when something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// It has looked at what is there.
    Rendering,
    /// It has pushed.
    Describing,
    /// It is about to close the pull request.
    Closing,
}

/// A change during which something happens once.
struct Meanwhile<'a> {
    change: Environments<'a>,
    when: When,
    happens: Cell<Option<&'a dyn Fn()>>,
}

impl Meanwhile<'_> {
    fn at(&self, when: When) {
        if when == self.when
            && let Some(happens) = self.happens.take()
        {
            happens();
        }
    }
}

impl Change for Meanwhile<'_> {
    fn make(&self, destination: &Destination<'_>, base: Oid) -> Result<Made, Failure> {
        self.at(When::Rendering);
        self.change.make(destination, base)
    }

    fn standing(&self, other: &Provenance) -> Result<Standing, Diagnostic> {
        self.change.standing(other)
    }

    fn describe(&self, destination: &Destination<'_>, base: Oid, head: Oid) -> Result<String, Diagnostic> {
        self.at(When::Describing);
        self.change.describe(destination, base, head)
    }

    fn farewell(&self) -> String {
        self.at(When::Closing);
        self.change.farewell()
    }
}

/// Runs `propose` in this process, from the source of a world; something happens meanwhile.
fn run(world: &World, source: &World, when: When, happens: &dyn Fn()) -> Outcome {
    let forge = world.github.forge(ENVIRONMENTS, github::Options::default());
    let (source, sources) = (Source::open(&source.scratch.source(), |_| None).unwrap(), Sources::default());
    let origin = source.origin().map(|address| Remote::new(&address).unwrap());
    let source = source.with_origin(origin);
    let destination = Destination::on_forge(&forge, forge.for_main(github::PATIENT)).unwrap();
    let change = everything(&source, &sources);
    let change = Meanwhile { change, when, happens: Cell::new(Some(happens)) };
    let names = names_of_environments("https://example.org/source", "main", &[]);
    let proposal = propose(&change, &destination, &names, Permissions::default());
    assert!(change.happens.take().is_none(), "{when:?} never came");
    proposal.unwrap_or_else(|failure| panic!("{:?}", failure.problems)).outcome
}

/// Two worlds with one history, of which the second's source is at the older commit; with the newer commit.
fn two_inputs(from: &str, to: &str) -> (World, World, Oid) {
    let (newer, older) = (World::new(By::File), World::new(By::File));
    let first = Repository::open(older.scratch.source()).unwrap().head().unwrap().target().unwrap();
    let source = newer.change(from, to);
    older.change(from, to);
    let repository = Repository::open(older.scratch.source()).unwrap();
    repository.reset(&repository.find_object(first, None).unwrap(), ResetType::Hard, None).unwrap();
    (newer, older, source)
}

#[track_caller]
fn assert_is_of(world: &World, source: Oid, case: &str) {
    let pulls = world.pulls().into_iter().filter(|pull| pull.open).collect::<Vec<_>>();
    assert_eq!(pulls.len(), 1, "{case}: {pulls:?}");
    assert!(world.message(BRANCH).contains(&format!("Dirops-Source: {source}")), "{case}");
    assert!(pulls[0].body.contains(&source.to_string()[..10]), "{case}: {}", pulls[0].body);
    assert!(pulls[0].body.contains(&world.head(BRANCH).unwrap().to_string()[..10]), "{case}: {}", pulls[0].body);
}

/// Whatever the one is at when the other runs from beginning to end.
#[test]
fn a_whole_run_may_come_in_between() {
    for when in [When::Rendering, When::Describing] {
        let (newer, older, source) = two_inputs("level: info", "level: debug");
        let other = || drop(finish(start(&newer, &newer)));
        assert_eq!(run(&newer, &older, when, &other), Outcome::Superseded, "{when:?}");
        assert_is_of(&newer, source, &format!("the newer one while the older one is {when:?}"));

        let (newer, older, source) = two_inputs("level: info", "level: debug");
        let other = || drop(finish(start(&newer, &older)));
        run(&newer, &newer, when, &other);
        assert_is_of(&newer, source, &format!("the older one while the newer one is {when:?}"));
    }
}

#[test]
fn the_base_may_move_in_between() {
    for when in [When::Rendering, When::Describing] {
        let world = World::new(By::File);
        let source = Repository::open(world.scratch.source()).unwrap().head().unwrap().target().unwrap();
        let moves = || {
            add(&world.environments, "main", "other.txt", "other\n");
        };
        run(&world, &world, when, &moves);
        assert_is_of(&world, source, &format!("{when:?}"));
        if when == When::Describing {
            assert!(world.read(BRANCH, "other.txt").is_some(), "what is proposed is on top of what is there");
        }
    }
}

/// One run has nothing left to propose, and closes; a newer one has.
#[test]
fn a_newer_input_may_come_while_an_older_one_withdraws() {
    let (newer, older) = (World::new(By::File), World::new(By::File));
    newer.propose(&[]).expect(0);
    newer.merge();
    for world in [&newer, &older] {
        world.change("level: info", "level: debug");
    }
    newer.propose(&[]).expect(0);
    // Back to what is merged, and on to something else.
    for world in [&newer, &older] {
        world.change("level: debug", "level: info");
    }
    let source = newer.change("level: info", "level: warn");
    // The older one does not have that commit: it was pushed after it was cloned.
    let cloned_from = newer.scratch.source();
    let repository = Repository::open(older.scratch.source()).unwrap();
    repository.remote("origin", cloned_from.to_str().unwrap()).unwrap();
    let other = || drop(finish(start(&newer, &newer)));
    assert_eq!(run(&newer, &older, When::Closing, &other), Outcome::Superseded);
    assert_is_of(&newer, source, "while it withdraws");
    // The same by the program: it looks at where it was cloned from.
    let run = finish(start(&newer, &older));
    assert!(run.out.contains("newer input"), "{}", run.out);
    assert!(repository.find_commit(source).is_err(), "nothing is fetched into the user's repository");
}
