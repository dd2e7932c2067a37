//! One planning pass: the verdict of each enrolment at one instant, with the
//! subject of each mail that is due. Covers all people or one batch. Used by
//! `send`, dry run or not.

use std::collections::HashSet;

use crate::domain::history::position::Stage;
use crate::domain::history::progress::Progress;
use crate::domain::history::{Event, EventKind, PersonWithHistory};
use crate::domain::model::ids::{Language, PersonId, PersonNumber, Slug, StepName, UnitId};
use crate::domain::model::journey::Journey;
use crate::domain::model::person::Person;
use crate::domain::model::step::Step;
use crate::domain::planner::{ApprovalMode, Decision, Planner, PlannerAt};
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::{Held, Reason, Send, Verdict, Wait};
use crate::engine::load::snapshot::{AlikeGroup, Snapshot};
use crate::engine::panics::catch_panic;
use crate::failpoint;
use crate::render::{ReaderLinks, RenderRequest};

/// The verdicts at one instant.
pub struct Pass<'w> {
    pub(crate) at: Timestamp,
    /// Mails that are due now.
    pub send: Vec<DueEmail<'w>>,
    /// Mails that are due later.
    pub(crate) wait: Vec<WaitingEmail<'w>>,
    /// Mails that wait for an operator or manager.
    pub held: Vec<HeldEmail<'w>>,
    /// Number of enrolments with nothing more to come.
    pub(crate) over: usize,
    /// Number of enrolments at each stage of each journey.
    pub(crate) stages: Vec<(&'w Slug, Stage, usize)>,
    /// People who are not in memory: those who wait, and those who are held.
    pub(crate) other_people: (usize, usize),
    /// The next time at which something may become due or expire; `None` if only a
    /// decision can change that.
    pub(crate) wake: Option<Timestamp>,
    /// Number of due mails cut off by `--limit`.
    pub(crate) beyond_limit: usize,
}

/// A mail that is due now.
pub struct DueEmail<'w> {
    /// The recipient.
    pub person: &'w Person,
    /// The person's database id, if there is one.
    pub number: Option<PersonNumber>,
    /// The journey of the step.
    pub journey: &'w Journey,
    /// The step that is mailed.
    pub step: &'w Step,
    /// Whether this is the person's first mail of the journey.
    pub first: bool,
    /// 0 for the mail itself, 1 and up for reminders.
    pub round: u16,
    /// The slot of the cadence that it uses.
    pub slot: Timestamp,
    /// The character whose variant it uses.
    pub character: Option<Slug>,
    /// The language of the text, which may be the programme's first.
    pub language: Language,
    /// The latest time it may be sent, if its step has one.
    pub expires: Option<Timestamp>,
    /// The rendered subject.
    pub subject: String,
}

/// A mail that is due later.
pub(crate) struct WaitingEmail<'w> {
    pub person: &'w Person,
    pub journey: &'w Journey,
    pub(crate) wait: Wait,
    /// Number of enrolments that stand like this one, with it.
    pub(crate) enrolments: usize,
    /// Whether its person is counted here, and not with the others.
    pub(crate) is_single: bool,
}

/// A mail that waits for an operator or manager.
pub struct HeldEmail<'w> {
    /// The recipient.
    pub person: &'w Person,
    /// The journey that is held.
    pub journey: &'w Journey,
    /// The step, if one is next, and the reasons.
    pub held: Held,
    /// Number of enrolments that stand like this one, with it.
    pub(crate) enrolments: usize,
    /// Whose they are; empty if it stands for itself.
    pub(crate) people: Vec<PersonNumber>,
    /// The number of its person, if there is one.
    pub(crate) number: Option<PersonNumber>,
}

impl<'w> HeldEmail<'w> {
    /// A mail that stands for itself.
    pub(crate) fn single(person: &'w Person, journey: &'w Journey, held: Held) -> HeldEmail<'w> {
        HeldEmail { person, journey, held, enrolments: 1, people: Vec::new(), number: None }
    }
}

/// The filter of `--only` and `--limit`. Different kinds restrict each other;
/// several values of one kind add up.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these steps; empty for all.
    pub steps: Vec<StepName>,
    /// Only people of these units; empty for all.
    pub units: HashSet<UnitId>,
    /// Only these people; empty for all.
    pub people: HashSet<PersonId>,
    /// Maximum number of mails.
    pub limit: Option<usize>,
}

impl Filter {
    pub(super) fn has_person(&self, person: &Person) -> bool {
        (self.units.is_empty() || self.units.contains(&person.unit))
            && (self.people.is_empty() || self.people.contains(&person.id))
    }

    /// Whether it selects an enqueued mail.
    pub(crate) fn has_mail(&self, person: &Person, step: &StepName) -> bool {
        self.has_person(person) && self.has_step(&step.journey, Some(&step.step))
    }

    fn has_step(&self, journey: &Slug, step: Option<&Slug>) -> bool {
        let named = |name: &StepName| name.journey == *journey && Some(&name.step) == step;
        self.steps.is_empty() || self.steps.iter().any(named)
    }

    /// Whether it selects all mails, apart from the limit.
    pub fn is_everything(&self) -> bool {
        self.steps.is_empty() && self.units.is_empty() && self.people.is_empty()
    }
}

impl<'w> Pass<'w> {
    /// A pass without any person.
    pub(super) fn empty(at: Timestamp) -> Pass<'w> {
        Pass {
            at,
            send: Vec::new(),
            wait: Vec::new(),
            held: Vec::new(),
            over: 0,
            stages: Vec::new(),
            other_people: (0, 0),
            wake: None,
            beyond_limit: 0,
        }
    }

    /// Decides for all people of a completely loaded snapshot, and renders the
    /// subject of each due mail.
    pub fn at(snapshot: &'w Snapshot, at: Timestamp, selection: &Filter) -> Pass<'w> {
        let progress = snapshot.progress_until(at);
        Pass::with(snapshot, at, &progress, selection)
    }

    /// The same once the mails of that instant are sent: what comes next.
    pub fn after(snapshot: &'w Snapshot, at: Timestamp, selection: &Filter) -> Pass<'w> {
        let progress = snapshot.progress_after(at);
        Pass::with(snapshot, at, &progress, selection)
    }

    fn with(snapshot: &'w Snapshot, at: Timestamp, progress: &Progress, selection: &Filter) -> Pass<'w> {
        let planner = Planner::new(
            &snapshot.content.library,
            &snapshot.roster,
            &snapshot.settings,
            ApprovalMode::Recorded,
        );
        let moment = planner.at(at, &snapshot.memory, progress);
        Pass::of(snapshot, &moment, at, snapshot.everybody(), selection)
    }

    /// Like [`Pass::at`], for some people and a planner that is already bound to an
    /// instant.
    pub(crate) fn of(
        snapshot: &'w Snapshot,
        moment: &PlannerAt<'_>,
        at: Timestamp,
        people: impl Iterator<Item = PersonWithHistory<'w>>,
        selection: &Filter,
    ) -> Pass<'w> {
        let mut pass = Pass::empty(at);
        if let Some(alike) = snapshot.alike() {
            pass.other_people = (alike.waiting_people, alike.held_people);
            pass.wake = alike.next_check.filter(|next| *next > at);
        }
        for somebody in people.filter(|somebody| selection.has_person(somebody.person)) {
            let (decisions, due) = decide(snapshot, moment, somebody);
            pass.add_person(snapshot, somebody, decisions, due, selection);
        }
        pass
    }

    /// Adds the decisions for one person, with the mail that is due.
    pub(super) fn add_person(
        &mut self,
        snapshot: &'w Snapshot,
        PersonWithHistory { person, past, number }: PersonWithHistory<'w>,
        decisions: Vec<Decision>,
        mut due: Option<DueEmail<'w>>,
        selection: &Filter,
    ) {
        for decision in decisions {
            let journey = &snapshot.content.library.journeys[decision.journey];
            let group = match (snapshot.alike(), number) {
                (Some(alike), Some(number)) if !alike.single.contains(&number) => {
                    let Some(group) = alike.groups.get(&(number, decision.journey)) else { continue };
                    Some(group)
                }
                _ => None,
            };
            let enrolment = past.enrolment(&journey.slug);
            self.wake = [self.wake, decision.next_check(self.at)].into_iter().flatten().min();
            let enrolments = group.map_or(1, |group| group.enrolments);
            self.stages.push((&journey.slug, Stage::of(enrolment, &decision.verdict), enrolments));
            self.add((person, number, group), journey, decision.verdict, &mut due, selection);
        }
    }

    /// The mails that are due and cannot be rendered.
    pub(crate) fn unrenderable(&self) -> impl Iterator<Item = &HeldEmail<'w>> {
        let is_one = |held: &&HeldEmail<'_>| matches!(held.held.reasons[..], [Reason::BadContent(_)]);
        self.held.iter().filter(is_one)
    }

    /// The mails that leave, as facts.
    pub(crate) fn mailed(&self) -> Vec<(PersonId, Slug, Event)> {
        let mailed = |due: &DueEmail<'_>| {
            let what = EventKind::Mailed { round: due.round, slot: due.slot };
            let event = Event { at: self.at, step: due.step.slug.clone(), what };
            (due.person.id.clone(), due.journey.slug.clone(), event)
        };
        self.send.iter().map(mailed).collect()
    }

    fn add(
        &mut self,
        (person, number, group): (&'w Person, Option<PersonNumber>, Option<&AlikeGroup>),
        journey: &'w Journey,
        verdict: Verdict,
        made: &mut Option<DueEmail<'w>>,
        selection: &Filter,
    ) {
        let step = match &verdict {
            Verdict::Send(send) => Some(&send.step),
            Verdict::Wait(wait) => wait.known_step(),
            Verdict::Held(held) => held.step.as_ref(),
            Verdict::Ended(_) => None,
        };
        if !selection.has_step(&journey.slug, step) {
            return;
        }
        let enrolments = group.map_or(1, |group| group.enrolments);
        match verdict {
            Verdict::Send(_) if selection.limit.is_some_and(|limit| self.send.len() >= limit) => {
                self.beyond_limit += 1;
            }
            Verdict::Send(_) => self.send.extend(made.take()),
            Verdict::Wait(wait) => {
                let is_single = group.is_none();
                self.wait.push(WaitingEmail { person, journey, wait, enrolments, is_single });
            }
            Verdict::Held(held) => {
                let people = group.map_or(Vec::new(), |group| group.people.clone());
                self.held.push(HeldEmail { person, journey, held, enrolments, people, number });
            }
            Verdict::Ended(_) => self.over += enrolments,
        }
    }
}

/// Decides for one person; with the mail that is due. A mail that cannot be rendered is held.
pub(super) fn decide<'w>(
    snapshot: &'w Snapshot,
    moment: &PlannerAt<'_>,
    somebody: PersonWithHistory<'w>,
) -> (Vec<Decision>, Option<DueEmail<'w>>) {
    let mut due = None;
    let decisions = moment.decide_with_veto(somebody.person, somebody.past, |journey, send| {
        let (made, refused) = DueEmail::of(snapshot, somebody, journey, send);
        due = made;
        refused
    });
    (decisions, due)
}

impl<'w> DueEmail<'w> {
    /// The mail to send, or the reason why it cannot be rendered for this person.
    pub(crate) fn of(
        snapshot: &'w Snapshot,
        somebody: PersonWithHistory<'w>,
        journey: usize,
        send: &Send,
    ) -> (Option<DueEmail<'w>>, Option<Reason>) {
        let journey = &snapshot.content.library.journeys[journey];
        let Some(step) = journey.step(&send.step) else { return (None, None) };
        match DueEmail::new(snapshot, somebody, journey, step, send) {
            Ok(due) => (Some(due), None),
            Err(held) => (None, held.reasons.into_iter().next()),
        }
    }

    /// The mail with its subject; held if the subject cannot be rendered for this
    /// person.
    fn new(
        snapshot: &'w Snapshot,
        PersonWithHistory { person, past, number }: PersonWithHistory<'w>,
        journey: &'w Journey,
        step: &'w Step,
        send: &Send,
    ) -> Result<DueEmail<'w>, Held> {
        let chosen = past.character.clone();
        let default =
            snapshot.content.library.programme.default_character().map(|character| character.id.clone());
        let character = chosen.or(default);
        let language =
            step.variant(snapshot.content.library.programme.serve(&person.language), character.as_ref());
        let mut due = DueEmail {
            person,
            number,
            journey,
            step,
            first: past.enrolment(&journey.slug).mails().all(|mail| *mail.step == step.slug),
            round: send.round,
            slot: send.slot,
            expires: send.expires,
            language: language.language.clone(),
            character,
            subject: String::new(),
        };
        let links = links(snapshot);
        let subject = catch_panic(|| {
            failpoint::panics("pass.subject");
            snapshot
                .content
                .renderer
                .subject(&due.letter(snapshot, &links))
                .map_err(|fault| fault.to_string())
        });
        match subject {
            Ok(subject) => {
                due.subject = subject;
                Ok(due)
            }
            Err(why) => {
                let reasons = vec![Reason::BadContent(why)];
                Err(Held { step: Some(step.slug.clone()), reasons })
            }
        }
    }

    /// The input for rendering.
    pub fn letter<'s>(&'s self, snapshot: &'s Snapshot, links: &'s ReaderLinks) -> RenderRequest<'s> {
        RenderRequest {
            journey: &self.journey.slug,
            step: &self.step.slug,
            round: self.round,
            person: self.person,
            unit_name: snapshot.roster.unit_name(&self.person.unit),
            character: self.character.as_ref(),
            first: self.first,
            links,
        }
    }
}

/// Links for a preview. They lead nowhere and identify no person; a mail that
/// is sent gets signed links from `keys`.
pub fn links(snapshot: &Snapshot) -> ReaderLinks {
    let to = |page: &str| format!("{}/dry-run/{page}", snapshot.config.web.base_url);
    ReaderLinks { answer: to("answer"), pause: to("pause"), character: to("character"), web: to("web") }
}
