//! Renders that are killed, that run at once, or that run out of disk.

mod scratch;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use scratch::{Scratch, finish, tree};

const ENVIRONMENTS: usize = 12;
const KILLS: usize = 200;

/// A source with enough environments for a kill to fall between its files.
fn fleet(level: &str) -> Scratch {
    let scratch = Scratch::new();
    for number in 0..ENVIRONMENTS {
        scratch.write(
            &format!("overlays/env{number}/environment.yaml"),
            format!(
                "cluster: {{name: c{number}, address: https://kubernetes.default.svc}}\n\
                 trustDomain: env{number}.example.org\nprofiles: [external-secrets]\n\
                 components: {{crds: {{}}, app: {{}}}}\nfederation: {{trust: all}}\n"
            ),
        );
    }
    scratch.edit("base/app/values.yaml", "info", level);
    scratch
}

/// Random enough to hit every phase, and the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

#[test]
fn a_killed_render_leaves_whole_files_and_the_next_one_repairs() {
    let (old, new) = (fleet("info"), fleet("warn"));
    // The second source adds a file to each environment's folder and drops an environment.
    new.write("overlays/two/crds.yaml", "more: true\n");
    std::fs::remove_dir_all(new.source().join("overlays/env3")).unwrap();
    old.rendered();
    new.rendered();
    let states = [old.tree(), new.tree()];
    let mut allowed: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
    for (path, content) in states.iter().flatten() {
        allowed.entry(path).or_default().insert(content);
    }
    let shared = tempfile::tempdir().unwrap();
    let into = shared.path().join("into");
    let arguments = ["render", "--into", into.to_str().unwrap()];
    old.run(&arguments).expect(0);
    let started = Instant::now();
    new.run(&arguments).expect(0);
    let whole_run = u64::try_from(started.elapsed().as_micros()).unwrap();
    old.run(&arguments).expect(0);

    let mut random = Random(7);
    let mut cut_short = 0;
    for round in 0..KILLS {
        let (source, state) = if round % 2 == 0 { (&new, 1) } else { (&old, 0) };
        let mut child = source.command(&arguments).spawn().unwrap();
        thread::sleep(Duration::from_micros(random.below(whole_run)));
        child.kill().unwrap();
        finish(child);
        let left = tree(&into);
        cut_short += usize::from(left != states[state]);
        for (path, content) in &left {
            if path.starts_with(".dirops/receipts/") {
                let receipt: Result<serde_json::Value, _> = serde_json::from_slice(content);
                assert!(receipt.is_ok(), "round {round}: {path} is not whole");
            } else {
                let whole = allowed.get(path.as_str()).is_some_and(|known| known.contains(content.as_slice()));
                assert!(whole, "round {round}: {path} is not whole");
            }
        }
        source.run(&arguments).expect(0);
        assert!(tree(&into) == states[state], "round {round}: the next render did not repair");
        assert!(!into.join(".dirops/staging").exists(), "round {round}: staged files stayed");
    }
    assert!(cut_short > KILLS / 10, "only {cut_short} of {KILLS} kills fell into a render");
}

#[test]
fn two_renders_at_once_end_as_one_after_the_other() {
    let (old, new) = (fleet("info"), fleet("warn"));
    let shared = tempfile::tempdir().unwrap();
    let into = shared.path().join("into");
    let arguments = ["render", "--into", into.to_str().unwrap()];
    for _ in 0..10 {
        let children: Vec<_> = [&old, &new].iter().map(|source| source.command(&arguments).spawn().unwrap()).collect();
        for child in children {
            finish(child).expect(0);
        }
        let last = [&old, &new]
            .into_iter()
            .find(|source| source.run(&["render", "--check", "--into", into.to_str().unwrap()]).code == Some(0));
        assert!(last.is_some(), "the tree is neither the one's nor the other's");
    }
}

/// Needs a file system of its own, which takes root or user namespaces: says so where it has neither.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_nothing_is_written() {
    use std::process::Command;

    let scratch = fleet("info");
    let disk = tempfile::tempdir().unwrap();
    let folder = disk.path().to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_dirops");
    let source = scratch.source();
    let script = format!(
        "mount -t tmpfs -o size=64k none '{folder}' || exit 77
         echo mine > '{folder}/mine'
         '{program}' --source '{}' render --into '{folder}'; code=$?
         find '{folder}' -mindepth 1 | sort
         exit $code",
        source.display()
    );
    let output = Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", &script]).output();
    let Some(output) = output.ok().filter(|output| ![Some(77), Some(1)].contains(&output.status.code())) else {
        println!("skipped: no file system of one's own can be mounted here");
        return;
    };
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{out}{err}");
    assert!(err.contains("cannot be written to") && err.contains("make room"), "{err}");
    assert_eq!(out.trim(), format!("{folder}/mine"), "something was left behind");
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_disk_is_told() {
    use std::process::Command;

    let scratch = Scratch::new();
    let disk = tempfile::tempdir().unwrap();
    let folder = disk.path().to_str().unwrap();
    let script = format!(
        "mount -t tmpfs -o ro none '{folder}' || exit 77
         '{}' --source '{}' render --into '{folder}'",
        env!("CARGO_BIN_EXE_dirops"),
        scratch.source().display()
    );
    let output = Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", &script]).output();
    let Some(output) = output.ok().filter(|output| ![Some(77), Some(1)].contains(&output.status.code())) else {
        println!("skipped: no file system of one's own can be mounted here");
        return;
    };
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written to"));
}
