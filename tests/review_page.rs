//! Reviews as pages, in a real browser: nothing in them runs or loads, and everybody can read them.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/reviews.rs"]
mod reviews;

use std::fs;
use std::path::PathBuf;

use browser::Browser;
use dirops::review::{Format, Review, Trust, write};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reviews::{MARK, empty, large, review};
use serde_json::json;
use tempfile::TempDir;

fn page(review: &Review) -> String {
    write(review, Format::Html, false)
}

/// A page on the disk.
fn file(review: &Review) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("review.html");
    fs::write(&path, page(review)).unwrap();
    (folder, path)
}

/// A review of some hostile changes, with every kind of part that a page has.
fn hostile() -> Review {
    let mut runner = TestRunner::deterministic();
    let strategy = review(30).prop_filter("it has every part", |review| {
        (20..200).contains(&review.changes.len()) && !review.failures.is_empty() && review.trust.0.len() > 2
    });
    strategy.new_tree(&mut runner).unwrap().current()
}

fn trust(environment: &str, partners: &[&str]) -> Trust {
    Trust {
        environment: environment.into(),
        trust_domain: format!("{environment}.example.org").as_str().into(),
        partners: partners.iter().map(|partner| (*partner).into()).collect(),
    }
}

/// A review as maintainers get them.
fn usual() -> Review {
    let before = vec![trust("dev", &["prod.example.org"]), trust("prod", &["dev.example.org", "lost.example.net"])];
    let after = vec![trust("dev", &["prod.example.org"]), trust("prod", &["dev.example.org", "gained.example.net"])];
    Review { trust: (before, after), ..large(44) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_are_text_alone(review in review(10)) {
        let page = page(&review);
        // The script and the style sheet are ours; the rest has none but our elements and attributes.
        let body = page.split_once("</style>").unwrap().1.rsplit_once("<script>").unwrap().0;
        for tag in body.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').expect("every tag ends");
            prop_assert!(!text.contains('>'), "{text}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            prop_assert!(ELEMENTS.contains(&name), "<{name}>");
            prop_assert!(!tag.contains(MARK), "a value is in a tag: <{tag}>");
            prop_assert!(!tag.contains(" on") && !tag.contains("style=") && !tag.contains("src="), "<{tag}>");
            for link in tag.split("href=\"").skip(1) {
                prop_assert!(link.starts_with('#'), "<{tag}>");
            }
        }
        let is_seen = |c: char| c == '\n' || !c.is_control() && !['\u{202e}', '\u{200b}', '\u{feff}'].contains(&c);
        prop_assert!(page.chars().all(is_seen));
        prop_assert_eq!(page.matches("Content-Security-Policy").count(), 1);
        let told: usize = total_in(body, "<tfoot><tr><th scope=\"row\">all</th><td class=\"n\">");
        prop_assert_eq!(told, review.total());
    }
}

const ELEMENTS: &[&str] = &[
    "a",
    "b",
    "body",
    "br",
    "button",
    "caption",
    "circle",
    "code",
    "del",
    "details",
    "div",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "header",
    "input",
    "ins",
    "label",
    "li",
    "main",
    "nav",
    "output",
    "p",
    "path",
    "pre",
    "section",
    "span",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

fn total_in(body: &str, before: &str) -> usize {
    body.split_once(before).map_or(0, |(_, rest)| rest.split('<').next().unwrap().parse().unwrap())
}

#[test]
fn nothing_in_a_page_runs_or_loads() {
    let Some(mut browser) = Browser::open() else { return };
    let (_folder, path) = file(&hostile());
    browser.load(&path);
    assert!(browser.value("document.title").as_str().unwrap().starts_with("What changes from §"));
    assert_eq!(browser.value("document.querySelectorAll('script, style, img, iframe, [onerror]').length"), 2);
    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
    assert_eq!(browser.requests().len(), 1, "{:?}", browser.requests());
    // Even what got into the page could neither run nor load.
    browser.value(
        "document.body.insertAdjacentHTML('beforeend', `<img src=\"https://example.invalid/x\" onerror=\"document.title='!'\"> \
         <svg onload=\"document.title='!'\"></svg>`)",
    );
    browser.value("new Promise((done) => setTimeout(done, 300))");
    assert_ne!(browser.value("document.title"), "!");
    assert!(!browser.complaints().is_empty(), "the policy of the page is not in force");
}

#[test]
fn everything_can_be_read_without_scripts() {
    let Some(mut browser) = Browser::open() else { return };
    for review in [usual(), hostile()] {
        let (_folder, path) = file(&review);
        // A script of the test cannot run either: what is there is read from outside.
        browser.scripts(false);
        browser.load(&path);
        let root = browser.call("DOM.getDocument", json!({"depth": 0}));
        let html = browser.call("DOM.getOuterHTML", json!({"nodeId": root["root"]["nodeId"]}));
        browser.scripts(true);
        let html = html["outerHTML"].as_str().unwrap();
        assert!(html.contains("id=\"tools\" role=\"search\" hidden"), "tools that do nothing are not shown");
        let changes = html.matches("<div class=\"change\">").count();
        assert_eq!(changes, review.changes.len());
        assert_eq!(html.matches("<caption>").count(), html.matches("<table").count(), "every table has a caption");
    }
}

#[test]
fn texts_stand_out_in_light_in_dark_and_on_paper() {
    let Some(mut browser) = Browser::open() else { return };
    let (_folder, path) = file(&Review { failures: hostile().failures, ..usual() });
    browser.load(&path);
    for (medium, scheme) in [("screen", "light"), ("screen", "dark"), ("print", "dark")] {
        browser.show(medium, scheme);
        let found = browser.value(include_str!("review_page/contrast.js"));
        assert!(found["count"].as_u64().unwrap() > 300, "{found}");
        assert_eq!(found["bad"], json!([]), "{medium}, {scheme}");
        let back = browser.value("getComputedStyle(document.body).backgroundColor");
        let expected = if (medium, scheme) == ("screen", "dark") { "rgb(13, 17, 23)" } else { "rgb(255, 255, 255)" };
        assert_eq!(back, expected, "{medium}, {scheme}");
    }
}

#[test]
fn pages_are_as_wide_as_the_window() {
    let Some(mut browser) = Browser::open() else { return };
    for review in [usual(), hostile()] {
        let (_folder, path) = file(&review);
        for width in [380, 1280] {
            browser.resize(width);
            browser.load(&path);
            browser.value("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
            assert_eq!(browser.value("document.documentElement.scrollWidth"), width);
        }
    }
}

#[test]
fn a_keyboard_is_enough() {
    let Some(mut browser) = Browser::open() else { return };
    let (_folder, path) = file(&usual());
    browser.load(&path);
    browser.press("Tab", 9, "");
    assert_eq!(browser.value("document.activeElement.textContent"), "Skip to the changes");
    assert_ne!(browser.value("getComputedStyle(document.activeElement).outlineStyle"), "none");
    browser.press("Enter", 13, "\r");
    assert_eq!(browser.value("location.hash"), "#changes");
    browser.press("Tab", 9, "");
    assert_eq!(browser.value("document.activeElement.id"), "filter");
    for c in ["e", "n", "v", "i", "r", "o", "n", "m", "e", "n", "t", "-", "0", "0", "7"] {
        browser.press(c, 0, c);
    }
    browser.value("new Promise((done) => setTimeout(done, 400))");
    assert_eq!(browser.value("document.getElementById('found').textContent"), "1 of 44 shown");
    let seen = "[...document.querySelectorAll('.change')].filter((change) => change.checkVisibility()).length";
    assert_eq!(browser.value(seen), 1);
    for _ in 0..15 {
        browser.press("Backspace", 8, "");
    }
    browser.press("Tab", 9, "");
    browser.press(" ", 32, " ");
    browser.value("new Promise((done) => setTimeout(done, 400))");
    assert_eq!(browser.value("document.getElementById('found').textContent"), "28 of 44 shown");
    browser.press("Tab", 9, "");
    browser.press("Tab", 9, "");
    browser.press("Enter", 13, "\r");
    assert_eq!(browser.value("document.querySelectorAll('details.block[open]').length"), 0);
}

#[test]
fn paper_has_what_is_folded_on_the_screen() {
    let Some(mut browser) = Browser::open() else { return };
    let (_folder, path) = file(&large(200));
    let fold = |browser: &mut Browser, open: bool| {
        browser.value(&format!("document.querySelectorAll('details').forEach((one) => {{ one.open = {open}; }})"));
    };
    browser.load(&path);
    fold(&mut browser, true);
    let pages = browser.printed_pages();
    assert!(pages > 5, "{pages} pages");
    // Without scripts it is the style sheet that unfolds.
    fold(&mut browser, false);
    browser.scripts(false);
    assert_eq!(browser.printed_pages(), pages);
    browser.scripts(true);
    // Browsers that know nothing of such a style sheet have the script.
    assert_eq!(browser.value("document.querySelectorAll('details[open]').length"), 0);
    browser.printed_pages();
    assert_eq!(browser.value("document.querySelectorAll('details:not([open])').length"), 0);
}

#[test]
fn links_lead_to_what_is_there() {
    let Some(mut browser) = Browser::open() else { return };
    let (_folder, path) = file(&large(2_000));
    browser.load(&path);
    let broken =
        "[...document.querySelectorAll('a')].filter((a) => !document.querySelector(a.getAttribute('href'))).length";
    assert_eq!(browser.value(broken), 0);
    let last = "document.querySelector('details.block:last-of-type')";
    assert_eq!(browser.value(&format!("{last}.open")), false);
    browser.value(&format!("location.hash = {last}.id; new Promise((done) => setTimeout(done, 100))"));
    assert_eq!(browser.value(&format!("{last}.open && {last}.contains(document.activeElement)")), true);
    assert_eq!(browser.complaints(), Vec::<&serde_json::Value>::new());
}

#[test]
fn large_reviews_open() {
    let review = large(20_000);
    let html = page(&review);
    assert!(html.len() < 20 << 20, "{} bytes", html.len());
    let Some(mut browser) = Browser::open() else { return };
    let (_folder, path) = file(&review);
    browser.load(&path);
    assert_eq!(browser.value("document.querySelectorAll('.change').length"), 20_000);
}

#[test]
fn the_federation_is_drawn_and_said_in_words() {
    let html = page(&usual());
    assert!(html.contains("1 partner gained, 1 lost."));
    assert!(
        html.contains("<td>+ gained.example.net</td><td>− lost.example.net</td><td>dev.example.org</td>"),
        "{html}"
    );
    assert_eq!(html.matches("<svg").count(), 2);
    assert!(!page(&empty()).contains("<svg"));
}

#[test]
fn a_federation_too_large_to_draw_is_drawn_where_it_changes() {
    let many: Vec<String> = (0..100).map(|index| format!("partner-{index}.example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let before: Vec<Trust> = (0..3).map(|index| trust(&format!("env-{index}"), &many)).collect();
    let mut after = before.clone();
    after[1] = trust("env-1", &many[1..]);
    let html = page(&Review { trust: (before, after), ..empty() });
    assert!(
        html.contains("There are 103 trust domains in 3 environments, too many to draw: here is what changes alone.")
    );
    assert_eq!(html.matches("class=\"edge lost\"").count(), 1);
    let none: Vec<Trust> = (0..100).map(|index| trust(&format!("env-{index}"), &["one.example.org"])).collect();
    let html = page(&Review { trust: (none.clone(), none), ..empty() });
    assert!(html.contains("No environment gains or loses a partner.") && !html.contains("<svg"));
}

#[test]
fn a_review_that_is_not_whole_says_so_first() {
    let html = page(&Review { failures: hostile().failures, ..usual() });
    let incomplete = html.find("<h2 id=\"failures-title\">").unwrap();
    assert!(incomplete < html.find("<h2 id=\"effects-title\">").unwrap());
    let html = page(&Review { failures: hostile().failures, ..empty() });
    assert!(
        !html.contains("Nothing changes in the configuration") && html.contains("Nothing was found in what could be")
    );
}
