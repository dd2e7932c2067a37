//! A DNS server with scripted answers, on a port the system picks, and what
//! `journey doctor --dns` makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{RData, Record};
use journey::mail::dns::DnsClient;
use journey::mail::message::dkim::Signer;

use super::{KEY, about, home, script, seen};
use crate::relay::certificates::Authority;
use crate::relay::server;

const OURS: &str = "journey._domainkey.ekdala.example";

/// How it answers a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    /// The UDP answer is truncated, which asks for TCP.
    AnswersByStream,
    Fails,
    IsSilent,
    /// It sends the answer to another question first.
    IsCalledAnother,
}

struct NameServer {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    fn start(manner: Manner, records: &[(&str, &str)]) -> NameServer {
        let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, text) in records {
            known.entry(format!("{name}.")).or_default().push((*text).to_owned());
        }
        let (udp, tcp) = pair();
        let address = udp.local_addr().expect("an address");
        let (ends, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (known, stop, count) = (Arc::new(known), Arc::clone(&ends), Arc::clone(&asked));
        let by_stream = Arc::clone(&known);
        thread::spawn(move || {
            let mut packet = [0; 2_048];
            while let Ok((length, from)) = udp.recv_from(&mut packet) {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(question) = Message::from_vec(&packet[..length]) else { continue };
                if manner == Manner::IsCalledAnother {
                    let mut other = answer(&question, &known, manner);
                    other.metadata.id = other.metadata.id.wrapping_add(1);
                    let _ = udp.send_to(&other.to_vec().expect("bytes"), from);
                }
                if manner != Manner::IsSilent {
                    let _ = udp.send_to(&answer(&question, &known, manner).to_vec().expect("bytes"), from);
                }
            }
        });
        let stop = Arc::clone(&ends);
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let _ = talk(stream, &by_stream);
            }
        });
        NameServer { address, ends, asked }
    }

    fn typed(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.address));
        let _ = TcpStream::connect(self.address);
    }
}

/// The same port for UDP and TCP.
fn pair() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")) {
            return (udp, tcp);
        }
    }
    panic!("no port is free both ways")
}

fn answer(question: &Message, known: &BTreeMap<String, Vec<String>>, manner: Manner) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.queries.clone_from(&question.queries);
    let name = question.queries[0].name().clone();
    match known.get(&name.to_ascii().to_lowercase()) {
        _ if manner == Manner::Fails => answer.metadata.response_code = ResponseCode::ServFail,
        _ if manner == Manner::AnswersByStream => answer.metadata.truncation = true,
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(texts) => {
            for text in texts {
                // Split into strings, as long texts are.
                let pieces =
                    text.as_bytes().chunks(100).map(|piece| String::from_utf8_lossy(piece).into_owned());
                let data = RData::TXT(TXT::new(pieces.collect()));
                answer.add_answer(Record::from_rdata(name.clone(), 60, data));
            }
        }
    }
    answer
}

fn talk(mut stream: TcpStream, known: &BTreeMap<String, Vec<String>>) -> std::io::Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question)?;
    let question = Message::from_vec(&question).expect("a question");
    let bytes = answer(&question, known, Manner::Answers).to_vec().expect("bytes");
    stream.write_all(&[&u16::try_from(bytes.len()).expect("short").to_be_bytes()[..], &bytes].concat())
}

fn key_record() -> String {
    let pem = fs::read_to_string(KEY).expect("a key");
    Signer::read("ekdala.example", "journey", &pem).expect("it signs").record()
}

fn texts(server: &NameServer, patience: Duration) -> Result<Vec<String>, String> {
    DnsClient::new(vec![server.address], patience).txt_records("a.ekdala.example")
}

#[test]
fn dns_queries_use_udp_and_tcp_for_truncated_answers() {
    let long = "x".repeat(3_000);
    let records = [("a.ekdala.example", "one"), ("a.ekdala.example", long.as_str())];
    let patience = Duration::from_secs(20);
    for manner in [Manner::AnswersByStream, Manner::IsCalledAnother] {
        let records = if manner == Manner::AnswersByStream { &records[..] } else { &records[..1] };
        let server = NameServer::start(manner, records);
        let expected: Vec<&str> = records.iter().map(|(_, text)| *text).collect();
        assert_eq!(texts(&server, patience), Ok(expected.into_iter().map(str::to_owned).collect()));
    }
    assert_eq!(texts(&NameServer::start(Manner::Answers, &[]), patience), Ok(Vec::new()));
}

#[test]
fn a_failing_or_silent_name_server_is_named() {
    let fails = NameServer::start(Manner::Fails, &[]);
    let told = texts(&fails, Duration::from_secs(20)).expect_err("it fails");
    assert!(told.starts_with(&fails.typed()) && told.contains("answered: "), "{told}");
    let silent = NameServer::start(Manner::IsSilent, &[]);
    let told = texts(&silent, Duration::from_millis(100)).expect_err("it is silent");
    assert_eq!(told, format!("{} did not answer within 0.1 s", silent.typed()));
    // The next one is asked.
    let good = NameServer::start(Manner::Answers, &[("a.ekdala.example", "one")]);
    let both = DnsClient::new(vec![silent.address, good.address], Duration::from_millis(100));
    let patient = DnsClient::new(vec![good.address], Duration::from_secs(20));
    assert_eq!(patient.txt_records("a.ekdala.example"), Ok(vec!["one".to_owned()]));
    assert!(both.txt_records("a.ekdala.example").is_ok_and(|texts| texts == ["one"]));
    assert!(both.txt_records("..").is_err());
}

#[test]
fn the_dns_records_of_the_domain_are_checked_against_the_mails() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    let key = key_record();
    let spf = ("ekdala.example", "v=spf1 ip4:192.0.2.25 -all");
    let dmarc = ("_dmarc.ekdala.example", "v=DMARC1; p=reject; adkim=s");
    let told = |records: &[(&str, &str)]| {
        let names = NameServer::start(Manner::Answers, records);
        seen(&home, Some(&relay), &["--dns", "--dns-server", &names.typed()])
    };
    let all_well = told(&[(OURS, &key), spf, dmarc, ("ekdala.example", "another=text")]);
    assert_eq!(
        about(&all_well, "DNS"),
        [
            "ok DNS: journey._domainkey.ekdala.example publishes the key that signs",
            "ok DNS: ekdala.example says who may send for it (SPF): v=spf1 ip4:192.0.2.25 -all",
            "ok DNS: ekdala.example by its policy (DMARC): reject, by p= of ekdala.example; signature of ekdala.example fits (strict); return path of ekdala.example fits (relaxed)",
        ]
    );

    let another = told(&[(OURS, "v=DKIM1; k=rsa; p=AAAA"), spf, dmarc]);
    let expected =
        "fail DNS: journey._domainkey.ekdala.example publishes another key than the one that signs";
    assert!(about(&another, "DNS")[0].starts_with(expected), "{another}");
    assert!(another.contains(&format!("at {OURS}: {key}")), "it says what to publish: {another}");

    let nothing = told(&[]);
    let levels: Vec<&str> =
        about(&nothing, "DNS").iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(levels, ["fail", "warn", "warn"], "{nothing}");

    home.edit("config.toml", "larresa@ekdala.example", "larresa@larande.ekdala.example");
    let above = told(&[(OURS, &key), ("_dmarc.ekdala.example", "v=DMARC1; p=none; sp=quarantine; adkim=s")]);
    let found = about(&above, "DNS");
    assert!(
        found[2].starts_with("fail") && found[2].contains("quarantine, by sp= of ekdala.example"),
        "{above}"
    );
    assert!(found[2].contains("signature of ekdala.example does not fit (strict)"), "{above}");
}

#[test]
fn dns_is_queried_only_on_request() {
    let authority = Authority::new("Ekdala CA");
    let relay = server::Relay::start(script(&authority));
    let home = home(relay.port(), &authority);
    let names = NameServer::start(Manner::Fails, &[]);
    assert!(about(&seen(&home, Some(&relay), &[]), "DNS").is_empty());
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
    let told = seen(&home, Some(&relay), &["--dns", "--dns-server", &names.typed()]);
    assert!(about(&told, "DNS").iter().all(|line| line.starts_with("fail")), "{told}");
    assert!(about(&told, "web")[0].starts_with("ok"), "everything else is looked at: {told}");
    for wrong in [&["--dns-server", "127.0.0.1"][..], &["--dns", "--dns-server", "dns.example"]] {
        let output = home.run(&[&["doctor"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}
