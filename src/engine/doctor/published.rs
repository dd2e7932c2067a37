//! Checks the DNS records of the sender domain that receiving servers use: the
//! DKIM key, SPF and DMARC.

use std::time::Duration;

use super::Finding;
use super::signature::is_of;
use crate::config::Config;
use crate::mail::dns::DnsClient;
use crate::mail::message::dkim::Signer;

/// The system's list of name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Maximum number of parent domains asked for a DMARC policy.
const MAX_PARENTS: usize = 8;

/// Checks the records; without `servers`, with those of the system.
pub(super) fn examine(
    config: &Config,
    signer: Option<&Signer>,
    servers: &[std::net::SocketAddr],
    patience: Duration,
    tell: &mut dyn FnMut(Finding),
) {
    let names = match servers {
        [] => {
            let text = std::fs::read_to_string(RESOLV_CONF).unwrap_or_default();
            DnsClient::of_machine(&text, patience)
        }
        some => DnsClient::new(some.to_vec(), patience),
    };
    let mail = &config.mail;
    if let Some(signer) = signer {
        let name = signer.record_name();
        tell(
            names
                .txt_records(&name)
                .map_or_else(|why| unknown(&name, &why), |texts| key(&name, &signer.record(), &texts)),
        );
    }
    let from = domain_of(&mail.from.address);
    let envelope = domain_of(mail.bounce.as_deref().unwrap_or(&mail.from.address));
    let spf = names.txt_records(&envelope);
    let has_spf = spf.as_ref().is_ok_and(|texts| texts.iter().any(|text| is_spf(text)));
    tell(spf.map_or_else(|why| unknown(&envelope, &why), |texts| check_spf(&envelope, &texts)));
    let aligned = Aligned {
        from: &from,
        signature: mail.dkim.as_ref().map(|dkim| dkim.domain.as_str()),
        envelope: has_spf.then_some(envelope.as_str()),
    };
    tell(match found(&names, &from) {
        Ok(found) => policy(&aligned, found.as_ref().map(|(at, texts)| (at.as_str(), texts.as_slice()))),
        Err(unknown) => unknown,
    });
}

fn domain_of(address: &str) -> String {
    address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase()
}

fn unknown(name: &str, why: &str) -> Finding {
    Finding::fault("DNS", format!("{name} cannot be looked up: {why}"))
        .hint("name a name server that answers: --dns-server 192.0.2.53")
}

/// The value of a tag in a DKIM or DMARC record, `v=DMARC1; p=none`. Names in
/// lower case; the first of two equal tags counts.
fn tag<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let tags = text.split(';').filter_map(|tag| tag.split_once('='));
    let mut of_name = tags.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    of_name.next().map(|(_, value)| value.trim())
}

/// Compares the published key with the signing key.
fn key(name: &str, should: &str, texts: &[String]) -> Finding {
    let publish = || format!("publish this text (TXT) at {name}: {should}");
    let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let keys: Vec<&String> = texts.iter().filter(|text| tag(text, "p").is_some()).collect();
    let [text] = keys.as_slice() else {
        let what =
            if keys.is_empty() { "publishes no key" } else { "publishes several keys, and none is believed" };
        return Finding::fault("DNS", format!("{name} {what}: mails with our signature are not believed"))
            .hint(publish());
    };
    let published = plain(tag(text, "p").unwrap_or_default());
    let kind = |text: &str| tag(text, "k").unwrap_or("rsa").to_ascii_lowercase();
    if published.is_empty() {
        return Finding::fault("DNS", format!("{name} says that its key was taken back")).hint(publish());
    }
    if published != plain(tag(should, "p").unwrap_or_default()) || kind(text) != kind(should) {
        let message =
            format!("{name} publishes another key than the one that signs: mails would be taken for forged");
        return Finding::fault("DNS", message).hint(publish());
    }
    let lists = |name: &str, wanted: &[&str]| {
        tag(text, name).is_none_or(|list| list.split(':').any(|word| wanted.contains(&word.trim())))
    };
    if !lists("h", &["sha256"]) || !lists("s", &["email", "*"]) {
        let message = format!("{name} publishes our key, but not for mails as they are signed (`h=`, `s=`)");
        return Finding::fault("DNS", message).hint(publish());
    }
    if tag(text, "t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        let message =
            format!("{name} publishes the key that signs, for a trial (`t=y`): it may count for nothing");
        return Finding::warning("DNS", message).hint("take `t=y` out when the trial is over");
    }
    Finding::good("DNS", format!("{name} publishes the key that signs"))
}

fn is_spf(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case("v=spf1")
}

/// Checks SPF for the bounce domain. Whether it includes our relay shows only
/// in a real mail: the relay's outgoing address is not known here.
fn check_spf(domain: &str, texts: &[String]) -> Finding {
    let records: Vec<&String> = texts.iter().filter(|text| is_spf(text)).collect();
    let text = match records.as_slice() {
        [text] => text,
        [] => {
            return Finding::warning("DNS", format!("{domain} does not say who may send for it (SPF)")).hint(
                "ask the operator of the mail server for the text, like: v=spf1 include:mail.example -all",
            );
        }
        _ => {
            return Finding::fault(
                "DNS",
                format!("{domain} says twice who may send for it (SPF): neither counts"),
            )
            .hint("make one text of them");
        }
    };
    let everybody = |word: &str| matches!(word.to_ascii_lowercase().as_str(), "all" | "+all");
    let shown: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
    if text.split_whitespace().any(everybody) {
        return Finding::warning("DNS", format!("{domain} lets everybody send for it (SPF): {shown}"))
            .hint("end it with -all, or ~all while it is tried");
    }
    Finding::good("DNS", format!("{domain} says who may send for it (SPF): {shown}"))
}

/// The domains of a mail that DMARC alignment compares.
struct Aligned<'a> {
    /// Domain of the sender.
    from: &'a str,
    /// Domain of the DKIM signature, if there is one.
    signature: Option<&'a str>,
    /// Domain of the return path, if it has SPF.
    envelope: Option<&'a str>,
}

/// The nearest DMARC policy: of the domain, or of a parent.
fn found(names: &DnsClient, from: &str) -> Result<Option<(String, Vec<String>)>, Finding> {
    let mut domain = from;
    for _ in 0..MAX_PARENTS {
        let name = format!("_dmarc.{domain}");
        let texts = names.txt_records(&name).map_err(|why| unknown(&name, &why))?;
        let policies: Vec<String> = texts
            .into_iter()
            .filter(|text| tag(text, "v").is_some_and(|version| version.eq_ignore_ascii_case("DMARC1")))
            .collect();
        if !policies.is_empty() {
            return Ok(Some((domain.to_owned(), policies)));
        }
        match domain.split_once('.') {
            // Top-level domains are not asked.
            Some((_, above)) if above.contains('.') => domain = above,
            Some(_) | None => break,
        }
    }
    Ok(None)
}

/// Judges our mails by the policy that was found.
fn policy(aligned: &Aligned<'_>, found: Option<(&str, &[String])>) -> Finding {
    let from = aligned.from;
    let Some((at, texts)) = found else {
        return Finding::warning("DNS", format!("{from} has no policy for mails that fit it not (DMARC)"))
            .hint(format!("begin with a text (TXT) at _dmarc.{from}: v=DMARC1; p=none"));
    };
    let [text] = texts else {
        return Finding::fault("DNS", format!("_dmarc.{at} has several policies: none counts"))
            .hint("make one text of them");
    };
    let own = tag(text, "p").map(str::to_ascii_lowercase);
    let Some(own) = own.filter(|p| matches!(p.as_str(), "none" | "quarantine" | "reject")) else {
        return Finding::fault("DNS", format!("_dmarc.{at} has no policy that counts (`p=`)"))
            .hint("write p=none, p=quarantine or p=reject");
    };
    let below = tag(text, "sp").map(str::to_ascii_lowercase);
    let (in_force, by) = match below.filter(|_| at != from) {
        Some(below) => (below, format!("sp= of {at}")),
        None => (own, format!("p= of {at}")),
    };
    let strict = |name: &str| tag(text, name).is_some_and(|mode| mode.eq_ignore_ascii_case("s"));
    let fits = |domain: &str, strict: bool| match strict {
        true => domain.eq_ignore_ascii_case(from),
        // Relaxed alignment: both below the organisation's domain, which is where the
        // policy was found, or one below the other.
        false => is_of(domain, from) || is_of(from, domain) || (is_of(domain, at) && is_of(from, at)),
    };
    let mode = |strict: bool| if strict { "strict" } else { "relaxed" };
    let (signature_strict, envelope_strict) = (strict("adkim"), strict("aspf"));
    let signature = aligned.signature.map(|domain| (domain, fits(domain, signature_strict)));
    let envelope = aligned.envelope.map(|domain| (domain, fits(domain, envelope_strict)));
    let shown = |what: &str, of: Option<(&str, bool)>, strict: bool| match of {
        Some((domain, true)) => format!("{what} of {domain} fits ({})", mode(strict)),
        Some((domain, false)) => format!("{what} of {domain} does not fit ({})", mode(strict)),
        None => format!("{what}: none of ours ({})", mode(strict)),
    };
    let message = format!(
        "{from} by its policy (DMARC): {in_force}, by {by}; {}; {}",
        shown("signature", signature, signature_strict),
        shown("return path", envelope, envelope_strict)
    );
    let fit = [signature, envelope].into_iter().flatten().any(|(_, fits)| fits);
    let wrong = signature.is_some_and(|(_, fits)| !fits) || envelope.is_some_and(|(_, fits)| !fits);
    let hint = "sign with the very domain that mails are from, or let mails be from the domain that signs";
    match (fit, in_force.as_str()) {
        // The relay may sign; only a received mail shows it.
        (false, _) if signature.is_none() && envelope.is_none() => Finding::warning("DNS", message)
            .hint("send a test mail elsewhere, and see in its header whether `dmarc=pass`"),
        (false, "none") => Finding::warning("DNS", message).hint(hint),
        (false, _) => Finding::fault("DNS", message).hint(hint),
        (true, _) if wrong => Finding::warning("DNS", message).hint(hint),
        (true, _) => Finding::good("DNS", message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::doctor::Level;

    const SHOULD: &str = "v=DKIM1; k=rsa; p=AAAABBBB";

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_published_dkim_key_must_match_the_signing_key() {
        let level = |found: &[&str]| key("journey._domainkey.ekdala.example", SHOULD, &texts(found)).level;
        assert_eq!(level(&[SHOULD]), Level::Good);
        assert_eq!(level(&["google-site=1", "k=rsa;p=AAAA BBBB"]), Level::Good);
        assert_eq!(level(&["v=DKIM1; p=AAAABBBB; h=sha1:sha256; s=email"]), Level::Good);
        assert_eq!(level(&["v=DKIM1; p=AAAABBBB; t=s:y"]), Level::Warning);
        for wrong in [
            &[][..],
            &["v=DKIM1; p="],
            &["v=DKIM1; p=AAAACCCC"],
            &["v=DKIM1; k=ed25519; p=AAAABBBB"],
            &["v=DKIM1; h=sha1; p=AAAABBBB"],
            &["v=DKIM1; s=tlsrpt; p=AAAABBBB"],
            &[SHOULD, "v=DKIM1; p=CCCC"],
        ] {
            assert_eq!(level(wrong), Level::Fault, "{wrong:?}");
        }
    }

    #[test]
    fn spf_records_are_judged() {
        let level = |found: &[&str]| check_spf("ekdala.example", &texts(found)).level;
        assert_eq!(level(&["x", "v=spf1 mx -all"]), Level::Good);
        assert_eq!(level(&["v=spf1 redirect=_spf.ekdala.example"]), Level::Good);
        assert_eq!(level(&["v=spf1 mx +all"]), Level::Warning);
        assert_eq!(level(&["v=spf10 mx"]), Level::Warning);
        assert_eq!(level(&["v=spf1 mx -all", "V=SPF1 a ~all"]), Level::Fault);
    }

    fn of(
        from: &str,
        signature: Option<&str>,
        envelope: Option<&str>,
        at: &str,
        text: &str,
    ) -> (Level, String) {
        let found = texts(&[text]);
        let finding = policy(&Aligned { from, signature, envelope }, Some((at, &found)));
        (finding.level, finding.message)
    }

    #[test]
    fn dmarc_alignment_relaxed_and_strict() {
        let (from, above) = ("larande.ekdala.example", "ekdala.example");
        let relaxed = of(from, Some(above), Some(above), above, "v=DMARC1; p=reject");
        assert_eq!(relaxed.0, Level::Good, "{}", relaxed.1);
        let strict = "v=DMARC1; p=reject; adkim=s; aspf=s";
        assert_eq!(of(from, Some(above), Some(above), above, strict).0, Level::Fault);
        assert_eq!(of(from, Some(from), Some(above), above, strict).0, Level::Warning);
        assert_eq!(of(from, Some(from), Some(from), above, strict).0, Level::Good);
        // With a policy of its own, the domain is still below the one that signs.
        assert_eq!(of(from, Some(above), None, from, "v=DMARC1; p=reject").0, Level::Good);
        let sister = "nyheter.ekdala.example";
        assert_eq!(of(from, Some(sister), None, above, "v=DMARC1; p=reject").0, Level::Good);
        assert_eq!(of(from, Some("other.example"), None, above, "v=DMARC1; p=none").0, Level::Warning);
        assert_eq!(of(from, Some("other.example"), None, above, "v=DMARC1; p=quarantine").0, Level::Fault);
        assert_eq!(of(from, None, None, above, "v=DMARC1; p=reject").0, Level::Warning);
    }

    #[test]
    fn a_parent_policy_applies_to_subdomains() {
        let (from, above) = ("larande.ekdala.example", "ekdala.example");
        let text = "v=DMARC1; p=none; sp=reject";
        let told = |from: &str, text: &str| of(from, Some(above), None, above, text).1;
        assert!(
            told(from, text).contains("(DMARC): reject, by sp= of ekdala.example;"),
            "{}",
            told(from, text)
        );
        assert!(
            told(above, text).contains("(DMARC): none, by p= of ekdala.example;"),
            "{}",
            told(above, text)
        );
        assert!(told(from, "v=DMARC1; p=none").contains("none, by p= of ekdala.example"));
    }

    #[test]
    fn missing_or_invalid_dmarc_policies() {
        let aligned = Aligned { from: "ekdala.example", signature: None, envelope: None };
        assert_eq!(policy(&aligned, None).level, Level::Warning);
        let level = |found: &[&str]| policy(&aligned, Some(("ekdala.example", &texts(found)))).level;
        assert_eq!(level(&["v=DMARC1; rua=mailto:x@ekdala.example"]), Level::Fault);
        assert_eq!(level(&["v=DMARC1; p=none", "v=DMARC1; p=reject"]), Level::Fault);
    }
}
