//! What the integration tests share: the rendered environments, the reference data beside the project, and documents
//! as plain values.
#![allow(dead_code, reason = "each test binary uses its part of this")]

pub mod applications;
pub mod chart;
pub mod crd;
pub mod diff;
pub mod git_server;
pub mod objects;
pub mod reviews;
pub mod tree;
pub mod values;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

pub use tree::Tree;

/// Everything that `dirops render` writes for every environment of this repository.
pub static RENDERED: LazyLock<Tree> = LazyLock::new(|| {
    let into = tempfile::TempDir::new().expect("make a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_dirops"))
        .args(["--source", env!("CARGO_MANIFEST_DIR"), "render", "--into"])
        .arg(into.path())
        .output()
        .expect("start dirops");
    assert!(
        output.status.success(),
        "`dirops render` failed ({}): mend the sources or the program first\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let tree = Tree::read(into.path());
    assert!(!tree.environments().is_empty(), "`dirops render` wrote no environment");
    tree
});

/// What `dirops render` writes for a copy of this repository in which these files are written; `dirops check` finds no
/// error in it.
pub fn rendered_with(files: &[(&str, &str)]) -> Tree {
    let (source, into) = (tempfile::TempDir::new().expect("make a folder"), tempfile::TempDir::new().expect("and one"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for top in ["base", "overlays", "onboarding"] {
        for entry in walkdir::WalkDir::new(root.join(top)).into_iter().map(|entry| entry.expect("read the sources")) {
            let to = source.path().join(entry.path().strip_prefix(root).expect("it is below"));
            match entry.file_type().is_dir() {
                true => std::fs::create_dir_all(to).expect("make a folder"),
                false => drop(std::fs::copy(entry.path(), to).expect("copy a file")),
            }
        }
    }
    for (path, text) in files {
        let path = source.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("make a folder");
        std::fs::write(path, text).expect("write a file");
    }
    for arguments in [vec!["render", "--into", into.path().to_str().expect("it is text")], vec!["check"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_dirops"))
            .arg("--source")
            .arg(source.path())
            .args(&arguments)
            .current_dir(source.path())
            .output()
            .expect("start dirops");
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let good = output.status.success() || (arguments == ["check"] && printed.contains("0 errors"));
        assert!(good, "{arguments:?}: {printed}");
    }
    Tree::read(into.path())
}

/// The reference data beside the project, where it is there; otherwise says that the test is skipped.
pub fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: ../shared is not here");
    None
}

/// Fails with every one of `problems` on a line of its own, under `heading`, which says what to do about them.
pub fn assert_none(problems: &[String], heading: &str) {
    assert!(problems.is_empty(), "{heading}\n  {}", problems.join("\n  "));
}
