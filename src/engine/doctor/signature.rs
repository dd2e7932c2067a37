//! Checks the DKIM key: that it can sign, and that its domain is aligned with
//! the sender's.

use super::Finding;
use crate::config::{Config, DkimConfig};
use crate::mail::message::dkim::Signer;
use crate::text::secret_file;

/// Checks the key; returns the signer it makes, if it is valid.
pub(super) fn examine(config: &Config, tell: &mut dyn FnMut(Finding)) -> Option<Signer> {
    let Some(dkim) = &config.mail.dkim else {
        tell(Finding::good("signature", "no DKIM key here; usually the mail server signs"));
        return None;
    };
    match read(dkim) {
        Ok(signer) => {
            let from = config.mail.from.address.rsplit('@').next().unwrap_or_default();
            tell(key(&signer, &dkim.domain, from));
            Some(signer)
        }
        Err(why) => {
            tell(Finding::fault("signature", format!("{}: {why}", dkim.key_file.display())).hint(
                "make a key with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`; without it nothing leaves",
            ));
            None
        }
    }
}

fn read(dkim: &DkimConfig) -> Result<Signer, String> {
    let pem = secret_file::read_text(&dkim.key_file).map_err(|error| error.to_string())?;
    Signer::read(&dkim.domain, &dkim.selector, &pem)
}

fn key(signer: &Signer, domain: &str, from: &str) -> Finding {
    let message = format!("{}, {}", signer.record_name(), signer.kind());
    match is_of(from, domain) {
        true => Finding::good("signature", message),
        false => Finding::warning("signature", format!("{message}, but mails are from {from}")).hint(
            "a signature counts only for its own domain and those below it: set `domain` under [mail.dkim]",
        ),
    }
}

/// Whether a domain is the other one, or below it.
pub(super) fn is_of(domain: &str, above: &str) -> bool {
    let (domain, above) = (domain.to_ascii_lowercase(), above.to_ascii_lowercase());
    domain.strip_suffix(&above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_aligned_with_its_domain_and_subdomains() {
        assert!(
            is_of("ekdala.example", "ekdala.example") && is_of("larande.Ekdala.example", "ekdala.example")
        );
        assert!(!is_of("nekdala.example", "ekdala.example") && !is_of("example", "ekdala.example"));
    }
}
