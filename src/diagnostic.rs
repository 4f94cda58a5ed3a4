//! What dirops tells people, and where the trouble is.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use crate::yaml::Node;

/// A file that was read, by its number in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A stretch of a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// The line where it starts.
    pub line: u32,
    /// The column where it starts.
    pub column: u32,
    /// The line where it ends.
    pub end_line: u32,
    /// The column after its last character.
    pub end_column: u32,
}

impl Place {
    /// Returns the place of one character.
    pub fn point(file: FileId, line: usize, column: usize) -> Self {
        // Readers of JSON name column 0 for the end of a line or file.
        let line = u32::try_from(line.max(1)).unwrap_or(u32::MAX);
        let column = u32::try_from(column.max(1)).unwrap_or(u32::MAX - 1);
        Self { file, line, column, end_line: line, end_column: column + 1 }
    }

    /// Returns the place from one line and column up to, not including, another.
    pub fn stretch(file: FileId, start: (usize, usize), end: (usize, usize)) -> Self {
        let end = Self::point(file, end.0, end.1);
        Self { end_line: end.line, end_column: end.column, ..Self::point(file, start.0, start.1) }
    }

    /// Returns the place of the character at a byte offset of `text`.
    pub(crate) fn of_offset(file: FileId, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.matches('\n').count() + 1;
        Self::point(file, line, before[line_start..].chars().count() + 1)
    }
}

/// The files that were read, for turning a [`Place`] back into a path and a line of text.
#[derive(Debug, Default)]
pub struct Sources {
    files: RwLock<Vec<Source>>,
    /// What was read, where the states of a repository share it.
    shared: Option<Mutex<Shared>>,
}

/// What the states of a repository share.
#[derive(Debug, Default)]
struct Shared {
    /// The files by path: one for each text that it has in a state.
    files: HashMap<Arc<str>, Vec<FileId>>,
    documents: HashMap<FileId, Vec<Node>>,
}

#[derive(Clone, Debug)]
struct Source {
    path: Arc<str>,
    text: Arc<str>,
    /// Where each line starts, once somebody asked for one.
    lines: Arc<OnceLock<Vec<usize>>>,
}

impl Source {
    fn line(&self, number: usize) -> Option<&str> {
        let starts = self.lines.get_or_init(|| {
            let after_breaks = self.text.match_indices('\n').map(|(index, _)| index + 1);
            [0].into_iter().chain(after_breaks).collect()
        });
        let start = *starts.get(number.checked_sub(1)?)?;
        let end = starts.get(number).copied().unwrap_or(self.text.len());
        self.text.get(start..end).map(|line| line.trim_end_matches(['\n', '\r']))
    }
}

impl Sources {
    /// Returns sources for several states of the same files: a file that is the same in two of them is remembered once,
    /// and parsed once.
    pub fn of_states() -> Self {
        Self { shared: Some(Mutex::default()), ..Self::default() }
    }

    /// Remembers a file and returns its number.
    pub fn add(&self, path: &str, text: &str) -> FileId {
        let Some(mut shared) = self.shared() else { return self.add_another(path, text) };
        let same = |file: &&FileId| self.get(**file).is_some_and(|source| *source.text == *text);
        if let Some(file) = shared.files.get(path).and_then(|files| files.iter().find(same)) {
            return *file;
        }
        let file = self.add_another(path, text);
        shared.files.entry(self.path(file)).or_default().push(file);
        file
    }

    /// Returns the documents of a file, which `parse` reads unless another state has the same file.
    ///
    /// # Errors
    /// Where `parse` fails.
    pub fn documents(
        &self,
        file: FileId,
        parse: impl FnOnce() -> Result<Vec<Node>, Diagnostic>,
    ) -> Result<Vec<Node>, Diagnostic> {
        if let Some(documents) = self.shared().and_then(|shared| shared.documents.get(&file).cloned()) {
            return Ok(documents);
        }
        let documents = parse()?;
        if let Some(mut shared) = self.shared() {
            shared.documents.insert(file, documents.clone());
        }
        Ok(documents)
    }

    fn shared(&self) -> Option<MutexGuard<'_, Shared>> {
        self.shared.as_ref().map(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add_another(&self, path: &str, text: &str) -> FileId {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let id = FileId(u32::try_from(files.len()).unwrap_or(u32::MAX));
        files.push(Source { path: path.into(), text: text.into(), lines: Arc::default() });
        id
    }

    fn get(&self, file: FileId) -> Option<Source> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(file.0 as usize).cloned()
    }

    /// Returns the path of a file, relative to the tree that it was read from.
    pub fn path(&self, file: FileId) -> Arc<str> {
        self.get(file).map_or_else(|| "".into(), |source| source.path)
    }

    /// Returns what to sort a place by: its path, line and column. Numbers of files depend on who read first.
    pub fn order(&self, place: Option<Place>) -> Option<(Arc<str>, u32, u32)> {
        place.map(|place| (self.path(place.file), place.line, place.column))
    }

    /// Returns `path:line:column`.
    pub fn show(&self, place: Place) -> String {
        format!("{}:{}:{}", readable(self.path(place.file).to_string()), place.line, place.column)
    }

    /// Returns the text of a file.
    pub fn text(&self, file: FileId) -> Arc<str> {
        self.get(file).map_or_else(|| "".into(), |source| source.text)
    }

    /// Returns the text of the line where `place` starts.
    pub fn line(&self, place: Place) -> Option<String> {
        self.line_up_to(place, usize::MAX)
    }

    /// Returns the text of the line where `place` starts, unless it has more than `limit` bytes.
    fn line_up_to(&self, place: Place, limit: usize) -> Option<String> {
        let source = self.get(place.file)?;
        let line = source.line(place.line as usize).filter(|line| line.len() <= limit)?;
        Some(line.trim_start_matches('\u{feff}').to_owned())
    }

    /// Returns what stands at `place`, where that is within one line.
    pub fn excerpt(&self, place: Place) -> Option<String> {
        let line = self.line(place)?;
        let length = match place.end_line == place.line {
            true => place.end_column.saturating_sub(place.column) as usize,
            false => usize::MAX,
        };
        Some(line.chars().skip(place.column as usize - 1).take(length).collect())
    }
}

/// One thing that is wrong: what, where, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
    /// How to mend it.
    pub help: Option<String>,
    /// Other places that have to do with it.
    pub related: Vec<Place>,
    /// The key or value path that it is about, where that says more than the place.
    pub key: Option<String>,
    /// What mends it without anybody having to think.
    pub fix: Option<Fix>,
    /// Whether the source line must not be shown: there is a secret on it.
    pub secret: bool,
    /// Whether it only warns, where the rule that found it speaks of errors.
    pub softened: bool,
}

/// A change that mends a fault and can do no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Writes another text where the scalar at the diagnostic's place is.
    Replace {
        /// The scalar's text as it is.
        from: String,
        /// As it should be.
        to: String,
    },
    /// Gives the file another name in its folder.
    Rename(String),
}

impl Diagnostic {
    /// Returns a diagnostic without place or help.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: readable(message.into()),
            place: None,
            help: None,
            related: Vec::new(),
            key: None,
            fix: None,
            secret: false,
            softened: false,
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(readable(help.into()));
        self
    }

    /// Names another place that has to do with it.
    #[must_use]
    pub fn related(mut self, place: Place) -> Self {
        self.related.push(place);
        self
    }

    /// Names the key or value path that it is about.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(readable(key.into()));
        self
    }

    /// Says what mends it without anybody having to think.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Keeps the source line from being shown: there is a secret on it.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Makes it a warning, where `condition` holds.
    #[must_use]
    pub fn soften_if(mut self, condition: bool) -> Self {
        self.softened |= condition;
        self
    }

    /// Says which known name was probably meant, where one is near, or which there are.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known: Vec<&str> = known.into_iter().collect();
        known.sort_unstable();
        match nearest(name, known.iter().copied()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.help(format!("known are: {}", known.join(", "))),
        }
    }

    /// Shows the diagnostic with `label` before the message, and the source line with the place marked.
    pub fn show<'a>(&'a self, label: &'a str, sources: &'a Sources) -> impl fmt::Display + 'a {
        Shown { diagnostic: self, label, sources }
    }
}

/// Returns the name in `known` that is nearest to `name`, if any is near enough to have been meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    label: &'a str,
    sources: &'a Sources,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { message, place, help, .. } = self.diagnostic;
        write!(f, "{}: {message}", self.label)?;
        if let Some(place) = place {
            write!(f, "\n  --> {}", self.sources.show(*place))?;
            if !self.diagnostic.secret {
                self.mark(f, *place)?;
            }
        }
        match help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl Shown<'_> {
    /// Writes the source line, of a long one what stands around the place, and underlines the place in it.
    fn mark(&self, f: &mut fmt::Formatter<'_>, place: Place) -> fmt::Result {
        const WIDTH: usize = 160;
        const LONGEST: usize = 100_000;
        let Some(line) = self.sources.line_up_to(place, LONGEST) else {
            return Ok(());
        };
        let line: Vec<char> = line.chars().collect();
        let start = place.column as usize - 1;
        if line.iter().all(|c| c.is_whitespace()) || start > line.len() {
            return Ok(());
        }
        let from = if line.len() > WIDTH { start.saturating_sub(WIDTH / 4) } else { 0 };
        let to = line.len().min(from + WIDTH);
        let end = match place.end_line == place.line {
            true => (place.end_column as usize - 1).min(to),
            false => to,
        };
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        let shown: String = line[from..to].iter().map(|c| visible(*c)).collect();
        let indent: String = line[from..start].iter().map(|c| if *c == '\t' { '\t' } else { ' ' }).collect();
        let marks = "^".repeat(end.saturating_sub(start).max(1));
        let (before, blank) = if from > 0 { ("…", " ") } else { ("", "") };
        let after = if to < line.len() { "…" } else { "" };
        write!(f, "\n {number} | {before}{shown}{after}\n {gutter} | {blank}{indent}{marks}")
    }
}

/// Returns a text as somebody can read it on a line: what would steer a terminal or a log or would not be seen is
/// escaped, and a text that is too long loses its middle, for what is wrong often stands after the value.
fn readable(text: String) -> String {
    const HALF: usize = 1000;
    let escaped = match text.contains(is_unseen) {
        true => escape(&shortened(text, HALF)),
        false => text,
    };
    shortened(escaped, HALF)
}

/// Returns a text in which everything that would not be seen, or would steer a terminal, is escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unseen(c) {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    escaped
}

/// Returns a text of no more than twice `half` characters and what says how many were left out.
pub(crate) fn shortened(text: String, half: usize) -> String {
    let Some(left_out) = text.len().checked_sub(2 * half).map(|_| text.chars().count().saturating_sub(2 * half)) else {
        return text;
    };
    let start = text.char_indices().nth(half).map_or(text.len(), |(index, _)| index);
    let end = text.char_indices().nth_back(half - 1).map_or(0, |(index, _)| index);
    match left_out {
        0 => text,
        _ => format!("{} … ({left_out} more characters) … {}", &text[..start], &text[end..]),
    }
}

/// Returns the character, or what stands for one that would not be seen.
fn visible(c: char) -> char {
    match c {
        '\t' => c,
        c if is_unseen(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Controls, bidirectional controls, zero-width and other format characters (Unicode, general categories Cc and Cf),
/// and breaks of lines: what changes how a text is shown and is not seen itself.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, column: usize, end: usize) -> String {
        let sources = Sources::default();
        let place = Place::stretch(sources.add("x", text), (1, column), (1, end));
        Diagnostic::new("wrong").at(place).show("error", &sources).to_string()
    }

    #[test]
    fn what_two_states_have_in_common_is_remembered_and_parsed_once() {
        for (sources, times) in [(Sources::of_states(), 1), (Sources::default(), 2)] {
            let [one, same, other, elsewhere] = [("a", "x: 1"), ("a", "x: 1"), ("a", "x: 2"), ("b", "x: 1")]
                .map(|(path, text)| sources.add(path, text));
            assert_eq!(one == same, times == 1);
            assert!(one != other && one != elsewhere);
            let mut parsed = 0;
            for file in [one, same, other] {
                let read = || {
                    parsed += 1;
                    crate::yaml::parse_stream(file, &sources.text(file))
                };
                let documents = sources.documents(file, read).unwrap();
                assert_eq!(documents[0].get("x"), crate::yaml::parse(file, &sources.text(file)).unwrap().get("x"));
            }
            assert_eq!(parsed, times + 1);
        }
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let diagnostic = Diagnostic::new(format!("`{}` is too long", "é".repeat(1 << 20)));
        assert!(diagnostic.message.starts_with("`éé") && diagnostic.message.ends_with("éé` is too long"));
        assert!(diagnostic.message.contains(" … (1046590 more characters) … "), "{}", diagnostic.message);
        assert!(diagnostic.message.chars().count() < 2100);
        let whole = "é".repeat(2000);
        assert_eq!(Diagnostic::new(whole.clone()).message, whole);
        assert!(Diagnostic::new("\u{200b}".repeat(1 << 20)).message.chars().count() < 2100);
    }

    #[test]
    fn what_steers_a_terminal_or_a_log_is_escaped() {
        let diagnostic = Diagnostic::new("`a\u{1b}[31m`").help("b\n::error::c").key("d\u{202e}");
        assert_eq!(diagnostic.message, r"`a\u{1b}[31m`");
        assert_eq!(diagnostic.help.as_deref(), Some(r"b\n::error::c"));
        assert_eq!(diagnostic.key.as_deref(), Some(r"d\u{202e}"));
        assert_eq!(
            shown("a: \u{1b}\u{202e}x", 4, 5),
            "error: wrong\n  --> x:1:4\n 1 | a: \u{fffd}\u{fffd}x\n   |    ^"
        );
    }

    #[test]
    fn of_a_long_line_what_stands_around_the_place_is_shown() {
        let line = format!("{}BAD{}", "a".repeat(100), "b".repeat(200));
        let expected = format!("…{}BAD{}…\n   |  {}^^^", "a".repeat(40), "b".repeat(117), " ".repeat(40));
        assert_eq!(shown(&line, 101, 104), format!("error: wrong\n  --> x:1:101\n 1 | {expected}"));
        let longer = "a".repeat(200_000);
        assert_eq!(shown(&longer, 101, 104), "error: wrong\n  --> x:1:101");
    }
}
