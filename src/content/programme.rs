//! Parses `programme.toml`: the settings of the whole programme.

use std::collections::BTreeMap;

use chrono::NaiveTime;

use super::diagnostics::ContentDiagnostics;
use super::document::Document;
use super::hints::{did_you_mean, listed, quoted};
use super::table_reader::TableReader;
use crate::domain::diagnostic::closest_match;
use crate::domain::model::ids::{Language, Slug};
use crate::domain::model::library::{Character, CharacterWords, Focus, Privacy, Programme, ProgrammeWords};
use crate::domain::model::person::Period;
use crate::domain::time::calendar::{Calendar, ClosedPeriod};
use crate::domain::time::duration::{Duration, DurationUnit};
use crate::domain::time::holidays::Holidays;
use crate::domain::time::timezone::TimeZone;
use crate::text::text_file::TextFile;
use crate::text::toml_reader::Located;

/// Names that the other files may refer to. `None` if they could not be read
/// completely; references are then not checked.
#[derive(Debug, Default)]
pub(super) struct DeclaredNames {
    pub(super) languages: Option<Vec<Language>>,
    pub(super) focus: Option<Vec<Slug>>,
    pub(super) characters: Option<Vec<Slug>>,
    pub(super) calendar: Option<Calendar>,
}

const TOP_KEYS: &[&str] = &["title", "organisation", "languages", "time_zone"];

/// Parses the file. The programme is `Some` if nothing in it is missing.
pub(super) fn read(source: &TextFile, faults: &ContentDiagnostics) -> (Option<Programme>, DeclaredNames) {
    let document = Document::parse(source, 0..source.text.len(), TOP_KEYS, faults);
    let whole = document.is_whole();
    let mut table = TableReader::root(&document);
    table.require(&[
        ("title", "\"…\""),
        ("organisation", "\"…\""),
        ("languages", "[\"sv\"]"),
        ("time_zone", "\"Europe/Stockholm\""),
    ]);
    let title = table.line("title");
    let organisation = table.line("organisation");
    let languages = languages(&mut table);
    let zone = zone(&mut table);
    let privacy = privacy(&mut table);
    let calendar = calendar(table.table("calendar"));
    let (focus, focus_ids) = focus_areas(&mut table);
    let (characters, character_ids) = characters(&mut table);
    let known = DeclaredNames {
        languages,
        focus: focus_ids.filter(|_| whole),
        characters: character_ids.filter(|_| whole),
        calendar,
    };
    let translations = translations(&mut table, &known);
    table.finish();
    let programme = || {
        Some(Programme {
            title: title?.value,
            organisation: organisation?.value,
            languages: known.languages.clone()?,
            zone: zone?,
            privacy: privacy?,
            calendar: known.calendar.clone()?,
            focus,
            characters,
            translations,
        })
    };
    (programme(), known)
}

/// The languages; `None` if one of them is invalid.
fn languages(table: &mut TableReader<'_>) -> Option<Vec<Language>> {
    let mut languages: Vec<Language> = Vec::new();
    let texts = table.lines("languages");
    let all = texts.len();
    for text in texts {
        match Language::parse(&text.value) {
            None => table.error(
                "bad-language",
                text.offset,
                format!("`{}` is not a language code", text.value),
                "for example `sv`, `en` or `pt-br`",
            ),
            Some(language) if languages.contains(&language) => {
                let message = format!("language `{language}` is written twice");
                table.error("duplicate-id", text.offset, message, "delete one of the two");
            }
            Some(language) => languages.push(language),
        }
    }
    (!languages.is_empty() && languages.len() == all).then_some(languages)
}

fn zone(table: &mut TableReader<'_>) -> Option<TimeZone> {
    let name = table.line("time_zone")?;
    let zone = TimeZone::parse(&name.value);
    if zone.is_none() {
        // `Stockholm` is not a typing error for `Europe/Stockholm`, but unambiguous.
        let city =
            |zone: &&str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name.value));
        let meant = TimeZone::names().find(city).or_else(|| closest_match(&name.value, TimeZone::names()));
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write it as area and city: `Europe/Stockholm`".to_owned(),
        };
        let message = format!("`{}` is not a time zone", name.value);
        table.error("unknown-time-zone", name.offset, message, hint);
    }
    zone
}

fn privacy(table: &mut TableReader<'_>) -> Option<Privacy> {
    if !table.has("privacy") && table.is_whole() {
        let hint = "add `[privacy]` with `purpose`, `legal_basis`, `visible_to` and `retention`";
        table.error(
            "missing-key",
            table.offset,
            "`[privacy]` is missing; every mail says what is stored",
            hint,
        );
    }
    let mut table = table.table("privacy")?;
    table.require(&[
        ("purpose", "\"…\""),
        ("legal_basis", "\"…\""),
        ("visible_to", "\"…\""),
        ("retention", "\"12 months\""),
    ]);
    let purpose = table.text("purpose");
    let legal_basis = table.text("legal_basis");
    let visible_to = table.text("visible_to");
    let retention = table.text("retention");
    let contact = table.line("contact").map(|contact| contact.value);
    table.finish();
    Some(Privacy {
        contact,
        purpose: purpose?.value,
        legal_basis: legal_basis?.value,
        visible_to: visible_to?.value,
        retention: retention?.value,
    })
}

/// The calendar, with defaults for absent keys; `None` if any key is invalid.
fn calendar(table: Option<TableReader<'_>>) -> Option<Calendar> {
    let mut calendar = Calendar {
        workdays: [true, true, true, true, true, false, false],
        opens: NaiveTime::from_hms_opt(7, 0, 0)?,
        closes: NaiveTime::from_hms_opt(17, 0, 0)?,
        holidays: Holidays::None,
        closed: Vec::new(),
        min_gap: Duration { count: 20, unit: DurationUnit::Hours },
        minutes_per_month: 30,
    };
    let Some(mut table) = table else { return Some(calendar) };
    calendar.workdays = workdays(&mut table).unwrap_or(calendar.workdays);
    (calendar.opens, calendar.closes) = hours(&mut table).unwrap_or((calendar.opens, calendar.closes));
    let holidays = table.word("holidays", &[("SE", Holidays::Se), ("none", Holidays::None)]);
    calendar.holidays = holidays.map_or(calendar.holidays, |word| word.value);
    calendar.min_gap = min_gap(&mut table).unwrap_or(calendar.min_gap);
    let minutes = table.integer("minutes_per_month", 1..10_001);
    calendar.minutes_per_month = minutes.map_or(calendar.minutes_per_month, |minutes| minutes.value as u32);
    calendar.closed = closed(&mut table);
    table.finish().then_some(calendar)
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// `Mon-Fri`, or `Mon,Wed-Fri`.
fn workdays(table: &mut TableReader<'_>) -> Option<[bool; 7]> {
    let text = table.line("workdays")?;
    let day = |name: &str| WEEKDAYS.iter().position(|day| *day == name.trim());
    let mut workdays = [false; 7];
    for part in text.value.split(',') {
        let range = match part.split_once('-') {
            Some((first, last)) => day(first).zip(day(last)),
            None => day(part).map(|only| (only, only)),
        };
        let Some((first, last)) = range.filter(|(first, last)| first <= last) else {
            let message =
                format!("`{}` is not a list of weekdays; allowed are {}", part.trim(), quoted(&WEEKDAYS));
            table.error("bad-workdays", text.offset, message, "for example `Mon-Fri` or `Mon,Wed-Fri`");
            return None;
        };
        workdays[first..=last].fill(true);
    }
    Some(workdays)
}

/// `07:00-17:00`.
fn hours(table: &mut TableReader<'_>) -> Option<(NaiveTime, NaiveTime)> {
    let text = table.line("hours")?;
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    let hours = text.value.split_once('-').and_then(|(opens, closes)| time(opens).zip(time(closes)));
    let (message, hint) = match hours {
        Some((opens, closes)) if opens < closes => return Some((opens, closes)),
        Some(_) => (
            format!("`hours` is `{}`; the first time must be before the second", text.value),
            "mail leaves within one day: the latest end is `23:59`",
        ),
        None => (
            format!("`hours` is `{}`; two times of day with `-` between are needed", text.value),
            "for example `07:00-17:00`",
        ),
    };
    table.error("bad-hours", text.offset, message, hint);
    None
}

/// Only minutes, hours or days: workdays would depend on the unit.
fn min_gap(table: &mut TableReader<'_>) -> Option<Duration> {
    let gap = table.duration("min_gap")?;
    match gap.value.unit {
        DurationUnit::Minutes | DurationUnit::Hours | DurationUnit::Days => Some(gap.value),
        DurationUnit::Workdays | DurationUnit::Weeks | DurationUnit::Months => {
            let message = format!("`min_gap` is `{}`; minutes, hours and days are allowed", gap.value);
            table.error("bad-duration", gap.offset, message, "for example `20 hours` or `7 days`");
            None
        }
    }
}

fn closed(table: &mut TableReader<'_>) -> Vec<ClosedPeriod> {
    let period = |mut table: TableReader<'_>| {
        table.require(&[("from", "2026-12-21"), ("to", "2027-01-06"), ("why", "\"jul och nyår\"")]);
        let from = table.date("from");
        let to = table.date("to");
        let why = table.line("why");
        if let (Some(from), Some(to)) = (&from, &to)
            && from.value > to.value
        {
            let message =
                format!("the closed period ends on {}, before it begins on {}", to.value, from.value);
            table.error("bad-period", to.offset, message, "write the first day in `from`, the last in `to`");
        }
        table.finish();
        Some(ClosedPeriod { days: Period { from: from?.value, to: to?.value }, why: why?.value.into() })
    };
    table.tables("closed").into_iter().filter_map(period).collect()
}

/// The focus areas, and their ids if all of them are valid.
fn focus_areas(table: &mut TableReader<'_>) -> (Vec<Focus>, Option<Vec<Slug>>) {
    let mut ids = Some(Vec::new());
    let area = |mut table: TableReader<'_>| {
        table.require(&[("id", "\"energi\""), ("title", "\"…\"")]);
        let id = table.slug("id");
        let title = table.line("title");
        declare(&table, id.as_ref(), &mut ids);
        table.finish();
        Some(Focus { id: id?.value, title: title?.value })
    };
    let areas = table.tables("focus").into_iter().filter_map(area).collect();
    (areas, ids)
}

/// The characters, and their ids if all of them are valid.
fn characters(table: &mut TableReader<'_>) -> (Vec<Character>, Option<Vec<Slug>>) {
    let mut ids = Some(Vec::new());
    let mut default: Option<String> = None;
    let mut character = |mut table: TableReader<'_>| {
        table.require(&[("id", "\"halsa\""), ("name", "\"…\""), ("about", "\"…\"")]);
        let id = table.slug("id");
        let name = table.line("name");
        let about = table.text("about");
        let is_default = table.boolean("default").unwrap_or_default();
        declare(&table, id.as_ref(), &mut ids);
        if is_default {
            let this = id.as_ref().map(|id| id.value.to_string()).unwrap_or_default();
            if let Some(other) = &default {
                let message = format!("`{this}` and `{other}` are both `default`; exactly one may be");
                let hint = "keep `default = true` for the one people have until they choose";
                table.error("default-character", table.offset_of("default"), message, hint);
            }
            default.get_or_insert(this);
        }
        table.finish();
        Some(Character { id: id?.value, name: name?.value, about: about?.value, default: is_default })
    };
    let tables = table.tables("character");
    let count = tables.len();
    let characters = tables.into_iter().filter_map(&mut character).collect();
    if count > 0 && default.is_none() {
        let message = "none of the characters is `default`; exactly one must be";
        let hint = "add `default = true` to the one people have until they choose";
        table.error("default-character", table.offset_of("character"), message, hint);
    }
    (characters, ids)
}

/// Declares an id and reports a duplicate. After an invalid id the list of
/// declared ids is incomplete and becomes `None`.
fn declare(table: &TableReader<'_>, id: Option<&Located<Slug>>, ids: &mut Option<Vec<Slug>>) {
    let (Some(id), Some(taken)) = (id, &mut *ids) else {
        *ids = None;
        return;
    };
    if taken.contains(&id.value) {
        let message = format!("`{}` is written twice", id.value);
        table.error("duplicate-id", id.offset, message, "give one of the two another id");
    }
    taken.push(id.value.clone());
}

fn translations(table: &mut TableReader<'_>, known: &DeclaredNames) -> BTreeMap<Language, ProgrammeWords> {
    let words = |language: Language, mut table: TableReader<'_>| {
        let text = |at: Option<Located<String>>| at.map(|at| at.value);
        let words = ProgrammeWords {
            title: text(table.line("title")),
            purpose: text(table.text("purpose")),
            legal_basis: text(table.text("legal_basis")),
            visible_to: text(table.text("visible_to")),
            retention: text(table.text("retention")),
            focus: table.table("focus").map(|table| focus_titles(&table, known)).unwrap_or_default(),
            characters: table
                .table("character")
                .map(|table| character_words(&table, known))
                .unwrap_or_default(),
        };
        table.finish();
        (language, words)
    };
    translation_tables(table, known).into_iter().map(|(language, table)| words(language, table)).collect()
}

/// The tables `[translation.<language>]` for the programme's languages other than
/// the first.
pub(super) fn translation_tables<'a>(
    table: &mut TableReader<'a>,
    known: &DeclaredNames,
) -> Vec<(Language, TableReader<'a>)> {
    let Some(tables) = table.table("translation") else { return Vec::new() };
    let one = |(code, table): (Located<String>, TableReader<'a>)| {
        let Some(languages) = &known.languages else {
            return Some((Language::parse(&code.value)?, table));
        };
        let language = languages.iter().find(|language| language.as_str() == code.value);
        let message = match language {
            Some(first) if *first == languages[0] => {
                format!("`{first}` is the first language; its text is in the file already")
            }
            Some(language) => return Some((language.clone(), table)),
            None => format!("`{}` is not one of `languages`: {}", code.value, quoted(languages)),
        };
        let others: Vec<&str> = languages.iter().skip(1).map(Language::as_str).collect();
        let hint = did_you_mean(&code.value, &others)
            .unwrap_or_else(|| "delete it, or name the language in `languages`".to_owned());
        table.error("unknown-language", code.offset, message, hint);
        None
    };
    tables.named_tables().into_iter().filter_map(one).collect()
}

fn focus_titles(table: &TableReader<'_>, known: &DeclaredNames) -> BTreeMap<Slug, String> {
    let title = |(id, title): (Located<String>, String)| {
        Some((known_id(table, &id, known.focus.as_deref(), "unknown-focus", "focus area")?, title))
    };
    table.named_lines().into_iter().filter_map(title).collect()
}

fn character_words(table: &TableReader<'_>, known: &DeclaredNames) -> BTreeMap<Slug, CharacterWords> {
    let words = |(id, mut below): (Located<String>, TableReader<'_>)| {
        let name = below.line("name").map(|name| name.value);
        let about = below.text("about").map(|about| about.value);
        below.finish();
        let id = known_id(table, &id, known.characters.as_deref(), "unknown-character", "character")?;
        Some((id, CharacterWords { name, about }))
    };
    table.named_tables().into_iter().filter_map(words).collect()
}

/// Resolves an id that the same file declares.
fn known_id(
    table: &TableReader<'_>,
    id: &Located<String>,
    known: Option<&[Slug]>,
    code: &'static str,
    what: &str,
) -> Option<Slug> {
    let found = Slug::parse(&id.value);
    let Some(known) = known else { return found };
    let found = found.filter(|slug| known.contains(slug));
    if found.is_none() {
        let ids: Vec<&str> = known.iter().map(Slug::as_str).collect();
        let message = format!("there is no {what} `{}`; known: {}", id.value, listed(&ids));
        let hint =
            did_you_mean(&id.value, &ids).unwrap_or_else(|| format!("delete it, or define the {what}"));
        table.error(code, id.offset, message, hint);
    }
    found
}
