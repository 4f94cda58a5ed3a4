//! What dirops owns in an environment repository: `.dirops/receipts/<environment>.json`.
//!
//! A receipt is written before the files, with what each was and will be, and again after them. So whenever a render
//! is cut short, the next one knows every file as its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{RelativePath, layout};

/// The SHA-256 of a file's content, as `sha256:` and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Returns the digest of a content.
    pub fn of(content: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in Sha256::digest(content) {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Self(text)
    }

    /// Returns the digest that a text spells, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let are_good = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        are_good.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The files that dirops owns of one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    version: u32,
    /// The source repository whose environment this is.
    pub source: String,
    /// The environment.
    pub environment: String,
    files: BTreeMap<String, Digest>,
    /// While a render is under way: what files will be besides what they were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pending: BTreeMap<String, Digest>,
}

impl Receipt {
    /// Returns a receipt for files that are all written.
    pub fn new(source: &str, environment: &str, files: BTreeMap<String, Digest>) -> Self {
        Self {
            version: 1,
            source: source.to_owned(),
            environment: environment.to_owned(),
            files,
            pending: BTreeMap::new(),
        }
    }

    /// Returns the receipt to write before the files are: the files of `before` as they are, those of `self` as they
    /// will be.
    pub fn begun(&self, before: BTreeMap<String, Digest>) -> Self {
        let mut pending = self.files.clone();
        pending.retain(|path, digest| before.get(path) != Some(digest));
        Self { files: before, pending, ..self.clone() }
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// Where it is not one: a text that says why.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        let receipt: Self = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        if receipt.version != 1 {
            return Err(format!("it is of version {}, which this dirops does not know", receipt.version));
        }
        for path in receipt.files.keys().chain(receipt.pending.keys()) {
            let path = RelativePath::new(path).map_err(|error| error.to_string())?;
            // Partners' federation files stand in the same repository, and are never dirops' to prune.
            if !layout::is_rendered(&path) {
                return Err(format!("it names {path}, which dirops does not write"));
            }
        }
        Ok(receipt)
    }

    /// Returns the receipt as JSON.
    pub fn to_json(&self) -> String {
        // Texts and maps of texts always have a spelling in JSON.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// Returns where the receipt of an environment is.
    pub fn path(environment: &str) -> String {
        format!("{}/{environment}.json", Self::FOLDER)
    }

    /// Where receipts are.
    pub const FOLDER: &'static str = ".dirops/receipts";

    /// Returns the paths of all files that dirops owns.
    pub fn paths(&self) -> BTreeSet<RelativePath> {
        let paths = self.files.keys().chain(self.pending.keys());
        paths.filter_map(|path| RelativePath::new(path).ok()).collect()
    }

    /// Returns whether dirops owns the file at `path`.
    pub fn owns(&self, path: &RelativePath) -> bool {
        self.files.contains_key(path.as_str()) || self.pending.contains_key(path.as_str())
    }

    /// Returns whether dirops wrote this content to `path`.
    pub fn wrote(&self, path: &RelativePath, content: &Digest) -> bool {
        [&self.files, &self.pending].iter().any(|files| files.get(path.as_str()) == Some(content))
    }
}
