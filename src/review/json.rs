//! For programs: one object, described in docs/schemas/review.json.

use serde_json::{Value, json};

use super::{Cause, EFFECTS, Failure, Folded, Origin, Review};
use crate::yaml::Node;

pub(super) fn write(review: &Review) -> String {
    let object = json!({
        "version": 1,
        "complete": review.is_complete(),
        "before": review.before,
        "after": review.after,
        "total": review.total(),
        "changes": review.changes.iter().map(change).collect::<Vec<_>>(),
        "failures": review.failures.iter().map(failure).collect::<Vec<_>>(),
        "added": review.added.iter().map(|name| &**name).collect::<Vec<_>>(),
        "removed": review.removed.iter().map(|name| &**name).collect::<Vec<_>>(),
        "withoutEffect": review.without_effect,
        "notConfiguration": review.not_configuration,
    });
    // What is made of texts, numbers and maps always has a spelling in JSON.
    let mut text = serde_json::to_string_pretty(&object).unwrap_or_default();
    text.push('\n');
    text
}

fn change(folded: &Folded) -> Value {
    let change = &folded.change;
    let place = |place: &super::Occurrence| {
        json!({
            "environment": &*place.environment,
            "component": &*place.component,
            "object": place.object.to_string(),
            "cause": cause(&place.cause),
        })
    };
    json!({
        "environment": &*change.environment,
        "component": &*change.component,
        "object": change.object.to_string(),
        "path": change.steps.to_string(),
        "change": change.kind.word(),
        "effect": change.effect.code(),
        "why": change.why,
        "before": change.before.as_ref().map(value),
        "after": change.after.as_ref().map(value),
        "cause": cause(&change.cause),
        "count": folded.count(),
        "places": folded.places.iter().map(place).collect::<Vec<_>>(),
    })
}

fn value(node: &Node) -> Value {
    serde_json::to_value(node).unwrap_or_default()
}

fn cause(cause: &Cause) -> Value {
    json!({"before": cause.before.as_ref().map(origin), "after": cause.after.as_ref().map(origin)})
}

fn origin(origin: &Origin) -> Value {
    json!({"path": &*origin.path, "line": origin.line, "layer": origin.layer()})
}

fn failure(failure: &Failure) -> Value {
    json!({
        "side": failure.which.word(),
        "environment": failure.environment,
        "message": failure.message,
        "place": failure.place,
    })
}

/// Returns the schema of what is written, as JSON Schema 2020-12.
pub fn schema() -> Value {
    let text = |description: &str| json!({"description": description, "type": "string"});
    let one_of = |description: &str, words: &[&str]| json!({"description": description, "enum": words});
    let count = |description: &str| json!({"description": description, "type": "integer", "minimum": 0});
    let list = |description: &str, items: Value| json!({"description": description, "type": "array", "items": items});
    let any = |description: &str| json!({"description": description});
    let effects: Vec<&str> = EFFECTS.iter().map(|effect| effect.code()).collect();
    let origin = json!({"oneOf": [{"type": "null"}, object(&json!({
        "path": text("the file, relative to its repository"),
        "line": json!({"description": "the line, counted from 1", "type": "integer", "minimum": 1}),
        "layer": json!({"description": "the layer of a source repository", "type": ["string", "null"]}),
    }))]});
    let cause = object(&json!({"before": origin, "after": origin}));
    let place = json!({
        "environment": text("the environment; empty where it is of none"),
        "component": text("the component; empty for what the whole environment has"),
        "object": text("the object; `values` for a component's Helm values"),
        "cause": cause,
    });
    let mut change = place.clone();
    let more = json!({
        "path": text("where in the object; empty where the whole object is new or gone"),
        "change": one_of("what happens to it", &["added", "removed", "changed", "renamed"]),
        "effect": one_of("what that does to a running system", &effects),
        "why": text("why, in a few words"),
        "before": any("what is there before, null where nothing is; credentials are hidden"),
        "after": any("what is there after"),
        "count": count("in how many places it happens"),
        "places": list("where it happens, each place once; the first is that of the change", object(&place)),
    });
    if let (Some(change), Some(more)) = (change.as_object_mut(), more.as_object()) {
        change.extend(more.clone());
    }
    let failure = object(&json!({
        "side": one_of("on which side", &["before", "after"]),
        "environment": text("in which environment; empty where it is not of one alone"),
        "message": text("what is wrong"),
        "place": json!({"description": "where, as path:line:column", "type": ["string", "null"]}),
    }));
    object(&json!({
        "version": json!({"description": "the version of this format", "const": 1}),
        "complete": json!({"description": "whether everything could be compared", "type": "boolean"}),
        "before": text("what the first side is called"),
        "after": text("what the second side is called"),
        "total": count("how many changes there are: the sum of all counts"),
        "changes": list("what changes, the riskiest first", object(&change)),
        "failures": list("what could not be read or rendered, and so was not compared", failure),
        "added": list("the environments that only the second side has", json!({"type": "string"})),
        "removed": list("the environments that only the first side has", json!({"type": "string"})),
        "withoutEffect": list("files that differ and change nothing that is deployed", json!({"type": "string"})),
        "notConfiguration": list("files that differ and are no configuration", json!({"type": "string"})),
    }))
}

/// Returns the schema of an object that has all of these properties and no others.
fn object(properties: &Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    json!({"type": "object", "additionalProperties": false, "required": names, "properties": properties})
}
