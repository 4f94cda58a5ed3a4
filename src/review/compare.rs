//! What differs between two trees of values, whatever order and spelling they are written in.

use std::collections::{BTreeMap, HashMap, HashSet};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::format;
use super::step::{Step, Steps};
use crate::diagnostic::Place;
use crate::workspace::ListKeys;
use crate::yaml::{Map, Node, Text, Value};

/// One thing that differs.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Where it stands.
    pub steps: Steps,
    /// What was there, and where that was written.
    pub before: Option<(Node, Place)>,
    /// What is there, and where that is written.
    pub after: Option<(Node, Place)>,
}

/// The keys that tell the items of a list apart, where a component declares none; the first that all items have wins.
const ITEM_KEYS: [&str; 9] =
    ["name", "trustDomain", "host", "secretKey", "mountPath", "containerPort", "appName", "key", "id"];

/// Stands for what tells objects of Kubernetes apart: kind, namespace and name.
pub(super) const OBJECT: &str = "object";

/// Lists whose order means something: processes take arguments in order, Helm lays a later file over an earlier one, and
/// the later of two sources of a variable wins.
const ORDERED: [&str; 8] =
    ["args", "command", "valueFiles", "sources", "initContainers", "envFrom", "extraArgs", "extraEnvFrom"];

/// Returns what differs between two trees, in the order of the first and then of the second.
///
/// Two trees are the same where they mean the same: the order of keys and of items that order means nothing for, places,
/// and the spelling of texts in a format of their own do not count. Swapping the trees swaps before and after and changes
/// nothing else.
pub fn compare(before: &Node, after: &Node, list_keys: &ListKeys) -> Vec<Difference> {
    let mut comparison = Comparison { list_keys, steps: Steps::default(), found: Vec::new() };
    comparison.nodes((before, before.place), (after, after.place));
    comparison.found
}

/// Returns two trees without most of what both have under the same keys, or nothing where they are equal: nothing stands in
/// place of collections and of texts in lines. What differs is as it was, and so are the short values beside it, which say
/// what it is.
pub fn differing(before: &Node, after: &Node) -> Option<(Node, Node)> {
    let (Some(a), Some(b)) = (before.as_map(), after.as_map()) else {
        return (before != after).then(|| (before.clone(), after.clone()));
    };
    let in_both = a.iter().filter_map(|(key, mine)| Some((key, differing(&mine.node, &b.get(key)?.node))));
    let parts: Vec<(&Text, Option<(Node, Node)>)> = in_both.collect();
    if parts.len() == a.len() && a.len() == b.len() && parts.iter().all(|(_, part)| part.is_none()) {
        return None;
    }
    let (mut old, mut new) = (a.clone(), b.clone());
    for (key, part) in parts {
        let (Some(mine), Some(theirs)) = (old.get_mut(key), new.get_mut(key)) else { continue };
        match part {
            Some(part) => (mine.node, theirs.node) = part,
            None if mine.node.is_collection() || mine.node.as_text().is_some_and(|text| text.contains('\n')) => {
                (mine.node.value, theirs.node.value) = (Value::Null, Value::Null);
            }
            None => {}
        }
    }
    Some((Node::new(before.place, old), Node::new(after.place, new)))
}

/// A node, and the place to name for it: its key's, where it has one.
type Placed<'a> = (&'a Node, Place);

struct Comparison<'a> {
    list_keys: &'a ListKeys,
    steps: Steps,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn nodes(&mut self, before: Placed<'_>, after: Placed<'_>) {
        match (&before.0.value, &after.0.value) {
            (Value::Map(a), Value::Map(b)) => self.maps(a, b),
            (Value::List(a), Value::List(b)) => self.lists(a, b),
            (Value::Text(a), Value::Text(b)) if a != b => self.texts(before, after),
            _ if before.0 == after.0 => {}
            _ => self.tell(Some(before), Some(after)),
        }
    }

    fn maps(&mut self, before: &Map, after: &Map) {
        for (key, entry) in before {
            let other = after.get(key).map(|entry| (&entry.node, entry.key));
            self.below(Step::Key(key.clone()), Some((&entry.node, entry.key)), other);
        }
        for (key, entry) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            self.below(Step::Key(key.clone()), None, Some((&entry.node, entry.key)));
        }
    }

    fn lists(&mut self, before: &[Node], after: &[Node]) {
        let is_ordered = self.steps.keys().last().is_some_and(|key| ORDERED.contains(&&**key));
        if is_ordered && matches!(self.steps.0.last(), Some(Step::Key(_))) {
            self.in_order(before, after);
        } else if let Some(key) = self.item_key(before, after) {
            self.by_key(before, after, &key);
        } else {
            self.by_content(before, after);
        }
    }

    /// Returns the key that tells all items apart, if there is one.
    fn item_key(&self, before: &[Node], after: &[Node]) -> Option<ItemKey> {
        let path: Vec<Text> = self.steps.keys().cloned().collect();
        let declared = self.list_keys.get(&path).map(|key| ItemKey::Key(key.clone()));
        let usual = ITEM_KEYS.iter().map(|key| ItemKey::Key((*key).into()));
        let mut candidates = declared.into_iter().chain([ItemKey::Object]).chain(usual);
        candidates.find(|key| key.tells_apart(before) && key.tells_apart(after))
    }

    fn by_key(&mut self, before: &[Node], after: &[Node], key: &ItemKey) {
        let others: HashMap<Text, &Node> = after.iter().filter_map(|item| Some((key.of(item)?, item))).collect();
        let mut seen = HashSet::new();
        let step = |value: Text| Step::Item { key: key.name(), value };
        for item in before {
            let Some(value) = key.of(item) else { continue };
            let other = others.get(&value).map(|other| (*other, other.place));
            self.below(step(value.clone()), Some((item, item.place)), other);
            seen.insert(value);
        }
        for item in after {
            if let Some(value) = key.of(item).filter(|value| !seen.contains(value)) {
                self.below(step(value), None, Some((item, item.place)));
            }
        }
    }

    /// Pairs items that are the same. What is left over is paired where as many collections are left over on both sides,
    /// and told as gone and new otherwise.
    fn by_content(&mut self, before: &[Node], after: &[Node]) {
        let (left, right) = unmatched(before, after);
        let all_collections = left.iter().all(|index| before[*index].is_collection())
            && right.iter().all(|index| after[*index].is_collection());
        if left.len() == right.len() && all_collections {
            for (i, j) in left.into_iter().zip(right) {
                let step = Step::At { before: Some(i), after: Some(j) };
                self.below(step, Some((&before[i], before[i].place)), Some((&after[j], after[j].place)));
            }
            return;
        }
        for index in left {
            self.below(Step::Content, Some((&before[index], before[index].place)), None);
        }
        for index in right {
            self.below(Step::Content, None, Some((&after[index], after[index].place)));
        }
    }

    fn in_order(&mut self, before: &[Node], after: &[Node]) {
        for (left, right) in gaps(before, after) {
            let pairs = left.len().min(right.len());
            for (i, j) in left.clone().zip(right.clone()) {
                let step = Step::At { before: Some(i), after: Some(j) };
                self.below(step, Some((&before[i], before[i].place)), Some((&after[j], after[j].place)));
            }
            for i in left.skip(pairs) {
                let step = Step::At { before: Some(i), after: None };
                self.below(step, Some((&before[i], before[i].place)), None);
            }
            for j in right.skip(pairs) {
                let step = Step::At { before: None, after: Some(j) };
                self.below(step, None, Some((&after[j], after[j].place)));
            }
        }
    }

    fn texts(&mut self, before: Placed<'_>, after: Placed<'_>) {
        match format::both(before.0, after.0) {
            Some((format, a, b)) => {
                self.steps.0.push(Step::Inside(format));
                self.nodes((&a, before.1), (&b, after.1));
                self.steps.0.pop();
            }
            None => self.tell(Some(before), Some(after)),
        }
    }

    fn below(&mut self, step: Step, before: Option<Placed<'_>>, after: Option<Placed<'_>>) {
        self.steps.0.push(step);
        match (before, after) {
            (Some(before), Some(after)) => self.nodes(before, after),
            (before, after) => self.tell(before, after),
        }
        self.steps.0.pop();
    }

    fn tell(&mut self, before: Option<Placed<'_>>, after: Option<Placed<'_>>) {
        let owned = |placed: Option<Placed<'_>>| placed.map(|(node, place)| (node.clone(), place));
        self.found.push(Difference { steps: self.steps.clone(), before: owned(before), after: owned(after) });
    }
}

/// What tells the items of a list apart.
enum ItemKey {
    /// The value of a key.
    Key(Text),
    /// Kind, namespace and name: they are Kubernetes objects.
    Object,
}

impl ItemKey {
    fn name(&self) -> Text {
        match self {
            Self::Key(key) => key.clone(),
            Self::Object => OBJECT.into(),
        }
    }

    fn of(&self, item: &Node) -> Option<Text> {
        match self {
            Self::Key(key) => scalar(item.get(key)?),
            Self::Object => {
                let metadata = item.get("metadata")?;
                let (kind, name) = (item.get("kind")?.as_text()?, metadata.get("name")?.as_text()?);
                let namespace = metadata.get("namespace").and_then(Node::as_text);
                Some(match namespace {
                    Some(namespace) => format!("{kind} {namespace}/{name}").into(),
                    None => format!("{kind} {name}").into(),
                })
            }
        }
    }

    fn tells_apart(&self, items: &[Node]) -> bool {
        let mut seen = HashSet::new();
        items.iter().all(|item| self.of(item).is_some_and(|value| seen.insert(value)))
    }
}

fn scalar(node: &Node) -> Option<Text> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string().into()),
        Value::Int(value) => Some(value.to_string().into()),
        Value::UInt(value) => Some(value.to_string().into()),
        _ => None,
    }
}

/// Returns the indexes of the items that have no equal on the other side, each equal used once.
fn unmatched(before: &[Node], after: &[Node]) -> (Vec<usize>, Vec<usize>) {
    let mut waiting: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, item) in after.iter().enumerate().rev() {
        waiting.entry(canonical(item)).or_default().push(index);
    }
    let is_alone = |item: &Node, waiting: &mut HashMap<String, Vec<usize>>| {
        waiting.get_mut(&canonical(item)).and_then(Vec::pop).is_none()
    };
    let left = before.iter().enumerate().filter(|(_, item)| is_alone(item, &mut waiting)).map(|(index, _)| index);
    let left: Vec<usize> = left.collect();
    let mut right: Vec<usize> = waiting.into_values().flatten().collect();
    right.sort_unstable();
    (left, right)
}

type Gap = (std::ops::Range<usize>, std::ops::Range<usize>);

/// Returns the stretches between items that are the same in the same order.
fn gaps(before: &[Node], after: &[Node]) -> Vec<Gap> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let texts = |items: &[Node]| items.iter().map(canonical).collect::<Vec<_>>();
    let (left, right) = (texts(before), texts(after));
    // An alignment is one of several that are as good; which one must not depend on the side that is called the first.
    let is_swapped = left > right;
    let mut number = |text: &String| {
        let next = numbers.len();
        *numbers.entry(text.clone()).or_insert(next)
    };
    let left: Vec<usize> = left.iter().map(&mut number).collect();
    let right: Vec<usize> = right.iter().map(&mut number).collect();
    let (first, second) = if is_swapped { (&right, &left) } else { (&left, &right) };
    let mut gaps: Vec<Gap> = Vec::new();
    let mut end = (0, 0);
    for (old, new, length) in aligned(first, second) {
        gaps.push((end.0..old, end.1..new));
        end = (old + length, new + length);
    }
    gaps.push((end.0..first.len(), end.1..second.len()));
    if is_swapped {
        gaps = gaps.into_iter().map(|(left, right)| (right, left)).collect();
    }
    gaps
}

/// Returns where runs of equal items begin in two lists, and how long they are. Of lists that are too long for looking
/// for the best alignment, only what both begin and end with is aligned.
fn aligned(first: &[usize], second: &[usize]) -> Vec<(usize, usize, usize)> {
    const PRODUCT: usize = 4_000_000;
    if first.len().saturating_mul(second.len()) <= PRODUCT {
        let runs = capture_diff_slices(Algorithm::Myers, first, second).into_iter().filter_map(|op| match op {
            DiffOp::Equal { old_index, new_index, len } => Some((old_index, new_index, len)),
            _ => None,
        });
        return runs.collect();
    }
    let start = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let (rest, other) = (&first[start..], &second[start..]);
    let end = rest.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    vec![(0, 0, start), (first.len() - end, second.len() - end, end)]
}

/// Returns a text that two nodes have in common exactly where they mean the same.
pub(super) fn canonical(node: &Node) -> String {
    let mut text = String::new();
    write_canonical(node, &mut text, false);
    text
}

/// Texts are written as they stand where `is_raw` says so: a row of a policy is a policy itself.
fn write_canonical(node: &Node, out: &mut String, is_raw: bool) {
    use std::fmt::Write;
    // Writing to a string cannot fail.
    let _ = match &node.value {
        Value::Null => write!(out, "~"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::UInt(value) => write!(out, "{value}"),
        Value::Float(value) => write!(out, "{value:?}f"),
        Value::Text(text) if is_raw => write!(out, "{text:?}"),
        Value::Text(text) => match format::meaning(node) {
            Some((format, meant)) => {
                out.push_str(format.name());
                return write_canonical(&meant, out, format.is_a_list_of_lines());
            }
            None => write!(out, "{text:?}"),
        },
        Value::Template(template) => write!(out, "t{:?}", template.source()),
        Value::List(items) => {
            out.push('[');
            for item in items.iter() {
                write_canonical(item, out, is_raw);
                out.push(',');
            }
            write!(out, "]")
        }
        Value::Map(map) => {
            let mut keys: Vec<&Text> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for key in keys {
                let _ = write!(out, "{key:?}:");
                write_canonical(&map[key].node, out, is_raw);
                out.push(',');
            }
            write!(out, "}}")
        }
    };
}
