//! Makes trust bundles: CA certificates with rcgen, and JWKs for them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
    SignatureAlgorithm,
};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// The trust domain of the bundles.
pub const TRUST_DOMAIN: &str = "partner.example.net";

/// The time at which they are good: 2026-11-23T00:00:00Z.
pub const NOW: i64 = 1_795_392_000;

pub const DAY: i64 = 24 * 60 * 60;

/// Returns a bundle of these keys.
pub fn bundle(keys: Vec<Value>) -> Value {
    json!({"keys": keys, "spiffe_sequence": 7, "spiffe_refresh_hint": 300})
}

/// Returns the parameters of a certificate like those of SPIRE's own CA, but with a year to live.
pub fn authority(trust_domain: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CountryName, "CH");
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "SPIFFE");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![uri(&format!("spiffe://{trust_domain}"))];
    lives(&mut params, NOW - 30 * DAY, NOW + 335 * DAY);
    params
}

/// Sets from when to when a certificate is valid, in seconds since 1970.
pub fn lives(params: &mut CertificateParams, from: i64, to: i64) {
    let time = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.unsigned_abs());
    (params.not_before, params.not_after) = (time(from), time(to));
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// Returns an `x509-svid` key with a new certificate.
pub fn x509_key(params: &CertificateParams, algorithm: &'static SignatureAlgorithm) -> Value {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let mut jwk = public(&key);
    jwk["use"] = "x509-svid".into();
    jwk["x5c"] = json!([STANDARD.encode(certificate.der())]);
    jwk
}

/// Returns a new `jwt-svid` key.
pub fn jwt_key(id: &str, algorithm: &'static SignatureAlgorithm) -> Value {
    let mut jwk = public(&KeyPair::generate_for(algorithm).unwrap());
    jwk["use"] = "jwt-svid".into();
    jwk["kid"] = id.into();
    jwk
}

/// Returns an `x509-svid` key with a certificate of `tests/corpus/certificates`.
pub fn stored_key(name: &str) -> Value {
    let path = format!("{}/tests/corpus/certificates/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let pem = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(&base64).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let mut jwk = match certificate.public_key().parsed().unwrap() {
        PublicKey::RSA(key) => {
            let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(without_zeros(bytes));
            json!({"kty": "RSA", "n": number(key.modulus), "e": number(key.exponent)})
        }
        PublicKey::EC(point) => {
            let curve = if name == "ec-secp256k1" { Some("secp256k1") } else { None };
            on_curve(point.data(), curve)
        }
        other => panic!("{path}: {other:?}"),
    };
    jwk["use"] = "x509-svid".into();
    jwk["x5c"] = json!([base64]);
    jwk
}

/// Returns a number's bytes as a JWK has them: DER puts a zero before what would otherwise be negative.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

fn public(key: &KeyPair) -> Value {
    match key.der_bytes() {
        bytes if bytes.len() == 32 => json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(bytes)}),
        point => on_curve(point, None),
    }
}

/// Returns the JWK of an uncompressed point.
fn on_curve(point: &[u8], curve: Option<&str>) -> Value {
    let (x, y) = point[1..].split_at(point.len() / 2);
    let curve = curve.unwrap_or(match x.len() {
        32 => "P-256",
        48 => "P-384",
        _ => "P-521",
    });
    json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}
