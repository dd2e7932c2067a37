//! `journey choose`: records a character on behalf of a person.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::{lookup, output};
use crate::domain::change::Change;
use crate::domain::diagnostic::{closest_match, visible};
use crate::engine::plan::subset::Subset;

/// Choose a character for a person
///
/// Example: journey choose 1042 halsa
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Employee id or mail address
    person: String,
    /// A character in programme.toml
    character: String,
    /// Why you choose for this person
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    change::run(cx, &args.flags, Subset::ChangedPerson(&args.person), |snapshot, _| {
        let person = lookup::person(snapshot, &args.person)?;
        let characters = &snapshot.content.library.programme.characters;
        let Some(character) = characters.iter().find(|character| character.id.as_str() == args.character)
        else {
            let error = CommandError::usage(format!("there is no character `{}`", visible(&args.character)));
            let names: Vec<&str> = characters.iter().map(|character| character.id.as_str()).collect();
            return Err(match closest_match(&args.character, names.iter().copied()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("there are `{}`", names.join("`, `"))),
            });
        };
        Ok(ProposedChange {
            about: format!("person {}", output::person_label(person)),
            change: Change::SetCharacter { person: person.id.clone(), character: character.id.clone() },
            why: args.reason.clone(),
            by: None,
        })
    })
}
