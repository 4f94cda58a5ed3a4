//! SPIFFE IDs.

use std::fmt;
use std::str::FromStr;

use super::{TrustDomain, TrustDomainError};

/// A SPIFFE ID: section 2 of the SPIFFE ID standard. One that does not follow it cannot exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpiffeId {
    trust_domain: TrustDomain,
    path: String,
}

/// Why a text is no SPIFFE ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpiffeIdError {
    /// It does not begin with `spiffe://`.
    Scheme,
    /// Its trust domain is none.
    TrustDomain(TrustDomainError),
    /// Its path has an empty segment, a segment of dots, or a slash at the end.
    Segment,
    /// Its path has this character, which the standard does not allow.
    Character(char),
    /// It has more than 2048 bytes.
    TooLong,
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 2048 {
            return Err(SpiffeIdError::TooLong);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeIdError::Scheme)?;
        let (name, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let trust_domain = name.parse().map_err(SpiffeIdError::TrustDomain)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        if let Some(c) = path.chars().find(|&c| !allowed(c)) {
            return Err(SpiffeIdError::Character(c));
        }
        if path.split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(SpiffeIdError::Segment);
        }
        Ok(Self { trust_domain, path: path.to_owned() })
    }
}

impl SpiffeId {
    /// Returns the trust domain that vouches for it.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Returns the path, empty or beginning with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for SpiffeIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("it does not begin with `spiffe://`"),
            Self::TrustDomain(error) => write!(f, "its trust domain is none: {error}"),
            Self::Segment => f.write_str("its path has an empty segment, or one of dots"),
            Self::Character(c) => write!(f, "its path has the character {c:?}"),
            Self::TooLong => f.write_str("it has more than 2048 bytes"),
        }
    }
}

impl std::error::Error for SpiffeIdError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_standard_allows_is_a_spiffe_id() {
        for text in ["spiffe://example.org", "spiffe://example.org/spire/server", "spiffe://a/B_c.d-e"] {
            assert!(text.parse::<SpiffeId>().is_ok(), "{text}");
        }
        for text in [
            "",
            "example.org/x",
            "https://example.org/x",
            "spiffe://",
            "spiffe:///x",
            "spiffe://Example.org/x",
            "spiffe://example.org/",
            "spiffe://example.org//x",
            "spiffe://example.org/../x",
            "spiffe://example.org:1/x",
            "spiffe://u@example.org/x",
            "spiffe://example.org/x?y",
            "spiffe://example.org/x#y",
            "spiffe://example.org/%41",
        ] {
            assert!(text.parse::<SpiffeId>().is_err(), "{text}");
        }
    }
}
