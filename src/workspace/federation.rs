//! Registries: folders of federation files.

use super::reader::Reader;
use crate::diagnostic::{Diagnostic, FileId};
use crate::yaml::{self, Node};

/// A folder of federation files.
#[derive(Debug)]
pub struct Registry {
    /// The folder, relative to its tree.
    pub folder: String,
    /// Its federation files, sorted by name.
    pub files: Vec<FederationFile>,
}

/// How to reach one partner's bundle endpoint, as it was written: rules judge it.
#[derive(Debug)]
pub struct FederationFile {
    /// Its path, relative to the registry's tree.
    pub path: String,
    /// The file.
    pub file: FileId,
    /// What is in it, or why it cannot be read.
    pub content: Result<Node, Diagnostic>,
}

impl Registry {
    /// Reads a registry. Hidden files are templates for partners and not read.
    ///
    /// # Errors
    /// Where the folder cannot be read. What is wrong with a file in it is for the rules to tell.
    pub fn read(reader: Reader<'_>, folder: &str) -> Result<Self, Diagnostic> {
        let files = reader
            .list(folder)?
            .into_iter()
            .filter(|entry| !entry.is_folder && entry.name.ends_with(".yaml"))
            .map(|entry| FederationFile::read(reader, format!("{folder}/{}", entry.name)))
            .collect();
        Ok(Self { folder: folder.to_owned(), files })
    }
}

impl FederationFile {
    fn read(reader: Reader<'_>, path: String) -> Self {
        let (file, content) = match reader.text(&path) {
            Ok(Some((file, text))) => (file, yaml::parse(file, &text)),
            Ok(None) => (
                reader.start_of(&path).file,
                Err(Diagnostic::new("the file is a link to nothing").at(reader.start_of(&path))),
            ),
            Err(error) => (error.place.unwrap_or_else(|| reader.start_of(&path)).file, Err(error)),
        };
        Self { path, file, content }
    }

    /// Returns the file's name without folder and ending: the trust domain that it should be about.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".yaml").unwrap_or(name)
    }

    /// Returns the value at `key`, where the file could be read and has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.content.as_ref().ok()?.get(key)
    }

    /// Returns the text at `key`, where there is any.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    /// Returns the bundle endpoint profile that is named, whether or not there is such a profile.
    pub fn profile(&self) -> Option<&Node> {
        self.get("bundleEndpointProfile")?.get("type")
    }
}
