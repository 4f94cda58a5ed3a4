//! Commits in Git repositories, and what goes to and comes from repositories elsewhere.
//!
//! A commit is [written](commit) from a tree, with [`Provenance`] that later runs read back; a [`Remote`] fetches,
//! pushes with a lease and deletes branches. libgit2 speaks Git's protocol; the bytes travel through a transport of our
//! own, over HTTP(S) or through a program as Git itself starts it (`ssh`, `git upload-pack`).

mod ahead;
mod commit;
mod configuration;
mod hydrator;
mod identity;
mod provenance;
mod relation;
mod remote;
mod sign;
mod transport;

pub use ahead::{Ahead, Whose, ahead};
pub use commit::{NewCommit, commit, set_branch};
pub use configuration::configuration;
pub use hydrator::{METADATA, metadata};
pub use identity::{Identities, identities};
pub use provenance::Provenance;
pub use relation::{Relation, relation};
pub use remote::{Depth, Failure, FailureKind, Progress, Pushed, Remote, Settings, Step};
