//! `journey completions`: writes a shell completion script.

use super::context::Context;
use super::error::CommandError;

/// Writes completions for a shell
///
/// Example: journey completions bash > /etc/bash_completion.d/journey
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Which shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    // Generate into memory first: the generator panics when writing to a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::tree(), "journey", &mut script);
    Ok(cx.out.write_all(&script)?)
}
