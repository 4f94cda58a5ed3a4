//! The value paths that a Helm template names.
//!
//! A template is taken for what it could read, not for what it does: a path that stands in it counts as read. Where all
//! values are handed on at once, all of them are.

use crate::yaml::Text;

/// Returns the paths below `.Values` that a template names, as keys; an empty one stands for all values.
pub fn reads(template: &str) -> Vec<Vec<Text>> {
    actions(template).flat_map(in_action).collect()
}

/// What stands between `{{` and `}}`, comments left out.
fn actions(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find("{{")? + 2;
            let body = rest[start..].strip_prefix('-').unwrap_or(&rest[start..]).trim_start();
            if body.starts_with("/*") {
                rest = body.split_once("*/")?.1;
                continue;
            }
            let end = end_of(body);
            let action = &body[..end];
            rest = &body[end..];
            return Some(action);
        }
    })
}

/// Where an action ends: at the first `}}` that is in no string.
fn end_of(body: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (index, character) in body.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some('"') if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '`') => quote = Some(character),
            None if body[index..].starts_with("}}") => return index,
            None => {}
        }
    }
    body.len()
}

fn in_action(action: &str) -> Vec<Vec<Text>> {
    const VALUES: &str = ".Values";
    let found = action.match_indices(VALUES).filter(|(index, _)| !is_longer_name(&action[index + VALUES.len()..]));
    found
        .flat_map(|(index, _)| {
            let (path, rest) = keys(&action[index + VALUES.len()..]);
            let before = action[..index].trim_end_matches(|c: char| c == '$' || c == '.' || is_name(c));
            through_function(before, &path, rest).unwrap_or_else(|| vec![path])
        })
        .collect()
}

fn is_longer_name(rest: &str) -> bool {
    rest.chars().next().is_some_and(is_name)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Splits `.a.b rest` into the keys `a`, `b` and the rest.
fn keys(text: &str) -> (Vec<Text>, &str) {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !is_name(c)).unwrap_or(after.len());
        if end == 0 {
            break;
        }
        keys.push(after[..end].into());
        rest = &after[end..];
    }
    (keys, rest)
}

/// Functions that take a map and then the keys to go down, as strings: pkg.go.dev/text/template (index) and
/// masterminds.github.io/sprig/dicts.html. `dig` has the map last.
fn through_function(before: &str, path: &[Text], rest: &str) -> Option<Vec<Vec<Text>>> {
    let before = before.trim_end();
    let word = before.rsplit(|c: char| !is_name(c)).next().unwrap_or_default();
    let mut further = path.to_vec();
    match word {
        "index" => {
            let (names, after) = strings(rest);
            further.extend(names);
            // `(index .Values "a").b`
            let after = after.trim_start().strip_prefix(')').unwrap_or_default();
            further.extend(keys(after).0);
        }
        "get" | "hasKey" => further.extend(strings(rest).0.into_iter().take(1)),
        _ => return dug(before, path),
    }
    Some(vec![further])
}

/// `dig "a" "b" default .Values`: the keys are before the map, and the default may be anything without a blank.
fn dug(before: &str, path: &[Text]) -> Option<Vec<Vec<Text>>> {
    let arguments = &before[before.rfind("dig ")? + "dig ".len()..];
    let (names, default) = strings(arguments);
    if names.is_empty() || default.contains(['(', ')', '|']) {
        return None;
    }
    // A string as the default looks like one more key: without it, the path above is read.
    let end = if default.trim().is_empty() { names.len() - 1 } else { names.len() };
    Some(vec![path.iter().chain(&names[..end]).cloned().collect()])
}

/// Returns the double-quoted strings at the start of a text, and what follows them.
fn strings(text: &str) -> (Vec<Text>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((string, after)) =
        rest.trim_start().strip_prefix('"').and_then(|inner| inner.split_once('"')).filter(|(s, _)| !s.contains('\\'))
    {
        found.push(string.into());
        rest = after;
    }
    (found, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(template: &str) -> Vec<String> {
        reads(template).iter().map(|path| path.join("/")).collect()
    }

    #[test]
    fn paths_are_found_however_they_are_written() {
        let cases = [
            ("{{ .Values.a.b }}", "a/b"),
            ("{{- $.Values.a | quote -}}", "a"),
            ("{{ if and .Values.a (not $root.Values.b.c) }}", "a b/c"),
            (r#"{{ index .Values "spire-server" "federation" }}"#, "spire-server/federation"),
            (r#"{{ (index .Values "spire-server").federation.x }}"#, "spire-server/federation/x"),
            (r#"{{ (index .Values.a "b-c").d }}"#, "a/b-c/d"),
            (r#"{{ get .Values.a "b" }}{{ hasKey $.Values "c" }}"#, "a/b c"),
            (r#"{{ dig "a" "b" 1 .Values }}"#, "a/b"),
            (r#"{{ dig "a" "b" "default" .Values.x }}"#, "x/a/b"),
            ("{{ toYaml .Values }}", ""),
            ("{{ $v := .Values }}", ""),
            ("{{ .Valuesque.a }} .Values.b {{/* .Values.c */}}", "-"),
            (r#"{{ printf "}} .Values.quoted" }}{{ .Values.a }}"#, "quoted a"),
            ("{{ tpl (.Values.a.b | toYaml) .", "a/b"),
        ];
        for (template, expected) in cases {
            let expected: Vec<&str> = if expected == "-" { Vec::new() } else { expected.split(' ').collect() };
            assert_eq!(shown(template), expected, "{template}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in r#"([{}"`\\/*. -]|Values|index|dig|a|é)*"#) {
            reads(&text);
        }
    }
}
