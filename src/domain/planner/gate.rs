//! The gate of a step: approval of its text, and the reference group's lead.

use super::{PersonContext, PlannerAt, PreparedJourney, Starts, UnitView};
use crate::domain::model::ids::{PersonId, StepName};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::Library;
use crate::domain::time::calendar::Calendar;
use crate::domain::time::duration::Duration;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::{Reason, Verdict};

/// The state of a step's gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// Opens when the lead after the first member's mail ends, which is then at the earliest.
    OpensAt(Timestamp),
    /// A member could get the step, but only if someone acts.
    Closed,
}

impl Starts {
    /// The start of a journey for a unit; `None` if it has none of its own.
    pub(super) fn of(journey: &Journey, library: &Library, unit: &UnitView<'_>) -> Option<Starts> {
        let programme = &library.programme;
        let weeks = unit.settings.map_or(0, crate::domain::change::settings::UnitOverrides::shifted_weeks);
        let start = journey.start? + chrono::TimeDelta::weeks(i64::from(weeks));
        let all = programme.zone.midnight(start);
        let members = match &journey.reference_group {
            Some(group) => lead_before(all, group.lead, &programme.calendar, programme.zone),
            None => all,
        };
        Some(Starts { all, members })
    }

    /// The start for a member of the reference group, or for others.
    pub(super) fn of_person(self, member: bool) -> Timestamp {
        if member { self.members } else { self.all }
    }
}

/// The instant one lead earlier; days keep the time of day.
pub(super) fn lead_before(at: Timestamp, lead: Duration, calendar: &Calendar, zone: TimeZone) -> Timestamp {
    match lead.as_length() {
        Some(length) => at - length,
        None => {
            let civil = zone.civil(at);
            zone.local_to_instant(calendar.date_before(civil.date(), lead, &[]).and_time(civil.time()))
        }
    }
}

/// The instant one lead after a mail: 00:00 on the day it ends.
fn lead_after(at: Timestamp, lead: Duration, calendar: &Calendar, zone: TimeZone) -> Timestamp {
    match lead.as_length() {
        Some(length) => at + length,
        None => zone.midnight(calendar.date_after(zone.date(at), lead, &[], |_| false)),
    }
}

impl Gate {
    /// As text, to be compared with that of another time.
    fn text(self) -> String {
        match self {
            Gate::Open => "open".to_owned(),
            Gate::OpensAt(at) => at.to_rfc3339(),
            Gate::Closed => "closed".to_owned(),
        }
    }
}

impl PlannerAt<'_> {
    /// The state of each gate as text. If it changes, those who come to the step next must be decided again.
    pub(crate) fn gate_states(&self) -> Vec<(StepName, String)> {
        let routes = self.planner.routes.iter().filter(|route| route.journey.reference_group.is_some());
        let steps = routes.flat_map(|route| {
            route.journey.steps.iter().zip(&self.gates[route.index]).map(|(step, gate)| {
                let step = StepName { journey: route.journey.slug.clone(), step: step.slug.clone() };
                (step, gate.text())
            })
        });
        steps.collect()
    }

    /// Whether a person is in the journey's reference group.
    pub(super) fn is_member(&self, who: &PersonContext<'_>, route: &PreparedJourney<'_>) -> bool {
        !route.members.is_empty() && route.members.contains(&who.person.id)
    }

    /// The gate of each step of a journey.
    pub(super) fn gates_of(&self, index: usize) -> Vec<Gate> {
        let route = &self.planner.routes[index];
        let Some(group) = &route.journey.reference_group else {
            return vec![Gate::Open; route.journey.steps.len()];
        };
        let programme = &self.planner.library.programme;
        let opens = |mail| lead_after(mail, group.lead, &programme.calendar, programme.zone);
        let members: Vec<MemberOutlook> =
            group.people.iter().filter_map(|id| self.member(id, route)).collect();
        (0..route.journey.steps.len())
            .map(|step| match self.progress.first_member_mail(index, step) {
                Some(mail) => Gate::OpensAt(opens(mail)),
                None => {
                    let coming: Vec<_> =
                        members.iter().filter(|member| member.ahead.contains(&step)).collect();
                    match coming.iter().filter_map(|member| member.next).min_by_key(|next| next.at()) {
                        Some(MemberNext::Mail(at)) => Gate::OpensAt(opens(at)),
                        Some(MemberNext::NoMail(at)) => Gate::OpensAt(at),
                        None if coming.is_empty() => Gate::Open,
                        None => Gate::Closed,
                    }
                }
            })
            .collect()
    }

    /// The status of a member of the reference group, if mail can be sent to them.
    fn member<'s>(&'s self, id: &PersonId, route: &'s PreparedJourney<'s>) -> Option<MemberOutlook> {
        let person = self.planner.roster.person(id)?;
        let who = PersonContext::new(self, person, self.memory.of(id));
        if !person.reachable() {
            return None;
        }
        let predecessor = self.predecessor_state(&who, route.index);
        let (decision, _) = self.decide_in(&who, route.index, predecessor);
        let ahead = self.steps_ahead(&who, route, predecessor);
        let day_after = person.end.and_then(|end| end.succ_opt());
        let gone = day_after.map(|day| self.planner.zone().midnight(day));
        let falls_away = [decision.recheck_at, gone].into_iter().flatten().min();
        let next = match decision.verdict {
            Verdict::Send(_) => Some(MemberNext::Mail(self.now)),
            Verdict::Wait(wait)
                if wait.reasons.iter().any(|r| matches!(r, Reason::Expired | Reason::Left)) =>
            {
                Some(MemberNext::NoMail(wait.until))
            }
            Verdict::Wait(wait) => match falls_away {
                Some(at) if at < wait.until => Some(MemberNext::NoMail(at)),
                Some(_) | None => Some(MemberNext::Mail(wait.until)),
            },
            Verdict::Held(_) => falls_away.map(MemberNext::NoMail),
            Verdict::Ended(_) => return None,
        };
        Some(MemberOutlook { ahead, next })
    }
}

/// The status of a member of the reference group.
struct MemberOutlook {
    /// The remaining steps.
    ahead: Vec<usize>,
    /// What comes next; `None` until someone acts.
    next: Option<MemberNext>,
}

/// What comes next for a member of the reference group, at the earliest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MemberNext {
    /// A mail: the lead starts then.
    Mail(Timestamp),
    /// The step or the person is dropped: there is nothing left to wait for.
    NoMail(Timestamp),
}

impl MemberNext {
    fn at(self) -> Timestamp {
        match self {
            MemberNext::Mail(at) | MemberNext::NoMail(at) => at,
        }
    }
}
