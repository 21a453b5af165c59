//! A program that does nothing but supervise commands, for libraries that embed the harness
//! without a program of their own.

use std::process::ExitCode;

fn main() -> ExitCode {
    layercake_harness::sandbox::run_if_launched().unwrap_or(ExitCode::from(2))
}
