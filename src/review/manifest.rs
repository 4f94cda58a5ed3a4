//! Comparing two files or folders with manifests of Kubernetes.

use std::collections::HashMap;

use super::change::{Documents, changes};
use super::document::{Content, Document, Object};
use super::fold::fold;
use super::side::{Files, Side, manifests};
use super::{Failure, Request, Review, Which};
use crate::diagnostic::{Diagnostic, FileId, Sources};
use crate::parallel;
use crate::workspace::Reader;
use crate::yaml::{Node, parse_stream, parse_stream_from};

/// The largest file with manifests that is read, in bytes.
const SIZE_LIMIT: u64 = 64 << 20;

/// Compares two files or folders with manifests.
///
/// # Errors
/// Where one of them cannot be read.
pub fn review(before: &Side, after: &Side, request: &Request) -> Result<Review, Vec<Diagnostic>> {
    let mut review = Review::new(&before.name, &after.name);
    let sources = [Sources::default(), Sources::default()];
    let mut texts = [texts(before, &sources[0])?, texts(after, &sources[1])?];
    if before.is_file() && after.is_file() {
        // Whatever the two are called, the one is compared with the other.
        texts.iter_mut().flatten().for_each(|text| text.path.clear());
    }
    let mut chunks = texts.iter().map(|texts| texts.iter().flat_map(chunks).collect::<Vec<_>>());
    let (mut old, mut new) = (chunks.next().unwrap_or_default(), chunks.next().unwrap_or_default());
    drop_common(&mut old, &mut new);
    let parse = |chunk: &Chunk<'_>| chunk.documents();
    let mut sides = Vec::new();
    for (which, chunks, sources) in [(Which::Before, &old, &sources[0]), (Which::After, &new, &sources[1])] {
        let mut documents = Vec::new();
        for parsed in parallel::map(request.jobs, chunks, parse) {
            match parsed {
                Ok(parsed) => documents.extend(parsed),
                Err(problem) => review.failures.push(Failure::of(which, "", &problem, sources)),
            }
        }
        sides.push(Documents { documents, sources, records: None });
    }
    if let (true, Some(new), Some(old)) = (review.failures.is_empty(), sides.pop(), sides.pop()) {
        let mut found = changes(&"".into(), old, new);
        request.retain(&mut found);
        review.changes = fold(found);
    }
    Ok(review)
}

/// A file that was read.
struct Text {
    path: String,
    file: FileId,
    text: String,
}

fn texts(side: &Side, sources: &Sources) -> Result<Vec<Text>, Vec<Diagnostic>> {
    let reader = Reader { tree: side.tree(), sources };
    let paths = match &side.files {
        Files::File(_, name) => vec![name.clone()],
        _ => manifests(side.tree()).map_err(|problem| vec![problem])?,
    };
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match reader.text_up_to(&path, SIZE_LIMIT) {
            Ok(Some((file, text))) => texts.push(Text { path, file, text }),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

/// A document of a file, before it is parsed.
struct Chunk<'a> {
    of: &'a Text,
    text: &'a str,
    /// The line where it starts, counted from 1; nothing where the file must be parsed as a whole.
    line: Option<u32>,
}

impl Chunk<'_> {
    fn documents(&self) -> Result<Vec<Document>, Diagnostic> {
        let nodes = match self.line {
            Some(line) => parse_stream_from(self.of.file, self.text, line)?,
            None => parse_stream(self.of.file, self.text)?,
        };
        Ok(nodes.into_iter().flat_map(listed).map(|node| document(&self.of.path, node)).collect())
    }
}

/// Returns the objects of a list, or the one that it is.
fn listed(node: Node) -> Vec<Node> {
    let is_list = node.get("kind").and_then(Node::as_text) == Some("List");
    match node.get("items").and_then(Node::as_list).filter(|_| is_list) {
        Some(items) => items.to_vec(),
        None => vec![node],
    }
}

fn document(path: &str, node: Node) -> Document {
    match Object::of(&node) {
        Some(_) => Document::object("", &node),
        None => Document::file("", "file", path, Content::File, node),
    }
}

/// Returns the documents of a file: what stands between lines that begin with `---`, where nothing but such a line can
/// begin so. Directives reach from one document into the next.
fn chunks(of: &Text) -> Vec<Chunk<'_>> {
    if of.text.split('\n').any(|line| line.starts_with('%')) {
        return vec![Chunk { of, text: &of.text, line: None }];
    }
    let mut chunks = Vec::new();
    let (mut start, mut first, mut at, mut number) = (0, 1, 0, 1);
    for line in of.text.split_inclusive('\n') {
        let is_marker =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if is_marker && at > start {
            chunks.push(Chunk { of, text: &of.text[start..at], line: Some(first) });
            (start, first) = (at, number);
        }
        at += line.len();
        number += 1;
    }
    chunks.push(Chunk { of, text: &of.text[start..], line: Some(first) });
    chunks
}

/// Takes out of both sides the documents whose text both have.
fn drop_common(old: &mut Vec<Chunk<'_>>, new: &mut Vec<Chunk<'_>>) {
    let body = |chunk: &Chunk<'_>| chunk.text.trim_end().trim_start_matches("---").trim_start().to_owned();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for chunk in new.iter() {
        *counts.entry(body(chunk)).or_default() += 1;
    }
    let mut common: HashMap<String, usize> = HashMap::new();
    old.retain(|chunk| {
        let text = body(chunk);
        match counts.get_mut(&text).filter(|count| **count > 0) {
            Some(count) => {
                *count -= 1;
                *common.entry(text).or_default() += 1;
                false
            }
            None => true,
        }
    });
    new.retain(|chunk| match common.get_mut(&body(chunk)).filter(|count| **count > 0) {
        Some(count) => {
            *count -= 1;
            false
        }
        None => true,
    });
}
