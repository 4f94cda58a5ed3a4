//! Reading what `helm pull` leaves, and unpacked charts, without trusting them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use walkdir::WalkDir;

use super::folder::Files;
use crate::diagnostic::Diagnostic;

/// What a chart may have, unpacked, in bytes. Helm itself stops at 100 MiB.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;
/// How many files a chart may have.
const COUNT_LIMIT: usize = 10_000;
/// How deep archives may lie in archives: a chart may bring along its sub-charts packed.
const DEPTH_LIMIT: usize = 4;

/// Returns the files of a chart: of an unpacked one, or of a `.tgz`, the packed charts in it unpacked.
///
/// # Errors
/// Where it cannot be read, is larger than a chart can be, or has an entry that leads out of it: a path that climbs or
/// begins at the root, a link, a device.
pub fn unpack(path: &Path) -> Result<Files, Diagnostic> {
    let failed = |error: io::Error| Diagnostic::new(format!("{} cannot be read: {error}", path.display()));
    let mut reading = Reading { label: path.display().to_string(), files: Files::new(), size: 0 };
    match path.is_dir() {
        true => reading.folder(path)?,
        false => reading.archive(File::open(path).map_err(failed)?, "", 0)?,
    }
    Ok(reading.files)
}

struct Reading {
    label: String,
    files: Files,
    size: u64,
}

impl Reading {
    fn folder(&mut self, root: &Path) -> Result<(), Diagnostic> {
        for entry in WalkDir::new(root).sort_by_file_name() {
            let entry = entry.map_err(|error| self.refuse(&error.to_string()))?;
            if entry.file_type().is_dir() {
                continue;
            }
            let below = entry.path().strip_prefix(root).ok().and_then(relative);
            let Some(below) = below else {
                return Err(self.refuse("a name in it is not UTF-8"));
            };
            if !entry.file_type().is_file() {
                return Err(self.refuse(&format!("{below} in it is a link or no file")));
            }
            let file = File::open(entry.path()).map_err(|error| self.refuse(&error.to_string()))?;
            self.file(below, file, 0)?;
        }
        Ok(())
    }

    /// Reads an archive. All of it is in one folder, named after the chart, which is left out at the top and stays in
    /// `charts`, where the archive of a sub-chart lies.
    fn archive(&mut self, packed: impl Read, charts: &str, depth: usize) -> Result<(), Diagnostic> {
        // What is unpacked without becoming a file, headers and folders, has an end, too.
        let bounded = GzDecoder::new(packed).take(2 * SIZE_LIMIT);
        let mut archive = tar::Archive::new(bounded);
        let entries = archive.entries().map_err(|error| self.broken(&error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.broken(&error))?;
            let kind = entry.header().entry_type();
            if kind.is_dir() || kind.is_pax_global_extensions() {
                continue;
            }
            let path = entry.path().map_err(|error| self.broken(&error))?;
            let shown = path.display().to_string();
            if !kind.is_file() {
                return Err(self.refuse(&format!("{shown} in it is a link or no file")));
            }
            let Some(path) = relative(&path) else {
                return Err(self.refuse(&format!("the path {shown} in it leads out of it")));
            };
            let Some((_, below)) = path.split_once('/') else {
                return Err(self.refuse(&format!("{shown} in it is not in the chart's folder")));
            };
            let path = if depth == 0 { below.to_owned() } else { format!("{charts}{path}") };
            self.file(path, entry, depth)?;
        }
        Ok(())
    }

    fn file(&mut self, path: String, content: impl Read, depth: usize) -> Result<(), Diagnostic> {
        if self.files.len() == COUNT_LIMIT {
            return Err(self.refuse(&format!("it has more than {COUNT_LIMIT} files")));
        }
        let mut bytes = Vec::new();
        let left = SIZE_LIMIT - self.size;
        content.take(left + 1).read_to_end(&mut bytes).map_err(|error| self.broken(&error))?;
        self.size += bytes.len() as u64;
        if self.size > SIZE_LIMIT {
            return Err(self.refuse(&format!("it has more than {} MiB", SIZE_LIMIT >> 20)));
        }
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        let is_packed_chart = path.ends_with(".tgz") && (folder == "charts/" || folder.ends_with("/charts/"));
        match is_packed_chart {
            true if depth == DEPTH_LIMIT => Err(self.refuse(&format!("{path} in it is packed too deep"))),
            true => self.archive(&bytes[..], folder, depth + 1),
            false => {
                self.files.insert(path, bytes);
                Ok(())
            }
        }
    }

    fn refuse(&self, why: &str) -> Diagnostic {
        Diagnostic::new(format!("{} is refused: {why}", self.label)).help("pull the chart anew with `helm pull`")
    }

    fn broken(&self, error: &io::Error) -> Diagnostic {
        Diagnostic::new(format!("{} is no chart archive: {error}", self.label))
            .help("name a values.yaml, the folder of a chart, or the .tgz that `helm pull` leaves")
    }
}

/// Returns a path with `/` between its parts, unless it leads out of where it starts.
fn relative(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}
