//! SPIRE's own library, go-spiffe, judges the same trust domains and bundles: whatever it refuses, dirops refuses; and
//! what it lets pass of a catalogue of faults, the rule that is named for it finds.

#[path = "corpus/memory.rs"]
mod memory;
#[path = "judges/mint.rs"]
mod mint;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use memory::{check, federation_file};
use mint::{DAY, NOW, TRUST_DOMAIN, authority, bundle, jwt_key, lives, stored_key, uri, x509_key};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519,
};
use serde_json::{Value, json};

/// Something that is judged, and the rule that must find fault with it; none where nothing is wrong.
struct Case {
    name: String,
    rule: Option<&'static str>,
    trust_domain: String,
    bundle: String,
}

static GOOD: LazyLock<Value> = LazyLock::new(|| {
    bundle(vec![x509_key(&authority(TRUST_DOMAIN), &PKCS_ECDSA_P256_SHA256), jwt_key("one", &PKCS_ECDSA_P256_SHA256)])
});

fn fault(name: &str, rule: &'static str, bundle: impl ToString) -> Case {
    Case { name: name.to_owned(), rule: Some(rule), trust_domain: TRUST_DOMAIN.to_owned(), bundle: bundle.to_string() }
}

/// Faults of the good bundle with something else at a place (RFC 6901), or without it where there is nothing.
fn replaced() -> Vec<Case> {
    let x5c = GOOD["keys"][0]["x5c"][0].as_str().unwrap().to_owned();
    let cut = x5c[..x5c.len() - 8].to_owned();
    let rows: Vec<(&str, &'static str, &str, Option<Value>)> = vec![
        ("keys is missing", "bundle-json", "/keys", None),
        ("keys is null", "bundle-json", "/keys", Some(Value::Null)),
        ("keys is a map", "bundle-json", "/keys", Some(json!({}))),
        ("keys is text", "bundle-json", "/keys", Some(json!("x"))),
        ("keys is empty", "bundle-json", "/keys", Some(json!([]))),
        ("no x509 key", "bundle-json", "/keys/0", None),
        ("sequence is negative", "bundle-json", "/spiffe_sequence", Some(json!(-1))),
        ("sequence is text", "bundle-json", "/spiffe_sequence", Some(json!("7"))),
        ("sequence is a fraction", "bundle-json", "/spiffe_sequence", Some(json!(1.5))),
        ("sequence is null", "bundle-json", "/spiffe_sequence", Some(Value::Null)),
        ("refresh hint is negative", "bundle-json", "/spiffe_refresh_hint", Some(json!(-300))),
        ("refresh hint is text", "bundle-json", "/spiffe_refresh_hint", Some(json!("5m"))),
        ("refresh hint is a boolean", "bundle-json", "/spiffe_refresh_hint", Some(json!(true))),
        ("a key is text", "bundle-key", "/keys/1", Some(json!("key"))),
        ("a key is null", "bundle-key", "/keys/1", Some(Value::Null)),
        ("a key is a list", "bundle-key", "/keys/1", Some(json!([]))),
        ("a key is empty", "bundle-key", "/keys/1", Some(json!({}))),
        ("use is missing", "bundle-key", "/keys/1/use", None),
        ("use is sig", "bundle-key", "/keys/1/use", Some(json!("sig"))),
        ("use is in capitals", "bundle-key", "/keys/1/use", Some(json!("JWT-SVID"))),
        ("use is a number", "bundle-key", "/keys/1/use", Some(json!(1))),
        ("kty is missing", "bundle-key", "/keys/1/kty", None),
        ("kty is oct", "bundle-key", "/keys/1/kty", Some(json!("oct"))),
        ("kty is in small letters", "bundle-key", "/keys/1/kty", Some(json!("ec"))),
        ("kty is of another key", "bundle-key", "/keys/1/kty", Some(json!("RSA"))),
        ("kty is a list", "bundle-key", "/keys/1/kty", Some(json!(["EC"]))),
        ("crv is missing", "bundle-key", "/keys/1/crv", None),
        ("crv is secp256k1", "bundle-key", "/keys/1/crv", Some(json!("secp256k1"))),
        ("crv is P-384", "bundle-key", "/keys/1/crv", Some(json!("P-384"))),
        ("crv is a number", "bundle-key", "/keys/1/crv", Some(json!(256))),
        ("x is missing", "bundle-key", "/keys/1/x", None),
        ("x is empty", "bundle-key", "/keys/1/x", Some(json!(""))),
        ("x is short", "bundle-key", "/keys/1/x", Some(json!("AAAA"))),
        ("x is no base64", "bundle-key", "/keys/1/x", Some(json!("*".repeat(43)))),
        ("x is standard base64", "bundle-key", "/keys/1/x", Some(json!(format!("+/{}", "A".repeat(41))))),
        ("x is padded", "bundle-key", "/keys/1/x", Some(json!(format!("{}=", GOOD["keys"][1]["x"].as_str().unwrap())))),
        ("x is a number", "bundle-key", "/keys/1/x", Some(json!(5))),
        ("y is missing", "bundle-key", "/keys/1/y", None),
        ("y is long", "bundle-key", "/keys/1/y", Some(json!("A".repeat(64)))),
        ("kid is missing", "bundle-key", "/keys/1/kid", None),
        ("kid is empty", "bundle-key", "/keys/1/kid", Some(json!(""))),
        ("kid is a number", "bundle-key", "/keys/1/kid", Some(json!(1))),
        ("x5c is missing", "bundle-certificate", "/keys/0/x5c", None),
        ("x5c is empty", "bundle-certificate", "/keys/0/x5c", Some(json!([]))),
        ("x5c is text", "bundle-certificate", "/keys/0/x5c", Some(json!(x5c))),
        ("x5c has two", "bundle-certificate", "/keys/0/x5c", Some(json!([x5c, x5c]))),
        ("x5c has a number", "bundle-certificate", "/keys/0/x5c/0", Some(json!(1))),
        ("the certificate is no base64", "bundle-certificate", "/keys/0/x5c/0", Some(json!("***"))),
        (
            "the certificate is base64url",
            "bundle-certificate",
            "/keys/0/x5c/0",
            Some(json!(format!("-_{}", &x5c[2..]))),
        ),
        ("the certificate is cut off", "bundle-certificate", "/keys/0/x5c/0", Some(json!(cut))),
        ("the certificate is empty", "bundle-certificate", "/keys/0/x5c/0", Some(json!(""))),
        ("the certificate is something else", "bundle-certificate", "/keys/0/x5c/0", Some(json!("AAAA"))),
        (
            "the certificate has line breaks",
            "bundle-certificate",
            "/keys/0/x5c/0",
            Some(json!(format!("{}\n{}", &x5c[..64], &x5c[64..]))),
        ),
        (
            "the certificate is PEM",
            "bundle-certificate",
            "/keys/0/x5c/0",
            Some(json!(format!("-----BEGIN CERTIFICATE-----\n{x5c}"))),
        ),
        ("the x509 key is without coordinates", "bundle-key", "/keys/0/x", None),
        ("the x509 use is misspelt", "bundle-key", "/keys/0/use", Some(json!("x509_svid"))),
    ];
    let change = |(name, rule, place, value): (&str, &'static str, &str, Option<Value>)| {
        let mut changed = GOOD.clone();
        let (parent, last) = place.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap();
        match (parent, value) {
            (Value::Object(map), Some(value)) => drop(map.insert(last.to_owned(), value)),
            (Value::Object(map), None) => drop(map.shift_remove(last)),
            (Value::Array(list), Some(value)) => list[last.parse::<usize>().unwrap()] = value,
            (Value::Array(list), None) => drop(list.remove(last.parse().unwrap())),
            _ => panic!("{place}"),
        }
        fault(name, rule, changed)
    };
    rows.into_iter().map(change).collect()
}

/// Faults of the good bundle with one member more.
fn added() -> Vec<Case> {
    let secret = json!("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U");
    let with = |name: &str, rule: &'static str, key: Option<usize>, member: &str, value: Value| {
        let mut changed = GOOD.clone();
        match key {
            Some(key) => changed["keys"][key][member] = value,
            None => changed[member] = value,
        }
        fault(name, rule, changed)
    };
    let mut cases = vec![
        with("the sequence has another name", "bundle-json", None, "spiffe_sequence_number", json!(1)),
        with("the hint has another name", "bundle-json", None, "spiffe_refresh_hnt", json!(1)),
    ];
    for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        cases.push(with(&format!("the private member {member}"), "private-key", Some(1), member, secret.clone()));
    }
    let mut twice = GOOD.clone();
    twice["keys"].as_array_mut().unwrap().push(jwt_key("one", &PKCS_ECDSA_P256_SHA256));
    cases.push(fault("two keys of one kid", "bundle-key", twice));
    let mut foreign = GOOD.clone();
    foreign["keys"][0]["x5c"] = x509_key(&authority(TRUST_DOMAIN), &PKCS_ECDSA_P256_SHA256)["x5c"].clone();
    cases.push(fault("the certificate of another key", "bundle-certificate", foreign));
    for (name, member, value) in [("X25519", "crv", "X25519"), ("short", "x", "AAAA")] {
        let mut okp = GOOD.clone();
        let mut key = jwt_key("two", &PKCS_ED25519);
        key[member] = value.into();
        okp["keys"].as_array_mut().unwrap().push(key);
        cases.push(fault(&format!("an OKP key that is {name}"), "bundle-key", okp));
    }
    cases
}

/// Faults of certificates that are otherwise in order.
fn certificates() -> Vec<Case> {
    type Change = fn(&mut CertificateParams);
    let rows: Vec<(&str, &'static str, Change)> = vec![
        ("a leaf", "bundle-certificate", |params| params.is_ca = IsCa::ExplicitNoCa),
        ("no basic constraints", "bundle-certificate", |params| params.is_ca = IsCa::NoCa),
        ("no key usage", "bundle-certificate", |params| params.key_usages = Vec::new()),
        ("no keyCertSign", "bundle-certificate", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign]),
        ("only digital signatures", "bundle-certificate", |params| {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }),
        ("the SAN of another domain", "bundle-certificate", |params| {
            params.subject_alt_names = vec![uri("spiffe://other.example.net")];
        }),
        ("the SAN of a workload", "bundle-certificate", |params| {
            params.subject_alt_names = vec![uri("spiffe://partner.example.net/workload")];
        }),
        ("the SAN in capitals", "bundle-certificate", |params| {
            params.subject_alt_names = vec![uri("spiffe://Partner.example.net")];
        }),
        ("the SAN with a slash", "bundle-certificate", |params| {
            params.subject_alt_names = vec![uri("spiffe://partner.example.net/")];
        }),
        ("two SANs", "bundle-certificate", |params| {
            params.subject_alt_names.push(uri("spiffe://other.example.net"));
        }),
        ("expired", "expired-bootstrap-bundle", |params| lives(params, NOW - 100 * DAY, NOW - DAY)),
        ("not yet valid", "expired-bootstrap-bundle", |params| lives(params, NOW + DAY, NOW + 100 * DAY)),
        ("expiring", "expiring-bundle", |params| lives(params, NOW - 100 * DAY, NOW + 13 * DAY)),
        ("short-lived", "short-lived-bundle", |params| lives(params, NOW - DAY / 2, NOW + DAY / 2)),
    ];
    let mut cases: Vec<Case> = rows
        .into_iter()
        .map(|(name, rule, change)| {
            let mut params = authority(TRUST_DOMAIN);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            change(&mut params);
            fault(name, rule, bundle(vec![x509_key(&params, &PKCS_ECDSA_P256_SHA256)]))
        })
        .collect();
    for (name, rule) in [
        ("rsa-1024", "weak-key"),
        ("rsa-md5", "weak-key"),
        ("rsa-sha1", "weak-key"),
        ("ec-sha1", "weak-key"),
        ("ec-secp256k1", "bundle-key"),
    ] {
        cases.push(fault(name, rule, bundle(vec![stored_key(name)])));
    }
    cases
}

/// Texts that are no JSON, or more than JSON.
fn texts() -> Vec<Case> {
    let good = GOOD.to_string();
    let rows = [
        ("empty", "bundle-json", String::new()),
        ("a word", "bundle-json", "bundle".into()),
        ("null", "bundle-json", "null".into()),
        ("a list", "bundle-json", "[]".into()),
        ("text", "bundle-json", "\"x\"".into()),
        ("cut off", "bundle-json", good[..good.len() - 1].into()),
        ("followed by more", "bundle-json", format!("{good} x")),
        ("followed by another", "bundle-json", format!("{good}{good}")),
        ("a comma too many", "bundle-json", good.replace("\"spiffe_sequence\"", ",\"spiffe_sequence\"")),
        ("single quotes", "bundle-json", good.replace('"', "'")),
        ("a comment", "bundle-json", format!("// x\n{good}")),
        ("YAML", "bundle-json", "keys: []".into()),
        ("a key twice", "bundle-json", good.replacen("{\"keys\"", "{\"spiffe_sequence\":1,\"keys\"", 1)),
        ("PEM", "bundle-json", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into()),
    ];
    rows.into_iter().map(|(name, rule, text)| fault(name, rule, text)).collect()
}

fn trust_domains() -> Vec<Case> {
    let case = |name: &str, rule: Option<&'static str>| Case {
        name: format!("trust domain {name:?}"),
        rule,
        trust_domain: name.to_owned(),
        bundle: bundle(vec![x509_key(&authority(TRUST_DOMAIN), &PKCS_ECDSA_P256_SHA256)]).to_string(),
    };
    let long = "a".repeat(256);
    let bad = [
        "Partner.example.net",
        "partner.example.net:443",
        "spiffe://partner.example.net",
        "partner.example.net/x",
        "user@partner.example.net",
        "partner example.net",
        "pärtner.example.net",
        "partner.example.net\u{200b}",
        "https://partner.example.net",
        "partner.example.net?x",
        "partner.example.net#x",
        "par%74ner.example.net",
        "partner*.example.net",
        "partner.example.net\n",
        long.as_str(),
        // These are trust domains, and Kubernetes has no name for them.
        "partner_.example.net",
        "-partner.example.net",
        "partner.example.net-",
        ".partner.example.net",
        "partner.example.net.",
    ];
    bad.iter().map(|name| case(name, Some("trust-domain"))).collect()
}

/// Bundles that are in order.
fn good() -> Vec<Case> {
    let case = |name: &str, bundle: Value| Case { rule: None, ..fault(name, "", bundle) };
    let mut without_san = authority(TRUST_DOMAIN);
    without_san.subject_alt_names = Vec::new();
    vec![
        case("good", GOOD.clone()),
        case("without SAN", bundle(vec![x509_key(&without_san, &PKCS_ECDSA_P256_SHA256)])),
        case("P-384", bundle(vec![x509_key(&authority(TRUST_DOMAIN), &PKCS_ECDSA_P384_SHA384)])),
        case("Ed25519", bundle(vec![x509_key(&authority(TRUST_DOMAIN), &PKCS_ED25519), jwt_key("k", &PKCS_ED25519)])),
        case("P-521", bundle(vec![stored_key("ec-p521")])),
        case("RSA", bundle(vec![stored_key("rsa-2048")])),
        case("without numbers", json!({"keys": GOOD["keys"]})),
        case("with an unknown member", json!({"keys": GOOD["keys"], "something": {"else": 1}})),
    ]
}

fn catalogue() -> Vec<Case> {
    [replaced(), added(), certificates(), texts(), trust_domains()].into_iter().flatten().collect()
}

/// Returns the rules that find fault with a case, and whether one of them is an error.
fn judged(case: &Case) -> (Vec<&'static str>, bool) {
    let text = federation_file(&case.trust_domain, &case.bundle);
    let (findings, _) = check("partner.example.net.yaml", text.as_bytes(), NOW);
    let refused = findings.iter().any(|finding| finding.is_error());
    (findings.iter().map(|finding| finding.rule.code).collect(), refused)
}

#[test]
fn every_fault_of_the_catalogue_is_found_by_the_rule_named_for_it() {
    let cases = catalogue();
    assert!(cases.len() >= 94, "{}", cases.len());
    let missed: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let (rules, _) = judged(case);
            let named = case.rule?;
            (!rules.contains(&named)).then(|| format!("{}: not {named} but {rules:?}", case.name))
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn what_is_in_order_is_not_refused() {
    for case in good() {
        let (rules, _) = judged(&case);
        assert!(rules.is_empty(), "{}: {rules:?}", case.name);
    }
}

/// Returns what go-spiffe says of each case, or nothing where there is no Go.
fn go_spiffe(cases: &[Case]) -> Option<Vec<bool>> {
    let folder = tempfile::tempdir().unwrap();
    let judge = folder.path().join("judge");
    let built = Command::new("go")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go-spiffe"))
        .args(["build", "-o", judge.to_str().unwrap(), "."])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        // On CI there is Go; elsewhere the other tests hold without it.
        assert!(std::env::var_os("CI").is_none(), "the judge cannot be built");
        return None;
    }
    let mut child = Command::new(&judge).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> =
        cases.iter().map(|case| json!({"trustDomain": case.trust_domain, "bundle": case.bundle}).to_string()).collect();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || lines.iter().for_each(|line| writeln!(input, "{line}").unwrap()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let accepted = |line: &str| serde_json::from_str::<Value>(line).unwrap()["accepted"] == true;
    let answers: Vec<bool> = answers.lines().map(accepted).collect();
    assert_eq!(answers.len(), cases.len(), "an answer for each question");
    Some(answers)
}

/// Returns numbers below a limit, the same on every run.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 42_u64;
    move |limit| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    }
}

/// Returns names of few characters, most of which a trust domain may have.
fn names(count: usize) -> Vec<Case> {
    let mut below = numbers();
    let mut name = || -> String {
        let alphabet: Vec<char> = "abz019.-_A/:@%?# ä".chars().collect();
        let length = below(12);
        let character = |_| {
            let limit = if below(4) == 0 { alphabet.len() } else { 9 };
            alphabet[below(limit)]
        };
        (0..length).map(character).collect()
    };
    let good = GOOD.to_string();
    let case = |trust_domain| Case { trust_domain, ..fault("a name", "", &good) };
    (0..count).map(|_| case(name())).collect()
}

/// Returns good bundles with one byte changed somewhere, the same on every run.
fn mutated(count: usize) -> Vec<Case> {
    let mut below = numbers();
    // Stored keys: what is mutated is the same on every run, too.
    let mut token = stored_key("ec-p521");
    token["use"] = "jwt-svid".into();
    token["kid"] = "one".into();
    token.as_object_mut().unwrap().shift_remove("x5c");
    let good = bundle(vec![stored_key("rsa-2048"), token]).to_string();
    let one = |number: usize, below: &mut dyn FnMut(usize) -> usize| {
        let mut bytes = good.clone().into_bytes();
        let at = below(bytes.len());
        match below(3) {
            0 => bytes[at] = b" \"{}[]:,0aZ=-_"[below(14)],
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, bytes[below(bytes.len())]),
        }
        fault(&format!("mutation {number}"), "", String::from_utf8(bytes).unwrap())
    };
    (0..count).map(|number| one(number, &mut below)).collect()
}

#[test]
fn whatever_go_spiffe_refuses_is_refused() {
    // MUTATIONS=40000 looks longer.
    let count = std::env::var("MUTATIONS").map_or(3000, |count| count.parse().unwrap());
    let cases: Vec<Case> = [catalogue(), good(), names(500), mutated(count)].into_iter().flatten().collect();
    let Some(answers) = go_spiffe(&cases) else {
        println!("skipped: there is no Go to build go-spiffe with");
        return;
    };
    let catalogue = catalogue().len();
    let refused = answers[..catalogue].iter().filter(|accepted| !**accepted).count();
    println!("go-spiffe refuses {refused} of {catalogue} faults");
    let missed: Vec<&str> = cases
        .iter()
        .zip(&answers)
        .filter(|(case, accepted)| !**accepted && !judged(case).1)
        .map(|(case, _)| case.name.as_str())
        .collect();
    assert!(missed.is_empty(), "go-spiffe refuses what dirops does not: {missed:?}");
    let unfairly: Vec<&str> = cases[catalogue..]
        .iter()
        .zip(&answers[catalogue..])
        .take(good().len())
        .filter(|(_, accepted)| !**accepted)
        .map(|(case, _)| case.name.as_str())
        .collect();
    assert!(unfairly.is_empty(), "what is meant to be good is not: {unfairly:?}");
}

/// Returns an RSA key for JWT-SVIDs.
fn stored_token() -> serde_json::Map<String, Value> {
    let mut token = stored_key("rsa-2048");
    token["use"] = "jwt-svid".into();
    token["kid"] = "rsa".into();
    let mut token = token.as_object().unwrap().clone();
    token.shift_remove("x5c");
    token
}

/// Returns the value with the members of every object in the opposite order.
fn backwards(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().rev().map(|(name, value)| (name.clone(), backwards(value))).collect(),
        Value::Array(items) => items.iter().map(backwards).collect(),
        other => other.clone(),
    }
}

/// Returns a federation file with a bundle that is written on one line or many, quoted or as a block.
fn laid_out(trust_domain: &str, bundle: &Value, layout: u8) -> String {
    let pretty = serde_json::to_string_pretty(bundle).unwrap();
    let block = |header: &str, text: &str| {
        let lines: String = text.lines().map(|line| format!("  {line}\n")).collect();
        federation_file(trust_domain, "BUNDLE").replace("\"BUNDLE\"\n", &format!("{header}\n{lines}"))
    };
    match layout {
        0 => federation_file(trust_domain, &bundle.to_string()),
        1 => federation_file(trust_domain, &pretty.replace("\": ", "\"\t:\r\n ")),
        2 => block("|", &pretty),
        _ => block(">-", &bundle.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn generated_bundles_are_never_refused(
        name in "[a-z0-9]{1,10}(-[a-z0-9]{1,8})?(\\.[a-z0-9]{1,10}){1,3}",
        curves in proptest::collection::vec(0..3_usize, 1..4),
        tokens in 0..3_usize,
        san in any::<bool>(),
        numbers in proptest::collection::btree_map("spiffe_(sequence|refresh_hint)", any::<u64>(), 0..3),
        reversed in any::<bool>(),
        layout in 0..4_u8,
    ) {
        prop_assume!(name != "example.com");
        let algorithms = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519];
        let mut params = authority(&name);
        if !san {
            params.subject_alt_names = Vec::new();
        }
        let mut keys: Vec<Value> = curves.iter().map(|curve| x509_key(&params, algorithms[*curve])).collect();
        keys.extend((0..tokens).map(|number| jwt_key(&format!("k{number}"), algorithms[number])));
        keys.push(Value::Object(stored_token()));
        let mut set = json!({"keys": keys});
        numbers.into_iter().for_each(|(member, number)| set[member] = number.into());
        let text = laid_out(&name, &if reversed { backwards(&set) } else { set }, layout);
        let (findings, _) = check(&format!("{name}.yaml"), text.as_bytes(), NOW);
        let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).collect();
        prop_assert!(errors.is_empty(), "{errors:?}");
    }
}
