//! `journey retention`: which answers are deleted because their time is over.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::output::{self, Format};
use crate::engine::load::active_content;
use crate::engine::load::snapshot::LoadScope;
use crate::engine::retention;
use crate::store::{Expired, Store};
use crate::view::retention::ExpiredView;

/// Show or delete answers whose time is over
///
/// The daemon deletes them once a day: texts when `retention` of the programme
/// has passed after the last mail of the journey, and the answers of people who
/// left 30 days before.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Retention {
    /// Show what would be deleted, and change nothing
    ///
    /// Example: journey retention plan --at 2027-12-01
    Plan {
        /// Output format
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Delete what is over
    ///
    /// Example: journey retention run
    Run,
}

pub(crate) fn run(command: &Retention, cx: &mut Context) -> Result<(), CommandError> {
    match command {
        Retention::Plan { format } => plan(*format, cx),
        Retention::Run => {
            let (mut store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
            let deleted = retention::run(&snapshot.content.library.programme, &mut store, at)?;
            print(cx, "deleted", deleted)
        }
    }
}

fn plan(format: Format, cx: &mut Context) -> Result<(), CommandError> {
    let config = cx.config()?;
    let at = cx.at(cx.zone(&config)?)?;
    let library = active_content::library(&config, at)?;
    let limits = retention::limits(&library.programme, at);
    let look = |store: &Store| store.expired(&limits);
    let expired = Store::read_only(&config.database, look)?.unwrap_or_default();
    match format {
        Format::Json => Ok(output::print_json(
            &mut *cx.out,
            &ExpiredView::list(&expired, library.programme.zone.date(at)),
        )?),
        Format::Text => print(cx, "to delete", expired),
    }
}

fn print(cx: &mut Context, what: &str, expired: Expired) -> Result<(), CommandError> {
    let Expired { own_texts, programme_texts, leavers, bounces, audit_lines } = expired;
    Ok(writeln!(
        cx.out,
        "{what}: {}, {} for the programme, the answers of {} who left, {} and {}",
        output::count(own_texts, "own text", "own texts"),
        output::count(programme_texts, "text", "texts"),
        output::count(leavers, "person", "people"),
        output::count(bounces, "bounce", "bounces"),
        output::count(audit_lines, "line of the audit log", "lines of the audit log"),
    )?)
}
