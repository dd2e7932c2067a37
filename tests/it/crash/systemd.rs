//! What the daemon reports to systemd: ready, alive, stopping. A silent daemon
//! is killed and restarted.

use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::daemon::{Running, all_sent, each_once, in_flight, relay, slow};
use super::home::{CONNECTIONS, Home, PATIENCE, until};
use super::iterations;

/// The notification socket systemd gives a unit.
struct Systemd {
    socket: UnixDatagram,
    name: String,
}

impl Systemd {
    fn new(home: &Home) -> Systemd {
        let path = home.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Systemd { socket, name: path.to_str().expect("a name").to_owned() }
    }

    /// Starts the daemon with a watchdog interval of this many milliseconds.
    fn daemon(&self, home: &Home, allowed: u64, failpoints: &str) -> Running {
        let microseconds = (allowed * 1_000).to_string();
        let variables =
            [("NOTIFY_SOCKET", &*self.name), ("WATCHDOG_USEC", &microseconds), ("FAILPOINTS", failpoints)];
        let daemon = Running::start_with(home, &["daemon"], &variables);
        self.hears("READY=1");
        daemon
    }

    /// The next notification; `None` if there is none for that long.
    fn next(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience)).expect("it waits");
        let mut some = [0; 4_096];
        let got = self.socket.recv(&mut some).ok()?;
        Some(String::from_utf8_lossy(&some[..got]).into_owned())
    }

    fn hears(&self, wanted: &str) {
        let mut heard = Vec::new();
        loop {
            let words = self.next(PATIENCE).unwrap_or_else(|| panic!("no {wanted} in {heard:?}"));
            if words.lines().any(|line| line == wanted) {
                return;
            }
            heard.push(words);
        }
    }

    /// Discards the notifications received so far.
    fn forget(&self) {
        while self.next(Duration::from_millis(1)).is_some() {}
    }
}

#[test]
fn systemd_is_notified_of_start_and_stop() {
    let relay = relay(Vec::new());
    let home = Home::peopled(5, relay.port());
    let systemd = Systemd::new(&home);
    let mut daemon = systemd.daemon(&home, 60_000, "");
    systemd.hears("STATUS=5 sent");
    daemon.signal(Signal::TERM);
    systemd.hears("STOPPING=1");
    assert_eq!(daemon.ends().code(), Some(0));
}

/// The relay may take ten minutes to reply, and a daemon that is asked to stop
/// waits for that reply.
#[test]
fn a_daemon_that_waits_for_a_reply_pings_the_watchdog() {
    let relay = slow(20_000);
    let home = Home::peopled(CONNECTIONS, relay.port());
    let systemd = Systemd::new(&home);
    let daemon = systemd.daemon(&home, 150, "");
    until("mails are on their way", || relay.count() == CONNECTIONS);
    daemon.signal(Signal::HUP);
    systemd.forget();
    // From this message on it is stopping, and starts nothing more.
    systemd.hears("WATCHDOG=1");
    systemd.hears("WATCHDOG=1");
    assert_eq!(in_flight(&home), CONNECTIONS, "they were answered already");
}

/// If a worker hangs, the thread that waits for it is alive and useless: it
/// must not ping the watchdog.
#[test]
fn a_daemon_with_a_hanging_worker_stops_pinging_the_watchdog() {
    if iterations(0, 1) == 0 {
        return;
    }
    let relay = relay(Vec::new());
    let home = Home::peopled(20, relay.port());
    let systemd = Systemd::new(&home);
    let failpoints = "worker.reports=5*off->1*sleep(3600000);daemon.hangs=return(1000)";
    let mut daemon = systemd.daemon(&home, 150, failpoints);
    // The worker that hangs has one mail without a recorded outcome, and the next one.
    until("the others are sent", || home.count("state = 'sent'") == 18);
    systemd.forget();
    systemd.hears("WATCHDOG=1");
    // It would ping every half second.
    until("it is silent", || systemd.next(Duration::from_millis(1_500)).is_none());
    daemon.signal(Signal::ABORT);
    daemon.ends();
    assert_eq!(in_flight(&home), 1);
    let daemon = systemd.daemon(&home, 60_000, "");
    until("it is in doubt", || home.count("state = 'in_doubt'") == 1);
    home.hurry();
    all_sent(&home);
    daemon.stop();
    assert_eq!(relay.count(), 21, "only the mail without a reply is repeated");
}

#[test]
fn a_hanging_daemon_stops_pinging_and_after_a_restart_repeats_nothing() {
    let relay = relay(Vec::new());
    let home = Home::peopled(20, relay.port());
    let systemd = Systemd::new(&home);
    let mut daemon = systemd.daemon(&home, 60, "daemon.wake=sleep(3600000)");
    systemd.hears("WATCHDOG=1");
    all_sent(&home);
    home.wake();
    until("it is silent", || systemd.next(Duration::from_millis(250)).is_none());
    // As systemd does.
    daemon.signal(Signal::ABORT);
    daemon.ends();
    let daemon = systemd.daemon(&home, 60, "");
    systemd.hears("WATCHDOG=1");
    thread::sleep(Duration::from_millis(100));
    daemon.stop();
    each_once(&relay, 20);
}
