//! What all formats for people have in common: the order of things and the words.

use std::collections::{HashMap, HashSet};

use similar::{ChangeTag, TextDiff};

use super::{Change, ChangeKind, EFFECTS, Effect, Failure, Folded, Highlight, Origin, Review, highlights};
use crate::diagnostic::{escape, shortened};
use crate::yaml::{Node, Text, Value, to_yaml};

/// How many environments are named before the rest is counted.
const NAMED: usize = 4;
/// How many things in a new or removed object are told.
const HIGHLIGHTS: usize = 10;
/// How long texts, in bytes, may be together for their words to be compared.
const COMPARED: usize = 4_000;

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
    let mut known: HashMap<(Vec<Text>, Text), usize> = HashMap::new();
    for folded in &review.changes {
        let (environments, component) = (folded.environments(), folded.component());
        let index = *known.entry((environments, component)).or_insert_with_key(|(environments, component)| {
            blocks.push(Block {
                environments: environments.clone(),
                component: component.clone(),
                changes: Vec::new(),
            });
            blocks.len() - 1
        });
        blocks[index].changes.push(folded);
    }
    blocks
}

/// Returns how many changes these are, those that are told once counted in each place.
pub fn total<'a>(changes: impl IntoIterator<Item = &'a Folded>) -> usize {
    changes.into_iter().map(Folded::count).sum()
}

impl<'a> Block<'a> {
    /// Returns how many changes there are in it.
    pub fn total(&self) -> usize {
        total(self.changes.iter().copied())
    }

    /// Returns how many of them somebody must decide about.
    pub fn risks(&self) -> usize {
        total(self.changes.iter().copied().filter(|folded| folded.change.effect.is_risk()))
    }

    /// Returns its changes by effect, the riskiest first.
    pub fn by_effect(&self) -> impl Iterator<Item = &[&'a Folded]> {
        self.changes.chunk_by(|one, other| one.change.effect == other.change.effect)
    }

    /// Returns what the block is about: `prod / dir`.
    pub fn title(&self) -> String {
        title(&self.environments, &self.component)
    }
}

/// Returns what something in these environments and this component is about.
pub fn title(environments: &[Text], component: &str) -> String {
    let environments = names(environments);
    match (environments.as_str(), component) {
        ("", "") => "objects and files".to_owned(),
        ("", component) => component.to_owned(),
        (_, "") => environments,
        (_, component) => format!("{environments} / {component}"),
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

/// Returns what an effect is about, for people who meet its name for the first time.
pub fn meaning(effect: Effect) -> &'static str {
    match effect {
        Effect::Identity => "who the environment is, and whom it federates with",
        Effect::Access => "who may do what",
        Effect::SecretSource => "where credentials come from",
        Effect::DataLoss => "what may be lost for good",
        Effect::Exposure => "what can be reached from outside",
        Effect::Restart => "pods restart",
        Effect::LateRestart => "takes effect only after a restart that nothing triggers",
        Effect::Version => "another version of a chart or an image",
        Effect::Other => "what it does is not known",
        Effect::ReachesNothing => "nothing reads it",
        Effect::Cosmetic => "only people see it",
    }
}

/// Returns the environments in which something changes, sorted.
pub fn environments(review: &Review) -> Vec<Text> {
    let places = review.changes.iter().flat_map(|folded| &folded.places);
    let names: HashSet<&Text> = places.map(|place| &place.environment).filter(|name| !name.is_empty()).collect();
    let mut names: Vec<Text> = names.into_iter().cloned().collect();
    names.sort_unstable();
    names
}

/// Returns in a sentence what the review comes to.
pub fn summary(review: &Review) -> String {
    let total = review.total();
    let environments = environments(review);
    let whole = |names: &[Text], what: &str| match names.is_empty() {
        true => String::new(),
        false => format!("; {what}: {}", self::names(names)),
    };
    let whole = whole(&review.removed, "environments removed") + &whole(&review.added, "environments added");
    let changes = match (total, environments.len()) {
        (0, _) if review.is_complete() => "no change of the configuration".to_owned(),
        (0, _) => "no change found in what could be read".to_owned(),
        (_, 0) => plural(total, "change"),
        (_, 1) => format!("{} in {}", plural(total, "change"), environments[0]),
        (_, count) => format!("{} in {count} environments", plural(total, "change")),
    };
    match review.failures.len() {
        0 => format!("{changes}{whole}"),
        count => format!("{changes}{whole}; INCOMPLETE: {} could not be read or rendered", plural(count, "part")),
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

/// Returns of which part a failure is: `before, prod`.
pub fn part(failure: &Failure) -> String {
    match failure.environment.as_str() {
        "" => failure.which.word().to_owned(),
        environment => format!("{}, {environment}", failure.which.word()),
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

/// Returns the parts of two texts word by word; texts that have little in common are two parts. Together those that stay or go are the first, those that stay or come the
/// second.
pub fn words(before: &str, after: &str) -> Vec<(Part, String)> {
    if before.len() + after.len() > COMPARED {
        return ends(before, after);
    }
    let (old, new) = (split(before), split(after));
    let diff = TextDiff::from_slices(&old, &new);
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
    let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let same: usize = parts.iter().filter(|(part, _)| *part == Part::Same).map(|(_, text)| words(text)).sum();
    // Of texts that have little in common, marks in between would only be noise.
    match same * 4 < words(before).min(words(after)) {
        true => vec![(Part::Old, before.to_owned()), (Part::New, after.to_owned())],
        false => parts,
    }
}

/// Splits a text into its words and what is between them: `a.b` has three parts.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut last: Option<char> = None;
    for (index, c) in text.char_indices() {
        let joins = last.is_some_and(|last| last.is_alphanumeric() && c.is_alphanumeric());
        if index > start && !joins {
            parts.push(&text[start..index]);
            start = index;
        }
        last = Some(c);
    }
    parts.extend((start < text.len()).then(|| &text[start..]));
    parts
}

/// Returns the same of texts whose words are too many: what they begin and end with alike stays.
fn ends(before: &str, after: &str) -> Vec<(Part, String)> {
    let alike = |(a, b): &(char, char)| a == b;
    let start: usize = before.chars().zip(after.chars()).take_while(alike).map(|(c, _)| c.len_utf8()).sum();
    let (old, new) = (&before[start..], &after[start..]);
    let end: usize = old.chars().rev().zip(new.chars().rev()).take_while(alike).map(|(c, _)| c.len_utf8()).sum();
    let (old, same) = old.split_at(old.len() - end);
    let parts =
        [(Part::Same, &before[..start]), (Part::Old, old), (Part::New, &new[..new.len() - end]), (Part::Same, same)];
    parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(part, text)| (part, text.to_owned())).collect()
}

/// Returns parts with what stays shortened to so many characters beside what changes, and so many of that.
pub fn close_up(parts: Vec<(Part, String)>, kept: usize) -> Vec<(Part, String)> {
    let last = parts.len().saturating_sub(1);
    let shorten = |(index, (part, text)): (usize, (Part, String))| {
        let count = text.chars().count();
        let short = match part {
            Part::Same if index == 0 && count > kept => {
                let start = text.char_indices().nth_back(kept - 1).map_or(0, |(start, _)| start);
                format!("…{}", &text[start..])
            }
            Part::Same if index == last && count > kept => {
                format!("{}…", text.chars().take(kept).collect::<String>())
            }
            _ => short(&text, 4 * kept),
        };
        (part, short)
    };
    parts.into_iter().enumerate().map(shorten).collect()
}

/// Returns a text of which the middle is left out, and the number of characters said, where it is longer than this.
pub fn short(text: &str, characters: usize) -> String {
    shortened(text.to_owned(), characters / 2)
}

/// One line of two texts side by side.
pub enum Row {
    /// Both have it.
    Same(String),
    /// They differ; what only one of them has has nothing beside it.
    Changed(Option<Vec<(Part, String)>>, Option<Vec<(Part, String)>>),
    /// Lines that both have are left out.
    LeftOut,
}

/// Returns two values side by side, with what goes and what comes marked.
pub fn side_by_side(before: &Node, after: &Node) -> Vec<Row> {
    if let (Some(old), Some(new)) = (inline(before), inline(after)) {
        return vec![pair(&old, &new)];
    }
    let mut rows = Vec::new();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for line in lines(&block(before).join("\n"), &block(after).join("\n")) {
        match line {
            Some((Part::Old, text)) if new.is_empty() => old.push(text),
            Some((Part::New, text)) => new.push(text),
            other => {
                rows.extend(pairs(&mut old, &mut new));
                match other {
                    Some((Part::Same, text)) => rows.push(Row::Same(text)),
                    Some((_, text)) => old.push(text),
                    None => rows.push(Row::LeftOut),
                }
            }
        }
    }
    rows.extend(pairs(&mut old, &mut new));
    rows
}

/// Pairs lines that go with lines that come in their place.
fn pairs(old: &mut Vec<String>, new: &mut Vec<String>) -> Vec<Row> {
    let all = |part: Part, text: &String| Some(vec![(part, text.clone())]);
    let row = |index: usize| match (old.get(index), new.get(index)) {
        (Some(old), Some(new)) => pair(old, new),
        (old, new) => {
            Row::Changed(old.and_then(|text| all(Part::Old, text)), new.and_then(|text| all(Part::New, text)))
        }
    };
    let rows = (0..old.len().max(new.len())).map(row).collect();
    old.clear();
    new.clear();
    rows
}

/// Returns two lines side by side.
fn pair(old: &str, new: &str) -> Row {
    let parts = words(old, new);
    let without = |gone: Part| parts.iter().filter(|(part, _)| *part != gone).cloned().collect();
    Row::Changed(Some(without(Part::New)), Some(without(Part::Old)))
}

/// Returns what tells two values apart that look the same.
pub fn unseen_difference(before: &Node, after: &Node) -> Option<String> {
    if block(before) != block(after) && inline(before) != inline(after) {
        return None;
    }
    Some(match (before.kind(), after.kind()) {
        (old, new) if old != new => format!("{old} before, {new} after"),
        _ => "they differ in blank space or in the order of their keys".to_owned(),
    })
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
    // What goes is told by its name.
    let is_gone = change.kind == ChangeKind::Removed;
    let names_it = |highlight: &Highlight| {
        let path = highlight.steps.to_string();
        ["apiVersion", "kind", "metadata.name", "metadata.namespace"].contains(&path.as_str())
    };
    let is_told = |highlight: &Highlight| highlight.effect.is_risk() && highlight.effect != Effect::Restart;
    all.retain(|highlight| !is_gone && is_told(highlight) && !names_it(highlight));
    all.sort_by_key(|highlight| highlight.effect);
    all.truncate(HIGHLIGHTS);
    let more = total - all.len();
    (all, more)
}
