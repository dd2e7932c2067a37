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
use crate::engine::change::{self, ChangePreview, Effect, Effects};
use crate::engine::load::snapshot::{LoadScope, Snapshot};
use crate::engine::plan::decide;
use crate::engine::plan::subset::{self, Subset};
use crate::view::change::{ChangeView, EffectView};

/// How a change is made.
#[derive(clap::Args, Debug)]
pub(super) struct ChangeFlags {
    /// Only show what would happen; change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Output format
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

/// A change and what it does, to be printed.
pub(super) struct ChangeReport {
    pub(super) proposed: ProposedChange,
    pub(super) preview: ChangePreview,
    /// `None` if the people are not known, so that the effects cannot be computed.
    pub(super) effects: Option<Effects>,
    pub(super) zone: TimeZone,
    pub(super) at: Timestamp,
}

/// Builds a change with `propose`, applies it unless this is a dry run, and prints it. `subset` names whom it concerns.
pub(super) fn run(
    cx: &mut Context,
    flags: &ChangeFlags,
    subset: Subset<'_>,
    propose: impl FnOnce(&Snapshot, Timestamp) -> Result<ProposedChange, CommandError>,
) -> Result<(), CommandError> {
    if flags.dry_run {
        let (snapshot, at) = cx.snapshot_of(subset)?;
        let proposed = propose(&snapshot, at)?;
        return ChangeReport::new(&snapshot, proposed, at).print(cx, flags);
    }
    let (mut store, groups, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let (config, content) = (groups.config.clone(), groups.content.clone());
    let snapshot = match subset::of(groups, &store, at, subset)? {
        Some(snapshot) => snapshot,
        None => Snapshot::of(config, content, &store, LoadScope::All)?,
    };
    let proposed = propose(&snapshot, at)?;
    let report = ChangeReport::new(&snapshot, proposed, at);
    let ChangeReport { proposed, preview, .. } = &report;
    if !preview.is_nothing {
        let author = cx.act(at, proposed.by.as_deref(), proposed.why.as_deref());
        if let Change::Release(Some(step)) = &proposed.change {
            for former in snapshot.content.library.names_of(step).iter().skip(1) {
                store.release_step(former, at)?;
            }
        }
        store.record_decision(&proposed.change, &author, &preview.before, &preview.after)?;
        decide::update(&snapshot, &mut store, at)?;
    }
    report.print(cx, flags)
}

impl ChangeReport {
    fn new(snapshot: &Snapshot, proposed: ProposedChange, at: Timestamp) -> ChangeReport {
        ChangeReport {
            preview: change::shown(snapshot, &proposed.change, at),
            effects: Some(change::effect(snapshot, &proposed.change, at)),
            proposed,
            zone: snapshot.content.library.programme.zone,
            at,
        }
    }

    pub(super) fn print(&self, cx: &mut Context, flags: &ChangeFlags) -> Result<(), CommandError> {
        match flags.format {
            Format::Json => Ok(output::print_json(&mut *cx.out, &self.view(flags))?),
            Format::Text => self.text(cx, flags),
        }
    }

    fn view(&self, flags: &ChangeFlags) -> ChangeView<'_> {
        let effects = self.effects.as_ref();
        ChangeView {
            action: self.proposed.change.action(),
            about: &self.proposed.about,
            at: self.zone.rfc3339(self.at),
            dry_run: flags.dry_run,
            before: &self.preview.before,
            after: &self.preview.after,
            why: self.proposed.why.as_deref(),
            effect: effects
                .map(|all| all.list.iter().map(|effect| EffectView::of(self.zone, effect)).collect()),
        }
    }

    fn text(&self, cx: &mut Context, flags: &ChangeFlags) -> Result<(), CommandError> {
        writeln!(cx.out, "{BOLD}{}{BOLD:#}", self.proposed.about)?;
        if flags.dry_run {
            writeln!(cx.out, "{DIM}Dry run: nothing is changed or saved{DIM:#}")?;
        }
        if self.preview.is_nothing {
            writeln!(cx.out, "  {}: nothing to change", self.preview.before)?;
            return Ok(());
        }
        writeln!(cx.out, "  before  {}", self.preview.before)?;
        writeln!(cx.out, "  after   {SUCCESS}{}{SUCCESS:#}", self.preview.after)?;
        let Some(effects) = &self.effects else { return Ok(()) };
        if effects.list.is_empty() {
            writeln!(cx.out, "\n  No mail changes because of this")?;
            return Ok(());
        }
        let moved: usize = effects.list.iter().map(|effect| effect.enrolments).sum();
        let people = output::count(effects.people, "person", "people");
        let enrolments = output::count(moved, "enrolment", "enrolments");
        writeln!(cx.out, "\n{BOLD}This changes the next mail of {people}{BOLD:#} ({enrolments})")?;
        let lines = lines(self.zone, &effects.list);
        let row = |(enrolments, [journey, before, after]): &(usize, [String; 3])| {
            vec![
                output::thousands(*enrolments),
                journey.clone(),
                before.clone(),
                "→".to_owned(),
                after.clone(),
            ]
        };
        let rows: Vec<Vec<String>> = lines.iter().take(MAX_EFFECTS).map(row).collect();
        output::print_table(&mut *cx.out, &rows, &[0])?;
        let more: usize = lines.iter().skip(MAX_EFFECTS).map(|(enrolments, _)| enrolments).sum();
        if more > 0 {
            writeln!(cx.out, "  {DIM}and {} more{DIM:#}", output::thousands(more))?;
        }
        Ok(())
    }
}

/// The number of enrolments, and journey, before and after as text, the largest first. Effects that differ in a reason
/// that is not shown are one line.
fn lines(zone: TimeZone, effects: &[Effect]) -> Vec<(usize, [String; 3])> {
    let mut lines: Vec<(usize, [String; 3])> = Vec::new();
    for effect in effects {
        let text = [effect.journey.to_string(), effect.before.text(zone), effect.after.text(zone)];
        match lines.iter_mut().find(|(_, line)| *line == text) {
            Some((enrolments, _)) => *enrolments += effect.enrolments,
            None => lines.push((effect.enrolments, text)),
        }
    }
    lines.sort_by_key(|(enrolments, _)| std::cmp::Reverse(*enrolments));
    lines
}
