//! For programs: one object, described in docs/schemas/review.json.

use serde_json::{Value, json};

use super::{Cause, Failure, Folded, Origin, Review};
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
