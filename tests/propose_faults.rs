//! `dirops propose` where every request fails in every way: after one more run there is exactly one pull request, and it
//! is right.

mod github;
mod scratch;
mod support;
mod world;

use std::time::{Duration, Instant};

use dirops::diagnostic::Sources;
use dirops::propose::{Destination, Permissions, Proposal, Source, names_of_environments, propose};
use dirops::publish::Failure;
use git2::Oid;
use github::{EVERY_FAULT, Effect, FaultKind, TIMEOUT};
use support::git_server::{Fault, is_git_here};
use world::{By, ENVIRONMENTS, World, everything, refuse_tokens};

const BRANCH: &str = "dirops/main";

/// Where a run starts from, and what it should come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Nothing was proposed before.
    Open,
    /// An older input was.
    Update,
    /// What was proposed is in the base now.
    Close,
}

/// A world that is put back into the same state again and again.
struct Stage {
    world: World,
    story: Story,
    base: Oid,
    /// What is on the branch at the start.
    branch: Option<Oid>,
    /// The tree that must be on it in the end.
    wanted: Option<Oid>,
    start: Vec<github::state::Pull>,
}

impl Stage {
    fn new(by: By, story: Story) -> Self {
        let world = World::new(by);
        if story == Story::Close {
            world.propose(&[]).expect(0);
            world.merge();
            let repository = git2::Repository::open(&world.environments).unwrap();
            repository.find_reference(&format!("refs/heads/{BRANCH}")).unwrap().delete().unwrap();
            world.change("level: info", "level: debug");
        }
        if story != Story::Open {
            world.propose(&[]).expect(0);
            let (from, to) = if story == Story::Close { ("debug", "info") } else { ("info", "debug") };
            world.change(&format!("level: {from}"), &format!("level: {to}"));
        }
        let (base, branch) = (world.head("main").unwrap(), world.head(BRANCH));
        let start = world.pulls();
        let mut stage = Self { world, story, base, branch, wanted: None, start };
        run(&stage.world, github::PATIENT, Duration::from_secs(20)).0.unwrap();
        stage.wanted = stage.tree();
        stage
    }

    fn tree(&self) -> Option<Oid> {
        let repository = git2::Repository::open(&self.world.environments).unwrap();
        self.world.head(BRANCH).map(|head| repository.find_commit(head).unwrap().tree_id())
    }

    fn reset(&self) {
        let repository = git2::Repository::open(&self.world.environments).unwrap();
        let name = format!("refs/heads/{BRANCH}");
        match self.branch {
            Some(branch) => drop(repository.reference(&name, branch, true, "test").unwrap()),
            None => drop(repository.find_reference(&name).map(|mut found| found.delete())),
        }
        assert_eq!(self.world.head("main"), Some(self.base));
        self.world.server.fail_request(None);
        self.world.github.change(|state| {
            state.faults.clear();
            state.requests.clear();
            let repository = state.repository(ENVIRONMENTS);
            repository.pulls.clone_from(&self.start);
            repository.comments.clear();
        });
    }

    /// Runs with a fault and once more without, and looks at what came of it.
    fn play(&self, case: &str, timeout: Duration, silence: Duration) {
        let (first, lines) = run(&self.world, timeout, silence);
        refuse_tokens(format!("{first:?} {lines}").as_bytes(), case);
        self.world.github.change(|state| state.faults.clear());
        self.world.server.fail_request(None);
        let (second, lines) = run(&self.world, github::PATIENT, Duration::from_secs(20));
        refuse_tokens(format!("{second:?} {lines}").as_bytes(), case);
        let second = second.unwrap_or_else(|failure| panic!("{case}: {:?}", failure.problems));
        let open: Vec<_> = self.world.pulls().into_iter().filter(|pull| pull.open).collect();
        let comments = self.world.github.state().repositories[ENVIRONMENTS].comments.len();
        assert_eq!(self.tree(), self.wanted, "{case}");
        if self.story == Story::Close {
            assert!(open.is_empty() && comments == 1, "{case}: {open:?}, {comments} comments");
            return;
        }
        assert_eq!((open.len(), comments), (1, 0), "{case}: {open:?}");
        assert!(open[0].body.contains(&second.body), "{case}: {}", open[0].body);
        let source = Source::open(&self.world.scratch.source(), |_| None).unwrap().commit();
        assert!(self.world.message(BRANCH).contains(&format!("Dirops-Source: {source}")), "{case}");
    }

    /// Returns how many requests a run makes that nothing keeps from its work: GitHub's and Git's.
    fn count(&self) -> (usize, usize) {
        self.reset();
        run(&self.world, github::PATIENT, Duration::from_secs(20)).0.unwrap();
        (self.world.github.state().requests.len(), self.world.server.requests().len())
    }
}

/// Runs `propose` in this process, where nobody has to wait.
fn run(world: &World, timeout: Duration, silence: Duration) -> (Result<Proposal, Failure>, String) {
    run_as(world, github::Options { timeout, ..github::Options::default() }, silence)
}

fn run_as(world: &World, options: github::Options, silence: Duration) -> (Result<Proposal, Failure>, String) {
    let forge = world.github.forge(ENVIRONMENTS, options);
    let source = Source::open(&world.scratch.source(), |_| None).unwrap();
    let sources = Sources::default();
    let run = || -> Result<Proposal, Failure> {
        let destination = Destination::on_forge(&forge, forge.for_main(silence))?;
        let change = everything(&source, &sources);
        let names = names_of_environments("https://example.org/source", "main", &[]);
        propose(&change, &destination, &names, Permissions::default())
    };
    let result = run();
    let lines = forge.lines().join("\n");
    (result, lines)
}

/// The time that a request may take in a case.
fn timeout(kind: FaultKind) -> Duration {
    if kind == FaultKind::Timeout { TIMEOUT } else { github::PATIENT }
}

#[test]
fn every_request_to_github_may_fail_where_nothing_is_there() {
    every_request_to_github_may_fail(Story::Open);
}

#[test]
fn every_request_to_github_may_fail_where_an_older_input_is() {
    every_request_to_github_may_fail(Story::Update);
}

#[test]
fn every_request_to_github_may_fail_where_nothing_is_left() {
    every_request_to_github_may_fail(Story::Close);
}

/// Once, in every way.
fn every_request_to_github_may_fail(story: Story) {
    let stage = Stage::new(By::File, story);
    let (count, _) = stage.count();
    assert!(count >= 3, "{count}");
    for request in 1..=count {
        for (kind, effect) in EVERY_FAULT.iter().flat_map(|kind| [(*kind, Effect::Before), (*kind, Effect::After)]) {
            stage.reset();
            stage.world.github.fail(github::Fault::new(request, kind, effect));
            let case = format!("{story:?}: request {request} of {count}, {kind:?}, {effect:?}");
            stage.play(&case, timeout(kind), Duration::from_secs(20));
        }
    }
}

#[test]
fn an_app_proposes_as_a_user_does() {
    let world = World::new(By::File);
    world.github.change(|state| drop(state.installations.insert(1, [ENVIRONMENTS.to_owned()].into())));
    for _ in 0..2 {
        let options = github::Options { credentials: Some(github::app()), ..github::Options::default() };
        run_as(&world, options, github::PATIENT).0.unwrap();
    }
    assert!(world.open().author.ends_with("[bot]"), "{}", world.open().author);
}

/// As if the machine went away in the middle.
#[test]
fn github_may_be_gone_from_any_request_on() {
    for story in [Story::Open, Story::Update, Story::Close] {
        let stage = Stage::new(By::File, story);
        let (count, _) = stage.count();
        for request in 1..=count {
            for effect in [Effect::Before, Effect::After] {
                stage.reset();
                let fault = github::Fault { lasts: true, ..github::Fault::new(request, FaultKind::Drop, effect) };
                stage.world.github.fail(fault);
                stage.play(
                    &format!("{story:?}: from request {request} on, {effect:?}"),
                    github::PATIENT,
                    github::PATIENT,
                );
            }
        }
    }
}

#[test]
fn every_request_to_git_may_fail_where_nothing_is_there() {
    every_request_to_git_may_fail(Story::Open);
}

#[test]
fn every_request_to_git_may_fail_where_an_older_input_is() {
    every_request_to_git_may_fail(Story::Update);
}

#[test]
fn every_request_to_git_may_fail_where_nothing_is_left() {
    every_request_to_git_may_fail(Story::Close);
}

/// Once, and for good.
fn every_request_to_git_may_fail(story: Story) {
    if !is_git_here() {
        return;
    }
    let answer = |status: u16, headers: &[&str]| {
        Fault::Answer(status, headers.iter().map(|header| (*header).to_owned()).collect(), "no".to_owned())
    };
    let faults = [
        answer(500, &[]),
        answer(502, &[]),
        answer(429, &["Retry-After: 7"]),
        answer(403, &["X-RateLimit-Remaining: 0"]),
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Cut(40),
        Fault::Stall(Duration::from_millis(600)),
    ];
    let stage = Stage::new(By::Http, story);
    let (_, count) = stage.count();
    assert!(count >= 4, "{count}");
    for request in 1..=count {
        let cases = faults.iter().map(|fault| (fault, false)).chain([(&Fault::DropBefore, true)]);
        for (fault, lasts) in cases {
            let is_stall = matches!(fault, Fault::Stall(_));
            stage.reset();
            stage.world.server.fail_request(Some((request, fault.clone(), lasts)));
            let silence = if is_stall { Duration::from_millis(200) } else { Duration::from_secs(20) };
            let case = format!("{story:?}: request {request} of {count}, {fault:?}, for good: {lasts}");
            stage.play(&case, github::PATIENT, silence);
        }
    }
}

/// Whenever a run is ended, the next one goes on from there.
#[cfg(unix)]
#[test]
fn a_run_may_be_ended_at_any_time() {
    let stage = Stage::new(By::File, Story::Update);
    let arguments: &[&str] = &[];
    stage.reset();
    let start = Instant::now();
    stage.world.propose(arguments).expect(0);
    let whole = start.elapsed();
    for step in 0..20 {
        stage.reset();
        let mut child = stage.world.start(arguments);
        std::thread::sleep(whole * step / 20);
        // As Ctrl-C does.
        let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        drop(child.stdout.take());
        child.wait().unwrap();
        stage.play(&format!("ended after {step} twentieths"), github::PATIENT, github::PATIENT);
    }
    let locks = walkdir::WalkDir::new(&stage.world.environments).into_iter().filter_map(Result::ok);
    assert!(locks.into_iter().all(|entry| entry.path().extension().is_none_or(|ending| ending != "lock")));
}
