//! Changes: what differs between two documents, what that does, and which source lines made it.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::compare::{Difference, canonical, compare, differing};
use super::document::{Content, Document, Object};
use super::effect::{Effect, Scope, effect_of, is_about_size};
use super::format::Format;
use super::secret::{hide, is_hidden};
use super::step::{Step, Steps};
use super::version;
use crate::chart::{Records, Why};
use crate::diagnostic::{Place, Sources};
use crate::yaml::{Node, Path, Step as PathStep, Text, Value};

/// One thing that a change of the configuration changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The environment; nothing where it is of none.
    pub environment: Text,
    /// The component; nothing for what the whole environment has.
    pub component: Text,
    /// The object; `values` for a component's Helm values.
    pub object: Object,
    /// What kind of content the object has.
    pub content: Content,
    /// Where it stands in the object; no step where the whole object is new or gone.
    pub steps: Steps,
    /// What happens to it.
    pub kind: ChangeKind,
    /// What that does to a running system.
    pub effect: Effect,
    /// Why, in a few words.
    pub why: String,
    /// What is there before; credentials are hidden.
    pub before: Option<Node>,
    /// What is there after; credentials are hidden.
    pub after: Option<Node>,
    /// Which source lines made it.
    pub cause: Cause,
}

/// What happens to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is something else.
    Changed,
    /// It has another name and is otherwise as it was.
    Renamed,
}

impl ChangeKind {
    /// Returns its name in JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Renamed => "renamed",
        }
    }
}

/// Which source lines made a change.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// The line that made what was there.
    pub before: Option<Origin>,
    /// The line that makes what is there.
    pub after: Option<Origin>,
}

/// A source line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to its tree.
    pub path: Arc<str>,
    /// The line, counted from 1.
    pub line: u32,
    /// The place of it.
    pub place: Place,
}

impl Origin {
    /// Returns the source line of a place.
    pub fn of(place: Place, sources: &Sources) -> Self {
        Self { path: sources.path(place.file), line: place.line, place }
    }

    /// Returns the layer that a file of a source repository is, for people.
    pub fn layer(&self) -> Option<String> {
        let parts: Vec<&str> = self.path.split('/').collect();
        Some(match parts.as_slice() {
            ["base", "environment.yaml"] | ["base", _, "values.yaml" | "manifests.yaml"] => "every environment".into(),
            ["base", component, "component.yaml"] => format!("component {component}"),
            ["base", _, "partners.yaml"] => "partners".into(),
            ["base", _, "profiles", file] => {
                let name = file.strip_suffix(".yaml").unwrap_or(file);
                format!("profile {}", name.strip_suffix(".manifests").unwrap_or(name))
            }
            ["overlays", folder, _] => format!("environment {folder}"),
            ["onboarding", ..] => "federation file".into(),
            _ => return None,
        })
    }
}

/// One side of a comparison of documents.
pub struct Documents<'a> {
    /// The documents.
    pub documents: Vec<Document>,
    /// The files that they come from.
    pub sources: &'a Sources,
    /// Where what is known of a chart is looked for, where a document does not carry it.
    pub records: Option<&'a Records<'a>>,
}

/// Returns what changes between two sets of documents of one environment.
pub fn changes(environment: &Text, before: Documents<'_>, after: Documents<'_>) -> Vec<Change> {
    let mut found = Vec::new();
    let (pairs, mut gone, mut new) = pair(before.documents, after.documents);
    let sources = (before.sources, after.sources);
    let records = (before.records, after.records);
    let mut of_component: BTreeMap<Text, Vec<Change>> = BTreeMap::new();
    for (old, current) in pairs {
        let changes = document(environment, &old, &current, sources, records);
        of_component.entry(current.component.clone()).or_default().extend(changes);
    }
    for (component, mut changes) in of_component {
        settle_restarts(&component, &mut changes);
        found.extend(changes);
    }
    found.extend(renamed(environment, &mut gone, &mut new, sources));
    found.extend(gone.iter().map(|document| whole(environment, document, ChangeKind::Removed, sources.0)));
    found.extend(new.iter().map(|document| whole(environment, document, ChangeKind::Added, sources.1)));
    found
}

type Key = (Text, Object, usize);

/// Pairs documents that are about the same object. Of several about one, the first goes with the first.
fn pair(before: Vec<Document>, after: Vec<Document>) -> (Vec<(Document, Document)>, Vec<Document>, Vec<Document>) {
    let mut waiting: BTreeMap<Key, Document> = keyed(after).collect();
    let (mut pairs, mut gone) = (Vec::new(), Vec::new());
    for (key, document) in keyed(before) {
        match waiting.remove(&key) {
            Some(other) => pairs.push((document, other)),
            None => gone.push(document),
        }
    }
    (pairs, gone, waiting.into_values().collect())
}

fn keyed(documents: Vec<Document>) -> impl Iterator<Item = (Key, Document)> {
    let mut counts: HashMap<(Text, Object), usize> = HashMap::new();
    documents.into_iter().map(move |document| {
        let count = counts.entry((document.component.clone(), document.object.clone())).or_default();
        *count += 1;
        ((document.component.clone(), document.object.clone(), *count), document)
    })
}

/// Returns what changes in one document.
fn document(
    environment: &Text,
    before: &Document,
    after: &Document,
    sources: (&Sources, &Sources),
    records: (Option<&Records<'_>>, Option<&Records<'_>>),
) -> Vec<Change> {
    let Some((old, new)) = differing(&before.root, &after.root) else {
        return Vec::new();
    };
    let roots = (hide(&old, &before.known.credentials), hide(&new, &after.known.credentials));
    let unread = |document, root, records| LazyCell::new(move || Unread::of(document, root, records));
    let reach = (unread(before, &old, records.0), unread(after, &new, records.1));
    let differences = compare(&roots.0, &roots.1, &after.known.list_keys);
    let change = |difference: Difference| {
        let Difference { steps, before: old, after: new } = difference;
        let kind = match (&old, &new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        let cause = Cause {
            before: old.as_ref().map(|(node, key)| Origin::of(nearest(node, *key), sources.0)),
            after: new.as_ref().map(|(node, key)| Origin::of(nearest(node, *key), sources.1)),
        };
        let (old, new) = (old.map(|(node, _)| node), new.map(|(node, _)| node));
        let reaches_nothing = match kind {
            ChangeKind::Removed => reach.0.covers(&steps),
            _ => reach.1.covers(&steps),
        };
        let (effect, why) = match reaches_nothing {
            true => (Effect::ReachesNothing, "the chart does not read it".to_owned()),
            false => judge(after, &steps, kind, (old.as_ref(), new.as_ref())),
        };
        Change {
            environment: environment.clone(),
            component: after.component.clone(),
            object: after.object.clone(),
            content: after.content.clone(),
            steps,
            kind,
            effect,
            why,
            before: old,
            after: new,
            cause,
        }
    };
    differences.into_iter().map(change).collect()
}

/// Returns the place to name for a value: its key's, where that is just before it.
fn nearest(node: &Node, key: Place) -> Place {
    let is_beside = key.file == node.place.file && key.line <= node.place.line && node.place.line - key.line <= 1;
    if is_beside { key } else { node.place }
}

/// The values of a document that its chart does not read.
struct Unread(Vec<Vec<Text>>);

impl Unread {
    /// `root` is what of the document's values to look at.
    fn of(document: &Document, root: &Node, records: Option<&Records<'_>>) -> Self {
        let mut paths = Vec::new();
        let known = document.known.record.clone();
        let record = known.or_else(|| match &document.content {
            Content::Values(chart) => records?.find(chart, &document.known.version),
            _ => None,
        });
        if let (Some(record), Some(values)) = (record, root.as_map()) {
            record.judge(values, &mut |unknown| {
                if matches!(unknown.why, Why::NotRead(_)) {
                    paths.push(unknown.path.clone());
                }
            });
        }
        Self(paths)
    }

    fn covers(&self, steps: &Steps) -> bool {
        let starts = |path: &Vec<Text>| {
            path.len() <= steps.0.len()
                && path.iter().zip(&steps.0).all(|(key, step)| matches!(step, Step::Key(other) if other == key))
        };
        self.0.iter().any(starts)
    }
}

/// Returns what a change does and why: what the table says, and what only the values tell.
fn judge(
    document: &Document,
    steps: &Steps,
    kind: ChangeKind,
    values: (Option<&Node>, Option<&Node>),
) -> (Effect, String) {
    let (effect, why) = effect_of(document.scope(), steps);
    // Since this version, the chart dir has a checksum of its configuration on the apiserver's pods.
    if effect == Effect::LateRestart
        && version::is_at_least(&document.known.version, [1, 7, 0])
        && steps.keys().take(2).map(|key| &**key).eq(["apiserver", "config"])
    {
        return (Effect::Restart, "the configuration that pods read; the chart's checksum of it restarts them".into());
    }
    if is_about_size(why)
        && let (Some(before), Some(after)) = values
        && version::grows(before, after)
    {
        return (Effect::Other, "the volume grows, where its storage class lets it".into());
    }
    let is_credential = [values.0, values.1].into_iter().flatten().any(is_hidden);
    if is_credential && effect > Effect::SecretSource {
        return (Effect::SecretSource, "a credential that is written out".into());
    }
    let last = steps.0.last();
    let is_item = matches!(last, Some(Step::Item { .. } | Step::Content | Step::At { .. }));
    let text = match (effect, kind) {
        (Effect::Identity, ChangeKind::Added) if is_item && is_trust(steps) => "a partner is gained".to_owned(),
        (Effect::Identity, ChangeKind::Removed) if is_item && is_trust(steps) => "a partner is lost".to_owned(),
        (Effect::Access, ChangeKind::Added) if is_policy(steps) => format!("a policy is gained: {why}"),
        (Effect::Access, ChangeKind::Removed) if is_policy(steps) => format!("a policy is lost: {why}"),
        (Effect::Version, ChangeKind::Changed) => match values {
            (Some(before), Some(after)) => version::jump(before, after).unwrap_or_else(|| why.to_owned()),
            _ => why.to_owned(),
        },
        _ => why.to_owned(),
    };
    (effect, text)
}

/// Returns whether a path leads to whom an environment federates with.
fn is_trust(steps: &Steps) -> bool {
    steps.keys().last().is_some_and(|key| matches!(&**key, "federation" | "federatesWith" | "trustDomains"))
}

/// Returns whether a path leads to a row of a policy.
fn is_policy(steps: &Steps) -> bool {
    steps.0.iter().any(|step| matches!(step, Step::Inside(Format::Policies)))
}

/// Where something restarts the pods whenever their configuration changes, a change of the configuration is a restart.
fn settle_restarts(component: &str, changes: &mut [Change]) {
    if component.is_empty() || !changes.iter().any(Change::is_checksum) {
        return;
    }
    for change in changes.iter_mut().filter(|change| matches!(change.content, Content::Values(_))) {
        if change.effect == Effect::LateRestart {
            change.effect = Effect::Restart;
            change.why = "the configuration that pods read; its checksum changes, too, and restarts them".into();
        }
    }
}

/// Takes out of both lists what has another name and is otherwise the same.
fn renamed(
    environment: &Text,
    gone: &mut Vec<Document>,
    new: &mut Vec<Document>,
    sources: (&Sources, &Sources),
) -> Vec<Change> {
    let content = |document: &Document| {
        let mut root = document.root.clone();
        if let Some(metadata) = root.as_map_mut().and_then(|map| map.get_mut("metadata"))
            && let Some(metadata) = metadata.node.as_map_mut()
        {
            metadata.shift_remove("name");
        }
        (document.component.clone(), document.object.kind.clone(), canonical(&root))
    };
    let is_object = |document: &Document| document.content == Content::Object && !document.object.name.is_empty();
    let mut waiting: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, document) in new.iter().enumerate().rev().filter(|(_, document)| is_object(document)) {
        waiting.entry(content(document)).or_default().push(index);
    }
    let mut found = Vec::new();
    let mut taken = Vec::new();
    gone.retain(|document| {
        let partner = match is_object(document) {
            true => waiting.get_mut(&content(document)).and_then(Vec::pop),
            false => None,
        };
        let Some(index) = partner else { return true };
        found.push(rename(environment, document, &new[index], sources));
        taken.push(index);
        false
    });
    let mut index = 0;
    new.retain(|_| {
        index += 1;
        !taken.contains(&(index - 1))
    });
    found
}

fn rename(environment: &Text, before: &Document, after: &Document, sources: (&Sources, &Sources)) -> Change {
    let name = |document: &Document| {
        let path = Path(vec![PathStep::Key("metadata".into()), PathStep::Key("name".into())]);
        path.find(&document.root).cloned()
    };
    let effect = match before.object.kind.as_ref() {
        "Application" => {
            (Effect::DataLoss, "Argo CD removes the one and makes the other: volumes are made anew, empty")
        }
        "PersistentVolumeClaim" | "Namespace" => (Effect::DataLoss, "it is made anew, empty"),
        _ => (Effect::Restart, "the one is removed and the other made"),
    };
    Change {
        environment: environment.clone(),
        component: after.component.clone(),
        object: after.object.clone(),
        content: after.content.clone(),
        steps: Steps(vec![Step::Key("metadata".into()), Step::Key("name".into())]),
        kind: ChangeKind::Renamed,
        effect: effect.0,
        why: effect.1.into(),
        before: name(before),
        after: name(after),
        cause: Cause {
            before: Some(Origin::of(before.root.place, sources.0)),
            after: Some(Origin::of(after.root.place, sources.1)),
        },
    }
}

/// Returns the change that a document is new or gone as a whole.
fn whole(environment: &Text, document: &Document, kind: ChangeKind, sources: &Sources) -> Change {
    let root = hide(&document.root, &document.known.credentials);
    let (effect, why) = whole_effect(document, &root, kind);
    let origin = Some(Origin::of(root.place, sources));
    let (before, after, cause) = match kind {
        ChangeKind::Removed => (Some(root), None, Cause { before: origin, after: None }),
        _ => (None, Some(root), Cause { before: None, after: origin }),
    };
    Change {
        environment: environment.clone(),
        component: document.component.clone(),
        object: document.object.clone(),
        content: document.content.clone(),
        steps: Steps::default(),
        kind,
        effect,
        why,
        before,
        after,
        cause,
    }
}

fn whole_effect(document: &Document, root: &Node, kind: ChangeKind) -> (Effect, String) {
    let is_gone = kind == ChangeKind::Removed;
    let said = match (&document.content, &*document.object.kind) {
        (Content::Federation, _) if is_gone => Some((Effect::Identity, "a partner is lost")),
        (Content::Federation, _) => Some((Effect::Identity, "a partner is gained")),
        (_, "ClusterFederatedTrustDomain") if is_gone => Some((Effect::Identity, "a partner is lost")),
        (_, "ClusterFederatedTrustDomain") => Some((Effect::Identity, "a partner is gained")),
        (_, "Application") if is_gone && document.component.is_empty() => Some((
            Effect::DataLoss,
            "what it brings to Argo CD is removed with it: Applications, and what they deployed",
        )),
        (_, "Application") if document.component.is_empty() => {
            Some((Effect::Other, "what Argo CD finds in its folder is deployed"))
        }
        (_, "Application") if is_gone => {
            Some((Effect::DataLoss, "the component is removed, and what it deployed with it, volumes among it"))
        }
        (_, "Application") => Some((Effect::Other, "a component is deployed that was not there")),
        (_, "AppProject" | "ApplicationSet") if is_gone => {
            Some((Effect::DataLoss, "what it stands for is removed with it"))
        }
        (Content::Values(_), _) if is_gone => {
            Some((Effect::DataLoss, "the component is removed, and its settings with it"))
        }
        (Content::Object, _) => match effect_of(document.scope(), &Steps::default()) {
            (Effect::Other, _) => None,
            known => Some(known),
        },
        _ => None,
    };
    said.map_or_else(|| riskiest(document.scope(), root), |(effect, why)| (effect, why.to_owned()))
}

/// Returns the riskiest of what the leaves of a whole document do.
fn riskiest(scope: Scope<'_>, root: &Node) -> (Effect, String) {
    let leaves = highlights(scope, root);
    let first = leaves.into_iter().min_by_key(|highlight| highlight.effect);
    first.map_or((Effect::Other, "what it does is not known".to_owned()), |highlight| {
        (highlight.effect, format!("with it: {}", highlight.why))
    })
}

/// Returns a value as it is, and the rows of a policy one by one.
fn rows(steps: Steps, leaf: &Node) -> Vec<(Steps, Node)> {
    let rows = Format::Policies.read(leaf);
    match rows.as_ref().and_then(Node::as_list).filter(|rows| !rows.is_empty()) {
        Some(rows) => {
            let row = |row: &Node| {
                let below = [Step::Inside(Format::Policies), Step::Content];
                (Steps(steps.0.iter().cloned().chain(below).collect()), row.clone())
            };
            rows.iter().map(row).collect()
        }
        None => vec![(steps, leaf.clone())],
    }
}

/// Something in a whole document that somebody must decide about.
#[derive(Clone, Debug)]
pub struct Highlight {
    /// Where it stands.
    pub steps: Steps,
    /// What it is.
    pub value: Node,
    /// What it does.
    pub effect: Effect,
    /// Why.
    pub why: &'static str,
}

/// Returns what the leaves of a document do, in their order.
pub fn highlights(scope: Scope<'_>, root: &Node) -> Vec<Highlight> {
    let mut found = Vec::new();
    Path::leaves(root, &mut |path, leaf| {
        if matches!(leaf.value, Value::Null) || leaf.is_empty_collection() {
            return;
        }
        let step = |step: &PathStep| match step {
            PathStep::Key(key) => Step::Key(key.clone()),
            PathStep::Item(index) => Step::At { before: Some(*index), after: Some(*index) },
        };
        let steps = Steps(path.0.iter().map(step).collect());
        let (effect, why) = effect_of(scope, &steps);
        for (steps, value) in rows(steps, leaf) {
            found.push(Highlight { steps, value, effect, why });
        }
    });
    found
}

impl Change {
    /// Returns what the table of effects goes by.
    pub fn scope(&self) -> Scope<'_> {
        self.content.scope(&self.object)
    }

    /// Returns whether it is that of a checksum of the configuration, which restarts pods when that changes.
    pub fn is_checksum(&self) -> bool {
        let in_step = |step: &Step| match step {
            Step::Key(key) => key.to_ascii_lowercase().contains("checksum"),
            Step::Item { value, .. } => value.to_ascii_lowercase().contains("checksum"),
            _ => false,
        };
        matches!(self.content, Content::Values(_)) && self.steps.0.iter().any(in_step)
    }

    /// Returns whether the whole object is new or gone.
    pub fn is_whole(&self) -> bool {
        self.steps.0.is_empty() && self.kind != ChangeKind::Changed
    }
}
