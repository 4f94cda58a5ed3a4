//! `dirops check`: what it looks at, how it tells, and what it mends.

mod scratch;

use std::fs;
use std::process::Command;

use scratch::{Run, Scratch};
use serde_json::Value;

const REGISTRY: &str = "onboarding/federation";

fn partner(trust_domain: &str) -> String {
    format!(
        "className: dir-spire\ntrustDomain: {trust_domain}\nbundleEndpointURL: https://spire.{trust_domain}\n\
         bundleEndpointProfile: {{type: https_web}}\n"
    )
}

fn with_partner(name: &str, text: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.write(&format!("{REGISTRY}/{name}"), text);
    scratch
}

fn json(run: &Run) -> Vec<Value> {
    let value: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}{}", run.out, run.err));
    assert_eq!(value["version"], 1);
    value["findings"].as_array().unwrap().clone()
}

/// A file with one error, at line 2, columns 14 to 29.
fn faulty() -> Scratch {
    with_partner("other.example.net.yaml", &partner("wrong.example.net"))
}

#[test]
fn exits_tell_clean_found_and_failed_apart() {
    let scratch = Scratch::new();
    scratch.run(&["check", "--allow", "missing-bundle"]).expect(0).says("0 errors, 0 warnings");
    scratch.run(&["check"]).expect(0);
    scratch.run(&["check", "--deny", "warnings", "--only", "file-name"]).expect(0);
    faulty().run(&["check"]).expect(1).says("error[file-name]");
    scratch.run(&["check", "no/such/path"]).expect(2).says("no/such/path cannot be read");
    scratch.run(&["check", "--only", "file-nam"]).expect(2).says("did you mean `file-name`?");
    scratch.write("overlays/one/environment.yaml", "x: [\n");
    scratch.run(&["check"]).expect(2).says("overlays/one/environment.yaml");
}

#[test]
fn warnings_are_denied_on_request() {
    let scratch = Scratch::new();
    scratch.edit("overlays/one/environment.yaml", "trust: all", "trust: all, grants: {nobody.example.net: ['*']}");
    scratch.run(&["check", "--only", "grant-to-nobody"]).expect(0).says("warning[grant-to-nobody]");
    scratch.run(&["check", "--only", "grant-to-nobody", "--deny", "warnings"]).expect(1);
}

#[test]
fn text_shows_the_line_marks_the_place_and_says_why_and_how() {
    let run = faulty().run(&["check", "--only", "file-name"]).expect(1);
    let expected = "\
error[file-name]: the file is about `wrong.example.net` and is called `other.example.net.yaml`
  --> onboarding/federation/other.example.net.yaml:2:14
 2 | trustDomain: wrong.example.net
   |              ^^^^^^^^^^^^^^^^^
  help: call it `wrong.example.net.yaml`
  why: ";
    assert!(run.out.starts_with(expected), "{}", run.out);
}

#[test]
fn every_format_names_the_same_places() {
    let scratch = faulty();
    let path = "onboarding/federation/other.example.net.yaml";
    let found = json(&scratch.run(&["check", "--format", "json", "--only", "file-name"]).expect(1));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    let place = [2, 14, 2, 31];
    let keys = ["line", "column", "endLine", "endColumn"];
    assert_eq!(finding["path"], path);
    assert_eq!(keys.map(|key| finding[key].as_u64().unwrap()), place);
    assert_eq!((&finding["rule"], &finding["severity"]), (&"file-name".into(), &"error".into()));
    assert!(finding["help"].as_str().unwrap().contains("call it"));

    let sarif: Value =
        serde_json::from_str(&scratch.run(&["check", "--format", "sarif", "--only", "file-name"]).expect(1).out)
            .unwrap();
    let run = &sarif["runs"][0];
    let location = &run["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], path);
    let keys = ["startLine", "startColumn", "endLine", "endColumn"];
    assert_eq!(keys.map(|key| location["region"][key].as_u64().unwrap()), place);
    let index = usize::try_from(run["results"][0]["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "file-name");

    scratch
        .run(&["check", "--format", "github", "--only", "file-name"])
        .expect(1)
        .says(&format!("::error file={path},line=2,col=14,endLine=2,endColumn=31,title=file-name::"));
}

#[test]
fn annotations_escape_what_would_end_them() {
    let scratch = with_partner("a,b%.yaml", "className: [\n");
    scratch.run(&["check", "--format", "github"]).expect(1).says("file=onboarding/federation/a%2Cb%25.yaml,line=");
}

#[test]
fn a_file_a_folder_and_an_environment_can_be_named() {
    let scratch = faulty();
    let source = scratch.source();
    let path = |below: &str| source.join(below).to_str().unwrap().to_owned();
    let rules = |arguments: &[&str]| -> Vec<String> {
        let mut all = vec!["check", "--format", "json", "--allow", "missing-bundle"];
        all.extend(arguments);
        json(&scratch.run(&all)).iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(rules(&[&path(REGISTRY)]), ["file-name"]);
    assert_eq!(rules(&[&path("onboarding/federation/other.example.net.yaml")]), ["file-name"]);
    assert!(rules(&[&path("onboarding/federation/partner.example.net.yaml")]).is_empty());
    assert!(rules(&[&path("overlays/one")]).is_empty());
    scratch.write("overlays/one/app.yaml", "auth: {login: hunter2}\n");
    assert_eq!(rules(&[&path("overlays/one")]), ["literal-credential"]);
    assert_eq!(rules(&[&path("overlays/one/app.yaml"), &path(REGISTRY)]), ["file-name", "literal-credential"]);
}

#[test]
fn federation_files_need_no_source_repository() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("other.example.net.yaml"), partner("wrong.example.net")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dirops"))
        .current_dir(folder.path())
        .args(["check", "other.example.net.yaml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("--> ./other.example.net.yaml:2:14"));
}

#[test]
fn a_comment_allows_one_rule_with_a_reason() {
    let text = partner("wrong.example.net");
    for (comment, allowed, says) in [
        ("# dirops: allow file-name: renamed in #12", true, ""),
        ("  #dirops: allow file-name : renamed", true, ""),
        ("# dirops: allow file-name", false, "allowed without a reason"),
        ("# dirops: allow file-nam: x", false, "there is no rule `file-nam` to allow"),
        ("# dirops: allow literal-credential: x", false, "no comment can allow `literal-credential`"),
    ] {
        let scratch = with_partner("other.example.net.yaml", &format!("{comment}\n{text}"));
        let run = scratch.run(&["check"]);
        assert_eq!(run.code, Some(if allowed { 0 } else { 1 }), "{comment}: {}", run.out);
        assert_eq!(run.out.contains("[file-name]"), !allowed, "{comment}: {}", run.out);
        assert!(run.out.contains(says), "{comment}: {}", run.out);
        scratch.render(&[]).expect(if allowed { 0 } else { 2 });
    }
}

/// Runs Git with nobody's configuration.
fn git(scratch: &Scratch, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(scratch.source())
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn only_what_changed_since_a_revision_is_told_still_against_everything() {
    let scratch = faulty();
    git(&scratch, &["init", "-q", "-b", "main"]);
    git(&scratch, &["add", "."]);
    git(&scratch, &["commit", "-qm", "first"]);
    let check = |revision: &str| {
        scratch.run(&["check", "--format", "json", "--allow", "missing-bundle", "--changed-since", revision])
    };
    assert!(json(&check("HEAD").expect(0)).is_empty(), "an old fault is not this change's");

    // A new file of a trust domain that an old one has, although the old one comes second by name.
    scratch.write(&format!("{REGISTRY}/a.yaml"), partner("partner.example.net"));
    let rules: Vec<_> = json(&check("HEAD").expect(1)).iter().map(|finding| finding["rule"].clone()).collect();
    assert!(rules.contains(&"duplicate-trust-domain".into()), "{rules:?}");
    assert!(rules.iter().all(|rule| rule != "profile-not-accepted"), "{rules:?}");
    git(&scratch, &["add", "."]);
    git(&scratch, &["commit", "-qm", "second"]);
    assert!(json(&check("HEAD").expect(0)).is_empty());
    assert!(!json(&check("HEAD~1").expect(1)).is_empty());
    check("no-such-revision").expect(2).says("there is no revision `no-such-revision`");
}

#[test]
fn a_folder_of_registries_or_environments_is_each_of_them() {
    let scratch = faulty();
    scratch.write("overlays/one/app.yaml", "auth: {login: hunter2}\n");
    let found = |path: &str| {
        let path = format!("{}/{path}", scratch.source().display());
        json(&scratch.run(&["check", "--format", "json", &path]))
    };
    let sorted = |mut findings: Vec<Value>| {
        findings.sort_by_key(Value::to_string);
        findings
    };
    assert!(!found(REGISTRY).is_empty());
    assert_eq!(sorted(found("onboarding")), sorted(found(REGISTRY)));
    assert_eq!(sorted(found("onboarding/")), sorted(found(REGISTRY)));
    assert!(!found("overlays/one").is_empty());
    assert_eq!(sorted(found("overlays")), sorted(found("overlays/one")));
}

#[test]
fn a_folder_without_git_has_no_revisions() {
    Scratch::new().run(&["check", "--changed-since", "HEAD"]).expect(2).says("is in no Git repository");
}

#[test]
fn safe_fixes_keep_every_other_byte() {
    let text = "# Our file\r\nclassName: 'other'   # theirs\r\ntrustDomain:   \"new.example.net\"\r\n\
                bundleEndpointURL: https://Spire.New.Example.Net.:8443 # keep\r\n\
                bundleEndpointProfile:\r\n    type:  https_web\r\n";
    let scratch = with_partner("x.yml", text);
    let run = scratch.run(&["check", "--fix"]);
    assert!(run.err.contains("x.yml"), "{}{}", run.out, run.err);
    let fixed = fs::read_to_string(scratch.source().join("onboarding/federation/new.example.net.yaml"));
    let expected = text.replace("other", "dir-spire").replace("Spire.New.Example.Net.", "spire.new.example.net");
    assert_eq!(fixed.unwrap_or_else(|error| panic!("{error}: {}{}", run.out, run.err)), expected);
    scratch.run(&["check", "--allow", "missing-bundle", "--deny", "warnings"]).expect(0);
    let run = scratch.run(&["check", "--fix"]).expect(0);
    assert!(run.err.is_empty(), "a second time there is nothing to mend: {}", run.err);
}

#[test]
fn a_fix_never_overwrites_another_file() {
    let scratch = with_partner("other.yaml", &partner("partner.example.net"));
    let before = fs::read(scratch.source().join("onboarding/federation/partner.example.net.yaml")).unwrap();
    scratch.run(&["check", "--fix"]).expect(1).says("duplicate-trust-domain");
    assert_eq!(fs::read(scratch.source().join("onboarding/federation/partner.example.net.yaml")).unwrap(), before);
    assert!(scratch.source().join("onboarding/federation/other.yaml").exists());
}

/// Returns what is found in a registry of the real repository, a line each.
fn found_in(path: &str) -> Option<Vec<String>> {
    let path = format!("{}/../shared/{path}", env!("CARGO_MANIFEST_DIR"));
    if !std::path::Path::new(&path).exists() {
        println!("skipped: ../shared is not here");
        return None;
    }
    // 2026-11-23T00:00:00Z
    let arguments = ["check", "--format", "json", "--now", "1795392000", &path];
    let line = |finding: &Value| {
        let name = finding["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        format!("{name}:{}:{} {}", finding["line"], finding["column"], finding["rule"].as_str().unwrap())
    };
    Some(json(&Scratch::new().run(&arguments)).iter().map(line).collect())
}

#[test]
fn the_real_partners_lack_nothing_but_a_bundle_to_begin_with() {
    if let Some(found) = found_in("dir-staging/onboarding/federation") {
        let expected = [
            "agntcy-research-dell.com.yaml:6:9 missing-bundle",
            "dev.ads.outshift.io.yaml:5:9 missing-bundle",
            "spire.ads.outshift.io.yaml:5:9 missing-bundle",
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn the_real_template_shows_its_faults_when_it_is_named() {
    if let Some(found) = found_in("dir-staging/onboarding/federation/.federation.spiffe.template.yaml") {
        let name = ".federation.spiffe.template.yaml";
        let expected = [
            format!("{name}:15:14 file-name"),
            format!("{name}:15:14 template-text"),
            format!("{name}:18:20 template-text"),
            format!("{name}:24:21 template-text"),
            // Its certificate names another trust domain, and was good for a day in 2025.
            format!("{name}:38:15 bundle-certificate"),
            format!("{name}:38:15 expired-bundle"),
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn the_federation_files_of_the_documents_pass_under_their_own_names() {
    let shared = format!("{}/../shared/expected", env!("CARGO_MANIFEST_DIR"));
    let Ok(folders) = fs::read_dir(&shared) else {
        println!("skipped: ../shared is not here");
        return;
    };
    let registry = tempfile::tempdir().unwrap();
    for file in folders.filter_map(Result::ok).filter_map(|folder| fs::read_dir(folder.path()).ok()).flatten() {
        let file = file.unwrap();
        if let Some(name) = file.file_name().to_str().unwrap().strip_prefix("onboarding-federation-") {
            fs::write(registry.path().join(name), fs::read(file.path()).unwrap()).unwrap();
        }
    }
    assert!(fs::read_dir(registry.path()).unwrap().count() >= 2);
    let path = registry.path().to_str().unwrap();
    Scratch::new().run(&["check", "--allow", "missing-bundle", "--deny", "warnings", path]).expect(0);
}

#[test]
fn no_private_key_is_in_any_output() {
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
    for text in [
        format!(
            "{}trustDomainBundle: '{{\"keys\": [{{\"kty\": \"EC\", \"d\": \"{secret}\", \"use\": \"x\"}}]}}'\n",
            partner("a.example.net")
        ),
        format!("trustDomainBundle: [ {{\"kty\": \"EC\", \"d\": \"{secret}\" \n"),
        format!("{}# -----BEGIN PRIVATE KEY----- {secret}\n", partner("a.example.net")),
        format!("{{className: x, trustDomain: A, extra: '-----BEGIN EC PRIVATE KEY----- {secret}'}}\n"),
    ] {
        let scratch = with_partner("a.example.net.yaml", &text);
        for format in ["text", "json", "sarif", "github"] {
            let run = scratch.run(&["check", "--format", format]).expect(1).says("private-key");
            assert!(!run.out.contains(secret) && !run.err.contains(secret), "{format}: {}{}", run.out, run.err);
        }
        let run = scratch.render(&[]).expect(2);
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "{}", run.err);
    }
}
