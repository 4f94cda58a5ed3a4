//! What can be written to, as planning sees it: what stands at a path, whether on a disk or in a Git tree.

use std::collections::BTreeSet;

use super::{Receipt, RelativePath};
use crate::diagnostic::Diagnostic;

/// Something that holds an environment repository. Links in it are never followed.
pub trait Target: Sync {
    /// Returns what stands at a path. `folders` are those that are known to be real ones; what is found out may be added.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn look(&self, path: &RelativePath, folders: &mut BTreeSet<String>) -> Result<Found, Diagnostic>;

    /// Returns the content of a file.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn read(&self, path: &RelativePath) -> Result<Vec<u8>, Diagnostic>;

    /// Returns the environments that have a receipt, sorted.
    ///
    /// # Errors
    /// Where the folder of receipts cannot be read.
    fn environments(&self) -> Result<Vec<String>, Diagnostic>;

    /// Returns the receipt of an environment, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read or is damaged.
    fn receipt(&self, environment: &str) -> Result<Option<Receipt>, Diagnostic> {
        let path = RelativePath::new(Receipt::path(environment)).map_err(|e| Diagnostic::new(e.to_string()))?;
        let damaged = |why: &str| {
            Diagnostic::new(format!("{path} is damaged: {why}"))
                .help("restore it from Git, or remove it and render with --adopt")
        };
        match self.look(&path, &mut BTreeSet::new())? {
            Found::Nothing => return Ok(None),
            Found::File => {}
            Found::Link => return Err(damaged("it is a symbolic link")),
            Found::InTheWay(what) => return Err(damaged(&format!("{what} is in its place"))),
        }
        let receipt = Receipt::parse(&self.read(&path)?).map_err(|why| damaged(&why))?;
        match receipt.environment == environment {
            true => Ok(Some(receipt)),
            false => Err(damaged(&format!("it is of the environment `{}`", receipt.environment))),
        }
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file.
    File,
    /// A symbolic link, wherever it leads.
    Link,
    /// Something that no file can replace: this.
    InTheWay(&'static str),
}
