//! DKIM signatures (RFC 6376), for sites whose relay does not sign. Headers and body use
//! relaxed canonicalisation. The key is passed in as text; other modules read it and
//! compare it with the published record.
//!
//! Not signed with `mail-auth`, which verifies the signatures in tests: version 0.9 would
//! add 38 packages to the 213 of a release build, among them tokio and a resolver.

use std::fmt;

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use crate::domain::time::timezone::Timestamp;

/// Headers to sign, if present. `Content-Type` is not signed, because some relays
/// rewrite it, which would break the signature.
const SIGNED: [&str; 13] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Reply-To",
    "Auto-Submitted",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "In-Reply-To",
    "References",
];

/// Headers signed once more than they occur, so that adding a second one breaks the
/// signature.
const OVER_SIGNED: [&str; 4] = ["From", "Subject", "To", "Date"];

/// Header lines are folded at this length.
const FOLDED: usize = 78;

/// Object identifiers of the key types in PKCS #8.
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Signs mails with one key of one domain.
pub struct Signer {
    domain: String,
    selector: String,
    key: SigningKey,
}

enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// The key is never printed.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}._domainkey.{}, …)", self.selector, self.domain)
    }
}

impl Signer {
    /// Parses a private key as `openssl genpkey` writes it: RSA of at least 2048 bits in
    /// PKCS #8 or PKCS #1, or Ed25519 in PKCS #8. It signs once, to detect a damaged key.
    ///
    /// # Errors
    ///
    /// What is wrong with the key, without revealing any of it.
    pub fn read(domain: &str, selector: &str, pem: &str) -> Result<Signer, String> {
        let domain = name(domain).ok_or("the signing domain is not a domain name")?;
        let selector = name(selector).ok_or("the selector is not a domain name")?;
        let signer = Signer { domain, selector, key: SigningKey::read(pem)? };
        signer.key.sign(b"")?;
        Ok(signer)
    }

    /// The kind of the key: `RSA with 2048 bits`.
    pub(crate) fn kind(&self) -> String {
        match &self.key {
            SigningKey::Rsa(key) => format!("RSA with {} bits", key.public().modulus_len() * 8),
            SigningKey::Ed25519(_) => "Ed25519".to_owned(),
        }
    }

    /// The DNS name of the public key.
    pub(crate) fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The TXT record to publish there.
    pub fn record(&self) -> String {
        match &self.key {
            SigningKey::Rsa(key) => {
                format!("v=DKIM1; k=rsa; p={}", BASE64.encode(&rsa_public_key(key.public_key().as_ref())))
            }
            SigningKey::Ed25519(key) => {
                format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(key.public_key().as_ref()))
            }
        }
    }

    /// The `DKIM-Signature` header with its line end, to prepend to a finished mail. `at`
    /// is when the mail was booked, so the same mail always gets the same signature.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers, which blind the RSA key during signing.
    pub(crate) fn sign(&self, mail: &[u8], at: Timestamp) -> Result<Vec<u8>, String> {
        let (header, body) = split(mail);
        let fields = fields(header);
        let mut names = Vec::new();
        let mut signed = Vec::with_capacity(1_024);
        for name in SIGNED {
            // The last one first (RFC 6376, 5.4.2).
            let there = fields.iter().rev().filter(|field| field.is(name));
            for field in there {
                names.push(name.to_ascii_lowercase());
                signed.extend(field.relaxed());
                signed.extend(b"\r\n");
            }
            if OVER_SIGNED.contains(&name) {
                names.push(name.to_ascii_lowercase());
            }
        }
        let body_hash = BASE64.encode(digest(&SHA256, &relaxed_body(body)).as_ref());
        let mut line = Folding::new("DKIM-Signature: v=1;");
        line.word(&format!("a={};", self.key.algorithm()));
        line.word("c=relaxed/relaxed;");
        line.word(&format!("d={};", self.domain));
        line.word(&format!("s={};", self.selector));
        line.word(&format!("t={};", at.timestamp()));
        for (index, name) in names.iter().enumerate() {
            let last = index + 1 == names.len();
            let text = format!("{name}{}", if last { ";" } else { ":" });
            if index == 0 { line.word(&format!("h={text}")) } else { line.part(&text) }
        }
        line.word(&format!("bh={body_hash};"));
        line.word("b=");
        // The signature header itself is signed too, with an empty `b=`.
        let own = Field { name: b"dkim-signature", value: &line.text.as_bytes()["DKIM-Signature:".len()..] };
        signed.extend(own.relaxed());
        let signature = BASE64.encode(&self.key.sign(&signed)?);
        for letter in signature.chars() {
            line.part(letter.encode_utf8(&mut [0; 4]));
        }
        Ok((line.text + "\r\n").into_bytes())
    }
}

impl SigningKey {
    fn read(pem: &str) -> Result<SigningKey, String> {
        let (label, der) = unwrap_pem(pem)?;
        let holds = |oid: &[u8]| der.windows(oid.len()).any(|window| window == oid);
        match label {
            "RSA PRIVATE KEY" => rsa(RsaKeyPair::from_der(&der)),
            "PRIVATE KEY" if holds(RSA) => rsa(RsaKeyPair::from_pkcs8(&der)),
            "PRIVATE KEY" if holds(ED25519) => {
                let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
                key.map(SigningKey::Ed25519).map_err(|_| "the Ed25519 key is damaged".to_owned())
            }
            "ENCRYPTED PRIVATE KEY" => Err(
                "the key is locked with a passphrase; write it without one, for the program alone to read"
                    .to_owned(),
            ),
            "PRIVATE KEY" | "EC PRIVATE KEY" => {
                Err("the key is neither RSA nor Ed25519, and DKIM knows no other".to_owned())
            }
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => {
                Err("this is the public half; signing needs the private key".to_owned())
            }
            _ => Err(NO_KEY.to_owned()),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            SigningKey::Rsa(_) => "rsa-sha256",
            SigningKey::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            SigningKey::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let signed = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature);
                signed.map_err(|_| "the RSA key cannot sign: it is damaged".to_owned())?;
                Ok(signature)
            }
            // Ed25519 signs the hash of the text (RFC 8463).
            SigningKey::Ed25519(key) => Ok(key.sign(digest(&SHA256, text).as_ref()).as_ref().to_vec()),
        }
    }
}

const NO_KEY: &str = "there is no private key in it; it begins with `-----BEGIN PRIVATE KEY-----`";

fn rsa(read: Result<RsaKeyPair, ring::error::KeyRejected>) -> Result<SigningKey, String> {
    read.map(|key| SigningKey::Rsa(Box::new(key))).map_err(|why| match why.to_string().as_str() {
        "TooSmall" => {
            "the RSA key has fewer than 2048 bits, which mail servers do not trust; create one with 2048 bits"
                .into()
        }
        "TooLarge" => "the RSA key has more than 4096 bits, and few read those; make one of 2048".into(),
        _ => "the RSA key is damaged".into(),
    })
}

/// The label and the content of the first block in a PEM text.
fn unwrap_pem(pem: &str) -> Result<(&str, Vec<u8>), String> {
    let (_, rest) = pem.split_once("-----BEGIN ").ok_or(NO_KEY)?;
    let (label, rest) = rest.split_once("-----").ok_or(NO_KEY)?;
    let (inside, _) =
        rest.split_once("-----END ").ok_or("the key has no end; part of the file is missing")?;
    let letters: String = inside.split_ascii_whitespace().collect();
    // Old programs mark an encrypted key inside the block.
    if letters.contains("Proc-Type") {
        return Ok(("ENCRYPTED PRIVATE KEY", Vec::new()));
    }
    let der = BASE64.decode(letters.as_bytes()).map_err(|_| "the key is not well formed base64")?;
    Ok((label, der))
}

/// A DNS name in lower case.
fn name(text: &str) -> Option<String> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(letter);
    (text.len() <= 253 && text.split('.').all(label)).then(|| text.to_ascii_lowercase())
}

/// An RSA public key as SubjectPublicKeyInfo, the form in which it is published.
fn rsa_public_key(key: &[u8]) -> Vec<u8> {
    let wrapped = |tag: u8, inside: &[u8]| {
        let mut der = vec![tag];
        match u16::try_from(inside.len()).unwrap_or(u16::MAX).to_be_bytes() {
            [0, short @ ..0x80] => der.push(short),
            [0, long] => der.extend([0x81, long]),
            [high, low] => der.extend([0x82, high, low]),
        }
        der.extend(inside);
        der
    };
    let algorithm = wrapped(0x30, &[RSA, &[0x05, 0x00]].concat());
    let bits = wrapped(0x03, &[&[0x00], key].concat());
    wrapped(0x30, &[algorithm, bits].concat())
}

/// Header and body of a mail, without the empty line between them.
fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    match mail.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => (&mail[..at + 2], &mail[at + 4..]),
        None => (mail, b""),
    }
}

/// A header field.
struct Field<'m> {
    name: &'m [u8],
    /// With its folds, without the line end.
    value: &'m [u8],
}

impl Field<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The relaxed form: lower-case name, and each run of whitespace and folds as one
    /// space (RFC 6376, 3.4.2).
    fn relaxed(&self) -> Vec<u8> {
        let mut text = self.name.trim_ascii_end().to_ascii_lowercase();
        text.push(b':');
        let words = self.value.split(|b| b" \t\r\n".contains(b)).filter(|word| !word.is_empty());
        text.extend(words.collect::<Vec<_>>().join(&b' '));
        text
    }
}

fn fields(header: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, two) in header.windows(2).enumerate() {
        let ends = two == b"\r\n" && !header.get(at + 2).is_some_and(|b| b" \t".contains(b));
        if !ends {
            continue;
        }
        let line = &header[start..at];
        if let Some(colon) = line.iter().position(|&b| b == b':') {
            fields.push(Field { name: &line[..colon], value: &line[colon + 1..] });
        }
        start = at + 2;
    }
    fields
}

/// The relaxed body: trailing whitespace and trailing empty lines removed, each run of
/// whitespace as one space (RFC 6376, 3.4.4).
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(body.len() + 2);
    let mut empty_lines = 0;
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    for line in body.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = line.iter().rposition(|b| !b" \t".contains(b)).map_or(0, |last| last + 1);
        if end == 0 {
            empty_lines += 1;
            continue;
        }
        (0..empty_lines).for_each(|_| text.extend(b"\r\n"));
        empty_lines = 0;
        let mut blank = false;
        for &b in &line[..end] {
            let is_blank = b" \t".contains(&b);
            if !is_blank && blank {
                text.push(b' ');
            }
            if !is_blank {
                text.push(b);
            }
            blank = is_blank;
        }
        text.extend(b"\r\n");
    }
    text
}

/// Folds a header while it is written.
struct Folding {
    text: String,
    width: usize,
}

impl Folding {
    fn new(text: &str) -> Folding {
        Folding { text: text.to_owned(), width: text.len() }
    }

    /// Appends a space and a word, on a new line if this one is full.
    fn word(&mut self, word: &str) {
        if self.width + 1 + word.len() > FOLDED {
            self.fold();
        } else {
            self.text.push(' ');
            self.width += 1;
        }
        self.push(word);
    }

    /// Appends to the current word.
    fn part(&mut self, part: &str) {
        if self.width + part.len() > FOLDED {
            self.fold();
        }
        self.push(part);
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.width += text.len();
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.width = 1;
    }
}

#[cfg(test)]
mod tests;
