//! Rendering into a Git tree: the same files, refusals and reports as rendering into a folder.

mod scratch;

use std::fs;
use std::path::Path;
use std::time::Instant;

use dirops::diagnostic::Sources;
use dirops::publish::{
    Failure, GitTree, Outcome, Permissions, RenderedTree, Request, Selection, Summary, TreeRequest, render, render_tree,
};
use dirops::tree::WorkTree;
use dirops::workspace::Workspace;
use git2::{FileMode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use scratch::Scratch;

const VALUES: &str = "applications/app/one/values.yaml";
const EVERY_LEAVE: [Permissions; 4] = [
    Permissions { force: false, adopt: false },
    Permissions { force: true, adopt: false },
    Permissions { force: false, adopt: true },
    Permissions { force: true, adopt: true },
];

/// Returns the tree that a commit of everything in a folder would have; folders without files are in none.
fn snapshot(repository: &Repository, folder: &Path) -> Oid {
    let mut builder = repository.treebuilder(None).unwrap();
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let (name, path, kind) = (entry.file_name(), entry.path(), entry.file_type().unwrap());
        let (id, mode) = if kind.is_symlink() {
            let to = fs::read_link(&path).unwrap();
            (repository.blob(to.as_os_str().as_encoded_bytes()).unwrap(), FileMode::Link)
        } else if kind.is_dir() {
            let id = snapshot(repository, &path);
            if repository.find_tree(id).unwrap().is_empty() {
                continue;
            }
            (id, FileMode::Tree)
        } else {
            let mode = if is_executable(&path) { FileMode::BlobExecutable } else { FileMode::Blob };
            (repository.blob_path(&path).unwrap(), mode)
        };
        builder.insert(name, id, mode.into()).unwrap();
    }
    builder.write().unwrap()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    false
}

fn bare() -> (tempfile::TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    (folder, repository)
}

fn into_tree(
    source: &Path,
    repository: &Repository,
    base: Option<Oid>,
    permissions: Permissions,
    environments: &[&str],
) -> Result<RenderedTree, Failure> {
    let sources = Sources::default();
    let tree = WorkTree::new(source);
    let workspace = Workspace::load(&tree, &sources, 2).unwrap();
    let environments = environments.iter().map(|&name| name.to_owned()).collect();
    let base = GitTree::open(repository.path(), base).unwrap();
    render_tree(
        &workspace,
        &base,
        &TreeRequest { selection: Selection { environments, prune: false }, permissions, jobs: 2 },
    )
}

fn into_folder(source: &Path, into: &Path, permissions: Permissions) -> Result<Outcome, Failure> {
    let sources = Sources::default();
    let tree = WorkTree::new(source);
    let workspace = Workspace::load(&tree, &sources, 2).unwrap();
    let (source, into) = (source.to_owned(), into.to_owned());
    render(&workspace, &Request { selection: Selection::default(), source, into, check: false, permissions, jobs: 2 })
}

/// What is told of an environment, as text.
fn told(outcome: &Outcome) -> Vec<String> {
    let told = |summary: &Summary| format!("{summary:?}");
    outcome.environments.iter().map(told).collect()
}

/// Renders into the folder of `scratch` and into a tree that is the same, and expects the same of both.
#[track_caller]
fn expect_the_same(scratch: &Scratch, permissions: Permissions) {
    let (_folder, repository) = bare();
    let base = snapshot(&repository, &scratch.target());
    let in_tree = into_tree(&scratch.source(), &repository, Some(base), permissions, &[]);
    let in_folder = into_folder(&scratch.source(), &scratch.target(), permissions);
    let after = snapshot(&repository, &scratch.target());
    match (in_tree, in_folder) {
        (Ok(in_tree), Ok(in_folder)) => {
            assert_eq!(told(&in_tree.outcome), told(&in_folder));
            assert_eq!(in_tree.tree, after, "the files differ");
            assert_eq!(in_tree.is_changed, base != after);
            assert_eq!(in_tree.is_changed, in_folder.environments.iter().any(Summary::is_changed));
        }
        (Err(in_tree), Err(in_folder)) => {
            assert_eq!(in_tree.problems, in_folder.problems);
            assert_eq!(base, after, "a render that was refused changed the folder");
        }
        (in_tree, in_folder) => panic!("one is refused, the other not: {in_tree:?}\n{in_folder:?}"),
    }
}

/// Does the same to a fresh folder for each leave that a user can give.
#[track_caller]
fn with_every_leave(prepare: impl Fn(&Scratch)) {
    for permissions in EVERY_LEAVE {
        let scratch = Scratch::new();
        prepare(&scratch);
        expect_the_same(&scratch, permissions);
    }
}

#[test]
fn this_repositorys_environments_are_the_same_in_both() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let (_bare, repository) = bare();
    into_folder(source, folder.path(), Permissions::default()).unwrap();
    let rendered = into_tree(source, &repository, None, Permissions::default(), &[]).unwrap();
    assert!(rendered.is_changed);
    assert_eq!(rendered.tree, snapshot(&repository, folder.path()));
    let again = into_tree(source, &repository, Some(rendered.tree), Permissions::default(), &[]).unwrap();
    assert!(!again.is_changed);
    assert_eq!(again.tree, rendered.tree);
}

#[test]
fn a_first_render_and_a_second() {
    with_every_leave(|_| {});
    with_every_leave(|scratch| {
        scratch.rendered();
    });
}

#[test]
fn changes_and_edits_and_stale_files() {
    with_every_leave(|scratch| {
        scratch.rendered();
        scratch.write("overlays/one/app.yaml", "config: {level: warn}\n");
    });
    with_every_leave(|scratch| scratch.rendered().plant(VALUES, "by: hand\n"));
    with_every_leave(|scratch| {
        scratch.rendered().edit("overlays/one/environment.yaml", "app: {}", "");
    });
    with_every_leave(|scratch| {
        scratch.rendered().plant(VALUES, "by: hand\n");
        scratch.edit("overlays/one/environment.yaml", "app: {}", "");
    });
    with_every_leave(|scratch| {
        scratch.rendered();
        fs::remove_file(scratch.target().join(VALUES)).unwrap();
    });
    with_every_leave(|scratch| {
        scratch.rendered();
        fs::remove_dir_all(scratch.source().join("overlays/one")).unwrap();
    });
}

#[test]
fn files_of_others_and_receipts_that_are_lost_or_damaged() {
    with_every_leave(|scratch| scratch.plant(VALUES, "of: others\n"));
    with_every_leave(|scratch| {
        scratch.plant("applications/app/one/notes.md", "mine\n");
        scratch.plant("README.md", "mine\n");
        scratch.rendered();
        fs::remove_dir_all(scratch.source().join("overlays/one")).unwrap();
    });
    let receipt = ".dirops/receipts/one.json";
    with_every_leave(|scratch| {
        scratch.rendered();
        fs::remove_file(scratch.target().join(receipt)).unwrap();
    });
    with_every_leave(|scratch| scratch.plant(receipt, "not json"));
    with_every_leave(|scratch| {
        scratch.rendered();
        let text = scratch.read(receipt).replace("https://example.org/source", "https://example.org/other");
        scratch.plant(receipt, text);
    });
    with_every_leave(|scratch| scratch.plant(&format!("{receipt}/file"), "a folder\n"));
}

#[test]
fn things_in_the_way() {
    with_every_leave(|scratch| scratch.plant(&format!("{VALUES}/file"), "a folder\n"));
    with_every_leave(|scratch| scratch.plant("applications/app", "a file\n"));
}

#[cfg(unix)]
#[test]
fn links_are_neither_followed_nor_written_through() {
    use std::os::unix::fs::symlink;
    let plant = |scratch: &Scratch, to: &str, path: &str| {
        let link = scratch.target().join(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&link);
        symlink(to, link).unwrap();
    };
    with_every_leave(|scratch| plant(scratch, "elsewhere", "applications"));
    with_every_leave(|scratch| {
        scratch.plant("elsewhere/file", "");
        plant(scratch, "elsewhere", "applications");
    });
    with_every_leave(|scratch| {
        scratch.rendered();
        plant(scratch, "gen.values.yaml", VALUES);
    });
    with_every_leave(|scratch| {
        scratch.rendered();
        plant(scratch, "two.json", ".dirops/receipts/one.json");
    });
    // Links and modes that are nobody's business stay.
    with_every_leave(|scratch| {
        use std::os::unix::fs::PermissionsExt;
        scratch.plant("tools/run", "#!/bin/sh\n");
        fs::set_permissions(scratch.target().join("tools/run"), fs::Permissions::from_mode(0o755)).unwrap();
        plant(scratch, "tools/run", "run");
        plant(scratch, "nowhere", "applications/broken");
    });
}

#[test]
fn a_linked_folder_of_receipts_is_refused() {
    let scratch = Scratch::new();
    let (_folder, repository) = bare();
    let mut root = repository.treebuilder(None).unwrap();
    root.insert(".dirops", repository.blob(b"elsewhere").unwrap(), FileMode::Link.into()).unwrap();
    let base = root.write().unwrap();
    let failure = into_tree(&scratch.source(), &repository, Some(base), Permissions { force: true, adopt: true }, &[]);
    let problems = failure.unwrap_err().problems;
    assert!(problems[0].message.contains("a symbolic link where a folder must be"), "{problems:?}");
}

#[test]
fn submodules_stay_and_are_not_written_into() {
    let scratch = Scratch::new();
    let (_folder, repository) = bare();
    let commit = Oid::from_str("1234567890123456789012345678901234567890").unwrap();
    let with_submodule = |name: &str| {
        let mut root = repository.treebuilder(None).unwrap();
        root.insert(name, commit, FileMode::Commit.into()).unwrap();
        root.write().unwrap()
    };
    let other = with_submodule("vendor");
    let rendered = into_tree(&scratch.source(), &repository, Some(other), Permissions::default(), &[]).unwrap();
    let tree = repository.find_tree(rendered.tree).unwrap();
    assert_eq!(tree.get_name("vendor").unwrap().id(), commit);
    let in_the_way = with_submodule("applications");
    let leave = Permissions { force: true, adopt: true };
    let failure = into_tree(&scratch.source(), &repository, Some(in_the_way), leave, &[]).unwrap_err();
    assert!(failure.problems[0].message.contains("a submodule where a folder must be"), "{:?}", failure.problems);
}

#[test]
fn one_environment_leaves_the_others_alone() {
    let scratch = Scratch::new();
    let (_folder, repository) = bare();
    let leave = Permissions::default();
    let first = into_tree(&scratch.source(), &repository, None, leave, &[]).unwrap();
    scratch.edit("base/app/values.yaml", "host:", "added: true\nhost:");
    let second = into_tree(&scratch.source(), &repository, Some(first.tree), leave, &["two"]).unwrap();
    let changed: Vec<_> = second.outcome.environments.iter().filter(|summary| summary.is_changed()).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].name, "two");
    let folder = |tree: Oid| {
        let path = Path::new("applications/app/one");
        repository.find_tree(tree).unwrap().get_path(path).unwrap().id()
    };
    assert_eq!(folder(first.tree), folder(second.tree));
}

#[test]
fn one_more_file_goes_into_a_tree() {
    let (_folder, repository) = bare();
    let base = GitTree::open(repository.path(), None).unwrap();
    let edit = base.file("hydrator.metadata", b"{}\n").unwrap();
    let with = base.edited([edit]).unwrap();
    let entry = repository.find_tree(with).unwrap();
    let entry = entry.get_name("hydrator.metadata").unwrap();
    assert_eq!(repository.find_blob(entry.id()).unwrap().content(), b"{}\n");
    assert!(GitTree::open(repository.path(), Some(with)).unwrap().file("hydrator.metadata/x", b"").is_err());
    assert!(base.file("../x", b"").is_err());
}

/// 20,000 files that nobody renders and nobody has checked out.
#[test]
fn a_large_repository_needs_no_work_tree() {
    let scratch = Scratch::new();
    let (_folder, repository) = bare();
    let blob = repository.blob(b"something\n").unwrap();
    let of = |count: usize, id: Oid, mode: FileMode| {
        let mut builder = repository.treebuilder(None).unwrap();
        for number in 0..count {
            builder.insert(format!("n{number:03}"), id, mode.into()).unwrap();
        }
        builder.write().unwrap()
    };
    let component = of(20, blob, FileMode::Blob);
    let environments = of(100, component, FileMode::Tree);
    let components = of(10, environments, FileMode::Tree);
    let mut root = repository.treebuilder(None).unwrap();
    root.insert("applications", components, FileMode::Tree.into()).unwrap();
    let base = root.write().unwrap();
    let mut files = 0;
    let count = |_: &str, entry: &git2::TreeEntry<'_>| {
        files += usize::from(entry.kind() == Some(ObjectType::Blob));
        TreeWalkResult::Ok
    };
    repository.find_tree(base).unwrap().walk(TreeWalkMode::PreOrder, count).unwrap();
    assert_eq!(files, 20_000);

    let started = Instant::now();
    let rendered = into_tree(&scratch.source(), &repository, Some(base), Permissions::default(), &[]).unwrap();
    let took = started.elapsed();
    println!("rendered two environments into 20,000 files in {took:?}");
    assert!(rendered.is_changed);
    let after = repository.find_tree(rendered.tree).unwrap();
    assert_eq!(after.get_path(Path::new("applications/n003")).unwrap().id(), environments);
    assert!(took.as_secs() < 5, "{took:?}");
}
