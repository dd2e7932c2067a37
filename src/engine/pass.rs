//! One pass: everybody's verdict at one instant, with the words each mail
//! would have; or that of some of them, where people are read a slice at a
//! time. What `send` lists, dry or not.

use std::collections::HashSet;

use super::mishap::unless_it_panics;
use super::world::World;
use crate::domain::ids::{Language, PersonId, PersonNumber, Slug, StepName, UnitId};
use crate::domain::journey::Journey;
use crate::domain::memory::Somebody;
use crate::domain::person::Person;
use crate::domain::planner::{Approvals, Moment, Planner};
use crate::domain::position::Stage;
use crate::domain::progress::Progress;
use crate::domain::step::Step;
use crate::domain::verdict::{Held, Reason, Send, Verdict, Wait};
use crate::domain::zone::Timestamp;
use crate::failpoint;
use crate::render::{Letter, Links};

/// Everybody's verdict at one instant.
pub struct Pass<'w> {
    /// The instant.
    pub at: Timestamp,
    /// Leaves now.
    pub send: Vec<Due<'w>>,
    /// Leaves later.
    pub wait: Vec<Waiting<'w>>,
    /// Waits for somebody to act.
    pub held: Vec<Holding<'w>>,
    /// How many enrolments have nothing more to come.
    pub over: usize,
    /// How far each enrolment is, by journey.
    pub stages: Vec<(&'w Slug, Stage)>,
    /// The next instant at which something may be due or skipped; `None`:
    /// never, unless somebody acts.
    pub wake: Option<Timestamp>,
    /// How many that are due now `--limit` left for later.
    pub beyond_limit: usize,
}

/// A mail that leaves now.
pub struct Due<'w> {
    /// To whom.
    pub person: &'w Person,
    /// What the database calls them, if it knows them.
    pub number: Option<PersonNumber>,
    /// Of which journey.
    pub journey: &'w Journey,
    /// Which step.
    pub step: &'w Step,
    /// Has the person got no other mail of the journey?
    pub first: bool,
    /// 0 is the mail, 1… the reminders.
    pub round: u16,
    /// The slot it uses.
    pub slot: Timestamp,
    /// Whose way in it takes.
    pub character: Option<Slug>,
    /// In which language it is written.
    pub language: Language,
    /// The last instant at which it may leave, if its step has one.
    pub expires: Option<Timestamp>,
    /// Its subject, filled.
    pub subject: String,
}

/// A mail that leaves later.
pub struct Waiting<'w> {
    /// To whom.
    pub person: &'w Person,
    /// Of which journey.
    pub journey: &'w Journey,
    /// Which step, until when and why.
    pub wait: Wait,
}

/// A mail that waits for somebody to act.
pub struct Holding<'w> {
    /// To whom.
    pub person: &'w Person,
    /// Of which journey.
    pub journey: &'w Journey,
    /// Which step and why.
    pub held: Held,
}

/// What `--only` and `--limit` leave of a pass. Each kind restricts; several
/// of one kind add up.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// These steps.
    pub steps: Vec<StepName>,
    /// These units.
    pub units: HashSet<UnitId>,
    /// These people.
    pub people: HashSet<PersonId>,
    /// At most so many mails.
    pub limit: Option<usize>,
}

impl Selection {
    fn has_person(&self, person: &Person) -> bool {
        (self.units.is_empty() || self.units.contains(&person.unit))
            && (self.people.is_empty() || self.people.contains(&person.id))
    }

    /// Does it name a mail that is booked?
    pub(super) fn has_mail(&self, person: &Person, step: &StepName) -> bool {
        self.has_person(person) && self.has_step(&step.journey, Some(&step.step))
    }

    fn has_step(&self, journey: &Slug, step: Option<&Slug>) -> bool {
        let named = |name: &StepName| name.journey == *journey && Some(&name.step) == step;
        self.steps.is_empty() || self.steps.iter().any(named)
    }

    /// Is it everything?
    pub fn is_everything(&self) -> bool {
        self.steps.is_empty() && self.units.is_empty() && self.people.is_empty()
    }
}

impl<'w> Pass<'w> {
    /// Nobody was asked.
    fn empty(at: Timestamp) -> Pass<'w> {
        Pass {
            at,
            send: Vec::new(),
            wait: Vec::new(),
            held: Vec::new(),
            over: 0,
            stages: Vec::new(),
            wake: None,
            beyond_limit: 0,
        }
    }

    /// Decides for everybody of a world that has everybody, and finds each due
    /// mail its subject.
    pub fn at(world: &'w World, at: Timestamp, selection: &Selection) -> Pass<'w> {
        let planner = Planner::new(&world.library, &world.roster, &world.settings, Approvals::AsGiven);
        let progress = Progress::until(at, &world.library, &world.roster, &world.memory);
        let moment = planner.at(at, &world.memory, &progress);
        Pass::of(world, &moment, at, world.everybody(), selection)
    }

    /// The same for some people, at an instant that is ready to decide.
    pub fn of(
        world: &'w World,
        moment: &Moment<'_>,
        at: Timestamp,
        people: impl Iterator<Item = Somebody<'w>>,
        selection: &Selection,
    ) -> Pass<'w> {
        let mut pass = Pass::empty(at);
        for somebody in people.filter(|somebody| selection.has_person(somebody.person)) {
            let Somebody { person, past, .. } = somebody;
            let mut made = None;
            let decisions = moment.decide_unless(person, past, |journey, send| {
                let (due, refused) = Due::of(world, somebody, journey, send);
                made = due;
                refused
            });
            for decision in decisions {
                let journey = &world.library.journeys[decision.journey];
                let enrolment = past.enrolment(&journey.slug);
                pass.wake = [pass.wake, decision.ask_again(at)].into_iter().flatten().min();
                pass.stages.push((&journey.slug, Stage::of(enrolment, &decision.verdict)));
                pass.add(person, journey, decision.verdict, &mut made, selection);
            }
        }
        pass
    }

    fn add(
        &mut self,
        person: &'w Person,
        journey: &'w Journey,
        verdict: Verdict,
        made: &mut Option<Due<'w>>,
        selection: &Selection,
    ) {
        let step = match &verdict {
            Verdict::Send(send) => Some(&send.step),
            Verdict::Wait(wait) => Some(&wait.step),
            Verdict::Held(held) => held.step.as_ref(),
            Verdict::Over(_) => None,
        };
        if !selection.has_step(&journey.slug, step) {
            return;
        }
        match verdict {
            Verdict::Send(_) if selection.limit.is_some_and(|limit| self.send.len() >= limit) => {
                self.beyond_limit += 1;
            }
            Verdict::Send(_) => self.send.extend(made.take()),
            Verdict::Wait(wait) => self.wait.push(Waiting { person, journey, wait }),
            Verdict::Held(held) => self.held.push(Holding { person, journey, held }),
            Verdict::Over(_) => self.over += 1,
        }
    }
}

impl<'w> Due<'w> {
    /// The mail that would leave; or why it cannot be made for this person.
    pub(super) fn of(
        world: &'w World,
        somebody: Somebody<'w>,
        journey: usize,
        send: &Send,
    ) -> (Option<Due<'w>>, Option<Reason>) {
        let journey = &world.library.journeys[journey];
        let Some(step) = journey.step(&send.step) else { return (None, None) };
        match Due::new(world, somebody, journey, step, send) {
            Ok(due) => (Some(due), None),
            Err(held) => (None, held.because.into_iter().next()),
        }
    }

    /// The mail with its subject; held if its text cannot be made for this
    /// person.
    fn new(
        world: &'w World,
        Somebody { person, past, number }: Somebody<'w>,
        journey: &'w Journey,
        step: &'w Step,
        send: &Send,
    ) -> Result<Due<'w>, Held> {
        let chosen = past.character.clone();
        let default = world.library.programme.default_character().map(|character| character.id.clone());
        let character = chosen.or(default);
        let language = step.variant(world.library.programme.serve(&person.language), character.as_ref());
        let mut due = Due {
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
        let links = links(world);
        let subject = unless_it_panics(|| {
            failpoint::panics("pass.subject");
            world.renderer.subject(&due.letter(world, &links)).map_err(|fault| fault.to_string())
        });
        match subject {
            Ok(subject) => {
                due.subject = subject;
                Ok(due)
            }
            Err(why) => {
                let because = vec![Reason::BadContent(why)];
                Err(Held { step: Some(step.slug.clone()), because })
            }
        }
    }

    /// What rendering needs.
    pub fn letter<'s>(&'s self, world: &'s World, links: &'s Links) -> Letter<'s> {
        Letter {
            journey: &self.journey.slug,
            step: &self.step.slug,
            round: self.round,
            person: self.person,
            unit_name: world.roster.unit_name(&self.person.unit),
            character: self.character.as_ref(),
            first: self.first,
            links,
        }
    }
}

/// The links of a mail that is only looked at: they lead nowhere, and name
/// nobody. A mail that is sent has signed ones, of `keys`.
pub fn links(world: &World) -> Links {
    let to = |page: &str| format!("{}/dry-run/{page}", world.config.web.base_url);
    Links { answer: to("answer"), pause: to("pause"), character: to("character"), web: to("web") }
}
