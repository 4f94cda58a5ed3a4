//! `onboard --propose` and `offboard --propose`, and the whole story of a partner, over real Git repositories.

mod github;
mod scratch;
mod support;
mod world;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dirops::diagnostic::Sources;
use dirops::partner::{self, Profile};
use dirops::propose::{Deed, Destination, Partner, Permissions, Proposal, names_of_partner, propose};
use dirops::publish::Failure;
use dirops::rules::Conditions;
use git2::Repository;
use github::{EVERY_FAULT, Effect, FaultKind, Heads, MAINTAINER, STRANGER, TIMEOUT};
use scratch::Run;
use support::git_server::is_git_here;
use world::{By, ENVIRONMENTS, SOURCE, World, add, head, read, refuse_tokens};

const PARTNER: &str = "onboarding/federation/partner.example.net.yaml";
const OTHER: &str = "other.example.net";
const OTHER_FILE: &str = "onboarding/federation/other.example.net.yaml";
const VALUES: &str = "applications/app/one/gen.values.yaml";

/// A world whose source repository is on GitHub too; the registry is in one of the two.
struct Home {
    world: World,
    source: PathBuf,
}

impl Home {
    fn new(by: By, in_environment_repository: bool) -> Self {
        let world = World::new(by);
        let scratch = &world.scratch;
        scratch.edit("base/environment.yaml", "https://example.org/source", "https://github.com/agntcy/dirops");
        scratch.edit(
            "base/environment.yaml",
            "https://example.org/environments",
            "https://github.com/agntcy/dir-staging",
        );
        if in_environment_repository {
            let text = fs::read_to_string(scratch.source().join(PARTNER)).unwrap();
            fs::remove_dir_all(scratch.source().join("onboarding")).unwrap();
            add(&world.environments, "main", PARTNER, &text);
            scratch.edit(
                "base/environment.yaml",
                "registry: onboarding/federation",
                "registry: environment-repository",
            );
        }
        world.commit();
        let source = world.server.repository(&format!("{SOURCE}.git"));
        let home = Self { world, source };
        home.push_source();
        home.world
            .github
            .change(|state| drop(state.add_repository(SOURCE, Heads::Git(home.source.clone())).name.clone()));
        home
    }

    /// Makes the source's `main` on GitHub what was committed.
    fn push_source(&self) {
        let local = Repository::open(self.world.scratch.source()).unwrap();
        let mut remote = local.remote_anonymous(self.source.to_str().unwrap()).unwrap();
        remote.push(&["+refs/heads/main:refs/heads/main"], None).unwrap();
    }

    /// Brings what was merged on GitHub into the work tree.
    fn pull_source(&self) {
        let local = Repository::open(self.world.scratch.source()).unwrap();
        let mut remote = local.remote_anonymous(self.source.to_str().unwrap()).unwrap();
        remote.fetch(&["+refs/heads/main:refs/remotes/origin/main"], None, None).unwrap();
        let main = local.find_reference("refs/remotes/origin/main").unwrap().peel_to_commit().unwrap();
        local.reset(main.as_object(), git2::ResetType::Hard, None).unwrap();
    }

    fn run_as(&self, token: &str, arguments: &[&str]) -> Run {
        let url = self.world.github.url();
        let run = self.world.run_as(token, &[arguments, &["--api-url", &url]].concat());
        refuse_tokens(format!("{}{}", run.out, run.err).as_bytes(), "what was printed");
        run
    }

    fn open(&self, repository: &str) -> Vec<github::state::Pull> {
        let state = self.world.github.state();
        state.repositories[repository].pulls.iter().filter(|pull| pull.open).cloned().collect()
    }

    fn merge(&self, repository: &str) {
        let open = self.open(repository);
        assert_eq!(open.len(), 1, "{open:?}");
        self.world.github.change(|state| state.merge(repository, open[0].number));
    }

    fn partner_values(&self, branch: &str) -> String {
        self.world.read(branch, VALUES).unwrap()
    }
}

const ONBOARD: &[&str] =
    &["onboard", OTHER, "--endpoint", "https://spire.other.example.net", "--propose", "--now", "1700000000"];

/// From the partner's fork to the maintainers' merge.
#[test]
fn a_partner_comes_and_goes() {
    if !is_git_here() {
        return;
    }
    for by in [By::File, By::Http] {
        let home = Home::new(by, true);
        let world = &home.world;
        if by == By::Http {
            // The server knows one token; who pushes to which repository is for the fake to say.
            world.github.change(|state| {
                let stranger = state.tokens[STRANGER].clone();
                state.tokens.insert(MAINTAINER.to_owned(), stranger);
            });
        }
        let partner = if by == By::Http { MAINTAINER } else { STRANGER };

        // What is deployed before.
        if by == By::File {
            home.run_as(MAINTAINER, &["propose"]).expect(0);
            home.merge(ENVIRONMENTS);
            assert!(!home.partner_values("main").contains(OTHER));
        }

        // The partner has no source repository and may not push.
        let nowhere = tempfile::tempdir().unwrap();
        let folder = nowhere.path().to_str().unwrap();
        let arguments = [ONBOARD, &["--source", folder, "--repo", ENVIRONMENTS]].concat();
        home.run_as(partner, &arguments).expect(0).says("committed: dirops/onboard-other.example.net");
        let pulls = home.open(ENVIRONMENTS);
        assert_eq!(pulls.len(), 1);
        assert_eq!(
            (pulls[0].from.as_str(), pulls[0].title.as_str()),
            ("stranger/dir-staging", "Onboard other.example.net")
        );
        let reviewed = ["## What changes from `main` to", "https://spire.other.example.net", "identity and trust"];
        assert!(reviewed.iter().all(|text| pulls[0].body.contains(text)), "{}", pulls[0].body);
        assert!(world.read("main", OTHER_FILE).is_none());
        home.run_as(partner, &arguments).expect(0).says("unchanged");
        assert_eq!(home.open(ENVIRONMENTS).len(), 1);
        home.merge(ENVIRONMENTS);
        assert!(world.read("main", OTHER_FILE).unwrap().contains("https://spire.other.example.net"));
        if by == By::Http {
            continue;
        }

        // The registry's change leads to the pull request that everybody who trusts it needs.
        home.run_as(MAINTAINER, &["propose"]).expect(0).says("Render one");
        assert!(home.open(ENVIRONMENTS)[0].body.contains(OTHER), "{}", home.open(ENVIRONMENTS)[0].body);
        home.merge(ENVIRONMENTS);
        assert!(home.partner_values("main").contains(OTHER));
        home.run_as(MAINTAINER, &["propose"]).expect(0).says("has it all");

        // A grant of its own, and then it goes: the grant first.
        world.scratch.edit(
            "overlays/one/environment.yaml",
            "federation: {trust: all}",
            "federation:\n  trust: all\n  grants:\n    other.example.net: ['*']",
        );
        world.commit();
        home.push_source();
        let offboard = ["offboard", OTHER, "--propose"];
        let run = home.run_as(MAINTAINER, &offboard).expect(0);
        run.says("Once that is merged").says("dirops offboard other.example.net --propose").says("Merge this first");
        assert!(home.open(ENVIRONMENTS).is_empty());
        assert_eq!(home.open(SOURCE)[0].title, "Offboard other.example.net");
        let body = &home.open(SOURCE)[0].body;
        assert!(body.contains("- p,other.example.net,*\n"), "what it does there, with the registry elsewhere: {body}");
        home.run_as(MAINTAINER, &offboard).expect(0).says("unchanged");
        assert_eq!((home.open(SOURCE).len(), home.open(ENVIRONMENTS).len()), (1, 0));
        home.merge(SOURCE);
        assert!(!read(&home.source, "main", "overlays/one/environment.yaml").unwrap().contains(OTHER));

        home.run_as(MAINTAINER, &offboard).expect(0).says("Remove the federation file");
        assert_eq!((home.open(SOURCE).len(), home.open(ENVIRONMENTS).len()), (0, 1));
        assert_eq!(head(&home.source, "dirops/offboard-other.example.net"), None);
        let body = &home.open(ENVIRONMENTS)[0].body;
        assert!(body.contains("grants it anything any more") && body.contains("- changed (1 file): one\n"), "{body}");
        assert!(body.contains(&format!("{OTHER_FILE}:")) && !body.contains("../"), "its own paths: {body}");
        home.merge(ENVIRONMENTS);
        assert!(world.read("main", OTHER_FILE).is_none());
        home.pull_source();
        home.run_as(MAINTAINER, &["propose"]).expect(0).says("Render one");
        home.merge(ENVIRONMENTS);
        assert!(!home.partner_values("main").contains(OTHER));

        for folder in [&world.environments, &home.source, &world.scratch.source(), &forks(&world.environments)] {
            world.refuse_tokens_below(folder);
        }
    }
}

/// Brings a partner in, in this process, as somebody who may not push and has no source repository.
fn onboard(world: &World, timeout: Duration) -> Result<Proposal, Failure> {
    let credentials = Some(github::token(STRANGER));
    let forge =
        world.github.forge(ENVIRONMENTS, github::Options { credentials, timeout, ..github::Options::default() });
    let sources = Sources::default();
    let destination = Destination::on_forge(&forge, forge.for_main(github::PATIENT))?;
    let partner = partner::Partner {
        trust_domain: OTHER.parse().unwrap(),
        endpoint: "https://spire.other.example.net".to_owned(),
        profile: Profile::HttpsWeb,
        endpoint_id: None,
        bundle: None,
    };
    let names = names_of_partner("onboard", &partner.trust_domain);
    let change = Partner {
        deed: Deed::Onboard { partner, force: false },
        into: true,
        beside: None,
        registry: None,
        conditions: Conditions { now: Some(1_700_000_000), jobs: 1 },
        sources: &sources,
        found: RefCell::default(),
    };
    propose(&change, &destination, &names, Permissions::default())
}

#[test]
fn every_request_for_a_partner_may_fail_once() {
    let home = Home::new(By::File, true);
    let world = &home.world;
    let reset = || {
        let _ = fs::remove_dir_all(forks(&world.environments));
        world.github.change(|state| {
            state.faults.clear();
            state.requests.clear();
            state.repositories.remove("stranger/dir-staging");
            state.repository(ENVIRONMENTS).pulls.clear();
        });
    };
    onboard(world, github::PATIENT).unwrap();
    let count = world.github.state().requests.len();
    assert!(count >= 5, "{count}");
    for request in 1..=count {
        for (kind, effect) in EVERY_FAULT.iter().flat_map(|kind| [(*kind, Effect::Before), (*kind, Effect::After)]) {
            let case = format!("request {request} of {count}, {kind:?}, {effect:?}");
            reset();
            world.github.fail(github::Fault::new(request, kind, effect));
            let first = onboard(world, if kind == FaultKind::Timeout { TIMEOUT } else { github::PATIENT });
            refuse_tokens(format!("{first:?}").as_bytes(), &case);
            world.github.change(|state| state.faults.clear());
            let second = onboard(world, github::PATIENT).unwrap_or_else(|failure| panic!("{case}: {failure:?}"));
            let open = home.open(ENVIRONMENTS);
            assert_eq!((open.len(), open[0].from.as_str()), (1, "stranger/dir-staging"), "{case}");
            assert!(open[0].body.contains(&second.body), "{case}: {}", open[0].body);
            let fork = forks(&world.environments).join("dir-staging.git");
            assert!(read(&fork, "dirops/onboard-other.example.net", OTHER_FILE).is_some(), "{case}");
            assert_eq!(forks_of(world), 1, "{case}");
        }
    }
}

/// Returns how many forks there are.
fn forks_of(world: &World) -> usize {
    world.github.state().repositories.values().filter(|repository| repository.parent.is_some()).count()
}

fn forks(environments: &Path) -> PathBuf {
    environments.parent().and_then(Path::parent).unwrap().join("stranger")
}

#[test]
fn a_registry_in_the_source_repository_gets_the_pull_request_there() {
    let home = Home::new(By::File, false);
    home.run_as(STRANGER, ONBOARD).expect(0).says("Onboard other.example.net");
    let pulls = home.open(SOURCE);
    assert!(pulls[0].body.contains("- changed (1 file): one\n"), "{}", pulls[0].body);
    assert!(pulls[0].body.contains("## What changes from `main` to"), "{}", pulls[0].body);
    assert_eq!((pulls.len(), pulls[0].from.as_str()), (1, "stranger/dirops"));
    assert!(home.open(ENVIRONMENTS).is_empty());
    home.merge(SOURCE);
    assert!(read(&home.source, "main", OTHER_FILE).is_some());
    assert!(!home.world.scratch.source().join(OTHER_FILE).exists(), "the folder here is nobody's business");
    // Who may push needs no fork; file and grants go together.
    home.run_as(MAINTAINER, &["offboard", OTHER, "--propose"]).expect(0).says("Offboard other.example.net");
    let pulls = home.open(SOURCE);
    assert_eq!((pulls.len(), pulls[0].from.as_str()), (1, SOURCE));
    home.merge(SOURCE);
    assert!(read(&home.source, "main", OTHER_FILE).is_none());
    home.run_as(MAINTAINER, &["offboard", OTHER, "--propose"]).expect(2).says("nothing here names");
}

#[test]
fn what_check_would_refuse_is_not_proposed() {
    let home = Home::new(By::File, true);
    let bad = ["onboard", OTHER, "--endpoint", "http://spire.other.example.net", "--propose"];
    home.run_as(MAINTAINER, &bad).expect(2);
    assert!(home.open(ENVIRONMENTS).is_empty());
    let there = ["onboard", "partner.example.net", "--endpoint", "https://elsewhere.example.net", "--propose"];
    home.run_as(MAINTAINER, &there).expect(2).says("has a federation file already");
    home.run_as(MAINTAINER, &["onboard", OTHER, "--endpoint", "https://x.example.net"])
        .expect(2)
        .says("is for --propose");
}

#[test]
fn a_dry_run_needs_no_token() {
    let home = Home::new(By::File, true);
    let url = home.world.github.url();
    let arguments = [ONBOARD, &["--dry-run", "--api-url", &url]].concat();
    let run = scratch::finish(home.world.command(&arguments, None).spawn().unwrap()).expect(0);
    run.says("branch: dirops/onboard-other.example.net").says("POST /repos/agntcy/dir-staging/pulls");
    assert!(home.open(ENVIRONMENTS).is_empty());
}
