//! Mending files that people wrote: every comment and every other byte stays.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::atomic;
use crate::diagnostic::{Diagnostic, FileId, Fix, Place, Sources};
use crate::rules::Finding;
use crate::yaml;

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
        if let Some(mended) = yaml::replace_in_scalars(file, &text, changes) {
            atomic::replace(&base.join(&*path), &mended).map_err(|error| unwritable(&path, &error))?;
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
