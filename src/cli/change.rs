//! The common driver of all commands that change settings: prints the value
//! before and after and which enrolments it affects, then writes the change
//! unless `--dry-run` is given.

use std::io::Write;

use super::context::Context;
use super::error::CommandError;
use super::style::{BOLD, DIM, SUCCESS};
use crate::cli::output::{self, Format};
use crate::domain::change::Change;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::engine::change::{self, Effect, Shown};
use crate::engine::load::snapshot::{LoadScope, Snapshot};
use crate::engine::plan::positions;
use crate::view::change::{ChangeView, EffectView};

/// How a change is made.
#[derive(clap::Args, Debug)]
pub(super) struct ChangeFlags {
    /// Only show; nothing changes anywhere
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// A validated change, with what is printed about it.
pub(super) struct ProposedChange {
    pub(super) change: Change,
    /// The subject of the change, for output and the audit log.
    pub(super) about: String,
    /// The reason as given by the user.
    pub(super) why: Option<String>,
    /// The author, if not the current user.
    pub(super) by: Option<String>,
}

/// Maximum number of lines about affected enrolments.
const MAX_EFFECTS: usize = 6;

/// Builds a change with `propose`, applies it unless this is a dry run, and prints it.
pub(super) fn run(
    cx: &mut Context,
    flags: &ChangeFlags,
    propose: impl FnOnce(&Snapshot, Timestamp) -> Result<ProposedChange, CommandError>,
) -> Result<(), CommandError> {
    if flags.dry_run {
        let (world, at) = cx.world()?;
        let proposed = propose(&world, at)?;
        let shown = change::shown(&world, &proposed.change, at);
        let effects = change::effect(&world, &proposed.change, at);
        let zone = world.content.library.programme.zone;
        return print_change(cx, zone, flags, &proposed, &shown, Some(&effects), at);
    }
    let (mut store, mut world, at) = cx.writing(LoadScope::All)?;
    let proposed = propose(&world, at)?;
    let shown = change::shown(&world, &proposed.change, at);
    let effects = change::effect(&world, &proposed.change, at);
    if !shown.is_nothing {
        let act = cx.act(at, proposed.by.as_deref(), proposed.why.as_deref());
        store.record_decision(&proposed.change, &act, &shown.before, &shown.after)?;
        world.refresh(&store)?;
        positions::keep(&world, &mut store, at)?;
    }
    let zone = world.content.library.programme.zone;
    print_change(cx, zone, flags, &proposed, &shown, Some(&effects), at)
}

/// Prints a change. `effects` is `None` if the people are not known, so that
/// the effects cannot be computed.
pub(super) fn print_change(
    cx: &mut Context,
    zone: TimeZone,
    flags: &ChangeFlags,
    proposed: &ProposedChange,
    shown: &Shown,
    effects: Option<&[Effect]>,
    at: Timestamp,
) -> Result<(), CommandError> {
    match flags.format {
        Format::Json => {
            let value = ChangeView {
                action: proposed.change.action(),
                about: &proposed.about,
                at: zone.rfc3339(at),
                dry_run: flags.dry_run,
                before: &shown.before,
                after: &shown.after,
                why: proposed.why.as_deref(),
                effect: effects.map(|all| all.iter().map(|effect| EffectView::of(zone, effect)).collect()),
            };
            Ok(output::print_json(&mut *cx.out, &value)?)
        }
        Format::Text => text(cx, zone, flags, proposed, shown, effects),
    }
}

fn text(
    cx: &mut Context,
    zone: TimeZone,
    flags: &ChangeFlags,
    proposed: &ProposedChange,
    shown: &Shown,
    effects: Option<&[Effect]>,
) -> Result<(), CommandError> {
    writeln!(cx.out, "{BOLD}{}{BOLD:#}", proposed.about)?;
    if flags.dry_run {
        writeln!(cx.out, "{DIM}a dry run: nothing is changed{DIM:#}")?;
    }
    if shown.is_nothing {
        writeln!(cx.out, "  {}: nothing to change", shown.before)?;
        return Ok(());
    }
    writeln!(cx.out, "  before  {}", shown.before)?;
    writeln!(cx.out, "  after   {SUCCESS}{}{SUCCESS:#}", shown.after)?;
    let Some(effects) = effects else { return Ok(()) };
    if effects.is_empty() {
        writeln!(cx.out, "\n  nobody's next mail is moved by it")?;
        return Ok(());
    }
    let moved: usize = effects.iter().map(|effect| effect.enrolments).sum();
    let enrolments = output::count(moved, "enrolment", "enrolments");
    writeln!(cx.out, "\n{BOLD}What comes next{BOLD:#} is other for {enrolments}")?;
    let rows: Vec<Vec<String>> = effects.iter().take(MAX_EFFECTS).map(|effect| row(zone, effect)).collect();
    output::print_table(&mut *cx.out, &rows, &[0])?;
    let more: usize = effects.iter().skip(MAX_EFFECTS).map(|effect| effect.enrolments).sum();
    if more > 0 {
        writeln!(cx.out, "  {DIM}and {} more{DIM:#}", output::thousands(more))?;
    }
    Ok(())
}

fn row(zone: TimeZone, effect: &Effect) -> Vec<String> {
    let (before, after) = (effect.before.text(zone), effect.after.text(zone));
    vec![output::thousands(effect.enrolments), effect.journey.to_string(), before, "→".to_owned(), after]
}
