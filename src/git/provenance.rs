//! Where a commit of ours comes from: trailers in its message, which later runs read back.
//!
//! One of them is a digest of what the commit changes. So a commit that people amended is no longer one of ours, and one
//! that was only moved onto another base still is.

use git2::{Commit, Oid, Repository, Tree};

use crate::diagnostic::Diagnostic;
use crate::publish::Digest;

const SOURCE: &str = "Dirops-Source";
const INPUT: &str = "Dirops-Input";
const CHANGES: &str = "Dirops-Changes";
const VERSION: &str = "Dirops-Version";

/// What a rendered commit was made from, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The commit of the source repository; nothing where the source was in none.
    pub source: Option<Oid>,
    /// The digest of everything that was read.
    pub input: Digest,
    /// The version of dirops.
    pub version: String,
}

impl Provenance {
    /// Returns the provenance of what this dirops makes from this input.
    pub fn new(source: Option<Oid>, input: Digest) -> Self {
        Self { source, input, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// Returns the provenance of a commit, or nothing where it is not one of ours, or was changed since.
    ///
    /// # Errors
    /// Where the repository cannot be read, or does not have the commit's parent.
    pub fn of(repository: &Repository, commit: &Commit<'_>) -> Result<Option<Self>, Diagnostic> {
        let Some((provenance, changes)) = commit.message().ok().and_then(Self::parse) else {
            return Ok(None);
        };
        let found = || {
            let before = commit.parents().next().map(|parent| parent.tree()).transpose()?;
            self::changes(repository, before.as_ref(), &commit.tree()?)
        };
        let found = found().map_err(|error| {
            Diagnostic::new(format!("the commit {} cannot be read: {}", commit.id(), error.message()))
        })?;
        Ok((found == changes).then_some(provenance))
    }

    /// Returns the provenance in a commit's message and the digest of what it changes. Where a message was put together
    /// from several, the last counts.
    fn parse(message: &str) -> Option<(Self, Digest)> {
        let trailers = git2::message_trailers_strs(message).ok()?;
        let last = |wanted: &str| {
            let mut values = trailers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wanted));
            values.next_back().map(|(_, value)| value.trim().to_owned())
        };
        let source = match last(SOURCE) {
            Some(id) => Some(Oid::from_str(&id).ok().filter(|oid| oid.to_string() == id)?),
            None => None,
        };
        let provenance = Self { source, input: Digest::parse(&last(INPUT)?)?, version: last(VERSION)? };
        Some((provenance, Digest::parse(&last(CHANGES)?)?))
    }

    /// Returns a message with trailers that tell the provenance.
    ///
    /// # Errors
    /// Where the message is empty or holds what no commit can (a NUL).
    pub(super) fn append_to(&self, message: &str, changes: &Digest) -> Result<String, Diagnostic> {
        let unusable = |error: git2::Error| {
            Diagnostic::new(format!("the message of the commit cannot be used: {}", error.message()))
        };
        let message = git2::message_prettify(message, None).map_err(unusable)?;
        if message.is_empty() {
            return Err(Diagnostic::new("the message of the commit is empty"));
        }
        let source = self.source.map(|id| format!("{SOURCE}: {id}\n")).unwrap_or_default();
        let Self { input, version, .. } = self;
        Ok(format!("{message}\n{source}{INPUT}: {input}\n{CHANGES}: {changes}\n{VERSION}: {version}\n"))
    }
}

/// Returns a digest of what differs between two trees: paths with what is there then. Where the files around them are
/// others, it is the same.
pub(super) fn changes(
    repository: &Repository,
    before: Option<&Tree<'_>>,
    after: &Tree<'_>,
) -> Result<Digest, git2::Error> {
    let mut text = Vec::new();
    for delta in repository.diff_tree_to_tree(before, Some(after), None)?.deltas() {
        let file = delta.new_file();
        text.extend_from_slice(format!("{:o} {} ", u32::from(file.mode()), file.id()).as_bytes());
        text.extend_from_slice(file.path_bytes().unwrap_or_default());
        text.push(0);
    }
    Ok(Digest::of(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        let source = Oid::from_str("0123456789012345678901234567890123456789").unwrap();
        Provenance::new(Some(source), Digest::of(b"input"))
    }

    fn written(provenance: &Provenance, message: &str) -> String {
        provenance.append_to(message, &Digest::of(b"changes")).unwrap()
    }

    fn parse(message: &str) -> Option<Provenance> {
        Provenance::parse(message).map(|(provenance, _)| provenance)
    }

    #[test]
    fn what_is_written_is_read_back() {
        for provenance in [provenance(), Provenance { source: None, ..provenance() }] {
            for message in ["Render prod", "Render prod\n\nWhy.\n\nSigned-off-by: A <a@example.org>\n\n\n", "#1"] {
                let written = written(&provenance, message);
                assert_eq!(parse(&written), Some(provenance.clone()), "{written}");
                assert!(written.starts_with(message.trim_end()), "{written}");
            }
        }
        assert!(provenance().append_to(" \n", &Digest::of(b"")).is_err());
        assert!(provenance().append_to("a\0b", &Digest::of(b"")).is_err());
    }

    #[test]
    fn the_message_of_another_is_not_ours() {
        let written = written(&provenance(), "Render");
        for message in ["", "Render", "Dirops-Version: 1", &written.replace("sha256:", "sha1:")] {
            assert_eq!(parse(message), None, "{message}");
        }
        let short = written.replace("0123456789012345678901234567890123456789", "0123");
        assert_eq!(parse(&short), None);
    }

    #[test]
    fn of_two_the_last_counts() {
        let last = Provenance { source: None, input: Digest::of(b"other"), version: "9".into() };
        let both = written(&last, &written(&provenance(), "One"));
        assert_eq!(parse(&both), Some(last));
    }
}
