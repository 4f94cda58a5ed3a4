//! For a comment on a pull request: GitHub's Markdown, of limited length.
//!
//! What somebody must know always stays: failures, the counts and every risk. Details are left out object by object where
//! they do not fit, and the comment says how many. Values may hold anything, so they stand in code spans and fences alone
//! (`inline`): nothing in them is a link, a mention or markup.

mod details;
mod inline;
mod risks;

use super::present::{counts, meaning, part, plural, short, summary};
use super::{Failure, Review};
use crate::diagnostic::escape;
use inline::{code, length, prose};

/// The first line of a comment: whoever posts it finds it by this, to update it.
const MARK: &str = "<!-- dirops-review -->";
/// The longest comment; GitHub takes 65,536.
const LIMIT: usize = 65_000;
/// What the end of a comment may take of that.
const END: usize = 1_000;
/// How many failures are told.
const FAILURES: usize = 10;
/// How many files that change nothing are named.
const FILES: usize = 10;
/// The longest message, path and name of a state that is shown, in characters.
const MESSAGE: usize = 300;
const PATH: usize = 160;
const NAME: usize = 80;

/// Returns the review as a comment of at most 65,000 characters, however they are counted.
pub(super) fn write(review: &Review) -> String {
    let mut text = format!("{MARK}\n## What changes from {} to {}\n\n", name(&review.before), name(&review.after));
    text.push_str(&failures(&review.failures));
    text.push_str(&format!("**{}**\n\n", prose(&summary(review))));
    text.push_str(&effects(review));
    let files = [
        files("Without effect on what is deployed", &review.without_effect),
        files("No configuration", &review.not_configuration),
    ]
    .concat();
    let room = |text: &str| LIMIT.saturating_sub(length(text) + length(&files) + END);
    text.push_str(&risks::write(review, room(&text)));
    let details = details::write(review, room(&text));
    text.push_str(&details.text);
    text.push_str(&files);
    text.push_str(&end(review, &details));
    text
}

fn name(state: &str) -> String {
    code(state, NAME)
}

/// Nobody must take a review for the whole where it is none: what is missing comes before everything else.
fn failures(failures: &[Failure]) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "> [!CAUTION]\n> **INCOMPLETE: {} could not be read or rendered.** What changes there is not known.\n>\n",
        plural(failures.len(), "part")
    );
    for failure in failures.iter().take(FAILURES) {
        let place = match &failure.place {
            Some(place) => format!(" ({})", code(place, PATH)),
            None => String::new(),
        };
        let message = prose(&short(&escape(&failure.message), MESSAGE));
        text.push_str(&format!("> - {}: {message}{place}\n", prose(&short(&part(failure), PATH))));
    }
    if failures.len() > FAILURES {
        text.push_str(&format!("> - and {} more\n", failures.len() - FAILURES));
    }
    text.push('\n');
    text
}

fn effects(review: &Review) -> String {
    let counts = counts(review);
    if counts.is_empty() {
        return String::new();
    }
    let mut text = String::from("| | effect | changes | what it is about |\n|---|---|---:|---|\n");
    for (effect, count) in counts {
        let (sign, title) = match effect.is_risk() {
            true => ("⚠️", format!("**{}**", effect.title())),
            false => ("", effect.title().to_owned()),
        };
        text.push_str(&format!("| {sign} | {title} | {count} | {} |\n", meaning(effect)));
    }
    text.push_str(&format!("| | all | {} | |\n\n", review.total()));
    text
}

fn files(what: &str, paths: &[String]) -> String {
    if paths.is_empty() {
        return String::new();
    }
    let named: Vec<String> = paths.iter().take(FILES).map(|path| code(path, PATH)).collect();
    let more = match paths.len().saturating_sub(FILES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{what} ({}): {}{more}\n\n", plural(paths.len(), "file"), named.join(", "))
}

/// Says how much is left out and where it is.
fn end(review: &Review, details: &details::Details) -> String {
    if details.changes == 0 {
        return String::new();
    }
    let command = format!("dirops diff {}--format html --out review.html", states(review));
    format!(
        "**Too long for a comment:** the details of {} in {} are left out here. They are in the review as HTML, which {} \
         writes; look for it among the files of the workflow's run.\n",
        plural(details.changes, "change"),
        plural(details.objects, "object"),
        code(&command, 3 * NAME),
    )
}

/// Returns the arguments that name the two states, where both are such that somebody could type them.
fn states(review: &Review) -> String {
    let is_word = |state: &str| {
        !state.is_empty()
            && state.len() <= NAME
            && !state.starts_with('-')
            && state.chars().all(|c| c.is_ascii_alphanumeric() || "._/~^-".contains(c))
    };
    match (is_word(&review.before), is_word(&review.after)) {
        (true, true) => format!("{} {} ", review.before, review.after),
        _ => String::new(),
    }
}
