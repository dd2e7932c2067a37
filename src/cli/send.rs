//! `journey send`: who gets what now, who waits and why, what comes next.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::{BAD, BOLD, Context, FAINT, GOOD, ODD};
use super::error::{CommandError, Kind};
use super::pages::{self, Format};
use super::signals::Signals;
use super::{moment, select};
use crate::clock;
use crate::config::Transport;
use crate::domain::delivery::State;
use crate::domain::guard::{Guard, GuardKind};
use crate::domain::verdict::{Reason, moment as in_words};
use crate::domain::zone::Timestamp;
use crate::engine::deliver::Delivered;
use crate::engine::deliver::limits::{self, Limits};
use crate::engine::lock::Lock;
use crate::engine::pass::{Due, Pass, Selection};
use crate::engine::send::Talk;
use crate::engine::world::World;
use crate::engine::{letters, positions, send as engine};
use crate::store::{Recovered, Store};

/// Sends what is due now, or shows what one pass would send
///
/// What --dry-run lists at a time is what a pass at that time sends: who gets
/// what, who waits and who is held, and why. Nobody gets anything twice,
/// however often it is typed. Exit code 0 also when nothing is due.
///
/// Example: journey send --dry-run --at 2026-12-01T08:30 --only 1042 --out mails
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only show; nothing changes anywhere
    #[arg(long)]
    dry_run: bool,
    /// Only this step, unit or person; may be given several times
    #[arg(long, value_name = "STEP|UNIT|PERSON")]
    only: Vec<String>,
    /// At most so many mails
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write the mails into this folder, as .eml files; only with --dry-run
    #[arg(long, value_name = "DIR", requires = "dry_run")]
    out: Option<PathBuf>,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How many lines of a list are told before "and so many more".
const SOME: usize = 6;
/// How often a pass begins again because somebody changed something.
const PASSES: u32 = 10;

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    if args.dry_run { dry_run(args, cx) } else { send(args, cx) }
}

fn dry_run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (world, at) = cx.world()?;
    let mut selection = select::only(&world, &args.only)?;
    selection.limit = args.limit;
    let mut pass = Pass::at(&world, at, &selection);
    let written = match &args.out {
        Some(folder) => {
            let bar = progress(cx, pass.send.len());
            let written = letters::write(&world, &mut pass, folder, || bar.inc(1))?;
            bar.finish_and_clear();
            Some((folder, written))
        }
        None => None,
    };
    match args.format {
        Format::Json => pages::json(&mut *cx.out, &value(&world, &pass, State::Planned))?,
        Format::Text => text(cx, &world, &pass, &selection, args)?,
    }
    if let Some((folder, written)) = written.filter(|_| !cx.quiet) {
        let mails = pages::count(written, "mail", "mails");
        // Talk after the data it is about.
        cx.out.flush()?;
        writeln!(cx.err, "{mails} written to {}", folder.display())?;
    }
    Ok(())
}

fn send(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (mut store, mut world, at) = cx.writing()?;
    let zone = world.library.programme.zone;
    let _lock = Lock::take(&world.config.database, at, zone)?;
    let mut selection = select::only(&world, &args.only)?;
    selection.limit = args.limit;
    let typed = !cx.is_now();
    let signals = Signals::watch()?;
    let (mut before, mut told): (usize, Vec<(i64, Value)>) = (0, Vec::new());
    for _ in 0..PASSES {
        // What happened between reading the world and taking the lock, and
        // while it was decided.
        world.refresh(&store)?;
        let bar = progress(cx, 0);
        let talk = Talk {
            one_more: &mut |booked| {
                bar.set_length(booked as u64);
                bar.inc(1);
            },
            say: &mut |words| bar.suspend(|| cx.warn(&words)),
            stop: &|| signals.stop(),
            // With `--at` it stands still; mails become files then.
            now: &|| if typed { at } else { clock::now() },
        };
        let sent = engine::send(&world, &mut store, at, &selection, talk)?;
        bar.finish_and_clear();
        if !sent.guards.is_empty() {
            return Err(guarded(&sent.guards));
        }
        recovered_text(cx, &sent)?;
        if args.format == Format::Json {
            let booked = sent.numbers.iter().copied().zip(&sent.pass.send);
            told.extend(booked.map(|(number, due)| (number, due_value(&world, due, State::Due))));
        }
        if sent.interrupted {
            before += sent.pass.send.len();
            selection.limit = selection.limit.map(|limit| limit.saturating_sub(sent.pass.send.len()));
            continue;
        }
        delivered_text(cx, &world, &sent.delivered)?;
        if sent.delivered.wait.is_some() {
            limits_text(cx, &world, &store, if typed { at } else { clock::now() })?;
        }
        match args.format {
            Format::Json => {
                let states: HashMap<i64, State> = states(&store, &told)?;
                let mut whole = value(&world, &sent.pass, State::Sent);
                let booked = told.into_iter().map(|(number, mut mail)| {
                    mail["state"] = json!(states.get(&number).unwrap_or(&State::Sent).as_str());
                    mail
                });
                whole["send"] = Value::Array(booked.collect());
                whole["totals"]["send"] = json!(whole["send"].as_array().map_or(0, Vec::len));
                pages::json(&mut *cx.out, &whole)?;
            }
            Format::Text => {
                if before > 0 {
                    let mails = pages::count(before, "mail", "mails");
                    writeln!(cx.err, "{mails} left before the database was changed, and what follows after")?;
                }
                text(cx, &world, &sent.pass, &selection, args)?;
            }
        }
        let delivered = sent.delivered;
        drop(sent.pass);
        world.refresh(&store)?;
        positions::keep(&world, &mut store, at)?;
        return came_to(&delivered, &store);
    }
    let message = "the database is changed again and again; what left is remembered";
    Err(CommandError::new(Kind::Busy, message).hint("type it again in a moment"))
}

/// How it ended, for the exit code: a relay that takes nothing, or mails that
/// were refused.
fn came_to(delivered: &Delivered, store: &Store) -> Result<(), CommandError> {
    if let Some(trouble) = &delivered.trouble {
        let waiting = store.deliveries_by_state()?;
        let waiting: u64 = waiting.iter().filter(|(state, _)| !state.is_settled()).map(|(_, n)| n).sum();
        let waiting =
            pages::count(usize::try_from(waiting).unwrap_or(usize::MAX), "mail waits", "mails wait");
        return Err(CommandError::new(Kind::Relay, trouble.why.clone()).hint(format!(
            "{waiting}; nothing is lost: type it again later. What is the matter says: journey doctor"
        )));
    }
    match delivered.rejected + delivered.held {
        0 => Ok(()),
        refused => {
            let mails = pages::count(refused, "mail was", "mails were");
            let error = CommandError::new(Kind::No, format!("{mails} refused"));
            Err(error.hint("which and why: `journey status`"))
        }
    }
}

/// Something keeps the database from sending.
fn guarded(guards: &[Guard]) -> CommandError {
    let messages: Vec<&str> = guards.iter().map(|guard| guard.message.as_str()).collect();
    let error = CommandError::new(Kind::Brake, messages.join("; "));
    match guards.iter().any(|guard| guard.kind == GuardKind::OtherInstallation) {
        true => error.hint(
            "nothing was sent; when the other one is stopped: journey hold release --other-copy-is-stopped",
        ),
        false => error.hint("nothing was sent; look at `journey status`, then: journey hold release"),
    }
}

/// Where deliveries are now.
fn states(store: &Store, told: &[(i64, Value)]) -> Result<HashMap<i64, State>, CommandError> {
    let numbers = || told.iter().map(|(number, _)| *number);
    let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return Ok(HashMap::new()) };
    Ok(store.states(first, last + 1)?.into_iter().collect())
}

/// What an earlier run had left behind.
fn recovered_text(cx: &mut Context, sent: &engine::Sent<'_>) -> Result<(), CommandError> {
    let Recovered { returned, in_doubt, held } = sent.recovered;
    if cx.quiet {
        return Ok(());
    }
    if returned > 0 {
        let mails = pages::count(returned, "mail", "mails");
        writeln!(cx.err, "an earlier run had begun {mails}, and nothing of them had left: they leave now")?;
    }
    if in_doubt > 0 {
        let mails = pages::count(in_doubt, "mail", "mails");
        writeln!(
            cx.err,
            "nobody knows whether {mails} of an earlier run arrived; the same bytes are handed over once more"
        )?;
    }
    if held > 0 {
        let mails = pages::count(held, "mail", "mails");
        writeln!(
            cx.err,
            "{ODD}nobody knows, for the second time, whether {mails} arrived{ODD:#}: see `journey status`"
        )?;
    }
    Ok(())
}

/// What waits for a limit of the day, and until when.
fn limits_text(cx: &mut Context, world: &World, store: &Store, now: Timestamp) -> Result<(), CommandError> {
    let all = limits::reached(store, &Limits::of(&world.config.mail.smtp), now)?;
    if cx.quiet || all.is_empty() {
        return Ok(());
    }
    for reached in all {
        writeln!(cx.err, "{}", super::limits::line(world.library.programme.zone, &reached))?;
    }
    Ok(writeln!(cx.err, "nothing is lost: `journey daemon` goes on by itself, or type `journey send` then")?)
}

/// What became of mails that did not simply leave.
fn delivered_text(cx: &mut Context, world: &World, delivered: &Delivered) -> Result<(), CommandError> {
    if cx.quiet {
        return Ok(());
    }
    let mut tell = |n: usize, what: &str| match n {
        0 => Ok(()),
        n => writeln!(cx.err, "{} {what}", pages::count(n, "mail", "mails")),
    };
    if world.config.mail.transport != Transport::Files {
        tell(delivered.sent, "handed over")?;
    }
    tell(delivered.kept_back, "kept back by a hold, a pause, another text, a missing address or the hour")?;
    tell(delivered.cancelled, "not wanted any more: the person or the step is gone")?;
    tell(delivered.expired, "too late")?;
    tell(delivered.deferred, "put off by the relay; tried again later")?;
    tell(
        delivered.in_doubt,
        "in doubt: nobody knows whether the relay took them; handed over once more later",
    )?;
    tell(delivered.rejected, "refused by the relay: see `journey status`")?;
    Ok(tell(delivered.held, "held: see `journey status`")?)
}

fn progress(cx: &Context, mails: usize) -> indicatif::ProgressBar {
    if cx.may_draw() { indicatif::ProgressBar::new(mails as u64) } else { indicatif::ProgressBar::hidden() }
}

/// The screenful: now, next, waiting, held, and what to type then.
fn text(
    cx: &mut Context,
    world: &World,
    pass: &Pass<'_>,
    selection: &Selection,
    args: &Args,
) -> Result<(), CommandError> {
    let programme = &world.library.programme;
    let zone = programme.zone;
    let now = in_words(zone, pass.at);
    writeln!(
        cx.out,
        "{BOLD}{}{BOLD:#}  {}  {FAINT}{now} {zone}{FAINT:#}",
        programme.title, programme.organisation
    )?;
    if args.dry_run {
        writeln!(cx.out, "{FAINT}a dry run: nothing is sent, nothing is remembered{FAINT:#}")?;
    }
    writeln!(cx.out)?;
    now_text(cx, world, pass, args)?;
    next_text(cx, world, pass)?;
    because_text(cx, pass)?;
    approve_text(cx, pass)?;
    held_text(cx, pass)?;
    if pass.over > 0 {
        writeln!(cx.out, "{BOLD}Over{BOLD:#}  {}\n", enrolments(pass.over))?;
    }
    advice(cx, world, pass, selection, args)
}

/// What leaves now: a line a step; the people too where they are few.
fn now_text(cx: &mut Context, world: &World, pass: &Pass<'_>, args: &Args) -> Result<(), CommandError> {
    // Whether a relay took them is told beside.
    let heading = match (args.dry_run, world.config.mail.transport) {
        (true, _) => "Now",
        (false, Transport::Files) => "Sent",
        (false, Transport::Smtp | Transport::Sendmail) => "Booked",
    };
    if pass.send.is_empty() {
        writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  nothing\n")?;
        return Ok(());
    }
    let mails = pages::count(pass.send.len(), "mail", "mails");
    let to = match (args.dry_run, world.config.mail.transport) {
        (true, _) => String::new(),
        (false, Transport::Files) => format!("  written to {}", world.config.mail.folder.display()),
        (false, Transport::Smtp | Transport::Sendmail) => String::new(),
    };
    writeln!(cx.out, "{BOLD}{heading}{BOLD:#}  {GOOD}{mails}{GOOD:#}{to}")?;
    if pass.send.len() <= SOME || cx.verbose {
        let row = |due: &Due<'_>| {
            vec![
                pages::name_of(due.person).to_owned(),
                step_of(due),
                due.step.kind.to_string(),
                subject_of(due).unwrap_or_default().to_owned(),
            ]
        };
        pages::columns(&mut *cx.out, &pass.send.iter().map(row).collect::<Vec<_>>(), &[])?;
    } else {
        let mut steps: BTreeMap<(String, &str), Vec<&Due<'_>>> = BTreeMap::new();
        for due in &pass.send {
            steps.entry((step_of(due), due.step.kind.as_str())).or_default().push(due);
        }
        let row = |((step, kind), mails): (&(String, &str), &Vec<&Due<'_>>)| {
            vec![pages::thousands(mails.len()), step.clone(), (*kind).to_owned(), one_subject(mails)]
        };
        pages::columns(&mut *cx.out, &steps.iter().map(row).collect::<Vec<_>>(), &[0])?;
    }
    if pass.beyond_limit > 0 {
        writeln!(cx.out, "  {FAINT}and {} beyond --limit{FAINT:#}", pages::thousands(pass.beyond_limit))?;
    }
    Ok(writeln!(cx.out)?)
}

/// The subject of several mails: an example, unless it is the same for all.
fn one_subject(mails: &[&Due<'_>]) -> String {
    let mut subjects = mails.iter().filter_map(|due| subject_of(due));
    match subjects.next() {
        Some(first) if subjects.all(|other| other == first) => first.to_owned(),
        Some(first) => for_example(mails.len(), first),
        None => String::new(),
    }
}

/// The subject; none for those who are protected, whose name it may have.
fn subject_of<'d>(due: &'d Due<'_>) -> Option<&'d str> {
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

/// What comes next: a line an instant and step.
fn next_text(cx: &mut Context, world: &World, pass: &Pass<'_>) -> Result<(), CommandError> {
    if pass.wait.is_empty() {
        return Ok(());
    }
    let zone = world.library.programme.zone;
    let mut next: BTreeMap<(Timestamp, String, &str), usize> = BTreeMap::new();
    for waiting in pass.wait.iter().filter(|waiting| sends(&waiting.wait.because)) {
        let step = waiting.journey.step(&waiting.wait.step);
        let name = format!("{}/{}", waiting.journey.slug, waiting.wait.step);
        *next.entry((waiting.wait.until, name, step.map_or("", |s| s.kind.as_str()))).or_default() += 1;
    }
    let shown = if cx.verbose { usize::MAX } else { SOME };
    writeln!(cx.out, "{BOLD}Next{BOLD:#}")?;
    let rows: Vec<Vec<String>> = next
        .iter()
        .take(shown)
        .map(|((until, step, kind), mails)| {
            vec![in_words(zone, *until), pages::thousands(*mails), step.clone(), (*kind).to_owned()]
        })
        .collect();
    pages::columns(&mut *cx.out, &rows, &[1])?;
    let later: usize = next.values().skip(shown).sum();
    if later > 0 {
        writeln!(cx.out, "  {FAINT}and {} later{FAINT:#}", pages::thousands(later))?;
    }
    Ok(writeln!(cx.out)?)
}

/// Is it a mail that ends the wait?
fn sends(because: &[Reason]) -> bool {
    !because
        .iter()
        .any(|reason| matches!(reason, Reason::Left | Reason::Expired | Reason::PreviousJourney(_)))
}

/// Why those who wait do: a line a reason.
fn because_text(cx: &mut Context, pass: &Pass<'_>) -> Result<(), CommandError> {
    let mut reasons: BTreeMap<&'static str, (usize, String)> = BTreeMap::new();
    for waiting in &pass.wait {
        if let Some(reason) = waiting.wait.because.first() {
            reasons.entry(reason.code()).or_insert_with(|| (0, reason.text())).0 += 1;
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(cx.out, "{BOLD}Waiting{BOLD:#}  {}", enrolments(pass.wait.len()))?;
    let mut rows: Vec<_> = reasons.into_iter().collect();
    rows.sort_by_key(|(_, (people, _))| std::cmp::Reverse(*people));
    let row = |(code, (people, text)): (&'static str, (usize, String))| {
        vec![pages::thousands(people), code.to_owned(), for_example(people, &text)]
    };
    pages::columns(&mut *cx.out, &rows.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
    Ok(writeln!(cx.out)?)
}

/// One person in one journey each.
fn enrolments(n: usize) -> String {
    pages::count(n, "enrolment", "enrolments")
}

/// Steps that will stay where they are unless somebody approves them: a line
/// each.
fn approve_text(cx: &mut Context, pass: &Pass<'_>) -> Result<(), CommandError> {
    let missing = |reason: &Reason| matches!(reason, Reason::NotApproved(_));
    let mut steps: BTreeMap<String, usize> = BTreeMap::new();
    for waiting in pass.wait.iter().filter(|waiting| waiting.wait.because.iter().any(missing)) {
        *steps.entry(format!("{}/{}", waiting.journey.slug, waiting.wait.step)).or_default() += 1;
    }
    if steps.is_empty() {
        return Ok(());
    }
    writeln!(cx.out, "{BOLD}To approve{BOLD:#}  {FAINT}or they are held when their turn comes{FAINT:#}")?;
    let row = |(step, people): (String, usize)| vec![pages::thousands(people), step];
    pages::columns(&mut *cx.out, &steps.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
    Ok(writeln!(cx.out)?)
}

/// What somebody must do: a line a step and reason.
fn held_text(cx: &mut Context, pass: &Pass<'_>) -> Result<(), CommandError> {
    if pass.held.is_empty() {
        return Ok(());
    }
    let mut reasons: BTreeMap<(String, &'static str), (usize, String)> = BTreeMap::new();
    for holding in &pass.held {
        let step = holding.held.step.as_ref().map_or(String::new(), |step| format!("/{step}"));
        for reason in &holding.held.because {
            let key = (format!("{}{step}", holding.journey.slug), reason.code());
            reasons.entry(key).or_insert_with(|| (0, reason.text())).0 += 1;
        }
    }
    writeln!(cx.out, "{BOLD}Held{BOLD:#}  {BAD}{}{BAD:#}", enrolments(pass.held.len()))?;
    let row = |((step, _), (people, text)): ((String, &'static str), (usize, String))| {
        vec![pages::thousands(people), step, text]
    };
    pages::columns(&mut *cx.out, &reasons.into_iter().map(row).collect::<Vec<_>>(), &[0])?;
    Ok(writeln!(cx.out)?)
}

/// What to type next.
fn advice(
    cx: &mut Context,
    world: &World,
    pass: &Pass<'_>,
    selection: &Selection,
    args: &Args,
) -> Result<(), CommandError> {
    if cx.quiet {
        return Ok(());
    }
    let zone = world.library.programme.zone;
    let next = pass.wait.iter().filter(|waiting| sends(&waiting.wait.because)).min_by_key(|w| w.wait.until);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |what: &str, command: String| rows.push(vec![what.to_owned(), command]);
    let config = cx.typed_config();
    let at = if cx.is_now() { String::new() } else { format!(" --at {}", moment::typed(zone, pass.at)) };
    let at = format!("{config}{at}");
    if let Some(due) =
        pass.send.iter().find(|due| !due.person.protected).filter(|_| args.dry_run && args.out.is_none())
    {
        add("see a mail", format!("journey send --dry-run{at} --only {} --out mails", due.person.id));
    } else if let Some(next) = next.filter(|_| pass.send.is_empty()) {
        let at = moment::typed(zone, next.wait.until);
        add("what that slot sends", format!("journey send --dry-run{config} --at {at}"));
        if !next.person.protected {
            add(
                "see one of its mails",
                format!("journey send --dry-run{config} --at {at} --only {} --out mails", next.person.id),
            );
        }
    }
    let one =
        pass.held.iter().map(|h| h.person).chain(pass.wait.iter().map(|w| w.person)).find(|p| !p.protected);
    if let Some(person) = one.filter(|_| selection.is_everything()) {
        add("why somebody waits", format!("journey why {}{at}", person.id));
        add("the coming weeks", format!("journey plan{at}"));
    }
    Ok(pages::columns(&mut *cx.out, &rows, &[])?)
}

fn value(world: &World, pass: &Pass<'_>, state: State) -> Value {
    let zone = world.library.programme.zone;
    let send: Vec<Value> = pass.send.iter().map(|due| due_value(world, due, state)).collect();
    let wait: Vec<Value> = pass
        .wait
        .iter()
        .map(|waiting| {
            json!({
                "person": pages::name_of(waiting.person),
                "journey": waiting.journey.slug.as_str(),
                "step": waiting.wait.step.as_str(),
                "until": zone.rfc3339(waiting.wait.until),
                "because": pages::reasons_value(&waiting.wait.because),
            })
        })
        .collect();
    let held: Vec<Value> = pass
        .held
        .iter()
        .map(|holding| {
            json!({
                "person": pages::name_of(holding.person),
                "journey": holding.journey.slug.as_str(),
                "step": holding.held.step.as_ref().map(ToString::to_string),
                "because": pages::reasons_value(&holding.held.because),
            })
        })
        .collect();
    json!({
        "at": zone.rfc3339(pass.at),
        "dry_run": state == State::Planned,
        "content": world.library.hash.to_string(),
        "totals": { "send": send.len(), "wait": wait.len(), "held": held.len(), "over": pass.over },
        "send": send,
        "wait": wait,
        "held": held,
    })
}

fn due_value(world: &World, due: &Due<'_>, state: State) -> Value {
    json!({
        "person": pages::name_of(due.person),
        "address": pages::address_value(due.person),
        "unit": pages::unit_value(due.person, world.roster.unit_name(&due.person.unit)),
        "journey": due.journey.slug.as_str(),
        "step": due.step.slug.as_str(),
        "round": due.round,
        "kind": due.step.kind.as_str(),
        "character": due.character.as_ref().map(ToString::to_string),
        "language": due.language.as_str(),
        "subject": subject_of(due),
        "slot": world.library.programme.zone.rfc3339(due.slot),
        "message_id": letters::message_id(world, due, due.round),
        "state": state.as_str(),
    })
}
