//! Removing entries and items from files that people wrote: every other byte stays, comments on lines of their own too.
//!
//! As in `edit`, each removal is verified by reading the new text.

use super::edit::{line_end, offset};
use super::parse::parse;
use super::{Map, Node, Value};
use crate::diagnostic::{Diagnostic, FileId, Place};

/// Returns the text without the entry at a path of keys. A map that has no other entry stays, empty.
///
/// # Errors
/// Where there is no such entry, or it cannot be removed without changing something else.
pub fn remove_key(file: FileId, text: &str, path: &[&str]) -> Result<String, Diagnostic> {
    let root = parse(file, text)?;
    let missing = || Diagnostic::new(format!("there is no `{}`", path.join("."))).at(root.place);
    let (key, above) = path.split_last().ok_or_else(missing)?;
    let map = at(&root, above).and_then(Node::as_map).ok_or_else(missing)?;
    let entry = map.get(*key).ok_or_else(missing)?;
    let mut meant = root.clone();
    if let Some(map) = at_mut(&mut meant, above).and_then(Node::as_map_mut) {
        map.shift_remove(*key);
    }
    let written = Written { text, start: place_of(text, entry.key)?, is_list: entry.node.as_list().is_some() };
    let emptied = (map.len() == 1).then_some("{}");
    removed(file, &written, emptied, end_of_key(text, &root, above), &meant)
        .ok_or_else(|| by_hand(&path.join("."), entry.key))
}

/// Returns the text without the items of the list at a path of keys that are this text. A list without other items stays,
/// empty.
///
/// # Errors
/// Where there is no such list, or an item cannot be removed without changing something else.
pub fn remove_items(file: FileId, text: &str, path: &[&str], item: &str) -> Result<String, Diagnostic> {
    let mut text = text.to_owned();
    loop {
        let root = parse(file, &text)?;
        let missing = || Diagnostic::new(format!("there is no list `{}`", path.join("."))).at(root.place);
        let items = at(&root, path).and_then(Node::as_list).ok_or_else(missing)?;
        let Some(index) = items.iter().position(|node| node.as_text() == Some(item)) else {
            return Ok(text);
        };
        let mut meant = root.clone();
        if let Some(Node { value: Value::List(items), .. }) = at_mut(&mut meant, path) {
            std::sync::Arc::make_mut(items).remove(index);
        }
        let place = items[index].place;
        let written = Written { text: &text, start: place_of(&text, place)?, is_list: false };
        let emptied = (items.len() == 1).then_some("[]");
        let shorter = removed(file, &written, emptied, end_of_key(&text, &root, path), &meant);
        text = shorter.ok_or_else(|| by_hand(&format!("{} of {}", item, path.join(".")), place))?;
    }
}

fn by_hand(what: &str, place: Place) -> Diagnostic {
    Diagnostic::new(format!("`{what}` cannot be removed without changing something else in the file"))
        .at(place)
        .help("remove it by hand")
}

fn at<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    path.iter().try_fold(node, |node, key| node.get(key))
}

fn at_mut<'a>(node: &'a mut Node, path: &[&str]) -> Option<&'a mut Node> {
    path.iter().try_fold(node, |node, key| Some(&mut node.as_map_mut()?.get_mut(*key)?.node))
}

fn place_of(text: &str, place: Place) -> Result<usize, Diagnostic> {
    offset(text, place.line, place.column).ok_or_else(|| by_hand("this", place))
}

/// Returns where the colon of the key at a path ends, where it is simply written.
fn end_of_key(text: &str, root: &Node, path: &[&str]) -> Option<usize> {
    let (key, above) = path.split_last()?;
    let map: &Map = at(root, above)?.as_map()?;
    let place = map.get(*key)?.key;
    let end = offset(text, place.end_line, place.end_column)?;
    let rest = &text[end..];
    let colon = rest.len() - rest.trim_start_matches(' ').len();
    rest[colon..].starts_with(':').then_some(end + colon + 1)
}

/// An entry or item, as it is written.
struct Written<'a> {
    text: &'a str,
    /// Where it starts: with its key, or its value.
    start: usize,
    /// Whether its value is a list, whose items may stand no deeper than the key.
    is_list: bool,
}

/// Returns the first text without it that reads as it is meant to.
fn removed(
    file: FileId,
    written: &Written<'_>,
    emptied: Option<&str>,
    key_end: Option<usize>,
    meant: &Node,
) -> Option<String> {
    let lines = written.without_lines();
    let lines = match (emptied, key_end) {
        (None, _) => lines.map(|(start, end)| [&written.text[..start], &written.text[end..]].concat()),
        (Some(empty), Some(key_end)) => lines.filter(|(start, _)| key_end <= *start).map(|(start, end)| {
            let text = written.text;
            [&text[..key_end], " ", empty, &text[key_end..start], &text[end..]].concat()
        }),
        (Some(_), None) => None,
    };
    let is_meant = |edited: &String| parse(file, edited).is_ok_and(|read| read == *meant);
    lines.into_iter().chain(written.without_flow()).find(is_meant)
}

impl Written<'_> {
    /// Returns the lines that it has to itself.
    fn without_lines(&self) -> Option<(usize, usize)> {
        let Self { text, start, is_list } = *self;
        let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line..start];
        let indent = before.len() - before.trim_start_matches(' ').len();
        if !matches!(before.trim(), "" | "-") {
            return None;
        }
        let mut end = next_line(text, start);
        let mut at = end;
        while at < text.len() {
            let line = &text[at..line_end(text, at)];
            let content = line.trim_start_matches(' ');
            let depth = line.len() - content.len();
            let is_item = is_list && depth == indent && (content == "-" || content.starts_with("- "));
            at = next_line(text, at);
            match content.trim().is_empty() || content.starts_with('#') {
                // Belongs to it if more of it follows.
                true => {}
                false if depth > indent || is_item => end = at,
                false => break,
            }
        }
        Some((line, end))
    }

    /// Returns the text without it and without a comma, as it is in `{…}` or `[…]`.
    fn without_flow(&self) -> Option<String> {
        let Self { text, start, .. } = *self;
        let close = flow_end(text, start)?;
        let (mut from, mut to) = match text[close..].strip_prefix(',') {
            Some(rest) => (start, text.len() - rest.trim_start_matches(' ').len()),
            None => {
                let before = text[..start].trim_end().strip_suffix(',');
                (before.map_or(start, str::len), start + text[start..close].trim_end().len())
            }
        };
        let line = text[..from].rfind('\n').map_or(0, |at| at + 1);
        if text[line..from].trim().is_empty() && text[to..line_end(text, to)].trim().is_empty() && line > 0 {
            (from, to) = (line, next_line(text, to));
        }
        Some([&text[..from], &text[to..]].concat())
    }
}

/// Returns where the next line starts.
fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length + 1)
}

/// Returns where what stands in `{…}` or `[…]` ends: at the next comma or bracket that is not inside of it.
fn flow_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b',' | b'}' | b']' if depth == 0 => return Some(at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            quote @ (b'"' | b'\'') => {
                let is_escape = |byte: u8| quote == b'"' && byte == b'\\';
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if is_escape(bytes[at]) { 2 } else { 1 };
                }
            }
            b'#' if at > 0 && bytes[at - 1].is_ascii_whitespace() => at = line_end(text, at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;
    use proptest::prelude::*;

    /// An entry of a map as people write them, and lines of comments before it.
    fn written(name: usize, style: u8) -> String {
        let value = match style % 7 {
            0 => " [x, 'y, ]']\n",
            1 => "\n      - x\n      - y # in\n",
            2 => "\n    - x\n",
            3 => " {q: \"}\"} # at\n",
            4 => "\n      [x,\n       y]\n",
            5 => "\n      q: 1\n\n      r: 2\n",
            _ => "\n",
        };
        let quote = ["", "\"", "'"][usize::from(style / 7) % 3];
        let comment = ["", "    # before\n", "# far before\n", "\n    # a\n\n    # b\n"][usize::from(style / 21) % 4];
        format!("{comment}    {quote}p{name}.io{quote}:{value}")
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_goes_but_the_entry(styles in proptest::collection::vec(0_u8..84, 1..6), which: prop::sample::Index) {
            let entries: Vec<String> = styles.iter().enumerate().map(|(name, style)| written(name, *style)).collect();
            let which = which.index(entries.len());
            let text = format!("f:\n  g: # all\n{}  h: 1\n# end\n", entries.concat());
            let path = format!("f/g/p{which}.io");
            let edited = key(&text, &path).unwrap();
            let own = entries[which].find(&format!("p{which}.io")).unwrap();
            let comments = entries[which][..own].rfind('\n').map_or("", |end| &entries[which][..=end]);
            let head = if entries.len() == 1 { "f:\n  g: {} # all\n" } else { "f:\n  g: # all\n" };
            let others = [&entries[..which].concat(), comments, &entries[which + 1..].concat()].concat();
            prop_assert_eq!(edited, format!("{head}{others}  h: 1\n# end\n"));
        }
    }

    fn key(text: &str, path: &str) -> Result<String, Diagnostic> {
        let path: Vec<&str> = path.split('/').collect();
        remove_key(Sources::default().add("x", text), text, &path)
    }

    fn items(text: &str, path: &str, item: &str) -> Result<String, Diagnostic> {
        let path: Vec<&str> = path.split('/').collect();
        remove_items(Sources::default().add("x", text), text, &path, item)
    }

    #[test]
    fn an_entry_goes_and_all_around_it_stays() {
        for (text, path, expected) in [
            ("a: 1\nb: 2 # why\nc: 3\n", "b", "a: 1\nc: 3\n"),
            ("a: 1\nb: 2", "b", "a: 1\n"),
            ("x: {g: {<<: {p.io: 1}}}\n", "x/g/p.io", "x: {g: {<<: {}}}\n"),
            ("a: 1\r\nb: 2\r\nc: 3\r\n", "b", "a: 1\r\nc: 3\r\n"),
            ("# first\nb: 2\n# second\na: 1\n", "b", "# first\n# second\na: 1\n"),
            ("g:\n  p.io:\n    - x\n    # why\n    - y\n\n  # q\n  q: []\n", "g/p.io", "g:\n\n  # q\n  q: []\n"),
            ("g:\n  p.io:\n  - x\n  - y\n  q:\n  - z\n", "g/p.io", "g:\n  q:\n  - z\n"),
            ("g:\n  q: 1\n  \"p.io\": [x,\n    y]\nh: 1\n", "g/p.io", "g:\n  q: 1\nh: 1\n"),
            ("g:   # all\n  # one\n  p.io: [x]\n# end\n", "g/p.io", "g: {}   # all\n  # one\n# end\n"),
            ("f:\n  g:\n    p.io: [x]\n  h: 1\n", "f/g/p.io", "f:\n  g: {}\n  h: 1\n"),
            ("g: {p.io: [x, '}', \"],\\\"\"], q: 1}\n", "g/p.io", "g: {q: 1}\n"),
            ("g: {q: 1, p.io: [x] } # z\n", "g/p.io", "g: {q: 1 } # z\n"),
            ("g: {p.io: [x]}\n", "g/p.io", "g: {}\n"),
            ("{a: 1, b: {p.io: x, q: y}}\n", "b/p.io", "{a: 1, b: {q: y}}\n"),
            ("g: {\n  q: 1, # }\n  p.io: [x]\n}\n", "g/p.io", "g: {\n  q: 1, # }\n}\n"),
            ("g: {\n  p.io: [x],\n  q: 1\n}\n", "g/p.io", "g: {\n  q: 1\n}\n"),
            ("g: {a: 1,\n  p.io: [x], b: 2}\n", "g/p.io", "g: {a: 1,\n  b: 2}\n"),
            ("g:\n  p.io: |\n    x\n\n    z\n  q: 1\n", "g/p.io", "g:\n  q: 1\n"),
        ] {
            assert_eq!(key(text, path).unwrap_or_else(|error| panic!("{text:?}: {error:?}")), expected, "{text:?}");
        }
    }

    #[test]
    fn an_item_goes_and_all_around_it_stays() {
        for (text, path, expected) in [
            ("t: [p.io]\n", "t", "t: []\n"),
            ("t: [a, p.io, b] # why\n", "t", "t: [a, b] # why\n"),
            ("t: [p.io, a, \"p.io\"]\n", "t", "t: [a]\n"),
            ("t: [a, p.io]", "t", "t: [a]"),
            ("t:\n  - a\n  # the partner\n  - p.io # gone\n  - b\n", "t", "t:\n  - a\n  # the partner\n  - b\n"),
            ("t:\n- p.io\nu: 1\n", "t", "t: []\nu: 1\n"),
            ("f: {t: [a, 'p.io'], u: 1}\n", "f/t", "f: {t: [a], u: 1}\n"),
            ("t: [\n  a,\n  p.io,\n]\n", "t", "t: [\n  a,\n]\n"),
            ("t: [a, p.iow]\n", "t", "t: [a, p.iow]\n"),
        ] {
            let edited = items(text, path, "p.io");
            assert_eq!(edited.unwrap_or_else(|error| panic!("{text:?}: {error:?}")), expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_removed_is_refused_with_the_way_out() {
        for (text, path) in [("x: &x {p.io: 1}\nz: *x\n", "z/p.io"), ("g:\n  ? p.io\n  : 1\n", "g/p.io")] {
            let error = key(text, path).expect_err(text);
            assert!(error.message.contains("cannot be removed"), "{text:?}: {error:?}");
        }
        assert!(key("a: 1\n", "b").expect_err("").message.contains("there is no `b`"));
        assert!(items("a: 1\n", "a", "x").expect_err("").message.contains("there is no list"));
    }
}
