//! What holds for every input whatever: the bodies of the fuzz targets (`fuzz/`), which `tests/corpus.rs` replays the
//! kept inputs through.

#[path = "memory.rs"]
pub mod memory;

use std::collections::BTreeSet;

use dirops::diagnostic::{Place, Sources};
use dirops::report::{self, Format};
use dirops::review::{Step, Steps, compare, hide};
use dirops::rules::Finding;
use dirops::spiffe::{SpiffeId, TrustDomain};
use dirops::workspace::ListKeys;
use dirops::yaml::{Node, Value, embedded_json, parse, to_yaml};
use memory::{check, federation_file};

/// The time at which files are judged: 2026-11-23T00:00:00Z.
const NOW: i64 = 1_795_392_000;

/// Panics where it does not hold for an input.
pub type Law = fn(&[u8]);

/// Every target by its name, which is also that of its folder of kept inputs.
pub const TARGETS: [(&str, Law); 6] = [
    ("yaml", yaml),
    ("trust_domain", trust_domain),
    ("embedded_json", json),
    ("bundle", bundle),
    ("federation_file", file),
    ("compare", comparing),
];

/// Two documents, parted by a line of `===`: neither differs from itself, what differs from one to the other is what does
/// the other way round, reversed, and credentials can be hidden in any.
pub fn comparing(input: &[u8]) {
    let Some((before, after)) = str::from_utf8(input).ok().and_then(|text| text.split_once("\n===\n")) else {
        return;
    };
    let read = |text: &str| parse(Sources::default().add("input", text), text);
    let (Ok(before), Ok(after)) = (read(before), read(after)) else {
        return;
    };
    let told = |before: &Node, after: &Node| compare(before, after, &ListKeys::new());
    for node in [&before, &after] {
        assert!(told(node, node).is_empty());
    }
    let step = |step: &Step| match step {
        Step::At { before, after } => Step::At { before: *after, after: *before },
        other => other.clone(),
    };
    let there = told(&before, &after);
    let mut reversed: Vec<Steps> =
        there.iter().map(|difference| Steps(difference.steps.0.iter().map(step).collect())).collect();
    let mut back: Vec<Steps> = told(&after, &before).into_iter().map(|difference| difference.steps).collect();
    reversed.sort();
    back.sort();
    assert_eq!(reversed, back);
    // What is equal stays equal once credentials are hidden.
    assert!(told(&hide(&before, &[]), &hide(&before, &[])).is_empty());
    told(&hide(&before, &[]), &hide(&after, &[]));
}

/// What is read as YAML has its places in the text, and reads back the same once it is written.
pub fn yaml(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let sources = Sources::default();
    let file = sources.add("input", text);
    match parse(file, text) {
        Ok(node) => {
            assert_places(&node, &sources);
            assert_reads_back(&node);
        }
        Err(error) => assert_within(error.place.expect("an error of the reader says where"), &sources),
    }
}

fn assert_reads_back(node: &Node) {
    let Ok(written) = to_yaml([node]) else {
        return;
    };
    let file = Sources::default().add("written", &written);
    let read = parse(file, &written).unwrap_or_else(|error| panic!("{error:?}\n{written}"));
    assert!(same(&read, node), "{written}");
}

/// A name is a trust domain, and an ID a SPIFFE ID, where the crate `spiffe` takes it as it was written.
pub fn trust_domain(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let name = spiffe::TrustDomain::new(text).is_ok_and(|name| name.as_str() == text);
    assert_eq!(text.parse::<TrustDomain>().is_ok(), name && text.len() <= 255, "{text:?}");
    let id = spiffe::SpiffeId::new(text);
    let same_id = id.as_ref().is_ok_and(|id| id.to_string() == text && id.trust_domain_name().len() <= 255);
    assert_eq!(text.parse::<SpiffeId>().is_ok(), same_id && text.len() <= 2048, "{text:?}");
}

/// JSON inside a scalar means what it means by itself, and has its places in the file.
pub fn json(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    for written in spellings(text) {
        let sources = Sources::default();
        let file_text = format!("json: {written}");
        let file = sources.add("input", &file_text);
        let Ok(content) = parse(file, &file_text) else {
            return;
        };
        let scalar = content.get("json").expect("it was just written");
        match embedded_json(file, &file_text, scalar) {
            Ok(node) => {
                assert_places(&node, &sources);
                assert!(is_json(text), "{text}");
                // A number can be JSON and too large for this reader.
                let value = serde_json::from_str::<serde_json::Value>(text).ok();
                assert!(value.is_none_or(|value| means(&node, &value)), "{text}\n{node:?}");
            }
            Err(error) => assert_within(error.place.expect("an error of the reader says where"), &sources),
        }
    }
}

/// A bundle is judged the same however it is written in the file, and what is no JSON is refused.
pub fn bundle(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let text = text.trim_end_matches('\n');
    let file = federation_file("partner.example.net", "BUNDLE");
    let judged = spellings(text).into_iter().map(|written| {
        let (findings, sources) =
            check("partner.example.net.yaml", file.replace("\"BUNDLE\"", &written).as_bytes(), NOW);
        assert_findings(&findings, &sources);
        let refused = findings.iter().any(Finding::is_error);
        assert!(refused || is_json(text), "{text}");
        findings.iter().map(|finding| finding.rule.code).collect::<BTreeSet<_>>()
    });
    let judged: BTreeSet<_> = judged.collect();
    assert!(judged.len() == 1, "{judged:?} for {text:?}");
}

/// Every finding has its place in the file, and every format says all of them.
pub fn file(input: &[u8]) {
    let (findings, sources) = check("partner.example.net.yaml", input, NOW);
    assert_findings(&findings, &sources);
    for format in [Format::Text, Format::Json, Format::Sarif, Format::Github] {
        let written = report::write(&findings, format, &sources);
        let said = |finding: &Finding| written.contains(finding.rule.code);
        assert!(findings.iter().all(said), "{written}");
    }
}

fn assert_findings(findings: &[Finding], sources: &Sources) {
    for finding in findings {
        let place = finding.diagnostic.place.expect("a finding about a file says where");
        assert_within(place, sources);
        for related in &finding.diagnostic.related {
            assert_within(*related, sources);
        }
    }
}

fn assert_places(node: &Node, sources: &Sources) {
    assert_within(node.place, sources);
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| assert_places(item, sources)),
        Value::Map(map) => map.values().for_each(|entry| {
            assert_within(entry.key, sources);
            assert_places(&entry.node, sources);
        }),
        _ => {}
    }
}

/// A place begins in its file, at the latest after the last character of a line, and does not end before it begins.
fn assert_within(place: Place, sources: &Sources) {
    let text = sources.text(place.file);
    let line = text.split('\n').nth(place.line as usize - 1);
    let line = line.unwrap_or_else(|| panic!("{place:?} is after the end of {text:?}"));
    let length = line.chars().count() as u32;
    assert!((1..=length + 1).contains(&place.column), "{place:?} is beside the line {line:?}");
    assert!((place.line, place.column) <= (place.end_line, place.end_column), "{place:?} in {text:?}");
    assert!(place.end_line as usize <= text.split('\n').count(), "{place:?} ends after {text:?}");
}

/// Returns a text as a double-quoted scalar and, where that can hold it, as a literal block.
fn spellings(text: &str) -> Vec<String> {
    let quoted = format!("{}\n", serde_json::Value::from(text));
    let is_plain = |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    if text.is_empty() || text.ends_with('\n') || !text.chars().all(is_plain) {
        return vec![quoted];
    }
    let lines: String = text.split('\n').map(|line| format!("  {line}\n")).collect();
    vec![quoted, format!("|2-\n{lines}")]
}

/// Equality that does not tell `1.0` from `1`: JSON has one kind of number.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| same(&x.node, &y.node)))
        }
        _ => a == b || number(a).zip(number(b)).is_some_and(|(a, b)| a == b),
    }
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(number) => Some(number as f64),
        Value::UInt(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn means(node: &Node, value: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (&node.value, value) {
        (Value::Null, Json::Null) => true,
        (Value::Bool(a), Json::Bool(b)) => a == b,
        (Value::Text(a), Json::String(b)) => **a == **b,
        (Value::List(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| means(a, b)),
        (Value::Map(a), Json::Object(b)) => {
            a.len() == b.len() && b.iter().all(|(key, b)| a.get(&**key).is_some_and(|a| means(&a.node, b)))
        }
        (_, Json::Number(b)) => number(node).zip(b.as_f64()).is_some_and(|(a, b)| is_near(a, b)),
        _ => false,
    }
}

/// Equality of numbers for a reader that does not look for the nearest one.
fn is_near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * a.abs()
}
