//! The answer pages, served by the built daemon: whose link it is, what a form saves, what a mail
//! scanner can do, and what every response has in common.

mod answers;
mod browser;
mod client;
mod forms;
mod links;
mod mine;
mod pauses;
mod proxies;
mod responses;
mod scanners;

use chrono::TimeDelta;
use journey::clock;
use journey::domain::time::timezone::Timestamp;
use rusqlite::Connection;

use crate::crash::daemon::Running;
use crate::store::Home;
use client::{Client, Response};

/// When the first mails of `miljo` were sent.
const SENT: &str = "2026-11-03T08:30";
/// A day without a mailing.
const NOW: &str = "2026-11-09T09:00:00Z";
/// What links begin with; the port is another one.
const BASE_URL: &str = "http://127.0.0.1:8080";
/// The first people of the sample.
const PEOPLE: usize = 50;
/// The person who answers.
const PERSON: &str = "1042";

/// The sample with some people who have had their first mail, and a daemon that serves the pages.
struct Site {
    home: Home,
    daemon: Running,
    client: Client,
}

impl Site {
    fn new() -> Site {
        Site::at(NOW)
    }

    /// The daemon's clock shows this time.
    fn at(now: &str) -> Site {
        let home = Home::with(PEOPLE);
        home.done(&["send", "-q", "--at", SENT]);
        Site::of(home, now)
    }

    fn of(home: Home, now: &str) -> Site {
        let now: Timestamp = now.parse().expect("an instant");
        move_clock(&home, now - clock::now());
        let variables = [("FAILPOINTS", "clock.moves=return(clocks);store.busy=return(300)")];
        let daemon = Running::of(home.command(&["daemon"]), &variables);
        daemon.says("the pages are served on ");
        let said = daemon.said();
        let (_, rest) = said.split_once("the pages are served on ").expect("an address");
        let address = rest.lines().next().expect("a line").parse().expect("an address");
        Site { home, daemon, client: Client { address } }
    }

    /// Stops the daemon, and starts another one after a change.
    fn restarted(self, change: impl FnOnce(&Home)) -> Site {
        let Site { home, daemon, .. } = self;
        daemon.stop();
        change(&home);
        Site::of(home, NOW)
    }

    /// A link as the help desk gets it: its path.
    fn link(&self, step: &str, page: &str) -> String {
        let arguments = ["link", PERSON, step, "--purpose", page, "--at", "2026-11-09T10:00"];
        let output = self.home.run(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let link = String::from_utf8(output.stdout).expect("text");
        link.trim().strip_prefix(BASE_URL).expect("our address").to_owned()
    }

    fn answer_link(&self) -> String {
        self.link("miljo/valkommen", "answer")
    }

    fn get(&self, path: &str) -> Response {
        self.client.get(path)
    }

    /// Sends a form with the form token of the page and these fields.
    fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.get(path);
        let token = page.form_token();
        let mut all = vec![("f", token.as_str())];
        all.extend(fields);
        self.client.post(path, &all)
    }

    fn sql(&self) -> Connection {
        let connection = Connection::open(self.home.database()).expect("a database");
        connection.busy_timeout(std::time::Duration::from_secs(10)).expect("it waits");
        connection
    }

    /// The first column of each row.
    fn column(&self, sql: &str) -> Vec<String> {
        let connection = self.sql();
        let mut statement = connection.prepare(sql).expect("a statement");
        let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).expect("rows");
        rows.map(|value| match value.expect("a value") {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
    }

    /// Everything that pages can change, as text.
    fn saved(&self) -> Vec<String> {
        let tables = [
            "SELECT what || step || enrolment_id FROM event WHERE what <> 'mailed'",
            "SELECT question || step || enrolment_id || saved_at || hex(answer_id) FROM answer_slip",
            "SELECT hex(id) || question || value FROM counted_answer",
            "SELECT hex(id) || question || text FROM written_answer",
            "SELECT person_id || from_at || coalesce(until_date, '-') || coalesce(resumed_at, '-') FROM pause",
            "SELECT id || coalesce(character, '-') || coalesce(own_language, '-') || link_epoch FROM person",
            "SELECT action || at FROM audit WHERE action <> 'link'",
            "SELECT id || purpose || state FROM delivery",
        ];
        tables.iter().flat_map(|sql| self.column(sql)).collect()
    }
}

/// Moves the wall clock of the daemon.
fn move_clock(home: &Home, by: TimeDelta) {
    let new = home.path("clocks.new");
    std::fs::write(&new, format!("{} 0", by.num_seconds())).expect("a file");
    std::fs::rename(new, home.path("clocks")).expect("it has its name");
}
