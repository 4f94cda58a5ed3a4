//! What is known of Helm charts: which values they have, of which types, and which their templates read.

mod archive;
mod folder;
mod record;
mod shape;
mod template;
mod write;

pub use archive::unpack;
pub use folder::{Chart, Dependency, Files};
pub use record::{FOLDER, Record, Records};
pub use shape::{Kind, Unknown, Why};
pub use template::reads;
pub use write::{Request, record};
