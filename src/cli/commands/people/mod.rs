//! `journey people`: imports a people file, and lists and shows people.

mod import;
mod list;
mod show;

use crate::cli::context::Context;
use crate::cli::error::CommandError;

/// Reads and shows who there is
#[derive(clap::Subcommand, Debug)]
pub(crate) enum People {
    Import(import::Args),
    List(list::Args),
    Show(show::Args),
}

pub(crate) fn run(people: &People, cx: &mut Context) -> Result<(), CommandError> {
    match people {
        People::Import(args) => import::run(args, cx),
        People::List(args) => list::run(args, cx),
        People::Show(args) => show::run(args, cx),
    }
}
