//! One person at one instant: what forbids a mail to them, and how durations count for them.

use chrono::{NaiveDate, TimeDelta};

use super::send_policy::{self, Blocked};
use super::{PlannerAt, PreparedJourney, UnitView};
use crate::domain::change::settings::{Pause, UnitOverrides};
use crate::domain::history::PersonHistory;
use crate::domain::model::person::Person;
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::ClosedPeriod;
use crate::domain::time::duration::Duration;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::Reason;

/// A person, prepared for a decision.
#[derive(Clone, Copy)]
pub(super) struct PersonContext<'s> {
    pub(super) person: &'s Person,
    pub(super) past: &'s PersonHistory,
    /// Index of their unit in the planner.
    pub(super) unit: usize,
    pub(super) unit_name: &'s str,
    view: &'s UnitView<'s>,
    personal_pauses: &'s [&'s Pause],
    /// When the last mail of any journey left.
    last_mail: Option<Timestamp>,
    /// When `min_gap` after it ends.
    pub(super) gap_ends: Option<Timestamp>,
    moment: &'s PlannerAt<'s>,
}

impl<'s> PersonContext<'s> {
    pub(super) fn new(
        moment: &'s PlannerAt<'s>,
        person: &'s Person,
        past: &'s PersonHistory,
    ) -> PersonContext<'s> {
        let planner = moment.planner;
        let unit = planner.roster.unit_index(&person.unit).unwrap_or(planner.roster.units.len());
        let personal_pauses = planner.person_pauses.get(&person.id).map_or(&[][..], Vec::as_slice);
        let view = &planner.units[unit];
        let unit_name = planner.roster.units.get(unit).map_or(person.unit.as_str(), |unit| &unit.name);
        let who = PersonContext {
            person,
            past,
            unit,
            unit_name,
            view,
            personal_pauses,
            last_mail: None,
            gap_ends: None,
            moment,
        };
        match past.last_mail {
            Some(mail) => who.after_sending_at(mail),
            None => who,
        }
    }

    /// The person after one more mail.
    pub(super) fn after_sending_at(mut self, mail: Timestamp) -> PersonContext<'s> {
        let zone = self.zone();
        let calendar = &self.moment.planner.library.programme.calendar;
        let ends = match calendar.min_gap.as_length() {
            Some(length) => mail + length,
            None => zone.local_to_instant(calendar.gap_ends(zone.civil(mail))),
        };
        self.last_mail = Some(mail);
        self.gap_ends = Some(ends);
        self
    }

    /// The pauses that apply to the person in a journey.
    pub(super) fn pauses<'c>(
        &'c self,
        route: &'c PreparedJourney<'s>,
    ) -> impl Iterator<Item = &'s Pause> + 'c {
        self.personal_pauses.iter().chain(&self.view.pauses).chain(&route.pauses).copied()
    }

    /// The unit's own closed periods.
    pub(super) fn unit_closed(&self) -> &'s [ClosedPeriod] {
        self.view.settings.map_or(&[], |unit| &unit.closed)
    }

    /// Weeks the unit was shifted by after an instant.
    pub(super) fn weeks_shifted_since(&self, since: Timestamp) -> i32 {
        self.view.settings.map_or(0, |unit| unit.shifted_weeks_since(since))
    }

    /// Weeks the unit was shifted by in total.
    pub(super) fn weeks_shifted(&self) -> i32 {
        self.view.settings.map_or(0, UnitOverrides::shifted_weeks)
    }

    /// The journey's cadence, or the unit's own.
    pub(super) fn cadence(&self, route: &PreparedJourney<'s>) -> &'s Cadence {
        self.view.settings.and_then(|unit| unit.cadence.as_ref()).unwrap_or(&route.journey.cadence)
    }

    /// Key of the person's cadence in a journey, for the cache.
    pub(super) fn cadence_key(&self, route: &PreparedJourney<'s>) -> usize {
        let own = self.view.settings.is_some_and(|unit| unit.cadence.is_some());
        if own { self.moment.planner.routes.len() + self.unit } else { route.index }
    }

    /// Why mail to this person is blocked at an instant, if so.
    pub(super) fn blocked(&self, route: &PreparedJourney<'s>, at: Timestamp) -> Option<Blocked> {
        let calendar = if self.unit_closed().is_empty() { usize::MAX } else { self.unit };
        let programme = &self.moment.planner.library.programme;
        let compute = || send_policy::calendar_block(programme, self.unit_closed(), at);
        if let Some(closed) = self.moment.closed.of(calendar, at, compute) {
            return Some(closed);
        }
        if self.person.end.is_none() && !self.has_excluded_days(route) {
            return self.min_gap_block(at);
        }
        let zone = self.zone();
        if self.person.end.is_some_and(|end| zone.date(at) > end) {
            return Some(Blocked { until: None, reason: Reason::Left });
        }
        send_policy::leave_block(self.person, at, zone)
            .or_else(|| send_policy::pause_block(self.pauses(route), at, zone))
            .or_else(|| self.min_gap_block(at))
    }

    /// Whether it is too soon after the last mail. At most one mail at an instant, whatever `min_gap` says.
    fn min_gap_block(&self, at: Timestamp) -> Option<Blocked> {
        let ends = self.gap_ends.filter(|ends| at < *ends);
        let same_instant = self.last_mail.filter(|mail| at <= *mail).map(|mail| mail + TimeDelta::seconds(1));
        let until = ends.max(same_instant)?;
        Some(Blocked { until: Some(until), reason: Reason::MinGap })
    }

    /// The instant a duration after a mail: minutes and hours from its slot, other units from the date it left, to
    /// 00:00 of a local date. Days of leave and pause are not counted.
    pub(super) fn after_mail(
        &self,
        route: &PreparedJourney<'s>,
        slot: Timestamp,
        left: Timestamp,
        duration: Duration,
    ) -> Timestamp {
        let zone = self.zone();
        match duration.as_length() {
            Some(length) => self.length_after(route, slot, length),
            None => {
                let calendar = &self.moment.planner.library.programme.calendar;
                let is_excluded_day = |day| self.is_excluded_day(route, day);
                let date =
                    calendar.date_after(zone.date(left), duration, self.unit_closed(), is_excluded_day);
                zone.midnight(date)
            }
        }
    }

    /// A length of time later, with the days of leave and pause in between added.
    fn length_after(&self, route: &PreparedJourney<'s>, from: Timestamp, length: TimeDelta) -> Timestamp {
        let zone = self.zone();
        let mut end = from + length;
        if !self.has_excluded_days(route) {
            return end;
        }
        let mut day = zone.date(from);
        while day <= zone.date(end) {
            if self.is_excluded_day(route, day) {
                end += TimeDelta::days(1);
            }
            match day.succ_opt() {
                Some(next) if (next - zone.date(from)).num_days() < 40 * 366 => day = next,
                _ => break,
            }
        }
        end
    }

    fn has_excluded_days(&self, route: &PreparedJourney<'s>) -> bool {
        !self.person.leave.is_empty() || self.pauses(route).next().is_some()
    }

    /// Whether a day is excluded from durations: leave or pause.
    fn is_excluded_day(&self, route: &PreparedJourney<'s>, day: NaiveDate) -> bool {
        self.person.leave.iter().any(|leave| leave.contains(day))
            || self.pauses(route).any(|pause| pause.covers(day, self.zone()))
    }

    fn zone(&self) -> TimeZone {
        self.moment.planner.zone()
    }
}
