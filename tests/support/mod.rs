//! What the integration tests share: the rendered environments, the reference data beside the project, and documents
//! as plain values.
#![allow(dead_code, reason = "each test binary uses its part of this")]

pub mod applications;
pub mod chart;
pub mod crd;
pub mod diff;
pub mod objects;
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
