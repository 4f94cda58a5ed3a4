//! SPIFFE's words: trust domains.

mod trust_domain;

pub use trust_domain::{TrustDomain, TrustDomainError};
