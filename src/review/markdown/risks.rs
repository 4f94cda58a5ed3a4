//! What somebody must decide about: all of it, however little room there is.

use std::collections::{BTreeMap, BTreeSet};

use super::inline::{code, length, prose};
use super::{NAME, PATH};
use crate::review::present::{Part, cause, close_up, inline, place, plural, short, title, total, words};
use crate::review::{ChangeKind, Folded, Review, Step};
use crate::yaml::Text;

/// How much room risks may take with their values; the details below show these, too.
const WITH_VALUES: usize = 40_000;
/// How many characters are shown beside what changes in a value, and how many of a value that is new or gone.
const BESIDE: usize = 20;
const VALUE: usize = 120;
/// How many components are named where all else is left out.
const NAMED: usize = 5;

/// How an effect's risks are told, the most exact first. Only the last takes the same room however many they are.
const WAYS: [Way; 4] = [with_values, with_paths, by_pattern, in_a_line];
type Way = for<'a> fn(&'a [&'a Folded]) -> Lines<'a>;
type Lines<'a> = Box<dyn Iterator<Item = String> + 'a>;

/// Returns every risk by effect, in no more room than this where that is possible at all: the riskiest effects most
/// exactly. The counts add up whichever way they are told.
pub fn write(review: &Review, room: usize) -> String {
    let risks: Vec<&Folded> = review.changes.iter().filter(|folded| folded.change.effect.is_risk()).collect();
    let effects: Vec<&[&Folded]> = risks.chunk_by(|one, other| one.change.effect == other.change.effect).collect();
    if effects.is_empty() {
        return String::new();
    }
    let mut text = "### What somebody must decide about\n\n".to_owned();
    let least: Vec<usize> = effects.iter().map(|effect| length(&shortest(effect))).collect();
    for (index, effect) in effects.iter().enumerate() {
        let left = room.saturating_sub(length(&text) + least[index + 1..].iter().sum::<usize>());
        let with_values = left.min(WITH_VALUES.saturating_sub(length(&text)));
        let fitting = WAYS.iter().zip([with_values, left, left, left]).find_map(|(way, left)| told(effect, *way, left));
        text.push_str(&fitting.unwrap_or_else(|| shortest(effect)));
    }
    text
}

fn shortest(changes: &[&Folded]) -> String {
    told(changes, in_a_line, usize::MAX).unwrap_or_default()
}

/// Returns the risks of an effect told in a way, where they take no more room than this.
fn told(changes: &[&Folded], way: Way, room: usize) -> Option<String> {
    let effect = changes[0].change.effect.title();
    let mut text = format!("#### {effect}: {}\n\n", plural(total(changes.iter().copied()), "change"));
    let mut left = room.checked_sub(length(&text) + 1)?;
    for line in way(changes) {
        left = left.checked_sub(length(&line))?;
        text.push_str(&line);
    }
    text.push('\n');
    Some(text)
}

/// Two lines a change: with its values, and with its reason and cause.
fn with_values<'a>(changes: &'a [&'a Folded]) -> Lines<'a> {
    let line = |folded: &&Folded| {
        let cause = match cause(folded) {
            cause if cause.is_empty() => String::new(),
            cause => format!("; {}", code(&cause, PATH)),
        };
        let why = prose(&short(&folded.change.why, PATH));
        format!("{}{}\n  {why}{cause}\n", head(folded), values(folded))
    };
    Box::new(changes.iter().map(line))
}

/// One line a change: where it is.
fn with_paths<'a>(changes: &'a [&'a Folded]) -> Lines<'a> {
    Box::new(changes.iter().map(|folded| format!("{}\n", head(folded))))
}

fn head(folded: &Folded) -> String {
    let title = code(&title(&folded.environments(), &folded.component()), NAME);
    let times = if folded.count() > 1 { format!(" ({} times)", folded.count()) } else { String::new() };
    format!("- **{}** in {title}: {}{times}", folded.change.kind.word(), code(&place(folded), PATH))
}

/// Returns what a value was and is, where each has one line.
fn values(folded: &Folded) -> String {
    let change = &folded.change;
    let shown = |node: &Option<_>| node.as_ref().and_then(inline);
    match (shown(&change.before), shown(&change.after)) {
        (Some(old), Some(new)) => {
            let parts = close_up(words(&old, &new), BESIDE);
            let without = |gone: Part| {
                let kept = parts.iter().filter(|(part, _)| *part != gone).map(|(_, text)| text.as_str());
                code(&kept.collect::<String>(), VALUE)
            };
            format!(": {} → {}", without(Part::New), without(Part::Old))
        }
        (Some(value), None) | (None, Some(value)) if !change.is_whole() => format!(": {}", code(&value, VALUE)),
        _ => String::new(),
    }
}

/// One line for all changes whose paths differ only in the names of items.
fn by_pattern<'a>(changes: &'a [&'a Folded]) -> Lines<'a> {
    let mut groups: BTreeMap<(Text, Text, String, ChangeKind), Vec<&Folded>> = BTreeMap::new();
    for folded in changes {
        let change = &folded.change;
        let key = (folded.component(), change.object.kind.clone(), pattern(&change.steps.0), change.kind);
        groups.entry(key).or_default().push(folded);
    }
    let line = |((component, kind, pattern, change), changes): ((Text, Text, String, ChangeKind), Vec<&Folded>)| {
        let object = if pattern.is_empty() { kind.to_string() } else { format!("{kind}: {pattern}") };
        let component = if component.is_empty() { String::new() } else { format!(" of {}", code(&component, NAME)) };
        format!("- {}: {} {}{component}\n", spread(&changes), change.word(), code(&object, PATH))
    };
    Box::new(groups.into_iter().map(line))
}

/// Returns a path in which any item stands for all items of its list.
fn pattern(steps: &[Step]) -> String {
    let any = |step: &Step| match step {
        Step::Key(key) => format!(".{key}"),
        Step::Inside(format) => format!("({})", format.name()),
        Step::Item { .. } | Step::At { .. } | Step::Content => "[*]".to_owned(),
    };
    steps.iter().map(any).collect::<String>().trim_start_matches('.').to_owned()
}

/// One line for everything.
fn in_a_line<'a>(changes: &'a [&'a Folded]) -> Lines<'a> {
    let places = changes.iter().flat_map(|folded| &folded.places);
    let components: BTreeSet<&Text> = places.map(|place| &place.component).filter(|name| !name.is_empty()).collect();
    let named: Vec<String> = components.iter().take(NAMED).map(|component| code(component, NAME)).collect();
    let of = match (named.len(), components.len().saturating_sub(NAMED)) {
        (0, _) => String::new(),
        (_, 0) => format!(", of {}", named.join(", ")),
        (_, more) => format!(", of {} and {more} more components", named.join(", ")),
    };
    Box::new(std::iter::once(format!("- {}{of}\n", spread(changes))))
}

/// Returns how many changes in how many environments these are.
fn spread(changes: &[&Folded]) -> String {
    let places = changes.iter().flat_map(|folded| &folded.places);
    let environments: BTreeSet<&Text> =
        places.map(|place| &place.environment).filter(|name| !name.is_empty()).collect();
    let count = plural(total(changes.iter().copied()), "change");
    match environments.len() {
        0 => count,
        environments => format!("{count} in {}", plural(environments, "environment")),
    }
}
