//! Hands a mail to the local `sendmail` program, for hosts without a relay. Its exit
//! code is the outcome; without an exit code the outcome is unknown.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::domain::delivery::bounce::StatusCode;
use crate::domain::delivery::reply::{Outcome, Phase, RelayError, RelayErrorKind, Reply};
use crate::failpoint;

/// Timeout; the program only writes to a queue.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Polling interval.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How much of its output is kept.
const MAX_STDERR: u64 = 4_000;
const MAX_MESSAGE: usize = 200;

/// Exit codes of sysexits.h with a meaning of their own.
const NO_USER: i32 = 67;
const NO_HOST: i32 = 68;
const UNAVAILABLE: i32 = 69;
const TEMPORARY: i32 = 75;
const NO_PERMISSION: i32 = 77;
const CONFIGURATION: i32 = 78;

/// The `sendmail` program.
#[derive(Clone, Debug)]
pub struct Sendmail {
    program: PathBuf,
    timeout: Duration,
}

/// How the program ended.
enum Ended {
    Exit(ExitStatus),
    TimedOut,
}

impl Sendmail {
    /// The program at a path; a missing program shows when it is used.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Sendmail {
        Sendmail { program: program.into(), timeout: TIMEOUT }
    }

    /// Hands over one mail.
    pub(crate) fn hand_over(&self, from: &str, to: &str, bytes: &[u8]) -> Outcome {
        let program = self.program.display();
        let mut command = Command::new(&self.program);
        // `--` prevents option injection; `-i` keeps a lone dot from ending the mail.
        command.args(["-i", "-f", from, "--", to]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match failpoint::at("sendmail.start").and_then(|()| command.spawn()) {
            Ok(child) => child,
            Err(error) => {
                let why = format!("{program} cannot be started: {error}");
                return channel_error(RelayErrorKind::Permanent, Phase::Connect, why);
            }
        };
        let given = write_input(&mut child, bytes);
        let said = read_stderr(&mut child);
        let ended = wait(&mut child, self.timeout);
        let ended = failpoint::at("sendmail.ended").and(ended);
        // A killed program closes its input, so the writer ends.
        let given = given.recv_timeout(Duration::from_secs(1)).unwrap_or(false);
        let words = || said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        let gone = |how: String| match given {
            true => Outcome::InDoubt(format!("{program} {how} after it had the whole mail")),
            false => channel_error(RelayErrorKind::Transient, Phase::Body, format!("{program} {how}")),
        };
        let status = match ended {
            Ok(Ended::Exit(status)) => status,
            Ok(Ended::TimedOut) => {
                return gone(format!("did not end within {} s", self.timeout.as_secs_f32()));
            }
            Err(error) => return gone(format!("was lost: {error}")),
        };
        let reply = |code, enhanced| Reply { code, enhanced, text: one_line(&words(), &[from, to]).into() };
        match status.code() {
            // It may exit before it has read everything.
            Some(0) if !given => gone("did not take all of the mail".to_owned()),
            Some(0) => {
                Outcome::Sent(Reply { code: 250, enhanced: None, text: "accepted by sendmail".into() })
            }
            Some(NO_USER) => Outcome::Rejected { reply: reply(550, StatusCode::parse("5.1.1")), hard: true },
            Some(NO_HOST) => Outcome::Rejected { reply: reply(550, StatusCode::parse("5.1.2")), hard: true },
            Some(TEMPORARY) => Outcome::Deferred(reply(450, None)),
            Some(code) => {
                let kind = match code {
                    UNAVAILABLE | NO_PERMISSION | CONFIGURATION => RelayErrorKind::Permanent,
                    _ => RelayErrorKind::Transient,
                };
                let words = one_line(&words(), &[from, to]);
                let words = if words.is_empty() { String::new() } else { format!(": {words}") };
                channel_error(kind, Phase::EndOfData, format!("{program} ended with exit code {code}{words}"))
            }
            None => gone("was killed".to_owned()),
        }
    }
}

fn channel_error(kind: RelayErrorKind, phase: Phase, why: String) -> Outcome {
    Outcome::RelayFailed(RelayError { kind, phase, why })
}

/// Writes the mail in a thread, and reports whether all was read.
fn write_input(child: &mut Child, bytes: &[u8]) -> mpsc::Receiver<bool> {
    let (told, given) = mpsc::channel();
    let stdin = child.stdin.take();
    let bytes = bytes.to_vec();
    thread::spawn(move || {
        let whole = stdin.is_some_and(|mut stdin| stdin.write_all(&bytes).is_ok());
        // The receiver is gone after a timeout.
        let _ = told.send(whole);
    });
    given
}

/// Reads the program's standard error up to a limit and discards the rest, so that the
/// program never blocks.
fn read_stderr(child: &mut Child) -> mpsc::Receiver<String> {
    let (tell, said) = mpsc::channel();
    let error = child.stderr.take();
    let output = child.stdout.take();
    thread::spawn(move || {
        // Standard output is discarded.
        let _ = output.map(|mut output| std::io::copy(&mut output, &mut std::io::sink()));
    });
    thread::spawn(move || {
        let Some(mut error) = error else { return };
        let mut bytes = Vec::new();
        let _ = error.by_ref().take(MAX_STDERR).read_to_end(&mut bytes);
        let _ = tell.send(String::from_utf8_lossy(&bytes).into_owned());
        let _ = std::io::copy(&mut error, &mut std::io::sink());
    });
    said
}

fn wait(child: &mut Child, timeout: Duration) -> std::io::Result<Ended> {
    let watch = Stopwatch::start();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Exit(status));
        }
        if watch.left_of(timeout).is_none() {
            child.kill()?;
            child.wait()?;
            return Ok(Ended::TimedOut);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Its output as one short line without addresses.
fn one_line(words: &str, addresses: &[&str]) -> String {
    let words = words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let hidden = words.map(|word| {
        let is_address = word.contains('@') || addresses.iter().any(|address| word.contains(address));
        if is_address { "…" } else { word }
    });
    hidden.collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests;
