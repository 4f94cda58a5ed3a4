//! The command `dirops`.

use std::process::ExitCode;

/// A fleet is millions of small nodes; docs/performance.md has the figures with and without.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dirops::cli::run()
}
