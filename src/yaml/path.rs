//! Where a value stands in a tree.

use std::fmt;

use super::{Node, Text, Value};

/// One step down a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(Text),
    /// To an item, counted from 0.
    Item(usize),
}

/// The steps from the top of a tree to a value in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Returns the node at this path, if there is one.
    pub fn find<'a>(&self, root: &'a Node) -> Option<&'a Node> {
        self.0.iter().try_fold(root, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Item(index) => node.as_list()?.get(*index),
        })
    }

    /// Returns the path that `text` names in `root`, if there is such a value.
    ///
    /// Keys are separated by dots and may themselves contain dots, with or without quotes around them:
    /// `ingress.annotations.external-dns.alpha.kubernetes.io/hostname`. Items are `[0]`, `.0`, or `[name=value]`.
    pub fn parse_in(root: &Node, text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        descend(root, text, &mut steps).then_some(Self(steps))
    }

    /// Calls `visit` for every value in `root` that is not a map or list, and for the empty ones of these.
    pub fn leaves<'a>(root: &'a Node, visit: &mut dyn FnMut(&Path, &'a Node)) {
        fn walk<'a>(node: &'a Node, path: &mut Path, visit: &mut dyn FnMut(&Path, &'a Node)) {
            match &node.value {
                Value::Map(map) if !map.is_empty() => {
                    for (key, entry) in map.iter() {
                        path.0.push(Step::Key(key.clone()));
                        walk(&entry.node, path, visit);
                        path.0.pop();
                    }
                }
                Value::List(items) if !items.is_empty() => {
                    for (index, item) in items.iter().enumerate() {
                        path.0.push(Step::Item(index));
                        walk(item, path, visit);
                        path.0.pop();
                    }
                }
                _ => visit(path, node),
            }
        }
        walk(root, &mut Self::default(), visit);
    }
}

fn descend(node: &Node, text: &str, steps: &mut Vec<Step>) -> bool {
    let text = text.strip_prefix('.').unwrap_or(text);
    if text.is_empty() {
        return true;
    }
    let mut attempt = |step: Step, child: &Node, rest: &str| {
        steps.push(step);
        let found = descend(child, rest, steps);
        if !found {
            steps.pop();
        }
        found
    };
    match &node.value {
        Value::Map(map) => {
            let mut candidates: Vec<_> =
                map.iter().filter_map(|(key, entry)| Some((key, entry, after_key(text, key)?))).collect();
            candidates.sort_by_key(|(key, ..)| std::cmp::Reverse(key.len()));
            candidates.into_iter().any(|(key, entry, rest)| attempt(Step::Key(key.clone()), &entry.node, rest))
        }
        Value::List(items) => {
            item_step(items, text).is_some_and(|(index, rest)| attempt(Step::Item(index), &items[index], rest))
        }
        _ => false,
    }
}

/// Returns what follows `key` at the start of `text`, where it ends there.
fn after_key<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let bare = text.strip_prefix(key);
    let quoted = || text.strip_prefix('"')?.strip_prefix(key)?.strip_prefix('"');
    bare.or_else(quoted).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn item_step<'a>(items: &[Node], text: &'a str) -> Option<(usize, &'a str)> {
    let (selector, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => text.find(['.', '[']).map_or((text, ""), |end| text.split_at(end)),
    };
    let index = match selector.split_once('=') {
        Some((key, value)) => items.iter().position(|item| item.get(key).and_then(Node::as_text) == Some(value))?,
        None => selector.parse().ok().filter(|index| *index < items.len())?,
    };
    Some((index, rest))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    if key.contains(['.', '[', '"']) {
                        write!(f, "\"{key}\"")?;
                    } else {
                        f.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}
