//! Writing deployments into the environment repository, and owning what was written.

mod disk;
mod fileset;
pub(crate) mod layout;
mod plan;
mod receipt;
mod render;

pub use disk::Target;
pub use fileset::{FileSet, PathError, RelativePath};
pub use layout::files;
pub use plan::{Change, ChangeKind, Conflict, ConflictKind, Permissions, Plan};
pub use receipt::{Digest, Receipt};
pub use render::{Failure, Outcome, Reason, Request, Summary, render};
