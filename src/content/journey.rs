//! Parses `journey.toml`: the order and timing of steps. References to other
//! files are not resolved here.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::diagnostics::ContentDiagnostics;
use super::document::Document;
use super::hints::did_you_mean;
use super::programme::{DeclaredNames, translation_tables};
use super::table_reader::TableReader;
use crate::domain::model::ids::{Language, PersonId, Slug, StepName};
use crate::domain::model::journey::{Audience, LateJoiners, ReferenceGroup};
use crate::domain::model::step::{Pace, Wait};
use crate::domain::time::cadence::Cadence;
use crate::domain::time::duration::{Duration, DurationUnit};
use crate::text::text_file::TextFile;
use crate::text::toml_reader::Located;

/// The parsed file.
#[derive(Debug)]
pub(super) struct RawJourney {
    pub(super) title: Option<String>,
    pub(super) titles: BTreeMap<Language, String>,
    pub(super) cadence: Option<Located<Cadence>>,
    pub(super) start: Option<NaiveDate>,
    pub(super) after: Option<Located<Slug>>,
    pub(super) audience: Audience,
    pub(super) focus: Vec<Located<Slug>>,
    pub(super) late_joiners: LateJoiners,
    pub(super) retired: Vec<Located<Slug>>,
    /// Former names of steps, each with the name it has today.
    pub(super) renamed: Vec<(Slug, Slug)>,
    pub(super) reference_group: Option<ReferenceGroup>,
    pub(super) steps: Vec<RawStep>,
    /// False after a TOML syntax error: an absent key may then only be unreadable.
    pub(super) whole: bool,
}

/// One `[[step]]` table.
#[derive(Debug)]
pub(super) struct RawStep {
    pub(super) id: Located<Slug>,
    pub(super) pace: Located<Pace>,
    pub(super) remind: Vec<Duration>,
    pub(super) wait: Wait,
    pub(super) expires_after: Option<Duration>,
    pub(super) catch_up: bool,
    pub(super) corrects: Option<Located<StepName>>,
}

const TOP_KEYS: &[&str] =
    &["title", "cadence", "start", "after", "audience", "focus", "late_joiners", "retired", "renamed"];

/// Parses the file.
pub(super) fn read(source: &TextFile, known: &DeclaredNames, faults: &ContentDiagnostics) -> RawJourney {
    let document = Document::parse(source, 0..source.text.len(), TOP_KEYS, faults);
    let mut table = TableReader::root(&document);
    table.require(&[("title", "\"…\""), ("cadence", "\"30 8 * * Tue\"")]);
    if document.is_whole() && !table.has("start") && !table.has("after") {
        let message = "the journey has no start: add `start` or `after`";
        let hint = "add `start = 2026-09-01`, or `after = \"…\"` with the name of another journey";
        table.error("missing-key", table.offset, message, hint);
    }
    let mut written = RawJourney {
        title: table.line("title").map(|title| title.value),
        cadence: cadence(&mut table),
        start: table.date("start").map(|start| start.value),
        after: table.slug("after"),
        audience: audience(&mut table),
        focus: table.slugs("focus"),
        late_joiners: late_joiners(&mut table),
        retired: table.slugs("retired"),
        renamed: Vec::new(),
        reference_group: reference_group(&mut table),
        steps: steps(&mut table),
        titles: titles(&mut table, known),
        whole: document.is_whole(),
    };
    retired_steps(&table, &written);
    written.renamed = renamed_steps(&mut table, &written);
    table.finish();
    written
}

fn cadence(table: &mut TableReader<'_>) -> Option<Located<Cadence>> {
    let text = table.line("cadence")?;
    match Cadence::parse(&text.value) {
        Ok(value) => Some(Located { value, offset: text.offset }),
        Err(fault) => {
            table.error("bad-cadence", text.offset, fault.message, fault.hint);
            None
        }
    }
}

fn late_joiners(table: &mut TableReader<'_>) -> LateJoiners {
    let words = [
        ("from start", LateJoiners::FromStart),
        ("join unit", LateJoiners::JoinUnit),
        ("skip to current", LateJoiners::SkipToCurrent),
    ];
    table.word("late_joiners", &words).map(|word| word.value).unwrap_or_default()
}

fn audience(table: &mut TableReader<'_>) -> Audience {
    let Some(mut table) = table.table("audience") else { return Audience::default() };
    let values = |texts: Vec<Located<String>>| texts.into_iter().map(|text| text.value).collect();
    let audience = Audience {
        departments: values(table.lines("departments")),
        units: values(table.lines("units")),
        languages: audience_languages(&mut table),
        people: people(&mut table),
    };
    table.finish();
    audience
}

fn audience_languages(table: &mut TableReader<'_>) -> Vec<Language> {
    let mut languages = Vec::new();
    for text in table.lines("languages") {
        match Language::parse(&text.value) {
            Some(language) => languages.push(language),
            None => {
                let message = format!("`{}` is not a language code", text.value);
                table.error(
                    "bad-language",
                    text.offset,
                    message,
                    "for example `sv` or `en`, as in the people file",
                );
            }
        }
    }
    languages
}

fn people(table: &mut TableReader<'_>) -> Vec<PersonId> {
    table.lines("people").into_iter().map(|id| PersonId::new(&id.value)).collect()
}

fn reference_group(table: &mut TableReader<'_>) -> Option<ReferenceGroup> {
    let mut table = table.table("reference_group")?;
    table.require(&[("people", "[\"1007\", \"1042\"]"), ("lead", "\"10 workdays\"")]);
    let people = people(&mut table);
    let lead = table.duration("lead");
    table.finish();
    Some(ReferenceGroup { people, lead: lead?.value })
}

fn titles(table: &mut TableReader<'_>, known: &DeclaredNames) -> BTreeMap<Language, String> {
    let title = |(language, mut table): (Language, TableReader<'_>)| {
        table.require(&[("title", "\"…\"")]);
        let title = table.line("title");
        table.finish();
        Some((language, title?.value))
    };
    translation_tables(table, known).into_iter().filter_map(title).collect()
}

fn steps(table: &mut TableReader<'_>) -> Vec<RawStep> {
    let tables = table.tables("step");
    if tables.is_empty() && table.is_whole() && !table.has("step") {
        let hint = "add `[[step]]` and below it `id = \"valkommen\"`, for each step in order";
        table.error("no-steps", table.offset, "the journey has no step", hint);
    }
    let mut taken = Vec::new();
    tables.into_iter().filter_map(|table| step(table, &mut taken)).collect()
}

fn step(mut table: TableReader<'_>, taken: &mut Vec<Slug>) -> Option<RawStep> {
    table.require(&[("id", "\"valkommen\"")]);
    let id = table.slug("id");
    let pace = pace(&mut table);
    let remind = remind(&mut table);
    let wait = wait(&mut table);
    let expires_after = table.duration("expires_after").map(|duration| duration.value);
    let catch_up = table.boolean("catch_up").unwrap_or_default();
    let corrects = corrects(&mut table);
    if let Some(id) = &id {
        if taken.contains(&id.value) {
            let message = format!("step `{}` is written twice", id.value);
            table.error(
                "duplicate-id",
                id.offset,
                message,
                "give one of the two another id, and its file too",
            );
            table.finish();
            return None;
        }
        taken.push(id.value.clone());
    }
    table.finish();
    Some(RawStep { id: id?, pace, remind, wait, expires_after, catch_up, corrects })
}

fn pace(table: &mut TableReader<'_>) -> Located<Pace> {
    if table.has("after") && table.has("on") {
        let message = "`on` and `after` contradict each other";
        let hint = "keep `on` for a moment of its own, or `after` for a distance from the step before";
        table.error("on-with-after", table.offset_of("on"), message, hint);
    }
    let after = table.duration("after").map(|after| after.map(Pace::After));
    let on = table.moment("on").map(|on| on.map(Pace::On));
    on.or(after).unwrap_or(Located { value: Pace::NextSlot, offset: table.offset })
}

/// The delays of the reminders, in increasing order.
fn remind(table: &mut TableReader<'_>) -> Vec<Duration> {
    let delays = table.durations("remind");
    for pair in delays.windows(2) {
        let [earlier, later] = pair else { continue };
        if about_minutes(later.value) <= about_minutes(earlier.value) {
            let message =
                format!("reminder `{}` does not come after reminder `{}`", later.value, earlier.value);
            table.error(
                "bad-reminder",
                later.offset,
                message,
                "each delay counts from the mail; order them, the shortest first",
            );
        }
    }
    delays.into_iter().map(|delay| delay.value).collect()
}

/// Approximate length, precise enough to compare two durations.
fn about_minutes(duration: Duration) -> u64 {
    let minutes = match duration.unit {
        DurationUnit::Minutes => 1,
        DurationUnit::Hours => 60,
        DurationUnit::Days => 24 * 60,
        DurationUnit::Workdays => 24 * 60 * 7 / 5,
        DurationUnit::Weeks => 7 * 24 * 60,
        DurationUnit::Months => 30 * 24 * 60,
    };
    u64::from(duration.count) * minutes
}

/// `answer`, or `answer, at most 15 workdays`.
fn wait(table: &mut TableReader<'_>) -> Wait {
    let Some(text) = table.line("wait") else { return Wait::No };
    let (what, limit) = match text.value.split_once(',') {
        Some((what, limit)) => (what.trim(), Some(limit.trim())),
        None => (text.value.as_str(), None),
    };
    let limit = limit.map(|limit| limit.strip_prefix("at most "));
    match (what, limit) {
        ("answer", None) => Wait::ForAnswer,
        ("answer", Some(Some(limit))) => {
            let limit = table.as_duration(&Located { value: limit.to_owned(), offset: text.offset });
            limit.map_or(Wait::ForAnswer, |limit| Wait::AtMost(limit.value))
        }
        _ => {
            let message = format!(
                "`wait` is `{}`; `answer` is allowed, with `, at most` and a duration after it",
                text.value
            );
            table.error(
                "bad-wait",
                text.offset,
                message,
                "for example `wait = \"answer, at most 15 workdays\"`",
            );
            Wait::No
        }
    }
}

/// Slugs are never reused: people who had the old step would not get the new one.
fn retired_steps(table: &TableReader<'_>, written: &RawJourney) {
    for step in &written.steps {
        if written.retired.iter().any(|retired| retired.value == step.id.value) {
            let message =
                format!("step `{}` is `retired`: those who had it would never get it again", step.id.value);
            table.error(
                "retired-step",
                step.id.offset,
                message,
                "give the new step another id, and its file too",
            );
        }
    }
}

/// The step that is corrected, written `<journey>/<step>`.
fn corrects(table: &mut TableReader<'_>) -> Option<Located<StepName>> {
    let text = table.line("corrects")?;
    if let Some(value) = StepName::parse(&text.value) {
        return Some(Located { value, offset: text.offset });
    }
    let message = format!("`corrects` is `{}`; a journey and a step are needed", text.value);
    table.error("bad-corrects", text.offset, message, "for example `corrects = \"miljo/resor\"`");
    None
}

/// Former names with the name of today, also through several renames. Each is an error that names no step of today, or
/// a step that is still there.
fn renamed_steps(table: &mut TableReader<'_>, written: &RawJourney) -> Vec<(Slug, Slug)> {
    let Some(renamed) = table.table("renamed") else { return Vec::new() };
    let mut names: Vec<(Located<Slug>, Slug)> = Vec::new();
    for (former, today) in renamed.named_lines() {
        let today = renamed.as_slug(&Located { value: today, offset: former.offset });
        let (Some(former), Some(today)) = (renamed.as_slug(&former), today) else { continue };
        names.push((former, today.value));
    }
    let is_step = |slug: &Slug| written.steps.iter().any(|step| step.id.value == *slug);
    let today = |mut slug: Slug| {
        for _ in 0..names.len() {
            match names.iter().find(|(former, _)| former.value == slug) {
                Some((_, next)) => slug = next.clone(),
                None => break,
            }
        }
        slug
    };
    let mut resolved = Vec::new();
    // Of several names of a step the first one ever comes first.
    let (first, later): (Vec<_>, Vec<_>) =
        names.iter().partition(|(former, _)| names.iter().all(|(_, next)| *next != former.value));
    for (former, next) in first.into_iter().chain(later) {
        if is_step(&former.value) {
            let message = format!("step `{}` is `renamed` and still in the list", former.value);
            let hint = "delete the line in `renamed`, or give the step its new id";
            table.error("renamed-step", former.offset, message, hint);
            continue;
        }
        if written.retired.iter().any(|retired| retired.value == former.value) {
            let message = format!("step `{}` is both `renamed` and `retired`", former.value);
            table.error("renamed-step", former.offset, message, "keep one of the two");
            continue;
        }
        let today = today(next.clone());
        if is_step(&today) {
            resolved.push((former.value.clone(), today));
        } else if written.whole {
            let steps: Vec<&str> = written.steps.iter().map(|step| step.id.value.as_str()).collect();
            let message = format!("`{}` is renamed to `{next}`, and there is no such step", former.value);
            let hint = did_you_mean(next.as_str(), &steps)
                .unwrap_or_else(|| "write the id that the step has now, as in `[[step]]`".to_owned());
            table.error("renamed-step", former.offset, message, &hint);
        }
    }
    resolved
}
