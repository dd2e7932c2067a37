//! A random simulation of three years of the sample: people join, leave and
//! move, authors edit, administrators pause, hold and approve, and the process
//! sometimes crashes. Reproducible by its seed.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate, TimeDelta};
use journey::domain::change::Change;
use journey::domain::change::settings::PauseTarget;
use journey::domain::delivery::state::State;
use journey::domain::model::ids::{PersonId, Slug, StepName, UnitId};
use journey::domain::model::person::Period;
use journey::domain::time::cadence::Cadence;
use journey::domain::time::calendar::ClosedPeriod;
use journey::domain::time::timezone::Timestamp;

use super::super::rig::{Letter, Rig, done};
use super::super::rng::Rng;
use super::checker::{Facts, Pause, StepFact};

pub(crate) const REFERENCE_GROUP: [&str; 12] =
    ["1007", "1042", "1118", "1203", "1311", "1420", "1533", "1649", "1764", "1888", "2017", "2210"];

/// A line of the people file.
#[derive(Clone, Debug)]
pub(super) struct Row(Vec<String>);

impl Row {
    pub(super) fn id(&self) -> &str {
        &self.0[0]
    }

    pub(super) fn email(&self) -> &str {
        &self.0[3]
    }

    pub(super) fn unit(&self) -> &str {
        &self.0[5]
    }

    pub(super) fn start(&self) -> Option<NaiveDate> {
        self.0[9].parse().ok()
    }

    pub(super) fn end(&self) -> Option<NaiveDate> {
        self.0[10].parse().ok()
    }

    pub(super) fn leave(&self) -> Vec<(NaiveDate, NaiveDate)> {
        let periods = self.0[11].split_whitespace().filter_map(|period| period.split_once('/'));
        periods.map(|(from, to)| (from.parse().expect("a date"), to.parse().expect("a date"))).collect()
    }

    pub(super) fn is_protected(&self) -> bool {
        self.0[12] == "ja"
    }
}

/// A journey.toml in parts.
struct Order {
    head: String,
    /// Id, and the rest of its block.
    steps: Vec<(String, String)>,
    tail: String,
    versions: HashMap<String, u32>,
}

impl Order {
    fn read(text: &str) -> Order {
        let (text, tail) = text.split_once("[translation").expect("a translation");
        let mut blocks = text.split("[[step]]");
        let head = blocks.next().expect("a head").to_owned();
        let step = |block: &str| {
            let (first, rest) = block.trim_start().split_once('\n').unwrap_or((block, ""));
            (first.split('"').nth(1).expect("an id").to_owned(), rest.to_owned())
        };
        Order {
            head,
            steps: blocks.map(step).collect(),
            tail: format!("[translation{tail}"),
            versions: HashMap::new(),
        }
    }

    fn text(&self) -> String {
        let block = |(id, rest): &(String, String)| format!("[[step]]\nid = \"{id}\"\n{rest}\n");
        format!("{}{}{}", self.head, self.steps.iter().map(block).collect::<String>(), self.tail)
    }

    fn facts(&self) -> Vec<StepFact> {
        let fact = |(id, rest): &(String, String)| StepFact {
            id: id.clone(),
            catch_up: rest.lines().any(|line| line.trim_start().starts_with("catch_up")),
            expires: rest.lines().any(|line| line.trim_start().starts_with("expires_after")),
            version: self.versions.get(id).copied().unwrap_or_default(),
        };
        self.steps.iter().map(fact).collect()
    }
}

/// The simulation and its state.
pub(super) struct Life {
    rig: Rig,
    chance: Rng,
    now: Timestamp,
    header: String,
    rows: Vec<Row>,
    gone: Vec<Row>,
    orders: BTreeMap<String, Order>,
    is_broken: bool,
    /// No more events, only mails.
    is_over: bool,
    answers: Vec<(Timestamp, String, String)>,
    number: u32,
    pub(super) facts: Facts,
    pub(super) letters: Vec<Letter>,
    pub(super) killed: usize,
}

impl Life {
    /// The sample with every n-th of its people, and the reference group.
    pub(super) fn of(seed: u64, one_in: usize) -> Life {
        let rig = Rig::sample();
        let text = rig.read("people.csv");
        let mut lines = text.lines().map(str::to_owned);
        let header = lines.next().expect("a heading");
        let row = |line: String| Row(line.split(';').map(str::to_owned).collect());
        let all = lines.map(row).enumerate();
        let some = all.filter(|(n, row)| n % one_in == 0 || REFERENCE_GROUP.contains(&row.id()));
        let rows: Vec<Row> = some.map(|(_, row)| row).collect();
        let order = |name: &str| Order::read(&rig.read(&format!("content/journeys/{name}/journey.toml")));
        let orders: BTreeMap<String, Order> =
            ["grunden", "miljo", "social"].map(|name| (name.to_owned(), order(name))).into();
        let now = rig.at("2026-08-01 00:00");
        let facts = Facts {
            zone: rig.zone,
            orders: Vec::new(),
            people: Vec::new(),
            pauses: Vec::new(),
            closed: Vec::new(),
            shifts: Vec::new(),
            approvals: Vec::new(),
            holds: Vec::new(),
            answers: HashMap::new(),
            cancelled: HashMap::new(),
        };
        let mut life = Life {
            rig,
            chance: Rng(seed),
            now,
            header,
            rows,
            gone: Vec::new(),
            orders,
            is_broken: false,
            is_over: false,
            answers: Vec::new(),
            number: 0,
            facts,
            letters: Vec::new(),
            killed: 0,
        };
        life.write_people();
        life.note_people();
        life.note_orders();
        life.rig.running(now);
        life.rig.keep(now);
        life
    }

    /// Runs from wake-up to wake-up until a time, with `events` random events
    /// at random moments.
    pub(super) fn until(&mut self, civil: &str, events: usize) {
        let end = self.rig.at(civil);
        let span = usize::try_from((end - self.now).num_minutes()).expect("later");
        let mut moments: Vec<Timestamp> =
            (0..events).map(|_| self.now + TimeDelta::minutes(self.chance.place(span) as i64)).collect();
        moments.sort();
        let mut moments = moments.into_iter().peekable();
        while self.now < end {
            let wake = self.rig.store(self.now).next_due_at().expect("positions");
            let answer = self.answers.iter().map(|(at, _, _)| *at).min();
            let soonest = [wake, answer, moments.peek().copied(), Some(end)].into_iter().flatten().min();
            let soonest = soonest.unwrap_or(end).max(self.now + TimeDelta::seconds(1));
            self.now = soonest;
            if moments.peek() == Some(&soonest) {
                moments.next();
                self.something_happens();
            }
            if answer.is_some_and(|answer| answer <= soonest) {
                self.answer();
            }
            if wake.is_some_and(|wake| wake <= soonest) {
                self.pass();
            }
        }
    }

    /// A pass; one in fifteen crashes between enqueueing and writing.
    fn pass(&mut self) {
        if self.chance.one_in(15) && self.rig.book_only(self.now) > 0 {
            self.killed += 1;
            self.rig.stop();
            self.now += TimeDelta::minutes(5);
            if !self.is_over {
                self.something_is_stopped();
            }
            self.now += TimeDelta::minutes(5);
        }
        self.rig.send(self.now);
        for mut letter in self.rig.new_letters() {
            letter.found = self.now;
            let asks =
                ["forsta-uppdrag-0", "nar-senast-0", "resor-0"].iter().any(|step| letter.name.contains(step));
            if asks && self.chance.one_in(2) {
                self.will_answer(&letter);
            }
            self.letters.push(letter);
        }
    }

    fn will_answer(&mut self, letter: &Letter) {
        let Some(row) = self.rows.iter().find(|row| row.email() == letter.to) else { return };
        let step = ["grunden/forsta-uppdrag", "grunden/nar-senast", "miljo/resor"]
            .into_iter()
            .find(|step| letter.name.contains(&step.replace('/', "-")));
        let day = self.rig.zone.date(self.now) + Days::new(1 + self.chance.below(12));
        let noon = self.rig.zone.midnight(day) + TimeDelta::hours(12);
        if let Some(step) = step {
            self.answers.push((noon, row.id().to_owned(), step.to_owned()));
        }
    }

    /// Every person whose answer is due answers.
    fn answer(&mut self) {
        let (now, later) = self.answers.drain(..).partition(|(at, _, _)| *at <= self.now);
        self.answers = later;
        let mut changes = Vec::new();
        for (_, person, step) in now {
            if !self.rows.iter().any(|row| row.id() == person) {
                continue;
            }
            let name = StepName::parse(&step).expect("a step");
            if self.facts.answers.contains_key(&(person.clone(), step.clone())) {
                continue;
            }
            changes.push(done(PersonId::new(&person), name));
            self.facts.answers.insert((person, step), self.now);
        }
        self.rig.decide_all(self.now, &changes);
    }

    fn decide(&mut self, change: &Change) {
        self.rig.decide_all(self.now, std::slice::from_ref(change));
    }

    fn something_happens(&mut self) {
        match self.chance.below(16) {
            0..=3 => self.people_change(),
            4..=6 => self.edit(),
            7 | 8 => self.pause(),
            9 => self.resume(),
            10 => self.unit(),
            11 => self.hold(),
            _ => self.approve(),
        }
    }

    /// A fault is noticed in what is being sent, and a hold is set.
    fn something_is_stopped(&mut self) {
        match self.chance.below(4) {
            0 => self.edit(),
            1 => self.hold(),
            2 => self.pause(),
            _ => {}
        }
    }

    fn people_change(&mut self) {
        for _ in 0..=self.chance.below(4) {
            let place = self.chance.place(self.rows.len());
            let other = self.chance.of(&self.rows).clone();
            self.number += 1;
            let today = self.rig.zone.date(self.now);
            match self.chance.below(8) {
                0 | 1 => {
                    let mut row = other;
                    let (id, address) =
                        (format!("9{:03}", self.number), format!("ny{}@ekdala.example", self.number));
                    row.0[0] = id;
                    row.0[3] = address;
                    row.0[9] = if self.chance.one_in(2) { today.to_string() } else { String::new() };
                    (row.0[10], row.0[11]) = (String::new(), String::new());
                    self.rows.push(row);
                }
                2 => self.gone.push(self.rows.remove(place)),
                3 => {
                    if let Some(row) = self.gone.pop() {
                        self.rows.push(row);
                    }
                }
                4 => {
                    for field in 4..8 {
                        self.rows[place].0[field].clone_from(&other.0[field]);
                    }
                }
                5 => {
                    let from = today + Days::new(self.chance.below(30));
                    let to = from + Days::new(self.chance.below(60));
                    self.rows[place].0[11] = format!("{from}/{to}");
                }
                6 => {
                    let end = today + Days::new(self.chance.below(90));
                    self.rows[place].0[10] = end.to_string();
                }
                _ => {
                    let address = if self.chance.one_in(2) { String::new() } else { other.0[3].clone() };
                    self.rows[place].0[3] = address;
                }
            }
        }
        self.import();
    }

    fn import(&mut self) {
        self.write_people();
        self.rig.import(self.now, "people.csv");
        self.note_people();
    }

    fn write_people(&mut self) {
        let lines: String = self.rows.iter().map(|row| row.0.join(";") + "\n").collect();
        self.rig.write("people.csv", &format!("{}\n{lines}", self.header));
    }

    fn note_people(&mut self) {
        let people = self.rows.iter().map(|row| (row.id().to_owned(), row.clone())).collect();
        self.facts.people.push((self.now, people));
    }

    fn note_orders(&mut self) {
        let orders = self.orders.iter().map(|(name, order)| (name.clone(), order.facts())).collect();
        self.facts.orders.push((self.now, orders));
    }

    fn edit(&mut self) {
        let name = (*self.chance.of(&["grunden", "miljo", "social"])).to_owned();
        let folder = format!("content/journeys/{name}");
        self.number += 1;
        let what = self.chance.below(7);
        let order = self.orders.get_mut(&name).expect("a journey");
        let place = self.chance.place(order.steps.len());
        let id = order.steps[place].0.clone();
        match what {
            0 | 1 => {
                *order.versions.entry(id.clone()).or_default() += 1;
                let file = format!("{folder}/{id}.md");
                let text = self.rig.read(&file);
                self.rig.write(&file, &format!("{text}\nEn rad till, den {}:e.\n", self.number));
            }
            2 | 3 => {
                let catch_up = if what == 3 { "catch_up = true\n" } else { "" };
                let id = format!("extra{}", self.number);
                order.steps.insert(place, (id.clone(), catch_up.to_owned()));
                let words = "+++\nkind = \"tip\"\nsubject = \"Ett tips\"\nminutes = 1\n+++\nHej {{person.first_name}}!\n";
                self.rig.write(&format!("{folder}/{id}.md"), words);
            }
            4 if order.steps.len() > 3 => {
                order.steps.remove(place);
                for file in std::fs::read_dir(self.rig.path(&folder)).expect("a folder").flatten() {
                    let file = file.file_name().to_string_lossy().into_owned();
                    if file.strip_prefix(&id).is_some_and(|rest| rest.starts_with(['.', '@'])) {
                        self.rig.remove(&format!("{folder}/{file}"));
                    }
                }
            }
            5 => {
                let cadence = *self.chance.of(&[
                    "30 8 * * Tue",
                    "30 8 * * Thu",
                    "0 9 * * Mon,Wed",
                    "30 1-23/2 * * Fri",
                ]);
                let line = order
                    .head
                    .lines()
                    .find(|line| line.starts_with("cadence"))
                    .expect("a cadence")
                    .to_owned();
                order.head = order.head.replace(&line, &format!("cadence = \"{cadence}\""));
            }
            _ => self.is_broken = true,
        }
        self.save();
    }

    /// Writes the journey files; broken content stays on disk until the next
    /// edit and never becomes active.
    fn save(&mut self) {
        for (name, order) in &self.orders {
            let broken = if self.is_broken && name == "miljo" { "cadance = 1\n" } else { "" };
            let text = format!("{broken}{}", order.text());
            self.rig.write(&format!("content/journeys/{name}/journey.toml"), &text);
        }
        let fine = self.rig.reload(self.now);
        assert_eq!(fine, !self.is_broken, "the content: {:?}", self.rig.running(self.now).0.content.broken);
        if fine {
            self.note_orders();
        }
        self.is_broken = false;
    }

    fn pause(&mut self) {
        let row = self.chance.of(&self.rows).clone();
        let (of, fact) = match self.chance.below(5) {
            0..=2 => (PauseTarget::Person(PersonId::new(row.id())), ("person", row.id().to_owned())),
            3 => (PauseTarget::Unit(UnitId::new(row.unit())), ("unit", row.unit().to_owned())),
            _ => {
                let journey = *self.chance.of(&["grunden", "miljo", "social"]);
                (PauseTarget::Journey(Slug::parse(journey).expect("a name")), ("journey", journey.to_owned()))
            }
        };
        let day = self.rig.zone.date(self.now) + Days::new(self.chance.below(40));
        let until = self.chance.one_in(2).then_some(day);
        self.decide(&Change::Pause { of, until, reason: "en paus".into() });
        self.facts.pauses.push(Pause { of: fact, from: self.now, until, resumed: None });
    }

    /// Gives the oldest open pause an end.
    fn resume(&mut self) {
        let open = |pause: &&Pause| pause.until.is_none() && pause.resumed.is_none();
        let Some(pause) = self.facts.pauses.iter().find(open) else { return };
        let (kind, name) = pause.of.clone();
        let of = match kind {
            "person" => PauseTarget::Person(PersonId::new(&name)),
            "unit" => PauseTarget::Unit(UnitId::new(&name)),
            _ => PauseTarget::Journey(Slug::parse(&name).expect("a name")),
        };
        self.decide(&Change::Resume(of));
        let now = self.now;
        let theirs = self.facts.pauses.iter_mut().filter(|pause| pause.of == (kind, name.clone()));
        theirs.filter(|pause| pause.resumed.is_none()).for_each(|pause| pause.resumed = Some(now));
    }

    fn unit(&mut self) {
        let code = self.chance.of(&self.rows).unit().to_owned();
        let unit = UnitId::new(&code);
        let today = self.rig.zone.date(self.now);
        match self.chance.below(3) {
            0 => {
                let weeks = *self.chance.of(&[-2, -1, 1, 2, 4]);
                self.decide(&Change::Shift { unit, weeks });
                self.facts.shifts.push((self.now, code, weeks));
            }
            1 => {
                let from = today + Days::new(self.chance.below(20));
                let to = from + Days::new(self.chance.below(20));
                let period = ClosedPeriod { days: Period { from, to }, why: "ombyggnad".into() };
                self.decide(&Change::CloseUnit { unit, period });
                self.facts.closed.push((self.now, code, from, to));
            }
            _ => {
                let cadence = Cadence::parse("0 13 * * Mon,Fri").ok();
                self.decide(&Change::SetCadence { unit, cadence });
            }
        }
    }

    /// Holds a step or everything, and releases what was held before.
    fn hold(&mut self) {
        self.release();
        let step = match self.chance.one_in(4) {
            true => None,
            false => {
                let name = *self.chance.of(&["grunden", "miljo", "social"]);
                let steps = &self.orders[name].steps;
                Some(format!("{name}/{}", self.chance.of(steps).0))
            }
        };
        let name = step.as_deref().map(|name| StepName::parse(name).expect("a step"));
        self.decide(&Change::Hold(name));
        self.facts.holds.push((step, self.now, None));
    }

    fn release(&mut self) {
        let now = self.now;
        let mut released = Vec::new();
        for (step, _, to) in self.facts.holds.iter_mut().filter(|(_, _, to)| to.is_none()) {
            *to = Some(now);
            released
                .push(Change::Release(step.as_deref().map(|name| StepName::parse(name).expect("a step"))));
        }
        self.rig.decide_all(now, &released);
    }

    /// Approves a step of the journey with the reference group, or all.
    fn approve(&mut self) {
        let place = self.chance.place(self.orders["grunden"].steps.len() + 1);
        self.approve_of(|n| n == place || place == 0);
    }

    fn approve_of(&mut self, which: impl Fn(usize) -> bool) {
        let (_, orders) = self.facts.orders.last().expect("content");
        let steps: Vec<StepFact> = orders["grunden"].clone();
        let (world, _) = self.rig.running(self.now);
        let grunden =
            world.content.library.journey(&Slug::parse("grunden").expect("a name")).expect("a journey");
        let mut changes = Vec::new();
        for (_, step) in steps.iter().enumerate().filter(|(n, _)| which(*n)) {
            let slug = Slug::parse(&step.id).expect("a name");
            let content = grunden.step(&slug).expect("a step").hash;
            changes.push(Change::Approve {
                step: StepName { journey: grunden.slug.clone(), step: slug },
                content,
            });
            self.facts.approvals.push((self.now, format!("grunden/{}", step.id), step.version));
        }
        self.rig.decide_all(self.now, &changes);
    }

    /// Records which mails were enqueued, held back and then cancelled.
    pub(super) fn note_cancelled(&mut self) {
        let store = self.rig.store(self.now);
        let everybody = self.rows.iter().map(|row| PersonId::new(row.id()));
        let all = everybody.flat_map(|person| store.deliveries_to(&person).expect("deliveries"));
        let cancelled = all
            .map(|(delivery, _)| delivery)
            .filter(|delivery| delivery.state == State::Cancelled && delivery.round == 0);
        let named = cancelled.map(|delivery| {
            ((delivery.person.as_str().to_owned(), delivery.step.to_string()), delivery.booked)
        });
        self.facts.cancelled = named.collect();
    }

    /// Ends everything that blocks mails.
    pub(super) fn mend(&mut self) {
        self.is_over = true;
        self.save();
        self.release();
        while self.facts.pauses.iter().any(|pause| pause.until.is_none() && pause.resumed.is_none()) {
            self.resume();
        }
        for row in &mut self.rows {
            row.0[3] = format!("p{}@ekdala.example", row.id());
        }
        self.import();
        self.approve_of(|_| true);
    }
}
