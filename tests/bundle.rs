//! `dirops bundle add`: whose bundle it is, which file it goes into, what stops it, and that nothing else changes.

mod scratch;

#[path = "judges/mint.rs"]
#[allow(dead_code, reason = "the judges use the rest")]
mod mint;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use proptest::prelude::*;
use scratch::{Run, Scratch, finish};
use serde_json::{Value, json};

use dirops::diagnostic::Sources;
use dirops::yaml::set_text;

const FILE: &str = "onboarding/federation/partner.example.net.yaml";
const HEAD: &str = "\
className: dir-spire
trustDomain: partner.example.net
bundleEndpointURL: https://spire.partner.example.net
bundleEndpointProfile: {type: https_web}
";

fn good() -> Value {
    let x509 = mint::x509_key(&mint::authority(mint::TRUST_DOMAIN), &rcgen::PKCS_ECDSA_P256_SHA256);
    mint::bundle(vec![x509, mint::jwt_key("one", &rcgen::PKCS_ECDSA_P256_SHA256)])
}

fn of(trust_domains: &[&str]) -> Value {
    let key = |name: &&str| mint::x509_key(&mint::authority(name), &rcgen::PKCS_ECDSA_P256_SHA256);
    mint::bundle(trust_domains.iter().map(key).collect())
}

/// Runs `bundle add` with a bundle in a file, at the time for which the certificates are made.
fn add(scratch: &Scratch, bundle: &str, arguments: &[&str]) -> Run {
    let path = scratch.source().join("bundle.json");
    fs::write(&path, bundle).unwrap();
    let now = mint::NOW.to_string();
    let mut all = vec!["bundle", "add", path.to_str().unwrap(), "--now", &now];
    all.extend(arguments);
    scratch.run(&all)
}

fn file(scratch: &Scratch) -> String {
    fs::read_to_string(scratch.source().join(FILE)).unwrap()
}

/// Returns the lines that a bundle becomes.
fn block(bundle: &Value) -> String {
    let text = serde_json::to_string_pretty(bundle).unwrap();
    let lines = text.lines().map(|line| format!("  {line}\n"));
    format!("trustDomainBundle: |-\n{}", lines.collect::<String>())
}

#[test]
fn a_bundle_finds_its_file_by_its_certificates() {
    let scratch = Scratch::new();
    let bundle = good();
    add(&scratch, &bundle.to_string(), &[]).expect(0).says("put in the bundle of partner.example.net, 1 certificate\n");
    assert_eq!(file(&scratch), format!("{HEAD}{}", block(&bundle)));
    let path = scratch.source().join(FILE);
    let now = mint::NOW.to_string();
    scratch.run(&["check", path.to_str().unwrap(), "--now", &now, "--deny", "warnings"]).expect(0);
    scratch.render(&[]).expect(0);

    let again = add(&scratch, &bundle.to_string(), &[]).expect(0).says("has this bundle already");
    assert!(again.err.is_empty(), "{}", again.err);
    let newer = good();
    add(&scratch, &newer.to_string(), &[]).expect(0);
    assert_eq!(file(&scratch), format!("{HEAD}{}", block(&newer)));
    assert_eq!(
        fs::read_dir(scratch.source().join("onboarding/federation")).unwrap().count(),
        1,
        "nothing is left over"
    );
}

#[test]
fn standard_input_is_a_file_too() {
    let scratch = Scratch::new();
    let bundle = good();
    let now = mint::NOW.to_string();
    let mut command = scratch.command(&["bundle", "add", "-", "--now", &now]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bundle.to_string().as_bytes()).unwrap();
    finish(child).expect(0);
    assert_eq!(file(&scratch), format!("{HEAD}{}", block(&bundle)));
    scratch.run(&["bundle", "add", "-"]).expect(2).says("standard input").says("no bundle in JSON");
}

#[test]
fn comments_and_everything_else_stay() {
    let scratch = Scratch::new();
    let bundle = good();
    let old = "# Ours\r\ntrustDomainBundle: >- # the old one\r\n   {}\r\n\r\n# Reach us at #dir\r\n";
    let rest = format!("{}# end", HEAD.replace('\n', "\r\n"));
    scratch.write(FILE, format!("{old}{rest}"));
    add(&scratch, &bundle.to_string(), &[]).expect(0);
    let text = serde_json::to_string_pretty(&bundle).unwrap();
    let lines: String = text.lines().map(|line| format!("   {line}\r\n")).collect();
    let expected = format!("# Ours\r\ntrustDomainBundle: |- # the old one\r\n{lines}\r\n# Reach us at #dir\r\n{rest}");
    assert_eq!(file(&scratch), expected);
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let scratch = Scratch::new();
    let run = add(&scratch, &good().to_string(), &["--dry-run"]).expect(0);
    let head = format!("--- a/{FILE}\n+++ b/{FILE}\n@@ -2,3 +2,");
    assert!(run.out.starts_with(&head), "{}", run.out);
    assert!(
        run.out.contains("\n bundleEndpointProfile: {type: https_web}\n+trustDomainBundle: |-\n+  {\n"),
        "{}",
        run.out
    );
    assert_eq!(file(&scratch), HEAD);
}

#[test]
fn permissions_stay() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new();
        let path = scratch.source().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        add(&scratch, &good().to_string(), &[]).expect(0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}

#[test]
fn every_rule_judges_the_result_before_it_is_written() {
    let refused = |bundle: Value, says: &str| {
        let scratch = Scratch::new();
        let run = add(&scratch, &bundle.to_string(), &["--trust-domain", "partner.example.net"]);
        run.expect(2).says(says).says("nothing was written");
        assert_eq!(file(&scratch), HEAD, "{says}");
    };
    refused(of(&["other.example.net"]), "error[bundle-certificate]");
    refused(json!({"keys": []}), "error[bundle-json]");
    refused(json!([1]), "error[bundle-json]");
    refused(mint::bundle(vec![mint::stored_key("rsa-1024")]), "error[weak-key]");
    let mut without_id = good();
    without_id["keys"][1].as_object_mut().unwrap().remove("kid");
    refused(without_id, "error[bundle-key]");
    // Two trust domains with one key: a rule about the whole registry.
    let scratch = Scratch::new();
    let bundle = mint::bundle(vec![mint::x509_key(
        &{
            let mut params = mint::authority(mint::TRUST_DOMAIN);
            params.subject_alt_names.clear();
            params
        },
        &rcgen::PKCS_ECDSA_P256_SHA256,
    )]);
    let other = HEAD.replace("partner.example.net", "other.example.net");
    scratch.write("onboarding/federation/other.example.net.yaml", other);
    add(&scratch, &bundle.to_string(), &["--trust-domain", "other.example.net"]).expect(0);
    add(&scratch, &bundle.to_string(), &["--trust-domain", "partner.example.net"]).expect(2).says("error[shared-key]");
    assert_eq!(file(&scratch), HEAD);
}

#[test]
fn dates_are_judged_and_warnings_are_told() {
    let old = |profile: &str| {
        let scratch = Scratch::new();
        scratch.edit(FILE, "{type: https_web}", profile);
        let mut params = mint::authority(mint::TRUST_DOMAIN);
        mint::lives(&mut params, mint::NOW - 9 * mint::DAY, mint::NOW - mint::DAY);
        let bundle = mint::bundle(vec![mint::x509_key(&params, &rcgen::PKCS_ECDSA_P256_SHA256)]);
        add(&scratch, &bundle.to_string(), &[])
    };
    old("{type: https_spiffe, endpointSPIFFEID: 'spiffe://partner.example.net/spire/server'}")
        .expect(2)
        .says("error[expired-bundle]");
    old("{type: https_web}").expect(0).says("warning[expired-bootstrap-bundle]").says("put in");
}

#[test]
fn no_line_with_a_private_key_is_shown() {
    let mut bundle = good();
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
    bundle["keys"][0]["d"] = secret.into();
    for text in
        [bundle.to_string(), format!("{bundle:#}").replace("\"keys\"", "keys"), format!("{{\"d\": \"{secret}\" x")]
    {
        for arguments in [&["--dry-run"][..], &[]] {
            let scratch = Scratch::new();
            let run = add(&scratch, &text, arguments).expect(2);
            assert!(!run.out.contains(secret) && !run.err.contains(secret), "{}{}", run.out, run.err);
            assert_eq!(file(&scratch), HEAD);
        }
    }
    // Nor one of the federation file.
    let broken = format!("{{\"kty\": \"EC\", \"d\": \"{secret}\", x");
    let anchored = format!("{HEAD}x: &x '\"kty\" \"d\": \"{secret}\"'\n");
    for text in [broken, anchored] {
        let scratch = Scratch::new();
        scratch.write(FILE, &text);
        let run = add(&scratch, &good().to_string(), &["--dry-run"]).expect(2);
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "{}{}", run.out, run.err);
    }
}

#[test]
fn a_bundle_that_does_not_say_whose_it_is_is_refused_with_the_way_out() {
    let scratch = Scratch::new();
    let mut nameless = mint::authority(mint::TRUST_DOMAIN);
    nameless.subject_alt_names.clear();
    let nameless = mint::bundle(vec![mint::x509_key(&nameless, &rcgen::PKCS_ECDSA_P256_SHA256)]).to_string();
    add(&scratch, &nameless, &[]).expect(2).says("which trust domain").says("--trust-domain");
    add(&scratch, &nameless, &["--trust-domain", "partner.example.net"]).expect(0);
    add(&scratch, &of(&["a.example.net", "b.example.net"]).to_string(), &[])
        .expect(2)
        .says("are for `a.example.net` and for `b.example.net`");
    add(&scratch, &good().to_string(), &["--trust-domain", "Not A Name"]).expect(2).says("--trust-domain");
    let mut foreign = mint::authority(mint::TRUST_DOMAIN);
    foreign.subject_alt_names = vec![mint::uri("https://example.net")];
    let foreign = mint::bundle(vec![mint::x509_key(&foreign, &rcgen::PKCS_ECDSA_P256_SHA256)]);
    add(&scratch, &foreign.to_string(), &[]).expect(2).says("no SPIFFE ID");
}

#[test]
fn what_is_no_bundle_is_refused() {
    let scratch = Scratch::new();
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (text, says) in [
        ("", "no bundle in JSON"),
        (pem, "-format spiffe"),
        ("{\"keys\": [], \"keys\": []}", "a second time"),
        ("{\"keys\":\n [}", "bundle.json:2:3"),
    ] {
        add(&scratch, text, &["--trust-domain", "partner.example.net"]).expect(2).says(says);
    }
    add(&scratch, &format!("\"{}\"", "x".repeat(1 << 20)), &[]).expect(2).says("more than 1048576 bytes");
    scratch.write("bundle", [0xff]);
    let path = scratch.source().join("bundle");
    scratch.run(&["bundle", "add", path.to_str().unwrap()]).expect(2).says("not UTF-8");
    scratch.run(&["bundle", "add", "nowhere.json"]).expect(2).says("nowhere.json cannot be read");
    assert_eq!(file(&scratch), HEAD);
}

#[test]
fn there_must_be_one_file_to_put_it_into() {
    let scratch = Scratch::new();
    add(&scratch, &of(&["partner.example.nex"]).to_string(), &[])
        .expect(2)
        .says("there is one of `partner.example.net`")
        .says("onboarding/federation/partner.example.nex.yaml first");

    scratch.write("onboarding/other/partner.example.net.yaml", HEAD);
    let bundle = good().to_string();
    add(&scratch, &bundle, &[]).expect(2).says("more than one federation file").says("--registry");
    add(&scratch, &bundle, &["--registry", "./onboarding/other/"]).expect(0).says("onboarding/other/partner");
    add(&scratch, &bundle, &["--registry", "onboarding/none"]).expect(2).says("no folder `onboarding/none`");
    assert_eq!(file(&scratch), HEAD);

    scratch.write(FILE, "className: [\n");
    add(&scratch, &bundle, &["--registry", "onboarding/federation"]).expect(2).says(FILE);
    scratch.write(FILE, HEAD.replace("className: dir", "className: &x dir"));
    add(&scratch, &bundle, &["--registry", "onboarding/federation"]).expect(2).says("an anchor");
    scratch.write(FILE, format!("{HEAD}trustDomainBundle: {{keys: []}}\n"));
    add(&scratch, &bundle, &["--registry", "onboarding/federation"]).expect(2).says("holds a map");
}

#[test]
fn a_repository_of_registries_alone_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("onboarding/federation");
    fs::create_dir_all(&registry).unwrap();
    fs::write(registry.join("partner.example.net.yaml"), HEAD).unwrap();
    fs::write(folder.path().join("bundle.json"), good().to_string()).unwrap();
    let now = mint::NOW.to_string();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dirops"))
        .current_dir(folder.path())
        .args(["bundle", "add", "bundle.json", "--now", &now])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read_to_string(registry.join("partner.example.net.yaml")).unwrap().contains("trustDomainBundle: |-"));

    let empty = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.json");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dirops"))
        .current_dir(empty.path())
        .args(["bundle", "add", bundle.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no registry"));
}

// --- any file --------------------------------------------------------------------------------------------------------

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("x".to_owned()),
        Just("'it''s # no comment'".to_owned()),
        Just("\"a\\n\\\"b\"".to_owned()),
        Just("{c: [1, 2], d: '}'}".to_owned()),
        Just("\n  c: 1 # x\n  d:\n  - 2".to_owned()),
        Just("|\n    x\n\n      # text\n    y".to_owned()),
        Just("|+\n  x\n\n".to_owned()),
        Just(">-\n  x\n  y".to_owned()),
        Just("plain\n  and on".to_owned()),
        Just("".to_owned()),
    ]
}

fn old() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("x".to_owned()),
        Just("'it''s # no comment'".to_owned()),
        Just("\"a\\n\\\"b\n  on\"".to_owned()),
        Just("|\n    x\n\n      # text\n    y".to_owned()),
        Just(">2+\n   x\n  y".to_owned()),
        Just("plain\n  and on".to_owned()),
        Just("~".to_owned()),
        Just("|-".to_owned()),
        Just("".to_owned()),
    ]
}

fn trivia() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("# note: \"x\" {\n".to_owned()), Just("\n\n# ünï |-\n".to_owned())]
}

/// Returns the lines of an entry of the root map; a comment follows what is on one line.
fn entry(key: &str, value: &str, comment: bool) -> String {
    let gap = if value.is_empty() || value.starts_with('\n') { "" } else { " " };
    let comment = if comment && !value.contains('\n') { " # why" } else { "" };
    let end = if value.ends_with('\n') { "" } else { "\n" };
    format!("{key}:{gap}{value}{comment}{end}")
}

/// The text before and after the entry `key`, and what that was, if anything.
fn file_parts() -> impl Strategy<Value = (String, Option<String>, String)> {
    let entries = || prop::collection::vec((value(), trivia(), any::<bool>()), 0..4);
    let old = prop::option::of((old(), any::<bool>()));
    (trivia(), any::<bool>(), entries(), old, trivia(), entries(), any::<bool>(), any::<bool>()).prop_map(
        |(head, mark, before, old, between, after, stop, crlf)| {
            let lines = |name: &str, entries: &[(String, String, bool)]| -> String {
                let entry = |(index, (value, trivia, comment)): (usize, &(String, String, bool))| {
                    format!("{}{trivia}", entry(&format!("{name}{index}"), value, *comment))
                };
                entries.iter().enumerate().map(entry).collect()
            };
            let mark = if mark { "---\n" } else { "" };
            let stop = if stop { "...\n# after\n" } else { "" };
            let first = format!("{head}{mark}first: 1\n{}", lines("a", &before));
            let last = format!("{between}{}{stop}", lines("b", &after));
            let breaks = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
            let old = old.map(|(value, comment)| breaks(entry("key", &value, comment)));
            (breaks(first), old, breaks(last))
        },
    )
}

fn read(text: &str) -> serde_yaml::Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Text that is almost YAML.
fn anything() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("key".to_owned()),
        Just("key: ".to_owned()),
        Just("\nkey: |".to_owned()),
        Just("\n  ".to_owned()),
        Just("\r\n".to_owned()),
        Just("...\n".to_owned()),
        Just("# ".to_owned()),
        "[ab:{}|>&*#'\" \n\r\té\u{feff}.?,~0<-]",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_edited_rightly_or_refused(text in anything(), value in anything()) {
        let file = Sources::default().add("x", &text);
        if let Ok(edited) = set_text(file, &text, "key", &value) {
            let read = dirops::yaml::parse(file, &edited).unwrap();
            prop_assert_eq!(read.get("key").and_then(|node| node.as_text()), Some(value.as_str()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn setting_a_key_keeps_every_other_byte(
        (before, old, after) in file_parts(),
        value in "(\\{\n  \"[a-z]{1,5}\": [0-9]{1,3}\n\\})|[ -~ä]{0,20}(\n[ -~\t]{0,9}){0,3}",
    ) {
        let text = format!("{before}{}{after}", old.clone().unwrap_or_default());
        let file = Sources::default().add("x", &text);
        let edited = set_text(file, &text, "key", &value).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        prop_assert!(edited.starts_with(&before), "{text:?}\n{edited:?}");
        let stop = after.find("...\n").or(after.find("...\r\n")).unwrap_or(after.len());
        let (kept_before, kept_after) = match &old {
            Some(_) => ("", after.as_str()),
            None => after.split_at(stop),
        };
        prop_assert!(edited.ends_with(kept_after) && edited[before.len()..].starts_with(kept_before), "{text:?}\n{edited:?}");
        if old.is_some_and(|old| old.contains("# why")) {
            prop_assert!(edited[before.len()..edited.len() - after.len()].contains("# why"), "{edited:?}");
        }
        let mut meant = read(&text);
        meant["key"] = serde_yaml::Value::from(value);
        prop_assert_eq!(read(&edited), meant, "{:?}\n{:?}", text, edited);
    }
}
