//! Previews a change of settings: the state before and after it, and its effect
//! on who gets what when. Changes nothing.

use std::collections::BTreeMap;

use crate::domain::change::Change;
use crate::domain::change::settings::{Pause, PauseTarget, Settings, UnitOverrides};
use crate::domain::history::{History, PersonWithHistory};
use crate::domain::model::ids::{Slug, StepName, UnitId};
use crate::domain::model::person::Person;
use crate::domain::planner::{ApprovalMode, Planner};
use crate::domain::time::format::{format_date, format_datetime, format_datetime_with_week, weeks_text};
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::domain::verdict::{Reason, Verdict};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::DueEmail;

/// A change described without personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePreview {
    /// The setting before the change, as text.
    pub before: String,
    /// The setting after the change, as text.
    pub after: String,
    /// Whether the change has no effect.
    pub(crate) is_nothing: bool,
}

/// A group of enrolments that a change affects in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub(crate) journey: Slug,
    /// The next action before the change.
    pub before: NextAction,
    /// The next action after the change.
    pub after: NextAction,
    /// Number of enrolments in the group.
    pub enrolments: usize,
}

/// The next action of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextAction {
    /// `send`, `wait`, `held` or `over`.
    pub(crate) verdict: &'static str,
    /// The step it is about; none for a journey that has ended.
    pub step: Option<Slug>,
    /// When a mail is due: its slot, or the end of the wait.
    pub at: Option<Timestamp>,
    /// Whether a mail is sent at that time; otherwise it is decided again then.
    pub(crate) is_mail: bool,
    /// The code of the first reason.
    pub why: Option<&'static str>,
    /// What that code means.
    meaning: Option<&'static str>,
}

/// Describes a change before it is made.
pub fn shown(snapshot: &Snapshot, change: &Change, at: Timestamp) -> ChangePreview {
    let (mut settings, mut memory) = (snapshot.settings.clone(), snapshot.memory.clone());
    change.apply(at, &mut settings, &mut memory);
    let before = words(snapshot, &snapshot.settings, &snapshot.memory, change, at);
    let mut after = words(snapshot, &settings, &memory, change, at);
    let is_answer = matches!(change, Change::Answer { .. });
    if is_answer && before == after {
        after = format!("{after}, with a new answer");
    }
    ChangePreview { is_nothing: before == after, before, after }
}

/// What a change does to the next mails.
#[derive(Debug, Default)]
pub struct Effects {
    /// How many people it concerns.
    pub(crate) people: usize,
    /// The largest first.
    pub list: Vec<Effect>,
}

/// The effect of a change: compares the decisions of the planner with and
/// without it.
pub fn effect(snapshot: &Snapshot, change: &Change, at: Timestamp) -> Effects {
    let (mut settings, mut memory) = (snapshot.settings.clone(), snapshot.memory.clone());
    change.apply(at, &mut settings, &mut memory);
    let before = verdicts(snapshot, &snapshot.settings, &snapshot.memory, at);
    let after = verdicts(snapshot, &settings, &memory, at);
    let mut sums: BTreeMap<(usize, NextAction, NextAction), usize> = BTreeMap::new();
    let (mut people, mut last) = (0, None);
    for ((person, journey, before), (_, _, after)) in before.into_iter().zip(after) {
        if !before.is_same_plan(&after) {
            // the enrolments of one person follow each other
            people += usize::from(last.replace(person) != Some(person));
            *sums.entry((journey, before, after)).or_default() += 1;
        }
    }
    let effect = |((journey, before, after), enrolments): ((usize, NextAction, NextAction), usize)| Effect {
        journey: snapshot.content.library.journeys[journey].slug.clone(),
        before,
        after,
        enrolments,
    };
    let mut list: Vec<Effect> = sums.into_iter().map(effect).collect();
    list.sort_by_key(|effect| std::cmp::Reverse(effect.enrolments));
    Effects { people, list }
}

/// Describes holding or releasing all sending, for which the database alone is
/// enough.
pub(crate) fn shown_of_all(is_held: bool, change: &Change) -> ChangePreview {
    let (before, after) = (sending(is_held), sending(matches!(change, Change::Hold(_))));
    ChangePreview { is_nothing: before == after, before: before.to_owned(), after: after.to_owned() }
}

fn sending(is_held: bool) -> &'static str {
    if is_held { "all sending is held" } else { "sending as planned" }
}

/// By index of person and journey, what comes next.
fn verdicts(
    snapshot: &Snapshot,
    settings: &Settings,
    memory: &History,
    at: Timestamp,
) -> Vec<(usize, usize, NextAction)> {
    let planner = Planner::new(&snapshot.content.library, &snapshot.roster, settings, ApprovalMode::Recorded);
    let progress = snapshot.progress_after(at);
    let moment = planner.at(at, memory, &progress);
    let people = snapshot.roster.people.iter();
    let decide = |person: &Person| {
        let somebody = PersonWithHistory { person, past: memory.of(&person.id), number: None };
        moment.decide_with_veto(person, somebody.past, |journey, send| {
            DueEmail::of(snapshot, somebody, journey, send).1
        })
    };
    let of_person = |(place, person)| {
        decide(person).into_iter().map(move |d| (place, d.journey, NextAction::of(&d.verdict)))
    };
    people.enumerate().flat_map(of_person).collect()
}

impl NextAction {
    fn of(verdict: &Verdict) -> NextAction {
        let first = |reasons: &[Reason]| reasons.first().map(|reason| (reason.code(), reason.meaning()));
        let (why, meaning) = match verdict {
            Verdict::Send(_) => None,
            Verdict::Wait(wait) => first(&wait.reasons),
            Verdict::Held(held) => first(&held.reasons),
            Verdict::Ended(ended) => ended.code().zip(Some(ended.text())),
        }
        .unzip();
        match verdict {
            Verdict::Send(send) => NextAction {
                verdict: "send",
                step: Some(send.step.clone()),
                at: Some(send.slot),
                is_mail: true,
                why,
                meaning,
            },
            Verdict::Wait(wait) => NextAction {
                verdict: "wait",
                step: wait.known_step().cloned(),
                at: wait.known_step().map(|_| wait.until),
                is_mail: wait.is_certain(),
                why,
                meaning,
            },
            Verdict::Held(held) => NextAction {
                verdict: "held",
                step: held.step.clone(),
                at: None,
                is_mail: false,
                why,
                meaning,
            },
            Verdict::Ended(_) => {
                NextAction { verdict: "over", step: None, at: None, is_mail: false, why, meaning }
            }
        }
    }

    /// Whether both are the same step at the same time. The reasons count only where there is no time.
    fn is_same_plan(&self, other: &NextAction) -> bool {
        let timed = |next: &NextAction| next.at.map(|at| (next.verdict, next.step.clone(), at, next.is_mail));
        self == other || (timed(self).is_some() && timed(self) == timed(other))
    }

    /// A short description.
    pub(crate) fn text(&self, zone: TimeZone) -> String {
        let step = self.step.as_ref().map_or(String::new(), |step| format!("{step} "));
        let word = match self.verdict {
            "held" => "stopped",
            "wait" => "waiting",
            "over" => "nothing more",
            verdict => verdict,
        };
        match (self.verdict, self.at, self.meaning) {
            ("send", _, _) => format!("{step}now"),
            (_, Some(at), _) if self.is_mail => format!("{step}{}", format_datetime_with_week(zone, at)),
            (_, Some(at), _) => format!("{step}not before {}", format_datetime_with_week(zone, at)),
            ("held", None, Some(meaning)) if meaning == Reason::ManualHold.meaning() => {
                format!("{step}{meaning}")
            }
            (_, None, Some(meaning)) => format!("{step}{word}: {meaning}"),
            (_, None, None) => format!("{step}{word}"),
        }
    }
}

/// Describes the setting that a change is about.
fn words(
    snapshot: &Snapshot,
    settings: &Settings,
    memory: &History,
    change: &Change,
    at: Timestamp,
) -> String {
    let zone = snapshot.content.library.programme.zone;
    match change {
        Change::Approve { step, .. } => approval(snapshot, settings, step),
        Change::Hold(None) | Change::Release(None) => sending(settings.all_held).to_owned(),
        Change::Hold(Some(step)) | Change::Release(Some(step)) if settings.held_steps.contains(step) => {
            "held".to_owned()
        }
        Change::Hold(Some(_)) | Change::Release(Some(_)) => "not held".to_owned(),
        Change::Pause { of, .. } | Change::Resume(of) => pauses(settings, of, at, zone),
        Change::Stop(person) | Change::UndoStop(person) => {
            let stopped = settings.stopped.contains(person);
            if stopped { "has asked for no more mails" } else { "gets mails" }.to_owned()
        }
        Change::Shift { unit, .. } => {
            let weeks = settings.units.get(unit).map_or(0, UnitOverrides::shifted_weeks);
            if weeks == 0 { "not shifted".to_owned() } else { weeks_text(weeks) }
        }
        Change::CloseUnit { unit, .. } => closed(settings, unit, zone.date(at)),
        Change::SetCadence { unit, .. } => {
            let own = settings.units.get(unit).and_then(|unit| unit.cadence.as_ref());
            own.map_or("the rhythm of each journey".to_owned(), |cadence| format!("`{}`", cadence.as_str()))
        }
        Change::SetCharacter { person, .. } => {
            let chosen = memory.of(person).character.as_ref();
            let default =
                snapshot.content.library.programme.default_character().map(|character| &character.id);
            match (chosen, default) {
                (Some(chosen), _) => format!("`{chosen}`"),
                (None, Some(default)) => format!("nothing chosen: `{default}`"),
                (None, None) => "nothing chosen".to_owned(),
            }
        }
        Change::Answer { person, step, .. } => {
            let enrolment = memory.of(person).enrolment(&step.journey);
            let is_answered = enrolment.answered(&step.step).is_some();
            if is_answered { "answered" } else { "not answered" }.to_owned()
        }
    }
}

fn approval(snapshot: &Snapshot, settings: &Settings, step: &StepName) -> String {
    let zone = snapshot.content.library.programme.zone;
    let now = snapshot.content.library.journey(&step.journey).and_then(|journey| journey.step(&step.step));
    let given = || settings.approvals.iter().filter(|approval| approval.step == *step);
    match given().find(|approval| now.is_some_and(|now| now.hash == approval.content)) {
        Some(approval) => format!("approved {}", format_datetime(zone, approval.at)),
        None if given().next().is_some() => "changed since it was approved".to_owned(),
        None => "not approved".to_owned(),
    }
}

fn pauses(settings: &Settings, of: &PauseTarget, at: Timestamp, zone: TimeZone) -> String {
    let running = |pause: &&Pause| pause.of == *of && pause.ends(zone).is_none_or(|end| at < end);
    let told = |pause: &Pause| match pause.until {
        Some(until) => format!("paused until {}: {}", format_date(until), pause.reason),
        None => format!("paused with no end date: {}", pause.reason),
    };
    let told: Vec<String> = settings.pauses.iter().filter(running).map(told).collect();
    if told.is_empty() { "not paused".to_owned() } else { told.join("; ") }
}

fn closed(settings: &Settings, unit: &UnitId, today: chrono::NaiveDate) -> String {
    let periods = settings.units.get(unit).map_or(&[][..], |unit| &unit.closed);
    let told: Vec<String> = periods
        .iter()
        .filter(|period| period.days.to >= today)
        .map(|period| {
            format!(
                "closed {} to {}: {}",
                format_date(period.days.from),
                format_date(period.days.to),
                period.why
            )
        })
        .collect();
    if told.is_empty() { "open".to_owned() } else { told.join("; ") }
}
