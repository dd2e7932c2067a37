//! `journey completions`: writes a shell completion script.

use crate::cli::context::Context;
use crate::cli::error::CommandError;

/// Print completions for a shell
///
/// Example: journey completions bash > /etc/bash_completion.d/journey
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    // Generate into memory first: the generator panics when writing to a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::tree(), "journey", &mut script);
    Ok(cx.out.write_all(&script)?)
}
