//! The text report of `send`: sums up a pass part by part and prints what is
//! sent now and next, what waits, what is held, and suggested commands.

use std::collections::BTreeMap;
use std::io::Write;

use super::Args;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::cli::{blocked, output, time_arg};
use crate::config::Transport;
use crate::domain::model::ids::PersonId;
use crate::domain::model::person::Person;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::Reason;
use crate::engine::deliver::Outbox;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::{Due, Holding, Pass, Selection, Waiting};
use crate::view::send::display_subject;

/// Maximum number of lines of a list before "and N more".
const MAX_LINES: usize = 6;

/// The sums of a pass. Its size depends on steps and reasons, not on people.
pub(super) struct Report {
    at: Timestamp,
    /// Mails of earlier passes, which are sent first.
    outbox: Outbox,
    /// With the files transport: whether exactly the mails of this pass were
    /// written.
    pub(super) is_written: bool,
    /// List every mail instead of the first few.
    every_mail: bool,
    send: usize,
    wait: usize,
    held: usize,
    over: usize,
    beyond_limit: usize,
    /// A row for each of the first mails, or for all.
    mails: Vec<Vec<String>>,
    /// Mails sent now, by step and kind.
    steps: BTreeMap<(String, &'static str), Subjects>,
    /// Mails sent later, by instant, step and kind.
    next: BTreeMap<(Timestamp, String, &'static str), usize>,
    /// Why enrolments wait: count and an example text, by reason code.
    because: BTreeMap<&'static str, (usize, String)>,
    /// Enrolments waiting for an approval, by step.
    approve: BTreeMap<String, usize>,
    /// Held enrolments, by step and reason code: count and an example text.
    acts: BTreeMap<(String, &'static str), (usize, String)>,
    /// Time of the next mail, and its recipient unless protected.
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
    /// Whether a subject differs from the first.
    differ: bool,
}

impl Report {
    /// An empty report for a pass at an instant. `every_mail` lists all mails
    /// instead of the first few.
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

    /// Adds the pass or a part of it.
    pub(super) fn add(&mut self, pass: &Pass<'_>) {
        self.over += pass.over;
        self.beyond_limit += pass.beyond_limit;
        pass.send.iter().for_each(|due| self.add_due(due));
        pass.wait.iter().for_each(|waiting| self.add_waiting(waiting));
        pass.held.iter().for_each(|holding| self.add_holding(holding));
    }

    fn add_due(&mut self, due: &Due<'_>) {
        self.send += 1;
        if self.every_mail || self.mails.len() < MAX_LINES {
            self.mails.push(vec![
                output::display_id(due.person).to_owned(),
                step_of(due),
                due.step.kind.to_string(),
                display_subject(due).unwrap_or_default().to_owned(),
            ]);
        }
        self.steps.entry((step_of(due), due.step.kind.as_str())).or_default().add(display_subject(due));
        keep_first_unprotected(&mut self.gets_one, due.person);
    }

    fn add_waiting(&mut self, waiting: &Waiting<'_>) {
        let Waiting { person, journey, wait } = waiting;
        self.wait += 1;
        let name = format!("{}/{}", journey.slug, wait.step);
        if let Some(reason) = wait.reasons.first() {
            self.because.entry(reason.code()).or_insert_with(|| (0, reason.text())).0 += 1;
        }
        if wait.reasons.iter().any(|reason| matches!(reason, Reason::NotApproved(_))) {
            *self.approve.entry(name.clone()).or_default() += 1;
        }
        if ends_with_mail(&wait.reasons) {
            if self.next_mail.as_ref().is_none_or(|(next, _)| wait.until < *next) {
                self.next_mail = Some((wait.until, (!person.protected).then(|| person.id.clone())));
            }
            let kind = journey.step(&wait.step).map_or("", |step| step.kind.as_str());
            *self.next.entry((wait.until, name, kind)).or_default() += 1;
        }
        keep_first_unprotected(&mut self.waits, person);
    }

    fn add_holding(&mut self, holding: &Holding<'_>) {
        self.held += 1;
        let step = holding.held.step.as_ref().map_or(String::new(), |step| format!("/{step}"));
        for reason in &holding.held.reasons {
            let key = (format!("{}{step}", holding.journey.slug), reason.code());
            self.acts.entry(key).or_insert_with(|| (0, reason.text())).0 += 1;
        }
        keep_first_unprotected(&mut self.is_held, holding.person);
    }

    /// Prints the report.
    pub(super) fn text(
        &self,
        cx: &mut Context,
        world: &Snapshot,
        selection: &Selection,
        args: &Args,
    ) -> Result<(), CommandError> {
        let programme = &world.content.library.programme;
        let zone = programme.zone;
        let now = format_datetime(zone, self.at);
        writeln!(
            cx.out,
            "{BOLD}{}{BOLD:#}  {}  {DIM}{now} {zone}{DIM:#}",
            programme.title, programme.organisation
        )?;
        if args.dry_run {
            writeln!(cx.out, "{DIM}a dry run: nothing is sent, nothing is remembered{DIM:#}")?;
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

    /// Prints mails of earlier passes that are not handed over yet.
    fn outbox_text(
        &self,
        cx: &mut Context,
        world: &Snapshot,
        selection: &Selection,
    ) -> Result<(), CommandError> {
        let Outbox { ready, kept_back } = &self.outbox;
        let all = ready + kept_back.mails();
        if all == 0 {
            return Ok(());
        }
        let mails = output::count(all, "mail", "mails");
        let leave = match selection.limit {
            Some(limit) if limit < *ready => format!("; the first {limit} of them leave now"),
            _ if *ready == all => "; they leave first".to_owned(),
            _ if *ready > 0 => format!("; {} of them leave first", output::thousands(*ready)),
            _ => String::new(),
        };
        writeln!(cx.out, "{BOLD}Booked earlier{BOLD:#}  {mails}, not handed over yet{leave}")?;
        output::print_table(&mut *cx.out, &blocked::rows(kept_back, &world.settings), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints what is sent now: a row per mail if they are few, else per step.
    fn now_text(&self, cx: &mut Context, world: &Snapshot, args: &Args) -> Result<(), CommandError> {
        // The results of handing over to a relay are printed separately.
        let heading = match (args.dry_run, world.config.mail.transport) {
            (true, _) => "Now",
            (false, Transport::Files) if self.is_written => "Sent",
            (false, _) => "Booked",
        };
        if self.send == 0 {
            writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  nothing\n")?;
            return Ok(());
        }
        let mails = output::count(self.send, "mail", "mails");
        let to = match (args.dry_run, world.config.mail.transport) {
            (false, Transport::Files) if self.is_written => {
                format!("  written to {}", world.config.mail.folder.display())
            }
            (_, _) => String::new(),
        };
        writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  {SUCCESS}{mails}{SUCCESS:#}{to}")?;
        if self.mails.len() == self.send {
            output::print_table(&mut *cx.out, &self.mails, &[])?;
        } else {
            let row = |((step, kind), subjects): (&(String, &str), &Subjects)| {
                vec![output::thousands(subjects.mails), step.clone(), (*kind).to_owned(), subjects.in_one()]
            };
            output::print_table(&mut *cx.out, &self.steps.iter().map(row).collect::<Vec<_>>(), &[0])?;
        }
        if self.beyond_limit > 0 {
            writeln!(cx.out, "  {DIM}and {} beyond --limit{DIM:#}", output::thousands(self.beyond_limit))?;
        }
        Ok(writeln!(cx.out)?)
    }

    /// Prints what is sent next: a row per instant and step.
    fn next_text(&self, cx: &mut Context, world: &Snapshot) -> Result<(), CommandError> {
        if self.wait == 0 {
            return Ok(());
        }
        let zone = world.content.library.programme.zone;
        let shown = if cx.verbose { usize::MAX } else { MAX_LINES };
        writeln!(cx.out, "{BOLD}Next{BOLD:#}")?;
        let row = |((until, step, kind), mails): (&(Timestamp, String, &str), &usize)| {
            vec![format_datetime(zone, *until), output::thousands(*mails), step.clone(), (*kind).to_owned()]
        };
        let rows: Vec<Vec<String>> = self.next.iter().take(shown).map(row).collect();
        output::print_table(&mut *cx.out, &rows, &[1])?;
        let later: usize = self.next.values().skip(shown).sum();
        if later > 0 {
            writeln!(cx.out, "  {DIM}and {} later{DIM:#}", output::thousands(later))?;
        }
        Ok(writeln!(cx.out)?)
    }

    /// Prints why enrolments wait: a row per reason.
    fn because_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.because.is_empty() {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}Waiting{BOLD:#}  {}", enrolments(self.wait))?;
        let mut rows: Vec<_> = self.because.iter().collect();
        rows.sort_by_key(|(_, (people, _))| std::cmp::Reverse(*people));
        let row = |(code, (people, text)): (&&str, &(usize, String))| {
            vec![output::thousands(*people), (*code).to_owned(), for_example(*people, text)]
        };
        output::print_table(&mut *cx.out, &rows.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints the steps that need an approval: a row each.
    fn approve_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.approve.is_empty() {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}To approve{BOLD:#}  {DIM}or they are held when their turn comes{DIM:#}")?;
        let row = |(step, people): (&String, &usize)| vec![output::thousands(*people), step.clone()];
        output::print_table(&mut *cx.out, &self.approve.iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints what is held until an operator acts: a row per step and reason.
    fn held_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.held == 0 {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}Held{BOLD:#}  {ERROR}{}{ERROR:#}", enrolments(self.held))?;
        let row = |((step, _), (people, text)): (&(String, &str), &(usize, String))| {
            vec![output::thousands(*people), step.clone(), text.clone()]
        };
        output::print_table(&mut *cx.out, &self.acts.iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints suggested next commands.
    fn advice(
        &self,
        cx: &mut Context,
        world: &Snapshot,
        selection: &Selection,
        args: &Args,
    ) -> Result<(), CommandError> {
        if cx.quiet {
            return Ok(());
        }
        let zone = world.content.library.programme.zone;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut add = |what: &str, command: String| rows.push(vec![what.to_owned(), command]);
        let config = cx.config_option();
        let at = if cx.is_now() {
            String::new()
        } else {
            format!(" --at {}", time_arg::format_time(zone, self.at))
        };
        let at = format!("{config}{at}");
        if let Some(person) = self.gets_one.as_ref().filter(|_| args.dry_run && args.out.is_none()) {
            add("see a mail", format!("journey send --dry-run{at} --only {person} --out mails"));
        } else if let Some((next, person)) = self.next_mail.as_ref().filter(|_| self.send == 0) {
            let at = time_arg::format_time(zone, *next);
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
        Ok(output::print_table(&mut *cx.out, &rows, &[])?)
    }
}

impl Subjects {
    /// Adds one mail; its subject is `None` if it must not be shown.
    fn add(&mut self, subject: Option<&str>) {
        self.mails += 1;
        match (&self.first, subject) {
            (None, Some(subject)) => self.first = Some(subject.to_owned()),
            (Some(first), Some(subject)) => self.differ |= first != subject,
            (_, None) => {}
        }
    }

    /// The common subject, or one as an example.
    fn in_one(&self) -> String {
        match &self.first {
            Some(first) if self.differ => for_example(self.mails, first),
            Some(first) => first.clone(),
            None => String::new(),
        }
    }
}

/// Keeps the first person who is not protected.
fn keep_first_unprotected(kept: &mut Option<PersonId>, person: &Person) {
    if kept.is_none() && !person.protected {
        *kept = Some(person.id.clone());
    }
}

/// Marks a text as an example if it stands for several.
fn for_example(several: usize, words: &str) -> String {
    if several == 1 { words.to_owned() } else { format!("for example: {words}") }
}

fn step_of(due: &Due<'_>) -> String {
    let step = format!("{}/{}", due.journey.slug, due.step.slug);
    if due.round == 0 { step } else { format!("{step} reminder {}", due.round) }
}

/// Whether these reasons for waiting end with a mail being sent.
fn ends_with_mail(because: &[Reason]) -> bool {
    !because
        .iter()
        .any(|reason| matches!(reason, Reason::Left | Reason::Expired | Reason::PreviousJourney(_)))
}

/// A number of enrolments as text.
fn enrolments(n: usize) -> String {
    output::count(n, "enrolment", "enrolments")
}
