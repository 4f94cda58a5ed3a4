//! Telling the same change once, however many environments and objects it is in.

use std::collections::HashMap;

use super::change::{Cause, Change, ChangeKind};
use super::compare::canonical;
use super::document::{Content, Object};
use super::effect::Effect;
use super::step::Steps;
use crate::yaml::{Node, Text};

/// A change, and everywhere that it happens.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The change, as it is at the first of the places.
    pub change: Change,
    /// Where it happens, the first place among them.
    pub places: Vec<Occurrence>,
}

/// One place where a change happens.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// The environment; nothing where it is of none.
    pub environment: Text,
    /// The component; nothing for what the whole environment has.
    pub component: Text,
    /// The object.
    pub object: Object,
    /// Which source lines made it there.
    pub cause: Cause,
}

impl Folded {
    /// Returns in how many places it happens.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Returns the component that it is in, or how many they are; nothing for what whole environments have.
    pub fn component(&self) -> Text {
        let mut components: Vec<&Text> = self.places.iter().map(|place| &place.component).collect();
        components.sort_unstable();
        components.dedup();
        match components.as_slice() {
            [component] => (*component).clone(),
            several => format!("{} components", several.len()).into(),
        }
    }

    /// Returns the environments that it is in, sorted, each once.
    pub fn environments(&self) -> Vec<Text> {
        let mut environments: Vec<Text> = self.places.iter().map(|place| place.environment.clone()).collect();
        environments.sort_unstable();
        environments.dedup();
        environments
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    component: Text,
    steps: Steps,
    kind: ChangeKind,
    effect: Effect,
    why: String,
    /// What changes, as text. Of whole objects, which: they carry the names of their environments.
    what: (String, String),
}

/// Folds changes that are the same, in the order of risk, component and path. No change is lost: the counts add up to the
/// number of changes.
pub fn fold(changes: Vec<Change>) -> Vec<Folded> {
    let mut folded: Vec<Folded> = Vec::new();
    let mut known: HashMap<Key, usize> = HashMap::new();
    for change in changes {
        let place = Occurrence {
            environment: change.environment.clone(),
            component: change.component.clone(),
            object: change.object.clone(),
            cause: change.cause.clone(),
        };
        let index = *known.entry(key(&change)).or_insert_with(|| {
            folded.push(Folded { change, places: Vec::new() });
            folded.len() - 1
        });
        folded[index].places.push(place);
    }
    folded.sort_by_cached_key(|folded| {
        let change = &folded.change;
        let whole = !change.is_whole();
        (change.effect, breadth(change), change.component.clone(), whole, change.environment.clone(), path(change))
    });
    folded
}

fn path(change: &Change) -> String {
    format!("{} {}", change.object, change.steps)
}

fn key(change: &Change) -> Key {
    let text = |node: &Option<Node>| node.as_ref().map(canonical).unwrap_or_default();
    let what = match change {
        change if change.is_whole() => (without(&change.object.to_string(), &change.environment), String::new()),
        // What a checksum is says nothing.
        change if change.is_checksum() && change.kind == ChangeKind::Changed => Default::default(),
        change => (text(&change.before), text(&change.after)),
    };
    let scope = match &change.content {
        Content::Values(_) => change.component.clone(),
        _ => change.object.kind.clone(),
    };
    // The same change of several components' objects is one, as with a setting of all Applications.
    let component = match &change.content {
        Content::Object if !change.is_whole() => scope,
        _ => format!("{}\n{scope}", change.component).into(),
    };
    Key {
        component,
        steps: change.steps.clone(),
        kind: change.kind,
        effect: change.effect,
        why: change.why.clone(),
        what,
    }
}

/// Returns the name of an object with that of its environment left out.
fn without(object: &str, environment: &str) -> String {
    if environment.is_empty() { object.to_owned() } else { object.replace(environment, "*") }
}

/// Returns how far a policy reaches, the widest first: 0 is everybody and everything. Other changes come as they are.
fn breadth(change: &Change) -> u8 {
    let row = change.after.as_ref().or(change.before.as_ref()).and_then(Node::as_text);
    let Some(fields) = row.and_then(|row| row.strip_prefix("p,")).filter(|_| change.effect == Effect::Access) else {
        return 0;
    };
    let is_lost = change.kind == ChangeKind::Removed;
    let (subject, object) = fields.split_once(',').unwrap_or((fields, ""));
    let width = match (subject, object.contains('*')) {
        ("*", true) => 0,
        ("*", false) => 1,
        (_, true) => 2,
        (_, false) => 3,
    };
    // What is lost cannot be misused; it comes after what is gained.
    if is_lost { width + 4 } else { width }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Place, Sources};
    use crate::review::{EFFECTS, Step};
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let text = |words: &'static [&'static str]| proptest::sample::select(words).prop_map(Text::from);
        let names = (text(&["dev", "prod", "test"]), text(&["dir", "spire"]), text(&["values", "Service"]));
        (names, text(&["a", "b"]), 0..3u8, 0..EFFECTS.len()).prop_map(
            |((environment, component, kind), value, what, effect)| {
                let node = |text: &Text| Node::new(Place::point(Sources::default().add("x", ""), 1, 1), text.clone());
                Change {
                    object: Object::file(&kind, &format!("{environment}-x")),
                    environment,
                    component,
                    content: Content::Object,
                    steps: Steps(if what == 0 { Vec::new() } else { vec![Step::Key(value.clone())] }),
                    kind: if what == 0 { ChangeKind::Added } else { ChangeKind::Changed },
                    effect: EFFECTS[effect],
                    why: String::new(),
                    before: (what > 0).then(|| node(&value)),
                    after: Some(node(&value)),
                    cause: Cause::default(),
                }
            },
        )
    }

    /// Everything that tells one change in one place from another; of whole objects, their content does not.
    fn told(change: &Change, environment: &Text, component: &Text, object: &Object) -> String {
        format!(
            "{environment} {component} {object} {} {:?} {:?} {:?}",
            change.steps,
            change.kind,
            change.effect,
            change.after.as_ref().filter(|_| !change.is_whole()).map(canonical)
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_change_is_lost_or_told_twice(changes in proptest::collection::vec(change(), 0..40)) {
            let mut before: Vec<String> =
                changes.iter().map(|change| told(change, &change.environment, &change.component, &change.object)).collect();
            let folded = fold(changes);
            let place = |folded: &Folded| {
                let change = folded.change.clone();
                folded.places.iter().map(|place| told(&change, &place.environment, &place.component, &place.object)).collect::<Vec<_>>()
            };
            let mut after: Vec<String> = folded.iter().flat_map(place).collect();
            before.sort();
            after.sort();
            prop_assert_eq!(before, after);
            prop_assert!(folded.is_sorted_by_key(|folded| folded.change.effect));
        }
    }
}
