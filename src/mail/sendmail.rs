//! Hands a mail to the local `sendmail` program, for hosts without a relay. Its exit
//! code is the outcome. Without an exit code the outcome is unknown if the program has
//! read the whole mail.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::pipe::PipeFlags;

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
const TEMPORARY: i32 = 75;

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
        let cannot = |error| {
            let why = format!("{program} cannot be started: {error}");
            channel_error(RelayErrorKind::Permanent, Phase::Connect, why)
        };
        let (read_end, write_end) = match rustix::pipe::pipe_with(PipeFlags::CLOEXEC) {
            Ok(ends) => ends,
            Err(error) => return cannot(error.into()),
        };
        // Tells how much of the mail is unread when the program has ended.
        let unread = match read_end.try_clone() {
            Ok(unread) => unread,
            Err(error) => return cannot(error),
        };
        let mut command = Command::new(&self.program);
        // `--` prevents option injection; `-i` keeps a lone dot from ending the mail.
        command.args(["-i", "-f", from, "--", to]);
        command.stdin(read_end).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match failpoint::at("sendmail.start").and_then(|()| command.spawn()) {
            Ok(child) => child,
            Err(error) => return cannot(error),
        };
        // It keeps the read end of the pipe, so that only the program has it.
        drop(command);
        let written = write_input(write_end, bytes);
        let said = read_stderr(&mut child);
        let ended = wait(&mut child, self.timeout);
        let ended = failpoint::at("sendmail.ended").and(ended);
        let is_read = || rustix::io::ioctl_fionread(&unread).is_ok_and(|unread| unread == 0);
        // Nothing may be unread only because nothing is written yet.
        let is_written = || written.recv_timeout(Duration::from_secs(1)).unwrap_or(false);
        let given = is_read() && is_written() && is_read();
        // Without a reader the writer ends.
        drop(unread);
        let said = said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        let said = match first_line(&said, &[from, to]) {
            line if line.is_empty() => line,
            line => format!(": {line}"),
        };
        let gone = |how: String| match given {
            true => Outcome::InDoubt(format!("{program} {how} after it had the whole mail{said}")),
            false => channel_error(RelayErrorKind::Transient, Phase::Body, format!("{program} {how}{said}")),
        };
        let status = match ended {
            Ok(Ended::Exit(status)) => status,
            Ok(Ended::TimedOut) => {
                return gone(format!("did not end within {} s", self.timeout.as_secs_f32()));
            }
            Err(error) => return gone(format!("was lost: {error}")),
        };
        let reply = |code, enhanced| {
            let text = if said.is_empty() { "refused by sendmail" } else { &said[2..] };
            Reply { code, enhanced: StatusCode::parse(enhanced), text: text.into() }
        };
        match status.code() {
            // A program may succeed without having read everything.
            Some(0) if !given => gone("did not read the whole mail".to_owned()),
            Some(0) => {
                Outcome::Sent(Reply { code: 250, enhanced: None, text: "accepted by sendmail".into() })
            }
            Some(NO_USER) => Outcome::Rejected { reply: reply(550, "5.1.1"), hard: true },
            Some(NO_HOST) => Outcome::Rejected { reply: reply(550, "5.1.2"), hard: true },
            Some(TEMPORARY) => Outcome::Deferred(reply(450, "")),
            // Programs give the same code for one recipient and for all, so others are tried.
            Some(code) => channel_error(
                RelayErrorKind::Transient,
                Phase::EndOfData,
                format!("{program} ended with exit code {code}{said}"),
            ),
            None => gone(format!("was killed by signal {}", status.signal().unwrap_or_default())),
        }
    }
}

fn channel_error(kind: RelayErrorKind, phase: Phase, why: String) -> Outcome {
    Outcome::RelayFailed(RelayError { kind, phase, why })
}

/// Writes the mail in a thread, and reports whether all was written.
fn write_input(write_end: OwnedFd, bytes: &[u8]) -> mpsc::Receiver<bool> {
    let (told, given) = mpsc::channel();
    let bytes = bytes.to_vec();
    thread::spawn(move || {
        let whole = File::from(write_end).write_all(&bytes).is_ok();
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

/// The first line of its output that says something, short and without addresses and control
/// characters.
fn first_line(said: &str, addresses: &[&str]) -> String {
    let clean = |line: &str| {
        let words = line.split(|c: char| c.is_whitespace() || c.is_control());
        let shown = words.filter(|word| !word.is_empty()).map(|word| {
            let is_address = word.contains('@') || addresses.iter().any(|address| word.contains(address));
            if is_address { "…" } else { word }
        });
        shown.collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE).collect::<String>()
    };
    said.lines().map(clean).find(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
