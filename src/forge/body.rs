//! The text of a pull request or comment: our part of it, between hidden markers, and what people wrote around it.
//!
//! ```text
//! What people wrote.
//! <!-- dirops:begin 5f2c… -->
//! What dirops says.
//! <!-- dirops:end 5f2c… -->
//! What people wrote.
//! ```

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;

use sha2::{Digest, Sha256};

/// What GitHub allows a body to have, in characters.
pub const LONGEST_BODY: usize = 65_536;

/// How a marker of any kind starts.
const MARKER: &str = "<!-- dirops:";

/// What it starts with in a text that only quotes one: it looks the same, with a space of no width.
const QUOTED_MARKER: &str = "<!-- \u{200b}dirops:";

/// How many hexadecimal digits of the digest stand for the key.
const KEY_LENGTH: usize = 32;

/// What a pull request or comment of ours is about, as a digest: it is found again by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Returns the key of the pull request for a source branch and a set of environments; their order means nothing.
    pub fn of_environments<'a>(source: &str, branch: &str, environments: impl IntoIterator<Item = &'a str>) -> Self {
        let environments: std::collections::BTreeSet<&str> = environments.into_iter().collect();
        Self::new(["environments", source, branch].into_iter().chain(environments))
    }

    /// Returns the key of anything else that some texts tell apart.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut key = String::with_capacity(2 * 32);
        for byte in digest.finalize() {
            // Writing to a text cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key.truncate(KEY_LENGTH);
        Self(key)
    }

    fn begin(&self) -> String {
        format!("{MARKER}begin {self} -->")
    }

    fn end(&self) -> String {
        format!("{MARKER}end {self} -->")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the markers in a body say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marked {
    /// There is a marker with this key, if only a damaged pair.
    Ours,
    /// There are markers, but with another key.
    Other,
    /// There is none.
    Nothing,
}

/// Returns whether a body carries our markers.
pub fn marked(body: &str, key: &Key) -> Marked {
    if body.contains(&key.begin()) || body.contains(&key.end()) {
        Marked::Ours
    } else if body.contains(&format!("{MARKER}begin ")) || body.contains(&format!("{MARKER}end ")) {
        Marked::Other
    } else {
        Marked::Nothing
    }
}

/// Returns a body with our text in it.
///
/// Where both markers are there, the text between them is replaced. Where one or both are gone, our text comes after
/// everything else, and what is left of the markers goes. All other text stays, byte for byte. Our text is cut where
/// the body would be longer than GitHub allows, and where people's alone leaves no room for it, it is left out.
#[must_use]
pub fn with_section(body: &str, key: &Key, text: &str) -> String {
    let (before, after) = around(body, key);
    let gap = gap(body, key, &before);
    let around = length(&before) + length(gap) + length(&after);
    let used = around + length(&key.begin()) + length(&key.end()) + "\n\n".len();
    let Some(text) = LONGEST_BODY.checked_sub(used).and_then(|room| cut(&unmarked(text), room)) else {
        return before + &after;
    };
    format!("{before}{gap}{}\n{text}\n{}{after}", key.begin(), key.end())
}

/// Returns whether our text in a body is what [`with_section`] would make of it. The line ends do not count: they
/// change when people edit on GitHub's pages.
pub fn is_current(body: &str, key: &Key, text: &str) -> bool {
    normal(body) == normal(&with_section(body, key, text))
}

/// Returns a text that stands alone, as a comment does: with a marker before it, and cut to what GitHub allows.
#[must_use]
pub fn comment(key: &Key, text: &str) -> String {
    let marker = comment_marker(key);
    let room = LONGEST_BODY - length(&marker) - "\n".len();
    format!("{marker}\n{}", cut(&unmarked(text), room).unwrap_or_default())
}

/// Returns whether a comment starts with the marker of its key. What stands elsewhere in it, others quoted.
pub fn is_comment(body: &str, key: &Key) -> bool {
    body.trim_start().starts_with(&comment_marker(key))
}

/// Returns whether two texts differ in their line ends at most.
pub(super) fn same(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

fn comment_marker(key: &Key) -> String {
    format!("{MARKER}comment {key} -->")
}

/// Where the two markers that belong together are.
struct Pair {
    start: Range<usize>,
    end: Range<usize>,
}

/// Returns the first end that has a beginning before it, and the beginning nearest to it.
fn pair(body: &str, key: &Key) -> Option<Pair> {
    let (begin, end) = (key.begin(), key.end());
    let first = body.find(&begin)? + begin.len();
    let end_start = first + body[first..].find(&end)?;
    let start = body[..end_start].rfind(&begin)?;
    Some(Pair { start: start..start + begin.len(), end: end_start..end_start + end.len() })
}

/// Returns what people wrote before and after our text, without markers that have lost their other half.
fn around(body: &str, key: &Key) -> (String, String) {
    let markers = [key.begin(), key.end()];
    match pair(body, key) {
        Some(pair) => (without(&body[..pair.start.start], &markers), without(&body[pair.end.end..], &markers)),
        None => (without(body, &markers), String::new()),
    }
}

/// Returns what must stand between what people wrote and our text, where that is new there.
fn gap(body: &str, key: &Key, before: &str) -> &'static str {
    match before {
        _ if pair(body, key).is_some() => "",
        "" => "",
        before if before.ends_with('\n') => "\n",
        _ => "\n\n",
    }
}

/// Takes every marker out; again and again, for taking one out may make another.
fn without(text: &str, markers: &[String]) -> String {
    let mut text = text.to_owned();
    while let Some(marker) = markers.iter().find(|marker| text.contains(*marker)) {
        text = text.replace(marker, "");
    }
    text
}

/// Returns a text that cannot be taken for a marker.
fn unmarked(text: &str) -> Cow<'_, str> {
    match text.contains(MARKER) {
        true => text.replace(MARKER, QUOTED_MARKER).into(),
        false => text.into(),
    }
}

/// Returns what fits of a text, in whole lines, with a word about what does not; nothing where not even that fits.
fn cut(text: &str, room: usize) -> Option<String> {
    if length(text) <= room {
        return Some(text.to_owned());
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut open = Open::default();
    let mut best = None;
    let mut used = 0;
    for kept in 0..lines.len() {
        let left_out = match lines.len() - kept {
            1 => "1 more line".to_owned(),
            count => format!("{count} more lines"),
        };
        let notice = format!("{}\n_{left_out} did not fit here._", open.closing());
        if used + length(&notice) <= room {
            best = Some((kept, notice));
        }
        used += length(lines[kept]) + 1;
        if used > room {
            break;
        }
        open.read(lines[kept]);
    }
    let (kept, notice) = best?;
    let mut fitting = String::new();
    for line in &lines[..kept] {
        fitting.push_str(line);
        fitting.push('\n');
    }
    Some(fitting + &notice)
}

/// What is open in Markdown at some line, and would swallow what comes after it.
#[derive(Default)]
struct Open {
    fence: Option<String>,
    details: usize,
}

impl Open {
    fn read(&mut self, line: &str) {
        let trimmed = line.trim_start();
        let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~')).unwrap_or(' ');
        let run: String = trimmed.chars().take_while(|c| *c == mark).collect();
        match &self.fence {
            Some(fence) if run.starts_with(fence.as_str()) && trimmed.trim_end() == run => self.fence = None,
            Some(_) => {}
            None if run.len() >= 3 && mark != ' ' => self.fence = Some(run),
            None => {
                self.details += line.matches("<details").count();
                self.details = self.details.saturating_sub(line.matches("</details>").count());
            }
        }
    }

    /// Returns the lines that close what is open, each with its line end.
    fn closing(&self) -> String {
        let fence = self.fence.iter().map(|fence| format!("{fence}\n"));
        fence.chain((0..self.details).map(|_| "\n</details>\n".to_owned())).collect()
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn normal(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key::of_environments("agntcy/dirops", "main", ["prod", "dev"])
    }

    /// Returns our text in a body, where both markers are there.
    fn section<'a>(body: &'a str, key: &Key) -> Option<&'a str> {
        let pair = pair(body, key)?;
        let text = &body[pair.start.end..pair.end.start];
        let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
        Some(text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text))
    }

    fn other() -> Key {
        Key::of_environments("agntcy/dirops", "main", ["dev"])
    }

    #[test]
    fn a_key_is_of_a_set_of_environments_and_nothing_runs_together() {
        assert_eq!(key(), Key::of_environments("agntcy/dirops", "main", ["dev", "prod", "dev"]));
        assert_ne!(key(), other());
        assert_ne!(Key::new(["ab", "c"]), Key::new(["a", "bc"]));
        assert_ne!(Key::of_environments("a", "b", ["c"]), Key::of_environments("a", "b", ["c", ""]));
    }

    #[test]
    fn a_new_body_is_our_text_between_markers() {
        let body = with_section("", &key(), "review");
        assert_eq!(body, format!("<!-- dirops:begin {0} -->\nreview\n<!-- dirops:end {0} -->", key()));
        assert_eq!(section(&body, &key()), Some("review"));
        assert_eq!((marked(&body, &key()), marked(&body, &other())), (Marked::Ours, Marked::Other));
        assert_eq!(marked("text", &key()), Marked::Nothing);
    }

    #[test]
    fn removed_or_damaged_markers_leave_what_people_wrote() {
        let (begin, end) = (key().begin(), key().end());
        for (body, kept) in [
            ("people".to_owned(), "people\n\n"),
            ("people\n".to_owned(), "people\n\n"),
            (format!("one{begin}two"), "onetwo\n\n"),
            (format!("one{end}two{begin}three"), "onetwothree\n\n"),
        ] {
            let expected = format!("{kept}{begin}\nnew\n{end}");
            assert_eq!(with_section(&body, &key(), "new"), expected, "{body}");
        }
        let twice = format!("1{begin}2{begin}old{end}3{begin}4{end}5");
        assert_eq!(with_section(&twice, &key(), "new"), format!("12{begin}\nnew\n{end}345"));
    }

    #[test]
    fn taking_a_marker_out_does_not_make_another() {
        let begin = key().begin();
        let body = format!("{}{begin}{}", &begin[..7], &begin[7..]);
        assert_eq!(with_section(&body, &key(), "new").matches(&begin).count(), 1);
    }

    #[test]
    fn markers_with_another_key_are_text() {
        let body = with_section("", &other(), "quoted");
        let merged = with_section(&body, &key(), "new");
        assert!(merged.starts_with(&body));
        assert_eq!(section(&merged, &other()), Some("quoted"));
    }

    #[test]
    fn line_ends_that_an_editor_changed_are_no_change() {
        let body = with_section("people\n", &key(), "one\ntwo").replace('\n', "\r\n");
        assert!(is_current(&body, &key(), "one\ntwo"));
        assert!(!is_current(&body, &key(), "one\nthree"));
        assert!(with_section(&body, &key(), "three").starts_with("people\r\n\r\n"));
    }

    #[test]
    fn a_cut_closes_what_is_open() {
        let text = format!("<details>\n\n````yaml\n```\n{}````\n\n</details>\n", "line\n".repeat(20_000));
        let body = with_section("", &key(), &text);
        assert!(length(&body) <= LONGEST_BODY && length(&body) > LONGEST_BODY - 10);
        let end = body.find("line\n````\n\n</details>\n\n_").unwrap();
        assert!(body[end..].contains(" more lines did not fit here._\n"), "{}", &body[end..]);
    }

    #[test]
    fn one_long_line_is_left_out() {
        let body = with_section("", &key(), &"x".repeat(LONGEST_BODY));
        assert_eq!(section(&body, &key()), Some("\n_1 more line did not fit here._"));
    }

    #[test]
    fn what_people_wrote_is_never_cut() {
        for length_of_theirs in [LONGEST_BODY, LONGEST_BODY - 100, LONGEST_BODY - 150, LONGEST_BODY - 200] {
            let theirs = "🌈".repeat(length_of_theirs);
            let body = with_section(&theirs, &key(), &"ours\n".repeat(100));
            assert!(body.starts_with(&theirs) && length(&body) <= LONGEST_BODY);
        }
    }

    #[test]
    fn a_comment_is_known_by_how_it_starts() {
        let written = comment(&key(), "text");
        assert!(is_comment(&written, &key()) && !is_comment(&written, &other()));
        assert!(!is_comment(&format!("> {written}"), &key()));
        assert_eq!(length(&comment(&key(), &"long\n".repeat(20_000))).div_ceil(10), LONGEST_BODY.div_ceil(10));
    }

    /// Text with markers of ours, whole, broken and doubled, in any place.
    fn any_body() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z \r\n<!>`-]{0,12}",
            Just(key().begin()),
            Just(key().end()),
            Just(other().begin()),
            Just(MARKER.to_owned()),
            Just(key().begin()[..20].to_owned()),
            ".{0,8}",
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_people_wrote_around_our_text_stays(
            before in "[^<]{0,40}", after in "[^<]{0,40}", old in any_body(), new in any_body(),
        ) {
            let body = before.clone() + &with_section("", &key(), &old) + &after;
            let merged = with_section(&body, &key(), &new);
            prop_assert!(merged.starts_with(&before) && merged.ends_with(&after));
            let expected = before + &with_section("", &key(), &new) + &after;
            prop_assert_eq!(merged, expected);
        }

        #[test]
        fn there_is_exactly_one_section_afterwards_and_it_is_ours(body in any_body(), text in any_body()) {
            let merged = with_section(&body, &key(), &text);
            prop_assert_eq!(merged.matches(&key().begin()).count(), 1);
            prop_assert_eq!(merged.matches(&key().end()).count(), 1);
            let alone = with_section("", &key(), &text);
            prop_assert_eq!(section(&merged, &key()), section(&alone, &key()));
            prop_assert!(is_current(&merged, &key(), &text));
        }

        #[test]
        fn writing_the_same_again_changes_nothing(body in any_body(), text in any_body()) {
            let once = with_section(&body, &key(), &text);
            prop_assert_eq!(with_section(&once, &key(), &text), once);
        }

        #[test]
        fn nothing_but_our_markers_and_our_text_goes(body in any_body(), text in any_body()) {
            let (before, after) = around(&body, &key());
            let theirs = before.clone() + gap(&body, &key(), &before) + &after;
            let merged = with_section(&body, &key(), &text);
            let (before, after) = around(&merged, &key());
            prop_assert_eq!(before + &after, theirs);
        }

        #[test]
        fn no_body_is_longer_than_github_allows(theirs in 0..LONGEST_BODY, lines in 0_usize..3000, wide in 0_usize..200) {
            let text = format!("{}\n", "ö".repeat(wide)).repeat(lines);
            let theirs = "é".repeat(theirs);
            let merged = with_section(&theirs, &key(), &text);
            prop_assert!(length(&merged) <= LONGEST_BODY);
            prop_assert!(merged.starts_with(&theirs));
        }
    }
}
