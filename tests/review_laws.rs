//! Laws of comparing: nothing differs from itself, what is told turns one side into the other, the way back is the way
//! there reversed, and spelling does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use dirops::diagnostic::{Place, Sources};
use dirops::review::{Difference, Step, Steps, TextFormat, compare, differing, hide};
use dirops::yaml::{Entry, Map, Node, Value, parse, to_json, to_yaml};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

fn place() -> Place {
    Place::point(Sources::default().add("x", ""), 1, 1)
}

/// A tree that is shown as JSON where a law fails.
#[derive(Clone)]
struct Shown(Node);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_json(&self.0).unwrap_or_default())
    }
}

fn differences(before: &Node, after: &Node) -> Vec<Difference> {
    compare(before, after, &BTreeMap::new())
}

// What is generated: trees like Helm values, with lists of every kind and texts in every format.

fn scalar() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0i64..5).prop_map(Value::Int),
        select(vec!["", "a", "b", "x: y", "p", "{", "# c"]).prop_map(Value::from),
    ]
    .prop_map(|value| Node { value, place: place() })
}

fn map_of(keys: &'static [&'static str], values: BoxedStrategy<Node>) -> BoxedStrategy<Node> {
    btree_map(select(keys), values, 0..4)
        .prop_map(|entries| {
            let entry = |node| Entry { key: place(), node };
            Node::new(place(), entries.into_iter().map(|(key, node)| (key.into(), entry(node))).collect::<Map>())
        })
        .boxed()
}

const KEYS: &[&str] = &["config", "hosts", "env", "args", "a.b", "values", "federation", "password"];

/// Policies, JSON, YAML and htpasswd inside a text.
fn formatted(tree: BoxedStrategy<Node>) -> impl Strategy<Value = Node> {
    let row = (select(vec!["one.org", "two.org", "*"]), select(vec!["*", "/a.B/C", "/a.B/D"]));
    let policies = vec(row, 0..4)
        .prop_map(|rows| rows.iter().map(|(subject, method)| format!("p, {subject},{method}\n")).collect::<String>());
    let htpasswd = btree_map(select(vec!["admin", "user"]), select(vec!["$2y$05$x", "$2y$05$y"]), 1..3)
        .prop_map(|users| users.iter().map(|(user, hash)| format!("{user}:{hash}\n")).collect::<String>());
    let json = tree.clone().prop_map(|node| to_json(&node).unwrap());
    let yaml = tree.prop_map(|node| to_yaml([&node]).unwrap());
    prop_oneof![policies, htpasswd, json, yaml].prop_map(|text| Node::new(place(), text))
}

/// A list whose items have names of their own.
fn keyed(item: impl Strategy<Value = Node>) -> impl Strategy<Value = Node> {
    btree_map(select(vec!["one", "two", "three", "four"]), item, 0..4).prop_map(|items| {
        let named =
            |(name, item): (&str, Node)| Node::map(place(), [("name", Node::new(place(), name)), ("value", item)]);
        Node::list(place(), items.into_iter().map(named))
    })
}

fn tree() -> impl Strategy<Value = Shown> {
    nodes().prop_map(Shown)
}

fn nodes() -> impl Strategy<Value = Node> {
    let leaf = scalar().boxed();
    leaf.prop_recursive(4, 48, 4, |inner| {
        let inner = inner.boxed();
        prop_oneof![
            3 => map_of(KEYS, inner.clone()),
            1 => keyed(inner.clone()),
            1 => vec(inner.clone(), 0..4).prop_map(|items| Node::list(place(), items)),
            1 => vec(map_of(KEYS, inner.clone()), 0..4).prop_map(|items| Node::list(place(), items)),
            1 => formatted(map_of(KEYS, inner)),
        ]
    })
}

/// Two trees that have most in common: one is the other with some values replaced.
fn pair() -> impl Strategy<Value = (Shown, Shown)> {
    let edited = (nodes(), vec((any::<prop::sample::Index>(), nodes()), 0..4)).prop_map(|(before, edits)| {
        let mut after = before.clone();
        for (index, value) in edits {
            let count = count(&after);
            replace(&mut after, &mut index.index(count), &value);
        }
        (Shown(before), Shown(after))
    });
    prop_oneof![4 => edited, 1 => (tree(), tree())]
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Map(map) => map.values().map(|entry| count(&entry.node)).sum(),
        Value::List(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// Replaces the node with this number.
fn replace(node: &mut Node, number: &mut usize, with: &Node) {
    if *number == 0 {
        *node = with.clone();
    }
    if *number == usize::MAX {
        return;
    }
    *number = number.wrapping_sub(1);
    match &mut node.value {
        Value::Map(map) => Arc::make_mut(map).values_mut().for_each(|entry| replace(&mut entry.node, number, with)),
        Value::List(items) => Arc::make_mut(items).iter_mut().for_each(|item| replace(item, number, with)),
        _ => {}
    }
}

// Carrying out what is told, without the code that tells it.

type Told<'a> = (&'a [Step], &'a Difference);

/// Returns what a value becomes; nothing where it goes.
fn applied(node: Option<Node>, told: &[Told<'_>]) -> Option<Node> {
    if let Some((_, difference)) = told.iter().find(|(steps, _)| steps.is_empty()) {
        assert_eq!(told.len(), 1, "something is told below what is replaced as a whole");
        assert_eq!(node.as_ref(), difference.before.as_ref().map(|(node, _)| node), "what was there is told wrongly");
        return difference.after.as_ref().map(|(node, _)| node.clone());
    }
    let node = node.expect("something is told below what is not there");
    let groups = grouped(told);
    Some(match groups[0].0 {
        Step::Key(_) => in_map(node, &groups),
        Step::Inside(format) => in_text(&node, *format, &groups[0].1),
        _ => in_list(&node, &groups),
    })
}

fn grouped<'a>(told: &[Told<'a>]) -> Vec<(&'a Step, Vec<Told<'a>>)> {
    let mut groups: Vec<(&Step, Vec<Told<'a>>)> = Vec::new();
    for (steps, difference) in told {
        let (first, rest) = steps.split_first().unwrap();
        // Of items that only their content tells apart, each is told by itself.
        let same = groups.iter_mut().find(|(step, _)| *step == first && *first != Step::Content);
        match same {
            Some((_, group)) => group.push((rest, difference)),
            None => groups.push((first, vec![(rest, *difference)])),
        }
    }
    groups
}

fn in_map(mut node: Node, groups: &[(&Step, Vec<Told<'_>>)]) -> Node {
    for (step, told) in groups {
        let Step::Key(key) = step else { panic!("{step:?} in a map") };
        let before = node.get(key).cloned();
        let after = applied(before, told);
        let map = node.as_map_mut().unwrap();
        match after {
            Some(after) => drop(map.insert(key.clone(), Entry { key: place(), node: after })),
            None => drop(map.shift_remove(key)),
        }
    }
    node
}

fn in_list(node: &Node, groups: &[(&Step, Vec<Told<'_>>)]) -> Node {
    let mut items: Vec<Option<Node>> = node.as_list().unwrap().iter().cloned().map(Some).collect();
    let mut appended = Vec::new();
    let mut inserted = Vec::new();
    for (step, told) in groups {
        match step {
            Step::Item { key, value } => {
                let is_it = |item: &Option<Node>| {
                    let found = item.as_ref().and_then(|item| item.get(key)).and_then(Node::as_text);
                    found == Some(value)
                };
                match items.iter_mut().find(|item| is_it(item)) {
                    Some(item) => *item = applied(item.take(), told),
                    None => appended.extend(applied(None, told)),
                }
            }
            Step::At { before: Some(index), .. } => items[*index] = applied(items[*index].take(), told),
            Step::At { before: None, after } => inserted.push((after.unwrap(), applied(None, told).unwrap())),
            Step::Content => {
                let (_, difference) = told[0];
                if let Some((gone, _)) = &difference.before {
                    let found = items.iter_mut().find(|item| item.as_ref() == Some(gone)).expect("it was there");
                    *found = None;
                }
                appended.extend(difference.after.as_ref().map(|(node, _)| node.clone()));
            }
            other => panic!("{other:?} in a list"),
        }
    }
    let mut items: Vec<Node> = items.into_iter().flatten().chain(appended).collect();
    inserted.sort_by_key(|(index, _)| *index);
    for (index, item) in inserted {
        items.insert(index, item);
    }
    Node::list(place(), items)
}

fn in_text(node: &Node, format: TextFormat, told: &[Told<'_>]) -> Node {
    let meant = format.read(node).expect("the text is written in its format");
    let meant = applied(Some(meant), told).unwrap();
    let text = match format {
        TextFormat::Policies => lines(meant.as_list().unwrap().iter().map(|row| row.as_text().unwrap().to_owned())),
        TextFormat::Htpasswd => {
            let users = meant.as_map().unwrap().iter();
            lines(users.map(|(user, entry)| format!("{user}:{}", entry.node.as_text().unwrap())))
        }
        TextFormat::Json => to_json(&meant).unwrap(),
        TextFormat::Yaml => to_yaml([&meant]).unwrap(),
        other => panic!("{other:?} is not generated"),
    };
    Node::new(place(), text)
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

fn apply(before: &Node, told: &[Difference]) -> Node {
    if told.is_empty() {
        return before.clone();
    }
    let told: Vec<Told<'_>> = told.iter().map(|difference| (difference.steps.0.as_slice(), difference)).collect();
    applied(Some(before.clone()), &told).unwrap()
}

// What must make no difference.

/// Returns the tree with keys and named items in another order, written and read again.
fn respelled(node: &Node, salt: u64) -> Node {
    let mixed = mixed(node, salt, "");
    match to_yaml([&mixed]) {
        Ok(text) => parse(Sources::default().add("x", &text), &text).unwrap(),
        Err(_) => mixed,
    }
}

/// `key` is the key that the node stands at: of some, the order of items means something.
fn mixed(node: &Node, salt: u64, key: &str) -> Node {
    let order = |index: usize| (index as u64 + 1).wrapping_mul(salt | 1).rotate_left(17);
    let value = match &node.value {
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().enumerate().collect();
            entries.sort_by_key(|(index, _)| order(*index));
            let entry = |key: &str, entry: &Entry| Entry { key: place(), node: mixed(&entry.node, salt, key) };
            entries.into_iter().map(|(_, (key, old))| (key.clone(), entry(key, old))).collect::<Map>().into()
        }
        Value::List(items) => {
            let mut items: Vec<_> = items.iter().map(|item| mixed(item, salt, "")).enumerate().collect();
            let names = || items.iter().filter_map(|(_, item)| item.get("name")?.as_text());
            let are_told_apart = names().collect::<BTreeSet<_>>().len() == items.len();
            if are_told_apart && key != "args" {
                items.sort_by_key(|(index, _)| order(*index));
            }
            items.into_iter().map(|(_, item)| item).collect::<Vec<_>>().into()
        }
        Value::Text(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) if json.is_object() || json.is_array() => serde_json::to_string_pretty(&json).unwrap().into(),
            _ => text.clone().into(),
        },
        other => other.clone(),
    };
    Node { value, place: place() }
}

/// Returns a difference as it is the other way round, for comparing.
fn reversed(difference: &Difference) -> (Steps, String, String) {
    let step = |step: &Step| match step {
        Step::At { before, after } => Step::At { before: *after, after: *before },
        other => other.clone(),
    };
    let steps = Steps(difference.steps.0.iter().map(step).collect());
    (steps, shown(difference.after.as_ref()), shown(difference.before.as_ref()))
}

fn forward(difference: &Difference) -> (Steps, String, String) {
    (difference.steps.clone(), shown(difference.before.as_ref()), shown(difference.after.as_ref()))
}

fn shown(side: Option<&(Node, Place)>) -> String {
    side.map_or_else(|| "nothing".to_owned(), |(node, _)| to_json(node).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself(Shown(node) in tree()) {
        prop_assert!(differences(&node, &node).is_empty());
    }

    #[test]
    fn what_is_told_makes_one_side_the_other((Shown(before), Shown(after)) in pair()) {
        let told = differences(&before, &after);
        let made = apply(&before, &told);
        let left = differences(&made, &after);
        prop_assert!(left.is_empty(), "left: {left:?}\ntold: {told:?}");
    }

    #[test]
    fn the_way_back_is_the_way_there_reversed((Shown(before), Shown(after)) in pair()) {
        let mut there: Vec<_> = differences(&before, &after).iter().map(reversed).collect();
        let mut back: Vec<_> = differences(&after, &before).iter().map(forward).collect();
        there.sort();
        back.sort();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn what_both_have_does_not_count((Shown(before), Shown(after)) in pair()) {
        let told = |before: &Node, after: &Node| -> Vec<_> {
            differences(&hide(before, &[]), &hide(after, &[])).iter().map(forward).collect()
        };
        match differing(&before, &after) {
            Some((old, new)) => prop_assert_eq!(told(&old, &new), told(&before, &after)),
            None => prop_assert_eq!(before, after),
        }
    }

    #[test]
    fn order_and_spelling_make_no_difference(Shown(node) in tree(), salt in any::<u64>()) {
        let told = differences(&node, &respelled(&node, salt));
        prop_assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn a_new_value_is_told_wherever_it_stands(Shown(before) in tree(), index in any::<prop::sample::Index>()) {
        let mut after = before.clone();
        replace(&mut after, &mut index.index(count(&before)), &Node::new(place(), "unheard of"));
        let told = differences(&before, &after);
        prop_assert!(told.iter().any(|told| shown(told.after.as_ref()).contains("unheard of")), "{told:?}");
    }
}
