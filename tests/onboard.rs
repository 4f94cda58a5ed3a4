//! `dirops onboard` and `dirops offboard`: what is written where, what is refused, and that a grant never outlives its file.

mod scratch;

#[path = "judges/mint.rs"]
#[allow(dead_code, reason = "the judges use the rest")]
mod mint;

use std::fs;
use std::path::Path;

use scratch::{Run, Scratch, tree};

const FILE: &str = "onboarding/federation/new.example.net.yaml";
const PARTNER: &str = "onboarding/federation/partner.example.net.yaml";
const ENDPOINT: [&str; 2] = ["--endpoint", "https://spire.new.example.net"];

fn onboard(scratch: &Scratch, arguments: &[&str]) -> Run {
    let now = mint::NOW.to_string();
    scratch.run(&[&["onboard", "--now", &now], arguments].concat())
}

fn read(scratch: &Scratch, path: &str) -> String {
    fs::read_to_string(scratch.source().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A bundle of a trust domain, in a file beside the source repository.
fn bundle(scratch: &Scratch, trust_domain: &str) -> String {
    let key = mint::x509_key(&mint::authority(trust_domain), &rcgen::PKCS_ECDSA_P256_SHA256);
    let path = scratch.source().with_file_name("bundle.json");
    fs::write(&path, mint::bundle(vec![key]).to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The same scratch with its registry in the environment repository.
fn apart() -> Scratch {
    let scratch = Scratch::new();
    scratch.plant(PARTNER, read(&scratch, PARTNER));
    fs::remove_dir_all(scratch.source().join("onboarding")).unwrap();
    scratch.edit("base/environment.yaml", "registry: onboarding/federation", "registry: environment-repository");
    scratch
}

#[test]
fn the_file_comes_from_the_template_with_its_comments() {
    let scratch = Scratch::new();
    let run = onboard(&scratch, &[&["new.example.net"], &ENDPOINT[..]].concat()).expect(0);
    assert!(run.out.starts_with(&format!("wrote {FILE}\n\nWith the next render:\n")), "{}", run.out);
    let run = run
        .says("  changed (1 file): one\n")
        .says("+ policies(policies)[]: p,new.example.net")
        .says("2 changes in one");
    assert!(!run.out.contains("two"), "two trusts nobody: {}", run.out);
    let text = read(&scratch, FILE);
    let expected = "\
# The class that our SPIRE controller manager looks after. Leave it.
className: dir-spire

# Your SPIFFE trust domain, without spiffe://. It is for good: every identity of yours names it.
trustDomain: new.example.net

# Where your SPIRE server shows its bundle: https, reachable from the internet.
bundleEndpointURL: https://spire.new.example.net

bundleEndpointProfile:
  type: https_web
";
    assert!(text.ends_with(expected), "{text}");
    assert!(text.starts_with("# Federation by https_web"), "{text}");
    assert!(!text.contains("Copy this file"), "{text}");
    let path = scratch.source().join(FILE);
    scratch.run(&["check", path.to_str().unwrap()]).expect(0);
    scratch.render(&["--check"]).expect(1);
}

#[test]
fn by_https_spiffe_identity_and_bundle_go_in() {
    let scratch = Scratch::new();
    let bundle = bundle(&scratch, "new.example.net");
    let arguments = ["new.example.net", ENDPOINT[0], ENDPOINT[1], "--profile", "https_spiffe"];
    onboard(&scratch, &arguments).expect(2).says("--bundle");
    onboard(&scratch, &[&arguments[..], &["--bundle", &bundle]].concat()).expect(0);
    let text = read(&scratch, FILE);
    assert!(text.contains("  endpointSPIFFEID: spiffe://new.example.net/spire/server\n"), "{text}");
    assert!(text.contains("trustDomainBundle: |-\n  {\n    \"keys\""), "{text}");
    assert!(!text.contains("<certificate>"), "{text}");

    let scratch = Scratch::new();
    let id = ["--bundle", &bundle, "--endpoint-id", "spiffe://new.example.net/other"];
    onboard(&scratch, &[&arguments[..], &id].concat()).expect(0);
    assert!(read(&scratch, FILE).contains("endpointSPIFFEID: spiffe://new.example.net/other\n"));
}

#[test]
fn a_registry_has_templates_and_a_class_of_its_own() {
    let scratch = Scratch::new();
    let template =
        "# Ours\nclassName: x # c\ntrustDomain: x\nbundleEndpointURL: x\nbundleEndpointProfile: {type: https_web}\n";
    scratch.write("onboarding/federation/.federation.web.template.yaml", template);
    scratch.edit("base/environment.yaml", "className: dir-spire", "className: other");
    scratch.edit(PARTNER, "className: dir-spire", "className: other");
    onboard(&scratch, &[&["new.example.net"], &ENDPOINT[..]].concat()).expect(0);
    assert_eq!(
        read(&scratch, FILE),
        "# Ours\nclassName: other # c\ntrustDomain: new.example.net\nbundleEndpointURL: https://spire.new.example.net\n\
         bundleEndpointProfile: {type: https_web}\n"
    );
    onboard(&scratch, &[&["new.example.net", "--registry", "onboarding/else"], &ENDPOINT[..]].concat()).expect(0);
    assert!(scratch.source().join("onboarding/else/new.example.net.yaml").exists());
}

#[test]
fn what_check_would_refuse_is_not_written() {
    let scratch = Scratch::new();
    let before = tree(&scratch.source());
    let refused = |arguments: &[&str], says: &str| {
        let run = onboard(&scratch, arguments).expect(2).says(says);
        assert!(!run.err.contains("hush"), "{}", run.err);
        assert_eq!(tree(&scratch.source()), before, "{arguments:?}");
    };
    refused(&["new.example.net", "--endpoint", "https://10.0.0.1"], "error[private-endpoint]");
    refused(&["new.example.net", "--endpoint", "https://spire.new.example.net:0"], "its port is none");
    refused(&["new.example.net", "--endpoint", "http://spire.new.example.net"], "does not begin with `https://`");
    refused(&["new.example.net", "--endpoint", "https://me:hush@spire.new.example.net"], "it has a user");
    refused(&["new.example.net", "--endpoint", "https://spire.new.example.net/?token=hush"], "a query");
    refused(&["new_name", ENDPOINT[0], ENDPOINT[1]], "error[trust-domain]");
    refused(&["new.example.net", ENDPOINT[0], ENDPOINT[1], "--endpoint-id", "spiffe://x/y"], "https_web has no use");
    for name in ["New.example.net", "../new.example.net", "new/example.net", "spiffe://new.example.net", ""] {
        refused(&[name, ENDPOINT[0], ENDPOINT[1]], "invalid value");
    }
    for name in ["..", ".hidden", ".federation.web.template"] {
        refused(&[name, ENDPOINT[0], ENDPOINT[1]], "it would be hidden");
    }
    refused(&[&"a".repeat(255), ENDPOINT[0], ENDPOINT[1]], "more than 255 bytes");
    refused(&["new.example.net", ENDPOINT[0], ENDPOINT[1], "--registry", "../elsewhere"], "climbs");
    refused(&["new.example.net", ENDPOINT[0], ENDPOINT[1], "--registry", "/elsewhere"], "absolute");
    refused(&["new.example.net"], "missing: --endpoint");
    refused(&[], "missing: TRUST_DOMAIN, --endpoint");
}

#[test]
fn bundles_are_judged_before_and_no_line_of_a_key_is_shown() {
    let scratch = Scratch::new();
    let other = bundle(&scratch, "other.example.net");
    let before = tree(&scratch.source());
    let refused = |content: Option<String>, says: &str| {
        let path = scratch.source().with_file_name("bundle.json");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let run = onboard(&scratch, &["new.example.net", ENDPOINT[0], ENDPOINT[1], "--bundle", path.to_str().unwrap()]);
        let run = run.expect(2).says(says);
        assert!(!format!("{}{}", run.out, run.err).contains("c2VjcmV0"), "{}", run.err);
        assert_eq!(tree(&scratch.source()), before, "{says}");
    };
    assert!(!other.is_empty());
    refused(None, "error[bundle-certificate]");
    refused(
        Some(r#"{"keys": [{"kty": "EC", "crv": "P-256", "use": "jwt-svid", "d": "c2VjcmV0"}]}"#.into()),
        "private-key",
    );
    refused(Some("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".into()), "no bundle in JSON");
    refused(Some(" ".repeat((1 << 20) + 1)), "more than 1048576 bytes");
    fs::remove_file(scratch.source().with_file_name("bundle.json")).unwrap();
    refused(None, "cannot be read");
}

#[test]
fn a_file_that_is_there_is_edited_when_that_is_said() {
    let scratch = Scratch::new();
    let head = "# Ours, since 2024\nclassName: dir-spire\ntrustDomain: partner.example.net # for good\n";
    let rest = "bundleEndpointProfile: {type: https_web}\n# end\n";
    scratch.write(PARTNER, format!("{head}bundleEndpointURL: https://spire.partner.example.net\n{rest}"));
    let same = ["partner.example.net", "--endpoint", "https://spire.partner.example.net"];
    onboard(&scratch, &same).expect(0).says("is like this already");
    let other = ["partner.example.net", "--endpoint", "https://spire2.partner.example.net"];
    onboard(&scratch, &other).expect(2).says("has a federation file already").says("--force");
    assert!(read(&scratch, PARTNER).contains("https://spire.partner"));

    let dry = onboard(&scratch, &[&other[..], &["--force", "--dry-run"]].concat()).expect(0);
    let diff = "-bundleEndpointURL: https://spire.partner.example.net\n+bundleEndpointURL: https://spire2.partner.example.net\n";
    let dry = dry.says(diff).says("changed (1 file): one");
    assert!(!dry.out.contains("wrote"), "{}", dry.out);
    assert!(read(&scratch, PARTNER).contains("https://spire.partner"));

    onboard(&scratch, &[&other[..], &["--force"]].concat()).expect(0);
    let expected = format!("{head}bundleEndpointURL: https://spire2.partner.example.net\n{rest}");
    assert_eq!(read(&scratch, PARTNER), expected);
}

#[test]
fn one_trust_domain_has_one_file() {
    let scratch = Scratch::new();
    scratch.write("onboarding/federation/other.yaml", read(&scratch, PARTNER).replace("partner.", "new."));
    onboard(&scratch, &[&["new.example.net"], &ENDPOINT[..]].concat()).expect(2).says("duplicate-trust-domain");
    assert!(!scratch.source().join(FILE).exists());
}

#[test]
fn errors_that_were_there_before_are_not_the_partners() {
    let scratch = Scratch::new();
    scratch.edit(PARTNER, "https://spire", "http://spire");
    onboard(&scratch, &[&["new.example.net"], &ENDPOINT[..]].concat()).expect(0);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let scratch = Scratch::new();
    let outside = scratch.source().with_file_name("outside.yaml");
    fs::write(&outside, read(&scratch, PARTNER).replace("partner.", "new.")).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.source().join(FILE)).unwrap();
    let before = fs::read(&outside).unwrap();
    let arguments = ["new.example.net", "--endpoint", "https://spire9.new.example.net", "--force"];
    onboard(&scratch, &arguments).expect(2);
    assert_eq!(fs::read(&outside).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_linked_folder_is_not_written_into() {
    let scratch = Scratch::new();
    let outside = scratch.source().with_file_name("outside");
    fs::rename(scratch.source().join("onboarding/federation"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.source().join("onboarding/federation")).unwrap();
    let before = tree(&outside);
    let run = onboard(&scratch, &[&["new.example.net"], &ENDPOINT[..]].concat()).expect(2);
    run.says("onboarding/federation is a symbolic link");
    scratch.run(&["offboard", "partner.example.net"]).expect(2).says("is a symbolic link");
    assert_eq!(tree(&outside), before);

    // The environment repository may well be reached through one.
    let scratch = apart();
    let link = scratch.source().with_file_name("link");
    std::os::unix::fs::symlink(scratch.target(), &link).unwrap();
    let into = ["new.example.net", ENDPOINT[0], ENDPOINT[1], "--into", link.to_str().unwrap()];
    onboard(&scratch, &into).expect(0);
    assert!(scratch.target().join(FILE).exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_to_is_told() {
    let scratch = Scratch::new();
    let script = format!(
        "mount --bind '{0}' '{0}' && mount -o remount,ro,bind '{0}' || exit 77
         '{1}' --source '{0}' onboard new.example.net {2} {3}; first=$?
         '{1}' --source '{0}' offboard partner.example.net; [ $first = $? ] && exit $first",
        scratch.source().display(),
        env!("CARGO_BIN_EXE_dirops"),
        ENDPOINT[0],
        ENDPOINT[1],
    );
    let before = tree(&scratch.source());
    let output =
        std::process::Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", &script]).output();
    let Some(output) = output.ok().filter(|output| ![Some(77), Some(1)].contains(&output.status.code())) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot be written:") && said.contains("cannot be removed:"), "{said}");
    assert_eq!(tree(&scratch.source()), before);
}

#[test]
fn a_registry_in_the_environment_repository_is_written_to_from_both_sides() {
    // From the source repository, told where the other one is.
    let scratch = apart();
    let target = scratch.target();
    let into = target.to_str().unwrap();
    let arguments = [&["new.example.net"], &ENDPOINT[..]].concat();
    onboard(&scratch, &arguments).expect(2).says("where is that?");
    let run = onboard(&scratch, &[&arguments[..], &["--into", into]].concat()).expect(0);
    run.says(&format!("wrote {into}/{FILE}")).says("changed (1 file): one");
    assert!(scratch.read(FILE).contains("new.example.net"));
    assert!(!scratch.source().join("onboarding").exists());

    // In the environment repository, where dirops sees that by itself.
    let scratch = apart();
    let now = mint::NOW.to_string();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.args(["onboard", "--now", &now]).args(&arguments).current_dir(scratch.target());
    command.stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with(&format!("wrote {FILE}\n")), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("source repository"), "{said}");
    assert!(scratch.read(FILE).contains("new.example.net"));

    // Nowhere.
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dirops"));
    let output = command.arg("onboard").args(&arguments).current_dir(nowhere.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_dir(nowhere.path()).unwrap().count(), 0);
}

/// A copy of this repository's own sources.
fn real() -> Scratch {
    let scratch = Scratch::new();
    fs::remove_dir_all(scratch.source()).unwrap();
    for folder in ["base", "overlays", "onboarding"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (path, content) in tree(&root.join(folder)) {
            scratch.write(&format!("{folder}/{path}"), content);
        }
    }
    scratch
}

#[test]
fn an_environment_says_itself_how_it_is_reached() {
    let scratch = real();
    // What its own file says already.
    onboard(&scratch, &["--env", "prod"]).expect(0).says("prod.ads.outshift.io.yaml is like this already");
    let run = onboard(&scratch, &["--env", "partner-io", "--registry", "onboarding/new"]).expect(0);
    run.says("wrote onboarding/new/");
    let files = tree(&scratch.source().join("onboarding/new"));
    let text = String::from_utf8(files[0].1.clone()).unwrap();
    assert!(text.contains("type: https_web"), "{text}");
    assert!(text.contains("bundleEndpointURL: https://spire."), "{text}");

    let run = onboard(&scratch, &["--env", "kind-partner"]).expect(0);
    run.says("partner.testbed.local.yaml is like this already");
    onboard(&scratch, &["--env", "kind-partner", "--registry", "onboarding/other"]).expect(2).says("--bundle");
    onboard(&scratch, &["--env", "nowhere"]).expect(2).says("no environment `nowhere`");
}

#[test]
fn revisions_do_as_well_as_folders() {
    use dirops::diagnostic::Sources;
    use dirops::partner::{Home, Partner, Profile, offboard, onboard};
    use dirops::rules::Conditions;
    use dirops::tree::{Repositories, Revision, in_environment_repository};

    let scratch = apart();
    let revisions = [scratch.source(), scratch.target()].map(|folder| (scratch::commit(&folder), folder));
    let [source, environments] = revisions.map(|(revision, folder)| Revision::open(&folder, &revision).unwrap());
    // What is in the folders by now is of no account.
    scratch.write("base/environment.yaml", "}");
    fs::remove_dir_all(scratch.target().join("onboarding")).unwrap();
    let tree = Repositories::new(source).with_environments("dir-staging", environments);
    let conditions = Conditions { now: None, jobs: 1 };
    let home = Home { tree: &tree, into: true, registry: None, conditions };
    let partner = Partner {
        trust_domain: "new.example.net".parse().unwrap(),
        endpoint: ENDPOINT[1].to_owned(),
        profile: Profile::HttpsWeb,
        endpoint_id: None,
        bundle: None,
    };
    let sources = Sources::default();
    let onboarding = onboard(&home, &partner, false, &sources).unwrap();
    assert_eq!(in_environment_repository(&tree, &onboarding.edits[0].path), Some(FILE));
    let impact = onboarding.impact.unwrap();
    assert_eq!((impact.changed, impact.unchanged), (vec![("one".to_owned(), 1)], vec![]));
    assert!(impact.review.total() > 0 && impact.review.is_complete());
    let gone = offboard(&home, &"partner.example.net".parse().unwrap(), false, &sources).unwrap();
    assert_eq!(in_environment_repository(&tree, &gone.edits[0].path), Some(PARTNER));
}

// Offboarding.

const GRANTED: &str = "\
cluster: {name: one, address: https://kubernetes.default.svc}
trustDomain: one.example.org
profiles: [external-secrets]
components: {crds: {}, app: {}}
federation:
  trust:
    - partner.example.net # ours
    # the other
    - other.example.net
  grants:
    # research
    partner.example.net:
      - /a.v1.Store/Push
      - /a.v1.Store/Pull
    other.example.net: []
# end
";
const REVOKED: &str = "\
cluster: {name: one, address: https://kubernetes.default.svc}
trustDomain: one.example.org
profiles: [external-secrets]
components: {crds: {}, app: {}}
federation:
  trust:
    # the other
    - other.example.net
  grants:
    # research
    other.example.net: []
# end
";
const OVERLAY: &str = "overlays/one/environment.yaml";

fn granting(scratch: Scratch, plant: impl Fn(&Scratch, &str, String)) -> Scratch {
    scratch.write(OVERLAY, GRANTED);
    scratch.edit(
        "base/environment.yaml",
        "grants: {default: [/a.v1.Store/Pull]}",
        "grants: {default: [/a.v1.Store/Pull], partner.example.net: ['*']}",
    );
    let other = |name: &str| {
        format!(
            "className: dir-spire\ntrustDomain: {name}\nbundleEndpointURL: https://spire.{name}\n\
             bundleEndpointProfile: {{type: https_web}}\n"
        )
    };
    plant(&scratch, "onboarding/federation/other.example.net.yaml", other("other.example.net"));
    scratch
}

#[test]
fn grants_trust_and_file_go_together_where_they_lie_together() {
    let scratch = granting(Scratch::new(), |scratch, path, text| scratch.write(path, text));
    scratch.rendered();
    let dry = scratch.run(&["offboard", "partner.example.net", "--dry-run"]).expect(0);
    let dry = dry.says("+++ /dev/null").says("-    - partner.example.net # ours");
    assert!(!dry.out.contains("removed"), "{}", dry.out);
    assert_eq!(read(&scratch, OVERLAY), GRANTED);

    let run = scratch.run(&["offboard", "partner.example.net"]).expect(0);
    let done = format!("edited base/environment.yaml\nedited {OVERLAY}\nremoved {PARTNER}\n");
    assert!(run.out.starts_with(&done), "grants first, the file after: {}", run.out);
    run.says("changed (1 file): one");
    assert_eq!(read(&scratch, OVERLAY), REVOKED);
    assert!(read(&scratch, "base/environment.yaml").contains("grants: {default: [/a.v1.Store/Pull]}\n"));
    assert!(!scratch.source().join(PARTNER).exists());
    scratch.rendered();
    assert!(!scratch.read("applications/app/one/gen.values.yaml").contains("partner.example.net"));

    scratch.run(&["offboard", "partner.example.net"]).expect(2).says("nothing here names `partner.example.net`");
    scratch.run(&["offboard", "../partner"]).expect(2);
}

#[test]
fn the_last_grant_leaves_an_empty_map_that_takes_nothing_from_others() {
    let scratch = Scratch::new();
    scratch.edit(
        OVERLAY,
        "federation: {trust: all}",
        "federation:\n  trust: all\n  grants:\n    partner.example.net: []\n",
    );
    let name = "new.example.net";
    onboard(&scratch, &[&[name], &ENDPOINT[..]].concat()).expect(0);
    scratch.run(&["offboard", "partner.example.net"]).expect(0);
    assert!(read(&scratch, OVERLAY).contains("\n  trust: all\n  grants: {}\n"), "{}", read(&scratch, OVERLAY));
    scratch.rendered();
    let policies = scratch.read("applications/app/one/gen.values.yaml");
    assert!(policies.contains("p,new.example.net,/a.v1.Store/Pull"), "the default grants stay: {policies}");
}

#[test]
fn what_no_edit_reaches_stops_everything() {
    let scratch = granting(Scratch::new(), |scratch, path, text| scratch.write(path, text));
    let merged = GRANTED.replace("    partner.example.net:\n", "    ? partner.example.net\n    :\n");
    scratch.write(OVERLAY, &merged);
    let before = tree(&scratch.source());
    scratch.run(&["offboard", "partner.example.net"]).expect(2).says("by hand");
    assert_eq!(tree(&scratch.source()), before);

    // A row in values that somebody wrote.
    let scratch = real();
    let rows = "apiserver:\n  authz_policies_csv: |\n    p,agntcy-research-dell.com,*\n";
    scratch.write("overlays/dev/dir.yaml", rows);
    let before = tree(&scratch.source());
    let run = scratch.run(&["offboard", "agntcy-research-dell.com"]).expect(2);
    run.says("`dev` would still name `agntcy-research-dell.com`").says("overlays/dev/dir.yaml");
    assert_eq!(tree(&scratch.source()), before);
}

#[test]
fn where_they_lie_apart_grants_go_first_and_the_file_after() {
    let scratch = granting(apart(), |scratch, path, text| scratch.plant(path, text));
    let target = scratch.target();
    let into = target.to_str().unwrap();
    let offboard = |arguments: &[&str]| scratch.run(&[&["offboard", "partner.example.net"], arguments].concat());
    offboard(&[]).expect(2).says("where is that?");
    // The file does not go while a grant is there, from wherever that is tried.
    offboard(&["--into", into]).expect(2).says("base/environment.yaml still names `partner.example.net`");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dirops"));
    let output = command.args(["offboard", "partner.example.net"]).current_dir(&target).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--grants-are-gone"));
    assert!(target.join(PARTNER).exists());

    let run = offboard(&["--environment-repository", into]).expect(0);
    assert!(run.out.starts_with(&format!("edited base/environment.yaml\nedited {OVERLAY}\n")), "{}", run.out);
    run.says("Merge this first; then remove its federation file");
    assert_eq!(read(&scratch, OVERLAY), REVOKED);
    assert!(target.join(PARTNER).exists());
    let again = offboard(&["--environment-repository", into]).expect(0);
    again.says("no grant here names partner.example.net").says("Once that is merged");

    let run = offboard(&["--into", into]).expect(0).says("Merge this only after");
    assert!(run.out.starts_with(&format!("removed {into}/{PARTNER}\n")), "{}", run.out);
    assert!(!target.join(PARTNER).exists());
    scratch.rendered();
}

#[test]
fn in_the_environment_repository_alone_the_user_answers_for_the_grants() {
    let scratch = apart();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.args(["offboard", "partner.example.net", "--grants-are-gone"]).current_dir(scratch.target());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!scratch.target().join(PARTNER).exists());
}

#[test]
fn a_grant_that_was_narrower_than_the_usual_one_is_told_of() {
    let scratch = apart();
    let narrow = "federation: {trust: all, grants: {partner.example.net: []}}";
    scratch.edit(OVERLAY, "federation: {trust: all}", narrow);
    let target = scratch.target();
    let run = scratch.run(&["offboard", "partner.example.net", "--environment-repository", target.to_str().unwrap()]);
    run.expect(0).says("partner.example.net may call what `default` grants, which is more than before, in: one");
    assert!(read(&scratch, OVERLAY).contains("federation: {trust: all, grants: {}}"));
}
