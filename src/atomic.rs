//! Writing files as a whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// Writes a file; where one is there its permissions stay, otherwise it gets the usual ones. Whoever reads it meanwhile
/// finds the old text or the new one.
///
/// # Errors
/// Where the folder cannot be written to; the file is as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    stage(path, text)?.persist(path)?;
    Ok(())
}

/// Writes what a file is to hold beside it, with the permissions that it is to have. It goes where it is not persisted.
///
/// # Errors
/// Where the folder cannot be written to.
pub fn stage(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut staged = Builder::new().prefix(&format!(".{name}.")).suffix(".dirops").tempfile_in(folder)?;
    staged.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions(path)? {
        staged.as_file().set_permissions(permissions)?;
    }
    staged.as_file().sync_all()?;
    Ok(staged)
}

/// Returns the permissions that a file has, or shall have; nothing where those of a new file will do.
fn permissions(path: &Path) -> io::Result<Option<fs::Permissions>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(of_new_file()),
        found => Ok(Some(found?.permissions())),
    }
}

/// A file for a moment is its owner's alone; one that stays is for everybody to read.
#[cfg(unix)]
fn of_new_file() -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn of_new_file() -> Option<fs::Permissions> {
    None
}
