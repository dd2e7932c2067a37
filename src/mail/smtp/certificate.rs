//! What an X.509 certificate says about itself, for display: subject, issuer and
//! validity. It does not verify anything; rustls does that. A small DER reader is
//! enough for display: `x509-parser` 0.18 would add 19 packages to the 213 of a release
//! build.

use chrono::NaiveDateTime;

use crate::domain::time::timezone::Timestamp;

/// The fields of a certificate that are shown to operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The common name of the subject, or else the whole name.
    pub(crate) subject: String,
    /// The issuer.
    pub(crate) issuer: String,
    /// Start of the validity period.
    pub(crate) from: Timestamp,
    /// End of the validity period.
    pub(crate) until: Timestamp,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const EXTENSIONS: u8 = 0xa3;
/// id-at-commonName, and id-ce-subjectAltName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const DNS_NAME: u8 = 0x82;
/// Longer names are cut.
const LONGEST: usize = 100;

impl Certificate {
    /// Parses a certificate; `None` if it is malformed.
    pub(super) fn read(der: &[u8]) -> Option<Certificate> {
        let (certificate, _) = Part::first(der)?;
        let (signed, _) = Part::first(certificate.of(SEQUENCE)?)?;
        let mut parts = signed.parts();
        // version (may be absent), serial number, algorithm
        let version = parts.next()?;
        if version.tag == VERSION {
            parts.next()?;
        }
        parts.next()?;
        let issuer = parts.next()?.of(SEQUENCE)?;
        let validity = parts.next()?;
        let mut times = validity.parts();
        let (from, until) = (time(&times.next()?)?, time(&times.next()?)?);
        let subject = parts.next()?.of(SEQUENCE)?;
        let extensions = parts.find(|part| part.tag == EXTENSIONS);
        let subject = name(subject).or_else(|| alternative(&extensions?));
        let unnamed = || "nobody".to_owned();
        Some(Certificate {
            subject: subject.unwrap_or_else(unnamed),
            issuer: name(issuer).unwrap_or_else(unnamed),
            from,
            until,
        })
    }
}

/// A DER element: a tag and its content.
#[derive(Clone, Copy)]
struct Part<'d> {
    tag: u8,
    inside: &'d [u8],
}

impl<'d> Part<'d> {
    /// The first element and the remaining bytes.
    fn first(der: &'d [u8]) -> Option<(Part<'d>, &'d [u8])> {
        let (&tag, rest) = der.split_first()?;
        let (&short, mut rest) = rest.split_first()?;
        let mut length = usize::from(short);
        if short >= 0x80 {
            let (long, after) = rest.split_at_checked(usize::from(short & 0x7f))?;
            if long.len() > 4 {
                return None;
            }
            length = long.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest = after;
        }
        let (inside, rest) = rest.split_at_checked(length)?;
        Some((Part { tag, inside }, rest))
    }

    /// The elements inside this one.
    fn parts(self) -> impl Iterator<Item = Part<'d>> {
        let mut rest = self.inside;
        std::iter::from_fn(move || {
            let (part, after) = Part::first(rest)?;
            rest = after;
            Some(part)
        })
    }

    /// The content, if the tag matches.
    fn of(self, tag: u8) -> Option<&'d [u8]> {
        (self.tag == tag).then_some(self.inside)
    }
}

/// The common name of a name, or else all its values.
fn name(der: &[u8]) -> Option<String> {
    let mut all = Vec::new();
    for set in (Part { tag: SEQUENCE, inside: der }).parts().filter(|part| part.tag == SET) {
        for pair in set.parts() {
            let mut parts = pair.parts();
            let (kind, value) = (parts.next()?, parts.next()?);
            let value = shown(value.inside);
            if kind.inside == COMMON_NAME {
                return Some(value);
            }
            all.push(value);
        }
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// The first host in the subject alternative names.
fn alternative(extensions: &Part<'_>) -> Option<String> {
    let list = extensions.parts().next()?;
    for extension in list.parts() {
        let mut parts = extension.parts();
        if parts.next()?.inside == ALTERNATIVE_NAMES {
            let (names, _) = Part::first(parts.last()?.inside)?;
            return names.parts().find(|name| name.tag == DNS_NAME).map(|name| shown(name.inside));
        }
    }
    None
}

/// An untrusted value, sanitised for display.
fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// Parses a `UTCTime` (two-digit year, 1950 to 2049) or a `GeneralizedTime`.
fn time(part: &Part<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(part.inside).ok()?.strip_suffix('Z')?;
    let whole = match part.tag {
        UTC_TIME => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&whole, "%Y%m%d%H%M%S").ok().map(|civil| civil.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn made(common_name: Option<&str>, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["relay.example".to_owned()]).expect("a name");
        params.distinguished_name = rcgen::DistinguishedName::new();
        common_name.into_iter().for_each(|name| params.distinguished_name.push(DnType::CommonName, name));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 2, 3);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn subject_issuer_and_validity_are_read() {
        let read = Certificate::read(&made(Some("Ekdala"), 2030)).expect("it is read");
        assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("Ekdala", "Ekdala"));
        assert_eq!(read.from.to_rfc3339(), "2020-01-01T00:00:00+00:00");
        assert_eq!(read.until.to_rfc3339(), "2030-02-03T00:00:00+00:00");
    }

    #[test]
    fn dates_after_2049_use_generalized_time() {
        let read = Certificate::read(&made(Some("Ekdala"), 2100)).expect("it is read");
        assert_eq!(read.until.to_rfc3339(), "2100-02-03T00:00:00+00:00");
    }

    #[test]
    fn a_certificate_without_a_common_name_is_named_by_its_host() {
        let read = Certificate::read(&made(None, 2030)).expect("it is read");
        assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("relay.example", "nobody"));
    }

    #[test]
    fn a_truncated_certificate_is_refused_without_a_panic() {
        let whole = made(Some("Ekdala"), 2030);
        for length in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..length]), None);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(der in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Certificate::read(&der);
        }
    }
}
