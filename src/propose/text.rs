//! What commits and pull requests say.

use git2::Oid;

use super::Destination;
use crate::diagnostic::Diagnostic;
use crate::review::{self, Format, Range, Review};

/// How many names are spelled out.
const NAMES: usize = 4;

/// Returns a list of names in words.
pub(super) fn names(names: &[String], what: &str) -> String {
    match names {
        [] => format!("no {what}"),
        [name] => name.clone(),
        [start @ .., last] if names.len() <= NAMES => format!("{} and {last}", start.join(", ")),
        _ => format!("{} {what}", names.len()),
    }
}

/// Returns the review of what a commit changes in its base, in Markdown.
pub(super) fn review(
    destination: &Destination<'_>,
    base: Oid,
    head: Oid,
    is_environment_repository: bool,
    jobs: usize,
) -> Result<String, Diagnostic> {
    let repository = destination.repository();
    let base = repository.merge_base(base, head).unwrap_or(base);
    let request = review::Request {
        folder: repository.path().to_owned(),
        environment_repository: None,
        is_environment_repository,
        range: Range { base: Some(base.to_string()), head: Some(head.to_string()) },
        environments: Vec::new(),
        components: Vec::new(),
        jobs,
    };
    let mut found = review::review(&request)
        .map_err(|mut problems| problems.pop().unwrap_or_else(|| Diagnostic::new("the change cannot be reviewed")))?;
    Ok(written(&mut found, destination, head))
}

/// Returns a review of what a commit changes, in Markdown.
pub(super) fn written(review: &mut Review, destination: &Destination<'_>, head: Oid) -> String {
    destination.base().clone_into(&mut review.before);
    review.after = head.to_string()[..10].to_owned();
    review::write(review, Format::Markdown, false)
}

/// Returns a text that Markdown does not read anything into.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|' | '~' | '@') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
