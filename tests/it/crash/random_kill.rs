//! Kills the program at random moments while it hands mails to a relay, and
//! restarts it until nothing is due. Afterwards the delivery guarantees must
//! hold: nothing is lost, and at most one mail per connection is repeated for
//! each crash. The tests do this a few times, `cargo bench --bench crash` as
//! often as asked.

use std::collections::{HashMap, HashSet};
use std::thread::sleep;
use std::time::Duration;

use chrono::TimeDelta;
use journey::clock::{self, Stopwatch};
use journey::domain::time::timezone::Timestamp;

use super::home::{CONNECTIONS, Home};
use super::server::{Accepted, BadDay, EventKind, Point, Relay, Rule, Script, line};
use crate::rng::Rng;

/// Totals of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// How often the program was killed before it was done.
    pub(crate) kills: usize,
    pub(crate) mailings: usize,
    pub(crate) mails: usize,
    /// Mails that the relay received more than once.
    pub(crate) copies: usize,
    /// Replies that the relay dropped by itself.
    pub(crate) lost: usize,
    /// Deliveries an operator had to resolve.
    pub(crate) resolved: usize,
}

/// How the relay behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayFaults {
    /// It accepts everything at once.
    None,
    /// One mail in twenty is deferred, one reply in a hundred is lost, some
    /// connections break, some replies are late.
    Random,
}

/// A mailing that is killed again and again.
pub(crate) struct Mailing {
    pub(crate) home: Home,
    pub(crate) relay: Relay,
    since: Timestamp,
    pub(crate) kills: usize,
    /// Deliveries an operator resolved, and whether as sent.
    pub(crate) resolved: HashMap<String, bool>,
}

/// Kills the program at least this often, over as many mailings as needed.
pub(crate) fn run_random_kills(seed: u64, kills: usize, people: usize, faults: RelayFaults) -> Counters {
    let mut chance = Rng(seed);
    let mut tally = Counters::default();
    while tally.kills < kills {
        let mut mailing = Mailing::new(people, faults, chance.below(u64::MAX));
        mailing.kill_until_nothing_is_due(&mut chance);
        mailing.finish();
        mailing.check(&mut tally);
        assert!(tally.mailings < 10 + kills, "it is hardly ever hit: {tally:?}");
    }
    tally
}

impl Mailing {
    pub(crate) fn new(people: usize, faults: RelayFaults, seed: u64) -> Mailing {
        let since = clock::now();
        let script = match faults {
            RelayFaults::None => Script::default(),
            RelayFaults::Random => Script {
                bad_day: Some(BadDay { seed, tempfail: 50, permfail: 0, lose: 10, drop: 5 }),
                rules: (0..people / 5).map(late).collect(),
                ..Script::default()
            },
        };
        let relay = Relay::start(script);
        let home = Home::peopled(people, relay.port());
        Mailing::of(since, home, relay)
    }

    /// A mailing to a relay that was started at that time.
    pub(crate) fn of(since: Timestamp, home: Home, relay: Relay) -> Mailing {
        Mailing { home, relay, since, kills: 0, resolved: HashMap::new() }
    }

    /// Starts and kills the program until it exits by itself with nothing due.
    pub(crate) fn kill_until_nothing_is_due(&mut self, chance: &mut Rng) {
        let watch = Stopwatch::start();
        self.home.done(&["status"]);
        let start = u64::try_from(watch.elapsed().as_micros()).expect("a short time");
        loop {
            let accepted = self.relay.count();
            let mut child = self.home.start(&["send", "-q"]);
            if chance.below(3) == 0 {
                sleep(Duration::from_micros(chance.below(3 * start)));
            } else {
                // Shortly after a reply of the relay: a random part of the time
                // it takes to record the outcome.
                let more = usize::try_from(1 + chance.below(40)).expect("a few");
                while self.relay.count() < accepted + more && child.try_wait().expect("a child").is_none() {
                    sleep(Duration::from_micros(20));
                }
                sleep(Duration::from_micros(chance.below(600)));
            }
            child.kill().expect("killed, or done");
            // A process that ended by itself has an exit code.
            match child.wait().expect("it ends").code() {
                None => self.kills += 1,
                Some(code) => {
                    assert!([0, 1, 69, 75].contains(&code), "it ended with {code}");
                    if self.home.count("state = 'due'") == 0 && self.home.count("true") == self.home.people {
                        return;
                    }
                }
            }
            // So that some kills hit a retry.
            if chance.below(4) == 0 && self.home.database().exists() {
                self.home.hurry();
            }
        }
    }

    /// Brings the mailing to its end: pending retries are made, and an operator
    /// resolves what is in doubt twice from the relay's log.
    pub(crate) fn finish(&mut self) {
        for _ in 0..40 {
            self.home.hurry();
            let output = self.home.run(&["send", "-q"]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1 | 69 | 75)), "{said}");
            self.resolve();
            if self.home.count("state <> 'sent'") == 0 {
                return;
            }
        }
        let left = self.home.count("state <> 'sent'");
        panic!("{left} of {} mails never leave", self.home.people);
    }

    /// Resolves what is in doubt from the relay's log, as an operator would.
    pub(crate) fn resolve(&mut self) {
        let connection = self.home.sql();
        let mut statement = connection
            .prepare("SELECT id, message_id FROM delivery WHERE state = 'held' AND doubts > 0")
            .expect("a statement");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        let held: Vec<(i64, String)> = rows.map(|row| row.expect("a row")).collect();
        drop(statement);
        drop(connection);
        let accepted = self.relay.accepted();
        for (number, message_id) in held {
            let arrived = accepted.iter().any(|mail| mail.message_id == message_id);
            let word = if arrived { "sent" } else { "unsent" };
            self.home.done(&["resolve", &number.to_string(), "--as", word, "--reason", "the relay's log"]);
            self.resolved.insert(message_id, arrived);
        }
    }

    /// Asserts that everybody has the mail and that the guarantees hold.
    pub(crate) fn check(&self, tally: &mut Counters) {
        let (booked, copies) = self.promises();
        assert_eq!(booked.len(), self.home.people, "one delivery for everybody");
        let sent = booked.iter().filter(|mail| mail.state == "sent").count();
        assert_eq!(sent, booked.len(), "everybody has it");
        tally.kills += self.kills;
        tally.mailings += 1;
        tally.mails += booked.len();
        tally.copies += copies;
        tally.lost += self.lost();
        tally.resolved += self.resolved.len();
    }

    /// The number of replies the relay dropped.
    fn lost(&self) -> usize {
        self.relay.accepted().iter().filter(|mail| !mail.told).count()
    }

    /// The deliveries in the database and the number of copies the relay
    /// received beyond the first; asserts every delivery guarantee.
    pub(crate) fn promises(&self) -> (Vec<Booked>, usize) {
        let accepted = self.relay.accepted();
        let mut copies: HashMap<&str, Vec<&Accepted>> = HashMap::new();
        for mail in &accepted {
            copies.entry(&mail.message_id).or_default().push(mail);
        }
        let booked = self.booked();
        for mail in &booked {
            self.promised(mail, copies.get(mail.message_id.as_str()).map_or(&[], Vec::as_slice));
        }
        let known: HashSet<&str> = booked.iter().map(|mail| mail.message_id.as_str()).collect();
        assert!(copies.keys().all(|id| known.contains(id)), "the relay has what nobody booked");
        let extra = accepted.len() - copies.len();
        let most = CONNECTIONS * self.kills + self.lost();
        assert!(extra <= most, "{extra} copies, {} kills, {} lost answers", self.kills, self.lost());
        let one =
            |sql: &str| self.home.sql().query_row(sql, [], |row| row.get::<_, String>(0)).expect("a row");
        assert_eq!(one("PRAGMA integrity_check"), "ok");
        let events = one("SELECT count(*) || '' FROM event WHERE what = 'mailed'");
        assert_eq!(events, booked.len().to_string(), "an event each");
        (booked, extra)
    }

    /// Asserts the guarantees for one delivery and the messages the relay
    /// accepted for it.
    fn promised(&self, mail: &Booked, arrived: &[&Accepted]) {
        let Booked { message_id, email, state, settled } = mail;
        let resolved = self.resolved.get(message_id).copied();
        if state == "sent" {
            let Some(first) = arrived.first() else { panic!("sent, but never accepted: {message_id}") };
            let told = arrived.iter().any(|copy| copy.told);
            assert!(told || resolved == Some(true), "sent, but accepted without a reply: {message_id}");
            let taken = self.since + TimeDelta::from_std(first.at).expect("a short time");
            assert!(
                taken < *settled + TimeDelta::seconds(1),
                "recorded as sent before it was accepted: {message_id}"
            );
        }
        let allowed = if resolved == Some(false) { 3 } else { 2 };
        assert!(arrived.len() <= allowed, "{} copies of {message_id}", arrived.len());
        for copy in arrived {
            assert!(copy.bytes == arrived[0].bytes, "copies of {message_id} differ");
            assert_eq!(copy.to, *email, "wrong recipient: {message_id}");
            assert!(
                String::from_utf8_lossy(&copy.bytes).contains(email.as_str()),
                "wrong recipient: {message_id}"
            );
        }
    }

    fn booked(&self) -> Vec<Booked> {
        let connection = self.home.sql();
        let sql = "SELECT message_id, email, state, coalesce(settled_at, '')
                   FROM delivery JOIN enrolment ON enrolment.id = enrolment_id
                   JOIN person ON person.id = person_id ORDER BY delivery.id";
        let mut statement = connection.prepare(sql).expect("a statement");
        let row = |row: &rusqlite::Row<'_>| {
            let settled: String = row.get(3)?;
            let settled = settled.parse().unwrap_or(Timestamp::MIN_UTC);
            Ok(Booked { message_id: row.get(0)?, email: row.get(1)?, state: row.get(2)?, settled })
        };
        let rows = statement.query_map([], row).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }
}

/// A delivery as the database has it.
pub(crate) struct Booked {
    pub(crate) message_id: String,
    pub(crate) email: String,
    pub(crate) state: String,
    settled: Timestamp,
}

/// Replies late to one message in several.
fn late(n: usize) -> Rule {
    let what = EventKind::Late(Duration::from_millis(15), line("250 2.0.0 at last"));
    Rule { mail: Some(1 + 17 * n), ..Rule::at(Point::Dot, what) }
}
