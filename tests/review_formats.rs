//! The formats of `dirops diff` for pull requests and browsers, from a repository to what is written.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("start git");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Returns a copy of this repository's environments with one commit, and after it a partner and another domain of prod.
fn changed() -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for top in ["base", "overlays", "onboarding"] {
        for entry in walkdir::WalkDir::new(root.join(top)).into_iter().map(|entry| entry.expect("read the sources")) {
            let to = copy.path().join(entry.path().strip_prefix(root).unwrap());
            match entry.file_type().is_dir() {
                true => fs::create_dir_all(to).unwrap(),
                false => drop(fs::copy(entry.path(), to).unwrap()),
            }
        }
    }
    git(copy.path(), &["init", "-q"]);
    git(copy.path(), &["add", "."]);
    git(copy.path(), &["commit", "-qm", "All of it"]);
    let partner = "className: dir-spire\ntrustDomain: acme.example.com\nbundleEndpointURL: https://spire.acme.example.com\n\
                   bundleEndpointProfile: {type: https_web}\n";
    fs::write(copy.path().join("onboarding/federation/acme.example.com.yaml"), partner).unwrap();
    edit(copy.path(), "overlays/prod/environment.yaml", "\ndomain: ", "\ndomain: new.");
    copy
}

fn edit(folder: &Path, path: &str, from: &str, to: &str) {
    let path = folder.join(path);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{} has no {from:?}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Runs `dirops diff`, which must end like this, and returns what it prints.
fn diff(folder: &TempDir, code: i32, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dirops"))
        .arg("--source")
        .arg(folder.path())
        .arg("diff")
        .args(arguments)
        .output()
        .expect("start dirops");
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_partner_and_a_domain_are_told_in_a_comment() {
    let comment = diff(&changed(), 0, &["--format", "markdown"]);
    assert!(
        comment.starts_with("<!-- dirops-review -->\n## What changes from `HEAD` to `the work tree`\n"),
        "{comment}"
    );
    for told in [
        "| ⚠️ | **identity and trust** |",
        "- **added** in `prod / dir`: `apiserver.spire.federation[trustDomain=acme.example.com]`\n  a partner is gained; \
         `onboarding/federation/acme.example.com.yaml:",
        "<details><summary><code>prod / dir</code>: ",
        "\n```diff\n@@ identity and trust: ",
        "\n+ trustDomain: acme.example.com\n",
    ] {
        assert!(comment.contains(told), "not told: {told}\n{comment}");
    }
}

#[test]
fn a_page_is_written_whole_and_says_what_is_gained() {
    let folder = changed();
    let page = folder.path().join("review.html");
    diff(&folder, 0, &["--format", "html", "--out", page.to_str().unwrap()]);
    let html = fs::read_to_string(page).unwrap();
    for told in [
        "<title>What changes from HEAD to the work tree</title>",
        "1 partner gained, 0 lost.",
        ">+ acme.example.com<",
        "<caption><b class=\"added\">+ added</b> \
         <code>apiserver.spire.federation[trustDomain=acme.example.com]</code><span class=\"why\">a partner is gained; \
         <code>onboarding/federation/acme.example.com.yaml:",
        "<ins>new",
    ] {
        assert!(html.contains(told), "not told: {told}\n{html}");
    }
    assert!(html.ends_with("</html>\n"));
}

#[test]
fn what_cannot_be_read_is_told_first_in_both_and_the_exit_says_so() {
    let folder = changed();
    fs::write(folder.path().join("overlays/prod/dir.yaml"), "a: [\n").unwrap();
    let comment = diff(&folder, 2, &["--format", "markdown"]);
    let caution = comment.find("> [!CAUTION]\n> **INCOMPLETE: 1 part could not be read").expect("it is told");
    assert!(caution < comment.find("INCOMPLETE: 1 part could not be read or rendered**\n").unwrap(), "{comment}");
    let html = diff(&folder, 2, &["--format", "html"]);
    assert!(html.contains("Incomplete: 1 part could not be read or rendered</h2>"), "{html}");
    assert!(html.contains("<code>overlays/prod/dir.yaml:"), "{html}");
}
