//! Several edits of files that people wrote: all of them, or none.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::atomic;
use crate::diagnostic::Diagnostic;
use crate::tree::{Edited, Tree};

/// What is to become of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its path in the tree that it was read from.
    pub path: String,
    /// Its text as it is; nothing where it is not there.
    pub before: Option<String>,
    /// Its text as it is to be; nothing where it is to go.
    pub after: Option<String>,
}

impl Edit {
    /// Returns the edit as a unified diff.
    pub fn to_diff(&self) -> String {
        let name = |side: &str, text: &Option<String>| match text {
            Some(_) => format!("{side}/{}", self.path),
            None => "/dev/null".to_owned(),
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (before, after) = (text(&self.before), text(&self.after));
        similar::TextDiff::from_lines(before.as_str(), after.as_str())
            .unified_diff()
            .header(&name("a", &self.before), &name("b", &self.after))
            .to_string()
    }
}

/// Returns a tree as it would be after these edits.
pub fn applied<'a>(tree: &'a dyn Tree, edits: &[Edit]) -> Edited<'a> {
    let written = edits.iter().filter_map(|edit| Some((edit.path.clone(), edit.after.as_ref()?.as_bytes().to_vec())));
    let removed = edits.iter().filter(|edit| edit.after.is_none()).map(|edit| edit.path.clone());
    Edited::new(tree, written).without(removed)
}

/// Makes edits, in this order; `on_disk` says where a path is.
///
/// # Errors
/// Where a file is no longer as it was read, or the disk refuses. All files are as they were then.
pub fn write(edits: &[Edit], on_disk: impl Fn(&str) -> PathBuf) -> Result<(), Diagnostic> {
    let paths: Vec<PathBuf> = edits.iter().map(|edit| on_disk(&edit.path)).collect();
    for (edit, path) in edits.iter().zip(&paths) {
        refuse_changed(edit, path)?;
    }
    let mut folders = Vec::new();
    let mut done = Vec::new();
    let result = stage(edits, &paths, &mut folders).and_then(|staged| {
        for ((edit, path), staged) in edits.iter().zip(&paths).zip(staged) {
            put(edit, path, staged).map_err(|error| refused(edit, &error))?;
            done.push((edit, path));
        }
        Ok(())
    });
    if result.is_err() {
        for (edit, path) in done.into_iter().rev() {
            // What cannot be taken back is whole all the same.
            let _ = match &edit.before {
                Some(before) => atomic::replace(path, before),
                None => fs::remove_file(path),
            };
        }
        for folder in folders.into_iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
    result
}

fn refuse_changed(edit: &Edit, path: &Path) -> Result<(), Diagnostic> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if is_link {
        return Err(Diagnostic::new(format!("{} is a symbolic link: nothing was written", edit.path))
            .help("edit the file that it leads to, or put a file in its place"));
    }
    let found = match fs::read(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(refused(edit, &error)),
    };
    match found.as_deref() == edit.before.as_deref().map(str::as_bytes) {
        true => Ok(()),
        false => Err(Diagnostic::new(format!("{} changed meanwhile: nothing was written", edit.path))
            .help("run the command again")),
    }
}

/// Writes what is to come beside where it is to be, so that a full disk or a folder that refuses is found out first.
fn stage(
    edits: &[Edit],
    paths: &[PathBuf],
    folders: &mut Vec<PathBuf>,
) -> Result<Vec<Option<NamedTempFile>>, Diagnostic> {
    let stage = |(edit, path): (&Edit, &PathBuf)| {
        let Some(after) = &edit.after else { return Ok(None) };
        make_folders(path, folders).map_err(|error| refused(edit, &error))?;
        atomic::stage(path, after).map(Some).map_err(|error| refused(edit, &error))
    };
    edits.iter().zip(paths).map(stage).collect()
}

/// Makes the folders above a path that are not there, and says which.
fn make_folders(path: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let missing: Vec<&Path> =
        parent.into_iter().flat_map(Path::ancestors).take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        made.push(folder.to_owned());
    }
    Ok(())
}

fn put(edit: &Edit, path: &Path, staged: Option<NamedTempFile>) -> io::Result<()> {
    match (staged, &edit.before) {
        (Some(staged), Some(_)) => staged.persist(path).map(|_| ()).map_err(|error| error.error),
        // Whatever came in the way meanwhile stays.
        (Some(staged), None) => staged.persist_noclobber(path).map(|_| ()).map_err(|error| error.error),
        (None, _) => fs::remove_file(path),
    }
}

fn refused(edit: &Edit, error: &io::Error) -> Diagnostic {
    let what = if edit.after.is_some() { "written" } else { "removed" };
    Diagnostic::new(format!("{} cannot be {what}: {error}", edit.path))
        .help("all files are as they were; make room, or get the permission to write to its folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, before: Option<&str>, after: Option<&str>) -> Edit {
        Edit { path: path.to_owned(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn all_edits_are_made_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let text = |path: &str| fs::read_to_string(at(path)).ok();
        fs::write(at("old"), "old").unwrap();
        fs::write(at("gone"), "gone").unwrap();
        let edits =
            [edit("old", Some("old"), Some("new")), edit("a/b/c", None, Some("c")), edit("gone", Some("gone"), None)];
        // The last one fails once the others are made: nothing stands where it was said to be.
        let wrong = [&edits[..], &[edit("x/", None, Some("x"))]].concat();
        assert!(write(&wrong, at).is_err());
        assert_eq!((text("old").as_deref(), text("gone").as_deref()), (Some("old"), Some("gone")));
        assert!(!at("a").exists());

        write(&edits, at).unwrap();
        assert_eq!((text("old").as_deref(), text("a/b/c").as_deref(), text("gone")), (Some("new"), Some("c"), None));
        let error = write(&edits, at).expect_err("changed");
        assert!(error.message.contains("changed meanwhile"), "{error:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn diffs_name_what_is_not_there() {
        assert_eq!(
            edit("x", None, Some("a\n")).to_diff() + &edit("x", Some("a\nb\n"), None).to_diff(),
            "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
        );
    }
}
