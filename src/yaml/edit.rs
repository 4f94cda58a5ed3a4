//! Editing files that people wrote: every comment and every other byte stays.
//!
//! Edits work on the places that reading gives. Each is verified: the new text must read as the old one does, but for
//! what was to change.

use std::ops::Range;
use std::sync::Arc;

use super::parse::{parse, parse_plain};
use super::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, FileId, Place};

/// Returns the text with a part of the scalars at these places replaced, if nothing but their values changes by that.
/// A change is a place, what stands there, and what is to stand there.
pub fn replace_in_scalars(file: FileId, text: &str, mut changes: Vec<(Place, &str, &str)>) -> Option<String> {
    let mut meant = parse(file, text).ok()?;
    let mut edited = text.to_owned();
    // From the end, so that the places before stay right. Two changes of one scalar are for two rounds.
    changes.sort_by_key(|(place, ..)| std::cmp::Reverse((place.line, place.column)));
    changes.dedup_by_key(|(place, ..)| *place);
    for (place, from, to) in changes {
        let range = range(text, place)?;
        let scalar = text.get(range.clone())?;
        if scalar.matches(from).count() != 1 || !replace(&mut meant, place, from, to) {
            return None;
        }
        edited.replace_range(range, &scalar.replace(from, to));
    }
    let read = parse(file, &edited).ok()?;
    (read == meant).then_some(edited)
}

/// Sets the text at a place, where it is `from`.
fn replace(node: &mut Node, place: Place, from: &str, to: &str) -> bool {
    if node.place == place && node.as_text() == Some(from) {
        node.value = to.into();
        return true;
    }
    match &mut node.value {
        Value::Map(_) => {
            node.as_map_mut().is_some_and(|map| map.values_mut().any(|entry| replace(&mut entry.node, place, from, to)))
        }
        Value::List(items) => Arc::make_mut(items).iter_mut().any(|item| replace(item, place, from, to)),
        _ => false,
    }
}

/// Returns the text with `key` of the one map in it set to `value`: as a literal block (`|-`) where that can be, else in
/// double quotes. A key that is not there yet is added at the end.
///
/// # Errors
/// Where the text is not one map without anchors, the key holds a list or a map, or something else would change, too.
pub fn set_text(file: FileId, text: &str, key: &str, value: &str) -> Result<String, Diagnostic> {
    let root = parse_plain(file, text)?;
    let Some(map) = root.as_map() else {
        return Err(Diagnostic::new(format!("the file must be a map, not {}", root.kind())).at(root.place));
    };
    let entry = map.get(key);
    if let Some(entry) = entry.filter(|entry| entry.node.is_collection()) {
        return Err(Diagnostic::new(format!("`{key}` holds {}, and is to hold text", entry.node.kind()))
            .at(entry.key)
            .help("remove the key with what it holds first"));
    }
    let edited = match entry {
        Some(entry) => replaced(text, &root, entry, value),
        None => added(text, &root, key, value),
    };
    let mut meant = root.clone();
    meant.set(key, Node::new(root.place, value));
    let is_meant = |edited: &String| parse_plain(file, edited).is_ok_and(|read| read == meant);
    edited.into_iter().flatten().find(is_meant).ok_or_else(|| {
        Diagnostic::new(format!("`{key}` cannot be set without changing something else in the file"))
            .at(entry.map_or(root.place, |entry| entry.key))
            .help(format!("write it by hand, as `{key}: |-` and the text in the lines below, indented"))
    })
}

/// Returns the text with the scalar at a path of keys replaced by a text of one line: plain where that reads as this text,
/// else in double quotes.
///
/// # Errors
/// Where there is no such key, or something else would change, too.
pub fn set_line(file: FileId, text: &str, path: &[&str], value: &str) -> Result<String, Diagnostic> {
    let root = parse(file, text)?;
    let mut meant = root.clone();
    let missing = || Diagnostic::new(format!("there is no key `{}`", path.join("."))).at(root.place);
    let (key, above) = path.split_last().ok_or_else(missing)?;
    let map = above.iter().try_fold(&root, |node, key| node.get(key)).and_then(Node::as_map);
    let entry = map.and_then(|map| map.get(*key)).ok_or_else(missing)?;
    let changed = above.iter().try_fold(&mut meant, |node, key| Some(&mut node.as_map_mut()?.get_mut(*key)?.node));
    if let Some(changed) = changed {
        changed.set(key, Node::new(root.place, value));
    }
    let old = Written::find(text, entry).filter(|_| !entry.node.is_collection());
    let edited = old.into_iter().flat_map(|old| {
        let (before, rest, after) = (&text[..old.value.start], &text[old.rest.clone()], &text[old.end..]);
        let gap = if before.ends_with(':') { " " } else { "" };
        [value.to_owned(), quoted(value)].map(|value| format!("{before}{gap}{value}{rest}{after}"))
    });
    let is_meant = |edited: &String| parse(file, edited).is_ok_and(|read| read == meant);
    edited.into_iter().find(is_meant).ok_or_else(|| {
        Diagnostic::new(format!("`{}` cannot be set without changing something else in the file", path.join(".")))
            .at(entry.key)
            .help("write it by hand")
    })
}

/// Returns the texts in which the value of an entry is replaced, the nicest first.
fn replaced(text: &str, root: &Node, entry: &Entry, value: &str) -> Option<Vec<String>> {
    let old = Written::find(text, entry)?;
    let (before, rest, after) = (&text[..old.value.start], &text[old.rest.clone()], &text[old.end..]);
    let gap = if before.ends_with(':') { " " } else { "" };
    let indent = old.indent.unwrap_or(root.place.column as usize + 1);
    let literal = literal(value, indent, line_break(text));
    let literal = literal.map(|lines| format!("{before}{gap}|-{rest}{lines}{after}"));
    let quoted = format!("{before}{gap}{}{rest}{after}", quoted(value));
    Some(literal.into_iter().chain([quoted]).collect())
}

/// Where the value of an entry is written.
struct Written {
    /// The value; of a block scalar the `|` or `>` and what belongs to it.
    value: Range<usize>,
    /// The rest of the line: a comment, perhaps.
    rest: Range<usize>,
    /// The end of the last line of the value, its line break not included.
    end: usize,
    /// The indentation of a block scalar.
    indent: Option<usize>,
}

impl Written {
    fn find(text: &str, entry: &Entry) -> Option<Self> {
        let after_key = offset(text, entry.key.end_line, entry.key.end_column)?;
        let colon = after_key + text[after_key..].bytes().take_while(|byte| *byte == b' ').count();
        let after_colon = text[colon..].strip_prefix(':').map(|_| colon + 1)?;
        let start = skip_comments(text, after_colon);
        if text[start..].starts_with(['|', '>']) {
            return Some(Self::block(text, start, entry));
        }
        let value = match range(text, entry.node.place).filter(|range| range.start == start) {
            Some(range) => range,
            None if matches!(entry.node.value, Value::Null) => after_colon..after_colon,
            None => return None,
        };
        let end = line_end(text, value.end);
        Some(Self { rest: value.end..end, end, indent: None, value })
    }

    fn block(text: &str, start: usize, entry: &Entry) -> Self {
        let header = text[start..].bytes().take_while(|byte| b"|>+-0123456789".contains(byte)).count();
        let value = start..start + header;
        let rest = value.end..line_end(text, value.end);
        let indent = entry.node.place.column as usize - 1;
        let is_empty = entry.node.as_text().is_none_or(|text| text.trim().is_empty());
        let indent = if is_empty { None } else { Some(indent) };
        let mut end = rest.end;
        let mut at = rest.end;
        while let Some(length) = text[at..].find('\n') {
            at += length + 1;
            let line_end = line_end(text, at);
            let line = &text[at..line_end];
            let belongs =
                indent.is_some_and(|indent| line.len() >= indent && line.bytes().take(indent).all(|b| b == b' '));
            match (line.trim().is_empty(), belongs) {
                (false, true) => end = line_end,
                (false, false) => break,
                // Empty lines belong to the block if more of it follows.
                (true, _) => {}
            }
        }
        Self { value, rest, end, indent }
    }
}

/// Returns the texts in which an entry is added, the nicest first.
fn added(text: &str, root: &Node, key: &str, value: &str) -> Option<Vec<String>> {
    let start = offset(text, root.place.line, root.place.column)?;
    if text[start..].starts_with('{') {
        return Some(added_in_flow(text, key, value));
    }
    let (before, after) = text.split_at(start + document_length(&text[start..]));
    let line_break = line_break(text);
    let gap = if before.ends_with('\n') { "" } else { line_break };
    let pad = " ".repeat(root.place.column as usize - 1);
    let literal = literal(value, root.place.column as usize + 1, line_break);
    let values = literal.map(|lines| format!("|-{lines}")).into_iter().chain([quoted(value)]);
    Some(values.map(|value| format!("{before}{gap}{pad}{key}: {value}{line_break}{after}")).collect())
}

/// Tries one closing brace after the other: which of them ends the map and which stands in a comment shows when the
/// text is read again.
fn added_in_flow(text: &str, key: &str, value: &str) -> Vec<String> {
    const TRIES: usize = 10;
    let entry = format!("{key}: {}", quoted(value));
    let braces = text.rmatch_indices('}').take(TRIES);
    let at = |(brace, _): (usize, &str)| {
        let (before, after) = text.split_at(brace);
        [", ", ""].map(|comma| format!("{before}{comma}{entry}{after}"))
    };
    braces.flat_map(at).collect()
}

/// Returns the lines of a literal block, each after a line break; nothing where readers would not agree on what such a
/// block means: its indentation is that of its first line, and libyaml takes no tab there.
fn literal(value: &str, indent: usize, line_break: &str) -> Option<String> {
    if value.is_empty() || value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) {
        return None;
    }
    let pad = " ".repeat(indent);
    let line = |line: &str| if line.is_empty() { line_break.to_owned() } else { format!("{line_break}{pad}{line}") };
    Some(value.split('\n').map(line).collect())
}

/// Returns a text in double quotes: what JSON writes is YAML as well.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn line_break(text: &str) -> &'static str {
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    if first.ends_with("\r\n") { "\r\n" } else { "\n" }
}

/// Returns where the line ends, its line break not included.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let length = text[at..].find('\n').unwrap_or(text.len() - at);
    at + text[at..at + length].trim_end_matches('\r').len()
}

/// Returns where the next thing stands that is neither blank nor comment.
fn skip_comments(text: &str, mut at: usize) -> usize {
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\r', '\n']).len();
        if !text[at..].starts_with('#') {
            return at;
        }
        at = line_end(text, at);
    }
}

/// Returns how long the document is that a text begins with: up to `...`, which nothing inside it can look like.
fn document_length(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("...").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            break;
        }
        length += line.len();
    }
    length
}

fn range(text: &str, place: Place) -> Option<Range<usize>> {
    let range = offset(text, place.line, place.column)?..offset(text, place.end_line, place.end_column)?;
    (range.start <= range.end).then_some(range)
}

/// Returns the byte at which a line and column are.
pub(super) fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
    let start: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let mark = if line == 1 && text.starts_with('\u{feff}') { 1 } else { 0 };
    let rest = text.get(start..)?;
    let within = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
    within.skip(mark).nth(column as usize - 1).map(|index| start + index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;

    fn set(text: &str) -> Result<String, Diagnostic> {
        set_text(Sources::default().add("x", text), text, "b", "{\n  1\n}")
    }

    #[test]
    fn a_value_is_replaced_and_all_around_it_stays() {
        for (text, expected) in [
            ("a: 1\nb: x # why\nc: 2\n", "a: 1\nb: |- # why\n  {\n    1\n  }\nc: 2\n"),
            ("b: 'x'\n# c\n", "b: |-\n  {\n    1\n  }\n# c\n"),
            ("b: \"x\n  y\" # z\nc: 1", "b: |- # z\n  {\n    1\n  }\nc: 1"),
            ("b: x\n  y\nc: 1", "b: |-\n  {\n    1\n  }\nc: 1"),
            ("b:\n", "b: |-\n  {\n    1\n  }\n"),
            ("b: # why\nc: 1\n", "b: |- # why\n  {\n    1\n  }\nc: 1\n"),
            ("b: ~\n", "b: |-\n  {\n    1\n  }\n"),
            ("b:\n  # why\n  x\n", "b:\n  # why\n  |-\n  {\n    1\n  }\n"),
            ("\"b\" :   x\n", "\"b\" :   |-\n  {\n    1\n  }\n"),
            ("b: | # why\n    x\n\n    y\n\n\n# z\nc: 1\n", "b: |- # why\n    {\n      1\n    }\n\n\n# z\nc: 1\n"),
            ("b: >+\n  x\n\n\nc: 1\n", "b: |-\n  {\n    1\n  }\n\n\nc: 1\n"),
            ("b: |2-\n   x\n  y\n# z\n", "b: |-\n  {\n    1\n  }\n# z\n"),
            ("b: |\n    x\n  # why\nc: 1\n", "b: |-\n    {\n      1\n    }\n  # why\nc: 1\n"),
            ("b: |-\n", "b: |-\n  {\n    1\n  }\n"),
            ("  a: 1\n  b: x\n", "  a: 1\n  b: |-\n    {\n      1\n    }\n"),
            ("---\nb: x\n...\n# y\n", "---\nb: |-\n  {\n    1\n  }\n...\n# y\n"),
            ("a: 1\r\nb: x\r\nc: 2\r\n", "a: 1\r\nb: |-\r\n  {\r\n    1\r\n  }\r\nc: 2\r\n"),
            ("\u{feff}b: x", "\u{feff}b: |-\n  {\n    1\n  }"),
            ("{a: 1, b: x, c: 2}\n", "{a: 1, b: \"{\\n  1\\n}\", c: 2}\n"),
            ("{\n  \"b\":\"x\"\n}\n", "{\n  \"b\": \"{\\n  1\\n}\"\n}\n"),
            ("b: x\n     # deep\nc: 1\n", "b: \"{\\n  1\\n}\"\n     # deep\nc: 1\n"),
        ] {
            assert_eq!(set(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}")), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_is_set_where_it_stands() {
        for (text, value, expected) in [
            ("a:\n  b: x # why\nc: 1\n", "z", "a:\n  b: z # why\nc: 1\n"),
            ("a: {b: 'x', c: 1}\n", "z", "a: {b: z, c: 1}\n"),
            ("a: {b: x}\n", "y, z: 1", "a: {b: \"y, z: 1\"}\n"),
            ("a:\n  b: x\n", "yes", "a:\n  b: \"yes\"\n"),
            ("a:\n  b: x\n", "1.5", "a:\n  b: \"1.5\"\n"),
            ("a:\n  b: x\n", "y #z", "a:\n  b: \"y #z\"\n"),
            ("a:\n  b:\n", "z", "a:\n  b: z\n"),
            ("a:\n  b: |-\n    x\n    y\nc: 1\n", "z", "a:\n  b: z\nc: 1\n"),
        ] {
            let edited = set_line(Sources::default().add("x", text), text, &["a", "b"], value);
            assert_eq!(edited.unwrap_or_else(|error| panic!("{text:?}: {error:?}")), expected, "{text:?}");
        }
        for text in ["a: {}\n", "a: {b: [1]}\n", "b: 1\n"] {
            assert!(set_line(Sources::default().add("x", text), text, &["a", "b"], "y").is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_added_at_the_end() {
        for (text, expected) in [
            ("a: 1\n", "a: 1\nb: |-\n  {\n    1\n  }\n"),
            ("a: 1", "a: 1\nb: |-\n  {\n    1\n  }\n"),
            ("a: 1\n\n# end\n", "a: 1\n\n# end\nb: |-\n  {\n    1\n  }\n"),
            ("a: |+\n  x\n\n", "a: |+\n  x\n\nb: |-\n  {\n    1\n  }\n"),
            ("---\n  a: 1 # x\n... # end\n", "---\n  a: 1 # x\n  b: |-\n    {\n      1\n    }\n... # end\n"),
            ("a: 1\r\n", "a: 1\r\nb: |-\r\n  {\r\n    1\r\n  }\r\n"),
            ("{}", "{b: \"{\\n  1\\n}\"}"),
            ("{a: {c: 1} # }\n} # }\n", "{a: {c: 1} # }\n, b: \"{\\n  1\\n}\"} # }\n"),
            ("{a: 1,}\n", "{a: 1,b: \"{\\n  1\\n}\"}\n"),
        ] {
            assert_eq!(set(text).unwrap_or_else(|error| panic!("{text:?}: {error:?}")), expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_edited_is_refused_with_the_way_out() {
        for (text, message) in [
            ("- 1\n", "must be a map"),
            ("a: &x 1\n", "an anchor"),
            ("b: &x 1\n", "an anchor"),
            ("b: [1]\n", "`b` holds a list"),
            ("b:\n  c: 1\n", "`b` holds a map"),
            ("? b\n: x\n", "write it by hand"),
            ("a: 1\n---\nb: 2\n", "2 documents"),
            ("b: [\n", "not YAML"),
        ] {
            let error = set(text).expect_err(text);
            let said = format!("{} {}", error.message, error.help.unwrap_or_default());
            assert!(said.contains(message), "{text:?}: {said}");
        }
    }
}
