//! Everything at once for as long as asked: a daemon and sends against an
//! unreliable relay, killed, reloaded, held and released, while people join and
//! leave. At the end the delivery guarantees must hold, and memory and open
//! files of the daemon must not have grown. The tests run this for seconds,
//! `cargo bench --bench soak` for hours.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use journey::clock::Stopwatch;
use rustix::process::{Pid, Signal, kill_process};

use super::home::until;
use super::random_kill::{Mailing, RelayFaults};
use crate::rng::Rng;

/// The people who stay; some more come and go.
const PEOPLE: usize = 60;

/// The resources of the daemon at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Since the start.
    pub(crate) after: Duration,
    pub(crate) process: u32,
    pub(crate) memory_kb: u64,
    pub(crate) most_memory_kb: u64,
    pub(crate) open_files: usize,
    /// Mails the relay has accepted by then.
    pub(crate) mails: usize,
}

/// How often each kind of event happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Happened {
    pub(crate) kills: usize,
    pub(crate) stops: usize,
    pub(crate) sends: usize,
    pub(crate) imports: usize,
    pub(crate) reloads: usize,
    pub(crate) holds: usize,
    pub(crate) mails: usize,
    pub(crate) copies: usize,
    pub(crate) cancelled: usize,
    pub(crate) resolved: usize,
}

/// Runs for this long. The daemon is killed in the first half alone; in the
/// second half one process lives to the end. `tell` gets its resources each
/// minute, or more often in a short run.
pub(crate) fn soak(length: Duration, seed: u64, tell: &mut dyn FnMut(Need)) -> Happened {
    let mut chance = Rng(seed);
    let mut mailing = Mailing::new(PEOPLE, RelayFaults::Random, chance.below(u64::MAX));
    lasting(&mailing, length);
    let watch = Stopwatch::start();
    let mut happened = Happened::default();
    let mut daemon = mailing.home.start(&["daemon"]);
    let mut told = Duration::ZERO;
    let every = (length / 60).clamp(Duration::from_millis(500), Duration::from_secs(60));
    while watch.elapsed() < length {
        let may_kill = watch.elapsed() < length / 2;
        act(&mut mailing, &mut daemon, &mut happened, &mut chance, may_kill);
        sleep(Duration::from_millis(20 + chance.below(200)));
        if watch.elapsed() >= told + every {
            told = watch.elapsed();
            if let Some(need) = need(&mailing, &daemon, told) {
                tell(need);
            }
        }
    }
    stop(&mut daemon);
    mailing.home.done(&["hold", "release", "-q"]);
    mailing.home.write("content/journeys/host/last.md", &step("sista", "Det sista."));
    mailing.settle();
    happened.kills = mailing.kills;
    mailing.check_what_lasted(&mut happened);
    happened
}

/// By how much a resource may grow.
const SLACK_PERCENT: u64 = 15;

/// Checks that one process did not grow, using the one that lived to the end:
/// its last third against its second, when everything is warm. Too few samples
/// are always accepted.
pub(crate) fn stayed(needs: &[Need]) -> Result<(), String> {
    let process = needs.last().map(|need| need.process);
    let of_one: Vec<&Need> = needs.iter().filter(|need| Some(need.process) == process).collect();
    let third = of_one.len() / 3;
    if third < 3 {
        return Ok(());
    }
    let stayed = |name: &str, what: fn(&Need) -> u64| {
        let most = |part: &[&Need]| part.iter().map(|need| what(need)).max().unwrap_or(0);
        let (before, after) = (most(&of_one[third..2 * third]), most(&of_one[2 * third..]));
        match after * 100 > before * (100 + SLACK_PERCENT) {
            true => Err(format!("growth: {after} {name}, where there were {before}")),
            false => Ok(()),
        }
    };
    stayed("kB of memory", |need| need.memory_kb)?;
    stayed("open files", |need| need.open_files as u64)
}

#[test]
fn growth_is_detected() {
    let need = |minute: u64, memory_kb, open_files| Need {
        after: Duration::from_secs(60 * minute),
        process: 1,
        memory_kb,
        most_memory_kb: memory_kb,
        open_files,
        mails: 0,
    };
    let of = |memory: fn(u64) -> u64, files: fn(u64) -> usize| {
        let needs: Vec<Need> = (0..30).map(|minute| need(minute, memory(minute), files(minute))).collect();
        stayed(&needs)
    };
    assert_eq!(of(|minute| 20_000 + 200 * minute.min(10), |_| 12), Ok(()));
    assert_eq!(
        of(|minute| 20_000 + 500 * minute, |_| 12).expect_err("it grows"),
        "growth: 34500 kB of memory, where there were 29500"
    );
    assert!(of(|_| 20_000, |minute| 10 + usize::try_from(minute).expect("few")).is_err());
}

/// A journey that has a mail for everybody each minute, and does not end.
fn lasting(mailing: &Mailing, length: Duration) {
    let home = &mailing.home;
    let steps = length.as_secs() / 60 + 30;
    home.edit("config.toml", "[daemon]\n", "[daemon]\nimport_people = true\n");
    home.edit("content/programme.toml", "closed = []", "closed = []\nmin_gap = \"1 minutes\"");
    home.edit("content/journeys/host/journey.toml", "0 * * * *", "* * * * *");
    let mut list = String::new();
    for n in 0..steps {
        write!(list, "\n[[step]]\nid = \"s{n:04}\"\n").expect("it is text");
        home.write(&format!("content/journeys/host/s{n:04}.md"), &step(&format!("nummer {n}"), "Hej."));
    }
    list += "\n[[step]]\nid = \"last\"\n";
    home.write("content/journeys/host/last.md", &step("sista", "Det sista."));
    home.edit(
        "content/journeys/host/journey.toml",
        "[[step]]\nid = \"ett\"\n",
        &format!("[[step]]\nid = \"ett\"\n{list}"),
    );
}

fn step(name: &str, words: &str) -> String {
    format!(
        "+++\nkind = \"tip\"\nsubject = \"Ett tips: {name}\"\nminutes = 2\n+++\nHej {{{{person.first_name}}}}! {words}\n"
    )
}

/// Performs one random event.
fn act(mailing: &mut Mailing, daemon: &mut Child, happened: &mut Happened, chance: &mut Rng, may_kill: bool) {
    let home = &mailing.home;
    if daemon.try_wait().expect("a child").is_some() {
        *daemon = home.start(&["daemon"]);
    }
    let signal = |daemon: &Child, signal| {
        // It may have ended meanwhile.
        let _ = kill_process(Pid::from_child(daemon), signal);
    };
    match chance.below(24) {
        0 | 1 if may_kill => {
            daemon.kill().expect("killed, or done");
            mailing.kills += usize::from(daemon.wait().expect("it ends").code().is_none());
        }
        2 if may_kill => {
            stop(daemon);
            happened.stops += 1;
            let mut send = home.start(&["send", "-q"]);
            sleep(Duration::from_micros(chance.below(200_000)));
            send.kill().expect("killed, or done");
            mailing.kills += usize::from(send.wait().expect("it ends").code().is_none());
        }
        3 | 4 => {
            // Beside a daemon it is rejected; otherwise it sends.
            let code = home.run(&["send", "-q"]).status.code();
            assert!(matches!(code, Some(0 | 1 | 69 | 75)), "{code:?}");
            happened.sends += 1;
        }
        5..8 => {
            home.write(
                "people.csv",
                &super::home::people_file(PEOPLE + usize::try_from(chance.below(6)).expect("few")),
            );
            happened.imports += 1;
        }
        8..11 => {
            let words = match chance.below(3) {
                0 => "{{person.nobody}}".to_owned(),
                _ => format!("Det sista, {}.", chance.below(1_000)),
            };
            home.write("content/journeys/host/last.md", &step("sista", &words));
            signal(daemon, Signal::HUP);
            happened.reloads += 1;
        }
        11 | 12 => {
            home.done(&["hold", "-q", "--reason", "a test"]);
            sleep(Duration::from_millis(chance.below(300)));
            home.done(&["hold", "release", "-q"]);
            happened.holds += 1;
        }
        13..16 => mailing.home.hurry(),
        16 => mailing.resolve(),
        17 => home.done(&["status"]),
        _ => home.wake(),
    }
}

fn stop(daemon: &mut Child) {
    // It may have ended meanwhile.
    let _ = kill_process(Pid::from_child(daemon), Signal::TERM);
    until("the daemon has stopped", || daemon.try_wait().expect("a child").is_some());
}

/// The daemon's resources now; `None` where the system does not report them or
/// the process has just ended.
fn need(mailing: &Mailing, daemon: &Child, after: Duration) -> Option<Need> {
    let process = daemon.id();
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()
    };
    let open_files = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some(Need {
        after,
        process,
        memory_kb: field("VmRSS:")?,
        most_memory_kb: field("VmHWM:")?,
        open_files,
        mails: mailing.relay.count(),
    })
}

impl Mailing {
    /// Brings everything that is enqueued to its end.
    fn settle(&mut self) {
        for _ in 0..40 {
            self.home.hurry();
            let code = self.home.run(&["send", "-q"]).status.code();
            assert!(matches!(code, Some(0 | 1 | 69 | 75)), "{code:?}");
            self.resolve();
            if self.home.count("settled_at IS NULL") == 0 {
                return;
            }
        }
        panic!("{} mails never leave", self.home.count("settled_at IS NULL"));
    }

    /// Asserts the guarantees, with people that joined and left.
    fn check_what_lasted(&self, happened: &mut Happened) {
        let (booked, copies) = self.promises();
        happened.mails = booked.len();
        happened.copies = copies;
        happened.resolved = self.resolved.len();
        happened.cancelled = booked.iter().filter(|mail| mail.state != "sent").count();
        // The steps of one person arrive in order.
        let rank: HashMap<&str, (&str, usize)> =
            booked.iter().enumerate().map(|(n, mail)| (&*mail.message_id, (&*mail.email, n))).collect();
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut seen = std::collections::HashSet::new();
        for mail in self.relay.accepted() {
            let (email, rank) = rank[&*mail.message_id];
            if seen.insert(rank) {
                let before = last.insert(email, rank);
                assert!(before.is_none_or(|before| before < rank), "steps out of order: {email}");
            }
        }
    }
}
