//! The mails that come next, by time and step: what `send` and `status` list.

use std::collections::BTreeMap;

use super::pass::{Pass, WaitingEmail};
use crate::domain::model::ids::StepName;
use crate::domain::model::step::Kind;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Reason, Wait};

/// The next mail of each enrolment, summed up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upcoming {
    mails: BTreeMap<(Timestamp, StepName, u16), UpcomingMails>,
}

/// Mails of one step at one time.
#[derive(Clone, Debug)]
pub(crate) struct UpcomingMails {
    pub(crate) at: Timestamp,
    pub(crate) step: StepName,
    /// 0 is the mail, 1 and up the reminders.
    pub(crate) round: u16,
    pub(crate) kind: Kind,
    /// Number of mails.
    pub(crate) mails: usize,
    pub(crate) condition: Option<Condition>,
}

/// What a person must do before the mails can leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Approval,
    Release,
}

impl Condition {
    /// The word in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Condition::Approval => "approval",
            Condition::Release => "release",
        }
    }

    fn of(wait: &Wait) -> Option<Condition> {
        let condition = |reason: &Reason| match reason {
            Reason::NotApproved(_) => Some(Condition::Approval),
            Reason::ManualHold => Some(Condition::Release),
            _ => None,
        };
        wait.reasons.iter().find_map(condition)
    }
}

impl Upcoming {
    /// The next mails of everybody in a pass.
    pub(crate) fn of(pass: &Pass<'_>) -> Upcoming {
        let mut upcoming = Upcoming::default();
        pass.wait.iter().for_each(|waiting| upcoming.add(waiting));
        upcoming
    }

    /// Adds what a person waits for; the end of a wait without a mail does not count.
    pub(crate) fn add(&mut self, waiting: &WaitingEmail<'_>) {
        let WaitingEmail { journey, wait, enrolments, .. } = waiting;
        let Some(step) = journey.step(&wait.step).filter(|_| wait.ends_with_mail()) else { return };
        let name = StepName { journey: journey.slug.clone(), step: step.slug.clone() };
        let mails = self.mails.entry((wait.until, name.clone(), wait.round)).or_insert(UpcomingMails {
            at: wait.until,
            step: name,
            round: wait.round,
            kind: step.kind,
            mails: 0,
            condition: Condition::of(wait),
        });
        mails.mails += enrolments;
    }

    /// All of them, the earliest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &UpcomingMails> {
        self.mails.values()
    }
}
