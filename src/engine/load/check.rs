//! `journey check`: validates content, templates and people together.

use chrono::{NaiveDate, TimeDelta};

use super::active_content::{ActiveContent, LoadedContent, known_steps, today};
use super::changed_readers::changed_readers;
use super::people_file;
use super::references::check_references;
use super::removed_steps::removed_steps;
use super::snapshot::Snapshot;
use crate::config::Config;
use crate::content;
use crate::domain::diagnostic::{Diagnostic, Location};
use crate::domain::model::ids::Language;
use crate::domain::model::person::Roster;
use crate::domain::time::timezone::Timestamp;
use crate::engine::plan::forecast;
use crate::store::Store;

/// How far `check` forecasts.
const A_YEAR: TimeDelta = TimeDelta::weeks(52);

/// Validates content, templates and people. Also warns about months of the
/// coming year that exceed `minutes_per_month` for a person.
pub(crate) fn check(config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    let LoadedContent { found: written, mut faults, files } =
        LoadedContent::of(config, content::load(&config.content, today(now)));
    // Report errors of the people file even when the programme's language is
    // unknown.
    let language = written.as_ref().map(|(library, _)| library.programme.default_language().clone());
    let language = language.unwrap_or_else(Language::undetermined);
    let reading = people_file::read(config, &config.people.file, &language);
    faults.extend(reading.faults);
    let (Some((library, renderer)), Some(roster)) = (written, reading.roster) else { return faults };
    faults.extend(check_references(config, &library, &roster));
    // A database that cannot be read is a matter of `doctor`.
    let known = Store::read_only(&config.database, |store| known_steps(config, store, now));
    let known = known.ok().flatten().unwrap_or_default();
    faults.extend(removed_steps(config, &library, &known));
    faults.extend(changed_readers(config, &library, &known.texts));
    if !faults.iter().any(Diagnostic::is_error) {
        let content = ActiveContent { library, renderer, warnings: Vec::new(), files, broken: Vec::new() };
        faults.extend(workload_warnings(config, content, roster, now));
    }
    faults
}

/// Warns about months in which the journeys together exceed the programme's
/// limit of minutes for a person.
fn workload_warnings(
    config: &Config,
    content: ActiveContent,
    roster: Roster,
    now: Timestamp,
) -> Vec<Diagnostic> {
    let world = &Snapshot::without_database(config.clone().into(), content.into(), roster);
    let rows = forecast::rows(world, now..now + A_YEAR, &forecast::Scope::default(), |_| {});
    let limit = world.content.library.programme.calendar.minutes_per_month;
    let place = Location::file(world.config.content.join("programme.toml").display());
    let warning = |(month, minutes): (NaiveDate, forecast::Minutes)| {
        let (month, most) = (month.format("%B %Y"), minutes.most);
        let message = format!(
            "in {month} {} of {} people are asked more than `minutes_per_month = {limit}`, up to {most} minutes",
            minutes.above, minutes.people
        );
        Diagnostic::warning("too-many-minutes", place.clone(), message)
            .hint("see which mails it is with `journey plan`; move a step, or ask less of it")
    };
    forecast::minutes(world, &rows)
        .into_iter()
        .filter(|(_, minutes)| minutes.above > 0)
        .map(warning)
        .collect()
}
