//! Texts that are written in a format of their own: what they mean, instead of how they are spelled.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::compare::canonical;
use crate::credential;
use crate::diagnostic::Place;
use crate::yaml::{Entry, Map, Node, Text, json_in, lines_in, yaml_in};

/// A format that texts in values are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Rows of a Casbin policy: a set.
    Policies,
    /// Users with the hashes of their passwords.
    Htpasswd,
    /// Certificates in PEM: subject, alternative names, key and dates.
    Certificates,
    /// A trust bundle: the same of its keys.
    Bundle,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

const ALL: [Format; 6] =
    [Format::Policies, Format::Htpasswd, Format::Certificates, Format::Bundle, Format::Json, Format::Yaml];

impl Format {
    /// Returns the word for it in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Policies => "policies",
            Self::Htpasswd => "htpasswd",
            Self::Certificates => "certificates",
            Self::Bundle => "bundle",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    /// Returns whether what it means is made of its lines.
    pub(super) fn is_a_list_of_lines(self) -> bool {
        matches!(self, Self::Policies | Self::Htpasswd)
    }

    /// Returns what a text means in this format, if it is written in it.
    pub fn read(self, text: &Node) -> Option<Node> {
        match self {
            Self::Policies => policies(text),
            Self::Htpasswd => htpasswd(text),
            Self::Certificates => certificates(text, false),
            Self::Bundle => bundle(text, false),
            Self::Json => json_in(text).filter(Node::is_collection),
            Self::Yaml => yaml(text),
        }
    }

    /// Returns what two different texts mean. Certificates that agree in all that people look at and are not the same are
    /// told apart by their fingerprints.
    fn read_both(self, before: &Node, after: &Node) -> Option<(Node, Node)> {
        let pair = (self.read(before)?, self.read(after)?);
        match self {
            Self::Certificates if pair.0 == pair.1 => Some((certificates(before, true)?, certificates(after, true)?)),
            Self::Bundle if pair.0 == pair.1 => Some((bundle(before, true)?, bundle(after, true)?)),
            // Two texts without any row are not two policies.
            Self::Policies if pair.0.is_empty_collection() && pair.1.is_empty_collection() => None,
            _ => Some(pair),
        }
    }
}

/// Returns what one text means, in the first format that it is written in.
pub fn meaning(text: &Node) -> Option<(Format, Node)> {
    // Nothing at all is a policy only beside one that has rows.
    let is_nothing = |format: Format, node: &Node| format == Format::Policies && node.is_empty_collection();
    ALL.into_iter().find_map(|format| Some((format, format.read(text).filter(|node| !is_nothing(format, node))?)))
}

/// Returns the format that both of two texts are written in, and what they mean in it.
pub fn both(before: &Node, after: &Node) -> Option<(Format, Node, Node)> {
    ALL.into_iter().find_map(|format| {
        let (before, after) = format.read_both(before, after)?;
        Some((format, before, after))
    })
}

/// Returns the rows of a policy: `p,<subject>,<object>` or `g,<user>,<role>`, spaces around commas and comments aside.
/// Nothing at all is a policy without rows.
fn policies(text: &Node) -> Option<Node> {
    let mut rows: Vec<Node> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (place, line) in lines_in(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let is_kind = |kind: &str| {
            let digits = kind.strip_prefix(['p', 'g'])?;
            digits.bytes().all(|b| b.is_ascii_digit()).then_some(())
        };
        if fields.len() < 3 || is_kind(fields[0]).is_none() {
            return None;
        }
        let row = fields.join(",");
        if seen.insert(row.clone()) {
            rows.push(Node::new(place, row));
        }
    }
    let is_blank = text.as_text().is_some_and(|text| text.trim().is_empty());
    (is_blank || !rows.is_empty()).then(|| Node::list(text.place, rows))
}

fn htpasswd(text: &Node) -> Option<Node> {
    let mut users = Map::default();
    for (place, line) in lines_in(text).filter(|(_, line)| !line.trim().is_empty()) {
        let (user, hash) = line.trim().split_once(':')?;
        if !credential::is_password_hash(hash) {
            return None;
        }
        users.insert(user.into(), Entry { key: place, node: Node::new(place, hash) });
    }
    (!users.is_empty()).then(|| Node::new(text.place, users))
}

fn certificates(text: &Node, with_fingerprint: bool) -> Option<Node> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let written = text.as_text()?;
    let mut found = Vec::new();
    let mut rest = written;
    while let Some((between, after)) = rest.split_once(BEGIN) {
        let (body, after) = after.split_once(END)?;
        // Anything else that stands there, a private key for instance, is not what this can tell of.
        if between.lines().any(|line| line.starts_with("-----")) {
            return None;
        }
        let body: String = body.split_whitespace().collect();
        found.push(certificate(&STANDARD.decode(body).ok()?, text.place, with_fingerprint)?);
        rest = after;
    }
    let is_all = !rest.contains("-----BEGIN");
    (!found.is_empty() && is_all).then(|| Node::list(text.place, found))
}

/// Returns what people look at of a certificate in DER.
fn certificate(der: &[u8], place: Place, with_fingerprint: bool) -> Option<Node> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut names: Vec<String> = match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().map(name).collect(),
        _ => Vec::new(),
    };
    names.sort_unstable();
    let validity = certificate.validity();
    let mut facts = Node::map(
        place,
        [
            ("subject", Node::new(place, certificate.subject().to_string())),
            ("names", Node::list(place, names.into_iter().map(|name| Node::new(place, name)))),
            ("key", Node::new(place, fingerprint(certificate.public_key().raw))),
            ("notBefore", Node::new(place, validity.not_before.to_string())),
            ("notAfter", Node::new(place, validity.not_after.to_string())),
        ],
    );
    if with_fingerprint {
        facts.set("fingerprint", Node::new(place, fingerprint(der)));
    }
    Some(facts)
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::URI(uri) => format!("URI:{uri}"),
        GeneralName::RFC822Name(mail) => format!("email:{mail}"),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(four) => format!("IP:{}", std::net::Ipv4Addr::from(four)),
            Err(_) => match <[u8; 16]>::try_from(*bytes) {
                Ok(sixteen) => format!("IP:{}", std::net::Ipv6Addr::from(sixteen)),
                Err(_) => format!("IP:{bytes:02x?}"),
            },
        },
        other => format!("{other:?}"),
    }
}

/// Returns the first 16 hexadecimal digits of a SHA-256.
fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the keys of a JWK set as people look at them.
fn bundle(text: &Node, with_fingerprint: bool) -> Option<Node> {
    let json = json_in(text)?;
    let keys = json.get("keys")?.as_list()?;
    if keys.is_empty() || keys.iter().any(|key| key.get("kty").is_none()) {
        return None;
    }
    let mut read = json.clone();
    read.set("keys", Node::list(json.place, keys.iter().map(|key| jwk(key, with_fingerprint))));
    Some(read)
}

fn jwk(key: &Node, with_fingerprint: bool) -> Node {
    let place = key.place;
    let mut facts = Node::new(place, Map::default());
    for member in ["use", "kid"] {
        if let Some(value) = key.get(member) {
            facts.set(member, value.clone());
        }
    }
    let chain = key.get("x5c").and_then(Node::as_list).and_then(<[Node]>::first).and_then(Node::as_text);
    let der = chain.and_then(|text| STANDARD.decode(text).ok());
    match der.and_then(|der| certificate(&der, place, with_fingerprint)) {
        Some(certificate) => {
            for (name, entry) in certificate.as_map().into_iter().flatten() {
                facts.set(name, entry.node.clone());
            }
        }
        None => {
            // RFC 7638: the members that make the key.
            let members = ["crv", "kty", "n", "e", "x", "y"];
            let text: Vec<String> = members.iter().filter_map(|name| key.get(name)).map(canonical).collect();
            facts.set("key", Node::new(place, fingerprint(text.join(",").as_bytes())));
        }
    }
    facts
}

/// Returns what a text of several lines means as YAML, where that is more than text.
fn yaml(text: &Node) -> Option<Node> {
    let written: Text = text.as_text()?.into();
    if !written.contains('\n') || !written.contains(':') {
        return None;
    }
    yaml_in(text).filter(Node::is_collection)
}
