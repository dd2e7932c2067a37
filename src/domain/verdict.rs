//! The planner's answer for one person and journey: send, wait, held or ended, with reasons.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Weekday};

use crate::domain::delivery::bounce::StatusCode;
use crate::domain::model::ids::Slug;
use crate::domain::model::journey::LateJoiners;
use crate::domain::model::person::Person;
use crate::domain::time::calendar::QuietDay;
use crate::domain::time::format::{format_date, weekday_name, weeks_text};
use crate::domain::time::timezone::Timestamp;

/// The verdict for one person in one journey at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// This step leaves now.
    Send(Send),
    /// It leaves then at the earliest.
    Wait(Wait),
    /// Someone must act.
    Held(Held),
    /// Nothing more comes.
    Ended(Ended),
}

impl Verdict {
    /// A number that equal verdicts share. Its last two bits are the kind: 0 due, 1 waiting, 2 held, 3 ended.
    pub(crate) fn key(&self) -> i64 {
        let kind = match self {
            Verdict::Send(_) => 0,
            Verdict::Wait(_) => 1,
            Verdict::Held(_) => 2,
            Verdict::Ended(_) => 3,
        };
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        (hasher.finish() << 2).cast_signed() | kind
    }
}

/// A mail to send now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Send {
    pub(crate) step: Slug,
    /// 0 is the mail, 1 and up the reminders.
    pub(crate) round: u16,
    /// The slot it uses, which may be up to the grace ago.
    pub(crate) slot: Timestamp,
    /// The slot since which it has been due, before filters.
    pub(crate) due_since: Timestamp,
    /// Whether it depends on a missing approval (forecasts only).
    pub(crate) assumes_approval: bool,
    /// The last instant at which it may leave, if its step expires.
    pub(crate) expires: Option<Timestamp>,
}

/// A future mail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wait {
    pub(crate) step: Slug,
    /// 0 is the mail, 1 and up the reminders.
    pub(crate) round: u16,
    /// Not before; until then the decision stays the same.
    pub(crate) until: Timestamp,
    /// Why not earlier, the first reason first; never empty.
    pub reasons: Vec<Reason>,
}

impl Wait {
    /// Whether a mail is sent at the end. Otherwise the step is skipped then, the person leaves, another journey ends,
    /// the wait for an answer is over, or the mails of others decide which step it is.
    pub(crate) fn ends_with_mail(&self) -> bool {
        let ends_without = |reason: &Reason| match reason {
            Reason::Left | Reason::Expired | Reason::PreviousJourney(_) | Reason::JoinsLate(_) => true,
            // The step that was mailed is not mailed again.
            Reason::AwaitingAnswer(step) => *step == self.step && self.round == 0,
            _ => false,
        };
        !self.reasons.iter().any(ends_without)
    }

    /// The step, unless it depends on the mails that others get until then.
    pub(crate) fn known_step(&self) -> Option<&Slug> {
        self.joins_late().is_none().then_some(&self.step)
    }

    /// How the person joins, if the step is not known yet.
    pub(crate) fn joins_late(&self) -> Option<LateStart> {
        self.reasons.iter().find_map(|reason| match reason {
            Reason::JoinsLate(start) => Some(*start),
            _ => None,
        })
    }

    /// Whether the mail is sent then without a further decision.
    pub(crate) fn is_certain(&self) -> bool {
        let needs_act = |reason: &Reason| matches!(reason, Reason::NotApproved(_) | Reason::ManualHold);
        self.ends_with_mail() && !self.reasons.iter().any(needs_act)
    }
}

/// How a person joins who comes after the start: at the step that others are at by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LateStart {
    /// The first day, if it is still to come.
    pub(crate) joins: Option<NaiveDate>,
    pub(crate) at: LateJoiners,
}

impl LateStart {
    /// The step as far as it is known.
    pub(crate) fn step(self) -> &'static str {
        match self.at {
            LateJoiners::JoinUnit => "the step that the unit is at then",
            LateJoiners::SkipToCurrent => "the step that the others are at then",
            LateJoiners::FromStart => "the first step",
        }
    }
}

/// A mail that cannot leave until someone acts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// `None` if it is not about a step.
    pub(crate) step: Option<Slug>,
    /// Never empty.
    pub reasons: Vec<Reason>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ended {
    /// Every step is sent or skipped.
    Finished,
    /// The person has left.
    Left,
    /// The person has asked for no more mails.
    Stopped,
    /// The journey is not for this person.
    NotInAudience,
    /// The journey is no longer in the content.
    JourneyGone,
}

impl Ended {
    /// As text.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Ended::Finished => "everything has been sent or skipped",
            Ended::Left => "the last day with mail has passed",
            Ended::Stopped => "has asked for no more mails",
            Ended::NotInAudience => "this journey is not for this person",
            Ended::JourneyGone => "the journey is not in the content any more",
        }
    }

    /// The code in JSON; `None` for the ordinary end.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Ended::Finished => None,
            Ended::Left => Some("left"),
            Ended::Stopped => Some("stopped"),
            Ended::NotInAudience => Some("not_in_audience"),
            Ended::JourneyGone => Some("journey_gone"),
        }
    }
}

/// Why a mail does not leave now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The journey has not begun for this person.
    NotStarted(NaiveDate),
    /// The person joins after the start; which step comes first depends on the mails of others.
    JoinsLate(LateStart),
    /// Between slots.
    Cadence,
    /// Not a workday.
    NonWorkday(Weekday),
    /// Outside the hours with mail.
    OutsideHours,
    /// A public holiday.
    Holiday(&'static str),
    /// Closed for all.
    Closed(Arc<str>),
    /// Closed for the unit.
    UnitClosed(Arc<str>),
    /// The unit is shifted by this many weeks.
    UnitShift(i32),
    /// The person is on leave through this day.
    Leave(NaiveDate),
    /// Too soon after the person's last mail.
    MinGap,
    /// Too soon after the step before, or before its own date.
    Pace(NaiveDate),
    /// The step before waits for an answer.
    AwaitingAnswer(Slug),
    /// The present text is not approved.
    NotApproved(MissingApproval),
    /// The reference group gets it first.
    ReferenceGroupFirst,
    /// Paused, with the given reason.
    Paused(Arc<str>),
    /// HR has no address.
    NoAddress,
    /// Several people have this address.
    SharedAddress,
    /// The person has another employment, for which they get the mails.
    SecondEmployment,
    /// A mail to the address bounced permanently.
    Undeliverable(StatusCode),
    /// The person's last day is before it.
    Left,
    /// The person has asked for no more mails.
    Stopped,
    /// The mail cannot be rendered for this person.
    BadContent(String),
    /// It cannot leave in time and will be skipped.
    Expired,
    /// Held manually.
    ManualHold,
    /// Another journey goes first.
    PreviousJourney(Slug),
    /// No usable slot within a year.
    NoSlot,
    /// The mail before it has not left yet.
    Outbox,
    /// The outcome of the mail before it is unknown.
    InDoubt,
}

/// Whether another text of the step was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MissingApproval {
    Never,
    /// Yes, and the text was changed afterwards.
    ContentChanged,
}

impl Reason {
    /// Why mail cannot be sent to a person, if so.
    pub(crate) fn of_address(person: &Person) -> Option<Reason> {
        match person {
            Person { email: None, .. } => Some(Reason::NoAddress),
            Person { shared_address: true, .. } => Some(Reason::SharedAddress),
            Person { second_employment: true, .. } => Some(Reason::SecondEmployment),
            Person { undeliverable, .. } => undeliverable.map(Reason::Undeliverable),
        }
    }

    /// The code in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::NotStarted(_) | Reason::JoinsLate(_) => "not_started",
            Reason::Cadence => "cadence",
            Reason::NonWorkday(_) => "non_workday",
            Reason::OutsideHours => "outside_hours",
            Reason::Holiday(_) => "holiday",
            Reason::Closed(_) => "closed",
            Reason::UnitClosed(_) => "unit_closed",
            Reason::UnitShift(_) => "unit_shift",
            Reason::Leave(_) => "leave",
            Reason::MinGap => "min_gap",
            Reason::Pace(_) => "pace",
            Reason::AwaitingAnswer(_) => "awaiting_answer",
            Reason::NotApproved(_) => "not_approved",
            Reason::ReferenceGroupFirst => "reference_group_first",
            Reason::Paused(_) => "paused",
            Reason::NoAddress | Reason::Undeliverable(_) => "no_address",
            Reason::SharedAddress => "shared_address",
            Reason::SecondEmployment => "second_employment",
            Reason::Left => "left",
            Reason::Stopped => "stopped",
            Reason::BadContent(_) => "bad_content",
            Reason::Expired => "expired",
            Reason::ManualHold => "held_by_hand",
            Reason::PreviousJourney(_) => "previous_journey",
            Reason::NoSlot => "no_slot",
            Reason::Outbox => "outbox",
            Reason::InDoubt => "in_doubt",
        }
    }

    /// What the code means, without anything about one person.
    pub(crate) fn meaning(&self) -> &'static str {
        match self {
            Reason::NotStarted(_) | Reason::JoinsLate(_) => "the journey has not started",
            Reason::Cadence => "waiting for the next sending time",
            Reason::NonWorkday(_) => "not a workday",
            Reason::OutsideHours => "outside the sending hours",
            Reason::Holiday(_) => "a public holiday",
            Reason::Closed(_) => "a closed period",
            Reason::UnitClosed(_) => "the unit is closed",
            Reason::UnitShift(_) => "the unit is shifted",
            Reason::Leave(_) => "on leave",
            Reason::MinGap => "too soon after the previous mail",
            Reason::Pace(_) => "planned for a later day",
            Reason::AwaitingAnswer(_) => "waiting for an answer",
            Reason::NotApproved(_) => "not approved",
            Reason::ReferenceGroupFirst => "the reference group tries it first",
            Reason::Paused(_) => "paused",
            Reason::NoAddress | Reason::Undeliverable(_) => "no mail address that works",
            Reason::SharedAddress => "shares a mail address",
            Reason::SecondEmployment => "gets mail for another employment",
            Reason::Left => "the person leaves before that",
            Reason::Stopped => "has asked for no more mails",
            Reason::BadContent(_) => "the mail cannot be made for this person",
            Reason::Expired => "it will be too late then and is skipped",
            Reason::ManualHold => "stopped by hand",
            Reason::PreviousJourney(_) => "another journey comes first",
            Reason::NoSlot => "no possible sending time within a year",
            Reason::Outbox => "waiting for the previous mail to be sent",
            Reason::InDoubt => "it is not known whether the mail before it arrived",
        }
    }

    /// The reason as text.
    pub fn text(&self) -> String {
        match self {
            Reason::NotStarted(day) => format!("starts on {}", format_date(*day)),
            Reason::JoinsLate(start) => match start.joins {
                Some(day) => format!("joins on {}; gets {}", format_date(day), start.step()),
                None => format!("joined after the start; gets {}", start.step()),
            },
            Reason::Cadence => "waiting for the next sending time".to_owned(),
            Reason::NonWorkday(weekday) => format!("no mail on a {}", weekday_name(*weekday)),
            Reason::OutsideHours => "outside the sending hours".to_owned(),
            Reason::Holiday(name) => (*name).to_owned(),
            Reason::Closed(why) => why.to_string(),
            Reason::UnitClosed(why) => format!("the unit is closed: {why}"),
            Reason::UnitShift(weeks) => format!("the unit is shifted: {}", weeks_text(*weeks)),
            Reason::Leave(to) => format!("on leave through {}", format_date(*to)),
            Reason::MinGap => "too soon after the previous mail".to_owned(),
            Reason::Pace(day) => format!("planned for {}", format_date(*day)),
            Reason::AwaitingAnswer(step) => format!("waiting for an answer to `{step}`"),
            Reason::NotApproved(MissingApproval::Never) => "not approved".to_owned(),
            Reason::NotApproved(MissingApproval::ContentChanged) => {
                "the text was changed after approval: approve it again".to_owned()
            }
            Reason::ReferenceGroupFirst => "the reference group tries it first".to_owned(),
            Reason::Paused(why) => format!("paused: {why}"),
            Reason::NoAddress => "no mail address".to_owned(),
            Reason::SharedAddress => "shares a mail address with another person".to_owned(),
            Reason::SecondEmployment => "gets mail for another employment".to_owned(),
            Reason::Undeliverable(code) => {
                format!("the mail server says that the mailbox does not exist: {code}")
            }
            Reason::Left => "the person leaves before that".to_owned(),
            Reason::Stopped => "has asked for no more mails".to_owned(),
            Reason::BadContent(why) => why.clone(),
            Reason::Expired => "it will be too late then and is skipped".to_owned(),
            Reason::ManualHold => "stopped by hand".to_owned(),
            Reason::PreviousJourney(journey) => format!("starts when `{journey}` is finished"),
            Reason::NoSlot => "no possible sending time within a year".to_owned(),
            Reason::Outbox => "waiting for the previous mail to be sent".to_owned(),
            Reason::InDoubt => "it is not known whether the mail before it arrived".to_owned(),
        }
    }
}

/// The reasons of several people that have one code. Reasons can be private: the text of one person is never shown for
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonSummary {
    /// The first reason.
    first: Reason,
    differ: bool,
    /// Number of reasons.
    pub count: usize,
}

impl ReasonSummary {
    /// A reason that several enrolments have.
    pub(crate) fn of(reason: Reason, count: usize) -> ReasonSummary {
        ReasonSummary { first: reason, differ: false, count }
    }

    /// Adds a summary with the same code.
    pub(crate) fn add_all(&mut self, other: &ReasonSummary) {
        self.differ |= other.differ || other.first != self.first;
        self.count += other.count;
    }

    /// A reason with this code; its text may be that of one person.
    pub(crate) fn example(&self) -> &Reason {
        &self.first
    }

    /// The text that all have in common, else what the code means.
    pub fn text(&self) -> String {
        if self.differ { self.first.meaning().to_owned() } else { self.first.text() }
    }
}

impl From<QuietDay> for Reason {
    fn from(quiet: QuietDay) -> Reason {
        match quiet {
            QuietDay::NonWorkday(weekday) => Reason::NonWorkday(weekday),
            QuietDay::Holiday(name) => Reason::Holiday(name),
            QuietDay::Closed(period) => Reason::Closed(period.why),
            QuietDay::UnitClosed(period) => Reason::UnitClosed(period.why),
        }
    }
}

/// The first day of a date's month, by which minutes are added up.
pub(crate) fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_shows_a_text_only_if_it_is_that_of_everybody() {
        let paused = |why: &str| Reason::Paused(why.into());
        let mut summary = ReasonSummary::of(paused("moving"), 1);
        summary.add_all(&ReasonSummary::of(paused("moving"), 1));
        assert_eq!((summary.count, summary.text().as_str()), (2, "paused: moving"));
        let mut other = ReasonSummary::of(paused("ill"), 1);
        other.add_all(&summary);
        assert_eq!((other.count, other.text().as_str()), (3, "paused"));
        summary.add_all(&other);
        assert_eq!((summary.count, summary.text().as_str()), (5, "paused"));
        let mut addresses = ReasonSummary::of(Reason::NoAddress, 1);
        addresses.add_all(&ReasonSummary::of(
            Reason::Undeliverable(StatusCode { class: 5, subject: 1, detail: 1 }),
            1,
        ));
        assert_eq!(addresses.text(), "no mail address that works");
    }
}
