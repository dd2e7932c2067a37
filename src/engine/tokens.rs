//! Keys and tokens derived from the secret of the database: Message-IDs, signed
//! links and return paths. The secret is generated once, at the first write;
//! nothing else in the program is random.

use data_encoding::{Encoding, Specification};
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::model::ids::{PersonNumber, StepName};
use crate::domain::time::timezone::Timestamp;
use crate::render::ReaderLinks;
use crate::store::{Secrets, TombstoneKey};

pub(crate) mod form;

/// Generates the secret of a new database. Fails if the system provides no
/// randomness.
pub(crate) fn generate_secret() -> Result<[u8; 32], NoRandomness> {
    let mut secret = [0; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| NoRandomness)?;
    Ok(secret)
}

/// The system gives no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers, and links need a key")]
pub struct NoRandomness;

/// The SHA-256 hash.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// The SHA-256 hash in base32.
pub(super) fn sha256_base32(bytes: &[u8]) -> String {
    letters().encode(&sha256(bytes))
}

/// The keys of one database: one for each use, so that a signature for one use
/// is invalid for another.
pub struct Keys {
    message_id: Key,
    link: Key,
    /// Of the links that were valid until `journey links renew`.
    former_link: Option<Key>,
    form: Key,
    return_path: Key,
    tombstone: Key,
    letters: Encoding,
    secrets: Secrets,
}

/// The purpose of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To answer the step.
    Answer,
    /// To take a pause.
    Pause,
    /// To choose a character.
    Character,
    /// To show the mail as a web page.
    Web,
    /// To show what came and what comes.
    Journey,
    /// To read one's own answers and data.
    Mine,
}

/// The content of a link token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub(crate) purpose: Purpose,
    /// Of the person; a higher one ends all earlier links.
    pub(crate) epoch: u8,
    /// The number of the delivery that contained the link.
    pub delivery: i64,
    /// The last valid day, in days since 1 January 1970.
    pub(crate) last_day: u16,
}

/// The key of a forgotten person's tombstone, from the secret of a database.
pub(crate) fn tombstone_of(secret: &[u8; 32], employee_id: &str) -> TombstoneKey {
    Keys::new(&Secrets::first(*secret)).tombstone(employee_id)
}

/// Bytes of the truncated signature in a token; 128 bits.
const TAG: usize = 16;
/// The first byte: version of the format.
const VERSION: u8 = 1;
/// Lifetime of a link: longer than a journey and its evaluation.
const DAYS: i64 = 400;
const SECONDS_A_DAY: i64 = 24 * 60 * 60;

impl Keys {
    /// Derives the keys from the secrets.
    pub fn new(secrets: &Secrets) -> Keys {
        let of = |secret: &[u8; 32], usage: &str| {
            let root = Key::new(HMAC_SHA256, secret);
            Key::new(HMAC_SHA256, sign(&root, usage.as_bytes()).as_ref())
        };
        let of_links = secrets.link.as_ref().unwrap_or(&secrets.instance);
        Keys {
            message_id: of(&secrets.instance, "journey message-id 1"),
            link: of(of_links, "journey link 1"),
            former_link: secrets.former_link.map(|secret| of(&secret, "journey link 1")),
            form: of(of_links, "journey form 1"),
            return_path: of(&secrets.instance, "journey return-path 1"),
            tombstone: of(&secrets.instance, "journey tombstone 1"),
            letters: letters(),
            secrets: *secrets,
        }
    }

    /// The key of a forgotten person's tombstone.
    pub(crate) fn tombstone(&self, employee_id: &str) -> TombstoneKey {
        let mut key = [0; 32];
        key.copy_from_slice(sign(&self.tombstone, employee_id.as_bytes()).as_ref());
        key
    }

    /// Whether they are derived from these secrets.
    pub(crate) fn are_of(&self, secrets: &Secrets) -> bool {
        self.secrets == *secrets
    }

    /// A name for the database that tells nothing about it: `doctor` finds out with it whose pages it
    /// reaches.
    pub(crate) fn instance_name(&self) -> String {
        let tag = sign(&self.message_id, b"instance name");
        self.letters.encode(&tag.as_ref()[..TAG])
    }

    /// The Message-ID of a mail, `<…@domain>`. Deterministic, not guessable, and
    /// without personal data.
    pub(crate) fn message_id(
        &self,
        person: PersonNumber,
        step: &StepName,
        round: u16,
        domain: &str,
    ) -> String {
        let fields = format!("{}\n{step}\n{round}", person.0);
        let tag = sign(&self.message_id, fields.as_bytes());
        format!("<{}@{domain}>", self.letters.encode(&tag.as_ref()[..20]))
    }

    /// The Message-ID of a mail with new links.
    pub(crate) fn access_message_id(&self, delivery: i64, domain: &str) -> String {
        let tag = sign(&self.message_id, format!("access\n{delivery}").as_bytes());
        format!("<{}@{domain}>", self.letters.encode(&tag.as_ref()[..20]))
    }

    /// The recipient's own pages for one mail.
    pub(crate) fn links(&self, base_url: &str, to: &LinkTarget) -> ReaderLinks {
        let url = |purpose| self.url(base_url, to, purpose);
        ReaderLinks {
            answer: url(Purpose::Answer),
            pause: url(Purpose::Pause),
            character: url(Purpose::Character),
            web: url(Purpose::Web),
        }
    }

    /// The address of one page.
    pub(crate) fn url(&self, base_url: &str, to: &LinkTarget, purpose: Purpose) -> String {
        let last_day = u16::try_from(day_of(to.made) + DAYS).unwrap_or(u16::MAX);
        let token = self.token(Claim { purpose, epoch: to.epoch, delivery: to.delivery, last_day });
        format!("{base_url}/{}/{token}", purpose.as_str())
    }

    /// A signed token of lower-case letters and digits, so that it survives being
    /// typed, folded and upper-cased.
    pub(crate) fn token(&self, claim: Claim) -> String {
        let bytes = claim.bytes();
        let tag = sign(&self.link, &bytes);
        self.letters.encode(&[&bytes, &tag.as_ref()[..TAG]].concat())
    }

    /// The return path of one mail: `bounces+<token>@…`, from the configured bounce
    /// address. It cannot be guessed without having seen the envelope of the mail.
    pub fn return_path(&self, delivery: i64, bounces: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(delivery.to_be_bytes());
        let tag = sign(&self.return_path, &bytes);
        bytes.extend_from_slice(&tag.as_ref()[..TAG]);
        let (local, domain) = bounces.rsplit_once('@').unwrap_or((bounces, "localhost"));
        format!("{local}+{}@{domain}", self.letters.encode(&bytes))
    }

    /// The delivery number of a return path of ours. The part before the token is
    /// ignored, because some relays rewrite it.
    pub fn verify_return_path(&self, address: &str) -> Option<i64> {
        let (local, _) = address.rsplit_once('@')?;
        let (_, token) = local.rsplit_once('+')?;
        let bytes = self.letters.decode(token.as_bytes()).ok()?;
        let (said, tag) = bytes.split_at_checked(1 + size_of::<i64>())?;
        if !is_signature(&self.return_path, said, tag) {
            return None;
        }
        let delivery = i64::from_be_bytes(said[1..].try_into().ok()?);
        (said[0] == VERSION).then_some(delivery)
    }

    /// The content of a token, if its signature is valid, it has this purpose, and
    /// it has not expired.
    pub fn verify(&self, token: &str, purpose: Purpose, now: Timestamp) -> Option<Claim> {
        let claim = self.signed(token, &self.link)?;
        (claim.purpose == purpose && day_of(now) <= i64::from(claim.last_day)).then_some(claim)
    }

    /// The content of a token that was valid once: expired, or of the links before they
    /// were renewed. Good for one thing only: to know whose mailbox gets a new link.
    pub(crate) fn was_valid(&self, token: &str) -> Option<Claim> {
        let keys = [Some(&self.link), self.former_link.as_ref()];
        keys.into_iter().flatten().find_map(|key| self.signed(token, key))
    }

    /// The content of a token whose signature is valid.
    fn signed(&self, token: &str, key: &Key) -> Option<Claim> {
        let bytes = self.letters.decode(token.as_bytes()).ok()?;
        let (said, tag) = bytes.split_at_checked(Claim::BYTES)?;
        is_signature(key, said, tag).then(|| Claim::read(said))?
    }
}

/// Whether these are the first bytes of the signature, in constant time: both are
/// signed once more, because `ring` compares only whole signatures.
fn is_signature(key: &Key, message: &[u8], tag: &[u8]) -> bool {
    let whole = sign(key, message);
    verify(key, &whole.as_ref()[..TAG], sign(key, tag).as_ref()).is_ok()
}

/// The day in days since 1 January 1970.
fn day_of(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(SECONDS_A_DAY)
}

impl Purpose {
    /// All purposes, in the order of their numbers; a number is never used again.
    const ALL: [(Purpose, u8, &'static str); 6] = [
        (Purpose::Answer, 1, "answer"),
        (Purpose::Pause, 2, "pause"),
        (Purpose::Character, 3, "character"),
        (Purpose::Web, 4, "web"),
        (Purpose::Journey, 5, "journey"),
        (Purpose::Mine, 10, "mine"),
    ];

    /// Its path segment in a URL.
    pub fn as_str(self) -> &'static str {
        self.entry().2
    }

    fn byte(self) -> u8 {
        self.entry().1
    }

    fn entry(self) -> &'static (Purpose, u8, &'static str) {
        // Each purpose is in the list; a test says so.
        Purpose::ALL.iter().find(|(purpose, ..)| *purpose == self).unwrap_or(&Purpose::ALL[0])
    }
}

/// What the links of a page or a mail refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    /// The number of the delivery.
    pub(crate) delivery: i64,
    /// From when their days count.
    pub(crate) made: Timestamp,
    /// Of the person.
    pub(crate) epoch: u8,
}

impl Claim {
    const BYTES: usize = 13;

    fn bytes(self) -> [u8; Claim::BYTES] {
        let mut bytes = [0; Claim::BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.purpose.byte();
        bytes[2] = self.epoch;
        bytes[3..5].copy_from_slice(&self.last_day.to_be_bytes());
        bytes[5..].copy_from_slice(&self.delivery.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Claim> {
        let (head, delivery) = bytes.split_at_checked(5)?;
        let (purpose, ..) = Purpose::ALL.into_iter().find(|(_, byte, _)| *byte == head[1])?;
        let last_day = u16::from_be_bytes([head[3], head[4]]);
        let delivery = i64::from_be_bytes(delivery.try_into().ok()?);
        (head[0] == VERSION).then_some(Claim { purpose, epoch: head[2], delivery, last_day })
    }
}

/// Lower-case base32 without padding. Upper case is accepted too, because some
/// relays change the case.
fn letters() -> Encoding {
    let mut letters = Specification::new();
    letters.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    letters.translate.from.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    letters.translate.to.push_str("abcdefghijklmnopqrstuvwxyz");
    // The specification is constant and tested, so it cannot fail.
    letters.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::domain::model::ids::Slug;

    fn keys() -> Keys {
        Keys::new(&Secrets::first([7; 32]))
    }

    fn at() -> Timestamp {
        "2026-12-01T07:30:00Z".parse().expect("an instant")
    }

    #[test]
    fn message_ids_are_stable_and_unique() {
        let slug = |text| Slug::parse(text).expect("a slug");
        let step = |journey, step| StepName { journey: slug(journey), step: slug(step) };
        let id = |person, name: &StepName, round| {
            keys().message_id(PersonNumber(person), name, round, "ekdala.example")
        };
        let mail = id(1, &step("miljo", "resor"), 0);
        assert_eq!(mail, id(1, &step("miljo", "resor"), 0));
        assert_eq!(mail.len(), 32 + "<@ekdala.example>".len());
        for other in [
            id(2, &step("miljo", "resor"), 0),
            id(1, &step("miljo", "resor"), 1),
            id(1, &step("miljo", "lov"), 0),
            id(11, &step("miljo", "resor"), 0),
        ] {
            assert_ne!(mail, other);
        }
    }

    #[test]
    fn links_are_short_alphanumeric_and_anonymous() {
        let to = LinkTarget { delivery: i64::MAX, made: at(), epoch: 255 };
        let links = keys().links("https://larresa.ekdala.example", &to);
        for link in [links.answer, links.pause, links.character, links.web] {
            let token = link.rsplit('/').next().unwrap_or_default().to_owned();
            assert!(link.len() <= 200 && token.len() == 47, "{link}");
            assert!(token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{token}");
        }
    }

    #[test]
    fn each_purpose_has_its_own_byte_and_path() {
        for (purpose, byte, name) in Purpose::ALL {
            assert_eq!((purpose.byte(), purpose.as_str()), (byte, name));
        }
    }

    #[test]
    fn return_paths_are_short_alphanumeric_and_in_the_domain() {
        for delivery in [0, 1, 17, i64::MAX] {
            let path = keys().return_path(delivery, "bounces@ekdala.example");
            let (local, domain) = path.split_once('@').expect("an address");
            assert!(local.len() <= 64 && domain == "ekdala.example", "{path}");
            let token = local.strip_prefix("bounces+").expect("the address, and a token");
            assert!(token.len() == 40 && token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(19), ..ProptestConfig::default() })]

        #[test]
        fn only_unmodified_link_tokens_verify(delivery in 0..i64::MAX, days in 0..400i64, epoch: u8, bit in 0..232usize) {
            let last_day = u16::try_from(at().timestamp() / SECONDS_A_DAY + days).expect("a day");
            let claim = Claim { purpose: Purpose::Answer, epoch, delivery, last_day };
            let token = keys().token(claim);
            prop_assert_eq!(keys().verify(&token, Purpose::Answer, at()), Some(claim));
            prop_assert_eq!(keys().verify(&token.to_uppercase(), Purpose::Answer, at()), Some(claim));
            prop_assert_eq!(keys().verify(&token, Purpose::Pause, at()), None);
            prop_assert_eq!(Keys::new(&Secrets::first([8; 32])).verify(&token, Purpose::Answer, at()), None);
            let late = at() + chrono::TimeDelta::days(days + 1);
            prop_assert_eq!(keys().verify(&token, Purpose::Answer, late), None);
            prop_assert_eq!(keys().was_valid(&token), Some(claim));
            let renewed = Secrets { link: Some([9; 32]), former_link: Some([7; 32]), instance: [7; 32] };
            prop_assert_eq!(Keys::new(&renewed).verify(&token, Purpose::Answer, at()), None);
            prop_assert_eq!(Keys::new(&renewed).was_valid(&token), Some(claim));
            let mut bytes = letters().decode(token.as_bytes()).expect("base32");
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(keys().verify(&letters().encode(&bytes), Purpose::Answer, at()), None);
            for odd in [format!("{token})"), format!("{token}a"), token[1..].to_owned(), token[..46].to_owned()] {
                prop_assert_eq!(keys().verify(&odd, Purpose::Answer, at()), None);
            }
        }

        #[test]
        fn only_unmodified_return_paths_verify(delivery in 0..i64::MAX, bit in 0..200usize) {
            let path = keys().return_path(delivery, "bounces@ekdala.example");
            prop_assert_eq!(keys().verify_return_path(&path), Some(delivery));
            prop_assert_eq!(keys().verify_return_path(&path.to_uppercase()), Some(delivery));
            prop_assert_eq!(Keys::new(&Secrets::first([8; 32])).verify_return_path(&path), None);
            let token = &path["bounces+".len()..path.len() - "@ekdala.example".len()];
            let mut bytes = letters().decode(token.as_bytes()).expect("base32");
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = letters().encode(&bytes);
            let link = keys().token(Claim { purpose: Purpose::Answer, epoch: 0, delivery, last_day: 20_000 });
            for odd in [flipped.as_str(), &token[1..], &token[..39], &format!("{token}a"), &link, ""] {
                prop_assert_eq!(keys().verify_return_path(&format!("bounces+{odd}@ekdala.example")), None);
            }
            prop_assert_eq!(keys().verify(token, Purpose::Answer, at()), None);
        }
    }
}
