//! Registries: folders of federation files.

use std::sync::{Arc, OnceLock};

use super::Environment;
use super::reader::Reader;
use crate::diagnostic::{Diagnostic, FileId, Place};
use crate::parallel;
use crate::spiffe::Bundle;
use crate::yaml::{self, Node};

/// The class of the SPIRE controller manager that federation files name where nothing else is said.
pub const CLASS_NAME: &str = "dir-spire";

/// A folder of federation files.
#[derive(Debug)]
pub struct Registry {
    /// The folder, relative to its tree.
    pub folder: String,
    /// Its federation files, sorted by name.
    pub files: Vec<FederationFile>,
    /// What is in the folder besides, and is not read.
    pub strays: Vec<Stray>,
    /// The class that its files must name.
    pub class_name: String,
    /// Whether it is of local clusters alone, whose endpoints may have local addresses.
    pub is_local: bool,
}

/// How to reach one partner's bundle endpoint, as it was written: rules judge it.
#[derive(Debug)]
pub struct FederationFile {
    /// Its path, relative to the registry's tree.
    pub path: String,
    /// The file.
    pub file: FileId,
    /// Its text, as far as it could be read.
    pub text: Arc<str>,
    /// What is in it, or why it cannot be read.
    pub content: Result<Node, Diagnostic>,
    /// The bundle, once somebody asked for it.
    bundle: OnceLock<Option<Bundle>>,
}

/// Something in a registry's folder that is not read.
#[derive(Debug)]
pub struct Stray {
    /// Its path, relative to the registry's tree.
    pub path: String,
    /// The place to name.
    pub place: Place,
    /// Why it is not read.
    pub kind: StrayKind,
}

/// Why something in a registry's folder is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrayKind {
    /// It is a folder.
    Folder,
    /// It is a symbolic link.
    Link,
    /// Its name does not end in `.yaml`.
    Ending,
    /// It is hidden, and no template.
    Hidden,
}

impl Registry {
    /// Reads a registry that these environments trust. Hidden templates (`.….template.yaml`) are for partners to copy
    /// and not read.
    ///
    /// # Errors
    /// Where the folder cannot be read. What is wrong with a file in it is for the rules to tell.
    pub fn read(reader: Reader<'_>, folder: &str, users: &[&Environment], jobs: usize) -> Result<Self, Diagnostic> {
        let mut paths = Vec::new();
        let mut strays = Vec::new();
        for entry in reader.list_all(folder)? {
            let path = format!("{folder}/{}", entry.name);
            let is_template = entry.name.starts_with('.') && entry.name.ends_with(".template.yaml");
            let kind = match entry.name.as_str() {
                _ if entry.is_link => Some(StrayKind::Link),
                _ if entry.is_folder => Some(StrayKind::Folder),
                _ if is_template => continue,
                name if name.starts_with('.') => Some(StrayKind::Hidden),
                name if !name.ends_with(".yaml") => Some(StrayKind::Ending),
                _ => None,
            };
            match kind {
                None => paths.push(path),
                Some(kind) => strays.push(Stray { place: reader.start_of(&path), path, kind }),
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            files: parallel::map(jobs, &paths, |path| FederationFile::read(reader, path)),
            strays,
            class_name: class_name(users),
            is_local: !users.is_empty() && users.iter().all(|environment| environment.has_profile("kind")),
        })
    }
}

/// The class of the environments that trust a registry, where they have one in common.
fn class_name(users: &[&Environment]) -> String {
    let mut classes = users.iter().map(|environment| &*environment.class_name.value);
    match classes.next() {
        Some(first) if classes.all(|class| class == first) => first.to_owned(),
        _ => CLASS_NAME.to_owned(),
    }
}

impl FederationFile {
    /// Reads a federation file. What is wrong with it is for the rules to tell.
    pub fn read(reader: Reader<'_>, path: &str) -> Self {
        let (file, content) = match reader.text_up_to(path, Self::SIZE_LIMIT) {
            Ok(Some((file, text))) => (file, yaml::parse_plain(file, &text)),
            Ok(None) => {
                let place = reader.start_of(path);
                (place.file, Err(Diagnostic::new("there is no such file").at(place)))
            }
            Err(error) => {
                let place = error.place.unwrap_or_else(|| reader.start_of(path));
                (place.file, Err(error))
            }
        };
        let text = reader.sources.text(file);
        Self { path: path.to_owned(), file, text, content, bundle: OnceLock::new() }
    }

    /// The largest federation file that is read, in bytes: 1 MiB. A bundle has a few KB.
    const SIZE_LIMIT: u64 = 1 << 20;

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

    /// Returns the text at `key` with its place, where there is any.
    pub fn text_node(&self, key: &str) -> Option<(&Node, &str)> {
        let node = self.get(key)?;
        Some((node, node.as_text()?))
    }

    /// Returns the bundle as far as it can be read, where there is one.
    pub fn bundle(&self) -> Option<&Bundle> {
        let read = || {
            let (scalar, _) = self.text_node("trustDomainBundle")?;
            Some(Bundle::read(self.file, &self.text, scalar, self.text("trustDomain")))
        };
        self.bundle.get_or_init(read).as_ref()
    }

    /// Returns the bundle endpoint profile that is named, whether or not there is such a profile.
    pub fn profile(&self) -> Option<&Node> {
        self.get("bundleEndpointProfile")?.get("type")
    }

    /// Returns the name of that profile, where it is text.
    pub fn profile_name(&self) -> Option<&str> {
        self.profile()?.as_text()
    }
}
