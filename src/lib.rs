//! Renders, checks and reviews the Git repository that Argo CD deploys AGNTCY Directory from.
//!
//! The way through the crate: a [`tree`] is read into a [`workspace`], whose environments become a
//! [`deployment`] each; the [`rules`] judge it, and [`publish`] writes it into the environment repository.

#![warn(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![warn(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro)]

pub mod cli;
pub mod deployment;
pub mod diagnostic;
pub mod expression;
pub mod parallel;
pub mod publish;
pub mod rules;
pub mod spiffe;
pub mod tree;
pub mod workspace;
pub mod yaml;
