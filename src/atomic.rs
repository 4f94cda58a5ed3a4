//! Writing files as a whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

/// Replaces a file that is there; its permissions stay. Whoever reads it meanwhile finds the old text or the new one.
///
/// # Errors
/// Where the folder cannot be written to; the file is as it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut staged = Builder::new().prefix(&format!(".{name}.")).suffix(".dirops").tempfile_in(folder)?;
    staged.write_all(text.as_bytes())?;
    staged.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    staged.as_file().sync_all()?;
    staged.persist(path)?;
    Ok(())
}
