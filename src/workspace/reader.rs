//! Reading the files of a tree as YAML.

use crate::diagnostic::{Diagnostic, FileId, Place, Sources};
use crate::tree::{Listed, Tree, TreeError};
use crate::yaml::{self, Node};

/// The largest source file that is read, in bytes. Helm refuses values of a few MB, etcd objects of 1.5 MiB.
const SIZE_LIMIT: u64 = 8_000_000;

/// Reads a tree's files and remembers them for messages.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// Where the files are.
    pub tree: &'a dyn Tree,
    /// Where they are remembered.
    pub sources: &'a Sources,
}

impl Reader<'_> {
    /// Returns the one document of a file, with expressions compiled; nothing where there is no such file.
    ///
    /// # Errors
    /// Where the file cannot be read, is not one YAML document, or holds something that is not an expression.
    pub fn template(&self, path: &str) -> Result<Option<Node>, Diagnostic> {
        let Some(mut node) = self.document(path)? else {
            return Ok(None);
        };
        crate::expression::compile(&mut node)?;
        Ok(Some(node))
    }

    /// Returns the documents of a file, with expressions compiled; none where there is no such file.
    ///
    /// # Errors
    /// As [`Self::template`], but for the number of documents; an empty file is an error.
    pub fn templates(&self, path: &str) -> Result<Vec<Node>, Diagnostic> {
        let Some((file, text)) = self.text(path)? else {
            return Ok(Vec::new());
        };
        let mut documents = self.parsed(file, &text)?;
        if documents.is_empty() {
            return Err(Diagnostic::new("the file is empty").at(self.start_of(path)).help("remove it"));
        }
        documents.iter_mut().try_for_each(crate::expression::compile)?;
        Ok(documents)
    }

    /// Returns the one document of a file; nothing where there is no such file.
    ///
    /// # Errors
    /// Where the file cannot be read or is not one YAML document.
    pub fn document(&self, path: &str) -> Result<Option<Node>, Diagnostic> {
        match self.text(path)? {
            Some((file, text)) => yaml::one_document(file, self.parsed(file, &text)?).map(Some),
            None => Ok(None),
        }
    }

    /// Returns all documents of a file; none where there is no such file.
    ///
    /// # Errors
    /// Where the file cannot be read or is not YAML.
    pub fn documents(&self, path: &str) -> Result<Vec<Node>, Diagnostic> {
        self.documents_where(path, |_| true)
    }

    /// Returns all documents of a file whose text is of interest; none of any other, and where there is no such file.
    ///
    /// # Errors
    /// As [`Self::documents`].
    pub fn documents_where(&self, path: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Node>, Diagnostic> {
        match self.text(path)? {
            Some((file, text)) if is_wanted(&text) => self.parsed(file, &text),
            _ => Ok(Vec::new()),
        }
    }

    fn parsed(&self, file: FileId, text: &str) -> Result<Vec<Node>, Diagnostic> {
        self.sources.documents(file, || yaml::parse_stream(file, text))
    }

    /// Returns the text of a file; nothing where there is no such file.
    ///
    /// # Errors
    /// Where it cannot be read or is not UTF-8.
    pub fn text(&self, path: &str) -> Result<Option<(FileId, String)>, Diagnostic> {
        self.text_up_to(path, SIZE_LIMIT)
    }

    /// Returns the text of a file of no more than `limit` bytes; nothing where there is no such file.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn text_up_to(&self, path: &str, limit: u64) -> Result<Option<(FileId, String)>, Diagnostic> {
        let content = match self.tree.read(path, limit) {
            Ok(None) => return Ok(None),
            Ok(Some(content)) => content,
            Err(error) => return Err(self.unreadable(path, &error)),
        };
        match String::from_utf8(content) {
            Ok(text) => Ok(Some((self.sources.add(path, &text), text))),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes());
                let file = self.sources.add(path, &text);
                Err(Diagnostic::new("the file is not UTF-8")
                    .at(Place::of_offset(file, &text, valid))
                    .help("save it as UTF-8"))
            }
        }
    }

    /// Returns what is in a folder, hidden files left out; nothing where there is no such folder.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, Diagnostic> {
        let mut listed = self.list_all(folder)?;
        listed.retain(|entry| !is_hidden(entry));
        Ok(listed)
    }

    /// Returns what is in a folder; nothing where there is no such folder.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn list_all(&self, folder: &str) -> Result<Vec<Listed>, Diagnostic> {
        let listed = self.tree.list(folder).map_err(|error| self.unreadable(folder, &error))?;
        Ok(listed.unwrap_or_default())
    }

    /// Returns what has a name in a folder; nothing where there is no such thing, or where it is hidden.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn find(&self, folder: &str, name: &str) -> Result<Option<Listed>, Diagnostic> {
        let found = self.tree.find(folder, name).map_err(|error| self.unreadable(folder, &error))?;
        Ok(found.filter(|entry| !is_hidden(entry)))
    }

    /// Returns the place to name for a file as a whole.
    pub fn start_of(&self, path: &str) -> Place {
        Place::point(self.sources.add(path, ""), 1, 1)
    }

    fn unreadable(&self, path: &str, error: &TreeError) -> Diagnostic {
        Diagnostic::new(format!("`{path}` cannot be read: {error}")).at(self.start_of(path))
    }
}

fn is_hidden(entry: &Listed) -> bool {
    entry.name.starts_with('.')
}
