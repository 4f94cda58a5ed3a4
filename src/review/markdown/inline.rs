//! Text in Markdown that nothing in it can get out of.
//!
//! Escaping would not do: GitHub looks for mentions, references and addresses in the finished page. It leaves code alone.

use crate::diagnostic::escape;
use crate::review::present::short;

/// Returns how long GitHub may take a text to be: in units of UTF-16, which are never fewer than its characters.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Returns a text as a code span, of no more than about so many characters.
pub fn code(text: &str, characters: usize) -> String {
    let text = short(&escape(text), characters);
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let is_blank = text.trim_matches(' ').is_empty();
    let touches = text.starts_with('`') || text.ends_with('`');
    let loses_blanks = text.starts_with(' ') && text.ends_with(' ') && !is_blank;
    let blank = if touches || loses_blanks { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// Returns a sentence: plain words as they are, and everything else in code spans.
pub fn prose(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut odd: Vec<&str> = Vec::new();
    let text = escape(text);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match is_plain(word) {
            true => {
                out.extend(flush(&mut odd));
                out.push(word.to_owned());
            }
            false => odd.push(word),
        }
    }
    out.extend(flush(&mut odd));
    out.join(" ")
}

fn flush(odd: &mut Vec<&str>) -> Option<String> {
    let text = odd.join(" ");
    odd.clear();
    (!text.is_empty()).then(|| code(&text, usize::MAX))
}

/// Returns whether a word means nothing in Markdown or to GitHub: letters with a hyphen or an apostrophe between or after
/// them, or a small number, and punctuation around that.
fn is_plain(word: &str) -> bool {
    let word = word.strip_prefix('(').unwrap_or(word);
    let word = word.trim_end_matches([',', ';', ':', '.', ')', '\'']);
    let is_letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_number = word.len() <= 6 && !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    is_number || word.split(['-', '\'']).all(is_letters)
}

/// Returns lines as a fenced block that they cannot close.
pub fn fence(language: &str, lines: &str) -> String {
    let ticks = "`".repeat(longest_run(lines).max(2) + 1);
    format!("{ticks}{language}\n{lines}{ticks}\n")
}

/// Returns the length of the longest run of backticks in a text.
pub fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Returns a text as code inside of an HTML element.
pub fn html_code(text: &str, characters: usize) -> String {
    let text = short(&escape(text), characters);
    format!("<code>{}</code>", crate::review::html::escaped(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_what_they_are_given() {
        for (text, expected) in [
            ("plain", "`plain`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("``a", "``` ``a ```"),
            (" a ", "`  a  `"),
            ("  ", "`  `"),
            ("", "(empty)"),
            ("a\nb\u{202e}", "`a\\nb\\u{202e}`"),
        ] {
            assert_eq!(code(text, 100), expected);
        }
    }

    #[test]
    fn only_plain_words_are_live() {
        assert_eq!(
            prose("what it's for (a pods' well-known one); see @all #1, 5 www.a.b: x <b> 0123456a"),
            "what it's for (a pods' well-known one); see `@all #1,` 5 `www.a.b:` x `<b> 0123456a`"
        );
    }

    #[test]
    fn fences_are_longer_than_what_is_in_them() {
        assert_eq!(fence("diff", "+ ````\n"), "`````diff\n+ ````\n`````\n");
    }
}
