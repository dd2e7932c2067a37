//! A scripted relay that can misbehave in many ways, for tests of the client
//! and of the whole program. It runs on its own threads at a port the system
//! picks, and records what it accepted.
//!
//! ```
//! let relay = Relay::start(Script {
//!     rules: vec![Rule { to: Some("anna"), ..Rule::at(Point::Rcpt, What::say("550 5.1.1 no such user")) }],
//!     ..Script::default()
//! });
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use data_encoding::BASE64;
use journey::clock::Stopwatch;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The behaviour of a relay. The default accepts every mail.
#[derive(Clone)]
pub(crate) struct Script {
    /// The EHLO extensions, besides STARTTLS and AUTH.
    pub(crate) offers: Vec<String>,
    /// What goes wrong; the first rule that matches is used.
    pub(crate) rules: Vec<Rule>,
    /// With it, STARTTLS is offered.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// TLS from the first byte.
    pub(crate) tls_at_once: bool,
    /// The one account and its secret; mails are accepted after sign-in only.
    pub(crate) account: Option<(String, String)>,
    /// The authentication mechanisms that are offered, with an account.
    pub(crate) auth: String,
    /// How often each sender and recipient is deferred (451).
    pub(crate) greylist: usize,
    /// More mails a minute than these are deferred.
    pub(crate) per_minute: Option<usize>,
    /// More connections at a time than these are rejected (432).
    pub(crate) most_connections: Option<usize>,
    /// Random faults.
    pub(crate) bad_day: Option<BadDay>,
    /// A bare LF ends a line, as some relays accept.
    pub(crate) lenient: bool,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            offers: ["PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8"].map(str::to_owned).into(),
            rules: Vec::new(),
            tls: None,
            tls_at_once: false,
            account: None,
            auth: "PLAIN LOGIN XOAUTH2".to_owned(),
            greylist: 0,
            per_minute: None,
            most_connections: None,
            bad_day: None,
            lenient: false,
        }
    }
}

/// One deviation from normal behaviour.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) at: Point,
    /// Only on this connection, counted from 1.
    pub(crate) connection: Option<usize>,
    /// Only at this mail, counted from 1 over all connections.
    pub(crate) mail: Option<usize>,
    /// Only for recipients with this in their address.
    pub(crate) to: Option<&'static str>,
    /// Only after this many mails were accepted on the connection.
    pub(crate) after: usize,
    /// How often it applies.
    pub(crate) times: usize,
    pub(crate) what: EventKind,
}

impl Rule {
    /// Applies always and to all.
    pub(crate) fn at(at: Point, what: EventKind) -> Rule {
        Rule { at, connection: None, mail: None, to: None, after: 0, times: usize::MAX, what }
    }

    /// Applies the first time only.
    pub(crate) fn once(at: Point, what: EventKind) -> Rule {
        Rule { times: 1, ..Rule::at(at, what) }
    }
}

/// A place in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    Greeting,
    Ehlo,
    Helo,
    Starttls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// Before the data is read.
    Body,
    /// The data is read; the mail is accepted only if [`What`] says so.
    Dot,
    /// After the reply to the end of data.
    Idle,
    Rset,
    Quit,
}

/// What is done there.
#[derive(Clone)]
pub(crate) enum EventKind {
    /// Sends these bytes as the reply; the conversation continues.
    Say(Vec<u8>),
    /// A reply after a delay; at the dot, the mail is accepted first.
    Late(Duration, Vec<u8>),
    /// A reply byte by byte.
    Drip(Vec<u8>, Duration),
    /// A reply, then closes.
    SayAndClose(Vec<u8>),
    /// The same bytes without end, until the client closes.
    Flood(Vec<u8>),
    /// Nothing more is sent, but the connection stays open and all is read.
    Silence,
    /// Reads a byte and then pauses for this long, without end.
    Sip(Duration),
    /// Closes the connection in good order.
    Close,
    /// Resets the connection.
    Reset,
    /// Reads some more bytes, then resets the connection.
    ReadThenReset(usize),
    /// Reads some more bytes, shuts down its sending side, then resets the
    /// connection.
    ReadThenEnd(usize),
    /// At the dot: accepts the mail, then does this.
    Accept(Box<EventKind>),
    /// Calls this; the conversation continues as usual.
    Meanwhile(Happens),
    /// The same, and from now on the relay answers nothing: the client process
    /// counts as dead.
    End(Happens),
}

/// A callback of the test.
pub(crate) type Happens = Arc<dyn Fn() + Send + Sync>;

impl EventKind {
    /// A reply of one line.
    pub(crate) fn say(text: &str) -> EventKind {
        EventKind::Say(line(text))
    }

    /// Accepts the mail, and the reply is lost.
    pub(crate) fn lose() -> EventKind {
        EventKind::Accept(Box::new(EventKind::Close))
    }
}

/// A reply of one line, as bytes.
pub(crate) fn line(text: &str) -> Vec<u8> {
    format!("{text}\r\n").into_bytes()
}

/// Random faults, each in per mille; the same seed gives the same faults if the
/// mails come in the same order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BadDay {
    pub(crate) seed: u64,
    /// 451 to RCPT.
    pub(crate) tempfail: u64,
    /// 550 5.1.1 to RCPT.
    pub(crate) permfail: u64,
    /// Accepted, and the reply lost.
    pub(crate) lose: u64,
    /// The connection breaks within the data.
    pub(crate) drop: u64,
}

/// A mail that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// The connection, counted from 1.
    pub(crate) connection: usize,
    /// When, since the relay was started.
    pub(crate) at: Duration,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) message_id: String,
    /// With dot-stuffing removed.
    pub(crate) bytes: Vec<u8>,
    /// Was 250 sent? Whether it arrived is unknown.
    pub(crate) told: bool,
}

/// A running relay.
pub(crate) struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    since: Stopwatch,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    ends: bool,
    /// No client is answered any more.
    silent: bool,
    /// How many mails were accepted at each callback.
    happened: Vec<usize>,
    accepted: Vec<Accepted>,
    connections: usize,
    open: usize,
    most_open: usize,
    /// Commands by their first word.
    commands: BTreeMap<String, usize>,
    /// How often it had answered and waited for more.
    turns: usize,
    mails: usize,
    /// How often each rule was used.
    used: Vec<usize>,
    /// How often a sender and recipient were deferred.
    grey: BTreeMap<(String, String), usize>,
    /// When mails were accepted, for the limit a minute.
    let_in: Vec<Duration>,
    hellos: Vec<String>,
    signed_in: Vec<String>,
    chance: u64,
    /// The open connections, by number.
    sockets: BTreeMap<usize, TcpStream>,
}

impl Relay {
    /// Starts one. It ends when it is dropped.
    pub(crate) fn start(script: Script) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let chance = script.bad_day.map_or(0, |day| day.seed);
        let log = Mutex::new(Log { used: vec![0; script.rules.len()], chance, ..Log::default() });
        let shared = Arc::new(Shared { script, since: Stopwatch::start(), log });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let number = {
                    let mut log = serving.log();
                    if log.ends {
                        break;
                    }
                    log.connections += 1;
                    log.open += 1;
                    log.most_open = log.most_open.max(log.open);
                    let number = log.connections;
                    log.sockets.extend(tcp.try_clone().map(|tcp| (number, tcp)));
                    number
                };
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    let _ = Visit::new(&shared, number, tcp).and_then(Visit::serve);
                    let mut log = shared.log();
                    log.open -= 1;
                    log.sockets.remove(&number);
                });
            }
        });
        Relay { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The accepted mails, in order.
    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        self.shared.log().accepted.clone()
    }

    /// How many mails were accepted at each callback.
    pub(crate) fn happened(&self) -> Vec<usize> {
        self.shared.log().happened.clone()
    }

    /// The number of accepted mails.
    pub(crate) fn count(&self) -> usize {
        self.shared.log().accepted.len()
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.log().connections
    }

    /// The highest number of parallel connections so far.
    pub(crate) fn most_connections(&self) -> usize {
        self.shared.log().most_open
    }

    /// How often a command was given.
    pub(crate) fn commands(&self, name: &str) -> usize {
        self.shared.log().commands.get(name).copied().unwrap_or_default()
    }

    /// How often it had answered and waited for more: round trips.
    pub(crate) fn turns(&self) -> usize {
        self.shared.log().turns
    }

    /// The EHLO names of clients.
    pub(crate) fn hellos(&self) -> Vec<String> {
        self.shared.log().hellos.clone()
    }

    /// The sign-ins of clients: `PLAIN name`.
    pub(crate) fn signed_in(&self) -> Vec<String> {
        self.shared.log().signed_in.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let sockets = {
            let mut log = self.shared.log();
            log.ends = true;
            std::mem::take(&mut log.sockets)
        };
        for socket in sockets.into_values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        // A thread that waits in `accept` gets a connection, and sees the end.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The rule that applies at this point, if any.
    fn rule(&self, at: Point, connection: usize, taken: usize, to: &str) -> Option<EventKind> {
        let mut log = self.log();
        let fits = |(n, rule): &(usize, &Rule)| {
            rule.at == at
                && log.used[*n] < rule.times
                && rule.after <= taken
                && rule.connection.is_none_or(|number| number == connection)
                && rule.mail.is_none_or(|number| number == log.mails)
                && rule.to.is_none_or(|part| to.contains(part))
        };
        let (n, rule) = self.script.rules.iter().enumerate().find(fits)?;
        log.used[n] += 1;
        Some(rule.what.clone())
    }

    /// The next random number, below a thousand.
    fn chance(&self) -> u64 {
        let mut log = self.log();
        log.chance = log.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = log.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 1_000
    }
}

/// A connection in clear or under TLS.
enum Pipe {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Pipe {
    fn tcp(&self) -> &TcpStream {
        match self {
            Pipe::Clear(tcp) => tcp,
            Pipe::Tls(tls) => &tls.sock,
        }
    }
}

/// The envelope of the mail being received.
#[derive(Default)]
struct Begun {
    from: Option<String>,
    to: Option<String>,
}

/// One connection.
struct Visit<'a> {
    shared: &'a Shared,
    number: usize,
    pipe: Pipe,
    input: Vec<u8>,
    output: Vec<u8>,
    /// A reply was sent since the last wait.
    answered: bool,
    signed_in: bool,
    begun: Begun,
    /// How many mails were accepted on it.
    taken: usize,
}

/// The end of a connection, which is not an error here.
fn over() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl<'a> Visit<'a> {
    fn new(shared: &'a Shared, number: usize, tcp: TcpStream) -> io::Result<Visit<'a>> {
        tcp.set_nodelay(true)?;
        Ok(Visit {
            shared,
            number,
            pipe: Pipe::Clear(tcp),
            input: Vec::new(),
            output: Vec::new(),
            answered: false,
            signed_in: shared.script.account.is_none(),
            begun: Begun::default(),
            taken: 0,
        })
    }

    fn serve(mut self) -> io::Result<()> {
        if self.shared.script.tls_at_once {
            self.make_private()?;
        }
        let open = self.shared.log().open;
        if self.shared.script.most_connections.is_some_and(|most| open > most) {
            self.say("432 4.3.2 concurrent connections limit exceeded");
            return self.flush();
        }
        self.answer(Point::Greeting, "220 relay.example ready")?;
        loop {
            let command = self.line()?;
            let command = String::from_utf8_lossy(&command).trim_end().to_owned();
            let (name, rest) = command.split_once(' ').unwrap_or((&command, ""));
            let name = name.to_ascii_uppercase();
            *self.shared.log().commands.entry(name.clone()).or_default() += 1;
            match name.as_str() {
                "EHLO" => self.ehlo(rest)?,
                "HELO" => {
                    self.shared.log().hellos.push(rest.to_owned());
                    self.answer(Point::Helo, "250 relay.example")?;
                }
                "STARTTLS" => {
                    if self.answer(Point::Starttls, "220 go ahead")? {
                        self.make_private()?;
                    }
                }
                "AUTH" => self.auth(rest)?,
                "MAIL" => self.mail(rest)?,
                "RCPT" => self.rcpt(rest)?,
                "DATA" => self.data()?,
                "RSET" => {
                    self.begun = Begun::default();
                    self.answer(Point::Rset, "250 2.0.0 forgotten")?;
                }
                "NOOP" => self.say("250 2.0.0 nothing"),
                "QUIT" => {
                    self.answer(Point::Quit, "221 2.0.0 bye")?;
                    return self.flush();
                }
                _ => self.say("500 5.5.2 what?"),
            }
        }
    }

    fn ehlo(&mut self, name: &str) -> io::Result<()> {
        let script = &self.shared.script;
        self.shared.log().hellos.push(name.to_owned());
        let mut lines = vec!["relay.example".to_owned()];
        lines.extend(script.offers.iter().cloned());
        if script.tls.is_some() && matches!(self.pipe, Pipe::Clear(_)) {
            lines.push("STARTTLS".to_owned());
        }
        if script.account.is_some() {
            lines.push(format!("AUTH {}", script.auth));
        }
        let last = lines.len() - 1;
        let lines: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(n, line)| if n == last { format!("250 {line}") } else { format!("250-{line}") })
            .collect();
        self.answer(Point::Ehlo, &lines.join("\r\n")).map(|_| ())
    }

    fn auth(&mut self, rest: &str) -> io::Result<()> {
        let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
        let decoded = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).trim_end().to_owned();
            BASE64.decode(text.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let first = decoded(first.as_bytes()).unwrap_or_default();
        let (name, secret) = match mechanism {
            "PLAIN" => {
                let mut parts = first.split('\0').skip(1);
                (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned())
            }
            "LOGIN" => {
                self.say(&format!("334 {}", BASE64.encode(b"Username:")));
                let name = decoded(&self.line()?).unwrap_or_default();
                self.say(&format!("334 {}", BASE64.encode(b"Password:")));
                (name, decoded(&self.line()?).unwrap_or_default())
            }
            _ => {
                let name = first.split('\u{1}').next().and_then(|part| part.strip_prefix("user="));
                let token = first.split('\u{1}').find_map(|part| part.strip_prefix("auth=Bearer "));
                (name.unwrap_or_default().to_owned(), token.unwrap_or_default().to_owned())
            }
        };
        self.shared.log().signed_in.push(format!("{mechanism} {name}"));
        let good = self.shared.script.account == Some((name, secret));
        if good {
            self.signed_in = self.answer(Point::Auth, "235 2.7.0 welcome")?;
            return Ok(());
        }
        if mechanism == "XOAUTH2" {
            self.say(&format!("334 {}", BASE64.encode(br#"{"status":"401"}"#)));
            self.line()?;
        }
        self.answer(Point::Auth, "535 5.7.8 name or password is wrong").map(|_| ())
    }

    fn mail(&mut self, rest: &str) -> io::Result<()> {
        self.shared.log().mails += 1;
        self.begun = Begun::default();
        let hoped = if self.signed_in { "250 2.1.0 ok" } else { "530 5.7.0 sign in first" };
        if self.answer(Point::Mail, hoped)? && self.signed_in {
            self.begun.from = Some(address(rest));
        }
        Ok(())
    }

    fn rcpt(&mut self, rest: &str) -> io::Result<()> {
        let to = address(rest);
        let Some(from) = self.begun.from.clone() else {
            self.say("503 5.5.1 who writes?");
            return Ok(());
        };
        let refusal = self.refusal(&from, &to);
        // Rules match on the recipient before it is accepted.
        self.begun.to = Some(to);
        if !self.answer(Point::Rcpt, refusal.unwrap_or("250 2.1.5 ok"))? || refusal.is_some() {
            self.begun.to = None;
        }
        Ok(())
    }

    fn refusal(&self, from: &str, to: &str) -> Option<&'static str> {
        let script = &self.shared.script;
        if let Some(day) = script.bad_day {
            match self.shared.chance() {
                n if n < day.tempfail => return Some("451 4.3.0 not now"),
                n if n < day.tempfail + day.permfail => return Some("550 5.1.1 no such user"),
                _ => {}
            }
        }
        let now = self.shared.since.elapsed();
        let mut log = self.shared.log();
        let told = log.grey.entry((from.to_owned(), to.to_owned())).or_default();
        if *told < script.greylist {
            *told += 1;
            return Some("451 4.7.1 greylisted, come back later");
        }
        if let Some(most) = script.per_minute {
            log.let_in.retain(|at| now.saturating_sub(*at) < Duration::from_secs(60));
            if log.let_in.len() >= most {
                return Some("450 4.7.1 too fast");
            }
            log.let_in.push(now);
        }
        None
    }

    fn data(&mut self) -> io::Result<()> {
        let ready = self.begun.from.is_some() && self.begun.to.is_some();
        let hoped = if ready { "354 go ahead" } else { "554 5.5.1 no valid recipients" };
        if !self.answer(Point::Data, hoped)? || !ready {
            return Ok(());
        }
        if let Some(what) = self.rule(Point::Body) {
            self.act(what)?;
        }
        if let Some(day) = self.shared.script.bad_day
            && self.shared.chance() < day.drop
        {
            return self.act(EventKind::ReadThenReset(1));
        }
        let bytes = self.words()?;
        let lost = self.shared.script.bad_day.is_some_and(|day| self.shared.chance() < day.lose);
        let rule = self.rule(Point::Dot).or_else(|| lost.then(EventKind::lose));
        match rule {
            None => {
                self.accept(bytes, true);
                self.say("250 2.0.0 queued");
            }
            Some(EventKind::Accept(what)) => {
                self.accept(bytes, false);
                self.act(*what)?;
            }
            Some(what @ EventKind::Late(..)) => {
                self.accept(bytes, true);
                self.act(what)?;
            }
            Some(what) => self.act(what)?,
        }
        self.begun = Begun::default();
        if let Some(what) = self.rule(Point::Idle) {
            self.act(what)?;
        }
        Ok(())
    }

    fn accept(&mut self, bytes: Vec<u8>, told: bool) {
        let text = String::from_utf8_lossy(&bytes);
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("message-id").then(|| value.trim().to_owned())
        };
        let message_id =
            text.lines().take_while(|line| !line.is_empty()).find_map(header).unwrap_or_default();
        let begun = std::mem::take(&mut self.begun);
        let accepted = Accepted {
            connection: self.number,
            at: self.shared.since.elapsed(),
            from: begun.from.unwrap_or_default(),
            to: begun.to.unwrap_or_default(),
            message_id,
            bytes,
            told,
        };
        self.taken += 1;
        self.shared.log().accepted.push(accepted);
    }

    /// The message data up to the final dot.
    fn words(&mut self) -> io::Result<Vec<u8>> {
        let lenient = self.shared.script.lenient;
        let mut words = Vec::new();
        let mut at_beginning = true;
        loop {
            let line = self.line()?;
            if at_beginning && (line == b".\r\n" || (lenient && line == b".\n")) {
                return Ok(words);
            }
            let stuffed = at_beginning && line.first() == Some(&b'.');
            words.extend_from_slice(&line[usize::from(stuffed)..]);
            at_beginning = lenient || line.ends_with(b"\r\n");
        }
    }

    fn rule(&self, at: Point) -> Option<EventKind> {
        if self.shared.log().silent {
            return Some(EventKind::Reset);
        }
        match self.shared.rule(at, self.number, self.taken, self.begun.to.as_deref().unwrap_or_default())? {
            EventKind::Meanwhile(happens) => {
                happens();
                let mut log = self.shared.log();
                let accepted = log.accepted.len();
                log.happened.push(accepted);
                None
            }
            EventKind::End(happens) => {
                self.shared.log().silent = true;
                happens();
                Some(EventKind::Reset)
            }
            what => Some(what),
        }
    }

    /// Sends the normal reply, unless a rule says otherwise; then it is false.
    fn answer(&mut self, at: Point, hoped: &str) -> io::Result<bool> {
        match self.rule(at) {
            Some(what) => self.act(what).map(|()| false),
            None => {
                self.say(hoped);
                Ok(true)
            }
        }
    }

    fn act(&mut self, what: EventKind) -> io::Result<()> {
        match what {
            EventKind::Say(bytes) => self.write(&bytes),
            EventKind::Late(length, bytes) => {
                self.flush()?;
                thread::sleep(length);
                self.write(&bytes);
            }
            EventKind::Drip(bytes, pause) => {
                for byte in bytes {
                    self.write(&[byte]);
                    self.flush()?;
                    thread::sleep(pause);
                }
            }
            EventKind::Flood(bytes) => loop {
                self.write(&bytes);
                self.flush()?;
            },
            EventKind::Sip(pause) => {
                self.flush()?;
                while !self.shared.log().ends && self.pipe.tcp().read(&mut [0])? > 0 {
                    thread::sleep(pause);
                }
                return Err(over());
            }
            EventKind::SayAndClose(bytes) => {
                self.write(&bytes);
                self.flush()?;
                return self.close();
            }
            EventKind::Silence => {
                self.flush()?;
                // Until the client closes.
                while self.pipe.tcp().read(&mut [0; 4_096])? > 0 {}
                return Err(over());
            }
            EventKind::Close => {
                self.flush()?;
                return self.close();
            }
            EventKind::Reset => return self.reset(),
            EventKind::ReadThenReset(bytes) => {
                while self.input.len() < bytes {
                    self.more()?;
                }
                return self.reset();
            }
            EventKind::ReadThenEnd(bytes) => {
                while self.input.len() < bytes {
                    self.more()?;
                }
                self.pipe.tcp().shutdown(Shutdown::Write)?;
                return self.reset();
            }
            EventKind::Accept(what) => return self.act(*what),
            EventKind::Meanwhile(happens) | EventKind::End(happens) => happens(),
        }
        Ok(())
    }

    /// Closes without a reset, which the system would send if input were
    /// unread.
    fn close(&mut self) -> io::Result<()> {
        let tcp = self.pipe.tcp();
        tcp.shutdown(Shutdown::Write)?;
        tcp.set_read_timeout(Some(Duration::from_millis(500)))?;
        let mut tcp = tcp;
        while tcp.read(&mut [0; 4_096]).is_ok_and(|got| got > 0) {}
        tcp.shutdown(Shutdown::Both)?;
        Err(over())
    }

    /// Resets the connection: the last handle is dropped with input unread.
    fn reset(&mut self) -> io::Result<()> {
        self.flush()?;
        self.shared.log().sockets.remove(&self.number);
        Err(over())
    }

    fn say(&mut self, text: &str) {
        self.write(&line(text));
    }

    fn write(&mut self, bytes: &[u8]) {
        self.answered = true;
        self.output.extend_from_slice(bytes);
    }

    fn flush(&mut self) -> io::Result<()> {
        let output = std::mem::take(&mut self.output);
        match &mut self.pipe {
            Pipe::Clear(tcp) => tcp.write_all(&output),
            Pipe::Tls(tls) => tls.write_all(&output).and_then(|()| tls.flush()),
        }
    }

    /// Reads a line with its end; flushes pending replies first.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.input[looked..].iter().position(|byte| *byte == b'\n') {
                let rest = self.input.split_off(looked + at + 1);
                return Ok(std::mem::replace(&mut self.input, rest));
            }
            looked = self.input.len();
            self.more()?;
        }
    }

    fn more(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.answered) {
            self.shared.log().turns += 1;
        }
        self.flush()?;
        let mut some = [0; 16_384];
        let got = match &mut self.pipe {
            Pipe::Clear(tcp) => tcp.read(&mut some)?,
            Pipe::Tls(tls) => tls.read(&mut some)?,
        };
        if got == 0 {
            return Err(over());
        }
        self.input.extend_from_slice(&some[..got]);
        Ok(())
    }

    fn make_private(&mut self) -> io::Result<()> {
        self.flush()?;
        let config = self.shared.script.tls.clone().ok_or_else(over)?;
        let session = ServerConnection::new(config).map_err(io::Error::other)?;
        let tcp = self.pipe.tcp().try_clone()?;
        self.pipe = Pipe::Tls(Box::new(StreamOwned::new(session, tcp)));
        Ok(())
    }
}

/// The address in `FROM:<a@b> SIZE=1`.
fn address(rest: &str) -> String {
    let inside = rest.split_once('<').map_or("", |(_, rest)| rest);
    inside.split_once('>').map_or("", |(address, _)| address).to_owned()
}
