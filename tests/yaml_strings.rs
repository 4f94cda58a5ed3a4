//! Whatever text dirops writes as YAML reads back as the same text, also where YAML 1.1 has other ideas.

use dirops::diagnostic::{Place, Sources};
use dirops::yaml::{Node, Value, parse, to_yaml};
use proptest::prelude::*;

/// One text a line: awkward ones for some reader or other. docs/decisions/yaml.md says how they fared elsewhere.
const AWKWARD: &str = include_str!("yaml/awkward.txt");

fn awkward() -> Vec<String> {
    let mut texts: Vec<String> = AWKWARD.lines().map(str::to_owned).collect();
    let with_breaks = [
        "\n",
        "x\n",
        "\nx",
        "x\n\n",
        "x\ny",
        "x\r\ny",
        "x\ry",
        " x\ny",
        "x \ny",
        "\tx\ny",
        "x\n y\n",
        "- x\n- y\n",
        "x: y\n",
        "# x\n",
        "---\n",
        "...\n",
        "x\u{85}y",
        "x\u{2028}y",
        "\u{feff}x",
        "x\u{0}y",
        "x\u{7f}y",
        "x\u{1b}[0m",
        "p,example.org,*\np,*,/a.b.C/D\n",
    ];
    texts.extend(with_breaks.map(str::to_owned));
    texts.push("x".repeat(300));
    texts.push("long words ".repeat(40));
    texts
}

fn place() -> Place {
    Place::point(Sources::default().add("test", ""), 1, 1)
}

fn written(text: &str) -> String {
    let node = Node::new(place(), text);
    let list = Node::list(place(), [node.clone()]);
    to_yaml([&Node::map(place(), [("value", node), (text, list)])]).unwrap()
}

#[test]
fn awkward_texts_read_back_as_kubernetes_reads() {
    for text in awkward().into_iter().filter(|text| text != "value") {
        let yaml = written(&text);
        let file = Sources::default().add("test", &yaml);
        let read = parse(file, &yaml).unwrap_or_else(|error| panic!("{text:?}: {error:?}\n{yaml}"));
        assert_eq!(read.get("value").and_then(Node::as_text), Some(text.as_str()), "{yaml}");
        let list = read.get(&text).and_then(Node::as_list);
        assert_eq!(list.and_then(|list| list[0].as_text()), Some(text.as_str()), "{yaml}");
    }
}

#[test]
fn awkward_texts_read_back_with_an_independent_reader() {
    for text in awkward().into_iter().filter(|text| text != "value") {
        let yaml = written(&text);
        let read: serde_json::Value =
            serde_yaml::from_str(&yaml).unwrap_or_else(|error| panic!("{text:?}: {error}\n{yaml}"));
        assert_eq!(read["value"].as_str(), Some(text.as_str()), "{yaml}");
        assert_eq!(read[&text][0].as_str(), Some(text.as_str()), "{yaml}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(awkward()),
        "[ -~\n]{0,12}",
        proptest::collection::vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect()),
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (i64::MAX as u64 + 1..).prop_map(Value::UInt),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Float),
        any_text().prop_map(Value::from),
    ];
    let leaf = scalar.prop_map(|value| Node { value, place: place() });
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| Node::list(place(), items)),
            proptest::collection::btree_map(any_text(), inner, 0..4).prop_map(|map| {
                let mut node = Node::map(place(), []);
                for (key, value) in map {
                    node.set(&key, value);
                }
                node
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(node in any_node()) {
        let yaml = to_yaml([&node]).unwrap();
        let file = Sources::default().add("test", &yaml);
        let read = parse(file, &yaml).unwrap_or_else(|error| panic!("{error:?}\n{yaml}"));
        prop_assert!(same(&read, &node), "{yaml}");
    }

    #[test]
    fn nothing_makes_the_reader_panic(text in "[ -~\n\t&*<>é]{0,60}") {
        let file = Sources::default().add("test", &text);
        let _ = parse(file, &text);
    }
}

/// Equality that does not tell `1.0` from `1`: JSON has one kind of number.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Int(i), Value::Float(f)) | (Value::Float(f), Value::Int(i)) => *i as f64 == *f,
        (Value::UInt(i), Value::Float(f)) | (Value::Float(f), Value::UInt(i)) => *i as f64 == *f,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| same(&x.node, &y.node)))
        }
        _ => a == b,
    }
}
