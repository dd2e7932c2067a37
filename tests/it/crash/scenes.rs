//! The setup around a failpoint and the assertions after the program has died,
//! failed or waited there: a mailing by relay, into files or by sendmail, a
//! daemon, a backup, a restore. `failpoints` says which failpoint runs in which
//! scene.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::thread;
use std::time::Duration;

use journey::clock;
use journey::domain::time::timezone::Timestamp;
use rustix::process::Signal;

use super::consistency::{dump, is_whole};
use super::daemon::Running;
use super::home::{CONNECTIONS, Home, people_file, until};
use super::iterations;
use super::random_kill::{Counters, Mailing};
use super::server::{EventKind, Point, Relay, Rule, Script};
use crate::relay::certificates::Authority;

/// The number of people who have a mail due.
const PEOPLE: usize = 24;
/// Failpoints at which a mail may be sent twice: the relay or the sendmail
/// program may have it, and that is not recorded yet. Once the send journal has
/// it, it is not repeated.
const MAY_REPEAT: [&str; 5] =
    ["relay.reply", "relay.told", "worker.reports", "journal.before", "sendmail.ended"];
/// Failpoints that may repeat a mail only after a crash, because the outcome of
/// the mail before is being committed at that time.
const MAY_REPEAT_IF_DEAD: [&str; 5] = ["relay.mail", "relay.rcpt", "relay.data", "relay.rset", "relay.quit"];
/// Failpoints that stop a message before all of its data has been sent.
const HALF_WAY: [&str; 2] = ["relay.words", "relay.half"];
const SECRET: &str = "correct horse battery";

/// What happens at a failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Abort,
    Error,
    Delay,
    /// The test kills it there from outside, and compares the database before
    /// and after.
    Kill,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Abort => "abort",
            How::Error => "error",
            // The full test run delays as long as a very slow disk.
            How::Delay if iterations(0, 1) > 0 => "delay 5000",
            How::Delay => "delay 50",
            // For the rest of its life.
            How::Kill => "delay 600000",
        })
    }
}

/// What the program is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// A mailing by a relay that requires TLS and authentication.
    Relay,
    /// The same with a relay without pipelining.
    Steps,
    /// With messages too long for one write.
    Long,
    /// One recipient is deferred.
    Refused,
    /// Before the first import.
    First,
    Files,
    Sendmail,
    Daemon,
    Backup,
    Restore,
    /// A restore over a damaged database.
    Damaged,
}

/// Prepared homes; each run gets a copy.
pub(super) struct Stage {
    authority: Authority,
    empty: Home,
    peopled: Home,
    long: Home,
    kept: Home,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let authority = Authority::new("Ekdala");
        let empty = strict(&authority);
        let peopled = copy(&empty, 1);
        peopled.done(&["people", "import", "-q"]);
        let long = copy(&peopled, 1);
        let words = "Det här är ett långt brev, som inte får plats i ett stycke.\n\n".repeat(500);
        long.edit("content/journeys/host/ett.md", "Å, ä och ö är med.", &words);
        let kept = to_files(&peopled);
        kept.done(&["send", "-q"]);
        kept.done(&["backup", "kept.db", "-q"]);
        Stage { authority, empty, peopled, long, kept }
    }

    /// Runs one failpoint in one scene and asserts the outcome.
    pub(super) fn play(&self, point: &str, scene: Scene, after: usize, how: How) {
        let first = if after > 0 { format!("{after}*off->") } else { String::new() };
        let since = clock::now();
        let wanted = Wanted { point, how, since, failpoints: format!("{point}={first}1*return({how})") };
        match scene {
            Scene::Relay => self.mailing(&wanted, &self.peopled, Script::default()),
            Scene::Long => self.mailing(&wanted, &self.long, Script::default()),
            Scene::First => self.mailing(&wanted, &self.empty, Script::default()),
            Scene::Steps => {
                let offers = vec!["8BITMIME".to_owned()];
                self.mailing(&wanted, &self.peopled, Script { offers, ..Script::default() });
            }
            Scene::Refused => {
                let later =
                    Rule { mail: Some(5), ..Rule::once(Point::Rcpt, EventKind::say("451 4.7.1 later")) };
                self.mailing(&wanted, &self.peopled, Script { rules: vec![later], ..Script::default() });
            }
            Scene::Daemon => self.daemon(&wanted),
            Scene::Files => files(&wanted, &to_files(&self.peopled)),
            Scene::Sendmail => sendmail(&wanted, &copy(&self.peopled, 1)),
            Scene::Backup => backup(&wanted, &copy(&self.kept, 1)),
            Scene::Restore => restore(&wanted, &copy(&self.kept, 1)),
            Scene::Damaged => {
                let home = copy(&self.kept, 1);
                let mut bytes = fs::read(home.database()).expect("a database");
                let half = bytes.len() / 2;
                bytes[4_096..half].fill(0xA5);
                fs::write(home.database(), bytes).expect("damaged");
                restore(&wanted, &home);
            }
        }
    }

    fn relay(&self, script: Script) -> Relay {
        let tls = Some(self.authority.server(&["127.0.0.1"], 2100));
        let account = Some(("journey".to_owned(), SECRET.to_owned()));
        Relay::start(Script { tls, account, ..script })
    }

    fn mailing(&self, wanted: &Wanted<'_>, home: &Home, script: Script) {
        let relay = self.relay(script);
        let home = copy(home, relay.port());
        wanted.set_lines(&home);
        if wanted.how == How::Kill {
            return killed(wanted, &home);
        }
        wanted.is_told(&wanted.run(&home, &["send", "-q"]));
        is_whole(&home.database());
        if wanted.how == How::Error && HALF_WAY.contains(&wanted.point) {
            assert_eq!(home.count("state = 'in_doubt'"), 0, "the data was never complete");
        }
        self.ends_well(wanted, home, relay);
    }

    fn daemon(&self, wanted: &Wanted<'_>) {
        let relay = self.relay(Script::default());
        let home = copy(&self.peopled, relay.port());
        wanted.set_lines(&home);
        home.edit("config.toml", "[daemon]\n", "[daemon]\nimport_people = true\n");
        let mut daemon =
            Running::start_with(&home, &["daemon"], &[("FAILPOINTS", wanted.failpoints.as_str())]);
        match wanted.point {
            "daemon.reload" => {
                daemon.says("ready");
                daemon.signal(Signal::HUP);
            }
            "daemon.import" => home.write("people.csv", &people_file(PEOPLE).replace("Berg", "Borg")),
            _ => {}
        }
        until(&format!("it comes to {}", wanted.point), || {
            home.wake();
            thread::sleep(Duration::from_millis(50));
            daemon.said().contains(&wanted.word())
        });
        if wanted.how == How::Delay {
            daemon.signal(Signal::TERM);
        }
        let status = daemon.ends();
        until("all is said", || wanted.how == How::Abort || daemon.said().lines().count() > 2);
        wanted.is_as_wanted(status, &daemon.said());
        is_whole(&home.database());
        self.ends_well(wanted, home, relay);
    }

    /// Asserts that restarts until nothing is due fulfil the guarantees.
    fn ends_well(&self, wanted: &Wanted<'_>, home: Home, relay: Relay) {
        // A database that was never created is created by this run.
        let code = home.run(&["send", "-q"]).status.code();
        assert!(matches!(code, Some(0 | 1 | 69 | 75)), "the next send ends with {code:?}");
        let mut mailing = Mailing::of(wanted.since, home, relay);
        mailing.kills = usize::from(wanted.how != How::Delay);
        mailing.finish();
        let mut tally = Counters::default();
        mailing.check(&mut tally);
        assert!(tally.copies <= wanted.copies(), "{} copies", tally.copies);
        mailing.home.done(&["status"]);
    }
}

/// One case: which action at which failpoint.
struct Wanted<'a> {
    point: &'a str,
    how: How,
    since: Timestamp,
    failpoints: String,
}

impl Wanted<'_> {
    fn run(&self, home: &Home, arguments: &[&str]) -> Output {
        home.command(arguments).env("FAILPOINTS", &self.failpoints).output().expect("it starts")
    }

    /// The text in the output that shows that the action took place.
    fn word(&self) -> String {
        format!("failpoint {}: {}", self.point, self.how)
    }

    /// Several connections have several mails in flight; with one connection it
    /// is known which mail may be repeated.
    fn set_lines(&self, home: &Home) {
        let lines = if self.how == How::Delay { CONNECTIONS } else { 1 };
        home.edit("config.toml", &format!("connections = {CONNECTIONS}"), &format!("connections = {lines}"));
    }

    /// The number of copies allowed.
    fn copies(&self) -> usize {
        let may = match self.how {
            How::Delay => false,
            How::Error => MAY_REPEAT.contains(&self.point),
            How::Abort | How::Kill => {
                MAY_REPEAT.contains(&self.point) || MAY_REPEAT_IF_DEAD.contains(&self.point)
            }
        };
        usize::from(may)
    }

    fn is_told(&self, output: &Output) {
        self.is_as_wanted(output.status, &String::from_utf8_lossy(&output.stderr));
    }

    /// Asserts that the action took place and that the process ended as it
    /// should.
    fn is_as_wanted(&self, status: ExitStatus, said: &str) {
        assert!(said.contains(&self.word()), "nobody came to {}: {status}, {said}", self.point);
        assert!(!said.contains("panicked"), "{said}");
        match self.how {
            How::Abort => assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{said}"),
            How::Kill => assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{said}"),
            // A mail that the relay defers is to be tried again.
            How::Delay => {
                let code = if self.point == "relay.rset" { 75 } else { 0 };
                assert_eq!(status.code(), Some(code), "{said}");
            }
            How::Error => {
                let code = status.code();
                assert!(matches!(code, Some(0 | 1 | 69 | 73 | 74 | 75)), "{status}: {said}");
                let told = said.lines().any(|line| line.starts_with("error: ") && line.len() > 20);
                assert!(told || code == Some(0), "{status} and no word of it: {said}");
                assert!(said.len() < 1_500 && !said.contains("nothing was changed"), "{said}");
            }
        }
    }
}

/// Asserts that a kill at this point leaves exactly what other processes saw
/// until then: all that was committed, and nothing else.
fn killed(wanted: &Wanted<'_>, home: &Home) {
    let variables = [("FAILPOINTS", wanted.failpoints.as_str())];
    let mut program = Running::start_with(home, &["send", "-q"], &variables);
    program.says(&wanted.word());
    let seen = dump(&home.database());
    is_whole(&home.database());
    program.signal(Signal::KILL);
    wanted.is_as_wanted(program.ends(), &program.said());
    assert!(dump(&home.database()) == seen, "{} is neither before nor after", wanted.point);
    is_whole(&home.database());
}

/// A home whose relay requires TLS and authentication.
fn strict(authority: &Authority) -> Home {
    let home = Home::new(PEOPLE, 1);
    home.write("ca.pem", &authority.pem);
    home.write("secret", SECRET);
    fs::set_permissions(home.path("secret"), fs::Permissions::from_mode(0o600)).expect("its owner's alone");
    let secure = "security = \"starttls\"\nca_file = \"ca.pem\"\nauth = \"plain\"\nusername = \"journey\"\npassword_file = \"secret\"";
    home.edit("config.toml", "security = \"none\"", secure);
    home
}

/// A copy of a home for a relay at another port.
fn copy(home: &Home, port: u16) -> Home {
    let copied = Home::new(home.people, port);
    copy_all(&home.path(""), &copied.path(""));
    let config = fs::read_to_string(copied.path("config.toml")).expect("a file");
    let old = config.lines().find(|line| line.starts_with("port = ")).expect("a port");
    copied.edit("config.toml", old, &format!("port = {port}"));
    copied
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            fs::copy(path, to).expect("a copy");
        }
    }
}

fn to_files(home: &Home) -> Home {
    let home = copy(home, 1);
    home.edit("config.toml", "transport = \"smtp\"", "transport = \"files\"\nfolder = \"outbox\"");
    home
}

/// Sends until everybody has the mail.
fn send_all(home: &Home) {
    for _ in 0..5 {
        home.hurry();
        let output = home.run(&["send", "-q"]);
        assert!(matches!(output.status.code(), Some(0 | 1 | 69 | 75)), "{output:?}");
        if home.count("state <> 'sent'") == 0 {
            assert_eq!(home.count("true"), home.people, "one delivery each");
            return;
        }
    }
    panic!("{} mails are never sent", home.count("state <> 'sent'"));
}

fn files(wanted: &Wanted<'_>, home: &Home) {
    wanted.is_told(&wanted.run(home, &["send", "-q"]));
    is_whole(&home.database());
    send_all(home);
    let mut names = Vec::new();
    for day in fs::read_dir(home.path("outbox")).expect("a folder") {
        let day = fs::read_dir(day.expect("a day").path()).expect("a folder");
        names.extend(day.map(|mail| mail.expect("a mail").file_name().into_string().expect("a name")));
    }
    assert!(names.iter().all(|name| name.ends_with(".eml")), "half a mail stays: {names:?}");
    assert_eq!(names.len(), home.people, "one for each");
}

fn sendmail(wanted: &Wanted<'_>, home: &Home) {
    let program = "#!/bin/sh\nmail=$(mktemp box/XXXXXXXX) && cat > \"$mail\"\n";
    wanted.set_lines(home);
    home.write("sendmail", program);
    fs::set_permissions(home.path("sendmail"), fs::Permissions::from_mode(0o755)).expect("it can be run");
    fs::create_dir(home.path("box")).expect("a folder");
    let path = home.path("sendmail");
    let ours = format!("transport = \"sendmail\"\nsendmail = \"{}\"", path.display());
    home.edit("config.toml", "transport = \"smtp\"", &ours);
    wanted.is_told(&wanted.run(home, &["send", "-q"]));
    is_whole(&home.database());
    send_all(home);
    let mut copies: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in fs::read_dir(home.path("box")).expect("a folder") {
        let text = fs::read_to_string(mail.expect("a mail").path()).expect("a text");
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: "));
        // A sendmail program that was killed together with ours has accepted
        // nothing.
        if let Some(id) = id {
            copies.entry(id.to_owned()).or_default().push(text.clone());
        }
    }
    assert_eq!(copies.len(), home.people, "everybody has it");
    let extra: usize = copies.values().map(|same| same.len() - 1).sum();
    assert!(extra <= wanted.copies(), "{extra} copies");
    for same in copies.values() {
        assert!(same.len() <= 2 && same.iter().all(|copy| *copy == same[0]), "copies are identical");
    }
}

fn backup(wanted: &Wanted<'_>, home: &Home) {
    home.done(&["hold", "-q", "--reason", "a test"]);
    wanted.is_told(&wanted.run(home, &["backup", "kept.db"]));
    is_whole(&home.database());
    is_whole(&home.path("kept.db"));
    home.done(&["backup", "kept.db", "-q"]);
    is_whole(&home.path("kept.db"));
    assert!(!home.path("kept.db.half").exists(), "what is half done stays");
}

fn restore(wanted: &Wanted<'_>, home: &Home) {
    wanted.is_told(&wanted.run(home, &["restore", "kept.db"]));
    is_whole(&home.path("kept.db"));
    let status = home.run(&["status"]);
    // The old database or the new one, or a placeholder that every command
    // rejects.
    let said = String::from_utf8_lossy(&status.stderr).into_owned();
    assert!(matches!(status.status.code(), Some(0 | 65)), "{said}");
    home.done(&["restore", "kept.db", "-q"]);
    is_whole(&home.database());
    assert_eq!(home.count("state = 'sent'"), home.people, "what the backup knew");
    let held: bool =
        home.sql().query_row("SELECT EXISTS (SELECT 1 FROM hold)", [], |row| row.get(0)).expect("a hold");
    assert!(held, "sending is held until an operator confirms");
}
