//! Reading YAML into nodes with places.

use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};

use super::scalar::resolve;
use super::{Entry, Map, Node, Value};
use crate::diagnostic::{Diagnostic, FileId, Place};

/// How deep collections may stand in each other, aliases followed.
const DEPTH_LIMIT: usize = 200;

/// How many nodes aliases may add to a document: room for honest reuse, none for a bomb.
const ALIAS_LIMIT: usize = 100_000;

/// How many values may stand in a file: more than anybody writes, and few enough that a file made of nothing else takes
/// little more memory than its text.
const VALUE_LIMIT: usize = 100_000;

/// The same for federation files and the bundles in them: of 1 MiB, with keys of the shortest kind, it takes 35,000.
const PLAIN_VALUE_LIMIT: usize = 50_000;

/// How long a key may be, what must be escaped in it written so: readers look for the colon in the next 1024 characters
/// alone (YAML 1.2.2, section 7.4.2).
const KEY_LIMIT: usize = 1000;

/// Reads the one document of a file.
///
/// # Errors
/// Where the text is not YAML, is no or more than one document, or uses what Kubernetes' files have no use for
/// (tags, duplicate keys, keys that are not text, control characters).
pub fn parse(file: FileId, text: &str) -> Result<Node, Diagnostic> {
    one_document(file, Composer::new(file).read(text)?)
}

/// Returns the one document that there is among those of a file.
///
/// # Errors
/// Where there is none or more than one.
pub fn one_document(file: FileId, mut documents: Vec<Node>) -> Result<Node, Diagnostic> {
    match documents.len() {
        0 => Err(Diagnostic::new("the file is empty")
            .at(Place::point(file, 1, 1))
            .help("write the settings, or `{}` for none, or remove the file")),
        1 => Ok(documents.remove(0)),
        n => Err(Diagnostic::new(format!("the file holds {n} documents where one is expected"))
            .at(documents[1].place)
            .help("remove the `---` and what follows it, or move it to a file of its own")),
    }
}

/// Reads the one document of a file that may have no anchors and aliases.
///
/// # Errors
/// As [`parse`], and where there is an anchor.
pub fn parse_plain(file: FileId, text: &str) -> Result<Node, Diagnostic> {
    parse_moved(file, text, &std::convert::identity)
}

/// Reads as [`parse_plain`] what is part of a file, with its places moved to where they are in the file.
///
/// # Errors
/// As [`parse_plain`].
pub(super) fn parse_moved(file: FileId, text: &str, moved: &dyn Fn(Place) -> Place) -> Result<Node, Diagnostic> {
    let plain = Composer { value_limit: PLAIN_VALUE_LIMIT, anchors_allowed: false, moved, ..Composer::new(file) };
    one_document(file, plain.read(text)?)
}

/// Reads all documents of a file; none of a file that is empty or holds only comments.
///
/// # Errors
/// As [`parse`], but for the number of documents.
pub fn parse_stream(file: FileId, text: &str) -> Result<Vec<Node>, Diagnostic> {
    Composer::new(file).read(text)
}

/// Reads as [`parse_stream`] what stands in a file from a line on, counted from 1.
///
/// # Errors
/// As [`parse_stream`].
pub fn parse_stream_from(file: FileId, text: &str, line: u32) -> Result<Vec<Node>, Diagnostic> {
    let moved = |place: Place| Place { line: place.line + line - 1, end_line: place.end_line + line - 1, ..place };
    Composer { moved: &moved, ..Composer::new(file) }.read(text)
}

fn refuse_control_characters(file: FileId, text: &str) -> Result<(), Diagnostic> {
    // Almost all files are of these alone, and looking at all bytes at once is many times faster than at each character.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return Ok(());
    }
    let forbidden = |offset: usize, c: char| match c {
        // By itself it ends a line in YAML and in nothing else: a reviewer would not see what is on the next one.
        '\r' => text.as_bytes().get(offset + 1) != Some(&b'\n'),
        '\t' | '\n' | '\u{85}' => false,
        c => c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}'),
    };
    match text.char_indices().find(|&(offset, c)| forbidden(offset, c)) {
        None => Ok(()),
        Some((offset, c)) => {
            Err(Diagnostic::new(format!("the character U+{:04X} may not stand in YAML", u32::from(c)))
                .at(Place::of_offset(file, text, offset))
                .help("remove it; in a double-quoted scalar it can be written as an escape"))
        }
    }
}

fn scan_diagnostic(file: FileId, text: &str, error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let place = Place::point(file, marker.line(), marker.col() + 1);
    let diagnostic = Diagnostic::new(format!("this is not YAML: {}", error.kind())).at(place);
    // YAML takes the braces of an unquoted expression for a map, and `: ` in it for a key.
    let line = text.lines().nth(marker.line().saturating_sub(1)).unwrap_or("");
    if line.contains("${{") {
        diagnostic.help("quote the scalar that holds the expression: YAML cuts it short")
    } else {
        diagnostic
    }
}

/// Puts the parser's events together.
struct Composer<'a> {
    file: FileId,
    /// Where a place is in the file.
    moved: &'a dyn Fn(Place) -> Place,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    values: usize,
    value_limit: usize,
    from_aliases: usize,
    anchors_allowed: bool,
}

/// A collection whose end has not been reached.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { map: Map, key: Option<(super::Text, Place)>, merged: Vec<Node>, awaiting_merge: bool },
}

impl Composer<'_> {
    fn new(file: FileId) -> Self {
        Self {
            file,
            moved: &std::convert::identity,
            documents: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            values: 0,
            value_limit: VALUE_LIMIT,
            from_aliases: 0,
            anchors_allowed: true,
        }
    }

    fn read(mut self, text: &str) -> Result<Vec<Node>, Diagnostic> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let moved = self.moved;
        let there = |error: Diagnostic| Diagnostic { place: error.place.map(moved), ..error };
        refuse_control_characters(self.file, text).map_err(there)?;
        let mut parser = Parser::new_from_str_with_options(text, Options::default());
        for event in &mut parser {
            let (event, span) = event.map_err(|error| there(scan_diagnostic(self.file, text, &error)))?;
            self.accept(event, span)?;
        }
        Ok(self.documents)
    }

    fn accept(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let place = (self.moved)(place_of(self.file, &span));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_tag(tag.is_some(), place)?;
                if self.takes_key() {
                    return self.key(&text, style, place, anchor);
                }
                let value = match style {
                    ScalarStyle::Plain => resolve(&text),
                    _ => text.as_ref().into(),
                };
                self.finish(Node { value, place }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), place)?;
                self.open(place, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.is_some(), place)?;
                let content =
                    Content::Map { map: Map::default(), key: None, merged: Vec::new(), awaiting_merge: false };
                self.open(place, anchor, content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn takes_key(&self) -> bool {
        matches!(
            self.open.last().map(|open| &open.content),
            Some(Content::Map { key: None, awaiting_merge: false, .. })
        )
    }

    fn open(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), Diagnostic> {
        if self.takes_key() {
            return Err(Diagnostic::new("a key must be text, not a collection").at(place));
        }
        if self.open.len() >= DEPTH_LIMIT {
            return Err(too_deep(place));
        }
        self.open.push(Open { place, anchor, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        let Some(Open { place, anchor, content }) = self.open.pop() else {
            return Ok(());
        };
        let value = match content {
            Content::List(items) => items.into(),
            Content::Map { mut map, merged, .. } => {
                merge_defaults(&mut map, merged);
                map.into()
            }
        };
        self.finish(Node { value, place }, anchor)
    }

    fn key(&mut self, text: &str, style: ScalarStyle, place: Place, anchor: usize) -> Result<(), Diagnostic> {
        if anchor != 0 {
            return Err(Diagnostic::new("an anchor may not stand on a key").at(place));
        }
        let Some(Open { content: Content::Map { map, key, awaiting_merge, .. }, .. }) = self.open.last_mut() else {
            return Ok(());
        };
        // No byte takes more than six characters there.
        if text.len() > KEY_LIMIT / 6 && text.escape_default().nth(KEY_LIMIT).is_some() {
            return Err(Diagnostic::new(format!("a key has more than {KEY_LIMIT} characters")).at(place));
        }
        let plain = matches!(style, ScalarStyle::Plain);
        if plain && text == "<<" {
            *awaiting_merge = true;
            return Ok(());
        }
        if plain && matches!(resolve(text), Value::Bool(_) | Value::Null) {
            return Err(Diagnostic::new(format!("Kubernetes does not read the key `{text}` as text"))
                .at(place)
                .help(format!("quote it: \"{text}\"")));
        }
        if let Some(first) = map.get(text) {
            return Err(Diagnostic::new(format!("the key `{text}` stands here a second time"))
                .at(place)
                .help(format!("the first one is in line {}; keep one", first.key.line)));
        }
        *key = Some((text.into(), place));
        Ok(())
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Diagnostic> {
        if self.takes_key() {
            return Err(Diagnostic::new("an alias may not stand as a key").at(place));
        }
        let Some(target) = self.anchors.get(&anchor) else {
            return Err(Diagnostic::new("an alias may not stand inside what it names").at(place));
        };
        let (nodes, depth) = extent(target);
        self.from_aliases += nodes;
        if self.from_aliases > ALIAS_LIMIT {
            return Err(Diagnostic::new(format!("the aliases of this file expand to more than {ALIAS_LIMIT} values"))
                .at(place)
                .help("write the values out, or use fewer aliases of aliases"));
        }
        if self.open.len() + depth > DEPTH_LIMIT {
            return Err(too_deep(place));
        }
        let node = target.clone();
        self.finish(node, 0)
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.values += 1;
        if self.values > self.value_limit {
            let message = format!("more than {} values stand in this file", self.value_limit);
            return Err(Diagnostic::new(message).at(node.place));
        }
        if anchor != 0 && !self.anchors_allowed {
            return Err(Diagnostic::new("an anchor (`&…`) may not stand here")
                .at(node.place)
                .help("write the value out where it is needed"));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { map, key, merged, awaiting_merge }) => {
                if std::mem::take(awaiting_merge) {
                    merged.extend(merge_sources(node)?);
                } else if let Some((key, place)) = key.take() {
                    map.insert(key, Entry { key: place, node });
                }
            }
        }
        Ok(())
    }
}

fn place_of(file: FileId, span: &Span) -> Place {
    let (start, end) = (&span.start, &span.end);
    // A map begins where its first key does, and the parser gives that no width.
    let end_column = if start == end { end.col() + 2 } else { end.col() + 1 };
    Place::stretch(file, (start.line(), start.col() + 1), (end.line(), end_column))
}

fn refuse_tag(tagged: bool, place: Place) -> Result<(), Diagnostic> {
    if tagged {
        return Err(Diagnostic::new("a tag (`!…`) may not stand here")
            .at(place)
            .help("remove it, and quote what must be text"));
    }
    Ok(())
}

fn too_deep(place: Place) -> Diagnostic {
    Diagnostic::new(format!("more than {DEPTH_LIMIT} collections stand in each other here")).at(place)
}

/// Returns how many nodes there are in `node` and how deep it is.
fn extent(node: &Node) -> (usize, usize) {
    let children = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.fold((1, 1), |(count, depth), child| {
            let (c, d) = extent(child);
            (count + c, depth.max(d + 1))
        })
    };
    match &node.value {
        Value::List(items) => children(&mut items.iter()),
        Value::Map(map) => children(&mut map.values().map(|entry| &entry.node)),
        _ => (1, 1),
    }
}

/// Returns the maps that a merge key (`<<`) names.
fn merge_sources(node: Node) -> Result<Vec<Node>, Diagnostic> {
    let place = node.place;
    let sources = match node.value {
        Value::Map(_) => vec![node],
        Value::List(items) => items.to_vec(),
        _ => vec![],
    };
    if sources.is_empty() || sources.iter().any(|source| source.as_map().is_none()) {
        return Err(Diagnostic::new("`<<` merges a map or a list of maps").at(place));
    }
    Ok(sources)
}

/// Adds what `map` does not have itself; earlier sources win.
fn merge_defaults(map: &mut Map, sources: Vec<Node>) {
    for source in sources {
        if let Value::Map(defaults) = source.value {
            for (key, entry) in defaults.iter() {
                map.entry(key.clone()).or_insert_with(|| entry.clone());
            }
        }
    }
}
