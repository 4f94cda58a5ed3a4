//! What all formats for people have in common: the order of things and the words.

use similar::{ChangeTag, TextDiff};

use super::{Change, ChangeKind, EFFECTS, Effect, Folded, Highlight, Origin, Review, highlights};
use crate::diagnostic::escape;
use crate::yaml::{Node, Text, Value, to_yaml};

/// How many environments are named before the rest is counted.
const NAMED: usize = 4;
/// How many things in a new or removed object are told.
const HIGHLIGHTS: usize = 15;

/// The changes of one component in the same environments.
pub struct Block<'a> {
    /// The environments, sorted.
    pub environments: Vec<Text>,
    /// The component; nothing for what the whole environment has.
    pub component: Text,
    /// Its changes, the riskiest first.
    pub changes: Vec<&'a Folded>,
}

/// Returns the changes by environments and component, the block with the riskiest change first.
pub fn blocks(review: &Review) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for folded in &review.changes {
        let (environments, component) = (folded.environments(), folded.change.component.clone());
        let is_same = |block: &&mut Block<'_>| block.environments == environments && block.component == component;
        match blocks.iter_mut().find(is_same) {
            Some(block) => block.changes.push(folded),
            None => blocks.push(Block { environments, component, changes: vec![folded] }),
        }
    }
    blocks
}

impl Block<'_> {
    /// Returns what the block is about: `prod / dir`.
    pub fn title(&self) -> String {
        let environments = names(&self.environments);
        match (environments.as_str(), &*self.component) {
            ("", "") => "everywhere".to_owned(),
            ("", component) => component.to_owned(),
            (_, "") => environments,
            (_, component) => format!("{environments} / {component}"),
        }
    }
}

/// Returns names, the first of many and how many more there are.
pub fn names(names: &[Text]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED).map(|name| &**name).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Returns how many changes there are of each effect, those that there are, the riskiest first.
pub fn counts(review: &Review) -> Vec<(Effect, usize)> {
    let count = |effect: Effect| {
        review.changes.iter().filter(|folded| folded.change.effect == effect).map(Folded::count).sum::<usize>()
    };
    EFFECTS.into_iter().map(|effect| (effect, count(effect))).filter(|(_, count)| *count > 0).collect()
}

/// Returns `1 change` or `7 changes`.
pub fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns in a sentence what the review comes to.
pub fn summary(review: &Review) -> String {
    let total = review.total();
    let environments = {
        let mut names: Vec<Text> = review.changes.iter().flat_map(Folded::environments).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !name.is_empty());
        names
    };
    let changes = match (total, environments.len()) {
        (0, _) if review.is_complete() => "no change of the configuration".to_owned(),
        (0, _) => "no change found in what could be read".to_owned(),
        (_, 0) => plural(total, "change"),
        (_, 1) => format!("{} in {}", plural(total, "change"), environments[0]),
        (_, count) => format!("{} in {count} environments", plural(total, "change")),
    };
    match review.failures.len() {
        0 => changes,
        count => format!("{changes}; INCOMPLETE: {} could not be read or rendered", plural(count, "part")),
    }
}

/// Returns the sign of a change: `+`, `-`, `~` or `→`.
pub fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Added => '+',
        ChangeKind::Removed => '-',
        ChangeKind::Changed => '~',
        ChangeKind::Renamed => '→',
    }
}

/// Returns where a change stands, for people: the path, after the object where that is not the component's values.
pub fn place(folded: &Folded) -> String {
    let change = &folded.change;
    let path = escape(&change.steps.to_string());
    let is_values = change.object.kind.as_ref() == "values" && change.object.name.is_empty();
    let mut objects: Vec<String> = folded.places.iter().map(|place| place.object.to_string()).collect();
    objects.sort_unstable();
    objects.dedup();
    let object = match objects.len() {
        1 if change.is_whole() || change.environment.is_empty() || folded.count() == 1 => escape(&objects[0]),
        1 => escape(&objects[0]),
        count if folded.environments().len() == count => escape(&change.object.kind),
        count => format!("{} objects", count),
    };
    match (is_values, change.is_whole()) {
        (true, true) => "its Helm values".to_owned(),
        (true, false) => path,
        (false, true) => object,
        (false, false) => format!("{object}: {path}"),
    }
}

/// Returns the source lines that made a change, for people; nothing where none is known.
pub fn cause(folded: &Folded) -> String {
    let cause = &folded.change.cause;
    let shown = |origin: &Origin| {
        let layer = origin.layer().map(|layer| format!(" ({layer})")).unwrap_or_default();
        format!("{}:{}{layer}", escape(&origin.path), origin.line)
    };
    let first = match (&cause.before, &cause.after) {
        (Some(before), Some(after)) if before.path == after.path && before.line == after.line => shown(after),
        (Some(before), Some(after)) => format!("{}, before at {}", shown(after), shown(before)),
        (None, Some(after)) => shown(after),
        (Some(before), None) => format!("was at {}", shown(before)),
        (None, None) => String::new(),
    };
    let lines = |folded: &Folded| {
        let mut paths: Vec<_> = folded
            .places
            .iter()
            .filter_map(|place| {
                place.cause.after.as_ref().or(place.cause.before.as_ref()).map(|origin| origin.path.clone())
            })
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths.len()
    };
    match lines(folded) {
        0 | 1 => first,
        count => format!("{first}, and {} more", plural(count - 1, "file")),
    }
}

/// Returns a value in one line, where it is no collection and has one line.
pub fn inline(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) if text.is_empty() => Some("\"\"".to_owned()),
        Value::Text(text) if !text.trim_end().contains('\n') => Some(escape(text.trim_end())),
        Value::Map(map) if map.is_empty() => Some("{}".to_owned()),
        Value::List(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Text(_) | Value::Map(_) | Value::List(_) => None,
        Value::Null => Some("null".to_owned()),
        _ => Some(block(node).join(" ")),
    }
}

/// Returns a value in lines.
pub fn block(node: &Node) -> Vec<String> {
    let text = match node.as_text() {
        Some(text) => text.to_owned(),
        None => to_yaml([node]).unwrap_or_default(),
    };
    text.lines().map(escape).collect()
}

/// A part of a text, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stays.
    Same,
    /// It goes.
    Old,
    /// It comes.
    New,
}

/// Returns the parts of two texts word by word: together those that stay or go are the first, those that stay or come the
/// second.
pub fn words(before: &str, after: &str) -> Vec<(Part, String)> {
    let diff = TextDiff::from_words(before, after);
    let mut parts: Vec<(Part, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        let part = match change.tag() {
            ChangeTag::Equal => Part::Same,
            ChangeTag::Delete => Part::Old,
            ChangeTag::Insert => Part::New,
        };
        match parts.last_mut().filter(|(last, _)| *last == part) {
            Some((_, text)) => text.push_str(change.value()),
            None => parts.push((part, change.value().to_owned())),
        }
    }
    parts
}

/// Returns the lines of two texts: those that changed, with some that stay around them, and `None` where lines are left out.
pub fn lines(before: &str, after: &str) -> Vec<Option<(Part, String)>> {
    const CONTEXT: usize = 2;
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(None);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let part = match change.tag() {
                ChangeTag::Equal => Part::Same,
                ChangeTag::Delete => Part::Old,
                ChangeTag::Insert => Part::New,
            };
            lines.push(Some((part, escape(change.value().trim_end_matches(['\n', '\r'])))));
        }
    }
    lines
}

/// Returns what is to be decided about in a whole object, and how much more there is in it.
pub fn contents(change: &Change) -> (Vec<Highlight>, usize) {
    let Some(root) = change.after.as_ref().or(change.before.as_ref()).filter(|_| change.is_whole()) else {
        return (Vec::new(), 0);
    };
    let mut all = highlights(change.scope(), root);
    let total = all.len();
    all.retain(|highlight| highlight.effect.is_risk() && highlight.effect != Effect::Restart);
    all.sort_by_key(|highlight| highlight.effect);
    all.truncate(HIGHLIGHTS);
    let more = total - all.len();
    (all, more)
}
