//! `journey people`: imports a people file, lists and shows people, stops all mails to one, exports the
//! data of one, and prints a template.

mod export;
mod forget;
mod import;
mod list;
mod show;
mod stop;
mod template;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::lookup;
use crate::domain::diagnostic::visible;
use crate::domain::model::ids::PersonNumber;
use crate::store::Store;

/// Import, list and show the people
#[derive(clap::Subcommand, Debug)]
pub(crate) enum People {
    Import(import::Args),
    List(list::Args),
    Show(show::Args),
    Stop(stop::Args),
    Export(export::Args),
    Forget(forget::Args),
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
        People::Export(args) => export::run(args, cx),
        People::Forget(args) => forget::run(args, cx),
        People::Template => template::run(cx),
    }
}

/// The one person with that employee id or address, also one who has left.
fn one_person(store: &Store, text: &str) -> Result<PersonNumber, CommandError> {
    match store.numbers_of(text)?[..] {
        [number] => Ok(number),
        [] => Err(lookup::no_such_person(text)),
        _ => Err(CommandError::usage(format!("several people have the address `{}`", visible(text)))
            .hint("name the person by the employee id")),
    }
}
