//! Byte stream to the relay, in plaintext or TLS, with a timeout for each operation.
//! It knows lines and replies, no commands.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use memchr::memchr2;
use rustls::{ClientConnection, ProtocolVersion};

use super::certificate::Certificate;
use super::reply::{MAX_LINE, RawReply, ReplyState};
use super::tls::TlsInfo;
use crate::clock::Stopwatch;
use crate::failpoint;

/// Size of one write; most messages are smaller.
const BLOCK_SIZE: usize = 64 * 1_024;

/// Socket, TLS state and buffers of a connection.
pub(super) struct SmtpStream {
    socket: Socket,
    /// The TLS session, once there is one.
    tls: Option<Box<ClientConnection>>,
    /// Received bytes, and how many of them were consumed.
    input: Vec<u8>,
    read: usize,
    /// Output buffer, reused between mails.
    output: Vec<u8>,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamError {
    /// The relay closed the connection, or it broke.
    Closed,
    /// No complete reply within the timeout.
    TimedOut,
    /// Not a valid reply; a clause that follows "the relay …".
    Malformed(&'static str),
}

impl StreamError {
    fn of(error: &io::Error) -> StreamError {
        match error.kind() {
            io::ErrorKind::TimedOut => StreamError::TimedOut,
            io::ErrorKind::InvalidData => StreamError::Malformed("breaks TLS"),
            _ => StreamError::Closed,
        }
    }
}

impl SmtpStream {
    pub(super) fn new(tcp: TcpStream) -> io::Result<SmtpStream> {
        // Nagle's algorithm would delay the second of two small writes by about 40 ms.
        tcp.set_nodelay(true)?;
        let socket = Socket { tcp, since: Stopwatch::start(), limit: Duration::ZERO };
        Ok(SmtpStream { socket, tls: None, input: Vec::new(), read: 0, output: Vec::new() })
    }

    /// The relay's address.
    pub(super) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.tcp.peer_addr()
    }

    /// The local address.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.tcp.local_addr()
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// TLS version and certificates.
    pub(super) fn tls_info(&self) -> Option<TlsInfo> {
        let tls = self.tls.as_ref()?;
        let version = match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(_) | None => "TLS",
        };
        let chain = tls.peer_certificates().unwrap_or_default();
        Some(TlsInfo { version, chain: chain.iter().filter_map(|der| Certificate::read(der)).collect() })
    }

    /// Whether input has arrived that was not read yet.
    pub(super) fn has_unread(&self) -> bool {
        self.read < self.input.len()
    }

    /// Starts TLS; all later traffic is encrypted.
    ///
    /// # Errors
    ///
    /// Why the handshake failed.
    pub(super) fn start_tls(
        &mut self,
        mut tls: Box<ClientConnection>,
        limit: Duration,
    ) -> Result<(), TlsError> {
        // The caller bounds the size of each write.
        tls.set_buffer_limit(None);
        self.socket.restart(limit);
        loop {
            // The last handshake message must be flushed, because the relay may speak first.
            while tls.wants_write() {
                tls.write_tls(&mut self.socket).map_err(|error| TlsError::Stream(StreamError::of(&error)))?;
            }
            if !tls.is_handshaking() {
                break;
            }
            let got =
                tls.read_tls(&mut self.socket).map_err(|error| TlsError::Stream(StreamError::of(&error)))?;
            if got == 0 {
                return Err(TlsError::Stream(StreamError::Closed));
            }
            if let Err(error) = tls.process_new_packets() {
                // Send the alert, if the relay still reads.
                let _ = tls.write_tls(&mut self.socket);
                return Err(TlsError::Rejected(error));
            }
        }
        self.tls = Some(tls);
        Ok(())
    }

    /// Writes one or more commands.
    pub(super) fn write_commands(&mut self, commands: &str, limit: Duration) -> Result<(), StreamError> {
        self.socket.restart(limit);
        self.write_bytes(commands.as_bytes()).map_err(|error| StreamError::of(&error))
    }

    /// Writes the message and the end-of-data dot in blocks, each with its own timeout.
    /// After `Ok` the last byte was passed to the operating system; after `Err` it was not.
    pub(super) fn write_data(&mut self, words: &[u8], limit: Duration) -> Result<(), StreamError> {
        let mut output = std::mem::take(&mut self.output);
        output.clear();
        stuff(words, &mut output);
        let mut given = Ok(());
        for (n, block) in output.chunks(BLOCK_SIZE).enumerate() {
            self.socket.restart(limit);
            let passed = failpoint::at(if n == 0 { "relay.words" } else { "relay.half" });
            given = passed.and_then(|()| self.write_bytes(block)).map_err(|error| StreamError::of(&error));
            if given.is_err() {
                break;
            }
        }
        // Do not keep the memory of one very large message.
        output.shrink_to(4 * BLOCK_SIZE);
        self.output = output;
        given
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.socket.write_all(bytes) };
        tls.writer().write_all(bytes)?;
        while tls.wants_write() {
            if tls.write_tls(&mut self.socket)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }

    /// Reads one complete reply within the timeout.
    pub(super) fn read_reply(&mut self, limit: Duration) -> Result<RawReply, StreamError> {
        self.socket.restart(limit);
        self.rest_of_reply()
    }

    fn rest_of_reply(&mut self) -> Result<RawReply, StreamError> {
        let mut reply = RawReply::default();
        loop {
            let line = self.line()?;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if reply.add_line(line).map_err(StreamError::Malformed)? == ReplyState::Complete {
                return Ok(reply);
            }
        }
    }

    /// The next line without its LF.
    fn line(&mut self) -> Result<&[u8], StreamError> {
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
            if looked > MAX_LINE {
                return Err(StreamError::Malformed("says more than any reply needs"));
            }
            let mut some = [0; 2_048];
            let got = self.get(&mut some).map_err(|error| StreamError::of(&error))?;
            if got == 0 {
                return Err(StreamError::Closed);
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

    /// Closes the connection; errors are ignored.
    pub(super) fn close(mut self, limit: Duration) {
        if let Some(tls) = &mut self.tls {
            self.socket.restart(limit);
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.socket);
        }
    }
}

/// Why the TLS handshake failed.
#[derive(Debug)]
pub(super) enum TlsError {
    Stream(StreamError),
    Rejected(rustls::Error),
}

/// A socket with one deadline for a whole operation.
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

    /// One system call, repeated if a signal interrupts it: with a socket timeout set,
    /// the kernel does not restart it.
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

/// A socket timeout has two error kinds, depending on the platform.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// Encodes a message for DATA (RFC 5321, 4.5.2): CRLF line ends, a dot at the start
/// of a line doubled, a final dot. A lone CR or LF becomes CRLF, because relays
/// disagree on it and a mail could smuggle in a second one.
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

/// Groups the digits of a number: `61 204`.
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
    fn dots_are_doubled_and_lines_end_in_crlf() {
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
