//! JSON inside a scalar, with places in the file that the scalar stands in.

use serde::de::IgnoredAny;

use super::Node;
use super::parse::parse_moved;
use crate::diagnostic::{Diagnostic, FileId, Place};

/// Reads the text of a scalar as JSON. Places are those in the file, as far as the way the scalar is written lets them
/// be known; otherwise the scalar's own.
///
/// # Errors
/// Where the text is not JSON, or a key stands in it twice.
pub fn embedded_json(file: FileId, file_text: &str, scalar: &Node) -> Result<Node, Diagnostic> {
    let text = scalar.as_text().unwrap_or_default();
    let written = Written::of(file_text, scalar.place);
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let (line, column) = position(text, &error);
        let place = written.point(scalar.place, line, column);
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        return Err(Diagnostic::new(format!("this is not JSON: {reason}")).at(place));
    }
    // JSON is YAML, and the reader of YAML knows places.
    parse_moved(file, text, &|place| written.place(scalar.place, place))
}

/// Reads the text of a scalar as JSON, where it is JSON. Places are those in the file if the scalar is a literal block,
/// as far as its own place tells, and otherwise the scalar's.
pub fn json_in(scalar: &Node) -> Option<Node> {
    let text = scalar.as_text()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    yaml_in(scalar)
}

/// Reads the text of a scalar as one YAML document, where it is one. Places are as those of [`json_in`].
pub fn yaml_in(scalar: &Node) -> Option<Node> {
    let text = scalar.as_text()?;
    let written = Written::guess(scalar);
    parse_moved(scalar.place.file, text, &|place| written.place(scalar.place, place)).ok()
}

/// Returns the lines of a scalar's text, each with its place, or with the scalar's own where lines cannot be told apart.
pub fn lines_in(scalar: &Node) -> impl Iterator<Item = (Place, &str)> {
    let written = Written::guess(scalar);
    let lines = scalar.as_text().unwrap_or_default().lines().enumerate();
    lines.map(move |(index, line)| {
        let (start, end) = ((index + 1, 1), (index + 1, line.chars().count() + 1));
        (written.place(scalar.place, Place::stretch(scalar.place.file, start, end)), line)
    })
}

/// too early that it is on the line after it.
fn position(text: &str, error: &serde_json::Error) -> (usize, usize) {
    let (text, line, bytes) = match error.is_eof() {
        true => (text.trim_end(), usize::MAX, usize::MAX),
        false => (text, error.line(), error.column().saturating_sub(1)),
    };
    let lines = text.split('\n').take(line);
    let (number, line) = lines.enumerate().last().unwrap_or_default();
    let before = line.bytes().take(bytes).filter(|byte| byte & 0xc0 != 0x80).count();
    (number + 1, before + 1)
}

/// How a scalar is written: what its lines and columns are in the file.
enum Written {
    /// A literal block: its first line in the file, and its indentation.
    Literal { first_line: usize, indent: usize },
    /// One line: the column of each of its characters, and that after the last.
    Line { line: usize, columns: Vec<u32> },
    /// In a way that changes lines.
    Unknown,
}

impl Written {
    fn of(file_text: &str, place: Place) -> Self {
        let before: Vec<&str> = file_text.trim_start_matches('\u{feff}').lines().take(place.line as usize).collect();
        let Some((line, above)) = before.split_last() else {
            return Self::Unknown;
        };
        // The place of a block begins with its content; its header is the last line above that is not empty.
        if line.chars().take(place.column as usize - 1).all(|c| c == ' ')
            && let Some((number, header)) = above.iter().enumerate().rfind(|(_, line)| !line.trim().is_empty())
            && let Some(is_literal) = block_header(header)
        {
            return match is_literal {
                true => Self::Literal { first_line: number + 2, indent: place.column as usize - 1 },
                false => Self::Unknown,
            };
        }
        let length = place.end_column.saturating_sub(place.column) as usize;
        let raw: Vec<char> = line.chars().skip(place.column as usize - 1).take(length).collect();
        match raw.first() {
            Some(quote) if place.line == place.end_line => {
                Self::Line { line: place.line as usize, columns: columns(&raw, *quote, place.column) }
            }
            _ => Self::Unknown,
        }
    }

    /// Returns how a scalar is written as its place and text tell: a literal block has as many lines as its text.
    fn guess(scalar: &Node) -> Self {
        let Place { line, column, end_line, .. } = scalar.place;
        let text = scalar.as_text().unwrap_or_default();
        let blank = text.lines().take_while(|line| line.is_empty()).count();
        let content = text.trim_end_matches('\n').lines().count().saturating_sub(blank);
        match (end_line - line) as usize {
            span if span > 0 && span == content => {
                Self::Literal { first_line: (line as usize).saturating_sub(blank), indent: column as usize - 1 }
            }
            _ => Self::Unknown,
        }
    }

    fn point(&self, scalar: Place, line: usize, column: usize) -> Place {
        match self {
            Self::Literal { first_line, indent } => Place::point(scalar.file, first_line + line - 1, column + indent),
            Self::Line { line: in_file, columns } if line == 1 => {
                let last = columns.last().copied().unwrap_or(scalar.column);
                Place::point(scalar.file, *in_file, columns.get(column - 1).copied().unwrap_or(last) as usize)
            }
            _ => scalar,
        }
    }

    fn place(&self, scalar: Place, inner: Place) -> Place {
        let start = self.point(scalar, inner.line as usize, inner.column as usize);
        let end = self.point(scalar, inner.end_line as usize, inner.end_column as usize);
        if matches!(self, Self::Unknown) {
            return scalar;
        }
        Place { end_line: end.line, end_column: end.column, ..start }
    }
}

/// Returns whether a line ends in the header of a literal block (`|`) or of a folded one (`>`), if of either.
fn block_header(line: &str) -> Option<bool> {
    let header = line.split(" #").next().unwrap_or(line).trim_end();
    let header = header.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    match header.chars().last() {
        Some('|') => Some(true),
        Some('>') => Some(false),
        _ => None,
    }
}

/// Returns the column of each character that a scalar on one line means, and that after the last.
fn columns(raw: &[char], quote: char, first: u32) -> Vec<u32> {
    let quoted = matches!(quote, '"' | '\'');
    let mut columns = Vec::with_capacity(raw.len());
    let mut index = usize::from(quoted);
    let end = if quoted { raw.len().saturating_sub(1) } else { raw.len() };
    while index < end {
        columns.push(first + u32::try_from(index).unwrap_or(u32::MAX - first));
        index += match (quote, raw[index], raw.get(index + 1)) {
            ('"', '\\', Some('x')) => 4,
            ('"', '\\', Some('u')) => 6,
            ('"', '\\', Some('U')) => 10,
            ('"', '\\', _) | ('\'', '\'', _) => 2,
            _ => 1,
        };
    }
    columns.push(first + u32::try_from(end).unwrap_or(u32::MAX - first));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;
    use crate::yaml::parse;

    /// Returns line, column and end column of the value of `k`, whose text must stand there in the file.
    fn place_of_k(text: &str) -> (u32, u32, u32) {
        let file = Sources::default().add("x", text);
        let node = parse(file, text).unwrap();
        let json = embedded_json(file, text, node.get("b").unwrap()).unwrap();
        let place = json.get("k").unwrap().place;
        (place.line, place.column, place.end_column)
    }

    #[test]
    fn places_are_those_in_the_file() {
        for (text, expected) in [
            ("b: |\n  {\n    \"k\": 123\n  }\n", (3, 10, 13)),
            ("b: |-\n    {\"k\": 1}\n", (2, 11, 12)),
            ("a: 1\nb: |+\n\n  {\n   \"k\": [1]}\n", (5, 9, 10)),
            ("b: |2\n  {\"k\": 12}\n", (2, 9, 11)),
            ("\u{feff}a: 1\r\nb: |\r\n  {\r\n  \"k\": 1\r\n  }\r\n", (4, 8, 9)),
            ("b: '{\"k\": \"it''s\", \"z\": 1}'\n", (1, 11, 18)),
            ("b: \"{\\\"k\\\": 12}\"\n", (1, 13, 15)),
            ("b: >\n  {\"k\": 1}\n", (1, 4, 5)),
        ] {
            let (line, column, end) = place_of_k(text);
            if text.contains('>') {
                assert_eq!((line, column), (2, 3), "the scalar's own place: {text:?}");
            } else {
                assert_eq!((line, column, end), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_not_json_is_told_where() {
        for (text, line, column) in [
            ("b: |\n  {\n    \"k\": oops\n  }\n", 3, 10),
            ("b: |\n  {'k': 1}\n", 2, 4),
            ("b: '{\"k\": 1,}'\n", 1, 13),
            ("b: |\n  {\"k\": 1} x\n", 2, 12),
            ("b: |\n  {\"äöü\": x}\n", 2, 11),
            ("b: |\n  {\"k\": 1\n\nc: 1\n", 2, 10),
            ("b: |\n  {\n  [\n", 3, 3),
            ("b: \"\"\n", 1, 5),
        ] {
            let file = Sources::default().add("x", text);
            let node = parse(file, text).unwrap();
            let place = embedded_json(file, text, node.get("b").unwrap()).unwrap_err().place.unwrap();
            assert_eq!((place.line, place.column), (line, column), "{text:?}");
        }
    }

    #[test]
    fn a_key_may_stand_once() {
        let text = "b: |\n  {\"k\": 1, \"k\": 2}\n";
        let file = Sources::default().add("x", text);
        let node = parse(file, text).unwrap();
        let error = embedded_json(file, text, node.get("b").unwrap()).unwrap_err();
        assert_eq!(error.place.map(|place| (place.line, place.column)), Some((2, 12)));
    }
}
