//! Bringing partners in and out: their federation files, the grants that name them, and what that does to environments.
//!
//! Everything is worked out and judged in memory; what comes out of it is edits, for whoever writes or proposes them.

mod home;
mod impact;
mod offboard;
mod onboard;
mod own;
mod template;

pub use home::{Folders, Home, is_source};
pub use impact::Impact;
pub use offboard::{Next, Offboarding, offboard};
pub use onboard::{Onboarding, Partner, Profile, onboard, refuse_unusable_endpoint};
pub use own::{Own, of_environment};
