//! `journey man`: writes the manual pages, generated from the definitions of `--help`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};

/// Write the manual pages to a folder
///
/// Example: journey man /usr/local/share/man/man1
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The folder; it is created if needed
    dir: PathBuf,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let cannot = |error: std::io::Error| {
        CommandError::new(
            ErrorKind::Io,
            format!("cannot write manual pages to {}: {error}", args.dir.display()),
        )
    };
    fs::create_dir_all(&args.dir).map_err(cannot)?;
    clap_mangen::generate_to(crate::cli::tree().disable_help_subcommand(true), &args.dir).map_err(cannot)?;
    if !cx.quiet {
        writeln!(
            cx.err,
            "manual pages are in {}; read one with `man {}/journey.1`",
            args.dir.display(),
            args.dir.display()
        )?;
    }
    Ok(())
}
