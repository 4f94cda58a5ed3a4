//! Reviews as comments on pull requests: whatever is in them, a comment is whole, fits, and says every risk.

#[path = "support/reviews.rs"]
mod reviews;

use std::collections::BTreeMap;

use dirops::review::{Effect, Format, Review, write};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use reviews::{MARK, empty, large, review};

fn markdown(review: &Review) -> String {
    write(review, Format::Markdown, false)
}

/// A comment, read by a parser of Markdown.
#[derive(Default)]
struct Read {
    /// What stands outside of code.
    text: String,
    /// What stands in code.
    code: String,
    /// HTML, without the content of `<code>`.
    html: String,
    /// Links, images and footnotes.
    links: usize,
    fences: usize,
    tables: usize,
    /// Columns of every row of the tables.
    columns: Vec<usize>,
}

fn read(text: &str) -> Read {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES | Options::ENABLE_GFM;
    let mut read = Read::default();
    let mut is_fence = false;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => {
                is_fence = true;
                read.fences += 1;
            }
            Event::End(TagEnd::CodeBlock) => is_fence = false,
            Event::Text(text) if is_fence => read.code.push_str(&text),
            Event::Text(text) => read.text.push_str(&text),
            Event::Code(text) => {
                read.code.push_str(&text);
                // Nothing outside may be joined by what is left out here.
                read.text.push('·');
            }
            Event::Html(html) | Event::InlineHtml(html) => read.html.push_str(&html),
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::FootnoteDefinition(_)) => read.links += 1,
            Event::Start(Tag::Table(_)) => read.tables += 1,
            Event::Start(Tag::TableHead | Tag::TableRow) => read.columns.push(0),
            Event::Start(Tag::TableCell) => *read.columns.last_mut().unwrap() += 1,
            Event::End(_) | Event::SoftBreak => read.text.push('\n'),
            _ => {}
        }
    }
    read.html = without_code(&read.html);
    read
}

fn without_code(html: &str) -> String {
    let mut parts = html.split("<code>");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once("</code>").expect("code in HTML ends");
        assert!(!code.contains('<') && !code.contains('\n'), "{code:?}");
        out.push_str(rest);
    }
    out
}

/// Returns what GitHub would make live in a text: mentions, references, addresses and emoji.
fn live(text: &str) -> Vec<&str> {
    let is_live = |word: &&str| {
        word.contains(['@', '#', '/', '<', '>', '[', ']', '`', '$', '\\'])
            || word.contains("www.")
            || word.contains("GH-")
            || word.starts_with(':')
            || word.len() > 6 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_digit())
    };
    text.split_whitespace().filter(is_live).collect()
}

/// Returns how many changes a comment tells of each effect among its risks, as a reader would add them up.
fn told(comment: &str) -> BTreeMap<&str, usize> {
    let risks = comment.split("### What somebody must decide about\n").nth(1).unwrap_or_default();
    let risks = risks.split("<details>").next().unwrap_or_default();
    let mut told = BTreeMap::new();
    let mut effect = "";
    for line in risks.lines() {
        if let Some(heading) = line.strip_prefix("#### ") {
            effect = heading.split(':').next().unwrap();
        } else if let Some(line) = line.strip_prefix("- ") {
            let first = line.split(' ').next().unwrap();
            let times = line.rsplit_once(" times)").and_then(|(before, _)| before.rsplit_once('('));
            let count = match first.parse() {
                Ok(count) => count,
                Err(_) => times.map_or(1, |(_, times)| times.parse().unwrap_or(1)),
            };
            *told.entry(effect).or_insert(0) += count;
        }
    }
    told
}

fn check(review: &Review) {
    let comment = markdown(review);
    assert!(comment.chars().count() <= 65_000, "{} characters", comment.chars().count());
    assert!(comment.encode_utf16().count() <= 65_000, "{} units", comment.encode_utf16().count());
    assert!(comment.starts_with("<!-- dirops-review -->\n"));
    let is_seen = |c: char| c == '\n' || !c.is_control() && !"\u{202e}\u{200b}\u{feff}\u{200d}".contains(c);
    assert!(comment.chars().all(is_seen));

    let read = read(&comment);
    assert!(!read.text.contains(MARK), "a value is outside of code: {:?}", around(&read.text));
    assert!(!read.html.contains(MARK), "a value is HTML: {:?}", around(&read.html));
    assert_eq!(live(&read.text), Vec::<&str>::new());
    assert_eq!(read.links, 0);
    let tags = ["<details>", "<summary>", "</summary>", "</details>"].map(|tag| read.html.matches(tag).count());
    assert_eq!(tags, [read.fences; 4], "every fence is in details, which end");
    assert_eq!(read.html.matches('<').count(), 4 * read.fences + 1, "there is no other element: {:?}", read.html);
    assert_eq!(read.tables, usize::from(!review.changes.is_empty()));
    assert!(read.columns.iter().all(|columns| *columns == 4));

    for effect in dirops::review::EFFECTS.into_iter().filter(|effect| effect.is_risk()) {
        let count = count(review, effect);
        assert_eq!(told(&comment).get(effect.title()).copied().unwrap_or(0), count, "{}", effect.title());
        assert!(count == 0 || comment.contains(&format!("| **{}** | {count} |", effect.title())));
    }
    let left_out: usize = number_after(&read.text, "the details of ");
    let shown = comment.lines().filter(|line| line.starts_with("@@ ") && line.ends_with(" @@")).map(|line| {
        let times = line.strip_suffix(" times) @@").and_then(|line| line.rsplit_once('('));
        times.map_or(1, |(_, times)| times.parse().unwrap_or(1))
    });
    assert_eq!(shown.sum::<usize>() + left_out, review.total(), "what is shown and what is left out is everything");

    if !review.failures.is_empty() {
        let body = comment.lines().nth(3).unwrap();
        assert_eq!(body, "> [!CAUTION]");
        assert!(read.text.contains(&format!("INCOMPLETE: {} part", review.failures.len())));
    }
}

fn around(text: &str) -> String {
    let at = text.find(MARK).unwrap_or(0);
    text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().chain(text[at..].chars().take(60)).collect()
}

fn count(review: &Review, effect: Effect) -> usize {
    review.changes.iter().filter(|folded| folded.change.effect == effect).map(|folded| folded.count()).sum()
}

fn number_after(text: &str, before: &str) -> usize {
    let rest = text.split(before).nth(1).unwrap_or("0");
    rest.split(' ').next().unwrap().parse().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_comment_is_whole_and_says_every_risk(review in review(14)) {
        check(&review);
    }
}

#[test]
fn what_is_too_long_is_left_out_by_whole_objects_and_counted() {
    for changes in [1, 30, 300, 3_000, 20_000] {
        check(&large(changes));
    }
}

#[test]
fn a_few_risks_are_told_with_their_values() {
    let comment = markdown(&large(11));
    assert!(comment.contains("- **changed** in `environment-000 / dir`: `apiserver.config.setting-0`: "), "{comment}");
    assert!(!comment.contains("Too long"));
}

#[test]
fn many_risks_are_condensed_and_the_rest_said_to_be_elsewhere() {
    let comment = markdown(&large(20_000));
    assert!(comment.contains("`dirops diff main feature --format html --out review.html`"), "{comment}");
    assert!(comment.contains("#### identity and trust: 1819 changes\n\n- 1819 changes in 100 environments, of `dex`"));
}

#[test]
fn nothing_found_is_not_nothing_there_where_something_could_not_be_read() {
    assert!(markdown(&empty()).contains("**no change of the configuration**"));
    let failure = dirops::review::Failure {
        which: dirops::review::Which::After,
        environment: "prod".into(),
        message: "the file is no YAML".into(),
        place: Some("base/dir/values.yaml:3:1".into()),
    };
    let comment = markdown(&Review { failures: vec![failure], ..empty() });
    let first = comment.find("> **INCOMPLETE: 1 part could not be read or rendered.**").unwrap();
    assert!(first < comment.find("**no change found in what could be read").unwrap(), "{comment}");
    assert!(comment.contains("> - after, prod: the file is no YAML (`base/dir/values.yaml:3:1`)\n"), "{comment}");
}
