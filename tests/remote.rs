//! Branches of repositories elsewhere: over folders, HTTP and HTTPS, with a real Git on the other side.

mod scratch;
mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dirops::diagnostic::Sources;
use dirops::git::{
    Depth, Failure, FailureKind, Identities, NewCommit, Provenance, Pushed, Relation, Remote, Settings, Step, Whose,
    relation,
};
use dirops::publish::{Digest, GitTree, Permissions, Selection, TreeRequest, render_tree};
use dirops::tree::WorkTree;
use dirops::workspace::Workspace;
use git2::{FileMode, Oid, Repository, Signature, Time};
use secrecy::SecretString;
use support::git_server::{Fault, GitServer, hook, is_git_here};
use tempfile::TempDir;

const TOKEN: &str = "ghp_plantedTokenOfATest0123456789";

/// A repository of our own.
struct Local {
    folder: TempDir,
    repository: Repository,
}

impl Local {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        Self { folder, repository }
    }

    /// Makes a commit that holds one file more than its parent.
    fn commit(&self, name: &str, parent: Option<Oid>) -> Oid {
        commit(&self.repository, name, parent)
    }
}

fn commit(repository: &Repository, name: &str, parent: Option<Oid>) -> Oid {
    let parents: Vec<_> = parent.iter().map(|oid| repository.find_commit(*oid).unwrap()).collect();
    let base = parents.first().map(|parent| parent.tree().unwrap());
    let mut tree = repository.treebuilder(base.as_ref()).unwrap();
    tree.insert(name, repository.blob(name.as_bytes()).unwrap(), FileMode::Blob.into()).unwrap();
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let who = Signature::new("a", "a@example.org", &Time::new(1_700_000_000, 0)).unwrap();
    repository.commit(None, &who, &who, name, &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
}

/// Settings that take nothing from the environment.
fn direct() -> Settings {
    Settings { uses_proxies: false, ..Settings::default() }
}

fn settings(server: &GitServer) -> Settings {
    Settings { certificates: Some(server.authority()).filter(|file| file.exists()), ..direct() }
}

fn remote(server: &GitServer, name: &str) -> Remote {
    let remote = Remote::new(&server.url(name)).unwrap();
    remote.with_settings(settings(server)).with_token(SecretString::from(TOKEN))
}

/// Runs a test with an empty repository by each way there is to it.
fn by_every_way(test: impl Fn(&Remote, &Path)) {
    if !is_git_here() {
        return;
    }
    for server in [GitServer::http(Some(TOKEN)), GitServer::https(Some(TOKEN))] {
        let path = server.repository("team/environments.git");
        test(&remote(&server, "team/environments.git"), &path);
    }
    let server = GitServer::http(None);
    let path = server.repository("environments.git");
    test(&Remote::new(path.to_str().unwrap()).unwrap(), &path);
    let path = server.repository("more environments.git");
    let url = url::Url::from_file_path(&path).unwrap();
    test(&Remote::new(url.as_str()).unwrap(), &path);
}

fn git(repository: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(repository).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn branches_are_made_moved_and_deleted_with_a_lease() {
    by_every_way(|remote, path| {
        let local = Local::new();
        let (first, other) = (local.commit("first", None), local.commit("other", None));
        let second = local.commit("second", Some(first));
        let push = |commit, expected| remote.push(&local.repository, commit, "dirops/main", expected).unwrap();
        assert!(remote.branches().unwrap().is_empty());
        assert_eq!(push(first, Some(second)), Pushed::Moved { now: None });
        assert_eq!(push(first, None), Pushed::Done);
        assert_eq!(push(first, None), Pushed::Done, "the same push again");
        assert_eq!(push(other, None), Pushed::Moved { now: Some(first) });
        assert_eq!(push(second, Some(other)), Pushed::Moved { now: Some(first) });
        assert_eq!(push(second, Some(first)), Pushed::Done);
        assert_eq!(push(second, Some(first)), Pushed::Done, "the same push again");
        // The lease is what counts: another history may take the place.
        assert_eq!(push(other, Some(second)), Pushed::Done);
        assert_eq!(remote.branch("dirops/main").unwrap(), Some(other));
        assert_eq!(git(path, &["show", "dirops/main:other"]), "other");
        git(path, &["fsck", "--strict"]);
        let delete = |expected| remote.delete(&local.repository, "dirops/main", expected).unwrap();
        assert_eq!(delete(first), Pushed::Moved { now: Some(other) });
        assert_eq!(delete(other), Pushed::Done);
        assert_eq!(delete(other), Pushed::Done, "the same deletion again");
        assert!(remote.branches().unwrap().is_empty());
    });
}

#[test]
fn a_branch_that_moves_during_the_push_is_told() {
    by_every_way(|remote, path| {
        let local = Local::new();
        let (first, mine) = (local.commit("first", None), local.commit("mine", None));
        let theirs = local.commit("theirs", Some(first));
        remote.push(&local.repository, first, "main", None).unwrap();
        remote.push(&local.repository, theirs, "theirs", None).unwrap();
        hook(path, "pre-receive", &format!("env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main {theirs}"));
        let pushed = remote.push(&local.repository, mine, "main", Some(first)).unwrap();
        assert_eq!(pushed, Pushed::Moved { now: Some(theirs) });
        // One that comes to be meanwhile.
        hook(path, "pre-receive", &format!("env -u GIT_QUARANTINE_PATH git update-ref refs/heads/new {theirs}"));
        assert_eq!(remote.push(&local.repository, mine, "new", None).unwrap(), Pushed::Moved { now: Some(theirs) });
    });
}

#[test]
fn a_refusal_comes_with_the_servers_words() {
    by_every_way(|remote, path| {
        let local = Local::new();
        let (first, other) = (local.commit("first", None), local.commit("other", None));
        let refused = |commit, expected| match remote.push(&local.repository, commit, "main", expected).unwrap() {
            Pushed::Refused(why) => why,
            other => panic!("{other:?}"),
        };
        hook(path, "pre-receive", "printf 'main is \\033[31mprotected\\033[0m\\nask somebody\\n' >&2; exit 1");
        let why = refused(first, None);
        assert!(why.contains("pre-receive hook declined") && why.contains("protected"), "{why}");
        assert!(why.contains("; ask somebody") && !why.contains('\u{1b}') && !why.contains('\n'), "{why}");
        fs::remove_file(path.join("hooks/pre-receive")).unwrap();
        hook(path, "update", "echo \"not $1\" >&2; exit 1");
        let why = refused(first, None);
        assert!(why.contains("hook declined") && why.contains("not refs/heads/main"), "{why}");
        assert_eq!(remote.branch("main").unwrap(), None);
        fs::remove_file(path.join("hooks/update")).unwrap();
        remote.push(&local.repository, first, "main", None).unwrap();
        git(path, &["config", "receive.denyNonFastForwards", "true"]);
        assert!(refused(other, Some(first)).contains("non-fast-forward"));
        git(path, &["config", "receive.denyDeletes", "true"]);
        let deleted = remote.delete(&local.repository, "main", first).unwrap();
        assert!(matches!(&deleted, Pushed::Refused(why) if why.contains("deletion")), "{deleted:?}");
    });
}

#[test]
fn a_shallow_clone_is_enough_to_push_from() {
    by_every_way(|remote, path| {
        let theirs = Repository::open(path).unwrap();
        let history: Vec<Oid> = (0..20).fold(Vec::new(), |mut history, number| {
            history.push(commit(&theirs, &format!("file{number}"), history.last().copied()));
            history
        });
        let tip = *history.last().unwrap();
        theirs.reference("refs/heads/main", tip, false, "").unwrap();
        let local = Local::new();
        assert_eq!(remote.fetch(&local.repository, "nowhere", Depth::Commits(1)).unwrap(), None);
        assert_eq!(remote.fetch(&local.repository, "main", Depth::Commits(1)).unwrap(), Some(tip));
        assert!(local.repository.is_shallow());
        assert!(local.repository.find_commit(history[18]).is_err(), "more than one commit came");
        let mine = local.commit("mine", Some(tip));
        assert_eq!(remote.push(&local.repository, mine, "dirops/main", None).unwrap(), Pushed::Done);
        git(path, &["fsck", "--strict"]);
        assert_eq!(git(path, &["rev-list", "--count", "dirops/main"]), "21");
        // The remote moves on; what is fetched next is little.
        let next = commit(&theirs, "next", Some(tip));
        theirs.reference("refs/heads/main", next, true, "").unwrap();
        assert_eq!(remote.fetch(&local.repository, "main", Depth::Commits(1)).unwrap(), Some(next));
        let again = local.commit("again", Some(next));
        assert_eq!(remote.push(&local.repository, again, "dirops/main", Some(mine)).unwrap(), Pushed::Done);
        git(path, &["fsck", "--strict"]);
        // A commit whose parent is no branch's head any more.
        let last = commit(&theirs, "last", Some(next));
        theirs.reference("refs/heads/main", last, true, "").unwrap();
        let late = local.commit("late", Some(next));
        assert_eq!(remote.push(&local.repository, late, "late", None).unwrap(), Pushed::Done);
        git(path, &["fsck", "--strict"]);
    });
}

#[test]
fn history_is_deepened_until_it_tells() {
    by_every_way(|remote, path| {
        let theirs = Repository::open(path).unwrap();
        let history: Vec<Oid> = (0..90).fold(Vec::new(), |mut history, number| {
            history.push(commit(&theirs, &format!("f{}", number % 7), history.last().copied()));
            history
        });
        let tip = *history.last().unwrap();
        theirs.reference("refs/heads/main", tip, false, "").unwrap();
        let local = Local::new();
        remote.fetch(&local.repository, "main", Depth::Commits(1)).unwrap();
        assert_eq!(relation(&local.repository, tip, history[70]).unwrap(), Relation::Unknown);
        let asked = |one, other| remote.relation(&local.repository, "main", one, other).unwrap();
        assert_eq!(asked(tip, tip), Relation::Same);
        assert_eq!(asked(tip, history[60]), Relation::Descends);
        assert!(local.repository.is_shallow(), "more than needed was fetched");
        assert_eq!(asked(history[20], tip), Relation::Precedes);
        assert_eq!(asked(local.commit("other", None), tip), Relation::Diverged);
        assert_eq!(asked(Oid::from_str(&"1".repeat(40)).unwrap(), tip), Relation::Unknown);
        // A whole clone stays one.
        let whole = Local::new();
        remote.fetch(&whole.repository, "main", Depth::Full).unwrap();
        assert!(!whole.repository.is_shallow());
        let names: Vec<String> =
            whole.repository.references().unwrap().names().map(|n| n.unwrap().to_owned()).collect();
        assert!(names.len() == 1 && names[0].starts_with("refs/dirops/") && names[0].ends_with("/main"), "{names:?}");
        assert!(!whole.folder.path().join("FETCH_HEAD").exists());
        assert_eq!(relation(&whole.repository, history[0], tip).unwrap(), Relation::Precedes);
    });
}

fn kind<T: std::fmt::Debug>(result: Result<T, Failure>) -> FailureKind {
    let failure = result.unwrap_err();
    assert!(!format!("{failure:?}{failure}").contains(TOKEN));
    failure.kind
}

const AGAIN: FailureKind = FailureKind::Unreachable { retryable: true, perhaps_done: false, wait: None };
const PERHAPS: FailureKind = FailureKind::Unreachable { retryable: true, perhaps_done: true, wait: None };

#[test]
fn failures_are_told_apart() {
    if !is_git_here() {
        return;
    }
    let server = GitServer::http(Some(TOKEN));
    server.repository("e.git");
    let good = remote(&server, "e.git");
    let anonymous = Remote::new(&server.url("e.git")).unwrap().with_settings(direct());
    let wrong = anonymous.clone().with_token(SecretString::from("ghp_wrong"));
    assert_eq!(kind(anonymous.branches()), FailureKind::Unauthenticated);
    assert_eq!(kind(wrong.branches()), FailureKind::Unauthenticated);
    assert_eq!(kind(remote(&server, "missing.git").branches()), FailureKind::NotFound);
    let answer = |status, header: &str, body: &str| {
        let headers = if header.is_empty() { Vec::new() } else { vec![header.to_owned()] };
        server.fail("info/refs", Fault::Answer(status, headers, body.to_owned()));
        good.branches()
    };
    assert_eq!(kind(answer(403, "", "")), FailureKind::Forbidden);
    let text = answer(403, "Content-Type: text/plain", "Permission to\u{1b}[2J e denied").unwrap_err();
    assert!(text.to_string().ends_with("(403 Forbidden): Permission to\\u{1b}[2J e denied"), "{text}");
    let wait = Some(Duration::from_secs(7));
    let later = FailureKind::Unreachable { retryable: true, perhaps_done: false, wait };
    assert_eq!(kind(answer(403, "Retry-After: 7", "")), later);
    assert_eq!(kind(answer(429, "Retry-After: 7", "")), later);
    assert_eq!(kind(answer(503, "Retry-After: 7", "")), later);
    for status in [500, 502, 504, 408] {
        assert_eq!(kind(answer(status, "", "")), AGAIN, "{status}");
    }
    let never = FailureKind::Unreachable { retryable: false, perhaps_done: false, wait: None };
    assert_eq!(kind(answer(400, "", "")), never);
    assert_eq!(kind(answer(200, "Content-Type: text/html", "<html>log in</html>")), FailureKind::NotFound);
    let type_line = "Content-Type: application/x-git-upload-pack-advertisement";
    assert_eq!(kind(answer(200, type_line, "001e# service=git-upload-pack\n0000")), AGAIN);
    for fault in [Fault::DropBefore, Fault::Cut(30), Fault::Cut(150)] {
        server.fail("info/refs", fault.clone());
        assert_eq!(kind(good.branches()), AGAIN, "{fault:?}");
    }
    let hasty = Settings { silence: Duration::from_millis(200), ..direct() };
    server.fail("info/refs", Fault::Stall(Duration::from_secs(5)));
    let started = Instant::now();
    let failure = good.clone().with_settings(hasty).branches().unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3) && failure.to_string().contains("in time"), "{failure}");
    assert_eq!(failure.kind, AGAIN);
    assert!(good.branches().is_ok(), "the server is well after all that");
    let local = Local::new();
    good.push(&local.repository, local.commit("first", None), "main", None).unwrap();
    let frugal = good.clone().with_settings(Settings { fetch_limit: 100, ..direct() });
    let failure = frugal.fetch(&Local::new().repository, "main", Depth::Full).unwrap_err();
    assert!(failure.to_string().contains("more than 100 bytes"), "{failure}");
    let address = server.url("e.git");
    drop(server);
    assert_eq!(kind(Remote::new(&address).unwrap().with_settings(direct()).branches()), AGAIN);
    assert_eq!(kind(Remote::new("/no/such/folder").unwrap().branches()), FailureKind::NotFound);
}

#[test]
fn a_push_that_may_have_taken_effect_can_be_done_again() {
    if !is_git_here() {
        return;
    }
    for server in [GitServer::http(Some(TOKEN)), GitServer::https(Some(TOKEN))] {
        let path = server.repository("e.git");
        let (remote, local) = (remote(&server, "e.git"), Local::new());
        let mut before = None;
        let mut push = |fault: Fault, expected_kind, takes_effect: bool| {
            let commit = local.commit(&format!("{fault:?}").replace(['/', ' '], ""), before);
            server.fail("POST /e.git/git-receive-pack", fault.clone());
            assert_eq!(kind(remote.push(&local.repository, commit, "main", before)), expected_kind, "{fault:?}");
            let now = if takes_effect { Some(commit) } else { before };
            assert_eq!(remote.branch("main").unwrap(), now, "{fault:?}");
            assert_eq!(remote.push(&local.repository, commit, "main", before).unwrap(), Pushed::Done, "{fault:?}");
            assert_eq!(remote.branch("main").unwrap(), Some(commit));
            before = Some(commit);
        };
        push(Fault::DropBefore, PERHAPS, false);
        push(Fault::DropAfter, PERHAPS, true);
        push(Fault::Cut(40), PERHAPS, true);
        push(Fault::Cut(250), PERHAPS, true);
        push(Fault::Answer(502, Vec::new(), String::new()), PERHAPS, false);
        push(Fault::Answer(403, Vec::new(), String::new()), FailureKind::Forbidden, false);
        let commits = git(&path, &["rev-list", "--count", "main"]);
        assert_eq!(commits, "6");
        // What fails before the push was sent has surely done nothing.
        server.fail("info/refs?service=git-receive-pack", Fault::DropBefore);
        let commit = local.commit("last", before);
        assert_eq!(kind(remote.push(&local.repository, commit, "main", before)), AGAIN);
    }
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    if !is_git_here() {
        return;
    }
    let server = GitServer::https(Some(TOKEN));
    server.repository("e.git");
    let stranger = Remote::new(&server.url("e.git")).unwrap().with_token(SecretString::from(TOKEN));
    let failure = stranger.with_settings(direct()).branches().unwrap_err();
    assert!(!failure.is_retryable(), "{failure:?}");
    assert!(failure.clone().into_diagnostic().help.unwrap().contains("SSL_CERT_FILE"), "{failure:?}");
    assert!(server.requests().is_empty());
    assert!(remote(&server, "e.git").branches().is_ok());
}

#[test]
fn a_redirect_never_takes_the_token_along() {
    if !is_git_here() {
        return;
    }
    let (server, other) = (GitServer::http(Some(TOKEN)), GitServer::http(None));
    server.repository("new.git");
    other.repository("e.git");
    let to = |url: String| Fault::Answer(301, vec![format!("Location: {url}")], String::new());
    let old = remote(&server, "old.git");
    let local = Local::new();
    let commit = local.commit("first", None);
    // The repository has another name now.
    server.fail("/old.git/info/refs", to("/new.git/info/refs?service=git-receive-pack".to_owned()));
    assert_eq!(old.push(&local.repository, commit, "main", None).unwrap(), Pushed::Done);
    assert_eq!(remote(&server, "new.git").branch("main").unwrap(), Some(commit));
    // It is on another server: that is another matter.
    server.fail("/old.git/info/refs", to(other.url("e.git/info/refs?service=git-receive-pack")));
    assert_eq!(old.push(&local.repository, commit, "main", None).unwrap(), Pushed::Done);
    let requests = other.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")), "{requests:?}");
    for url in ["ftp://example.org/", "", "http://"] {
        server.fail("/old.git/info/refs", to(url.to_owned()));
        assert_eq!(kind(old.branches()), FailureKind::NotFound, "{url}");
    }
    for _ in 0..9 {
        server.fail("/old.git/info/refs", to(server.url("old.git/info/refs?service=git-upload-pack")));
    }
    assert_eq!(kind(old.branches()), FailureKind::NotFound);
    let secure = GitServer::https(Some(TOKEN));
    secure.fail("info/refs", to(other.url("e.git/info/refs?service=git-upload-pack")));
    assert_eq!(kind(remote(&secure, "e.git").branches()), FailureKind::Forbidden);
    assert!(other.requests().is_empty());
}

#[test]
fn the_token_is_in_a_header_and_nowhere_else() {
    if !is_git_here() {
        return;
    }
    let server = GitServer::http(Some(TOKEN));
    let path = server.repository("e.git");
    hook(&path, "pre-receive", "env >&2; exit 1");
    let (remote, local) = (remote(&server, "e.git"), Local::new());
    let commit = local.commit("first", None);
    let mut said = format!("{remote:?}{remote}");
    said.push_str(&format!("{:?}", remote.push(&local.repository, commit, "main", None)));
    for fault in [Fault::DropBefore, Fault::DropAfter, Fault::Cut(9), Fault::Answer(500, Vec::new(), String::new())] {
        for part in ["info/refs", "git-receive-pack"] {
            server.fail(part, fault.clone());
            said.push_str(&format!("{:?}", remote.push(&local.repository, commit, "main", None)));
        }
    }
    fs::remove_file(path.join("hooks/pre-receive")).unwrap();
    remote.push(&local.repository, commit, "main", None).unwrap();
    remote.fetch(&local.repository, "main", Depth::Full).unwrap();
    for request in server.requests() {
        said.push_str(&request.line);
    }
    let encoded = "cGxhbnRlZFRva2Vu"; // what base64 makes of a part of it
    assert!(!said.contains("plantedToken") && !said.contains(encoded), "{said}");
    for folder in [local.folder.path(), &path] {
        for entry in walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap) {
            let content = fs::read(entry.path()).unwrap_or_default();
            let is_there = content.windows(12).any(|part| part == b"plantedToken");
            assert!(!is_there, "{}", entry.path().display());
        }
    }
}

#[test]
fn addresses_are_read_and_passwords_in_them_refused() {
    for address in [
        "https://user:hunter2@example.org/e.git",
        "ftp://example.org/e.git",
        "ssh://-oProxyCommand=x/e",
        "-x:y",
        "example.org:-x",
        "",
    ] {
        let problem = Remote::new(address).unwrap_err();
        assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
    }
    for (address, shown) in [
        ("https://somebody@example.org/e.git?x#y", "https://example.org/e.git"),
        ("git@example.org:team/e.git", "git@example.org:team/e.git"),
        ("ssh://git@example.org:2222/e.git", "ssh://git@example.org:2222/e.git"),
        ("ssh://example.org:22/~git/e.git", "ssh://example.org:22/~git/e.git"),
        ("../environments", "../environments"),
        ("--upload-pack=x", "--upload-pack=x"),
    ] {
        assert_eq!(Remote::new(address).unwrap().to_string(), shown);
    }
    assert_eq!(kind(Remote::new("--upload-pack=x").unwrap().branches()), FailureKind::NotFound);
    let open = Remote::new("http://example.org/e.git").unwrap().with_token(SecretString::from(TOKEN));
    let failure = open.branches().unwrap_err();
    assert!(failure.to_string().contains("in the open"), "{failure}");
    assert_eq!(kind(open.fetch(&Local::new().repository, "a..b", Depth::Full)), FailureKind::Local);
}

#[test]
fn several_threads_speak_with_several_servers() {
    if !is_git_here() {
        return;
    }
    let servers: Vec<_> = (0..4).map(|_| GitServer::http(Some(TOKEN))).collect();
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| {
                server.repository("e.git");
                let (remote, local) = (remote(server, "e.git"), Local::new());
                let mut before = None;
                for number in 0..5 {
                    let commit = local.commit(&number.to_string(), before);
                    assert_eq!(remote.push(&local.repository, commit, "main", before).unwrap(), Pushed::Done);
                    before = Some(commit);
                }
                assert_eq!(remote.branch("main").unwrap(), before);
            });
        }
    });
}

/// What `propose` does with a repository of 20,000 files: nothing is ever checked out.
#[test]
fn twenty_thousand_files_are_fetched_rendered_into_and_pushed() {
    if !is_git_here() {
        return;
    }
    let server = GitServer::http(Some(TOKEN));
    let path = server.repository("e.git");
    let base = commit_of_many(&path, 20_000);
    let source = scratch::Scratch::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (watch, local) = (seen.clone(), Local::new());
    let remote =
        remote(&server, "e.git").with_progress(move |progress| watch.lock().unwrap().push((progress, Instant::now())));

    let started = Instant::now();
    assert_eq!(remote.fetch(&local.repository, "main", Depth::Commits(1)).unwrap(), Some(base));
    let fetched = started.elapsed();
    let sources = Sources::default();
    let work_tree = WorkTree::new(source.source());
    let workspace = Workspace::load(&work_tree, &sources, 2).unwrap();
    let tree = GitTree::open(local.folder.path(), Some(base)).unwrap();
    let request = TreeRequest { selection: Selection::default(), permissions: Permissions::default(), jobs: 2 };
    let rendered = render_tree(&workspace, &tree, &request).unwrap();
    let who = || Signature::new("a", "a@example.org", &Time::new(1_700_000_000, 0)).unwrap();
    let provenance = Provenance::new(None, Digest::of(b""));
    let new = NewCommit { tree: rendered.tree, parents: &[base], message: "Render", provenance: &provenance };
    let none = git2::Config::new().unwrap();
    let commit = Identities { author: who(), committer: who() };
    let commit = dirops::git::commit(&local.repository, &none, &commit, &new).unwrap();
    let rendered = started.elapsed();
    server.requests();
    assert_eq!(remote.push(&local.repository, commit, "dirops/main", None).unwrap(), Pushed::Done);
    let pushed = started.elapsed();
    println!("20,000 files: fetched after {fetched:?}, rendered after {rendered:?}, pushed after {pushed:?}");
    let requests = server.requests();
    let sent: usize = requests.last().unwrap().headers["content-length"].parse().unwrap();
    assert!(sent < 50_000, "{sent} bytes were sent: more than what is new");
    assert_eq!(git(&path, &["diff", "--name-only", "main", "dirops/main", "--", "existing"]), "");
    assert_eq!(git(&path, &["ls-tree", "-r", "--name-only", "dirops/main"]).lines().count(), 20_000 + 16);
    git(&path, &["fsck", "--strict"]);
    assert!(pushed < Duration::from_secs(20), "{pushed:?}");
    let seen = seen.lock().unwrap();
    let last = seen.iter().rev().find(|(progress, _)| progress.step == Step::Fetch).unwrap().0;
    assert!(last.total > 20_000 && last.done == last.total && last.bytes > 100_000, "{last:?}");
}

/// Makes a commit of so many files on `main` and returns it.
fn commit_of_many(repository: &Path, files: usize) -> Oid {
    let mut stream = "commit refs/heads/main\ncommitter a <a@example.org> 1700000000 +0000\ndata 4\nmany\n".to_owned();
    for number in 0..files {
        let (folder, content) = (number / 100, format!("file {number}\n"));
        let length = content.len();
        stream.push_str(&format!("M 644 inline existing/folder{folder}/file{number}\ndata {length}\n{content}\n"));
    }
    let mut import = Command::new("git");
    import.arg("-C").arg(repository).args(["fast-import", "--quiet"]).stdin(Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    Oid::from_str(&git(repository, &["rev-parse", "main"])).unwrap()
}

#[test]
#[ignore = "run by the test below, with an ssh of its own"]
fn speaks_over_ssh() {
    let path = std::env::var("REPOSITORY").unwrap();
    let local = Local::new();
    let commit = local.commit("first", None);
    for address in [format!("git@host.example:{path}"), format!("ssh://git@host.example:2222{path}")] {
        let remote = Remote::new(&address).unwrap();
        assert_eq!(remote.push(&local.repository, commit, "topic", None).unwrap(), Pushed::Done);
        assert_eq!(remote.fetch(&Local::new().repository, "topic", Depth::Commits(1)).unwrap(), Some(commit));
        assert_eq!(remote.delete(&local.repository, "topic", commit).unwrap(), Pushed::Done);
        assert!(remote.branches().unwrap().is_empty());
    }
    let of = |address: &str| Remote::new(address).unwrap().branches();
    assert_eq!(kind(of("git@host.example:/no/such/repository")), FailureKind::NotFound);
    assert_eq!(kind(of("git@denied.example:e.git")), FailureKind::Unauthenticated);
    assert_eq!(kind(of("git@away.example:e.git")), AGAIN);
    let hasty = Settings { whole: Duration::from_millis(200), ..direct() };
    let started = Instant::now();
    let silent = Remote::new("git@silent.example:e.git").unwrap().with_settings(hasty).branches().unwrap_err();
    assert!(silent.to_string().contains("in time") && started.elapsed() < Duration::from_secs(5), "{silent}");
}

#[cfg(unix)]
#[test]
fn the_users_ssh_is_a_way_too() {
    if !is_git_here() {
        return;
    }
    let server = GitServer::http(None);
    let path = server.repository("it's.git");
    let ssh = path.join("ssh");
    let script = "while [ $# -gt 2 ]; do shift; done
        case $1 in
        *denied*) echo 'git@denied.example: Permission denied (publickey).' >&2; exit 255 ;;
        *away*) echo 'ssh: connect to host away.example port 22: Connection refused' >&2; exit 255 ;;
        *silent*) exec sleep 20 ;;
        git@host.example) eval \"$2\" ;;
        esac";
    fs::write(&ssh, script).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "speaks_over_ssh", "--nocapture"])
        .env("GIT_SSH_COMMAND", format!("sh \"{}\" -x", ssh.display()))
        .env("REPOSITORY", &path)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A remote with a base branch and a branch of ours, and what happens to them.
struct Proposal<'a> {
    remote: &'a Remote,
    theirs: Repository,
}

impl Proposal<'_> {
    /// Makes a commit of ours that writes one file.
    fn ours(&self, name: &str, parent: Oid) -> Oid {
        let mut tree =
            self.theirs.treebuilder(Some(&self.theirs.find_commit(parent).unwrap().tree().unwrap())).unwrap();
        tree.insert(name, self.theirs.blob(b"rendered").unwrap(), FileMode::Blob.into()).unwrap();
        let provenance = Provenance::new(None, Digest::of(name.as_bytes()));
        let new =
            NewCommit { tree: tree.write().unwrap(), parents: &[parent], message: "Render", provenance: &provenance };
        let who = || Signature::new("a", "a@example.org", &Time::new(1_700_000_000, 0)).unwrap();
        let identities = Identities { author: who(), committer: who() };
        dirops::git::commit(&self.theirs, &git2::Config::new().unwrap(), &identities, &new).unwrap()
    }

    /// Does to a commit what `git commit --amend` and `git rebase` do: its message stays.
    fn again(&self, commit: Oid, tree: Oid, parent: Oid) -> Oid {
        let commit = self.theirs.find_commit(commit).unwrap();
        let who = Signature::new("b", "b@example.org", &Time::new(1_700_000_001, 0)).unwrap();
        let (tree, parent) = (self.theirs.find_tree(tree).unwrap(), self.theirs.find_commit(parent).unwrap());
        self.theirs.commit(None, &who, &who, commit.message().unwrap(), &tree, &[&parent]).unwrap()
    }

    /// Returns whose the commits of the branch are that the base has not, the last first.
    fn whose(&self, head: Oid, base: Oid) -> Vec<&'static str> {
        self.theirs.reference("refs/heads/dirops/main", head, true, "").unwrap();
        self.theirs.reference("refs/heads/main", base, true, "").unwrap();
        let local = Local::new();
        let ahead = self.remote.ahead(&local.repository, "dirops/main", "main").unwrap().unwrap();
        assert!(ahead.is_whole);
        assert_eq!((ahead.head, ahead.base), (head, base));
        let word = |whose: &Whose| match whose {
            Whose::Ours(_) => "ours",
            Whose::Nobodys => "nobody's",
            Whose::Others => "theirs",
        };
        ahead.commits.iter().map(|(_, whose)| word(whose)).collect()
    }
}

#[test]
fn what_people_do_to_our_branch_is_seen() {
    if !is_git_here() {
        return;
    }
    let server = GitServer::http(Some(TOKEN));
    let theirs = Repository::open(server.repository("e.git")).unwrap();
    let base = commit(&theirs, "first", None);
    let base = commit(&theirs, "second", Some(base));
    let it = Proposal { remote: &remote(&server, "e.git"), theirs };
    assert_eq!(it.whose(base, base), [""; 0]);
    let ours = it.ours("values", base);
    assert_eq!(it.whose(ours, base), ["ours"]);
    assert_eq!(it.whose(it.ours("more", ours), base), ["ours", "ours"]);
    assert_eq!(it.whose(commit(&it.theirs, "a fix", Some(ours)), base), ["theirs", "ours"]);
    // The base has moved on.
    let moved = (0..60).fold(base, |base, number| commit(&it.theirs, &format!("f{}", number % 5), Some(base)));
    assert_eq!(it.whose(ours, moved), ["ours"]);
    // A button moves our commit onto it; its changes are the same.
    let mut tree = it.theirs.treebuilder(Some(&it.theirs.find_commit(moved).unwrap().tree().unwrap())).unwrap();
    tree.insert("values", it.theirs.blob(b"rendered").unwrap(), FileMode::Blob.into()).unwrap();
    let rebased = it.again(ours, tree.write().unwrap(), moved);
    assert_eq!(it.whose(rebased, moved), ["ours"]);
    // Somebody amends it.
    tree.insert("values", it.theirs.blob(b"edited").unwrap(), FileMode::Blob.into()).unwrap();
    let amended = it.again(ours, tree.write().unwrap(), moved);
    assert_eq!(it.whose(amended, moved), ["theirs"]);
    // A button merges the base into our branch; somebody does so by hand, and more.
    let merge = |tree: Oid| {
        let who = Signature::new("b", "b@example.org", &Time::new(1_700_000_002, 0)).unwrap();
        let parents = [ours, moved].map(|oid| it.theirs.find_commit(oid).unwrap());
        let tree = it.theirs.find_tree(tree).unwrap();
        it.theirs.commit(None, &who, &who, "Merge", &tree, &[&parents[0], &parents[1]]).unwrap()
    };
    let merged = merge(it.theirs.find_commit(rebased).unwrap().tree_id());
    assert_eq!(it.whose(merged, moved), ["nobody's", "ours"]);
    let later = commit(&it.theirs, "later", Some(moved));
    assert_eq!(it.whose(merged, later), ["nobody's", "ours"]);
    assert_eq!(it.whose(it.ours("more", merged), later), ["ours", "nobody's", "ours"]);
    assert_eq!(it.whose(merge(it.theirs.find_commit(amended).unwrap().tree_id()), moved), ["theirs", "ours"]);
    // What was merged is no longer ahead.
    assert_eq!(it.whose(ours, commit(&it.theirs, "after", Some(ours))), [""; 0]);
    assert_eq!(it.remote.ahead(&Local::new().repository, "nowhere", "main").unwrap(), None);
    assert_eq!(kind(it.remote.ahead(&Local::new().repository, "main", "nowhere")), FailureKind::NotFound);
}

#[test]
fn of_many_who_push_at_once_one_wins() {
    by_every_way(|remote, path| {
        let pushed = std::thread::scope(|scope| {
            let pushes: Vec<_> = (0..6)
                .map(|number| {
                    scope.spawn(move || {
                        let local = Local::new();
                        let commit = local.commit(&number.to_string(), None);
                        (commit, remote.push(&local.repository, commit, "main", None).unwrap())
                    })
                })
                .collect();
            pushes.into_iter().map(|push| push.join().unwrap()).collect::<Vec<_>>()
        });
        let winners: Vec<_> = pushed.iter().filter(|(_, pushed)| *pushed == Pushed::Done).collect();
        assert_eq!(winners.len(), 1, "{pushed:?}");
        assert_eq!(remote.branch("main").unwrap(), Some(winners[0].0));
        let is_told = |pushed: &Pushed| *pushed == Pushed::Moved { now: Some(winners[0].0) };
        assert_eq!(pushed.iter().filter(|(_, pushed)| is_told(pushed)).count(), 5, "{pushed:?}");
        git(path, &["fsck", "--strict"]);
    });
}

#[test]
#[ignore = "run by the test below, in an environment of its own"]
fn reads_what_the_environment_leads_to() {
    let remote = Remote::new(&std::env::var("ADDRESS").unwrap()).unwrap();
    assert!(remote.branches().unwrap().is_empty());
}

#[test]
fn proxies_and_authorities_are_taken_from_the_environment() {
    if !is_git_here() {
        return;
    }
    let (proxy, secure) = (GitServer::http(None), GitServer::https(None));
    proxy.repository("e.git");
    secure.repository("e.git");
    let proxy_url = proxy.url("");
    let authority = secure.authority();
    for (address, name, value) in [
        ("http://environments.example/e.git".to_owned(), "HTTP_PROXY", proxy_url.as_str()),
        (secure.url("e.git"), "SSL_CERT_FILE", authority.to_str().unwrap()),
    ] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "reads_what_the_environment_leads_to", "--nocapture"]);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
            child.env_remove(name).env_remove(name.to_lowercase());
        }
        let output = child.env(name, value).env("ADDRESS", address).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
    assert!(proxy.requests()[0].line.starts_with("GET http://environments.example/e.git/info/refs"));
}
