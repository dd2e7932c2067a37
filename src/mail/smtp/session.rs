//! One mail after another over one connection. What became of each is said
//! by phase and reply alone; after any surprise the connection is over.

use std::str::FromStr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::MailParameter;

use super::Deadlines;
use super::certificate::Certificate;
use super::connect::{Offers, seconds, trouble};
use super::reply::Lines;
use crate::domain::delivery::reply::{Outcome, Phase, Reply, Trouble, TroubleKind, judge};
use crate::failpoint;
use crate::mail::smtp::stream::{Fault, Wire, grouped};

/// Nobody waits longer for the relay's farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whom a mail is from and to, for the relay, and how long it is.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Where it goes back to; empty for nowhere.
    pub from: &'a str,
    /// The one reader.
    pub to: &'a str,
    /// Its bytes.
    pub size: usize,
}

/// A connection that mails are handed to, one after another.
pub struct Connection {
    talk: Talk,
    offers: Offers,
    state: State,
    /// Did a mail go before?
    used: bool,
}

/// What makes a connection private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Privately {
    /// `TLS 1.3`
    pub(crate) version: &'static str,
    /// The relay's certificate, and those it sends along; what cannot be read
    /// is left out.
    pub(crate) chain: Vec<Certificate>,
}

/// Where a connection stands between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A mail may begin.
    Ready,
    /// The last one was refused half-way; it is taken back with the next.
    Unfinished,
    /// The relay waits for the words.
    Open,
    /// Nothing is said on it any more.
    Over,
}

impl Connection {
    pub(super) fn new(talk: Talk, offers: Offers) -> Connection {
        Connection { talk, offers, state: State::Ready, used: false }
    }

    /// Names the sender and the reader, and asks for the words to come: MAIL,
    /// RCPT, DATA. In one write, where the relay takes that. On `Ok` it waits
    /// for [`Connection::finish`].
    ///
    /// # Errors
    ///
    /// What became of the mail. Whether the connection takes another one says
    /// [`Connection::is_usable`].
    pub fn open(&mut self, envelope: &Envelope<'_>) -> Result<(), Outcome> {
        if !self.is_usable() {
            return Err(Outcome::Channel(self.gone(Phase::Mail)));
        }
        let (mail, rcpt) = self.commands(envelope)?;
        // An answer nobody asked for: `421` to an idle connection, or else
        // the two of us do not count alike (D1).
        if self.talk.wire.has_unread() {
            self.state = State::Over;
            return Err(Outcome::Channel(self.gone(Phase::Mail)));
        }
        // Until all answers are in, there is no other way out than this.
        let before = std::mem::replace(&mut self.state, State::Over);
        let used = std::mem::replace(&mut self.used, true);
        let rset = if before == State::Unfinished { Rset.to_string() } else { String::new() };
        if before == State::Unfinished && failpoint::at("relay.rset").is_err() {
            return Err(Outcome::Channel(self.talk.failed(Phase::Mail, &Fault::Closed)));
        }
        let result = if self.offers.pipelining {
            self.open_at_once(&rset, &mail, &rcpt, used)
        } else {
            self.open_by_steps(&rset, &mail, &rcpt, used)
        };
        let (state, result) = match result {
            Ok(()) => (State::Open, Ok(())),
            Err(Stop { outcome, state }) => (state, Err(outcome)),
        };
        self.state = state;
        result
    }

    /// Hands over the words and the final dot, and says what became of the
    /// mail. Only exactly 250 to the dot is [`Outcome::Sent`]; once the last
    /// byte was given to the system, everything but an answer in so many words
    /// is [`Outcome::InDoubt`].
    pub fn finish(&mut self, words: &[u8]) -> Outcome {
        let asked = std::mem::replace(&mut self.state, State::Over) == State::Open;
        if !asked || self.talk.wire.has_unread() {
            // An answer to words that were not said yet is an answer to
            // something else, and shall not be taken for this mail's.
            let why = format!("relay {} answered before it was asked", self.talk.name);
            return Outcome::Channel(trouble(TroubleKind::Passing, Phase::Data, why));
        }
        if let Err(fault) = self.talk.wire.say_words(words, self.talk.deadlines.block) {
            return self.interrupted(&fault);
        }
        if failpoint::at("relay.reply").is_err() {
            return Outcome::InDoubt(self.talk.failed(Phase::Dot, &Fault::Closed).why);
        }
        let reply = match self.talk.wire.reply(self.talk.deadlines.dot) {
            Ok(lines) => lines.into_reply(),
            Err(fault) => return Outcome::InDoubt(self.talk.failed(Phase::Dot, &fault).why),
        };
        if failpoint::at("relay.told").is_err() {
            return Outcome::InDoubt(self.talk.failed(Phase::Dot, &Fault::Closed).why);
        }
        let lives = matches!(reply.code, 250 | 400..=420 | 422..=599);
        let outcome = judge(Phase::Dot, reply, &self.talk.name);
        if lives {
            self.state = State::Ready;
        }
        outcome
    }

    /// What the relay offers, now that it knows us.
    pub(crate) fn offers(&self) -> &Offers {
        &self.offers
    }

    /// What makes the connection private; `None` in clear.
    pub(crate) fn privately(&self) -> Option<Privately> {
        self.talk.wire.privately()
    }

    /// Does it take another mail?
    pub fn is_usable(&self) -> bool {
        matches!(self.state, State::Ready | State::Unfinished)
    }

    /// Says goodbye, and does not wait long for an answer.
    pub fn quit(mut self) {
        if self.is_usable()
            && failpoint::at("relay.quit").is_ok()
            && self.talk.wire.say(&Quit.to_string(), FAREWELL).is_ok()
        {
            let _ = self.talk.wire.reply(FAREWELL);
            self.talk.wire.close(FAREWELL);
        }
    }

    /// MAIL and RCPT for a mail, unless it is clear that the relay cannot
    /// take it.
    fn commands(&self, envelope: &Envelope<'_>) -> Result<(String, String), Outcome> {
        let Envelope { from, to, size } = *envelope;
        let size_as_number = u64::try_from(size).unwrap_or(u64::MAX);
        if let Some(largest) = self.offers.largest.filter(|largest| *largest < size_as_number) {
            let text = format!("{} bytes, the relay allows {}", grouped(size_as_number), grouped(largest));
            return Err(Outcome::TooLarge(text));
        }
        let abroad = !from.is_ascii() || !to.is_ascii();
        if abroad && !self.offers.smtputf8 {
            let text = "there are letters beyond ASCII in the address, and the relay offers no SMTPUTF8";
            return Err(Outcome::Held(text.to_owned()));
        }
        let Ok(reader) = Address::from_str(to) else {
            return Err(Outcome::Rejected { reply: ours(553, (5, 1, 3), "this is no address"), hard: true });
        };
        let sender = match from {
            "" => None,
            from => Some(Address::from_str(from).map_err(|_| {
                let why = "the address that mails are sent from is none".to_owned();
                Outcome::Channel(trouble(TroubleKind::Refused, Phase::Mail, why))
            })?),
        };
        let mut parameters = Vec::new();
        if self.offers.size {
            parameters.push(MailParameter::Size(size));
        }
        if abroad {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        Ok((Mail::new(sender, parameters).to_string(), Rcpt::new(reader, Vec::new()).to_string()))
    }

    /// All commands in one write, then all answers in order.
    fn open_at_once(&mut self, rset: &str, mail: &str, rcpt: &str, used: bool) -> Result<(), Stop> {
        let all = [rset, mail, rcpt, &Data.to_string()].concat();
        self.say_first(&all, used)?;
        if !rset.is_empty() {
            let reply = self.hear_first(used)?;
            self.expect(Phase::Mail, &[250], reply).map_err(Stop::over)?;
        }
        let reply = self.hear_first(used)?;
        let mail = self.expect(Phase::Mail, &[250], reply);
        // What comes after a refusal tells only whether the connection lives.
        let rcpt = match (mail, self.talk.hear(Phase::Rcpt)) {
            (Ok(()), Ok(lines)) => self.expect(Phase::Rcpt, &[250, 251], lines.into_reply()),
            (Ok(()), Err(fault)) => return Err(Stop::over(Outcome::Channel(fault))),
            (Err(refused), Ok(_)) => Err(refused),
            (Err(refused), Err(_)) => return Err(Stop::over(refused)),
        };
        let data = match (&rcpt, self.talk.hear(Phase::Data)) {
            (_, Ok(lines)) => lines.into_reply(),
            (Ok(()), Err(fault)) => return Err(Stop::over(Outcome::Channel(fault))),
            (Err(refused), Err(_)) => return Err(Stop::over(refused.clone())),
        };
        match rcpt {
            Ok(()) => self.expect(Phase::Data, &[354], data).map_err(Stop::half_way),
            // It waits for words with nobody to read them: nothing may be
            // said any more, not even a dot (F37).
            Err(refused) if data.code == 354 => Err(Stop::over(refused)),
            Err(refused) if data.code == 421 => Err(Stop::over(refused)),
            Err(refused) => Err(Stop::half_way(refused)),
        }
    }

    /// One command at a time.
    fn open_by_steps(&mut self, rset: &str, mail: &str, rcpt: &str, used: bool) -> Result<(), Stop> {
        if !rset.is_empty() {
            self.say_first(rset, used)?;
            let reply = self.hear_first(used)?;
            self.expect(Phase::Mail, &[250], reply).map_err(Stop::over)?;
        }
        self.say_first(mail, used)?;
        let reply = self.hear_first(used)?;
        self.expect(Phase::Mail, &[250], reply).map_err(Stop::half_way)?;
        for (phase, command, hoped) in
            [(Phase::Rcpt, rcpt, &[250, 251][..]), (Phase::Data, &Data.to_string(), &[354])]
        {
            let point = if phase == Phase::Rcpt { "relay.rcpt" } else { "relay.data" };
            let passed = failpoint::at(point).map_err(|_| self.talk.failed(phase, &Fault::Closed));
            let heard =
                passed.and_then(|()| self.talk.say(phase, command)).and_then(|()| self.talk.hear(phase));
            let lines = heard.map_err(|fault| Stop::over(Outcome::Channel(fault)))?;
            self.expect(phase, hoped, lines.into_reply()).map_err(Stop::half_way)?;
        }
        Ok(())
    }

    /// Says what comes first for a mail. On a connection that was used before,
    /// a broken one only tells that the relay did not want to wait (F22).
    fn say_first(&mut self, commands: &str, used: bool) -> Result<(), Stop> {
        failpoint::at("relay.mail").map_err(|_| self.first_fault(&Fault::Closed, used))?;
        self.talk.wire.say(commands, self.talk.deadlines.mail).map_err(|fault| self.first_fault(&fault, used))
    }

    /// Hears what comes first for a mail.
    fn hear_first(&mut self, used: bool) -> Result<Reply, Stop> {
        let lines =
            self.talk.wire.reply(self.talk.deadlines.mail).map_err(|fault| self.first_fault(&fault, used))?;
        if lines.code == 421 && used {
            return Err(Stop::over(Outcome::Channel(self.gone(Phase::Mail))));
        }
        Ok(lines.into_reply())
    }

    fn first_fault(&self, fault: &Fault, used: bool) -> Stop {
        Stop::over(Outcome::Channel(match fault {
            Fault::Closed if used => self.gone(Phase::Mail),
            _ => self.talk.failed(Phase::Mail, fault),
        }))
    }

    fn gone(&self, phase: Phase) -> Trouble {
        trouble(
            TroubleKind::Gone,
            phase,
            format!("relay {} has closed the connection meanwhile", self.talk.name),
        )
    }

    fn expect(&self, phase: Phase, hoped: &[u16], reply: Reply) -> Result<(), Outcome> {
        if hoped.contains(&reply.code) { Ok(()) } else { Err(judge(phase, reply, &self.talk.name)) }
    }

    /// The words did not all leave, so the mail is not in doubt (F23). Perhaps
    /// the relay had said why.
    fn interrupted(&mut self, fault: &Fault) -> Outcome {
        if *fault == Fault::Closed
            && let Ok(lines) = self.talk.wire.reply(FAREWELL)
            && matches!(lines.code, 400..600)
        {
            return judge(Phase::Body, lines.into_reply(), &self.talk.name);
        }
        Outcome::Channel(self.talk.failed(Phase::Body, fault))
    }
}

/// What became of a mail, and of the connection.
struct Stop {
    outcome: Outcome,
    state: State,
}

impl Stop {
    /// The connection is over.
    fn over(outcome: Outcome) -> Stop {
        Stop { outcome, state: State::Over }
    }

    /// The mail was refused in so many words, and is taken back before the
    /// next one; or something was said that does not belong there.
    fn half_way(outcome: Outcome) -> Stop {
        let lives = match &outcome {
            Outcome::Deferred(_) | Outcome::Rejected { .. } | Outcome::Content(_) => true,
            // Refused in so many words: other mails may pass.
            Outcome::Channel(trouble) => trouble.kind == TroubleKind::Refused,
            Outcome::Sent(_) | Outcome::InDoubt(_) | Outcome::Held(_) | Outcome::TooLarge(_) => false,
        };
        Stop { outcome, state: if lives { State::Unfinished } else { State::Over } }
    }
}

/// What the relay would have answered.
fn ours(code: u16, enhanced: (u8, u16, u16), text: &str) -> Reply {
    Reply { code, enhanced: Some(enhanced), text: text.into() }
}

/// Saying and hearing, with what messages need.
pub(super) struct Talk {
    pub(super) wire: Wire,
    /// How messages call the relay: `relay.example:587`.
    pub(super) name: String,
    pub(super) deadlines: Deadlines,
}

impl Talk {
    pub(super) fn say(&mut self, phase: Phase, commands: &str) -> Result<(), Trouble> {
        self.wire.say(commands, self.deadlines.of(phase)).map_err(|fault| self.failed(phase, &fault))
    }

    pub(super) fn hear(&mut self, phase: Phase) -> Result<Lines, Trouble> {
        self.wire.reply(self.deadlines.of(phase)).map_err(|fault| self.failed(phase, &fault))
    }

    /// Holds an answer to the one hoped for, before there is any mail.
    pub(super) fn expect(&self, phase: Phase, hoped: u16, reply: Reply) -> Result<(), Trouble> {
        if reply.code == hoped {
            return Ok(());
        }
        let shown = format!("relay {} answered {phase} with {reply}", self.name);
        match judge(phase, reply, &self.name) {
            Outcome::Channel(trouble) => Err(trouble),
            _ => Err(trouble(TroubleKind::Passing, phase, shown)),
        }
    }

    /// Why there is no answer, in words.
    pub(super) fn failed(&self, phase: Phase, fault: &Fault) -> Trouble {
        let name = &self.name;
        let limit = seconds(self.deadlines.of(phase));
        let why = match (fault, phase) {
            (Fault::Silent, Phase::Greeting) => format!("relay {name} did not greet within {limit} s"),
            (Fault::Silent, Phase::Body) => {
                format!("relay {name} took nothing more of {phase} within {limit} s")
            }
            (Fault::Silent, _) => format!("relay {name} did not answer {phase} within {limit} s"),
            (Fault::Closed, _) => format!("relay {name} closed the connection at {phase}"),
            (Fault::Garbled(what), _) => format!("relay {name} {what} at {phase}"),
        };
        trouble(TroubleKind::Passing, phase, why)
    }
}
