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
    staged.as_file().set_permissions(permissions(path)?)?;
    staged.as_file().sync_all()?;
    Ok(staged)
}

#[cfg(unix)]
fn permissions(path: &Path) -> io::Result<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fs::Permissions::from_mode(0o644)),
        found => Ok(found?.permissions()),
    }
}

#[cfg(not(unix))]
fn permissions(path: &Path) -> io::Result<fs::Permissions> {
    let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(fs::metadata(path).or_else(|_| fs::metadata(parent))?.permissions())
}
