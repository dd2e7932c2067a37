//! Everything that is stored about one person, as plain values: what the person gets when they ask
//! for a copy. It has no token, no key, and nothing about anyone else.

use chrono::NaiveDate;

use super::delivery::state::{MailPurpose, State};
use super::history::Event;
use super::model::ids::{PersonNumber, Slug, StepName};
use super::model::person::Person;
use super::model::step::ReadBy;
use super::time::timezone::Timestamp;

/// Everything that is stored about one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalData {
    pub number: PersonNumber,
    /// As the last import had them.
    pub person: Person,
    pub unit_name: String,
    /// The character the person has chosen.
    pub character: Option<Slug>,
    pub joined: Timestamp,
    /// The import that no longer had the person.
    pub left: Option<Timestamp>,
    /// When the person asked for no more mails, and when that was undone.
    pub stops: Vec<(Timestamp, Option<Timestamp>)>,
    pub enrolments: Vec<EnrolmentData>,
    /// In the order in which they were enqueued.
    pub mails: Vec<MailData>,
    /// In the order in which they were first saved.
    pub answers: Vec<AnswerData>,
    pub pauses: Vec<PauseData>,
    pub audit: Vec<AuditData>,
}

/// The person in one journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentData {
    pub journey: Slug,
    /// The import that first put the person in the audience, if it is known.
    pub entered: Option<Timestamp>,
    /// In order of time.
    pub events: Vec<Event>,
}

/// A mail to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailData {
    pub purpose: MailPurpose,
    pub step: StepName,
    /// 0 is the mail, 1 and up the reminders.
    pub round: u16,
    /// As the step has it today; `None` for another mail, and if the step does not exist any more.
    pub subject: Option<String>,
    pub state: State,
    pub booked: Timestamp,
    /// When it got its outcome.
    pub settled: Option<Timestamp>,
    /// The codes of the reports that it could not be delivered.
    pub bounces: Vec<String>,
}

/// An answer of the person to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerData {
    pub step: StepName,
    pub question: String,
    /// As the step asks it today; `None` if it does not.
    pub asked: Option<String>,
    /// The first save.
    pub saved: Timestamp,
    /// From when it cannot be found any more; `None`: it always can.
    pub seals: Option<Timestamp>,
    pub content: AnswerContent,
}

/// What the person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerContent {
    Text {
        text: String,
        read_by: ReadBy,
    },
    Number(i64),
    /// The place of an option from 1, and its text today.
    Option {
        place: i64,
        text: String,
    },
    /// Done, will do or not for me.
    Deed(i64),
    /// It is counted without the person, and cannot be found.
    Sealed,
}

/// A pause of the person's mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseData {
    pub from: Timestamp,
    /// The first day with mails again.
    pub until: Option<NaiveDate>,
    pub resumed: Option<Timestamp>,
    pub reason: String,
}

/// An entry of the audit log about the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditData {
    pub at: Timestamp,
    /// Whether the person did it; otherwise it was an operator, whose name is not the person's data.
    pub by_themselves: bool,
    pub action: String,
    pub before: String,
    pub after: String,
    pub why: Option<String>,
}
