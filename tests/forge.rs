//! Pull requests, comments and forks on a GitHub that fails in every way, and what is told of it.

mod github;

use std::collections::BTreeSet;
use std::time::Duration;

use dirops::forge::{
    Access, Credentials, Error, ErrorKind, Forge, Head, Identity, Key, Method, Published, PullRequestState,
    with_section,
};
use github::state::{Comment, Pull};
use github::{
    ACTIONS, EVERY_FAULT, Effect, Fault, FaultKind, GitHub, MAINTAINER, NOW, Options, PATIENT, STRANGER, State,
    TIMEOUT, Watched, app, token,
};
use secrecy::ExposeSecret;
use wiremock::{Mock, MockServer, ResponseTemplate};

const REPOSITORY: &str = "agntcy/dir-staging";
const BRANCH: &str = "dirops/main";
const TEXT: &str = "What changes.\n\n| a | b |\n";

fn key() -> Key {
    Key::of_environments("agntcy/dirops", "main", ["dev", "prod"])
}

fn identity(owner: &str) -> Identity {
    Identity { head: Head { owner: owner.to_owned(), branch: BRANCH.to_owned() }, base: "main".to_owned(), key: key() }
}

/// A repository with a branch of ours.
fn state() -> State {
    let mut state = State::default();
    state.add_repository(REPOSITORY, [("main", ["c0"].as_slice()), (BRANCH, &["c0", "c1", "c2"])]);
    state.installations.insert(9, BTreeSet::from([REPOSITORY.to_owned()]));
    state
}

fn pull(number: u64, body: &str) -> Pull {
    Pull {
        number,
        title: "A title that people chose".to_owned(),
        body: body.to_owned(),
        open: true,
        merged: false,
        from: REPOSITORY.to_owned(),
        head: BRANCH.to_owned(),
        base: "main".to_owned(),
        author: "maintainer".to_owned(),
    }
}

fn with_pull(body: &str) -> State {
    let mut state = state();
    state.last_id = 7;
    state.repository(REPOSITORY).pulls.push(pull(7, body));
    state
}

fn started(state: State) -> GitHub {
    let github = GitHub::start();
    github.reset(state);
    github
}

fn publish(forge: &Forge, owner: &str) -> Result<Published, Error> {
    forge.publish(&identity(owner), "Render dev and prod", TEXT)
}

/// Something that a run does, and what must be there in the end.
struct Operation {
    credentials: fn() -> Credentials,
    before: fn() -> State,
    run: fn(&Forge) -> Result<(), Error>,
    verify: fn(&mut State),
}

impl Operation {
    fn run(&self, github: &GitHub, timeout: Duration) -> (Result<(), Error>, Watched) {
        let options = Options { credentials: Some((self.credentials)()), timeout, ..Options::default() };
        let watched = github.forge(REPOSITORY, options);
        ((self.run)(&watched), watched)
    }

    /// Fails each request in each way, and lets GitHub fail for good from each request on; after that there is exactly
    /// what there should be, or is after one more run.
    #[track_caller]
    fn withstands_every_fault(&self) {
        let github = started((self.before)());
        github.state().requests.clear();
        let (done, _) = self.run(&github, PATIENT);
        done.unwrap();
        (self.verify)(&mut github.state());
        let requests = github.state().requests.clone();
        assert!(requests.len() > 2, "{requests:?}");
        for request in 1..=requests.len() {
            for kind in EVERY_FAULT {
                for effect in [Effect::Before, Effect::After] {
                    self.withstands(&github, Fault::new(request, *kind, effect));
                }
            }
            for kind in [FaultKind::Status(502), FaultKind::Drop] {
                let fault = Fault { lasts: true, ..Fault::new(request, kind, Effect::After) };
                self.withstands(&github, fault);
            }
        }
    }

    #[track_caller]
    fn withstands(&self, github: &GitHub, fault: Fault) {
        github.reset((self.before)());
        github.fail(fault);
        let timeout = if fault.kind == FaultKind::Timeout { TIMEOUT } else { PATIENT };
        let (done, watched) = self.run(github, timeout);
        assert!(github.state().requests.len() >= fault.request, "{fault:?} was not reached");
        let mut said = watched.lines();
        assert_eq!(done.is_err(), fault.lasts, "{fault:?}: {done:?}\n{said:#?}");
        if let Err(error) = &done {
            let diagnostic = error.clone().into_diagnostic();
            said.extend([
                error.to_string(),
                format!("{error:?}"),
                format!("{diagnostic:?}"),
                format!("{watched:?}", watched = *watched),
            ]);
            assert!(error.help.is_some(), "{error:?}");
        }
        assert!(!said.is_empty(), "{fault:?}: nobody was told");
        assert_tells_no_secret(github, &said, &format!("{fault:?}"));

        github.state().faults.clear();
        if done.is_ok() {
            (self.verify)(&mut github.state());
        }
        let (again, _) = self.run(github, PATIENT);
        again.unwrap_or_else(|error| panic!("{fault:?}: the next run: {error:?}"));
        (self.verify)(&mut github.state());
    }
}

#[track_caller]
fn assert_tells_no_secret(github: &GitHub, said: &[String], when: &str) {
    let state = github.state();
    for line in said {
        for token in state.tokens.keys() {
            assert!(!line.contains(token.as_str()), "{when}: {line}");
        }
        assert!(!line.contains("eyJ") && !line.contains("PlantedToken"), "{when}: {line}");
    }
}

#[track_caller]
fn assert_one_right_pull_request(state: &mut State, from: &str) {
    let pulls = &state.repository(REPOSITORY).pulls;
    assert_eq!(pulls.len(), 1, "{pulls:#?}");
    let pull = &pulls[0];
    assert!(pull.open && pull.from == from && pull.base == "main", "{pull:#?}");
    assert_eq!(pull.body, with_section("", &key(), TEXT));
    assert_eq!(pull.title, "Render dev and prod");
}

const WRITTEN: &str = "People wrote this.\r\n\r\n";

#[test]
fn opening_a_pull_request_withstands_every_fault() {
    let operation = Operation {
        credentials: || token(MAINTAINER),
        before: state,
        run: |forge| publish(forge, "agntcy").map(drop),
        verify: |state| assert_one_right_pull_request(state, REPOSITORY),
    };
    operation.withstands_every_fault();
}

#[test]
fn updating_a_pull_request_withstands_every_fault() {
    let operation = Operation {
        credentials: || token(ACTIONS),
        before: || with_pull(&(WRITTEN.to_owned() + &with_section("", &key(), "old") + "\r\nand this")),
        run: |forge| publish(forge, "agntcy").map(drop),
        verify: |state| {
            let pulls = &state.repository(REPOSITORY).pulls;
            assert_eq!(pulls.len(), 1);
            assert_eq!(pulls[0].body, WRITTEN.to_owned() + &with_section("", &key(), TEXT) + "\r\nand this");
            assert_eq!(pulls[0].title, "A title that people chose");
        },
    };
    operation.withstands_every_fault();
}

#[test]
fn closing_with_a_comment_withstands_every_fault() {
    let operation = Operation {
        credentials: || token(MAINTAINER),
        before: || with_pull(&with_section("", &key(), "old")),
        run: |forge| {
            let found = forge.find_open(&identity("agntcy"))?;
            let number = found.or(forge.find_closed(&identity("agntcy"))?).unwrap().number;
            forge.comment(number, &Key::new(["empty", "c2"]), "Nothing differs any more.")?;
            forge.close(number)
        },
        verify: |state| {
            let repository = state.repository(REPOSITORY);
            assert!(!repository.pulls[0].open);
            let comments = &repository.comments;
            assert_eq!(comments.len(), 1, "{comments:#?}");
            assert!(comments[0].body.ends_with("\nNothing differs any more."));
        },
    };
    operation.withstands_every_fault();
}

#[test]
fn updating_a_comment_withstands_every_fault() {
    let operation = Operation {
        credentials: || token(ACTIONS),
        before: || {
            let mut state = with_pull("");
            let body = format!("<!-- dirops:comment {} -->\nold", Key::new(["review"]));
            let comment =
                |id, author: &str, kind| Comment { id, number: 7, body: body.clone(), author: author.to_owned(), kind };
            state.repository(REPOSITORY).comments =
                vec![comment(8, "stranger", "User"), comment(9, "github-actions[bot]", "Bot")];
            state.last_id = 9;
            state
        },
        run: |forge| forge.comment(7, &Key::new(["review"]), "new").map(drop),
        verify: |state| {
            let comments = &state.repository(REPOSITORY).comments;
            let said: Vec<_> = comments.iter().map(|comment| comment.body.lines().last().unwrap()).collect();
            assert_eq!(said, ["old", "new"], "what a stranger wrote with our marker is not ours");
        },
    };
    operation.withstands_every_fault();
}

#[test]
fn a_pull_request_from_a_fork_withstands_every_fault() {
    let operation = Operation {
        credentials: || token(STRANGER),
        before: || {
            let mut state = state();
            // Somebody who has another repository of that name gets a fork with another name.
            state.add_repository("stranger/dir-staging", [("main", ["x"].as_slice())]).writers =
                BTreeSet::from(["stranger".to_owned()]);
            state
        },
        run: |forge| {
            assert_eq!(forge.repository()?.access, Access::Read);
            let fork = forge.fork()?.unwrap();
            assert_eq!(fork.name.to_string(), "stranger/dir-staging-1");
            assert_eq!(fork.clone_url, "https://git.example.org/stranger/dir-staging-1.git");
            publish(forge, fork.name.owner()).map(drop)
        },
        verify: |state| {
            assert_eq!(state.repositories.len(), 3, "exactly one fork");
            assert_eq!(state.repository("stranger/dir-staging-1").copy_left, 0, "the fork was not waited for");
            assert_one_right_pull_request(state, "stranger/dir-staging-1");
        },
    };
    operation.withstands_every_fault();
}

#[test]
fn an_app_withstands_every_fault() {
    let operation = Operation {
        credentials: app,
        before: || {
            let mut state = state();
            state.repository(REPOSITORY).private = true;
            state
        },
        run: |forge| {
            assert_eq!(forge.repository()?.access, Access::Push);
            let published = publish(forge, "agntcy")?;
            let (Published::Opened(found) | Published::Unchanged(found) | Published::Updated(found)) = published else {
                panic!("{published:?}")
            };
            forge.comment(found.number, &Key::new(["review"]), "new").map(drop)
        },
        verify: |state| {
            assert_one_right_pull_request(state, REPOSITORY);
            let comments = &state.repository(REPOSITORY).comments;
            assert_eq!(comments.len(), 1, "{comments:#?}");
            assert_eq!(comments[0].author, "dirops-test[bot]");
        },
    };
    operation.withstands_every_fault();
}

#[test]
fn two_runs_at_once_open_one_pull_request() {
    let github = GitHub::start();
    for round in 0..25 {
        github.reset(state());
        let together = std::sync::Barrier::new(2);
        let run = |text: String| {
            let forge = github.forge(REPOSITORY, Options::default());
            forge.repository().unwrap();
            together.wait();
            forge.publish(&identity("agntcy"), "Render dev and prod", &text).unwrap();
        };
        std::thread::scope(|scope| {
            scope.spawn(|| run(format!("one {round}")));
            scope.spawn(|| run(format!("two {round}")));
        });
        let pulls = github.state().repository(REPOSITORY).pulls.clone();
        assert_eq!(pulls.len(), 1, "{pulls:#?}");
        let texts = ["one", "two"].map(|which| with_section("", &key(), &format!("{which} {round}")));
        assert!(texts.contains(&pulls[0].body), "{pulls:#?}");
    }
}

#[test]
fn waits_are_as_long_as_github_asks_for() {
    let github = started(state());
    for (kind, seconds) in [
        (FaultKind::PrimaryLimit, 31),
        (FaultKind::SecondaryLimit, 7),
        (FaultKind::UntoldLimit, 60),
        (FaultKind::Drop, 1),
    ] {
        github.fail(Fault::new(2, kind, Effect::Before));
        let forge = github.forge(REPOSITORY, Options::default());
        forge.find_open(&identity("agntcy")).unwrap();
        let slept: Vec<u64> = forge.clock.slept().iter().map(Duration::as_secs).collect();
        assert_eq!(slept, [seconds], "{kind:?}");
        assert!(forge.lines()[0].contains(&format!("trying again in {seconds} s (1 of 6)")), "{:?}", forge.lines());
    }
}

#[test]
fn what_github_refuses_is_told_once_and_not_repeated() {
    let mut unmerged = state();
    unmerged.repository(REPOSITORY).heads.set(BRANCH, &["c0"]);
    let github = started(unmerged);
    let forge = github.forge(REPOSITORY, Options::default());
    let error = publish(&forge, "agntcy").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(
        error.message.ends_with("422: Validation Failed; No commits between main and agntcy:dirops/main"),
        "{error}"
    );
    assert_eq!(github.state().requests.iter().filter(|request| request.starts_with("POST")).count(), 1);

    let wrong = "ghp_WrongPlantedToken0123456789abcdefghijkl";
    let forge = github.forge(REPOSITORY, Options { credentials: Some(token(wrong)), ..Options::default() });
    let error = publish(&forge, "agntcy").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(!format!("{error:?}").contains(wrong));

    let error = github.forge("agntcy/none", Options::default()).repository().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(error.message.contains("agntcy/none"));

    github.change(|state| state.repository(REPOSITORY).private = true);
    let forge = github.forge(REPOSITORY, Options { credentials: Some(token(STRANGER)), ..Options::default() });
    assert_eq!(forge.repository().unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn a_branch_that_github_does_not_see_yet_is_waited_for_and_not_for_ever() {
    let mut unseen = State::default();
    unseen.add_repository(REPOSITORY, [("main", ["c0"].as_slice())]);
    let github = started(unseen);
    let forge = github.forge(REPOSITORY, Options::default());
    let error = publish(&forge, "agntcy").unwrap_err();
    assert!(error.message.contains(r#""field":"head""#), "{error}");
    assert_eq!(forge.clock.slept().len(), 5);
}

#[test]
fn our_pull_request_is_found_by_branch_and_marker() {
    let ours = with_section("", &key(), "old");
    let elsewhere = with_section("", &Key::of_environments("agntcy/dirops", "main", ["dev"]), "old");
    let mut state = with_pull("no marker: people took it out");
    let pulls = &mut state.repository(REPOSITORY).pulls;
    pulls.push(Pull { base: "next".to_owned(), ..pull(8, &ours) });
    pulls.push(Pull { head: "feature".to_owned(), ..pull(9, &ours) });
    pulls.push(Pull { open: false, ..pull(10, &ours) });
    pulls.push(Pull { open: false, merged: true, ..pull(11, &ours) });
    pulls.push(Pull { open: false, ..pull(12, &elsewhere) });
    let github = started(state);
    let forge = github.forge(REPOSITORY, Options::default());
    let found = |owner: &str| forge.find_open(&identity(owner)).map(|found| found.map(|pull| pull.number));
    assert_eq!(found("agntcy").unwrap(), Some(8), "the marker counts, to whatever branch");
    assert_eq!(found("AGNTCY").unwrap(), Some(8));
    assert_eq!(found("stranger").unwrap(), None, "a branch of that name elsewhere is another");
    let closed = forge.find_closed(&identity("agntcy")).unwrap().unwrap();
    assert_eq!((closed.number, closed.state), (11, PullRequestState::Merged));

    github.change(|state| state.repository(REPOSITORY).pulls.retain(|pull| pull.number != 8));
    assert_eq!(found("agntcy").unwrap(), Some(7), "without any marker, it is what is in the way");
    github.change(|state| state.repository(REPOSITORY).pulls[0].body = elsewhere.clone());
    let error = found("agntcy").unwrap_err();
    assert!(error.kind == ErrorKind::Refused && error.help.is_some(), "{error:?}");
}

#[test]
fn a_body_that_lost_its_markers_keeps_what_people_wrote() {
    let github = started(with_pull("Mine alone.\r\n"));
    let forge = github.forge(REPOSITORY, Options::default());
    let published = publish(&forge, "agntcy").unwrap();
    assert!(matches!(published, Published::Updated(_)), "{published:?}");
    let body = github.state().repository(REPOSITORY).pulls[0].body.clone();
    assert_eq!(body, "Mine alone.\r\n\n".to_owned() + &with_section("", &key(), TEXT));
    assert!(matches!(publish(&forge, "agntcy").unwrap(), Published::Unchanged(_)));
}

#[test]
fn what_people_write_at_the_last_moment_stays() {
    let github = started(with_pull(&with_section("", &key(), "old")));
    let forge = github.forge(REPOSITORY, Options::default());
    let found = forge.find_open(&identity("agntcy")).unwrap().unwrap();
    github.change(|state| state.repository(REPOSITORY).pulls[0].body.push_str("\r\nLate."));
    forge.update(found.number, &key(), TEXT).unwrap();
    assert_eq!(github.state().repository(REPOSITORY).pulls[0].body, with_section("", &key(), TEXT) + "\r\nLate.");
}

#[test]
fn a_body_of_any_length_is_taken() {
    let github = started(state());
    let forge = github.forge(REPOSITORY, Options::default());
    let long = "| 🌈 | what changes |\n".repeat(10_000);
    forge.publish(&identity("agntcy"), "Long", &long).unwrap();
    let again = forge.publish(&identity("agntcy"), "Long", &long).unwrap();
    assert!(matches!(again, Published::Unchanged(_)));
    let number = github.state().repository(REPOSITORY).pulls[0].number;
    forge.comment(number, &key(), &long).unwrap();
    forge.comment(number, &key(), &long).unwrap();
    assert_eq!(github.state().repository(REPOSITORY).comments.len(), 1);
}

#[test]
fn long_lists_are_read_to_the_end() {
    let mut state = with_pull("");
    let key = Key::new(["review"]);
    let repository = state.repository(REPOSITORY);
    for id in 100..330 {
        let body = if id == 329 { format!("<!-- dirops:comment {key} -->\nold") } else { "+1".to_owned() };
        repository.comments.push(Comment { id, number: 7, body, author: "maintainer".to_owned(), kind: "User" });
    }
    let github = started(state);
    let forge = github.forge(REPOSITORY, Options::default());
    assert_eq!(forge.comment(7, &key, "new").unwrap().unwrap().id, 329);
}

#[test]
fn a_repository_that_was_renamed_goes_by_its_new_name() {
    let mut renamed = state();
    renamed.renamed.insert("agntcy/old".to_owned(), REPOSITORY.to_owned());
    let github = started(renamed);
    let forge = github.forge("agntcy/old", Options::default());
    assert_eq!(forge.repository().unwrap().name.to_string(), REPOSITORY);
    assert!(matches!(publish(&forge, "agntcy").unwrap(), Published::Opened(_)));
}

#[test]
fn no_token_follows_to_another_server() {
    let other = started(state());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let away = runtime.block_on(async {
        let server = MockServer::start().await;
        let to = format!("{}/repos/{REPOSITORY}", other.url());
        let answer = ResponseTemplate::new(302).insert_header("location", to);
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        server
    });
    let error = Watched::new(&away.uri(), REPOSITORY, Options::default()).repository().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.help.unwrap().contains("moved"));
    assert!(other.state().requests.is_empty());
}

#[test]
fn access_is_told_where_github_tells_it() {
    let github = started(state());
    let access = |credentials| {
        let forge = github.forge(REPOSITORY, Options { credentials: Some(credentials), ..Options::default() });
        forge.repository().unwrap().access
    };
    assert_eq!(access(token(MAINTAINER)), Access::Push);
    assert_eq!(access(token(STRANGER)), Access::Read);
    assert_eq!(access(token(ACTIONS)), Access::Unknown);
    assert_eq!(access(app()), Access::Push);

    let forge = github.forge(REPOSITORY, Options { credentials: Some(token(ACTIONS)), ..Options::default() });
    assert_eq!(forge.fork().unwrap_err().kind, ErrorKind::Forbidden);
}

#[test]
fn a_fork_that_is_there_is_used_whatever_its_name() {
    let mut forked = state();
    let fork = forked.add_repository("stranger/mine", [("main", ["c0"].as_slice())]);
    fork.parent = Some(REPOSITORY.to_owned());
    let github = started(forked);
    let forge = github.forge(REPOSITORY, Options { credentials: Some(token(STRANGER)), ..Options::default() });
    assert_eq!(forge.fork().unwrap().unwrap().name.to_string(), "stranger/mine");
    assert!(!github.state().requests.iter().any(|request| request.starts_with("POST")));
}

#[test]
fn a_fork_that_stays_empty_is_not_waited_for_for_ever() {
    let mut slow = state();
    slow.copy_takes = u32::MAX;
    let github = started(slow);
    let forge = github.forge(REPOSITORY, Options { credentials: Some(token(STRANGER)), ..Options::default() });
    let error = forge.fork().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    let slept: u64 = forge.clock.slept().iter().map(Duration::as_secs).sum();
    assert!((300..330).contains(&slept), "{slept} s");
}

#[test]
fn an_app_gets_a_new_token_before_the_old_one_ends_and_when_it_was_revoked() {
    let github = started(state());
    let forge = github.forge(REPOSITORY, Options { credentials: Some(app()), ..Options::default() });
    let first = forge.token().unwrap().unwrap();
    assert!(github.state().tokens.contains_key(first.expose_secret()));
    assert_eq!(forge.token().unwrap().unwrap().expose_secret(), first.expose_secret());

    dirops::forge::Clock::sleep(&forge.clock, Duration::from_secs(51 * 60));
    let second = forge.token().unwrap().unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());

    github.change(|state| state.tokens.remove(second.expose_secret()));
    forge.repository().unwrap();
    assert!(!forge.redactor().redact(second.expose_secret()).contains("Planted"));

    github.change(|state| state.installations.clear());
    let forge = github.forge(REPOSITORY, Options { credentials: Some(app()), ..Options::default() });
    let error = forge.token().unwrap_err();
    assert!(error.message.contains("4711 is not installed for agntcy/dir-staging"), "{error}");
}

#[test]
fn a_dry_run_without_a_token_writes_down_what_it_would_send() {
    let github = started(state());
    let forge = github.forge(REPOSITORY, Options { credentials: None, dry_run: true, ..Options::default() });
    assert_eq!(forge.repository().unwrap().access, Access::Unknown);
    assert_eq!(forge.repository().unwrap().default_branch.as_deref(), Some("main"));
    assert_eq!(forge.fork().unwrap(), None);
    assert_eq!(publish(&forge, "agntcy").unwrap(), Published::WouldOpen);
    let shown: Vec<String> = forge.requests().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["POST /repos/agntcy/dir-staging/forks", "POST /repos/agntcy/dir-staging/pulls"]);
    assert_eq!(forge.requests()[1].body.as_ref().unwrap()["head"], "agntcy:dirops/main");

    // A repository that only some may see.
    github.change(|state| state.repository(REPOSITORY).private = true);
    let forge = github.forge(REPOSITORY, Options { credentials: None, dry_run: true, ..Options::default() });
    assert_eq!(forge.repository().unwrap().default_branch, None);
    assert_eq!(publish(&forge, "agntcy").unwrap(), Published::WouldOpen);

    // And a limit that anonymous users hit soon.
    github.fail(Fault { lasts: true, ..Fault::new(1, FaultKind::PrimaryLimit, Effect::Before) });
    let forge = github.forge(REPOSITORY, Options { credentials: None, dry_run: true, ..Options::default() });
    assert_eq!(publish(&forge, "agntcy").unwrap(), Published::WouldOpen);
    assert!(forge.clock.slept().is_empty() && forge.lines()[0].ends_with("unknown without a token"));
}

#[test]
fn a_dry_run_changes_nothing_and_shows_no_token() {
    let github = started(with_pull(&with_section("", &key(), "old")));
    for credentials in [token(MAINTAINER), app()] {
        let forge =
            github.forge(REPOSITORY, Options { credentials: Some(credentials), dry_run: true, ..Options::default() });
        github.state().requests.clear();
        let text = format!("somebody pasted {MAINTAINER}");
        let published = forge.publish(&identity("agntcy"), "Title", &text).unwrap();
        assert!(matches!(published, Published::WouldUpdate(_)), "{published:?}");
        assert_eq!(forge.comment(7, &key(), &text).unwrap(), None);
        forge.close(7).unwrap();
        let methods: Vec<Method> = forge.requests().iter().map(|request| request.method).collect();
        assert_eq!(methods, [Method::Patch, Method::Post, Method::Patch]);
        assert!(!format!("{:?}", forge.requests()).contains("Planted"));
        let sent = github.state().requests.clone();
        assert!(
            sent.iter().all(|request| request.starts_with("GET") || request.ends_with("/access_tokens")),
            "{sent:?}"
        );
    }
    let pull = github.state().repository(REPOSITORY).pulls[0].clone();
    assert!(pull.open && pull.body == with_section("", &key(), "old"));
}

#[test]
fn only_a_dry_run_goes_without_credentials() {
    let settings = dirops::forge::Settings::default();
    let error = Forge::new(REPOSITORY.parse().unwrap(), settings).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.help.unwrap().contains("GITHUB_TOKEN"));
}

/// The fake with Git repositories behind it: forked, proposed from, and merged.
#[test]
fn branches_can_be_git_repositories() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(format!("{REPOSITORY}.git"));
    let git = git2::Repository::init_bare(&folder).unwrap();
    let tree = git.find_tree(git.treebuilder(None).unwrap().write().unwrap()).unwrap();
    git.commit(Some("refs/heads/main"), &author(), &author(), "first", &tree, &[]).unwrap();

    let mut state = State::default();
    state.add_repository(REPOSITORY, github::Heads::Git(folder));
    state.git_url = format!("file://{}", root.path().display());
    let github = started(state);
    let forge = github.forge(REPOSITORY, Options { credentials: Some(token(STRANGER)), ..Options::default() });
    let fork = forge.fork().unwrap().unwrap();
    let folder = fork.clone_url.strip_prefix("file://").unwrap();
    let pushed = commit_to(folder, BRANCH, "second");
    let Published::Opened(found) = publish(&forge, fork.name.owner()).unwrap() else { panic!("not opened") };
    assert_eq!(found.head_commit, pushed);

    github.change(|state| state.merge(REPOSITORY, found.number));
    assert_eq!(forge.find_open(&identity("stranger")).unwrap(), None);
    let closed = forge.find_closed(&identity("stranger")).unwrap().unwrap();
    assert_eq!(closed.state, PullRequestState::Merged);
    let main = git.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    assert_eq!(main.parent_id(1).unwrap().to_string(), pushed);
}

fn author() -> git2::Signature<'static> {
    git2::Signature::new("A. Uthor", "a@example.org", &git2::Time::new(NOW.try_into().unwrap(), 0)).unwrap()
}

/// Commits to a new branch off `main`, and returns the commit.
fn commit_to(folder: &str, branch: &str, message: &str) -> String {
    let git = git2::Repository::open_bare(folder).unwrap();
    let main = git.find_reference("refs/heads/main").unwrap().peel_to_commit().unwrap();
    let branch = format!("refs/heads/{branch}");
    git.reference(&branch, main.id(), false, "").unwrap();
    git.commit(Some(&branch), &author(), &author(), message, &main.tree().unwrap(), &[&main]).unwrap().to_string()
}
