//! Finding the source line behind an expression.
//!
//! A value that an expression makes has the expression's place, and that line may be the same on both sides: then the
//! cause is a fact that the expression is made from, such as a partner's federation file or the environment's domain.

use super::change::{Cause, Change, ChangeKind, Origin};
use super::fold::{Folded, Occurrence};
use super::step::{Step, Steps};
use crate::deployment;
use crate::diagnostic::Place;
use crate::workspace::{Environment, Workspace};
use crate::yaml::Node;

/// In how many places of a change its cause is looked for: each takes as long as rendering a component.
const PLACES: usize = 20;

/// Names what really made a change, where the line that it has is the same on both sides.
pub fn refine(folded: &mut Folded, old: Option<&Workspace<'_>>, new: Option<&Workspace<'_>>) {
    let change = &folded.change;
    if change.component.is_empty() || change.is_whole() {
        return;
    }
    for place in folded.places.iter_mut().take(PLACES) {
        if let Some(cause) = refined(change, place, old, new) {
            place.cause = cause;
        }
    }
    if let Some(first) = folded.places.first() {
        folded.change.cause = first.cause.clone();
    }
}

fn refined(
    change: &Change,
    place: &Occurrence,
    old: Option<&Workspace<'_>>,
    new: Option<&Workspace<'_>>,
) -> Option<Cause> {
    if !is_unchanged(&place.cause, old, new) {
        return None;
    }
    let sides = (Side::of(old, &place.environment), Side::of(new, &place.environment));
    let found = match partner(&change.steps, change.after.as_ref().or(change.before.as_ref())) {
        Some(partner) => (
            sides.0.as_ref().and_then(|side| side.trust(&partner, sides.1.as_ref())),
            sides.1.as_ref().and_then(|side| side.trust(&partner, sides.0.as_ref())),
        ),
        None => facts(&change.component, &change.steps, &sides),
    };
    let mut cause = place.cause.clone();
    if let Some(place) = found.0.filter(|_| change.kind != ChangeKind::Added)
        && let Some(workspace) = old
    {
        cause.before = Some(Origin::of(place, workspace.sources()));
    }
    if let Some(place) = found.1.filter(|_| change.kind != ChangeKind::Removed)
        && let Some(workspace) = new
    {
        cause.after = Some(Origin::of(place, workspace.sources()));
    }
    Some(cause)
}

/// Returns whether the lines that a change names say the same on both sides, or hold an expression.
fn is_unchanged(cause: &Cause, old: Option<&Workspace<'_>>, new: Option<&Workspace<'_>>) -> bool {
    let line = |origin: &Option<Origin>, workspace: Option<&Workspace<'_>>| {
        origin.as_ref().and_then(|origin| workspace?.sources().line(origin.place))
    };
    let lines = (line(&cause.before, old), line(&cause.after, new));
    match &lines {
        (Some(before), Some(after)) => before == after,
        (Some(line), None) | (None, Some(line)) => line.contains("${{"),
        (None, None) => false,
    }
}

struct Side<'a> {
    workspace: &'a Workspace<'a>,
    environment: &'a Environment,
}

impl<'a> Side<'a> {
    fn of(workspace: Option<&'a Workspace<'a>>, environment: &str) -> Option<Self> {
        let workspace = workspace?;
        Some(Self { workspace, environment: workspace.environment(environment).ok()? })
    }

    /// Returns where it says that a partner is trusted, and with what: the federation file, or what the environment says
    /// where the file is on the other side, too.
    fn trust(&self, partner: &Partner, other: Option<&Side<'_>>) -> Option<Place> {
        let federation = &self.environment.federation;
        if *partner.trust_domain == *self.environment.trust_domain.as_str() || partner.trust_domain == "*" {
            let policies = &self.environment.policies;
            let methods = if partner.trust_domain == "*" { &policies.anyone } else { &policies.own };
            let method = methods.iter().find(|method| Some(&*method.value) == partner.method.as_deref());
            return method.map(|method| method.place);
        }
        let file = self.federation_file(&partner.trust_domain)?;
        if other.is_some_and(|other| other.federation_file(&partner.trust_domain).is_none()) {
            return Some(file.place);
        }
        let Some(method) = &partner.method else {
            return Some(file.place);
        };
        let grants = &federation.grants;
        let grant = grants.get(&*partner.trust_domain).or_else(|| grants.get("default"))?;
        let named = grant.methods.iter().find(|named| *named.value == **method);
        Some(named.map_or(grant.place, |named| named.place))
    }

    fn federation_file(&self, trust_domain: &str) -> Option<&Node> {
        let registry = self.workspace.registry_of(self.environment)?;
        let file = registry.files.iter().find(|file| file.text("trustDomain") == Some(trust_domain))?;
        file.get("trustDomain")
    }
}

/// Whom a change is about.
struct Partner {
    trust_domain: String,
    method: Option<String>,
}

/// Returns the partner that a change is about, if it is about one.
fn partner(steps: &Steps, value: Option<&Node>) -> Option<Partner> {
    let of_item = steps.0.iter().find_map(|step| match step {
        Step::Item { key, value } if &**key == "trustDomain" => Some(value.to_string()),
        _ => None,
    });
    if let Some(trust_domain) = of_item {
        return Some(Partner { trust_domain, method: None });
    }
    let text = value?.as_text()?;
    if let Some((subject, method)) = text.strip_prefix("p,").and_then(|row| row.split_once(',')) {
        return Some(Partner { trust_domain: subject.to_owned(), method: Some(method.to_owned()) });
    }
    let is_list_of_partners = steps.keys().last().is_some_and(|key| &**key == "federatesWith");
    is_list_of_partners.then(|| Partner { trust_domain: text.to_owned(), method: None })
}

/// Returns the facts behind a value that are not the same on both sides.
fn facts(
    component: &str,
    steps: &Steps,
    sides: &(Option<Side<'_>>, Option<Side<'_>>),
) -> (Option<Place>, Option<Place>) {
    // Below a text, or an item that only its content tells, layers know nothing.
    let known = steps.0.iter().take_while(|step| matches!(step, Step::Key(_) | Step::Item { .. }));
    let path = Steps(known.cloned().collect()).to_string();
    let facts = |side: &Option<Side<'_>>| {
        let side = side.as_ref()?;
        let explained = deployment::explain(side.workspace, side.environment, component, &path).ok()?;
        let made_from = explained.into_iter().next()?.settings.into_iter().next()?.made_from;
        Some(
            made_from
                .into_iter()
                .map(|(name, place)| {
                    let line = side.workspace.sources().line(place);
                    (name, place, line)
                })
                .collect::<Vec<_>>(),
        )
    };
    let (old, new) = (facts(&sides.0).unwrap_or_default(), facts(&sides.1).unwrap_or_default());
    let differs = |(name, _, line): &&(String, Place, Option<String>), others: &[(String, Place, Option<String>)]| {
        !others.iter().any(|(other, _, there)| other == name && there == line)
    };
    let before = old.iter().find(|fact| differs(fact, &new)).map(|(_, place, _)| *place);
    let after = new.iter().find(|fact| differs(fact, &old)).map(|(_, place, _)| *place);
    (before, after)
}
