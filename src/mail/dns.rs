//! Queries TXT records: SPF, DKIM and DMARC, for `journey doctor --dns`. One
//! question per query, over UDP and if truncated over TCP, with a timeout.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::clock::Stopwatch;

/// The UDP payload size that passes every network (RFC 9715).
const MAX_UDP_PAYLOAD: u16 = 1_232;
/// A lost packet is sent once more.
const ATTEMPTS: u32 = 2;
/// The DNS port.
const PORT: u16 = 53;

/// Name servers to ask, with a timeout.
#[derive(Clone, Debug)]
pub struct DnsClient {
    servers: Vec<SocketAddr>,
    timeout: Duration,
}

impl DnsClient {
    /// Asks these servers in turn until one answers.
    pub fn new(servers: Vec<SocketAddr>, timeout: Duration) -> DnsClient {
        DnsClient { servers, timeout }
    }

    /// The servers in `resolv.conf`; if there are none, the local host.
    pub(crate) fn of_machine(resolv_conf: &str, timeout: Duration) -> DnsClient {
        let named = resolv_conf.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
            Some(SocketAddr::new(address.parse().ok()?, PORT))
        });
        let mut servers: Vec<SocketAddr> = named.collect();
        if servers.is_empty() {
            servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        }
        DnsClient::new(servers, timeout)
    }

    /// Parses `127.0.0.1`, `127.0.0.1:5353`, `[::1]:5353` or `::1`.
    pub(crate) fn read(text: &str) -> Option<SocketAddr> {
        let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, PORT));
        text.parse().ok().or_else(alone)
    }

    /// The TXT records of a name, each as one string; none if there is no such name.
    ///
    /// # Errors
    ///
    /// Why there is no answer, as a clause.
    pub fn txt_records(&self, name: &str) -> Result<Vec<String>, String> {
        let query = Name::from_ascii(name).map_err(|_| format!("`{name}` is not a domain name"))?;
        let mut faults = Vec::new();
        for server in &self.servers {
            match self.ask(*server, &query) {
                Ok(message) => return parse_txt_records(&message, *server),
                Err(error) => faults.push(format!("{server} {}", error_text(&error, self.timeout))),
            }
        }
        Err(faults.join("; "))
    }

    fn ask(&self, server: SocketAddr, name: &Name) -> io::Result<Message> {
        let mut name = name.clone();
        name.set_fqdn(true);
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name, RecordType::TXT));
        let mut edns = Edns::new();
        edns.set_max_payload(MAX_UDP_PAYLOAD);
        message.set_edns(edns);
        let question = message.to_vec().map_err(io::Error::other)?;
        let answer = query_udp(server, &question, &message, self.timeout)?;
        if !answer.metadata.truncation {
            return Ok(answer);
        }
        query_tcp(server, &question, &message, self.timeout)
    }
}

/// Describes an error, as a clause after the server's address.
fn error_text(error: &io::Error, timeout: Duration) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            format!("did not answer within {} s", timeout.as_secs_f64())
        }
        _ => format!("cannot be asked: {error}"),
    }
}

fn query_udp(server: SocketAddr, question: &[u8], asked: &Message, timeout: Duration) -> io::Result<Message> {
    let own = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(own)?;
    // Ignores packets from other hosts.
    socket.connect(server)?;
    let mut packet = [0; MAX_UDP_PAYLOAD as usize];
    for _ in 0..ATTEMPTS {
        socket.send(question)?;
        let watch = Stopwatch::start();
        while let Some(left) = watch.left_of(timeout / ATTEMPTS) {
            socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let length = match socket.recv(&mut packet) {
                Ok(length) => length,
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(error),
            };
            if let Some(answer) = answers(&packet[..length], asked) {
                return Ok(answer);
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// The same query over TCP, if the answer was truncated.
fn query_tcp(server: SocketAddr, question: &[u8], asked: &Message, timeout: Duration) -> io::Result<Message> {
    let mut stream = TcpStream::connect_timeout(&server, timeout.max(Duration::from_millis(1)))?;
    stream.set_write_timeout(Some(timeout))?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let watch = Stopwatch::start();
    let mut read = |into: &mut [u8]| -> io::Result<()> {
        let mut done = 0;
        while done < into.len() {
            let left = watch.left_of(timeout).ok_or(io::ErrorKind::TimedOut)?;
            stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            match stream.read(&mut into[done..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => done += more,
            }
        }
        Ok(())
    };
    let mut length = [0; 2];
    read(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    read(&mut answer)?;
    answers(&answer, asked).ok_or_else(|| io::Error::other("the answer is to something else"))
}

/// The packet, if it answers this query.
fn answers(packet: &[u8], asked: &Message) -> Option<Message> {
    let message = Message::from_vec(packet).ok()?;
    let same = message.metadata.id == asked.metadata.id && message.queries == asked.queries;
    (same && message.metadata.message_type == MessageType::Response).then_some(message)
}

/// The TXT records of an answer, following CNAMEs.
fn parse_txt_records(message: &Message, server: SocketAddr) -> Result<Vec<String>, String> {
    match message.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Ok(Vec::new()),
        other => return Err(format!("{server} answered: {other}")),
    }
    let text = |data: &RData| match data {
        RData::TXT(text) => Some(text.txt_data.concat()),
        _ => None,
    };
    let texts = message.answers.iter().filter_map(|record| text(&record.data));
    Ok(texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_from_resolv_conf() {
        let servers = |text: &str| {
            let names = DnsClient::of_machine(text, Duration::from_secs(1));
            names.servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let text = "# made by hand\nsearch ekdala.example\nnameserver 192.0.2.53\nnameserver\t2001:db8::53\nnameserver fe80::1%eth0\noptions edns0\n";
        assert_eq!(servers(text), "192.0.2.53:53 [2001:db8::53]:53");
        assert_eq!(servers(""), "127.0.0.1:53");
    }

    #[test]
    fn name_server_arguments_are_parsed() {
        let read = |text| DnsClient::read(text).map(|server| server.to_string());
        assert_eq!(read("127.0.0.1").as_deref(), Some("127.0.0.1:53"));
        assert_eq!(read("127.0.0.1:5353").as_deref(), Some("127.0.0.1:5353"));
        assert_eq!(read("::1").as_deref(), Some("[::1]:53"));
        assert_eq!(read("[::1]:5353").as_deref(), Some("[::1]:5353"));
        assert_eq!(read("dns.example"), None);
    }
}
