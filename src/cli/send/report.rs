//! What a pass comes to, added up part by part, and the screenful that tells
//! it: now, next, waiting, held, and what to type then.

use std::collections::BTreeMap;
use std::io::Write;

use super::Args;
use crate::cli::context::{BAD, BOLD, Context, FAINT, GOOD};
use crate::cli::error::CommandError;
use crate::cli::{kept_back, moment, pages};
use crate::config::Transport;
use crate::domain::ids::PersonId;
use crate::domain::person::Person;
use crate::domain::verdict::{Reason, moment as in_words};
use crate::domain::zone::Timestamp;
use crate::engine::deliver::Outbox;
use crate::engine::pass::{Due, Holding, Pass, Selection, Waiting};
use crate::engine::world::World;

/// How many lines of a list are told before "and so many more".
const SOME: usize = 6;

/// What a pass comes to. Its size follows steps and reasons, not people.
pub(super) struct Report {
    at: Timestamp,
    /// What leaves before it.
    outbox: Outbox,
    /// Where mails become files: was that what was booked, and nothing else?
    pub(super) is_written: bool,
    /// Each mail is told, and not only the first few.
    every_mail: bool,
    send: usize,
    wait: usize,
    held: usize,
    over: usize,
    beyond_limit: usize,
    /// The first mails that leave, a row each; or all.
    mails: Vec<Vec<String>>,
    /// What leaves, by step and kind.
    steps: BTreeMap<(String, &'static str), Subjects>,
    /// What leaves later, by instant, step and kind.
    next: BTreeMap<(Timestamp, String, &'static str), usize>,
    /// Why the others wait: how many, and an example, by the reason's code.
    because: BTreeMap<&'static str, (usize, String)>,
    /// Steps that wait for an approval.
    approve: BTreeMap<String, usize>,
    /// What somebody must do, by step and reason: for how many, and an example.
    acts: BTreeMap<(String, &'static str), (usize, String)>,
    /// When the next mail leaves, and to whom, unless they are protected.
    next_mail: Option<(Timestamp, Option<PersonId>)>,
    gets_one: Option<PersonId>,
    waits: Option<PersonId>,
    is_held: Option<PersonId>,
}

/// The subjects of several mails.
#[derive(Default)]
struct Subjects {
    mails: usize,
    first: Option<String>,
    /// Not all have the first one's.
    differ: bool,
}

impl Report {
    /// Of a pass at an instant, and what leaves before it; `every_mail`: with a
    /// row for each.
    pub(super) fn new(at: Timestamp, every_mail: bool, outbox: Outbox) -> Report {
        Report {
            at,
            outbox,
            is_written: true,
            every_mail,
            send: 0,
            wait: 0,
            held: 0,
            over: 0,
            beyond_limit: 0,
            mails: Vec::new(),
            steps: BTreeMap::new(),
            next: BTreeMap::new(),
            because: BTreeMap::new(),
            approve: BTreeMap::new(),
            acts: BTreeMap::new(),
            next_mail: None,
            gets_one: None,
            waits: None,
            is_held: None,
        }
    }

    /// Adds a part of the pass, or all of it.
    pub(super) fn add(&mut self, pass: &Pass<'_>) {
        self.over += pass.over;
        self.beyond_limit += pass.beyond_limit;
        pass.send.iter().for_each(|due| self.add_due(due));
        pass.wait.iter().for_each(|waiting| self.add_waiting(waiting));
        pass.held.iter().for_each(|holding| self.add_holding(holding));
    }

    fn add_due(&mut self, due: &Due<'_>) {
        self.send += 1;
        if self.every_mail || self.mails.len() < SOME {
            self.mails.push(vec![
                pages::name_of(due.person).to_owned(),
                step_of(due),
                due.step.kind.to_string(),
                subject_of(due).unwrap_or_default().to_owned(),
            ]);
        }
        self.steps.entry((step_of(due), due.step.kind.as_str())).or_default().add(subject_of(due));
        remember(&mut self.gets_one, due.person);
    }

    fn add_waiting(&mut self, waiting: &Waiting<'_>) {
        let Waiting { person, journey, wait } = waiting;
        self.wait += 1;
        let name = format!("{}/{}", journey.slug, wait.step);
        if let Some(reason) = wait.because.first() {
            self.because.entry(reason.code()).or_insert_with(|| (0, reason.text())).0 += 1;
        }
        if wait.because.iter().any(|reason| matches!(reason, Reason::NotApproved(_))) {
            *self.approve.entry(name.clone()).or_default() += 1;
        }
        if sends(&wait.because) {
            if self.next_mail.as_ref().is_none_or(|(next, _)| wait.until < *next) {
                self.next_mail = Some((wait.until, (!person.protected).then(|| person.id.clone())));
            }
            let kind = journey.step(&wait.step).map_or("", |step| step.kind.as_str());
            *self.next.entry((wait.until, name, kind)).or_default() += 1;
        }
        remember(&mut self.waits, person);
    }

    fn add_holding(&mut self, holding: &Holding<'_>) {
        self.held += 1;
        let step = holding.held.step.as_ref().map_or(String::new(), |step| format!("/{step}"));
        for reason in &holding.held.because {
            let key = (format!("{}{step}", holding.journey.slug), reason.code());
            self.acts.entry(key).or_insert_with(|| (0, reason.text())).0 += 1;
        }
        remember(&mut self.is_held, holding.person);
    }

    /// The screenful.
    pub(super) fn text(
        &self,
        cx: &mut Context,
        world: &World,
        selection: &Selection,
        args: &Args,
    ) -> Result<(), CommandError> {
        let programme = &world.library.programme;
        let zone = programme.zone;
        let now = in_words(zone, self.at);
        writeln!(
            cx.out,
            "{BOLD}{}{BOLD:#}  {}  {FAINT}{now} {zone}{FAINT:#}",
            programme.title, programme.organisation
        )?;
        if args.dry_run {
            writeln!(cx.out, "{FAINT}a dry run: nothing is sent, nothing is remembered{FAINT:#}")?;
        }
        writeln!(cx.out)?;
        self.outbox_text(cx, world, selection)?;
        self.now_text(cx, world, args)?;
        self.next_text(cx, world)?;
        self.because_text(cx)?;
        self.approve_text(cx)?;
        self.held_text(cx)?;
        if self.over > 0 {
            writeln!(cx.out, "{BOLD}Over{BOLD:#}  {}\n", enrolments(self.over))?;
        }
        self.advice(cx, world, selection, args)
    }

    /// What no pass decides any more, and leaves with the next one all the same.
    fn outbox_text(
        &self,
        cx: &mut Context,
        world: &World,
        selection: &Selection,
    ) -> Result<(), CommandError> {
        let Outbox { ready, kept_back } = &self.outbox;
        let all = ready + kept_back.mails();
        if all == 0 {
            return Ok(());
        }
        let mails = pages::count(all, "mail", "mails");
        let leave = match selection.limit {
            Some(limit) if limit < *ready => format!("; the first {limit} of them leave now"),
            _ if *ready == all => "; they leave first".to_owned(),
            _ if *ready > 0 => format!("; {} of them leave first", pages::thousands(*ready)),
            _ => String::new(),
        };
        writeln!(cx.out, "{BOLD}Booked earlier{BOLD:#}  {mails}, not handed over yet{leave}")?;
        pages::columns(&mut *cx.out, &kept_back::rows(kept_back, &world.settings), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// What leaves now: a line a step; the people too where they are few.
    fn now_text(&self, cx: &mut Context, world: &World, args: &Args) -> Result<(), CommandError> {
        // Whether a relay took them is told beside.
        let heading = match (args.dry_run, world.config.mail.transport) {
            (true, _) => "Now",
            (false, Transport::Files) if self.is_written => "Sent",
            (false, _) => "Booked",
        };
        if self.send == 0 {
            writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  nothing\n")?;
            return Ok(());
        }
        let mails = pages::count(self.send, "mail", "mails");
        let to = match (args.dry_run, world.config.mail.transport) {
            (false, Transport::Files) if self.is_written => {
                format!("  written to {}", world.config.mail.folder.display())
            }
            (_, _) => String::new(),
        };
        writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  {GOOD}{mails}{GOOD:#}{to}")?;
        if self.mails.len() == self.send {
            pages::columns(&mut *cx.out, &self.mails, &[])?;
        } else {
            let row = |((step, kind), subjects): (&(String, &str), &Subjects)| {
                vec![pages::thousands(subjects.mails), step.clone(), (*kind).to_owned(), subjects.in_one()]
            };
            pages::columns(&mut *cx.out, &self.steps.iter().map(row).collect::<Vec<_>>(), &[0])?;
        }
        if self.beyond_limit > 0 {
            writeln!(cx.out, "  {FAINT}and {} beyond --limit{FAINT:#}", pages::thousands(self.beyond_limit))?;
        }
        Ok(writeln!(cx.out)?)
    }

    /// What comes next: a line an instant and step.
    fn next_text(&self, cx: &mut Context, world: &World) -> Result<(), CommandError> {
        if self.wait == 0 {
            return Ok(());
        }
        let zone = world.library.programme.zone;
        let shown = if cx.verbose { usize::MAX } else { SOME };
        writeln!(cx.out, "{BOLD}Next{BOLD:#}")?;
        let row = |((until, step, kind), mails): (&(Timestamp, String, &str), &usize)| {
            vec![in_words(zone, *until), pages::thousands(*mails), step.clone(), (*kind).to_owned()]
        };
        let rows: Vec<Vec<String>> = self.next.iter().take(shown).map(row).collect();
        pages::columns(&mut *cx.out, &rows, &[1])?;
        let later: usize = self.next.values().skip(shown).sum();
        if later > 0 {
            writeln!(cx.out, "  {FAINT}and {} later{FAINT:#}", pages::thousands(later))?;
        }
        Ok(writeln!(cx.out)?)
    }

    /// Why those who wait do: a line a reason.
    fn because_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.because.is_empty() {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}Waiting{BOLD:#}  {}", enrolments(self.wait))?;
        let mut rows: Vec<_> = self.because.iter().collect();
        rows.sort_by_key(|(_, (people, _))| std::cmp::Reverse(*people));
        let row = |(code, (people, text)): (&&str, &(usize, String))| {
            vec![pages::thousands(*people), (*code).to_owned(), for_example(*people, text)]
        };
        pages::columns(&mut *cx.out, &rows.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Steps that will stay where they are unless somebody approves them: a
    /// line each.
    fn approve_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.approve.is_empty() {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}To approve{BOLD:#}  {FAINT}or they are held when their turn comes{FAINT:#}")?;
        let row = |(step, people): (&String, &usize)| vec![pages::thousands(*people), step.clone()];
        pages::columns(&mut *cx.out, &self.approve.iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// What somebody must do: a line a step and reason.
    fn held_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.held == 0 {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}Held{BOLD:#}  {BAD}{}{BAD:#}", enrolments(self.held))?;
        let row = |((step, _), (people, text)): (&(String, &str), &(usize, String))| {
            vec![pages::thousands(*people), step.clone(), text.clone()]
        };
        pages::columns(&mut *cx.out, &self.acts.iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// What to type next.
    fn advice(
        &self,
        cx: &mut Context,
        world: &World,
        selection: &Selection,
        args: &Args,
    ) -> Result<(), CommandError> {
        if cx.quiet {
            return Ok(());
        }
        let zone = world.library.programme.zone;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut add = |what: &str, command: String| rows.push(vec![what.to_owned(), command]);
        let config = cx.typed_config();
        let at = if cx.is_now() { String::new() } else { format!(" --at {}", moment::typed(zone, self.at)) };
        let at = format!("{config}{at}");
        if let Some(person) = self.gets_one.as_ref().filter(|_| args.dry_run && args.out.is_none()) {
            add("see a mail", format!("journey send --dry-run{at} --only {person} --out mails"));
        } else if let Some((next, person)) = self.next_mail.as_ref().filter(|_| self.send == 0) {
            let at = moment::typed(zone, *next);
            add("what that slot sends", format!("journey send --dry-run{config} --at {at}"));
            if let Some(person) = person {
                add(
                    "see one of its mails",
                    format!("journey send --dry-run{config} --at {at} --only {person} --out mails"),
                );
            }
        }
        let one = self.is_held.as_ref().or(self.waits.as_ref());
        if let Some(person) = one.filter(|_| selection.is_everything()) {
            add("why somebody waits", format!("journey why {person}{at}"));
            add("the coming weeks", format!("journey plan{at}"));
        }
        Ok(pages::columns(&mut *cx.out, &rows, &[])?)
    }
}

impl Subjects {
    /// `None` for one that is not told.
    fn add(&mut self, subject: Option<&str>) {
        self.mails += 1;
        match (&self.first, subject) {
            (None, Some(subject)) => self.first = Some(subject.to_owned()),
            (Some(first), Some(subject)) => self.differ |= first != subject,
            (_, None) => {}
        }
    }

    /// An example, unless it is the same for all.
    fn in_one(&self) -> String {
        match &self.first {
            Some(first) if self.differ => for_example(self.mails, first),
            Some(first) => first.clone(),
            None => String::new(),
        }
    }
}

/// Keeps the first who may be named.
fn remember(kept: &mut Option<PersonId>, person: &Person) {
    if kept.is_none() && !person.protected {
        *kept = Some(person.id.clone());
    }
}

/// The subject; none for those who are protected, whose name it may have.
pub(super) fn subject_of<'d>(due: &'d Due<'_>) -> Option<&'d str> {
    (!due.person.protected).then_some(due.subject.as_str())
}

/// Words that are one's own among several.
fn for_example(several: usize, words: &str) -> String {
    if several == 1 { words.to_owned() } else { format!("for example: {words}") }
}

fn step_of(due: &Due<'_>) -> String {
    let step = format!("{}/{}", due.journey.slug, due.step.slug);
    if due.round == 0 { step } else { format!("{step} reminder {}", due.round) }
}

/// Is it a mail that ends the wait?
fn sends(because: &[Reason]) -> bool {
    !because
        .iter()
        .any(|reason| matches!(reason, Reason::Left | Reason::Expired | Reason::PreviousJourney(_)))
}

/// One person in one journey each.
fn enrolments(n: usize) -> String {
    pages::count(n, "enrolment", "enrolments")
}
