//! The binary: passes the arguments on, returns the exit code.

fn main() -> std::process::ExitCode {
    journey::cli::main()
}
