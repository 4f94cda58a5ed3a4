//! For people in a browser: one file with everything, that loads nothing and can be read without its script.
//!
//! The page's policy allows its own style sheet and script by their digests and nothing else, so that even a value that
//! was not escaped could not run.

mod changes;
mod federation;
mod graph;

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::present::{Block, blocks, counts, meaning, part, plural, short, summary};
use super::{Effect, Review};
use crate::diagnostic::escape;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// From how many rows on a table is folded.
const ROWS: usize = 60;
/// How many parts of an environment its row links to.
const LINKS: usize = 8;
/// How many characters of a name and of a message are shown.
const NAME: usize = 100;
const MESSAGE: usize = 2_000;
/// How many files that change nothing are named.
const FILES: usize = 1_000;

/// Returns the review as a page.
pub(super) fn write(review: &Review) -> String {
    let blocks = blocks(review);
    let title = format!("What changes from {} to {}", short(&review.before, NAME), short(&review.after, NAME));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#changes\">Skip to the changes</a>\n",
        digest(STYLE),
        digest(SCRIPT),
        shown(&title),
    );
    header(&mut page, review, &blocks);
    page.push_str("<main>\n");
    failures(&mut page, review);
    effects(&mut page, review);
    environments(&mut page, review, &blocks);
    federation::write(&mut page, review);
    changes::write(&mut page, review, &blocks);
    files(&mut page, "without-effect", "Files without effect on what is deployed", &review.without_effect);
    files(&mut page, "no-configuration", "Files that are no configuration", &review.not_configuration);
    page.push_str("</main>\n");
    let _ = write!(page, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

/// Returns the source that a policy names an inline text by.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// Returns a text as HTML, also in an attribute in quotes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Returns a text in one line as HTML, with what would not be seen made visible.
fn shown(text: &str) -> String {
    escaped(&escape(text))
}

/// Returns the name of an environment, a component or a trust domain as HTML, without the middle of a very long one.
fn name(text: &str) -> String {
    shown(&short(text, NAME))
}

fn header(page: &mut String, review: &Review, blocks: &[Block<'_>]) {
    let class = if review.is_complete() { "summary" } else { "summary incomplete" };
    let _ = write!(
        page,
        "<header>\n<h1>What changes from <code>{}</code> to <code>{}</code></h1>\n<p class=\"{class}\">{}</p>\n\
         <nav aria-label=\"Sections\"><ul>",
        name(&review.before),
        name(&review.after),
        shown(&summary(review)),
    );
    let sections = [
        (!review.is_complete(), "failures", "What was not compared"),
        (!review.changes.is_empty(), "effects", "Effects"),
        (has_environments(blocks), "environments", "Environments"),
        (federation::is_told(review), "federation", "Federation"),
        (true, "changes", "Changes"),
    ];
    for (_, id, title) in sections.into_iter().filter(|(is_there, ..)| *is_there) {
        let _ = write!(page, "<li><a href=\"#{id}\">{title}</a></li>");
    }
    page.push_str("</ul></nav>\n</header>\n");
}

fn failures(page: &mut String, review: &Review) {
    if review.is_complete() {
        return;
    }
    let _ = write!(
        page,
        "<section id=\"failures\" class=\"failures\" aria-labelledby=\"failures-title\">\n\
         <h2 id=\"failures-title\"><span aria-hidden=\"true\">✖ </span>Incomplete: {} could not be read or rendered</h2>\n\
         <p>What changes there is not known. Mend these first.</p>\n<ul>\n",
        plural(review.failures.len(), "part")
    );
    for failure in &review.failures {
        let place = match &failure.place {
            Some(place) => format!(" <code>{}</code>", shown(place)),
            None => String::new(),
        };
        let _ = writeln!(
            page,
            "<li><b>{}:</b> {}{place}</li>",
            name(&part(failure)),
            shown(&short(&failure.message, MESSAGE))
        );
    }
    page.push_str("</ul>\n</section>\n");
}

/// Returns the sign of what somebody must decide about: colour alone would not be seen by all.
fn mark(effect: Effect) -> &'static str {
    if effect.is_risk() { "<span class=\"risk\" aria-label=\"risk:\" role=\"img\">▲</span>\u{a0}" } else { "" }
}

fn effects(page: &mut String, review: &Review) {
    let counts = counts(review);
    if counts.is_empty() {
        return;
    }
    page.push_str(
        "<section id=\"effects\" aria-labelledby=\"effects-title\">\n<h2 id=\"effects-title\">Effects</h2>\n<table>\n\
         <caption>Changes by what they do to a running system, the riskiest first; ▲ marks what somebody must decide \
         about</caption>\n<thead><tr><th scope=\"col\">Effect</th><th scope=\"col\" class=\"n\">Changes</th>\
         <th scope=\"col\">What it is about</th></tr></thead>\n<tbody>\n",
    );
    for (effect, count) in counts {
        let (mark, title) = (mark(effect), effect.title());
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{mark}{title}</th><td class=\"n\">{count}</td><td>{}</td></tr>",
            meaning(effect)
        );
    }
    let _ = write!(
        page,
        "</tbody>\n<tfoot><tr><th scope=\"row\">all</th><td class=\"n\">{}</td><td></td></tr></tfoot>\n</table>\n\
         </section>\n",
        review.total()
    );
}

/// One row of the table of environments.
#[derive(Default)]
struct Row<'a> {
    counts: BTreeMap<Effect, usize>,
    /// The blocks that the environment is in, with their numbers.
    blocks: Vec<(usize, &'a Block<'a>)>,
}

fn has_environments(blocks: &[Block<'_>]) -> bool {
    blocks.iter().flat_map(|block| &block.environments).any(|environment| !environment.is_empty())
}

fn environments(page: &mut String, review: &Review, blocks: &[Block<'_>]) {
    if !has_environments(blocks) {
        return;
    }
    let effects: Vec<Effect> = counts(review).into_iter().map(|(effect, _)| effect).collect();
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for folded in &review.changes {
        for place in &folded.places {
            *rows.entry(&place.environment).or_default().counts.entry(folded.change.effect).or_default() += 1;
        }
    }
    for (number, block) in blocks.iter().enumerate() {
        for environment in &block.environments {
            rows.entry(environment).or_default().blocks.push((number, block));
        }
    }
    page.push_str(
        "<section id=\"environments\" aria-labelledby=\"environments-title\">\n\
         <h2 id=\"environments-title\">Environments</h2>\n",
    );
    let is_folded = rows.len() > ROWS;
    if is_folded {
        let _ = writeln!(page, "<details><summary>{}</summary>", plural(rows.len(), "row"));
    }
    page.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"environments-title\">\n<table>\n\
         <caption>Changes in each environment, by effect</caption>\n<thead><tr><th scope=\"col\">Environment</th>",
    );
    for effect in &effects {
        let _ = write!(page, "<th scope=\"col\" class=\"n\">{}{}</th>", mark(*effect), effect.title());
    }
    page.push_str("<th scope=\"col\" class=\"n\">all</th><th scope=\"col\">In</th></tr></thead>\n<tbody>\n");
    for (environment, row) in &rows {
        environment_row(page, environment, row, &effects);
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    page.push_str(if is_folded { "</details>\n</section>\n" } else { "</section>\n" });
}

fn environment_row(page: &mut String, environment: &str, row: &Row<'_>, effects: &[Effect]) {
    let title = if environment.is_empty() { "of none alone".to_owned() } else { name(environment) };
    let first = row.blocks.first().map_or(0, |(number, _)| *number);
    let _ = write!(page, "<tr><th scope=\"row\"><a href=\"#b{first}\">{title}</a></th>");
    for effect in effects {
        match row.counts.get(effect) {
            Some(count) => page.push_str(&format!("<td class=\"n\">{count}</td>")),
            None => page.push_str("<td class=\"n none\">0</td>"),
        }
    }
    let link = |(number, block): &(usize, &Block<'_>)| {
        let component = if block.component.is_empty() { "the environment".to_owned() } else { name(&block.component) };
        let others = match block.environments.len() - 1 {
            0 => String::new(),
            others => format!(" with {}", plural(others, "other")),
        };
        format!("<a href=\"#b{number}\">{component}{others}</a>")
    };
    let links: Vec<String> = row.blocks.iter().take(LINKS).map(link).collect();
    let more = match row.blocks.len().saturating_sub(LINKS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let total: usize = row.counts.values().sum();
    let _ = writeln!(page, "<td class=\"n\">{total}</td><td>{}{more}</td></tr>", links.join(", "));
}

fn files(page: &mut String, id: &str, title: &str, paths: &[String]) {
    if paths.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n<details><summary>{}</summary>\n<ul>\n",
        plural(paths.len(), "file")
    );
    for path in paths.iter().take(FILES) {
        let _ = writeln!(page, "<li><code>{}</code></li>", shown(path));
    }
    if paths.len() > FILES {
        let _ = writeln!(page, "<li>and {} more</li>", paths.len() - FILES);
    }
    page.push_str("</ul>\n</details>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_escaped_is_text(text in ".*") {
            let html = shown(&text);
            prop_assert!(!html.contains(['<', '>', '"', '\'']));
            let read = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(read.replace("&amp;", "&"), escape(&text));
        }
    }

    #[test]
    fn nothing_ends_the_script_or_the_style_sheet_early() {
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
        assert!(!STYLE.contains('<'));
    }
}
