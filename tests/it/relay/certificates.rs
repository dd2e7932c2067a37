//! Certificates for the test relay, valid and invalid, created for each test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority of the test.
pub(crate) struct Authority {
    /// Its certificate, as `ca_file` has it.
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A server with a certificate for these names, valid from 2020 until the
    /// first day of a year.
    pub(crate) fn server(&self, names: &[&str], until: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(names, until).signed_by(&key, &self.issuer).expect("a certificate");
        config(&certificate, &key)
    }
}

impl Authority {
    /// A key and a certificate for these names, as PEM: for a server that reads
    /// them from a file.
    pub(crate) fn chain(&self, names: &[&str]) -> String {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(names, 2100).signed_by(&key, &self.issuer).expect("a certificate");
        key.serialize_pem() + &certificate.pem()
    }
}

/// A server with a self-signed certificate.
pub(crate) fn self_signed(names: &[&str]) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let certificate = params(names, 2100).self_signed(&key).expect("a certificate");
    config(&certificate, &key)
}

fn params(names: &[&str], until: i32) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn config(certificate: &rcgen::Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate and its key");
    Arc::new(config)
}
