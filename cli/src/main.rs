//! The `layercake` program.

fn main() -> std::process::ExitCode {
    layercake::main()
}
