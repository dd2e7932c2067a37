//! A test script as text: a small programme, its people, and the actions that
//! happen. Actions are written as they would be typed on the command line, so
//! that one script can run through the engine or through the binary.
//!
//! ```text
//! min_gap = "20 hours"              of the programme's calendar
//! === journey j                     its journey.toml; a text is made for each step
//! === people 1                      a people file; the first is there from the beginning
//! === acts
//! wake send                         at the next wake-up, `+90` minutes later, or at a time
//! +90 approve j/a --by Eva          also: hold, pause, resume, unit, choose, answer
//! +0 import 2                       the second people file
//! +0 edit j/a                       another text; also: insert j/x j/a, take j/a
//! ```

use chrono::{NaiveDate, TimeDelta};
use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::model::ids::{PersonId, Slug, StepName, UnitId};
use journey::domain::model::person::Period;
use journey::domain::time::cadence::Cadence;
use journey::domain::time::calendar::ClosedPeriod;
use journey::domain::time::timezone::Timestamp;
use journey::engine::load::snapshot::Snapshot;
use journey::engine::plan::pass::Filter;

use crate::rig::{Rig, done};

/// A programme and what happens to it.
pub(crate) struct Scenario {
    files: Vec<(String, String)>,
    pub(super) acts: Vec<Act>,
}

/// One action.
#[derive(Clone, Debug)]
pub(super) struct Act {
    pub(super) when: When,
    /// As it would be typed.
    pub(super) words: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    /// At the next wake-up.
    Wake,
    /// This much later.
    After(TimeDelta),
}

const PROGRAMME: &str = r#"
title        = "Tillsammans"
organisation = "Ekdala kommun"
languages    = ["sv"]
time_zone    = "Europe/Stockholm"

[privacy]
purpose     = "Att lära."
legal_basis = "Allmänt intresse."
visible_to  = "Bara du."
retention   = "12 months"

[[character]]
id      = "natur"
name    = "Naturvännen"
about   = "Du gillar skog."
default = true

[[character]]
id      = "halsa"
name    = "Hälsohjälten"
about   = "Du gillar att röra på dig."

[calendar]
"#;

const CONFIG: &str = r#"
[people]
file = "people-1.csv"
max_leavers = "100 %"

[mail]
from     = "Hållbara Ekdala <larresa@ekdala.example>"
reply_to = "hallbarhet@ekdala.example"
"#;

const COLUMNS: &str =
    "employee_id,email,first_name,last_name,unit,department,start_date,end_date,leave,protected\n";

impl Scenario {
    pub(crate) fn parse(text: &str) -> Scenario {
        let mut story = Scenario { files: Vec::new(), acts: Vec::new() };
        let mut config = CONFIG.to_owned();
        let mut parts = text.split("=== ");
        let (grace, calendar): (Vec<&str>, Vec<&str>) =
            parts.next().unwrap_or_default().lines().partition(|line| line.starts_with("grace"));
        config += &format!("\n[limits]\n{}\n", grace.join("\n"));
        story.files.push(("config.toml".to_owned(), config));
        story
            .files
            .push(("content/programme.toml".to_owned(), format!("{PROGRAMME}{}", calendar.join("\n"))));
        for part in parts {
            let (head, body) = part.split_once('\n').expect("a line, and what follows");
            match head.split_once(' ').unwrap_or((head, "")) {
                ("journey", slug) => story.journey(slug, body),
                ("people", number) => {
                    let people = format!("{COLUMNS}{body}");
                    story.files.push((format!("people-{number}.csv"), people));
                }
                ("acts", _) => {
                    story.acts = body.lines().filter(|line| !line.is_empty()).map(Act::parse).collect();
                }
                other => panic!("=== {other:?}"),
            }
        }
        story
    }

    fn journey(&mut self, slug: &str, body: &str) {
        let folder = format!("content/journeys/{slug}");
        self.files.push((format!("{folder}/journey.toml"), format!("title = \"Resan {slug}\"\n{body}")));
        for step in body.lines().filter_map(|line| line.strip_prefix("id = ")) {
            let step = step.trim_matches('"');
            self.files.push((format!("{folder}/{step}.md"), words(step)));
        }
    }

    /// The programme on disk, before the first action.
    pub(crate) fn rig(&self) -> Rig {
        let files: Vec<(&str, &str)> = self.files.iter().map(|(name, text)| (&**name, &**text)).collect();
        Rig::of(&files)
    }
}

/// The text of a step; one whose name begins with `of` uses the department,
/// which not everybody has.
fn words(step: &str) -> String {
    let more = if step.starts_with("of") { " i {{person.department}}" } else { "" };
    format!(
        "+++\nkind    = \"mission\"\nsubject = \"{{{{person.first_name}}}}, det här är {step}\"\nminutes = 2\n+++\nHej {{{{person.first_name}}}}{more}!\n"
    )
}

impl Act {
    fn parse(line: &str) -> Act {
        let mut words: Vec<String> = Vec::new();
        for (number, part) in line.split('"').enumerate() {
            match number % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        let when = match words.remove(0) {
            when if when == "wake" => When::Wake,
            when => When::After(TimeDelta::minutes(when.parse().expect("+minutes"))),
        };
        Act { when, words }
    }

    /// When it happens; asserts that no wake-up is more than two months away.
    pub(super) fn at(&self, rig: &mut Rig, now: Timestamp) -> Timestamp {
        match self.when {
            When::After(later) => now + later,
            When::Wake => {
                let wake = rig.next_wake(now).unwrap_or(now);
                if wake > now && wake < now + TimeDelta::days(60) { wake } else { now + TimeDelta::days(1) }
            }
        }
    }

    fn word(&self, place: usize) -> &str {
        self.words.get(place).map_or("", String::as_str)
    }

    fn flag(&self, name: &str) -> Option<&str> {
        let place = self.words.iter().position(|word| word == name)?;
        self.words.get(place + 1).map(String::as_str)
    }

    pub(super) fn is_send(&self) -> bool {
        self.word(0) == "send"
    }

    /// The selection of `send`: people are called `p0`, step names have a `/`.
    pub(super) fn selection(&self) -> Filter {
        let limit = self.flag("--limit").map(|n| n.parse().expect("a number"));
        let mut selection = Filter { limit, ..Filter::default() };
        if let Some(only) = self.flag("--only") {
            if let Some(step) = StepName::parse(only) {
                selection.steps.push(step);
            } else if only.starts_with('p') {
                selection.people.insert(PersonId::new(only));
            } else {
                selection.units.insert(UnitId::new(only));
            }
        }
        selection
    }

    /// Its command line; empty for a content edit, which is made at once.
    pub(super) fn typed(&self, rig: &mut Rig) -> Vec<String> {
        match self.word(0) {
            "edit" | "insert" | "take" => {
                self.rewrite(rig);
                Vec::new()
            }
            "import" => {
                let file = rig.path(&format!("people-{}.csv", self.word(1))).display().to_string();
                ["people", "import", &file, "--allow-leavers", "99"].map(str::to_owned).to_vec()
            }
            _ => self.words.clone(),
        }
    }

    /// Performs it through the engine; does nothing if the person or step does
    /// not exist.
    pub(super) fn happen(&self, rig: &mut Rig, at: Timestamp) {
        match self.word(0) {
            "import" => rig.import(at, &format!("people-{}.csv", self.word(1))),
            "edit" | "insert" | "take" => {
                if self.rewrite(rig) {
                    assert!(rig.reload(at), "the content is fine");
                }
            }
            _ => {
                let (world, _) = rig.running(at);
                if let Some(change) = self.change(world) {
                    rig.decide(at, &change);
                }
            }
        }
    }

    fn change(&self, world: &Snapshot) -> Option<Change> {
        let unit = |name: &str| world.roster.units_called(name).first().map(|unit| unit.id.clone());
        let person = |name: &str| world.roster.find(name).map(|person| person.id.clone());
        let step = |text: &str| {
            let name = StepName::parse(text)?;
            world
                .content
                .library
                .journey(&name.journey)?
                .step(&name.step)
                .map(|step| (name.clone(), step.hash))
        };
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        Some(match (self.word(0), self.word(1)) {
            ("approve", name) => {
                let (step, content) = step(name)?;
                world.content.library.journey(&step.journey)?.reference_group.as_ref()?;
                Change::Approve { step, content }
            }
            ("hold", "release") => Change::Release(
                self.words.get(2).map(|name| step(name)).map_or(Some(None), |s| s.map(|s| Some(s.0)))?,
            ),
            ("hold", "") => Change::Hold(None),
            ("hold", name) => Change::Hold(Some(step(name)?.0)),
            ("pause", _) => Change::Pause {
                of: self.whom(person, unit)?,
                until: self.flag("--until").map(day),
                reason: "a test".into(),
            },
            ("resume", _) => Change::Resume(self.whom(person, unit)?),
            ("unit", "shift") => Change::Shift {
                unit: unit(self.word(2))?,
                weeks: self.flag("--weeks")?.parse().expect("weeks"),
            },
            ("unit", "close") => Change::CloseUnit {
                unit: unit(self.word(2))?,
                period: ClosedPeriod {
                    days: Period { from: day(self.word(3)), to: day(self.word(4)) },
                    why: "a test".into(),
                },
            },
            ("unit", "cadence") => Change::SetCadence {
                unit: unit(self.word(2))?,
                cadence: Some(Cadence::parse(self.word(3)).ok()?),
            },
            ("choose", name) => {
                Change::SetCharacter { person: person(name)?, character: Slug::parse(self.word(2))? }
            }
            ("answer", name) => done(person(name)?, step(self.word(2))?.0),
            other => panic!("{other:?}"),
        })
    }

    fn whom(
        &self,
        person: impl Fn(&str) -> Option<PersonId>,
        unit: impl Fn(&str) -> Option<UnitId>,
    ) -> Option<PauseTarget> {
        if let Some(name) = self.flag("--person") {
            return person(name).map(PauseTarget::Person);
        }
        if let Some(name) = self.flag("--unit") {
            return unit(name).map(PauseTarget::Unit);
        }
        self.flag("--journey").and_then(Slug::parse).map(PauseTarget::Journey)
    }

    /// Edits the content; false if there was nothing to edit.
    fn rewrite(&self, rig: &mut Rig) -> bool {
        let name = StepName::parse(self.word(1)).expect("a step");
        let folder = format!("content/journeys/{}", name.journey);
        let (order, text) = (format!("{folder}/journey.toml"), format!("{folder}/{}.md", name.step));
        if !rig.path(&order).exists() {
            return false;
        }
        let toml = rig.read(&order);
        let block = |step: &str| format!("[[step]]\nid = \"{step}\"\n");
        let there = block(name.step.as_str());
        match self.word(0) {
            "edit" if toml.contains(&there) => rig.edit(&text, "Hej ", "Hej igen "),
            "insert" if !toml.contains(&there) && toml.contains(&block(self.word(2))) => {
                let catch_up = if self.word(3) == "catch_up" { "catch_up = true\n" } else { "" };
                let before = block(self.word(2));
                rig.edit(&order, &before, &format!("{there}{catch_up}\n{before}"));
                rig.write(&text, &words(name.step.as_str()));
            }
            "take" if toml.contains(&there) && toml.matches("[[step]]").count() > 1 => {
                let (head, rest) = toml.split_once(&there).expect("it is there");
                let rest = rest.find("[[step]]").map_or("", |next| &rest[next..]);
                rig.write(&order, &format!("{head}{rest}"));
                rig.remove(&text);
            }
            _ => return false,
        }
        true
    }
}
