//! Signatures are verified by an independent implementation, `mail-auth`, with the public
//! key as DNS would return it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, ResolverCache, Txt};

use super::*;

const RSA_2048: &str = include_str!("../../../../tests/fixtures/dkim/test-key-rsa-2048.pem");
const RSA_2048_PKCS1: &str = include_str!("../../../../tests/fixtures/dkim/test-key-rsa-2048-pkcs1.pem");
const RSA_2048_PUBLIC: &str = include_str!("../../../../tests/fixtures/dkim/test-key-rsa-2048.pub");
const RSA_1024: &str = include_str!("../../../../tests/fixtures/dkim/test-key-rsa-1024.pem");
const ED25519_KEY: &str = include_str!("../../../../tests/fixtures/dkim/test-key-ed25519.pem");
const P256: &str = include_str!("../../../../tests/fixtures/dkim/test-key-p256.pem");
const LOCKED: &str = include_str!("../../../../tests/fixtures/dkim/test-key-encrypted.pem");

fn at() -> Timestamp {
    "2026-12-01T07:30:00Z".parse().expect("an instant")
}

fn signer(pem: &str) -> Signer {
    Signer::read("ekdala.example", "journey", pem).expect("a key")
}

/// The only DNS records there are.
struct Names(HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Names {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// No other record type is queried.
struct Nothing;

macro_rules! knows_nothing {
    ($($key:ty => $value:ty),*) => {$(
        impl ResolverCache<$key, $value> for Nothing {
            fn get<Q>(&self, _: &Q) -> Option<$value>
            where
                $key: Borrow<Q>,
                Q: Hash + Eq + ?Sized,
            {
                None
            }

            fn remove<Q>(&self, _: &Q) -> Option<$value>
            where
                $key: Borrow<Q>,
                Q: Hash + Eq + ?Sized,
            {
                None
            }

            fn insert(&self, _: $key, _: $value, _: Instant) {}
        }
    )*};
}

knows_nothing!(
    Box<str> => Arc<[MX]>,
    Box<str> => Arc<[Ipv4Addr]>,
    Box<str> => Arc<[Ipv6Addr]>,
    IpAddr => Arc<[Box<str>]>
);

/// The number of signatures, and whether all are valid.
fn verdict(mail: &[u8], signer: &Signer) -> (usize, bool) {
    let key = DomainKey::parse(signer.record().as_bytes()).expect("a record");
    let name = format!("{}.", signer.record_name());
    let names = Names(HashMap::from([(name.into(), Txt::DomainKey(Arc::new(key)))]));
    let resolver = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default());
    let resolver = resolver.expect("a resolver that nobody asks");
    let message = AuthenticatedMessage::parse(mail).expect("a mail");
    let nothing = Nothing;
    let parameters = Parameters {
        params: &message,
        cache_txt: Some(&names),
        cache_mx: Some(&nothing),
        cache_ptr: Some(&nothing),
        cache_ipv4: Some(&nothing),
        cache_ipv6: Some(&nothing),
    };
    // Nothing blocks, so the first poll returns the result.
    let answer = pin!(resolver.verify_dkim(parameters));
    let Poll::Ready(found) = answer.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the verifier asked the network");
    };
    let good = !found.is_empty() && found.iter().all(|output| *output.result() == DkimResult::Pass);
    (found.len(), good)
}

fn is_good(mail: &[u8], signer: &Signer) -> bool {
    verdict(mail, signer) == (1, true)
}

fn golden() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mails");
    let mut mails = Vec::new();
    for entry in std::fs::read_dir(folder).expect("mails") {
        let path = entry.expect("a mail").path();
        let bytes = std::fs::read(&path).expect("a mail");
        // The golden mails are stored with LF line ends and as UTF-8, which no relay would
        // accept.
        let text = String::from_utf8(bytes).expect("text").replace("\r\n", "\n").replace('\n', "\r\n");
        mails.push((path.display().to_string(), text.into_bytes()));
    }
    assert!(mails.len() > 10, "the sample has mails");
    mails.sort();
    mails
}

fn signed(mail: &[u8], signer: &Signer) -> Vec<u8> {
    [signer.sign(mail, at()).expect("a signature"), mail.to_vec()].concat()
}

/// A mail with every header that is signed.
fn full() -> Vec<u8> {
    b"From: =?utf-8?b?SMOlbGxiYXJhIEVrZGFsYQ==?= <larresa@ekdala.example>\r\n\
      To: =?utf-8?b?w4VzYQ==?= <asa@ekdala.example>\r\n\
      Reply-To: hallbarhet@ekdala.example\r\n\
      Subject: =?utf-8?b?w4VzYSw=?= a longer subject\r\n that is folded,\r\n\t twice\r\n\
      Date: Tue, 01 Dec 2026 08:30:00 +0100\r\n\
      Message-ID: <abc@ekdala.example>\r\n\
      In-Reply-To: <first@ekdala.example>\r\n\
      References: <first@ekdala.example>\r\n\
      Auto-Submitted: auto-generated\r\n\
      List-Id: The Basics <grunden.ekdala.example>\r\n\
      List-Unsubscribe: <https://larresa.ekdala.example/p/k7m2>\r\n\
      List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
      MIME-Version: 1.0\r\n\
      Content-Type: text/plain\r\n\
      \r\n\
      Hej  p=C3=A5 dig,   \r\n\r\n\tindraget\t ord\r\n\r\n\r\n"
        .to_vec()
}

#[test]
fn every_golden_mail_verifies_with_an_independent_implementation() {
    for key in [RSA_2048, ED25519_KEY] {
        let signer = signer(key);
        for (name, mail) in golden() {
            assert!(is_good(&signed(&mail, &signer), &signer), "{name} with {signer:?}");
        }
        assert!(is_good(&signed(&full(), &signer), &signer), "{signer:?}");
    }
}

#[test]
fn bodies_of_every_shape_verify() {
    let signer = signer(ED25519_KEY);
    let header = b"From: a@ekdala.example\r\nTo: b@ekdala.example\r\nSubject: x\r\n".as_slice();
    for body in ["", "\r\n", "\r\n\r\n", "a", "a\r\n", "a \r\n\r\n\r\n", "\r\n\r\na", " a\t b "] {
        let mail = [header, b"\r\n", body.as_bytes()].concat();
        assert!(is_good(&signed(&mail, &signer), &signer), "{body:?}");
    }
}

#[test]
fn relaxed_bodies_match_the_examples_of_the_rfc() {
    // RFC 6376, 3.4.5 and 3.4.4.
    assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    assert_eq!(relaxed_body(b" \t\r\n"), b"", "a line of blanks is an empty line");
}

#[test]
fn one_changed_octet_in_a_signed_header_or_the_body_breaks_the_signature() {
    let signer = signer(ED25519_KEY);
    let good = signed(&full(), &signer);
    let text = String::from_utf8(good.clone()).expect("ASCII");
    for name in SIGNED {
        let at = text.find(&format!("\r\n{name}: ")).expect("the header is there");
        let mut bad = good.clone();
        bad[at + name.len() + 6] ^= 0x01;
        assert!(!is_good(&bad, &signer), "{name}");
    }
    for word in ["Hej", "dig,", "ord", "indraget"] {
        let mut bad = good.clone();
        bad[text.find(word).expect("the word is there")] ^= 0x01;
        assert!(!is_good(&bad, &signer), "{word}");
    }
    for end in ["\r\n.", "x\r\n"] {
        assert!(
            !is_good(&[good.as_slice(), end.as_bytes()].concat(), &signer),
            "no length is signed: {end:?}"
        );
    }
    let rest = text.find("\r\nContent-Type").expect("the header is there");
    let mut free = good.clone();
    free[rest + 4] = b'O';
    assert!(is_good(&free, &signer), "`Content-Type` may be written anew by a relay");
}

#[test]
fn an_added_header_breaks_the_signature() {
    let signer = signer(ED25519_KEY);
    let good = signed(&full(), &signer);
    for name in OVER_SIGNED {
        let more = format!("{name}: somebody@else.example\r\n");
        assert!(!is_good(&[more.as_bytes(), &good].concat(), &signer), "{name}");
    }
    let received = b"Received: from a by b; Tue, 01 Dec 2026 08:30:01 +0100\r\n";
    assert!(is_good(&[received, good.as_slice()].concat(), &signer), "what every relay adds is nothing");
}

#[test]
fn whitespace_and_case_changes_by_relays_do_not_break_the_signature() {
    let signer = signer(ED25519_KEY);
    let text = String::from_utf8(signed(&full(), &signer)).expect("ASCII");
    for (from, to) in [
        ("subject\r\n that", "subject that"),
        ("\r\nMessage-ID: ", "\r\nMESSAGE-ID:   "),
        ("dig,   \r\n", "dig,\r\n"),
        ("\t ord", " ord"),
        ("\r\n\r\n\r\n", "\r\n"),
    ] {
        assert!(text.contains(from), "{from:?}");
        assert!(is_good(text.replacen(from, to, 1).as_bytes(), &signer), "{from:?}");
    }
}

#[test]
fn the_signature_is_deterministic_and_folded() {
    for key in [RSA_2048, RSA_2048_PKCS1, ED25519_KEY] {
        let signer = signer(key);
        let first = signer.sign(&full(), at()).expect("a signature");
        assert_eq!(first, signer.sign(&full(), at()).expect("a signature"));
        let text = String::from_utf8(first).expect("ASCII");
        assert!(text.starts_with("DKIM-Signature: v=1; a=") && text.ends_with("\r\n"), "{text}");
        assert!(text.contains("t=1796110200;") && text.contains("c=relaxed/relaxed;"), "{text}");
        assert!(!text.contains(" l="), "{text}");
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        let twice = text.replace("\r\n ", "");
        assert!(
            twice.contains("from:from:to:to:subject:subject:date:date:message-id:mime-version:"),
            "{text}"
        );
    }
    assert_eq!(
        signer(RSA_2048).sign(&full(), at()),
        signer(RSA_2048_PKCS1).sign(&full(), at()),
        "one key, written in two ways"
    );
}

#[test]
fn the_published_record_matches_openssl() {
    let public: String = RSA_2048_PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(signer(RSA_2048).record(), format!("v=DKIM1; k=rsa; p={public}"));
    assert_eq!(signer(RSA_2048).record_name(), "journey._domainkey.ekdala.example");
    let record = signer(ED25519_KEY).record();
    assert!(record.starts_with("v=DKIM1; k=ed25519; p=") && record.len() == 22 + 44, "{record}");
}

#[test]
fn an_unusable_key_is_reported_without_revealing_it() {
    let half = &RSA_2048[..RSA_2048.len() / 2];
    let odd = RSA_2048.replace("MII", "M!I");
    for (pem, expected) in [
        ("", "there is no private key in it"),
        (RSA_1024, "fewer than 2048 bits"),
        (P256, "neither RSA nor Ed25519"),
        (LOCKED, "locked with a passphrase"),
        (RSA_2048_PUBLIC, "the public half"),
        (half, "has no end"),
        (&odd, "not well formed"),
    ] {
        let why = Signer::read("ekdala.example", "journey", pem).expect_err("refused");
        assert!(why.contains(expected), "{why}");
    }
    assert!(Signer::read("ekdala.example", "jour ney;", ED25519_KEY).is_err());
    assert!(Signer::read("", "journey", ED25519_KEY).is_err());
    assert_eq!(format!("{:?}", signer(ED25519_KEY)), "Signer(journey._domainkey.ekdala.example, …)");
}
