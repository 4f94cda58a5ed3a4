//! SPIFFE's words: trust domains, SPIFFE IDs, bundles.

mod bundle;
mod id;
mod trust_domain;

pub use bundle::{Authority, Bundle, Problem, ProblemKind, PublicKeyBytes, private_material};
pub use id::{SpiffeId, SpiffeIdError};
pub use trust_domain::{TrustDomain, TrustDomainError};
