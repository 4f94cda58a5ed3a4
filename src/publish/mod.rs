//! Writing deployments into the environment repository, and owning what was written.

mod disk;
mod fileset;
mod git_tree;
pub(crate) mod layout;
mod plan;
mod receipt;
mod render;
mod target;

pub use disk::Disk;
pub use fileset::{FileSet, PathError, RelativePath};
pub use git_tree::{Edit, GitTree};
pub use layout::files;
pub use plan::{Change, ChangeKind, Conflict, ConflictKind, Permissions, Plan};
pub use receipt::{Digest, Receipt};
pub use render::{
    Failure, Outcome, Reason, RenderedTree, Request, Selection, Summary, TreeRequest, render, render_tree,
};
pub use target::{Found, Target};
