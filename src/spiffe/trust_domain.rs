//! Trust domain names.

use std::fmt;
use std::str::FromStr;

/// The name of a trust domain: one that does not follow the grammar cannot exist.
///
/// The grammar is section 2.1 of the SPIFFE ID standard: lower-case letters, digits, `.`, `-` and `_`, at most 255
/// bytes. Nothing is normalised: what was written either is a trust domain or is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustDomain(String);

/// Why a text is not the name of a trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustDomainError {
    /// It is empty.
    Empty,
    /// It has more than 255 bytes.
    TooLong,
    /// It is a URL or SPIFFE ID: a scheme, path, port or user is part of it.
    NotAName,
    /// It has an upper-case letter.
    UpperCase,
    /// It has this character, which the grammar does not know.
    Character(char),
}

impl FromStr for TrustDomain {
    type Err = TrustDomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_');
        if text.is_empty() {
            return Err(TrustDomainError::Empty);
        }
        if text.contains([':', '/', '@', '?', '#']) {
            return Err(TrustDomainError::NotAName);
        }
        match text.chars().find(|&c| !allowed(c)) {
            Some('A'..='Z') => Err(TrustDomainError::UpperCase),
            Some(c) => Err(TrustDomainError::Character(c)),
            None if text.len() > 255 => Err(TrustDomainError::TooLong),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl TrustDomain {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TrustDomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::TooLong => f.write_str("it has more than 255 bytes"),
            Self::NotAName => f.write_str("it is more than a name: no scheme, user, port or path belongs to it"),
            Self::UpperCase => f.write_str("it has an upper-case letter"),
            Self::Character(c) => {
                write!(f, "it has the character {c:?}; lower-case letters, digits, `.`, `-` and `_` are allowed")
            }
        }
    }
}

impl std::error::Error for TrustDomainError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_standard_allows_is_a_trust_domain() {
        for (text, expected) in [
            ("prod.ads.outshift.io", None),
            ("a_b-c.9", None),
            ("", Some(TrustDomainError::Empty)),
            ("spiffe://example.org", Some(TrustDomainError::NotAName)),
            ("example.org:443", Some(TrustDomainError::NotAName)),
            ("Example.org", Some(TrustDomainError::UpperCase)),
            ("exämple.org", Some(TrustDomainError::Character('ä'))),
            ("example org", Some(TrustDomainError::Character(' '))),
        ] {
            assert_eq!(text.parse::<TrustDomain>().err(), expected, "{text:?}");
        }
        assert!("a".repeat(255).parse::<TrustDomain>().is_ok());
        assert_eq!("a".repeat(256).parse::<TrustDomain>(), Err(TrustDomainError::TooLong));
    }
}
