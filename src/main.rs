//! The command `dirops`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dirops::cli::run()
}
