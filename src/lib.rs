//! Renders, checks and reviews the Git repository that Argo CD deploys AGNTCY Directory from.
//!
//! The way through the crate: a [`tree`] is read into a [`workspace`], whose environments become a
//! [`deployment`] each; the [`rules`] judge it, and [`publish`] writes it into the environment repository: a folder, or
//! a tree for [`git`] to commit and push and for [`forge`] to propose on GitHub. [`review`] says what a change does.
//!
//! ```
//! use dirops::diagnostic::Sources;
//! use dirops::yaml::{Path, parse};
//!
//! // Values remember where they were written, and mean what Kubernetes takes them for.
//! let text = "service:\n  port: 0x50\n";
//! let sources = Sources::default();
//! let values = parse(sources.add("values.yaml", text), text).unwrap();
//! let port = Path::parse_in(&values, "service.port").unwrap();
//! let port = port.find(&values).unwrap();
//! assert_eq!(dirops::yaml::to_yaml([port]).unwrap(), "80\n");
//! assert_eq!(sources.show(port.place), "values.yaml:2:9");
//! ```

#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![warn(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro)]

pub mod affected;
pub mod atomic;
pub mod bundle;
pub mod chart;
pub mod check;
pub mod cli;
mod credential;
pub mod deployment;
pub mod diagnostic;
pub mod edits;
pub mod expression;
pub mod fix;
pub mod forge;
pub mod git;
pub mod init;
pub mod parallel;
pub mod partner;
pub mod propose;
pub mod publish;
pub mod report;
pub mod review;
pub mod rules;
pub mod secrets;
pub mod spiffe;
pub mod tree;
pub mod workspace;
pub mod yaml;
