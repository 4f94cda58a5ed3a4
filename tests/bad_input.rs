//! What is wrong with a source is told once, with its place, and nothing is written.

mod scratch;

use scratch::Scratch;

/// A change to the source, where the message must point, and what it must say.
struct Case {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    place: &'static str,
    says: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "unknown key in environment.yaml",
        file: "overlays/one/environment.yaml",
        from: "trustDomain: one",
        to: "trustDomian: one",
        place: "overlays/one/environment.yaml:2:1",
        says: "did you mean `trustDomain`?",
    },
    Case {
        name: "unknown key in component.yaml",
        file: "base/app/component.yaml",
        from: "restartOn",
        to: "restartsOn",
        place: "base/app/component.yaml:7:1",
        says: "did you mean `restartOn`?",
    },
    Case {
        name: "a kind that the record of a chart does not know",
        file: "base/app/charts/1.2.3.json",
        from: "any",
        to: "anything",
        place: "base/app/charts/1.2.3.json:1:",
        says: "`anything` is none of any, bool, number, text, list",
    },
    Case {
        name: "a chart's values that are no map",
        file: "base/app/charts/1.2.3.json",
        from: r#"{"*": "any"}"#,
        to: r#""any""#,
        place: "base/app/charts/1.2.3.json:1:",
        says: "the values of a chart are a map",
    },
    Case {
        name: "an empty record of a chart",
        file: "base/app/charts/1.2.3.json",
        from: r#"{"chart": "app", "version": "1.2.3", "values": {"*": "any"}}"#,
        to: "",
        place: "base/app/charts/1.2.3.json:1:1",
        says: "EOF while parsing a value",
    },
    Case {
        name: "half of a record of a chart",
        file: "base/app/charts/1.2.3.json",
        from: r#", "version": "1.2.3", "values": {"*": "any"}}"#,
        to: ",\n",
        place: "base/app/charts/1.2.3.json:2:1",
        says: "EOF while parsing a value",
    },
    Case {
        name: "a key that the record of a chart has twice",
        file: "base/app/charts/1.2.3.json",
        from: r#""*": "any""#,
        to: r#""a": "any", "a": "text""#,
        place: "base/app/charts/1.2.3.json:1:",
        says: "the key `a` stands here a second time",
    },
    Case {
        name: "unknown key in the record of a chart",
        file: "base/app/charts/1.2.3.json",
        from: "values",
        to: "value",
        place: "base/app/charts/1.2.3.json:1:",
        says: "unknown field `value`",
    },
    Case {
        name: "missing key",
        file: "overlays/one/environment.yaml",
        from: "trustDomain: one.example.org\n",
        to: "",
        place: "overlays/one/environment.yaml:1:1",
        says: "environment.yaml needs the key `trustDomain`",
    },
    Case {
        name: "undefined name in an expression",
        file: "base/app/values.yaml",
        from: "host.api",
        to: "host.apii",
        place: "base/app/values.yaml:2:7",
        says: "did you mean `host.api`?",
    },
    Case {
        name: "an expression that is none",
        file: "base/app/values.yaml",
        from: "host.api",
        to: "host.",
        place: "base/app/values.yaml:2:7",
        says: "is not an expression",
    },
    Case {
        name: "an expression that YAML cuts short at a comment",
        file: "base/app/values.yaml",
        from: "${{ host.api }}",
        to: "${{ host.api #x }}",
        place: "base/app/values.yaml:2:7",
        says: "quote the scalar",
    },
    Case {
        name: "an expression that YAML takes for a key",
        file: "base/app/values.yaml",
        from: "${{ host.api }}",
        to: "${{ {'a': 1}[\"a\"]: }}",
        place: "base/app/values.yaml:2:",
        says: "quote",
    },
    Case {
        name: "an expression in a flow collection",
        file: "base/app/values.yaml",
        from: "host: ${{ host.api }}",
        to: "host: [${{ host.api }}]",
        place: "base/app/values.yaml:2:",
        says: "quote",
    },
    Case {
        name: "an expression without an end",
        file: "base/app/values.yaml",
        from: "${{ host.api }}",
        to: "${{ host.api }",
        place: "base/app/values.yaml:2:7",
        says: "an expression is not closed",
    },
    Case {
        name: "a list in the middle of text",
        file: "base/app/values.yaml",
        from: "${{ host.api }}",
        to: "x${{ profiles }}",
        place: "base/app/values.yaml:2:7",
        says: "cannot stand inside text",
    },
    Case {
        name: "text where a list must be",
        file: "overlays/one/environment.yaml",
        from: "profiles: [external-secrets]",
        to: "profiles: external-secrets",
        place: "overlays/one/environment.yaml:3:11",
        says: "`profiles` must be a list, not text",
    },
    Case {
        name: "a boolean where text must be",
        file: "overlays/one/environment.yaml",
        from: "trustDomain: one.example.org",
        to: "trustDomain: yes",
        place: "overlays/one/environment.yaml:2:14",
        says: "must be text, not a boolean",
    },
    Case {
        name: "a duplicate key",
        file: "overlays/two/app.yaml",
        from: "config: {level: debug}",
        to: "config: {level: debug, level: info}",
        place: "overlays/two/app.yaml:1:24",
        says: "the key `level` stands here a second time",
    },
    Case {
        name: "a key that Kubernetes reads as a boolean",
        file: "overlays/two/app.yaml",
        from: "config: {level: debug}",
        to: "on: 1",
        place: "overlays/two/app.yaml:1:1",
        says: "quote it: \"on\"",
    },
    Case {
        name: "several documents",
        file: "overlays/two/app.yaml",
        from: "config: {level: debug}\n",
        to: "config: {level: debug}\n---\na: 1\n",
        place: "overlays/two/app.yaml:3:1",
        says: "2 documents where one is expected",
    },
    Case {
        name: "a file with comments alone",
        file: "overlays/two/app.yaml",
        from: "config: {level: debug}\n",
        to: "# nothing\n",
        place: "overlays/two/app.yaml:1:1",
        says: "the file is empty",
    },
    Case {
        name: "a tag",
        file: "overlays/two/app.yaml",
        from: "debug",
        to: "!!str debug",
        place: "overlays/two/app.yaml:1:",
        says: "a tag (`!…`) may not stand here",
    },
    Case {
        name: "a control character",
        file: "overlays/two/app.yaml",
        from: "debug",
        to: "de\u{1}bug",
        place: "overlays/two/app.yaml:1:19",
        says: "U+0001",
    },
    Case {
        name: "two environments with one name",
        file: "overlays/two/environment.yaml",
        from: "cluster:",
        to: "name: one\ncluster:",
        place: "overlays/two/environment.yaml:1:7",
        says: "two environments have the name `one`",
    },
    Case {
        name: "two environments with one destination",
        file: "overlays/two/environment.yaml",
        from: "cluster: {name: two, address: https://kubernetes.default.svc}",
        to: "cluster: {name: one, address: https://kubernetes.default.svc}",
        place: "overlays/two/environment.yaml:6:14",
        says: "`one` and `two` both deploy `crds` to the cluster `one`",
    },
    Case {
        name: "a component that no base has",
        file: "overlays/two/environment.yaml",
        from: "crds: {}",
        to: "crd: {}",
        place: "overlays/two/environment.yaml:6:14",
        says: "did you mean `crds`?",
    },
    Case {
        name: "a profile that does not exist",
        file: "overlays/two/environment.yaml",
        from: "[kind]",
        to: "[kinds]",
        place: "overlays/two/environment.yaml:3:12",
        says: "did you mean `kind`?",
    },
    Case {
        name: "a name that climbs",
        file: "overlays/two/environment.yaml",
        from: "cluster:",
        to: "name: ../two\ncluster:",
        place: "overlays/two/environment.yaml:1:7",
        says: "the name cannot be \"../two\"",
    },
    Case {
        name: "variables in a circle",
        file: "overlays/two/environment.yaml",
        from: "cluster:",
        to: "vars: {a: '${{ vars.b }}', b: 'x${{ vars.a }}'}\ncluster:",
        place: "overlays/two/environment.yaml:1:8",
        says: "variables are made from each other: a from b from a",
    },
    Case {
        name: "a variable that is not there",
        file: "overlays/two/environment.yaml",
        from: "cluster:",
        to: "vars: {a: '${{ vars.b }}'}\ncluster:",
        place: "overlays/two/environment.yaml:1:11",
        says: "uses the unknown name",
    },
    Case {
        name: "the checksum of itself",
        file: "base/app/values.yaml",
        from: "config: {level: info}",
        to: "config: {level: '${{ checksum }}'}",
        place: "base/app/values.yaml:3:17",
        says: "the checksum may not stand in what it is made from",
    },
    Case {
        name: "a trust domain that is none",
        file: "overlays/two/environment.yaml",
        from: "two.example.org",
        to: "spiffe://two.example.org",
        place: "overlays/two/environment.yaml:2:14",
        says: "is not the name of a trust domain",
    },
    Case {
        name: "a method that would end the row",
        file: "overlays/two/environment.yaml",
        from: "cluster:",
        to: "policies: {anyone: [\"*\\np,evil.example,*\"]}\ncluster:",
        place: "overlays/two/environment.yaml:1:21",
        says: "is not a method",
    },
    Case {
        name: "a wrong word",
        file: "overlays/two/environment.yaml",
        from: "delivery: applicationset",
        to: "delivery: appset",
        place: "overlays/two/environment.yaml:4:11",
        says: "`delivery` cannot be `appset`",
    },
    Case {
        name: "a partner that the registry does not have",
        file: "overlays/one/environment.yaml",
        from: "trust: all",
        to: "trust: [partner.exampel.net]",
        place: "overlays/one/environment.yaml:5:22",
        says: "did you mean `partner.example.net`?",
    },
    Case {
        name: "a release name that Helm refuses",
        file: "overlays/two/environment.yaml",
        from: "cluster:",
        to: "name: an-environment-whose-name-is-far-too-long-for-helm\ncluster:",
        place: "overlays/two/environment.yaml:1:7",
        says: "more than 53 characters",
    },
];

#[test]
fn every_fault_is_told_with_its_place_and_nothing_is_written() {
    let faults: Vec<String> = CASES.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns what is wrong with how a case is told.
fn fault(case: &Case) -> Option<String> {
    let scratch = Scratch::new();
    scratch.edit(case.file, case.from, case.to);
    let run = scratch.render(&[]);
    let why = if run.code != Some(2) {
        format!("exit {:?}", run.code)
    } else if !run.err.contains(case.place) {
        format!("not at {}", case.place)
    } else if !run.err.contains(case.says) {
        format!("not said: {}", case.says)
    } else if run.err.matches("error: ").count() != 1 {
        "not one message".to_owned()
    } else if scratch.target().exists() {
        "something was written".to_owned()
    } else {
        return None;
    };
    Some(format!("{}: {why}: {}{}", case.name, run.out, run.err))
}

#[test]
fn an_empty_file_is_told() {
    let scratch = Scratch::new();
    scratch.write("overlays/two/environment.yaml", "");
    scratch.render(&[]).expect(2).says("overlays/two/environment.yaml:1:1").says("the file is empty");
}

#[test]
fn a_file_that_is_not_utf_8_is_told_with_the_place_of_the_byte() {
    let scratch = Scratch::new();
    scratch.write("overlays/two/app.yaml", b"a: 1\nb: \xff\n");
    scratch.render(&[]).expect(2).says("overlays/two/app.yaml:2:4").says("not UTF-8");
}

#[test]
fn a_hundred_megabytes_are_refused_unread() {
    let scratch = Scratch::new();
    let file = std::fs::File::create(scratch.source().join("overlays/two/app.yaml")).unwrap();
    file.set_len(100_000_000).unwrap();
    scratch.render(&[]).expect(2).says("overlays/two/app.yaml").says("has 100000000 bytes");
}

#[test]
fn an_alias_bomb_is_refused() {
    let scratch = Scratch::new();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    scratch.write("overlays/two/app.yaml", bomb);
    scratch.render(&[]).expect(2).says("overlays/two/app.yaml:").says("aliases of this file expand");
}

#[test]
fn deep_nesting_is_refused() {
    let scratch = Scratch::new();
    scratch.write("overlays/two/app.yaml", format!("a: {}{}", "[".repeat(5000), "]".repeat(5000)));
    scratch.render(&[]).expect(2).says("overlays/two/app.yaml:1:");
}

#[test]
fn what_stands_where_nothing_reads_it_is_told() {
    for (path, says) in [
        ("overlays/two/ap.yaml", "did you mean `app.yaml`?"),
        ("overlays/two/app.yml", "nothing reads `overlays/two/app.yml`"),
        ("base/app/value.yaml", "did you mean `values.yaml`?"),
        ("base/app/profiles/eks.yml", "nothing reads `base/app/profiles/eks.yml`"),
        ("base/app/charts/1.2.3.yaml", "which `dirops chart record` writes"),
        ("base/environment.yml", ""),
    ] {
        let scratch = Scratch::new();
        scratch.write(path, "a: 1\n");
        if !says.is_empty() {
            scratch.render(&[]).expect(2).says(path).says(says);
        }
    }
}

#[test]
fn folders_without_their_file_are_told() {
    for (path, says) in [
        ("overlays/three/app.yaml", "`overlays/three` has no environment.yaml"),
        ("base/three/values.yaml", "`base/three` has no component.yaml"),
    ] {
        let scratch = Scratch::new();
        scratch.write(path, "a: 1\n");
        scratch.render(&[]).expect(2).says(says);
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_told() {
    let scratch = Scratch::new();
    let folder = scratch.source().join("base/app/profiles");
    std::fs::remove_dir_all(&folder).unwrap();
    // A link to itself cannot be read, not even by root.
    std::os::unix::fs::symlink("profiles", &folder).unwrap();
    scratch.render(&[]).expect(2).says("base/app/profiles").says("cannot be read");
}

#[test]
fn the_folders_that_are_read_are_not_written_to() {
    for folder in ["base", "overlays/one", "onboarding/federation/new/folder", "base/../overlays"] {
        let scratch = Scratch::new();
        let into = scratch.source().join(folder);
        scratch.run(&["render", "--into", into.to_str().unwrap()]).expect(2).says("which is read");
    }
}

#[test]
fn crlf_and_a_byte_order_mark_change_nothing() {
    let plain = Scratch::new();
    let odd = Scratch::new();
    for (path, text) in scratch::FILES {
        odd.write(path, format!("\u{feff}{}", text.replace('\n', "\r\n")));
    }
    plain.rendered();
    odd.rendered();
    assert_eq!(plain.tree(), odd.tree());
}

#[test]
fn a_literal_credential_stops_every_environment_that_is_not_local() {
    for (values, says) in [
        ("auth: {login: hunter2}", "auth.login of app in one is a literal credential"),
        ("config: {oci: {password: hunter2}}", "config.oci.password"),
        ("config: {oci: {access_token: hunter2}}", "config.oci.access_token"),
        ("zot: {authHeader: 'admin:hunter2'}", "zot.authHeader"),
        ("env: [{name: DB_PASSWORD, value: hunter2}]", "the literal value of DB_PASSWORD"),
        ("files: {x: 'admin:$2y$05$abcdefghijklmnopqrstuv'}", "a row of an htpasswd file"),
        ("files: {x: '{\"ldap\": {\"bindPassword\": \"hunter2\"}}'}", "JSON with a literal credential"),
        ("url: postgres://dir:hunter2@db/dir", "a URL with a password"),
        ("key: |\n  -----BEGIN PRIVATE KEY-----\n  hunter2\n", "a private key"),
    ] {
        let scratch = Scratch::new();
        scratch.write("overlays/one/app.yaml", values);
        let run = scratch.render(&[]).expect(2).says("error[literal-credential]").says(says);
        assert!(run.err.contains("overlays/one/app.yaml:"), "{}", run.err);
        assert!(!scratch.target().exists());

        let local = Scratch::new();
        local.write("overlays/two/app.yaml", values);
        local.render(&[]).expect(0);
    }
}

#[test]
fn a_secret_among_the_objects_is_a_literal_credential() {
    let scratch = Scratch::new();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {harmless: hunter2}\n";
    scratch.write("overlays/one/app.manifests.yaml", secret);
    scratch.render(&[]).expect(2).says("stringData.harmless of app in one is data of a Secret");
}

#[test]
fn references_and_the_placeholder_are_no_credentials() {
    let scratch = Scratch::new();
    scratch.write(
        "overlays/one/app.yaml",
        "auth: {login: '${{ placeholder }}', password: '', token: $GITHUB_TOKEN}\n\
         secretKeys: {userPasswordKey: postgres-password}\nexistingSecret: x\n\
         env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: a, key: b}}}]\n",
    );
    scratch.render(&[]).expect(0);
}

#[test]
fn a_broken_federation_file_stops_the_environments_that_trust_it_and_no_other() {
    for (text, says) in [
        ("className: [", "error[federation-unreadable]"),
        ("className: dir-spire\n", "error[federation-fields]"),
        (
            "className: x\ntrustDomain: Bad.example.net\nbundleEndpointURL: http://x\nbundleEndpointProfile: {type: https_wbe}\n",
            "error[trust-domain]",
        ),
    ] {
        let scratch = Scratch::new();
        scratch.write("onboarding/federation/bad.yaml", text);
        scratch.render(&[]).expect(2).says(says).says("onboarding/federation/bad.yaml:");
        assert!(!scratch.target().exists());
        scratch.render(&["two"]).expect(0);
    }
}
