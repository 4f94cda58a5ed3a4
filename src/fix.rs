//! Mending files that people wrote: every comment and every other byte stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use crate::diagnostic::{Diagnostic, FileId, Fix, Place, Sources};
use crate::rules::Finding;
use crate::yaml::{self, Node, Value};

/// How often fixing is tried anew: a fix can uncover another.
pub const ROUNDS: usize = 4;

/// Applies the fixes of findings to files below `base`, and returns what was done, a line each.
///
/// # Errors
/// Where a file cannot be written. A fix that would change anything but what it means to is left alone.
pub fn apply(findings: &[Finding], base: &Path, sources: &Sources) -> Result<Vec<String>, Diagnostic> {
    let mut replacements: BTreeMap<FileId, Vec<(Place, &str, &str)>> = BTreeMap::new();
    let mut names: BTreeMap<FileId, &str> = BTreeMap::new();
    for finding in findings {
        match (&finding.diagnostic.fix, finding.diagnostic.place) {
            (Some(Fix::Replace { from, to }), Some(place)) => {
                replacements.entry(place.file).or_default().push((place, from, to));
            }
            (Some(Fix::Rename(name)), Some(place)) => {
                names.insert(place.file, name);
            }
            _ => {}
        }
    }
    let mut done = Vec::new();
    for (file, changes) in replacements {
        // A new name may follow from the new text: that is for the next round.
        names.remove(&file);
        let path = sources.path(file);
        let text = sources.text(file);
        if let Some(mended) = replace(file, &text, changes) {
            write(&base.join(&*path), &mended).map_err(|error| unwritable(&path, &error))?;
            done.push(format!("mended {path}"));
        }
    }
    for (file, name) in names {
        let path = sources.path(file);
        let from = base.join(&*path);
        let to = from.with_file_name(name);
        if fs::symlink_metadata(&to).is_err() {
            fs::rename(&from, &to).map_err(|error| unwritable(&path, &error))?;
            done.push(format!("renamed {path} to {name}"));
        }
    }
    Ok(done)
}

fn unwritable(path: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(format!("{path} cannot be mended: {error}"))
}

/// Returns the text with other scalars at these places, if nothing but their values changes by that.
fn replace(file: FileId, text: &str, mut changes: Vec<(Place, &str, &str)>) -> Option<String> {
    let mut meant = yaml::parse(file, text).ok()?;
    let mut mended = text.to_owned();
    // From the end, so that the places before stay right. Two fixes of one scalar are for two rounds.
    changes.sort_by_key(|(place, ..)| std::cmp::Reverse((place.line, place.column)));
    changes.dedup_by_key(|(place, ..)| *place);
    for (place, from, to) in changes {
        let start = offset(text, place.line, place.column)?;
        let end = offset(text, place.end_line, place.end_column)?;
        let scalar = text.get(start..end)?;
        if scalar.matches(from).count() != 1 || !set(&mut meant, place, from, to) {
            return None;
        }
        mended.replace_range(start..end, &scalar.replace(from, to));
    }
    let read = yaml::parse(file, &mended).ok()?;
    (read == meant).then_some(mended)
}

/// Sets the text at a place, where it is `from`.
fn set(node: &mut Node, place: Place, from: &str, to: &str) -> bool {
    if node.place == place && node.as_text() == Some(from) {
        node.value = to.into();
        return true;
    }
    match &mut node.value {
        Value::Map(_) => {
            node.as_map_mut().is_some_and(|map| map.values_mut().any(|entry| set(&mut entry.node, place, from, to)))
        }
        Value::List(items) => std::sync::Arc::make_mut(items).iter_mut().any(|item| set(item, place, from, to)),
        _ => false,
    }
}

/// Returns the byte at which a line and column are.
fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
    let start: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let mark = if line == 1 && text.starts_with('\u{feff}') { 1 } else { 0 };
    let rest = text.get(start..)?;
    let within = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
    within.skip(mark).nth(column as usize - 1).map(|index| start + index)
}

/// Replaces a file as a whole or not at all.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let staged = path.with_file_name(format!(".{name}.dirops"));
    let result = (|| {
        let mut file = fs::File::create(&staged)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        fs::rename(&staged, path)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&staged);
    }
    result
}
