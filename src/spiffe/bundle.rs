//! Trust bundles: JWK sets, spiffe.io/docs/latest/spiffe-specs/spiffe_trust_domain_and_bundle, section 4, and RFC 7517.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use num_bigint::BigUint;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Error};
use x509_parser::public_key::PublicKey;

use super::TrustDomain;
use crate::diagnostic::{Diagnostic, FileId, Place};
use crate::yaml::{Node, Value, embedded_json};

/// A bundle as far as it could be read, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The X.509 authorities whose certificate could be read.
    pub authorities: Vec<Authority>,
    /// All public keys that could be read, with where they stand.
    pub keys: Vec<(PublicKeyBytes, Place)>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A certificate that X.509-SVIDs of the trust domain are signed with.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Where the certificate stands.
    pub place: Place,
    /// The first second at which it is valid, since 1970.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
    /// Whether its subject says that it is an example: nobody has its private key.
    pub is_example: bool,
    /// The URIs that it is for: the trust domain's SPIFFE ID.
    pub uris: Vec<String>,
}

/// The organization that example certificates name as their subject's.
const EXAMPLE_ORGANIZATION: &str = "dirops example";

/// A public key in a form in which equal keys are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublicKeyBytes {
    /// A point on a curve, by the curve's JOSE name.
    Ec(&'static str, Vec<u8>),
    /// Modulus and exponent, without leading zeros.
    Rsa(Vec<u8>, Vec<u8>),
    /// An Ed25519 key.
    Ed25519(Vec<u8>),
}

/// Something that is wrong with a bundle.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What it is about.
    pub kind: ProblemKind,
    /// What, where, and the way out.
    pub diagnostic: Diagnostic,
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The JSON and the members of the set.
    Json,
    /// A JWK.
    Key,
    /// A certificate.
    Certificate,
    /// A key or signature that is too weak.
    Weak,
    /// A private key.
    Private,
}

/// Members of a JWK that are private or symmetric key material: RFC 7518, section 6.
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// Curves by their JOSE name, object identifier and coordinate length in bytes.
const CURVES: [(&str, &str, usize); 3] =
    [("P-256", "1.2.840.10045.3.1.7", 32), ("P-384", "1.3.132.0.34", 48), ("P-521", "1.3.132.0.35", 66)];

/// The prime and the coefficient b of each curve, hexadecimal: NIST SP 800-186, section 3.2.1.
const CURVE_PARAMETERS: [(&str, &str, &str); 3] = [
    (
        "P-256",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    ),
    (
        "P-384",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    ),
    (
        "P-521",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
         ffffffffffffffffffffffffffffffff",
        "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf07\
         3573df883d2c34f1ef451fd46b503f00",
    ),
];

/// Signatures with MD2, MD5 or SHA-1.
const WEAK_SIGNATURES: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.2", "MD2"),
    ("1.2.840.113549.1.1.4", "MD5"),
    ("1.2.840.113549.1.1.5", "SHA-1"),
    ("1.2.840.10045.4.1", "SHA-1"),
    ("1.2.840.10040.4.3", "SHA-1"),
];

impl Bundle {
    /// Reads the bundle of a trust domain from the scalar that holds it.
    pub fn read(file: FileId, file_text: &str, scalar: &Node, trust_domain: Option<&str>) -> Self {
        let mut reader = Reader { bundle: Self::default(), trust_domain, key_ids: BTreeMap::new() };
        match embedded_json(file, file_text, scalar) {
            Ok(json) => reader.set(&json),
            Err(error) => reader.problem(ProblemKind::Json, error),
        }
        reader.bundle
    }
}

struct Reader<'a> {
    bundle: Bundle,
    trust_domain: Option<&'a str>,
    key_ids: BTreeMap<String, Place>,
}

impl Reader<'_> {
    fn problem(&mut self, kind: ProblemKind, diagnostic: Diagnostic) {
        // Nobody reads more, and a bundle can be made to have one for every few bytes. Private keys are told for sure.
        let limit = if kind == ProblemKind::Private { 1100 } else { 1000 };
        if self.bundle.problems.len() < limit {
            self.bundle.problems.push(Problem { kind, diagnostic });
        }
    }

    fn say(&mut self, kind: ProblemKind, place: Place, message: impl Into<String>) {
        self.problem(kind, Diagnostic::new(message).at(place));
    }

    fn set(&mut self, json: &Node) {
        let Some(map) = json.as_map() else {
            return self.say(ProblemKind::Json, json.place, format!("a bundle is an object, not {}", json.kind()));
        };
        for (name, entry) in map {
            self.member(name, entry.key, &entry.node);
        }
        let Some(keys) = json.get("keys") else {
            return self.say(ProblemKind::Json, json.place, "a bundle needs the member `keys`");
        };
        let Some(keys) = keys.as_list() else {
            return self.say(ProblemKind::Json, keys.place, format!("`keys` is a list, not {}", keys.kind()));
        };
        for key in keys {
            self.key(key);
        }
        let is_x509 = |key: &Node| key.get("use").and_then(Node::as_text) == Some("x509-svid");
        if !keys.iter().any(is_x509) {
            let place = json.get("keys").map_or(json.place, |keys| keys.place);
            let diagnostic = Diagnostic::new("no key has the use `x509-svid`: no workload could be recognised")
                .at(place)
                .help("take the whole output of `spire-server bundle show -format spiffe`");
            self.problem(ProblemKind::Json, diagnostic);
        }
    }

    fn member(&mut self, name: &str, key: Place, value: &Node) {
        const NUMBERS: [&str; 2] = ["spiffe_sequence", "spiffe_refresh_hint"];
        if NUMBERS.contains(&name) {
            let is_number = matches!(value.value, Value::Int(0..) | Value::UInt(_));
            if !is_number {
                self.say(ProblemKind::Json, value.place, format!("`{name}` is an integer of 0 or more"));
            }
        } else if name.starts_with("spiffe_") {
            let diagnostic = Diagnostic::new(format!("a bundle has no member `{name}`")).at(key).suggest(name, NUMBERS);
            self.problem(ProblemKind::Json, diagnostic);
        }
    }

    fn key(&mut self, jwk: &Node) {
        let Some(map) = jwk.as_map() else {
            return self.say(ProblemKind::Key, jwk.place, format!("a key is an object, not {}", jwk.kind()));
        };
        for (name, entry) in map {
            if PRIVATE_MEMBERS.contains(&&**name) {
                let diagnostic = Diagnostic::new(format!("the member `{name}` of a key is private key material"))
                    .at(entry.key)
                    .help("remove it, and replace the key everywhere: who has seen this file has it");
                self.problem(ProblemKind::Private, diagnostic);
            }
        }
        let public = self.public_key(jwk);
        if let Some(public) = &public {
            self.bundle.keys.push((public.clone(), jwk.place));
        }
        match self.text(jwk, "use") {
            Some(("x509-svid", _)) => self.certificate(jwk, public.as_ref()),
            Some(("jwt-svid", _)) => self.key_id(jwk),
            Some((other, place)) => {
                let other = other.to_owned();
                let diagnostic = Diagnostic::new(format!("a key has no use `{other}`"))
                    .at(place)
                    .suggest(&other, ["x509-svid", "jwt-svid"]);
                self.problem(ProblemKind::Key, diagnostic);
            }
            None => {}
        }
    }

    /// Returns a text that a key must have.
    fn text<'n>(&mut self, jwk: &'n Node, name: &str) -> Option<(&'n str, Place)> {
        let Some(node) = jwk.get(name) else {
            self.say(ProblemKind::Key, jwk.place, format!("a key needs the member `{name}`"));
            return None;
        };
        let Some(text) = node.as_text() else {
            self.say(ProblemKind::Key, node.place, format!("`{name}` is text, not {}", node.kind()));
            return None;
        };
        Some((text, node.place))
    }

    /// Returns the bytes of a member of a key: base64url without padding (RFC 7515, section 2).
    fn bytes(&mut self, jwk: &Node, name: &str) -> Option<(Vec<u8>, Place)> {
        let (text, place) = self.text(jwk, name)?;
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if !bytes.is_empty() => Some((bytes, place)),
            Ok(_) => {
                self.say(ProblemKind::Key, place, format!("`{name}` is empty"));
                None
            }
            Err(_) => {
                self.say(ProblemKind::Key, place, format!("`{name}` is not base64url without padding"));
                None
            }
        }
    }

    fn public_key(&mut self, jwk: &Node) -> Option<PublicKeyBytes> {
        let (kty, place) = self.text(jwk, "kty")?;
        match kty {
            "EC" => self.ec_key(jwk),
            "RSA" => self.rsa_key(jwk),
            "OKP" => self.okp_key(jwk),
            other => {
                let diagnostic = Diagnostic::new(format!("there is no key type `{other}` for bundles"))
                    .at(place)
                    .suggest(other, ["EC", "RSA", "OKP"]);
                self.problem(ProblemKind::Key, diagnostic);
                None
            }
        }
    }

    fn ec_key(&mut self, jwk: &Node) -> Option<PublicKeyBytes> {
        let curve = self.text(jwk, "crv");
        let (x, y) = (self.bytes(jwk, "x"), self.bytes(jwk, "y"));
        let (name, place) = curve?;
        let Some((curve, _, length)) = CURVES.iter().find(|(curve, ..)| *curve == name) else {
            let known = CURVES.map(|(curve, ..)| curve);
            let diagnostic =
                Diagnostic::new(format!("there is no curve `{name}` for bundles")).at(place).suggest(name, known);
            self.problem(ProblemKind::Key, diagnostic);
            return None;
        };
        let (x, y) = (x?, y?);
        for (name, (bytes, place)) in [("x", &x), ("y", &y)] {
            if bytes.len() != *length {
                let message = format!("`{name}` has {} bytes; a coordinate on {curve} has {length}", bytes.len());
                self.say(ProblemKind::Key, *place, message);
                return None;
            }
        }
        if !on_curve(curve, &x.0, &y.0) {
            self.say(ProblemKind::Key, place, format!("`x` and `y` are no point on {curve}"));
            return None;
        }
        Some(PublicKeyBytes::Ec(curve, [x.0, y.0].concat()))
    }

    fn rsa_key(&mut self, jwk: &Node) -> Option<PublicKeyBytes> {
        let (n, e) = (self.bytes(jwk, "n"), self.bytes(jwk, "e"));
        let ((n, place), (e, e_place)) = (n?, e?);
        let (n, e) = (without_zeros(&n), without_zeros(&e));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if bits < 2048 {
            let diagnostic = Diagnostic::new(format!("the RSA key has {bits} bits; fewer than 2048 can be broken"))
                .at(place)
                .help("let the SPIRE server make its keys anew: `ca_key_type` rsa-2048 or ec-p256");
            self.problem(ProblemKind::Weak, diagnostic);
        }
        let exponent_fits = e.last().is_some_and(|byte| byte % 2 == 1) && e != [1];
        if !exponent_fits {
            self.say(ProblemKind::Key, e_place, "`e` is no exponent of RSA: it is odd and larger than 1");
        }
        Some(PublicKeyBytes::Rsa(n, e))
    }

    fn okp_key(&mut self, jwk: &Node) -> Option<PublicKeyBytes> {
        let curve = self.text(jwk, "crv");
        let x = self.bytes(jwk, "x");
        let (name, place) = curve?;
        if name != "Ed25519" {
            let diagnostic = Diagnostic::new(format!("there is no curve `{name}` for keys of type OKP"))
                .at(place)
                .suggest(name, ["Ed25519"]);
            self.problem(ProblemKind::Key, diagnostic);
            return None;
        }
        let (x, place) = x?;
        if x.len() != 32 {
            self.say(ProblemKind::Key, place, format!("`x` has {} bytes; an Ed25519 key has 32", x.len()));
            return None;
        }
        Some(PublicKeyBytes::Ed25519(x))
    }

    fn key_id(&mut self, jwk: &Node) {
        let Some((id, place)) = self.text(jwk, "kid") else {
            return;
        };
        if id.is_empty() {
            return self.say(ProblemKind::Key, place, "`kid` is empty");
        }
        if let Some(first) = self.key_ids.insert(id.to_owned(), place) {
            let message = format!("two keys have one `kid`, the first in line {}", first.line);
            self.say(ProblemKind::Key, place, message);
        }
    }

    fn certificate(&mut self, jwk: &Node, public: Option<&PublicKeyBytes>) {
        const KIND: ProblemKind = ProblemKind::Certificate;
        let Some(chain) = jwk.get("x5c") else {
            return self.say(KIND, jwk.place, "a key for X.509-SVIDs needs the member `x5c` with its certificate");
        };
        let certificates = chain.as_list().unwrap_or_default();
        let [certificate] = certificates else {
            let message = format!("`x5c` is a list of exactly one certificate, not of {}", certificates.len());
            return self.say(KIND, chain.place, message);
        };
        let place = certificate.place;
        let Some(text) = certificate.as_text() else {
            return self.say(KIND, place, format!("a certificate is text, not {}", certificate.kind()));
        };
        let Ok(der) = STANDARD.decode(text) else {
            return self.say(
                KIND,
                place,
                "the certificate is not base64 (with `+` and `/`, padded: RFC 7517, section 4.7)",
            );
        };
        match X509Certificate::from_der(&der) {
            Ok(([], certificate)) => {
                if signature_algorithms(&der).is_none_or(|(inner, outer)| inner != outer) {
                    self.say(KIND, place, "the certificate does not say in one way how it is signed");
                }
                if !has_its_tags(&der) {
                    self.say(KIND, place, "a part of the certificate is of another type than it must be");
                }
                self.judge(&certificate, place, public);
            }
            Ok(_) => self.say(KIND, place, "something follows the certificate"),
            Err(_) => self.say(KIND, place, "this is no X.509 certificate in DER"),
        }
    }

    fn judge(&mut self, certificate: &X509Certificate<'_>, place: Place, public: Option<&PublicKeyBytes>) {
        const KIND: ProblemKind = ProblemKind::Certificate;
        let validity = certificate.validity();
        self.bundle.authorities.push(Authority {
            place,
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            is_example: is_example(certificate),
            uris: uris(certificate).into_iter().map(str::to_owned).collect(),
        });
        if !certificate.is_ca() {
            self.say(KIND, place, "the certificate is not a CA's: basic constraints do not say so");
        }
        let signs = certificate.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
        if !signs {
            self.say(KIND, place, "the certificate may not sign others: its key usage lacks keyCertSign");
        }
        if ![certificate.subject(), certificate.issuer()].iter().all(|name| is_name(name.as_raw())) {
            self.say(KIND, place, "a name in the certificate is malformed");
        }
        if certificate.raw_serial().first().is_none_or(|byte| byte & 0x80 != 0) {
            self.say(KIND, place, "the serial number of the certificate is negative");
        }
        if is_forged(certificate) {
            self.say(KIND, place, "the certificate was changed after it was signed");
        }
        match (certificate_key(certificate), public) {
            (None, _) => self.say(KIND, place, "the certificate's key is of no type that a JWK could name"),
            (Some(key), Some(public)) if key != *public => {
                self.say(KIND, place, "the certificate is of another key than the one that it stands with");
            }
            _ => {}
        }
        self.judge_names(certificate, place);
        let signature = certificate.signature_algorithm.algorithm.to_id_string();
        if let Some((_, hash)) = WEAK_SIGNATURES.iter().find(|(id, _)| *id == signature) {
            self.say(ProblemKind::Weak, place, format!("the certificate is signed with {hash}, which can be forged"));
        }
    }

    fn judge_names(&mut self, certificate: &X509Certificate<'_>, place: Place) {
        // Of a trust domain that is none another rule tells; here it would be repeated for every name.
        let Some(trust_domain) = self.trust_domain.and_then(|name| name.parse::<TrustDomain>().ok()) else {
            return;
        };
        let expected = format!("spiffe://{trust_domain}");
        for uri in uris(certificate).into_iter().filter(|uri| *uri != expected) {
            let shown: String = uri.chars().take(300).flat_map(char::escape_debug).collect();
            let diagnostic = Diagnostic::new(format!("the certificate is for `{shown}`, not for `{expected}`"))
                .at(place)
                .help("take the bundle from the SPIRE server of this trust domain");
            self.problem(ProblemKind::Certificate, diagnostic);
        }
    }
}

fn is_example(certificate: &X509Certificate<'_>) -> bool {
    let mut organizations = certificate.subject().iter_organization();
    organizations.any(|organization| organization.as_str().is_ok_and(|name| name == EXAMPLE_ORGANIZATION))
}

/// Returns the URIs that a certificate is for.
fn uris<'a>(certificate: &X509Certificate<'a>) -> Vec<&'a str> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|extension| &extension.value.general_names);
    let uri = |name: &GeneralName<'a>| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    };
    names.filter_map(uri).collect()
}

/// Returns whether this is a Name in DER and nothing else: RFC 5280, section 4.1.2.4. The reader of certificates is more
/// lenient than Go's, which SPIRE is written in.
fn is_name(der: &[u8]) -> bool {
    let Some((0x30, mut sets, [])) = element(der) else {
        return false;
    };
    while let Some((0x31, mut attributes, rest)) = element(sets) {
        if attributes.is_empty() {
            return false;
        }
        while let Some((0x30, attribute, rest)) = element(attributes) {
            if !is_attribute(attribute) {
                return false;
            }
            attributes = rest;
        }
        if !attributes.is_empty() {
            return false;
        }
        sets = rest;
    }
    sets.is_empty()
}

/// Returns whether these are the two fields of a name's attribute: an identifier and a text.
fn is_attribute(fields: &[u8]) -> bool {
    let Some((0x06, identifier, value)) = element(fields) else {
        return false;
    };
    is_identifier(identifier) && matches!(element(value), Some((tag, text, [])) if is_string(tag, text))
}

/// Returns whether this is the content of an object identifier: parts of seven bits a byte, without leading zeros, each
/// less than 2^31 as Go's reader has it.
fn is_identifier(mut content: &[u8]) -> bool {
    while let Some(length) = content.iter().position(|byte| byte & 0x80 == 0) {
        let (part, rest) = content.split_at(length + 1);
        let value = part.iter().try_fold(0_u32, |value, byte| Some(value.checked_mul(128)? | u32::from(byte & 0x7f)));
        if part[0] == 0x80 || value.is_none_or(|value| value > i32::MAX.unsigned_abs()) {
            return false;
        }
        if rest.is_empty() {
            return true;
        }
        content = rest;
    }
    false
}

/// Returns whether a text in DER is one of its type, of those that Go's reader knows: X.680, section 41.
fn is_string(tag: u8, text: &[u8]) -> bool {
    match tag {
        // UTF8String, NumericString, PrintableString (with what Go lets pass in one), T61String, IA5String, BMPString
        0x0c => str::from_utf8(text).is_ok(),
        0x12 => text.iter().all(|byte| byte.is_ascii_digit() || *byte == b' '),
        0x13 => text.iter().all(|byte| byte.is_ascii_alphanumeric() || b" '()*+,-./:=?&".contains(byte)),
        0x14 => true,
        0x16 => text.is_ascii(),
        0x1e => {
            let character = |pair: &[u8]| u16::from_be_bytes([pair[0], pair[1]]);
            let is_character = |c: u16| !matches!(c, 0xd800..=0xdfff | 0xfdd0..=0xfdef | 0xfffe..);
            text.len().is_multiple_of(2) && text.chunks_exact(2).map(character).all(is_character)
        }
        _ => false,
    }
}

/// Returns the algorithm that a certificate is signed with as it stands inside and outside of what is signed: the two
/// must be the same bytes (RFC 5280, section 4.1.1.2).
fn signature_algorithms(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = |der: &'_ [u8]| element(der).map(|(.., rest)| der.len() - rest.len());
    let (_, certificate, _) = element(der)?;
    let (_, mut signed, outer) = element(certificate)?;
    if signed.first() == Some(&0xa0) {
        signed = element(signed)?.2;
    }
    let inner = element(signed)?.2;
    Some((&inner[..first(inner)?], &outer[..first(outer)?]))
}

/// Returns whether the parts of a certificate up to its key have the tags that they must have (RFC 5280, section 4.1):
/// the reader of certificates does not look at a tag's class.
fn has_its_tags(der: &[u8]) -> bool {
    // Serial number, signature algorithm, issuer, validity, subject, key.
    const SIGNED: [u8; 6] = [0x02, 0x30, 0x30, 0x30, 0x30, 0x30];
    let inside = |der| element(der).filter(|(tag, ..)| *tag == 0x30).map(|(_, content, _)| content);
    let key = || {
        let mut signed = inside(inside(der)?)?;
        if signed.first() == Some(&0xa0) {
            signed = element(signed)?.2;
        }
        let mut last = signed;
        for expected in SIGNED {
            let (_, content, rest) = element(signed).filter(|(tag, ..)| *tag == expected)?;
            (last, signed) = (content, rest);
        }
        let (algorithm, _, bits) = element(last)?;
        Some((algorithm, element(bits)?.0))
    };
    key() == Some((0x30, 0x03))
}

/// Returns tag and content of the first element of DER, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        length @ 0..0x80 => (length, rest),
        long => {
            let count = long & 0x7f;
            let bytes = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
            let length = bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            let is_shortest = length >= 0x80 && bytes.first() != Some(&0);
            (is_shortest.then_some(length)?, &rest[count..])
        }
    };
    Some((*tag, rest.get(..length)?, &rest[length..]))
}

/// Returns whether a certificate that says it signed itself did not. Signatures that are too old to be checked are told
/// as weak.
fn is_forged(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject() == certificate.issuer()
        && matches!(
            certificate.verify_signature(None),
            Err(X509Error::SignatureVerificationError | X509Error::InvalidSignatureValue)
        )
}

/// Returns whether a point is on a curve, y² = x³ - 3x + b (FIPS 186-5, section 3.2.1). One that is not would be
/// refused by every reader.
fn on_curve(curve: &str, x: &[u8], y: &[u8]) -> bool {
    let Some((_, prime, b)) = CURVE_PARAMETERS.iter().find(|(name, ..)| *name == curve) else {
        return false;
    };
    let number = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap_or_default();
    let (prime, b) = (number(prime), number(b));
    let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
    if x >= prime || y >= prime {
        return false;
    }
    let cube = &x * &x * &x + b + (&prime - 3_u8) * &x;
    (&y * &y) % &prime == cube % &prime
}

fn certificate_key(certificate: &X509Certificate<'_>) -> Option<PublicKeyBytes> {
    let info = certificate.public_key();
    match info.parsed().ok()? {
        PublicKey::RSA(key) => Some(PublicKeyBytes::Rsa(without_zeros(key.modulus), without_zeros(key.exponent))),
        PublicKey::EC(point) => {
            let id = info.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
            let (curve, _, length) = CURVES.iter().find(|(_, curve, _)| *curve == id)?;
            let coordinates = point.data().strip_prefix(&[4])?;
            (coordinates.len() == 2 * length).then(|| PublicKeyBytes::Ec(curve, coordinates.to_vec()))
        }
        PublicKey::Unknown(bytes) if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => {
            Some(PublicKeyBytes::Ed25519(bytes.to_vec()))
        }
        _ => None,
    }
}

fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// Returns where private key material stands in a text that may be neither YAML nor JSON: PEM, and members of a JWK.
pub fn private_material(file: FileId, text: &str) -> Vec<Place> {
    let jwk = text.contains("\"kty\"").then(|| PRIVATE_MEMBERS.iter().flat_map(|name| members(text, name)));
    // One is enough to stop a file; a file can be made to have thousands.
    let found = private_pem(text).chain(jwk.into_iter().flatten()).take(20);
    found.map(|offset| Place::of_offset(file, text, offset)).collect()
}

/// Returns the offsets at which the first lines of private keys in PEM say so.
fn private_pem(text: &str) -> impl Iterator<Item = usize> {
    const MARK: &str = "PRIVATE KEY-----";
    let begins = |offset: &usize| {
        // The longest that stands before the mark is `-----BEGIN ENCRYPTED `.
        let before = text.as_bytes().get(offset.saturating_sub(40)..*offset).unwrap_or_default();
        before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().windows(11).any(|word| word == b"-----BEGIN ")
    };
    text.match_indices(MARK).map(|(offset, _)| offset).filter(begins)
}

/// Returns the offsets of a member with a text as long as key material.
fn members<'a>(text: &'a str, name: &str) -> impl Iterator<Item = usize> + 'a {
    const SHORTEST: usize = 20;
    let quoted = format!("\"{name}\"");
    let found: Vec<usize> = text.match_indices(&quoted).map(|(offset, _)| offset).collect();
    found.into_iter().filter(move |offset| {
        let value = text[offset + quoted.len()..].trim_start().strip_prefix(':').map(str::trim_start);
        let value = value.and_then(|value| value.strip_prefix('"')).unwrap_or_default();
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"-_+/=".contains(&b);
        value.bytes().take_while(|b| is_base64(*b)).take(SHORTEST).count() == SHORTEST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_certificate_has_its_tag() {
        let pem = include_str!("../../tests/corpus/certificates/rsa-2048.pem");
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(base64).unwrap();
        assert!(has_its_tags(&der));
        // The outer two, serial number, algorithm, issuer, validity, subject, key, its algorithm and bits.
        for offset in [0, 4, 13, 35, 50, 96, 130, 176, 180, 195] {
            let mut changed = der.clone();
            changed[offset] ^= 0x40;
            assert!(!has_its_tags(&changed), "{offset}");
        }
    }

    #[test]
    fn identifiers_and_texts_are_those_that_go_reads() {
        for (content, expected) in [
            (&[0x55, 0x04, 0x03][..], true),
            (&[0x87, 0xff, 0xff, 0xff, 0x7f], true),
            (&[0x88, 0x80, 0x80, 0x80, 0x00], false),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], false),
            (&[0x55, 0x80, 0x03], false),
            (&[0x55, 0x84], false),
            (&[], false),
        ] {
            assert_eq!(is_identifier(content), expected, "{content:x?}");
        }
        for (tag, text, expected) in [
            (0x13, &b"A-Z (9)*&"[..], true),
            (0x13, b"a@b", false),
            (0x13, b"a_b", false),
            (0x12, b"1 2", true),
            (0x12, b"1a", false),
            (0x16, b"a@b", true),
            (0x16, "ä".as_bytes(), false),
            (0x0c, "ä".as_bytes(), true),
            (0x0c, b"\xff", false),
            (0x14, b"\xff", true),
            (0x1e, b"\x00a", true),
            (0x1e, b"\x00", false),
            (0x1e, b"\xd8\x00", false),
            (0x04, b"a", false),
        ] {
            assert_eq!(is_string(tag, text), expected, "{tag:x} {text:x?}");
        }
    }
}
