//! Resolves references between files: which journeys and steps exist, whether the
//! names they use are declared, and whether a cadence has any usable slot.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::diagnostics::ContentDiagnostics;
use super::hints::{did_you_mean, listed, quoted, slug_hint};
use super::journey::{RawJourney, RawStep};
use super::programme::DeclaredNames;
use super::resolve_context::ResolveContext;
use super::variants::{self, StepFile};
use super::{hash, journey, programme};
use crate::content::file_tree::FileTree;
use crate::domain::diagnostic::{Diagnostic, Location, closest_match};
use crate::domain::model::ids::{Slug, StepName};
use crate::domain::model::journey::Journey;
use crate::domain::model::library::{Library, TemplateSource};
use crate::domain::model::step::{Pace, Step};
use crate::domain::time::cadence::Cadence;
use crate::domain::time::calendar::{Calendar, QuietDay};
use crate::text::text_file::TextFile;
use crate::text::toml_reader::Located;

/// Builds the library from a snapshot; `None` if a required part is missing.
pub(super) fn library(snapshot: &FileTree, today: NaiveDate, faults: &ContentDiagnostics) -> Option<Library> {
    let (programme, known) = match snapshot.texts.get("programme.toml") {
        Some(source) => programme::read(source, faults),
        None => {
            missing_programme(snapshot, faults);
            (None, DeclaredNames::default())
        }
    };
    let content = ResolveContext { snapshot, known: &known, today, faults };
    content.warn_ignored_files();
    let journeys = content.journeys();
    let files = snapshot.texts.iter().map(|(path, source)| (path.as_str(), &*source.text));
    Some(Library {
        programme: programme?,
        journeys,
        templates: templates(snapshot),
        hash: hash::of_content(files),
    })
}

fn missing_programme(snapshot: &FileTree, faults: &ContentDiagnostics) {
    if snapshot.has_text("programme.toml") {
        return;
    }
    let place = Location::file(snapshot.file("programme.toml"));
    let fault = Diagnostic::error("no-programme", place, "there is no such file");
    faults.add(fault.hint("create it, or name its folder; it has the title, the languages and the calendar"));
}

fn templates(snapshot: &FileTree) -> Vec<TemplateSource> {
    let template = |(path, source): (&String, &TextFile)| {
        let name = path.strip_prefix("templates/")?;
        let name = name.strip_suffix(".hbs").or_else(|| name.ends_with(".md").then_some(name))?;
        Some(TemplateSource { name: name.to_owned(), file: source.file.clone(), text: source.text.clone() })
    };
    snapshot.texts.iter().filter_map(template).collect()
}

/// A journey's folder and its parsed `journey.toml`.
pub(super) struct Folder<'a> {
    /// Path relative to the content folder: `journeys/miljo`.
    pub(super) path: String,
    pub(super) slug: Slug,
    pub(super) source: &'a TextFile,
    pub(super) written: RawJourney,
}

impl<'a> ResolveContext<'a> {
    /// Warns about files that look like content but are in a place that is not read.
    fn warn_ignored_files(&self) {
        for path in self.snapshot.others.keys() {
            let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
            let parts: Vec<&str> = path.split('/').collect();
            let words = [".md", ".markdown", ".md.txt"].iter().any(|ending| name.ends_with(ending));
            if name.starts_with("readme") {
                continue;
            }
            let (message, hint) = match parts[..] {
                ["journeys", _] | ["journeys", _, _, ..] if name.ends_with(".md") && parts.len() != 3 => (
                    "not read, because it is not in the folder of a journey",
                    "move it to `journeys/<journey>/`",
                ),
                ["journeys", ..] if words => {
                    ("not read: a step's file name ends in `.md`", "rename it to `<step>.md`")
                }
                ["journeys", journey, _] if name.ends_with(".toml") && self.has_journey_file(journey) => {
                    ("not read: a journey has one file `journey.toml`", "rename it, or delete it")
                }
                ["templates", ..] if name.ends_with(".html") || name.ends_with(".txt") => (
                    "not read: a template's file name ends in `.hbs`",
                    "rename it, for example to `layout.html.hbs`",
                ),
                _ => continue,
            };
            self.file_warning(path, "not-read", message, hint.to_owned());
        }
    }

    fn has_journey_file(&self, journey: &str) -> bool {
        self.snapshot.has_text(&format!("journeys/{journey}/journey.toml"))
    }

    fn journeys(&self) -> Vec<Journey> {
        let folders = self.folders();
        if folders.is_empty() && !self.snapshot.folders.iter().any(|path| path.starts_with("journeys/")) {
            let hint = "make a folder `journeys/<journey>` with a `journey.toml`".to_owned();
            self.file_warning("journeys", "no-journeys", "there is no journey, so nothing is sent", hint);
        }
        self.order_of_journeys(&folders);
        self.corrections(&folders);
        folders.into_iter().filter_map(|folder| self.journey(folder)).collect()
    }

    fn folders(&self) -> Vec<Folder<'a>> {
        let names = self.snapshot.folders.iter().filter_map(|path| path.strip_prefix("journeys/"));
        names.filter(|name| !name.contains('/')).filter_map(|name| self.folder(name)).collect()
    }

    fn folder(&self, name: &str) -> Option<Folder<'a>> {
        let path = format!("journeys/{name}");
        let toml = format!("{path}/journey.toml");
        let slug = Slug::parse(name);
        if slug.is_none() {
            let message = format!(
                "`{name}` cannot be the name of a journey; lower-case letters a-z, digits and `-` are allowed"
            );
            self.file_error(
                &path,
                "bad-slug",
                message,
                slug_hint(name).replace("write", "rename the folder to"),
            );
        }
        if !self.snapshot.has_text(&toml) && self.snapshot.texts_in(&path).next().is_some() {
            let beside =
                self.snapshot.others.keys().filter_map(|other| other.strip_prefix(&format!("{path}/")));
            let hint = match closest_match("journey.toml", beside) {
                Some(near) => format!("rename `{near}` to `journey.toml`"),
                None => "create it; it has the order and the times of the steps".to_owned(),
            };
            self.file_error(&toml, "no-journey-file", "there is no such file".to_owned(), hint);
        }
        let source = self.snapshot.texts.get(&toml)?;
        let written = journey::read(source, self.known, self.faults);
        // The invalid name is already reported; the folder is checked all the same.
        let slug = slug.or_else(|| Slug::parse("unnamed"))?;
        Some(Folder { path, slug, source, written })
    }

    fn journey(&self, folder: Folder<'a>) -> Option<Journey> {
        self.cadence(&folder);
        self.moments(&folder);
        self.focus_of_journey(&folder);
        let files = self.step_files(&folder);
        let steps: Vec<Option<Step>> =
            folder.written.steps.iter().map(|step| self.step(&folder, step, &files)).collect();
        let Folder { slug, written, .. } = folder;
        Some(Journey {
            slug,
            title: written.title?,
            titles: written.titles,
            cadence: written.cadence?.value,
            start: written.start,
            after: written.after.map(|after| after.value),
            audience: written.audience,
            focus: written.focus.into_iter().map(|focus| focus.value).collect(),
            late_joiners: written.late_joiners,
            retired: written.retired.into_iter().map(|step| step.value).collect(),
            renamed: written.renamed,
            reference_group: written.reference_group,
            steps: steps.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Checks that `after` names an existing journey and that there is no cycle.
    fn order_of_journeys(&self, folders: &[Folder<'_>]) {
        let slugs: Vec<&str> = folders.iter().map(|folder| folder.slug.as_str()).collect();
        let mut waits: BTreeMap<&str, &str> = BTreeMap::new();
        for folder in folders {
            let Some(after) = &folder.written.after else { continue };
            if slugs.contains(&after.value.as_str()) {
                waits.insert(folder.slug.as_str(), after.value.as_str());
                continue;
            }
            let message = format!("there is no journey `{}`; known: {}", after.value, listed(&slugs));
            let hint = did_you_mean(after.value.as_str(), &slugs)
                .unwrap_or_else(|| "name another journey, or write `start` with a date".to_owned());
            self.error(folder.source, "unknown-journey", after.offset, message, hint);
        }
        for folder in folders {
            let (Some(cycle), Some(after)) = (cycle(folder.slug.as_str(), &waits), &folder.written.after)
            else {
                continue;
            };
            let message = match &cycle[..] {
                [only] => format!("`{only}` waits for itself"),
                _ => format!(
                    "journeys wait for each other in a circle: {}",
                    quoted(&cycle).replace(", ", " after ")
                ),
            };
            let hint =
                "let one of them begin on a day: write `start = 2026-09-01` instead of `after`".to_owned();
            self.error(folder.source, "journey-cycle", after.offset, message, hint);
        }
    }

    /// Checks that `corrects` names another step, and one that does not come later in the journey.
    fn corrections(&self, folders: &[Folder<'_>]) {
        let whole = folders.iter().all(|folder| folder.written.whole);
        let all: Vec<StepName> = folders
            .iter()
            .flat_map(|folder| folder.written.steps.iter().map(move |step| (folder, step)))
            .map(|(folder, step)| StepName { journey: folder.slug.clone(), step: step.id.value.clone() })
            .collect();
        let place = |name: &StepName| all.iter().position(|other| other == name);
        for folder in folders {
            for step in &folder.written.steps {
                let Some(Located { value: corrected, offset }) = &step.corrects else { continue };
                let own = StepName { journey: folder.slug.clone(), step: step.id.value.clone() };
                let (message, hint) = match place(corrected) {
                    None if !whole => continue,
                    None => {
                        let names: Vec<String> = all.iter().map(ToString::to_string).collect();
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        let hint = did_you_mean(&corrected.to_string(), &names)
                            .unwrap_or_else(|| "write a journey and a step: `miljo/resor`".to_owned());
                        (format!("there is no step `{corrected}`"), hint)
                    }
                    Some(_) if *corrected == own => (
                        format!("step `{own}` corrects itself"),
                        "name the step whose text was wrong; the correction is a step of its own".to_owned(),
                    ),
                    Some(at) if corrected.journey == own.journey && Some(at) > place(&own) => (
                        format!("step `{corrected}` comes later than the step that corrects it"),
                        "move the correction behind it".to_owned(),
                    ),
                    Some(_) => continue,
                };
                self.error(folder.source, "bad-corrects", *offset, message, hint);
            }
        }
    }

    fn focus_of_journey(&self, folder: &Folder<'_>) {
        for focus in &folder.written.focus {
            self.check_focus(folder.source, focus);
        }
    }

    fn cadence(&self, folder: &Folder<'_>) {
        let Some(Located { value: cadence, offset }) = &folder.written.cadence else { return };
        if !cadence.has_slot_in_the_year_from(self.today) {
            let message = format!("cadence `{cadence}` has no slot in the next 366 days");
            let hint = "check day and month: `30 8 * * Tue` is every Tuesday at 08:30".to_owned();
            self.error(folder.source, "cadence-never", *offset, message, hint);
            return;
        }
        if cadence.slots_a_day() > 1 {
            let message = format!("cadence `{cadence}` has {} slots a day", cadence.slots_a_day());
            let hint = "one slot a day is enough: write one minute and one hour".to_owned();
            self.warning(folder.source, "cadence-often", *offset, message, hint);
        }
        if let Some(calendar) = &self.known.calendar
            && let Some(why) = unusable_reason(cadence, calendar, self.today)
        {
            let message = format!("no mail will ever leave: {why}");
            let hint = "change the cadence, or `[calendar]` in `programme.toml`".to_owned();
            self.warning(folder.source, "cadence-unusable", *offset, message, hint);
        }
    }

    /// Reports fixed times (`on`) at which no mail may be sent.
    fn moments(&self, folder: &Folder<'_>) {
        let Some(calendar) = &self.known.calendar else { return };
        for step in &folder.written.steps {
            let Located { value: Pace::On(moment), offset } = &step.pace else { continue };
            let outside = !(calendar.opens..calendar.closes).contains(&moment.time());
            let why = match calendar.quiet(moment.date(), &[]) {
                Some(quiet) => name_of(&quiet),
                None if outside => "outside `hours`".to_owned(),
                None => continue,
            };
            let message = format!("no mail may leave at {}: {why}", moment.format("%Y-%m-%d %H:%M"));
            let hint =
                "it would leave at the next usable slot of the cadence; choose another moment".to_owned();
            self.warning(folder.source, "moment-unusable", *offset, message, hint);
        }
    }

    /// A journey's Markdown files by step; files without a step are reported.
    fn step_files(&self, folder: &Folder<'_>) -> BTreeMap<Slug, Vec<StepFile<'a>>> {
        let mut by_step: BTreeMap<Slug, Vec<StepFile<'a>>> = BTreeMap::new();
        let paths = self.snapshot.texts.keys().filter(|path| path.starts_with(&format!("{}/", folder.path)));
        for path in paths.filter(|path| path.ends_with(".md")) {
            match StepFile::parse(path) {
                Some(file) if folder.written.steps.iter().any(|step| step.id.value.as_str() == file.step) => {
                    if let Some(step) = Slug::parse(file.step) {
                        by_step.entry(step).or_default().push(file);
                    }
                }
                file => self.report_orphan_file(folder, path, file.as_ref()),
            }
        }
        by_step
    }

    fn report_orphan_file(&self, folder: &Folder<'_>, path: &str, file: Option<&StepFile<'_>>) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.eq_ignore_ascii_case("readme.md") {
            return;
        }
        let Some(file) = file else {
            let message = format!("`{name}` is not the name of a step's file");
            let hint = "write `<step>.md`, `<step>@<character>.md`, `<step>.<language>.md` or `<step>@<character>.<language>.md`";
            self.file_error(path, "bad-file-name", message, hint.to_owned());
            return;
        };
        if !folder.written.whole {
            // The step may be declared in a part of `journey.toml` with a syntax error.
            variants::check_orphan(self, file);
            return;
        }
        let steps: Vec<&str> = folder.written.steps.iter().map(|step| step.id.value.as_str()).collect();
        if folder.written.retired.iter().any(|retired| retired.value.as_str() == file.step) {
            let message = format!("step `{}` is `retired`, so it is never sent", file.step);
            self.file_warning(path, "unlisted-step", &message, "delete the file".to_owned());
            return;
        }
        let message = format!("step `{}` is not in `journey.toml`, so it is never sent", file.step);
        let hint = match (Slug::parse(file.step), did_you_mean(file.step, &steps)) {
            (None, _) => slug_hint(file.step).replace("write", "if it is a step, call it"),
            (_, Some(meant)) => format!("{meant} Else add `[[step]]` with `id = \"{}\"`", file.step),
            (_, None) => format!("add `[[step]]` with `id = \"{}\"` where it belongs", file.step),
        };
        self.file_warning(path, "unlisted-step", &message, hint);
    }

    fn step(
        &self,
        folder: &Folder<'a>,
        step: &RawStep,
        files: &BTreeMap<Slug, Vec<StepFile<'a>>>,
    ) -> Option<Step> {
        let base = format!("{}/{}.md", folder.path, step.id.value);
        if !self.snapshot.has_text(&base) {
            self.step_without_file(folder, step, &base);
        }
        let files = files.get(&step.id.value).map(Vec::as_slice).unwrap_or_default();
        // A new name alone changes no text: the hash keeps the first name.
        let renamed = folder.written.renamed.iter().find(|(_, today)| *today == step.id.value);
        let first_name = renamed.map_or(&step.id.value, |(former, _)| former);
        variants::step(self, &folder.path, step, first_name, files)
    }

    fn step_without_file(&self, folder: &Folder<'_>, step: &RawStep, base: &str) {
        let listed = |name: &str| folder.written.steps.iter().any(|step| step.id.value.as_str() == name);
        let beside = self.snapshot.texts_in(&folder.path).filter_map(StepFile::parse).map(|file| file.step);
        let hint = match closest_match(step.id.value.as_str(), beside.filter(|name| !listed(name))) {
            Some(near) => format!("did you mean `{near}`? Its file is there, but no step of that name"),
            None => "write the file, or delete the step".to_owned(),
        };
        let message = format!("step `{}` has no file `{}`", step.id.value, self.snapshot.file(base));
        self.error(folder.source, "step-without-file", step.id.offset, message, hint);
    }
}

/// The cycle a journey is part of, reported once, from its alphabetically first name.
fn cycle<'a>(first: &'a str, waits: &BTreeMap<&'a str, &'a str>) -> Option<Vec<&'a str>> {
    let mut circle = vec![first];
    let mut next = *waits.get(first)?;
    while next != first {
        // Another cycle further on, or this one reported from an earlier name.
        if circle.contains(&next) || next < first {
            return None;
        }
        circle.push(next);
        next = waits.get(next)?;
    }
    if circle.len() > 1 {
        circle.push(first);
    }
    Some(circle)
}

/// Why no slot of a cadence can be used because of hours, workdays or holidays.
/// Closed periods are temporary and not considered.
fn unusable_reason(cadence: &Cadence, calendar: &Calendar, today: NaiveDate) -> Option<String> {
    let midnight = today.and_time(chrono::NaiveTime::MIN);
    let first_day = cadence.civil_from(midnight).next()?.date();
    let hours = calendar.opens..calendar.closes;
    let times = cadence.civil_from(first_day.and_time(chrono::NaiveTime::MIN));
    if !times.take_while(|slot| slot.date() == first_day).any(|slot| hours.contains(&slot.time())) {
        let (opens, closes) = (hours.start.format("%H:%M"), hours.end.format("%H:%M"));
        return Some(format!("none of its times is within `hours`, {opens}-{closes}"));
    }
    let always = Calendar { closed: Vec::new(), ..calendar.clone() };
    let mut day = first_day;
    // Two years, for a yearly cadence whose date is sometimes a Sunday.
    let last = today.checked_add_days(Days::new(2 * 366))?;
    while day <= last {
        always.quiet(day, &[])?;
        let after = day.checked_add_days(Days::new(1))?.and_time(chrono::NaiveTime::MIN);
        match cadence.civil_from(after).next() {
            Some(slot) => day = slot.date(),
            None => break,
        }
    }
    Some("none of its days is a workday".to_owned())
}

fn name_of(quiet: &QuietDay) -> String {
    match quiet {
        QuietDay::NonWorkday(day) => format!("{day} is not a workday"),
        QuietDay::Holiday(name) => (*name).to_owned(),
        QuietDay::Closed(period) | QuietDay::UnitClosed(period) => format!("closed for {}", period.why),
    }
}
