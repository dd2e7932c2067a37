//! Bytes to the relay and from it, in clear or under TLS, with a deadline for
//! whatever is going on. It knows lines and replies, no commands.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memchr2;
use rustls::{ClientConnection, ProtocolVersion};

use super::certificate::Certificate;
use super::reply::{LONGEST_LINE, Lines, More};
use super::session::Privately;
use crate::clock::Stopwatch;
use crate::failpoint;

/// So much is given to the system at once; most mails are shorter.
const BLOCK: usize = 64 * 1_024;

/// A connection's two ends of a pipe.
pub(super) struct Wire {
    socket: Socket,
    /// What makes it private, once it is.
    tls: Option<Box<ClientConnection>>,
    /// What has come, and how much of it was read.
    input: Vec<u8>,
    read: usize,
    /// Kept, so that a mail costs no memory of its own.
    output: Vec<u8>,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The relay closed the connection, or it broke.
    Closed,
    /// Nothing, or not enough, within the deadline.
    Silent,
    /// What no reply looks like, in words that fit after "the relay …".
    Garbled(&'static str),
}

impl Fault {
    fn of(error: &io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::TimedOut => Fault::Silent,
            io::ErrorKind::InvalidData => Fault::Garbled("breaks TLS"),
            _ => Fault::Closed,
        }
    }
}

impl Wire {
    pub(super) fn new(tcp: TcpStream) -> io::Result<Wire> {
        // Two small writes in a row would wait for each other (40 ms a mail).
        tcp.set_nodelay(true)?;
        let socket = Socket { tcp, since: Stopwatch::start(), limit: Duration::ZERO };
        Ok(Wire { socket, tls: None, input: Vec::new(), read: 0, output: Vec::new() })
    }

    /// Whom it reached.
    pub(super) fn peer(&self) -> io::Result<SocketAddr> {
        self.socket.tcp.peer_addr()
    }

    /// Our own end.
    pub(super) fn own(&self) -> io::Result<SocketAddr> {
        self.socket.tcp.local_addr()
    }

    pub(super) fn is_private(&self) -> bool {
        self.tls.is_some()
    }

    /// Under which TLS, and with whose certificates.
    pub(super) fn privately(&self) -> Option<Privately> {
        let tls = self.tls.as_ref()?;
        let version = match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(_) | None => "TLS",
        };
        let chain = tls.peer_certificates().unwrap_or_default();
        Some(Privately { version, chain: chain.iter().filter_map(|der| Certificate::read(der)).collect() })
    }

    /// Has something come that nobody has read yet?
    pub(super) fn has_unread(&self) -> bool {
        self.read < self.input.len()
    }

    /// From now on everything goes through TLS.
    ///
    /// # Errors
    ///
    /// Where the two do not agree.
    pub(super) fn make_private(
        &mut self,
        mut tls: Box<ClientConnection>,
        limit: Duration,
    ) -> Result<(), TlsFault> {
        // All blocks are bounded by who writes them.
        tls.set_buffer_limit(None);
        self.socket.restart(limit);
        loop {
            // Our last word goes out too: the relay may be the one to greet.
            while tls.wants_write() {
                tls.write_tls(&mut self.socket).map_err(|error| TlsFault::Wire(Fault::of(&error)))?;
            }
            if !tls.is_handshaking() {
                break;
            }
            let got = tls.read_tls(&mut self.socket).map_err(|error| TlsFault::Wire(Fault::of(&error)))?;
            if got == 0 {
                return Err(TlsFault::Wire(Fault::Closed));
            }
            if let Err(error) = tls.process_new_packets() {
                // It is told why, if it still listens.
                let _ = tls.write_tls(&mut self.socket);
                return Err(TlsFault::Refused(error));
            }
        }
        self.tls = Some(tls);
        Ok(())
    }

    /// Writes a command, or several.
    pub(super) fn say(&mut self, commands: &str, limit: Duration) -> Result<(), Fault> {
        self.socket.restart(limit);
        self.give(commands.as_bytes()).map_err(|error| Fault::of(&error))
    }

    /// Writes the words of a mail and the final dot, in blocks with a
    /// deadline each. On return the last byte was handed to the system; on an
    /// error it was not.
    pub(super) fn say_words(&mut self, words: &[u8], limit: Duration) -> Result<(), Fault> {
        let mut output = std::mem::take(&mut self.output);
        output.clear();
        stuff(words, &mut output);
        let mut given = Ok(());
        for (n, block) in output.chunks(BLOCK).enumerate() {
            self.socket.restart(limit);
            let passed = failpoint::at(if n == 0 { "relay.words" } else { "relay.half" });
            given = passed.and_then(|()| self.give(block)).map_err(|error| Fault::of(&error));
            if given.is_err() {
                break;
            }
        }
        // One long mail shall not be remembered for ever.
        output.shrink_to(4 * BLOCK);
        self.output = output;
        given
    }

    fn give(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.socket.write_all(bytes) };
        tls.writer().write_all(bytes)?;
        while tls.wants_write() {
            if tls.write_tls(&mut self.socket)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Reads a reply; all of it has to be there within the limit.
    pub(super) fn reply(&mut self, limit: Duration) -> Result<Lines, Fault> {
        self.socket.restart(limit);
        self.rest_of_reply()
    }

    fn rest_of_reply(&mut self) -> Result<Lines, Fault> {
        let mut lines = Lines::default();
        loop {
            let line = self.line()?;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if lines.take(line).map_err(Fault::Garbled)? == More::Ends {
                return Ok(lines);
            }
        }
    }

    /// A line without its LF.
    fn line(&mut self) -> Result<&[u8], Fault> {
        let mut looked = self.read;
        loop {
            if let Some(at) = self.input[looked..].iter().position(|byte| *byte == b'\n') {
                let line = self.read..looked + at;
                self.read = line.end + 1;
                return Ok(&self.input[line]);
            }
            self.input.drain(..self.read);
            self.read = 0;
            looked = self.input.len();
            if looked > LONGEST_LINE {
                return Err(Fault::Garbled("says more than any reply needs"));
            }
            let mut some = [0; 2_048];
            let got = self.get(&mut some).map_err(|error| Fault::of(&error))?;
            if got == 0 {
                return Err(Fault::Closed);
            }
            self.input.extend_from_slice(&some[..got]);
        }
    }

    fn get(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(into) };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            tls.read_tls(&mut self.socket)?;
            tls.process_new_packets().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
    }

    /// A word of farewell; nobody waits for what comes of it.
    pub(super) fn close(mut self, limit: Duration) {
        if let Some(tls) = &mut self.tls {
            self.socket.restart(limit);
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.socket);
        }
    }
}

/// Why TLS did not come about.
#[derive(Debug)]
pub(super) enum TlsFault {
    Wire(Fault),
    Refused(rustls::Error),
}

/// A socket that knows how long what it does may take altogether.
struct Socket {
    tcp: TcpStream,
    since: Stopwatch,
    limit: Duration,
}

impl Socket {
    fn restart(&mut self, limit: Duration) {
        self.since = Stopwatch::start();
        self.limit = limit;
    }

    fn left(&self) -> io::Result<Option<Duration>> {
        self.since.left_of(self.limit).map(Some).ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    /// One call to the system: again if a signal interrupted it, which a
    /// socket with a deadline always tells.
    fn call(
        &mut self,
        mut call: impl FnMut(&mut Socket, Option<Duration>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let left = self.left()?;
            match call(self, left).map_err(timed_out) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.call(|socket, left| {
            socket.tcp.set_read_timeout(left)?;
            socket.tcp.read(into)
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(|socket, left| {
            socket.tcp.set_write_timeout(left)?;
            socket.tcp.write(bytes)
        })
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.call(|socket, left| {
            socket.tcp.set_write_timeout(left)?;
            socket.tcp.write_vectored(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket's deadline has two names, one a system.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// Words as DATA wants them: each line ends in CRLF, a dot at its beginning
/// is doubled, and a dot alone ends them. A CR or LF that stands alone becomes
/// the end of a line: relays do not agree on what it is, and so a mail could
/// hold another one (F40).
fn stuff(words: &[u8], output: &mut Vec<u8>) {
    output.reserve(words.len() + words.len() / 64 + 16);
    let mut rest = words;
    while !rest.is_empty() {
        let end = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        if rest[0] == b'.' {
            output.push(b'.');
        }
        output.extend_from_slice(&rest[..end]);
        output.extend_from_slice(b"\r\n");
        let line_end = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = rest.get(end + line_end..).unwrap_or_default();
    }
    output.extend_from_slice(b".\r\n");
}

/// A number as people read it: `61 204`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            shown.push(' ');
        }
        let _ = shown.write_char(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f40_dots_are_doubled_and_lines_end_in_crlf() {
        for (words, sent) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n..\r\n.QUIT\r\nFrom a\r\n", "..\r\n...\r\n..QUIT\r\nFrom a\r\n.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\n.\n\r\nb\r", "a\r\n..\r\n\r\nb\r\n.\r\n"),
            ("a\n\r\n.\r", "a\r\n\r\n..\r\n.\r\n"),
        ] {
            let mut output = Vec::new();
            stuff(words.as_bytes(), &mut output);
            assert_eq!(String::from_utf8_lossy(&output), sent, "{words:?}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        let shown = [0, 999, 1_000, 61_204, 1_000_000].map(grouped);
        assert_eq!(shown, ["0", "999", "1 000", "61 204", "1 000 000"]);
    }
}
