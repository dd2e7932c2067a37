//! `journey answer`: records an answer on behalf of a person.

use crate::cli::change::{self, ChangeFlags, ProposedChange};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::{lookup, output};
use crate::domain::answer::{AnswerValue, Asked, week_of};
use crate::domain::change::Change;
use crate::domain::diagnostic::visible;
use crate::domain::model::ids::StepName;
use crate::domain::model::step::Step;
use crate::engine;
use crate::engine::load::error::LoadError;
use crate::engine::plan::subset::Subset;

/// Answer a step for a person
///
/// For a step without a question and for a mission, use --done.
///
/// Example: journey answer 1042 miljo/resor --done
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Employee id or mail address
    person: String,
    /// A step with its journey, like miljo/resor
    step: String,
    /// Id of the question
    #[arg(long, value_name = "ID")]
    question: Option<String>,
    #[command(flatten)]
    given: AnswerArgs,
    /// Why you answer for this person
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    flags: ChangeFlags,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct AnswerArgs {
    /// The person has done it
    #[arg(long)]
    done: bool,
    /// The person means to do it
    #[arg(long)]
    will_do: bool,
    /// The person does not want to do it
    #[arg(long)]
    not_for_me: bool,
    /// The person's answer
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// A number of the scale, or one of the options
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let given = match &args.given {
        AnswerArgs { text: Some(text), .. } => AnswerValue::Text(text.clone()),
        AnswerArgs { value: Some(value), .. } => AnswerValue::Value(value.clone()),
        AnswerArgs { will_do: true, .. } => AnswerValue::WillDo,
        AnswerArgs { not_for_me: true, .. } => AnswerValue::NotForMe,
        AnswerArgs { text: None, value: None, .. } => AnswerValue::Done,
    };
    let id = engine::answers::draw_id().map_err(LoadError::from)?;
    change::run(cx, &args.flags, Subset::ChangedPerson(&args.person), |snapshot, at| {
        let person = lookup::person(snapshot, &args.person)?;
        let name = lookup::step(snapshot, &args.step)?;
        let step =
            snapshot.content.library.journey(&name.journey).and_then(|journey| journey.step(&name.step));
        let Some(step) = step else {
            return Err(CommandError::usage(format!("there is no step `{name}`")));
        };
        let enrolment = snapshot.memory.of(&person.id).enrolment(&name.journey);
        if enrolment.mail(&step.slug).is_none_or(|mail| mail.at > at) {
            let message = format!("`{name}` has not been sent to this person, so nothing can be answered");
            let who = output::display_id(person);
            return Err(CommandError::usage(message).hint(format!("see when it comes: journey why {who}")));
        }
        let asked = match &args.question {
            Some(id) => find_question(step, &name, id)?,
            None => {
                let only = only_one(&step.questions).filter(|_| given != AnswerValue::Done);
                only.map_or(Asked::Step, Asked::Question)
            }
        };
        let answer = given.validate(step, asked).map_err(|allowed| {
            let what = match asked {
                Asked::Step => format!("`{name}`"),
                Asked::Note | Asked::Question(_) => format!("the question `{}`", asked.id()),
            };
            CommandError::usage(format!("{what} is not answered like that")).hint(allowed)
        })?;
        let zone = snapshot.content.library.programme.zone;
        let (person_id, week) = (person.id.clone(), week_of(zone.date(at)));
        Ok(ProposedChange {
            about: format!("{name}, person {}", output::person_label(person)),
            change: Change::Answer { person: person_id, step: name, answer, id, week },
            why: args.reason.clone(),
            by: None,
        })
    })
}

fn find_question<'s>(step: &'s Step, name: &StepName, id: &str) -> Result<Asked<'s>, CommandError> {
    Asked::of(step, id).ok_or_else(|| {
        let error = CommandError::usage(format!("`{name}` has no question `{}`", visible(id)));
        let ids: Vec<&str> = step.questions.iter().map(|question| question.id.as_str()).collect();
        if ids.is_empty() {
            error.hint("it asks nothing; answer it with --done")
        } else {
            error.hint(format!("there are `{}`", ids.join("`, `")))
        }
    })
}

/// The only element, or `None` if there are none or several.
fn only_one<T>(questions: &[T]) -> Option<&T> {
    match questions {
        [question] => Some(question),
        _ => None,
    }
}
