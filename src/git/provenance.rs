//! Where a commit of ours comes from: trailers in its message, which later runs read back.

use git2::Oid;

use crate::diagnostic::Diagnostic;
use crate::publish::Digest;

const SOURCE: &str = "Dirops-Source";
const INPUT: &str = "Dirops-Input";
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

    /// Returns the provenance in a commit's message, or nothing where the commit is not one of ours. Where a message was
    /// put together from several, the last counts.
    pub fn parse(message: &str) -> Option<Self> {
        let trailers = git2::message_trailers_strs(message).ok()?;
        let last = |wanted: &str| {
            let mut values = trailers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wanted));
            values.next_back().map(|(_, value)| value.trim().to_owned())
        };
        let source = match last(SOURCE) {
            Some(id) => Some(Oid::from_str(&id).ok().filter(|oid| oid.to_string() == id)?),
            None => None,
        };
        Some(Self { source, input: Digest::parse(&last(INPUT)?)?, version: last(VERSION)? })
    }

    /// Returns a message with trailers that tell the provenance.
    ///
    /// # Errors
    /// Where the message is empty or holds what no commit can (a NUL).
    pub fn append_to(&self, message: &str) -> Result<String, Diagnostic> {
        let unusable = |error: git2::Error| {
            Diagnostic::new(format!("the message of the commit cannot be used: {}", error.message()))
        };
        let message = git2::message_prettify(message, None).map_err(unusable)?;
        if message.is_empty() {
            return Err(Diagnostic::new("the message of the commit is empty"));
        }
        let source = self.source.map(|id| format!("{SOURCE}: {id}\n")).unwrap_or_default();
        Ok(format!("{message}\n{source}{INPUT}: {}\n{VERSION}: {}\n", self.input, self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        let source = Oid::from_str("0123456789012345678901234567890123456789").unwrap();
        Provenance::new(Some(source), Digest::of(b"input"))
    }

    #[test]
    fn what_is_written_is_read_back() {
        for provenance in [provenance(), Provenance { source: None, ..provenance() }] {
            for message in ["Render prod", "Render prod\n\nWhy.\n\nSigned-off-by: A <a@example.org>\n\n\n", "#1"] {
                let written = provenance.append_to(message).unwrap();
                assert_eq!(Provenance::parse(&written), Some(provenance.clone()), "{written}");
                assert!(written.starts_with(message.trim_end()), "{written}");
            }
        }
        assert!(provenance().append_to(" \n").is_err());
        assert!(provenance().append_to("a\0b").is_err());
    }

    #[test]
    fn the_message_of_another_is_not_ours() {
        let written = provenance().append_to("Render").unwrap();
        for message in ["", "Render", "Dirops-Version: 1", &written.replace("sha256:", "sha1:")] {
            assert_eq!(Provenance::parse(message), None, "{message}");
        }
        let short = written.replace("0123456789012345678901234567890123456789", "0123");
        assert_eq!(Provenance::parse(&short), None);
    }

    #[test]
    fn of_two_the_last_counts() {
        let first = provenance().append_to("One").unwrap();
        let last = Provenance { source: None, input: Digest::of(b"other"), version: "9".into() };
        let both = last.append_to(&first).unwrap();
        assert_eq!(Provenance::parse(&both), Some(last));
    }
}
