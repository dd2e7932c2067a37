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
    return_path: Key,
    letters: Encoding,
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
}

/// The content of a link token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub(crate) purpose: Purpose,
    /// The number of the delivery that contained the link.
    pub delivery: i64,
    /// The last valid day, in days since 1 January 1970.
    pub(crate) last_day: u16,
}

/// Bytes of the truncated signature in a token; 128 bits.
const TAG: usize = 16;
/// The first byte: version of the format.
const VERSION: u8 = 1;
/// Lifetime of a link: longer than a journey and its evaluation.
const DAYS: i64 = 400;
const SECONDS_A_DAY: i64 = 24 * 60 * 60;

impl Keys {
    /// Derives the keys from a secret.
    pub fn new(secret: &[u8; 32]) -> Keys {
        let root = Key::new(HMAC_SHA256, secret);
        let of = |usage: &str| Key::new(HMAC_SHA256, sign(&root, usage.as_bytes()).as_ref());
        Keys {
            message_id: of("journey message-id 1"),
            link: of("journey link 1"),
            return_path: of("journey return-path 1"),
            letters: letters(),
        }
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

    /// The recipient's own pages for one mail.
    pub(crate) fn links(&self, base_url: &str, delivery: i64, booked: Timestamp) -> ReaderLinks {
        let last_day = booked.timestamp() / SECONDS_A_DAY + DAYS;
        let last_day = u16::try_from(last_day).unwrap_or(u16::MAX);
        let to = |purpose: Purpose| {
            let token = self.token(Claim { purpose, delivery, last_day });
            format!("{base_url}/{}/{token}", purpose.as_str())
        };
        ReaderLinks {
            answer: to(Purpose::Answer),
            pause: to(Purpose::Pause),
            character: to(Purpose::Character),
            web: to(Purpose::Web),
        }
    }

    /// A signed token of lower-case letters and digits, so that it survives being
    /// typed, folded and upper-cased.
    pub(crate) fn token(&self, claim: Claim) -> String {
        let mut bytes = claim.bytes().to_vec();
        let tag = sign(&self.link, &bytes);
        bytes.extend_from_slice(&tag.as_ref()[..TAG]);
        self.letters.encode(&bytes)
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
        let whole = sign(&self.return_path, said);
        let same = |part: &[u8]| sign(&self.return_path, part);
        verify(&self.return_path, &whole.as_ref()[..TAG], same(tag).as_ref()).ok()?;
        let delivery = i64::from_be_bytes(said[1..].try_into().ok()?);
        (said[0] == VERSION).then_some(delivery)
    }

    /// The content of a token, if its signature is valid, it has this purpose, and
    /// it has not expired.
    pub fn verify(&self, token: &str, purpose: Purpose, now: Timestamp) -> Option<Claim> {
        let bytes = self.letters.decode(token.as_bytes()).ok()?;
        let (said, tag) = bytes.split_at_checked(Claim::BYTES)?;
        // Recompute the whole signature, and compare the truncated part in constant
        // time by signing both once more.
        let whole = sign(&self.link, said);
        let same = |part: &[u8]| sign(&self.link, part);
        verify(&self.link, &whole.as_ref()[..TAG], same(tag).as_ref()).ok()?;
        let claim = Claim::read(said)?;
        let today = now.timestamp() / SECONDS_A_DAY;
        (claim.purpose == purpose && today <= i64::from(claim.last_day)).then_some(claim)
    }
}

impl Purpose {
    const ALL: [Purpose; 4] = [Purpose::Answer, Purpose::Pause, Purpose::Character, Purpose::Web];

    /// Its path segment in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Answer => "answer",
            Purpose::Pause => "pause",
            Purpose::Character => "character",
            Purpose::Web => "web",
        }
    }

    fn byte(self) -> u8 {
        match self {
            Purpose::Answer => 1,
            Purpose::Pause => 2,
            Purpose::Character => 3,
            Purpose::Web => 4,
        }
    }
}

impl Claim {
    const BYTES: usize = 12;

    fn bytes(self) -> [u8; Claim::BYTES] {
        let mut bytes = [0; Claim::BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.purpose.byte();
        bytes[2..4].copy_from_slice(&self.last_day.to_be_bytes());
        bytes[4..].copy_from_slice(&self.delivery.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Claim> {
        let (head, delivery) = bytes.split_at_checked(4)?;
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.byte() == head[1])?;
        let last_day = u16::from_be_bytes([head[2], head[3]]);
        let delivery = i64::from_be_bytes(delivery.try_into().ok()?);
        (head[0] == VERSION).then_some(Claim { purpose, delivery, last_day })
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
        Keys::new(&[7; 32])
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
        let links = keys().links("https://larresa.ekdala.example", i64::MAX, at());
        for link in [links.answer, links.pause, links.character, links.web] {
            let token = link.rsplit('/').next().unwrap_or_default().to_owned();
            assert!(link.len() <= 200 && token.len() == 45, "{link}");
            assert!(token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{token}");
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
        fn only_unmodified_link_tokens_verify(delivery in 0..i64::MAX, days in 0..400i64, bit in 0..224usize) {
            let last_day = u16::try_from(at().timestamp() / SECONDS_A_DAY + days).expect("a day");
            let claim = Claim { purpose: Purpose::Answer, delivery, last_day };
            let token = keys().token(claim);
            prop_assert_eq!(keys().verify(&token, Purpose::Answer, at()), Some(claim));
            prop_assert_eq!(keys().verify(&token.to_uppercase(), Purpose::Answer, at()), Some(claim));
            prop_assert_eq!(keys().verify(&token, Purpose::Pause, at()), None);
            prop_assert_eq!(Keys::new(&[8; 32]).verify(&token, Purpose::Answer, at()), None);
            let late = at() + chrono::TimeDelta::days(days + 1);
            prop_assert_eq!(keys().verify(&token, Purpose::Answer, late), None);
            let mut bytes = letters().decode(token.as_bytes()).expect("base32");
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(keys().verify(&letters().encode(&bytes), Purpose::Answer, at()), None);
            for odd in [format!("{token})"), format!("{token}a"), token[1..].to_owned(), token[..44].to_owned()] {
                prop_assert_eq!(keys().verify(&odd, Purpose::Answer, at()), None);
            }
        }

        #[test]
        fn only_unmodified_return_paths_verify(delivery in 0..i64::MAX, bit in 0..200usize) {
            let path = keys().return_path(delivery, "bounces@ekdala.example");
            prop_assert_eq!(keys().verify_return_path(&path), Some(delivery));
            prop_assert_eq!(keys().verify_return_path(&path.to_uppercase()), Some(delivery));
            prop_assert_eq!(Keys::new(&[8; 32]).verify_return_path(&path), None);
            let token = &path["bounces+".len()..path.len() - "@ekdala.example".len()];
            let mut bytes = letters().decode(token.as_bytes()).expect("base32");
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = letters().encode(&bytes);
            let link = keys().token(Claim { purpose: Purpose::Answer, delivery, last_day: 20_000 });
            for odd in [flipped.as_str(), &token[1..], &token[..39], &format!("{token}a"), &link, ""] {
                prop_assert_eq!(keys().verify_return_path(&format!("bounces+{odd}@ekdala.example")), None);
            }
            prop_assert_eq!(keys().verify(token, Purpose::Answer, at()), None);
        }
    }
}
