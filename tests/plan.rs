//! `dirops plan`: after any change, rendering what it names comes to the same as rendering everything.

mod scratch;

#[path = "plan/fleet.rs"]
mod fleet;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use dirops::affected::{self, Affected};
use dirops::diagnostic::Sources;
use dirops::publish::{self, Permissions, Request, Selection};
use dirops::tree::{Recorded, Revision, WorkTree};
use dirops::workspace::Workspace;
use fleet::Fleet;
use proptest::prelude::*;
use scratch::{Scratch, commit, tree};

const JOBS: usize = 2;

fn affected(source: &Path, revision: &str) -> Affected {
    let (sources, tree) = (Sources::default(), WorkTree::new(source));
    let recorded = Recorded::new(&tree);
    let workspace = Workspace::load(&recorded, &sources, JOBS).unwrap();
    let before = Revision::open(source, revision).unwrap();
    let changed = before.changed_in_work_tree().unwrap();
    affected::since(&workspace, &recorded, source, &before, &changed, JOBS).unwrap()
}

/// Renders, and returns whether that could be done.
fn render(source: &Path, into: &Path, environments: &[String], prune: bool) -> bool {
    let (sources, tree) = (Sources::default(), WorkTree::new(source));
    let Ok(workspace) = Workspace::load(&tree, &sources, JOBS) else { return false };
    let request = Request {
        selection: Selection { environments: environments.to_vec(), prune },
        source: source.to_owned(),
        into: into.to_owned(),
        check: false,
        permissions: Permissions::default(),
        jobs: JOBS,
    };
    publish::render(&workspace, &request).is_ok()
}

/// A folder in memory where there is such a thing: thousands of small files come and go.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for (path, content) in tree(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Makes the changes between two folders in a third.
fn bring(before: &Path, after: &Path, to: &Path) {
    let (before, after) = (BTreeMap::from_iter(tree(before)), BTreeMap::from_iter(tree(after)));
    for path in before.keys().filter(|path| !after.contains_key(*path)) {
        fs::remove_file(to.join(path)).unwrap();
    }
    for (path, content) in after.iter().filter(|(path, content)| before.get(*path) != Some(content)) {
        fs::create_dir_all(to.join(path).parent().unwrap()).unwrap();
        fs::write(to.join(path), content).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_planned_comes_to_the_same_as_everything(
        first in proptest::collection::vec(any::<[u8; 3]>(), 0..30),
        then in proptest::collection::vec(any::<[u8; 3]>(), 1..6),
        shards in 1_usize..5,
        committed: bool,
    ) {
        let folder = in_memory();
        let at = |name: &str| folder.path().join(name);
        let source = at("source");
        let mut fleet = Fleet::new();
        first.into_iter().for_each(|change| fleet.change(change));
        fleet.write(&source);
        let revision = commit(&source);
        prop_assume!(render(&source, &at("before"), &[], false));

        then.into_iter().for_each(|change| fleet.change(change));
        fleet.write(&source);
        if committed {
            commit(&source);
        }
        copy(&at("before"), &at("full"));
        prop_assume!(render(&source, &at("full"), &[], false));

        let affected = affected(&source, &revision);
        // Each shard renders on a machine of its own; what each changed comes together in the end.
        copy(&at("before"), &at("planned"));
        for (number, shard) in affected.shards(shards).iter().enumerate() {
            let own = at(&format!("shard{number}"));
            copy(&at("before"), &own);
            prop_assert!(render(&source, &own, &shard.environments, shard.prune));
            bring(&at("before"), &own, &at("planned"));
        }
        prop_assert_eq!(tree(&at("planned")), tree(&at("full")), "{:?}", affected);
    }
}

/// Names of what is affected after an edit of a fleet of `a`, `b` and `c`.
fn names_after(edit: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    Fleet::new().write(folder.path());
    let revision = commit(folder.path());
    edit(folder.path());
    let affected = affected(folder.path(), &revision);
    let names: Vec<_> = affected.environments.iter().map(|touched| touched.name.as_str()).collect();
    let gone: Vec<_> = affected.gone.iter().map(|name| format!("-{name}")).collect();
    assert_eq!(affected.prune, !gone.is_empty());
    [names.join(" "), gone.join(" ")].join(" ").trim().to_owned()
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_change_concerns_those_that_read_it() {
    let written = |path: &'static str, text: &'static str| names_after(move |folder| write(folder, path, text));
    // `a` has app 1.2.3, profile kind and the first registry, `b` has app 2.0.0 and profile red, `c` has no app and the
    // second registry.
    assert_eq!(names_after(|_| {}), "");
    assert_eq!(written("overlays/a/app.yaml", "config: {level: warn}\n"), "a");
    assert_eq!(written("overlays/a/app.manifests.yaml", fleet::OBJECT), "a", "a file that was not there");
    assert_eq!(written("overlays/a/README.md", "x"), "", "a file that nobody reads");
    assert_eq!(written("README.md", "x"), "");
    assert_eq!(written("base/app/values.yaml", "config: {level: warn}\n"), "a b");
    assert_eq!(written("base/app/partners.yaml", "config: {}\n"), "a b", "a file that was not there");
    assert_eq!(written("base/app/profiles/red.yaml", "red: 2\n"), "b");
    assert_eq!(written("base/app/profiles/kind.manifests.yaml", fleet::OBJECT), "a");
    assert_eq!(written("base/app/profiles/nobody.yaml", "x: 2\n"), "");
    assert_eq!(
        written("base/app/charts/2.0.0.json", r#"{"chart": "app", "version": "2.0.0", "values": {"a": "any"}}"#),
        "b"
    );
    assert_eq!(
        written("base/app/charts/3.0.0.json", r#"{"chart": "app", "version": "3.0.0", "values": {"a": "any"}}"#),
        ""
    );
    assert_eq!(written("base/side/values.yaml", "x: 3\n"), "c");
    assert_eq!(written("onboarding/federation/new.example.net.yaml", &fleet::PARTNER_NEW), "a");
    assert_eq!(written("onboarding/other/new.example.net.yaml", &fleet::PARTNER_NEW), "c");
    assert_eq!(written("onboarding/third/new.example.net.yaml", &fleet::PARTNER_NEW), "");
    let removed = |path: &'static str| names_after(move |folder| fs::remove_file(folder.join(path)).unwrap());
    assert_eq!(removed("base/app/profiles/kind.yaml"), "a", "a file that is no longer there");
    assert_eq!(removed("onboarding/federation/partner0.example.net.yaml"), "a");
    let gone = names_after(|folder| fs::remove_dir_all(folder.join("overlays/b")).unwrap());
    assert_eq!(gone, "-b");
    let moved = names_after(|folder| fs::rename(folder.join("overlays/b"), folder.join("overlays/d")).unwrap());
    assert_eq!(moved, "d -b");
    let everyone = names_after(|folder| {
        let path = folder.join("base/environment.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("level: none", "level: some")).unwrap();
    });
    assert_eq!(everyone, "a b c");
}

#[cfg(unix)]
#[test]
fn what_is_reached_through_a_link_is_taken_for_changed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("shared.yaml"), "config: {level: warn}\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    Fleet::new().write(folder.path());
    std::os::unix::fs::symlink(outside.path().join("shared.yaml"), folder.path().join("overlays/a/app.yaml")).unwrap();
    let revision = commit(folder.path());
    let affected = affected(folder.path(), &revision);
    assert_eq!(affected.environments.iter().map(|touched| touched.name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn an_environment_that_cannot_be_built_is_named() {
    let broken = names_after(|folder| write(folder, "overlays/a/app.yaml", "config: ${{ nothing }}\n"));
    assert_eq!(broken, "a");
}

#[test]
fn the_command_writes_text_json_and_a_matrix() {
    let scratch = Scratch::new();
    let revision = commit(&scratch.source());
    scratch.run(&["plan", "--changed-since", &revision]).expect(0).says("");
    scratch.write("overlays/one/app.yaml", "config: {level: warn}\n");
    scratch.edit("overlays/two/environment.yaml", "cluster:", "name: second\ncluster:");

    let run = scratch.run(&["plan", "--changed-since", &revision, "--shards", "9"]).expect(0);
    let expected = "one     overlays/one/app.yaml\nsecond  overlays/two/environment.yaml\ngone: two\n\
                    shard 0 (prunes): one\nshard 1: second\n";
    assert_eq!(run.out, expected);
    let run = scratch.run(&["plan", "--changed-since", &revision, "--shards", "2", "--format", "github-matrix"]);
    assert_eq!(
        run.expect(0).out,
        "{\"include\":[{\"shard\":0,\"environments\":\"one\",\"prune\":true},\
         {\"shard\":1,\"environments\":\"second\",\"prune\":false}]}\n"
    );
    let run = scratch.run(&["plan", "--changed-since", &revision, "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(json["environments"][0]["because"][0], "overlays/one/app.yaml");
    assert_eq!(json["gone"][0], "two");
    let run = scratch.run(&["plan"]).expect(0);
    assert_eq!(run.out, "one\nsecond\n");

    scratch.run(&["plan", "--changed-since", "nowhere"]).expect(2).says("there is no revision `nowhere`");
    scratch.run(&["plan", "--shards", "0"]).expect(2);
    scratch.run(&["plan", "--shards", "257", "--format", "github-matrix"]).expect(2).says("256 jobs");
}

#[test]
fn pruning_alone_renders_nothing_and_naming_alone_prunes_nothing() {
    let scratch = Scratch::new();
    scratch.rendered();
    fs::remove_dir_all(scratch.source().join("overlays/two")).unwrap();
    scratch.write("overlays/one/app.yaml", "config: {level: warn}\n");
    scratch.render(&["one"]).expect(0);
    assert!(scratch.target().join("projects/dir/two").exists());
    scratch.write("overlays/one/app.yaml", "config: {level: error}\n");
    scratch.render(&["--prune"]).expect(0).says("two: 0 written");
    assert!(!scratch.target().join("projects/dir/two").exists());
    assert!(scratch.read("applications/app/one/values.yaml").contains("level: warn"));
}
