//! A folder with a programme in which everybody has a mail due now, and a relay
//! that receives it. For tests that run the built program with the system
//! clock; tests that set the time use other helpers.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use chrono::{TimeDelta, Timelike};
use journey::clock::{self, Stopwatch};
use rusqlite::Connection;

/// Parallel connections to the relay.
pub(crate) const CONNECTIONS: usize = 4;

/// Timeout for waiting; generous, because the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A programme with mails due, in a temporary folder.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) people: usize,
}

impl Home {
    /// This many people with a mail due now, and a relay at a port of this
    /// machine. The people are not imported yet.
    pub(crate) fn new(people: usize, port: u16) -> Home {
        let home = Home { folder: folder(), people };
        home.lay_out(port);
        home
    }

    /// Writes its files.
    pub(crate) fn lay_out(&self, port: u16) {
        self.write("config.toml", &config(port));
        self.write("content/programme.toml", &programme());
        self.write("content/journeys/host/journey.toml", &journey());
        self.write("content/journeys/host/ett.md", STEP);
        self.write("people.csv", &people_file(self.people));
    }

    /// The same with all people imported.
    pub(crate) fn peopled(people: usize, port: u16) -> Home {
        let home = Home::new(people, port);
        home.done(&["people", "import", "-q"]);
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("journey.db")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    }

    /// Edits a file; panics if the text to replace is not in it.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).expect("a file");
        assert!(text.contains(from), "{name} has {from:?}:\n{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// The program, ready to start in this folder with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        program_in(self.folder.path(), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Runs it and asserts success.
    pub(crate) fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }

    /// Starts it with its output discarded.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    }

    /// A direct connection to the database.
    pub(crate) fn sql(&self) -> Connection {
        let connection = Connection::open(self.database()).expect("a database");
        connection.busy_timeout(PATIENCE).expect("it waits");
        connection
    }

    /// The number of deliveries that match a condition.
    pub(crate) fn count(&self, condition: &str) -> usize {
        let sql = format!("SELECT count(*) FROM delivery WHERE {condition}");
        let found: i64 = self.sql().query_row(&sql, [], |row| row.get(0)).expect("a number");
        usize::try_from(found).expect("not below zero")
    }

    /// Makes every pending retry due now: the program only compares times, so
    /// the test need not wait for minutes.
    pub(crate) fn hurry(&self) {
        let sql =
            "UPDATE delivery SET next_attempt_at = '2026-01-01T00:00:00Z' WHERE next_attempt_at IS NOT NULL";
        self.sql().execute(sql, []).expect("it is written");
    }

    /// Wakes the daemon by a write to the database, of a row that nothing reads.
    pub(crate) fn wake(&self) {
        self.sql()
            .execute("INSERT OR REPLACE INTO in_flight_base (id, bytes) VALUES (-1, randomblob(8))", [])
            .expect("it is written");
    }
}

/// Waits for a condition; panics with its description after the timeout.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Stopwatch::start();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The program, ready to start in a folder with an empty environment.
pub(crate) fn program_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_journey"));
    command.args(arguments).current_dir(folder).env_clear();
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    if arguments.contains(&"daemon") {
        // Any free port: several daemons run at the same time.
        command.env("JOURNEY_WEB__LISTEN", "127.0.0.1:0");
    }
    command
}

/// A temporary folder, in memory where there is room, because the tests wait
/// for fsync often.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let free = rustix::fs::statvfs(memory).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
    let in_memory = (free > 500_000_000).then(|| tempfile::tempdir_in(memory).ok()).flatten();
    in_memory.unwrap_or_else(|| tempfile::tempdir().expect("a folder"))
}

fn config(port: u16) -> String {
    format!(
        r#"content = "content"
database = "journey.db"

[people]
file = "people.csv"

[mail]
from = "Hållbara Ekdala <larresa@ekdala.example>"
reply_to = "hallbarhet@ekdala.example"
transport = "smtp"
in_doubt_wait = "1 minutes"

[mail.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {CONNECTIONS}
rate = "unlimited"

[daemon]
first_wave = 0
"#
    )
}

/// A programme that is open now. Its time zone is one in which it is day, so
/// that midnight never falls into a test.
fn programme() -> String {
    let zone = match clock::now().hour() {
        6..18 => "UTC",
        _ => "Pacific/Auckland",
    };
    format!(
        r#"title = "Tillsammans"
organisation = "Ekdala kommun"
languages = ["sv"]
time_zone = "{zone}"

[privacy]
purpose = "Att lära."
legal_basis = "Allmänt intresse."
visible_to = "Bara du."
retention = "12 months"

[calendar]
workdays = "Mon-Sun"
hours = "00:00-23:59"
holidays = "none"
closed = []
"#
    )
}

/// One step, whose slot was at the last full hour and is used at once.
fn journey() -> String {
    let start = (clock::now() - TimeDelta::days(2)).format("%Y-%m-%d");
    format!(
        r#"title = "Höst"
cadence = "0 * * * *"
start = {start}

[[step]]
id = "ett"
"#
    )
}

const STEP: &str = r#"+++
kind = "tip"
subject = "Ett tips till {{person.first_name}}"
minutes = 2
+++
Hej {{person.first_name}}!

Det här är ett tips från {{person.unit}}. Å, ä och ö är med.
"#;

/// People with an address each; twenty a unit.
pub(crate) fn people_file(people: usize) -> String {
    let mut text = "employee_id,email,first_name,last_name,unit\n".to_owned();
    for n in 0..people {
        let (name, unit) = (name(n), n / 20);
        let line = writeln!(text, "{0},p{0}@ekdala.example,Anna{name},Berg,Enhet {unit}", 1_000 + n);
        line.expect("it is text");
    }
    text
}

/// A distinct name of letters alone, as names are.
fn name(n: usize) -> String {
    [n / 676, n / 26, n].map(|n| char::from(b'a' + u8::try_from(n % 26).expect("a letter"))).iter().collect()
}
