//! The planner's answer for one person and journey: send, wait, held or ended, with reasons.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Weekday};

use crate::domain::delivery::bounce::StatusCode;
use crate::domain::model::ids::Slug;
use crate::domain::model::person::Person;
use crate::domain::time::calendar::QuietDay;
use crate::domain::time::format::{format_date, weekday_name};
use crate::domain::time::timezone::Timestamp;

/// The verdict for one person in one journey at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A mail to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) step: Slug,
    /// 0 is the mail, 1 and up the reminders.
    pub(crate) round: u16,
    /// Not before; until then the decision stays the same.
    pub(crate) until: Timestamp,
    /// Why not earlier, the first reason first; never empty.
    pub reasons: Vec<Reason>,
}

/// A mail that cannot leave until someone acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// `None` if it is not about a step.
    pub(crate) step: Option<Slug>,
    /// Never empty.
    pub reasons: Vec<Reason>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Every step is sent or skipped.
    Finished,
    /// The person has left.
    Left,
    /// The journey is not for this person.
    NotInAudience,
    /// The journey is no longer in the content.
    #[expect(dead_code, reason = "written by SQL when a journey is removed; listed with its code")]
    JourneyGone,
}

impl Ended {
    /// The code in JSON; `None` for the ordinary end.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Ended::Finished => None,
            Ended::Left => Some("left"),
            Ended::NotInAudience => Some("not_in_audience"),
            Ended::JourneyGone => Some("journey_gone"),
        }
    }
}

/// Why a mail does not leave now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The journey has not begun for this person.
    NotStarted(NaiveDate),
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
    /// A mail to the address bounced permanently.
    Undeliverable(StatusCode),
    /// The person's last day is before it.
    Left,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
            Person { undeliverable, .. } => undeliverable.map(Reason::Undeliverable),
        }
    }

    /// The code in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::NotStarted(_) => "not_started",
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
            Reason::Left => "left",
            Reason::BadContent(_) => "bad_content",
            Reason::Expired => "expired",
            Reason::ManualHold => "held_by_hand",
            Reason::PreviousJourney(_) => "previous_journey",
            Reason::NoSlot => "no_slot",
            Reason::Outbox => "outbox",
            Reason::InDoubt => "in_doubt",
        }
    }

    /// The reason as text.
    pub fn text(&self) -> String {
        match self {
            Reason::NotStarted(day) => format!("begins {}", format_date(*day)),
            Reason::Cadence => "between two slots".to_owned(),
            Reason::NonWorkday(weekday) => format!("no mail on a {}", weekday_name(*weekday)),
            Reason::OutsideHours => "outside hours".to_owned(),
            Reason::Holiday(name) => (*name).to_owned(),
            Reason::Closed(why) => why.to_string(),
            Reason::UnitClosed(why) => format!("the unit is closed: {why}"),
            Reason::UnitShift(weeks) => format!("the unit is moved by {weeks:+} weeks"),
            Reason::Leave(to) => format!("on leave through {}", format_date(*to)),
            Reason::MinGap => "too soon after the last mail".to_owned(),
            Reason::Pace(day) => format!("its turn comes {}", format_date(*day)),
            Reason::AwaitingAnswer(step) => format!("waiting for an answer to `{step}`"),
            Reason::NotApproved(MissingApproval::Never) => "not approved".to_owned(),
            Reason::NotApproved(MissingApproval::ContentChanged) => {
                "changed since it was approved".to_owned()
            }
            Reason::ReferenceGroupFirst => "the reference group tries it first".to_owned(),
            Reason::Paused(why) => format!("paused: {why}"),
            Reason::NoAddress => "no mail address".to_owned(),
            Reason::SharedAddress => "shares a mail address; personal links would mix answers".to_owned(),
            Reason::Undeliverable(code) => format!("the relay says that there is no such mailbox: {code}"),
            Reason::Left => "the last day comes before it".to_owned(),
            Reason::BadContent(why) => why.clone(),
            Reason::Expired => "it will be too late then and is skipped".to_owned(),
            Reason::ManualHold => "held until somebody releases it".to_owned(),
            Reason::PreviousJourney(journey) => format!("after the journey `{journey}`"),
            Reason::NoSlot => "no usable slot within a year".to_owned(),
            Reason::Outbox => "the mail before it has not left yet".to_owned(),
            Reason::InDoubt => "nobody knows whether the mail before it arrived".to_owned(),
        }
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
