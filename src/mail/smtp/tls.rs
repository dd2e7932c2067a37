//! Which certificates are trusted, and what is wrong with one that is not.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use chrono::DateTime;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore};

use super::certificate::Certificate;

/// The trusted root certificates: the system's and those of one file. They are loaded
/// once, at the first connection.
#[derive(Clone, Debug, Default)]
pub struct TlsTrust {
    ca_file: Option<PathBuf>,
    read: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl TlsTrust {
    /// Trusts the system's root certificates and those in a PEM file.
    pub fn new(ca_file: Option<PathBuf>) -> TlsTrust {
        TlsTrust { ca_file, read: Arc::default() }
    }

    /// Starts a TLS session.
    ///
    /// # Errors
    ///
    /// What is wrong with the roots or the relay's name, as a clause.
    pub(super) fn begin(&self, host: &str) -> Result<Box<ClientConnection>, String> {
        let config = match self.read.get() {
            Some(config) => config.clone(),
            None => {
                let config = self.config()?;
                self.read.get_or_init(|| config).clone()
            }
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("`{host}` cannot be the name in a certificate"))?;
        ClientConnection::new(config, name).map(Box::new).map_err(|error| error.to_string())
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        // Some systems have unreadable certificates; use the others.
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if let Some(file) = &self.ca_file {
            let shown = file.display();
            let refused = |why: &dyn std::fmt::Display| format!("cannot use ca_file {shown}: {why}");
            let before = roots.len();
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| refused(&error))? {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
            if roots.len() == before {
                return Err(refused(&"there is no certificate in it; it must be PEM"));
            }
        }
        if roots.is_empty() {
            let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
            return Err(format!("there are no root certificates on this machine{why}"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// TLS version and certificates of an encrypted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsInfo {
    /// For example `TLS 1.3`.
    pub(crate) version: &'static str,
    /// The relay's certificate and its chain; certificates that cannot be parsed are
    /// left out.
    pub(crate) chain: Vec<Certificate>,
}

/// Describes a TLS error as a clause with the dates and names at fault, and what to do.
pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(fault) => format!("its certificate is refused: {}", certificate(fault)),
        Error::InvalidMessage(_) => {
            "it does not speak TLS; is this the port for `security = \"starttls\"`?".to_owned()
        }
        other => format!("TLS did not come about: {other}"),
    }
}

fn certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::ExpiredContext { time, not_after } => {
            format!("it was good until {}, and today is {}", date(*not_after), date(*time))
        }
        CertificateError::Expired => "its time is over".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("it is good from {}, and today is {}", date(*not_before), date(*time))
        }
        CertificateError::NotValidYet => "its time has not come".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<String> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            format!("it is for {names}, not for {}; is `host` right?", expected.to_str())
        }
        CertificateError::NotValidForName => "it is for another name; is `host` right?".to_owned(),
        CertificateError::UnknownIssuer => {
            "not signed by a certificate authority that this machine trusts; if it is your own, name its file as `ca_file`"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "its signature is not that of the CA it names; is `ca_file` the one in force?".to_owned()
        }
        CertificateError::Revoked => "it was revoked".to_owned(),
        other => other.to_string(),
    }
}

/// Strips the wrapping of `DnsName("relay.example")`.
fn bare(name: &str) -> String {
    name.split('"').nth(1).unwrap_or(name).to_owned()
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0)
        .map_or_else(|| "an unknown day".to_owned(), |time| time.format("%Y-%m-%d").to_string())
}
