//! The text report of `send`: prints what is sent now and next, what waits, what
//! is held, and suggested commands.

use std::collections::HashSet;
use std::io::Write;

use super::Args;
use super::summary::{DueSummary, HeldSummary, PeopleCount, Subjects, WaitingSummary};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::style::{BOLD, DIM, ERROR, SUCCESS};
use crate::cli::upcoming::{self, Outlook};
use crate::cli::{blocked, deliveries, output, time_arg};
use crate::config::Transport;
use crate::domain::model::ids::{PersonId, PersonNumber, Slug};
use crate::domain::model::journey::Journey;
use crate::domain::model::person::Person;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::Timestamp;
use crate::domain::verdict::ReasonSummary;
use crate::engine::deliver::{DeliverySummary, OutboxSummary};
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::{Filter, Pass};
use crate::view::send::Unsent;

/// Maximum number of lines of a list before "and N more".
const MAX_LINES: usize = 6;

/// What a pass sends, what waits and what is held.
pub(super) struct Report {
    at: Timestamp,
    /// Mails of earlier passes, which are sent first.
    pub(super) outbox: OutboxSummary,
    /// What came of a real run.
    pub(super) result: Option<(DeliverySummary, Unsent)>,
    /// Maximum number of mails and slots that get a line of their own.
    max_lines: usize,
    due: DueSummary,
    waiting: WaitingSummary,
    held: HeldSummary,
    /// The enrolments of mails that could not be rendered.
    unrenderable: HashSet<(PersonId, Slug)>,
    unrenderable_numbers: HashSet<PersonNumber>,
    over: usize,
    beyond_limit: usize,
}

impl Report {
    /// An empty report for a pass at an instant.
    pub(super) fn new(cx: &Context, at: Timestamp) -> Report {
        Report::with(at, if cx.verbose { usize::MAX } else { MAX_LINES })
    }

    fn with(at: Timestamp, max_lines: usize) -> Report {
        Report {
            at,
            outbox: OutboxSummary::default(),
            result: None,
            max_lines,
            due: DueSummary::default(),
            waiting: WaitingSummary::default(),
            held: HeldSummary::default(),
            unrenderable: HashSet::new(),
            unrenderable_numbers: HashSet::new(),
            over: 0,
            beyond_limit: 0,
        }
    }

    /// Adds the mails of the pass, or of a part of it.
    pub(super) fn add(&mut self, pass: &Pass<'_>) {
        self.beyond_limit += pass.beyond_limit;
        pass.send.iter().for_each(|due| self.due.add(due, self.max_lines));
        for holding in pass.unrenderable() {
            self.unrenderable.insert((holding.person.id.clone(), holding.journey.slug.clone()));
            self.unrenderable_numbers.extend(holding.number);
            self.held.add(holding, 1);
        }
    }

    /// Adds how it stands once those mails are sent, or a part of it.
    pub(super) fn add_after(&mut self, pass: &Pass<'_>) {
        self.over += pass.over;
        let (waiting, mut held) = pass.other_people;
        self.waiting.people.add_others(waiting);
        let is_added = |person: &Person, journey: &Journey| {
            !self.unrenderable.is_empty()
                && self.unrenderable.contains(&(person.id.clone(), journey.slug.clone()))
        };
        for waiting in pass.wait.iter().filter(|waiting| !is_added(waiting.person, waiting.journey)) {
            self.waiting.add(waiting);
        }
        for holding in &pass.held {
            let is_alone = holding.people.is_empty();
            if is_alone && is_added(holding.person, holding.journey) {
                continue;
            }
            let added = holding.people.iter().filter(|one| self.unrenderable_numbers.contains(one)).count();
            held = held.saturating_sub(added);
            self.held.add(holding, holding.enrolments.saturating_sub(added));
        }
        self.held.people.add_others(held);
    }

    /// Prints the report.
    pub(super) fn text(
        &self,
        cx: &mut Context,
        snapshot: &Snapshot,
        filter: &Filter,
        args: &Args,
    ) -> Result<(), CommandError> {
        if cx.quiet {
            return self.news_text(cx, snapshot);
        }
        let programme = &snapshot.content.library.programme;
        let zone = programme.zone;
        let now = format_datetime(zone, self.at);
        writeln!(
            cx.out,
            "{BOLD}{}{BOLD:#}  {}  {DIM}{now} {zone}{DIM:#}",
            programme.title, programme.organisation
        )?;
        if args.dry_run {
            writeln!(cx.out, "{DIM}Dry run: nothing is sent or saved{DIM:#}")?;
        }
        writeln!(cx.out)?;
        self.outbox_text(cx, snapshot, filter)?;
        self.sent_text(cx, snapshot)?;
        self.now_text(cx, snapshot)?;
        self.next_text(cx, snapshot)?;
        self.because_text(cx)?;
        self.approve_text(cx)?;
        self.held_text(cx)?;
        if self.over > 0 {
            writeln!(cx.out, "{BOLD}Over{BOLD:#}  {}\n", enrolments(self.over))?;
        }
        if let Some(line) = output::stopped_text(snapshot) {
            writeln!(cx.out, "{line}\n")?;
        }
        self.advice(cx, snapshot, filter, args)
    }

    /// Prints mails of earlier passes that are not handed over yet.
    fn outbox_text(
        &self,
        cx: &mut Context,
        snapshot: &Snapshot,
        filter: &Filter,
    ) -> Result<(), CommandError> {
        let OutboxSummary { ready, blocked: kept_back } = &self.outbox;
        let all = ready + kept_back.mails();
        if all == 0 {
            return Ok(());
        }
        let mails = output::count(all, "mail", "mails");
        let leave = match filter.limit {
            Some(limit) if limit < *ready => format!("; the first {limit} of them are sent now"),
            _ if *ready == all => "; they are sent first".to_owned(),
            _ if *ready > 0 => format!("; {} of them are sent first", output::thousands(*ready)),
            _ => String::new(),
        };
        writeln!(cx.out, "{BOLD}Queued earlier{BOLD:#}  {mails}, not sent yet{leave}")?;
        output::print_table(&mut *cx.out, &blocked::rows(kept_back, &snapshot.settings), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Whether the mails of this pass are all that was sent, and nothing waits.
    fn is_simple(&self) -> bool {
        self.result.as_ref().is_some_and(|(delivered, unsent)| {
            delivered.sent == self.due.mails && unsent.waiting == 0 && unsent.problems.is_empty()
        })
    }

    /// Prints what left and what did not, with the reason.
    /// What happens now, if anything does.
    fn news_text(&self, cx: &mut Context, snapshot: &Snapshot) -> Result<(), CommandError> {
        let has_result = self.result.as_ref().is_some_and(|(delivered, unsent)| {
            delivered.sent > 0
                || delivered.relay_error.is_some()
                || unsent.waiting > 0
                || !unsent.problems.is_empty()
        });
        if has_result {
            self.sent_text(cx, snapshot)?;
        }
        if self.due.mails > 0 { self.now_text(cx, snapshot) } else { Ok(()) }
    }

    fn sent_text(&self, cx: &mut Context, snapshot: &Snapshot) -> Result<(), CommandError> {
        let Some((delivered, unsent)) = self.result.as_ref().filter(|_| !self.is_simple()) else {
            return Ok(());
        };
        let sent = output::count(delivered.sent, "mail", "mails");
        let wait = match unsent.waiting {
            0 => String::new(),
            1 => ", 1 waits".to_owned(),
            n => format!(", {} wait", output::thousands(n)),
        };
        writeln!(cx.out, "{BOLD}Sent{BOLD:#}  {SUCCESS}{sent}{SUCCESS:#}{wait}\n")?;
        let rows = deliveries::rows(snapshot.content.library.programme.zone, &unsent.problems);
        let kept_back = blocked::rows(&delivered.blocked, &snapshot.settings);
        if delivered.relay_error.is_none() && rows.is_empty() && kept_back.is_empty() {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}Not sent{BOLD:#}")?;
        if let Some(trouble) = &delivered.relay_error {
            writeln!(cx.out, "  {ERROR}{}{ERROR:#}", trouble.why)?;
        }
        output::print_table(&mut *cx.out, &rows, &[0])?;
        output::print_table(&mut *cx.out, &kept_back, &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints what is planned now: a row per mail if they are few, else per step.
    fn now_text(&self, cx: &mut Context, snapshot: &Snapshot) -> Result<(), CommandError> {
        let heading = match &self.result {
            None => "Now",
            Some(_) if self.is_simple() => "Sent",
            Some(_) if self.due.mails == 0 => return Ok(()),
            Some(_) => "Planned now",
        };
        if self.due.mails == 0 {
            writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  nothing\n")?;
            return Ok(());
        }
        let mails = output::count(self.due.mails, "mail", "mails");
        let to = match snapshot.config.mail.transport {
            Transport::Files if self.is_simple() => {
                format!("  written to {}", snapshot.config.mail.folder.display())
            }
            _ => String::new(),
        };
        writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  {SUCCESS}{mails}{SUCCESS:#}{to}")?;
        if self.due.rows.len() == self.due.mails {
            output::print_table(&mut *cx.out, &self.due.rows, &[])?;
        } else {
            let row = |((step, kind), subjects): (&(String, &str), &Subjects)| {
                vec![output::thousands(subjects.mails), step.clone(), (*kind).to_owned(), subjects.in_one()]
            };
            output::print_table(&mut *cx.out, &self.due.steps.iter().map(row).collect::<Vec<_>>(), &[0])?;
        }
        if self.beyond_limit > 0 {
            writeln!(cx.out, "  {DIM}and {} beyond --limit{DIM:#}", output::thousands(self.beyond_limit))?;
        }
        Ok(writeln!(cx.out)?)
    }

    /// Prints what is sent next: a row per instant and step.
    fn next_text(&self, cx: &mut Context, snapshot: &Snapshot) -> Result<(), CommandError> {
        if self.waiting.enrolments + self.held.enrolments == 0 {
            return Ok(());
        }
        let outlook = Outlook {
            all_held: snapshot.settings.all_held,
            is_waiting: self.waiting.enrolments > 0,
            max_lines: self.max_lines,
        };
        upcoming::text(cx, snapshot.content.library.programme.zone, &self.waiting.upcoming, &outlook)?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints why enrolments wait: a row per reason.
    fn because_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.waiting.reasons.is_empty() {
            return Ok(());
        }
        writeln!(
            cx.out,
            "{BOLD}Waiting{BOLD:#}  {}",
            people_and_enrolments(&self.waiting.people, self.waiting.enrolments)
        )?;
        let mut rows: Vec<_> = self.waiting.reasons.iter().collect();
        rows.sort_by_key(|(_, reasons)| std::cmp::Reverse(reasons.count));
        let row =
            |(_, reasons): (&&str, &ReasonSummary)| vec![output::thousands(reasons.count), reasons.text()];
        output::print_table(&mut *cx.out, &rows.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints the steps that need an approval: a row each.
    fn approve_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.waiting.unapproved.is_empty() {
            return Ok(());
        }
        writeln!(cx.out, "{BOLD}To approve{BOLD:#}  {DIM}or they are held when their turn comes{DIM:#}")?;
        let row = |(step, people): (&String, &usize)| vec![output::thousands(*people), step.clone()];
        output::print_table(
            &mut *cx.out,
            &self.waiting.unapproved.iter().map(row).collect::<Vec<_>>(),
            &[0],
        )?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints what is held until an operator acts: a row per step and reason.
    fn held_text(&self, cx: &mut Context) -> Result<(), CommandError> {
        if self.held.enrolments == 0 {
            return Ok(());
        }
        writeln!(
            cx.out,
            "{BOLD}Held{BOLD:#}  {ERROR}{}{ERROR:#}",
            people_and_enrolments(&self.held.people, self.held.enrolments)
        )?;
        let row = |((step, _), reasons): (&(String, &str), &ReasonSummary)| {
            vec![output::thousands(reasons.count), step.clone(), reasons.text()]
        };
        output::print_table(&mut *cx.out, &self.held.reasons.iter().map(row).collect::<Vec<_>>(), &[0])?;
        Ok(writeln!(cx.out)?)
    }

    /// Prints suggested next commands.
    fn advice(
        &self,
        cx: &mut Context,
        snapshot: &Snapshot,
        filter: &Filter,
        args: &Args,
    ) -> Result<(), CommandError> {
        if cx.quiet {
            return Ok(());
        }
        let zone = snapshot.content.library.programme.zone;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut add = |what: &str, command: String| rows.push(vec![what.to_owned(), command]);
        let config = cx.config_option();
        let at = if cx.is_now() {
            String::new()
        } else {
            format!(" --at {}", time_arg::format_time(zone, self.at))
        };
        let at = format!("{config}{at}");
        if let Some(person) = self.due.example.as_ref().filter(|_| args.dry_run && args.out.is_none()) {
            add("see a mail", format!("journey send --dry-run{at} --only {person} --out mails"));
        } else if let Some((next, person)) = self.waiting.next_mail.as_ref().filter(|_| self.due.mails == 0) {
            let at = time_arg::format_time(zone, *next);
            add("what that slot sends", format!("journey send --dry-run{config} --at {at}"));
            if let Some(person) = person {
                add(
                    "see one of its mails",
                    format!("journey send --dry-run{config} --at {at} --only {person} --out mails"),
                );
            }
        }
        let one = self.held.example.as_ref().or(self.waiting.example.as_ref());
        if let Some(person) = one.filter(|_| filter.is_everything()) {
            add("why a person waits", format!("journey why {person}{at}"));
            add("the coming weeks", format!("journey plan{at}"));
        }
        Ok(output::print_table(&mut *cx.out, &rows, &[])?)
    }
}

/// `1,400 people (4,200 enrolments)`.
fn people_and_enrolments(people: &PeopleCount, n: usize) -> String {
    format!("{} ({})", output::count(people.people, "person", "people"), enrolments(n))
}

/// A number of enrolments as text.
fn enrolments(n: usize) -> String {
    output::count(n, "enrolment", "enrolments")
}
