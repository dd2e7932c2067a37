//! `journey people`: imports a people file, lists and shows people, stops all mails to one, and prints a template.

mod import;
mod list;
mod show;
mod stop;
mod template;

use crate::cli::context::Context;
use crate::cli::error::CommandError;

/// Import, list and show the people
#[derive(clap::Subcommand, Debug)]
pub(crate) enum People {
    Import(import::Args),
    List(list::Args),
    Show(show::Args),
    Stop(stop::Args),
    /// Print an example of a people file: a header with all columns and two rows
    ///
    /// The page docs/people-file.md describes the columns.
    ///
    /// Example: journey people template > people.csv
    Template,
}

pub(crate) fn run(people: &People, cx: &mut Context) -> Result<(), CommandError> {
    match people {
        People::Import(args) => import::run(args, cx),
        People::List(args) => list::run(args, cx),
        People::Show(args) => show::run(args, cx),
        People::Stop(args) => stop::run(args, cx),
        People::Template => template::run(cx),
    }
}
