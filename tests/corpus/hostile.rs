//! Federation files of any size that somebody made to keep a reader busy.

use super::memory::federation_file;

/// Files by name.
pub type Files = Vec<(String, Vec<u8>)>;

/// Three kinds of them, each a function of the size that no file is larger than and nearly as large as.
pub const KINDS: [fn(usize) -> Files; 3] = [whole, fields, bundles];

/// Files that are one thing again and again.
pub fn whole(size: usize) -> Files {
    let filled = FILES.iter().map(|(name, start, unit)| ((*name).to_owned(), filled(start, unit, size).into_bytes()));
    let nested = (0..).map(|depth| format!("{}a:\n", " ".repeat(depth)));
    let nested: String = nested.take((2 * size).isqrt() - 3).collect();
    let alias = |number: usize| format!("a{number}: &a{number} [*a{0}, *a{0}]\n", number.saturating_sub(1));
    let others = [
        ("keys", numbered(size, |number| format!("k{number}: v\n"))),
        ("an alias bomb", numbered(size, alias)),
        ("block maps in maps", nested.into_bytes()),
        ("not UTF-8", vec![0xff; size]),
    ];
    filled.chain(others.map(|(name, content)| (name.to_owned(), content))).collect()
}

/// Files with one long value.
pub fn fields(size: usize) -> Files {
    let mut files = Files::new();
    for field in ["className", "trustDomain", "bundleEndpointURL", "type", "endpointSPIFFEID", "trustDomainBundle"] {
        let scalars = match field {
            "trustDomain" | "bundleEndpointURL" => &SCALARS[..],
            _ => &SCALARS[..2],
        };
        for (name, start, unit) in scalars {
            let text = filled(start, unit, size - 400);
            files.push((format!("{field}: {name}"), with_field(field, &text).into_bytes()));
        }
    }
    files
}

/// Files with a large bundle.
pub fn bundles(size: usize) -> Files {
    let mut files = Files::new();
    for (name, start, unit, end) in BUNDLES {
        // Quotes are escaped where the bundle stands in the file.
        let length = |count: usize| federation_file("a.example.net", &bundle(start, unit, end, count)).len();
        let each = length(2) - length(1);
        let count = (size - length(1)) / each;
        let text = federation_file("a.example.net", &bundle(start, unit, end, count));
        files.push((format!("bundle: {name}"), text.into()));
    }
    files.push(("bundle: certificates".into(), certificates(size)));
    files.push(("a certificate with many names, and a long trust domain".into(), many_names(size)));
    files
}

/// A beginning and what follows again and again: values of one field.
const SCALARS: [(&str, &str, &str); 9] = [
    ("letters", "", "a"),
    ("unseen", "", "\u{202e}"),
    ("dots", "https://", "a."),
    ("labels in Punycode", "https://", "xn--a-0ga."),
    ("a label in Punycode", "https://xn--", "a9"),
    ("not ASCII", "https://", "ü"),
    ("escapes", "https://", "%41"),
    ("users", "https://", "@"),
    ("a path", "spiffe://a/", "b/"),
];

/// The same of whole files.
const FILES: [(&str, &str, &str); 34] = [
    ("lists in lists", "a: ", "["),
    ("maps in maps", "a: ", "{a: "),
    ("block lists in lists", "", "- "),
    ("complex keys", "", "? "),
    ("empty lists", "a: [", "[],"),
    ("empty maps", "a: [", "{},"),
    ("numbers", "a: [", "1,"),
    ("flow keys", "a: {", "a,"),
    ("block items", "", "- 1\n"),
    ("nothing", "", "-\n"),
    ("duplicate keys", "", "a: 1\n"),
    ("comments", "", "#\n"),
    ("a long comment", "", "# "),
    ("allowances", "", "# dirops: allow look-alike: x\n"),
    ("wrong allowances", "", "# dirops: allow x\n"),
    ("documents", "", "---\n"),
    ("ends of documents", "a\n", "...\n"),
    ("directives", "", "%YAML 1.2\n"),
    ("anchors", "a: ", "&a "),
    ("tags", "a: ", "!a "),
    ("a long number", "className: ", "1"),
    ("a long fraction", "className: 0.", "1"),
    ("a long line of words", "className: ", "a b "),
    ("lines of a plain scalar", "className: a\n", " a\n"),
    ("an open quote", "className: \"", "\\x41"),
    ("an open single quote", "className: '", "''"),
    ("a folded scalar", "className: >\n", " a\n\n"),
    ("line breaks", "", "\r\n"),
    ("tabs", "a:", "\t"),
    ("unseen characters", "# ", "\u{202e}"),
    ("lines of unseen characters", "", "# \u{2066}\n"),
    ("ends of private keys", "# ", "PRIVATE KEY-----"),
    ("private keys", "# ", "-----BEGIN PRIVATE KEY-----"),
    ("private members", "# \"kty\" ", "\"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAA\" "),
];

/// The same of bundles, with an end.
const BUNDLES: [(&str, &str, &str, &str); 13] = [
    ("empty keys", r#"{"keys":["#, "{},", "{}]}"),
    ("numbers for keys", r#"{"keys":["#, "1,", "1]}"),
    ("lists in lists", r#"{"keys":"#, "[", ""),
    ("members", r#"{"keys":[]"#, r#","spiffe_x":1"#, "}"),
    ("private members", r#"{"keys":["#, r#"{"d":"c2VjcmV0c2VjcmV0c2VjcmV0"},"#, "{}]}"),
    ("certificates in one key", r#"{"keys":[{"use":"x509-svid","x5c":["#, r#""","#, r#"""]}]}"#),
    ("long base64", r#"{"keys":[{"kty":"RSA","e":"AQAB","n":""#, "AAAA", r#""}]}"#),
    ("a long certificate", r#"{"keys":[{"use":"x509-svid","x5c":[""#, "MIIB", r#""]}]}"#),
    ("a long key identifier", r#"{"keys":[{"use":"jwt-svid","kid":""#, "a", r#""}]}"#),
    ("points on no curve", r#"{"keys":["#, POINT, "{}]}"),
    ("a long number", r#"{"spiffe_sequence":1"#, "0", "}"),
    ("escapes", r#"{"a":""#, r"\u0041", r#""}"#),
    ("blanks", "{", " \n", "}"),
];

const POINT: &str = r#"{"use":"jwt-svid","kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"#;

/// Returns as many lines as fit.
fn numbered(size: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = String::new();
    let mut lines = (0..).map(line);
    while let Some(line) = lines.next().filter(|line| text.len() + line.len() <= size) {
        text.push_str(&line);
    }
    text.into_bytes()
}

fn filled(start: &str, unit: &str, size: usize) -> String {
    format!("{start}{}", unit.repeat((size - start.len()) / unit.len()))
}

fn bundle(start: &str, unit: &str, end: &str, count: usize) -> String {
    format!("{start}{}{end}", unit.repeat(count))
}

fn with_field(field: &str, text: &str) -> String {
    let quoted = format!("\"{text}\"");
    let lines = [
        ("className", "className: ", "dir-spire"),
        ("trustDomain", "trustDomain: ", "a.example.net"),
        ("bundleEndpointURL", "bundleEndpointURL: ", "https://spire.partner.io"),
        ("type", "bundleEndpointProfile:\n  type: ", "https_spiffe"),
        ("endpointSPIFFEID", "  endpointSPIFFEID: ", "spiffe://a.example.net/spire/server"),
        ("trustDomainBundle", "trustDomainBundle: ", "'{}'"),
    ];
    lines.map(|(name, start, value)| format!("{start}{}\n", if name == field { &quoted } else { value })).concat()
}

/// A file with one certificate again and again: each is to be verified.
fn certificates(size: usize) -> Vec<u8> {
    let pem = include_str!("certificates/rsa-2048.pem");
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = format!(r#"{{"use":"x509-svid","kty":"RSA","n":"AQAB","e":"AQAB","x5c":["{base64}"]}},"#);
    let count = (size - 1000) / (key.len() + 40);
    federation_file("a.example.net", &bundle(r#"{"keys":["#, &key, "{}]}", count)).into_bytes()
}

/// A certificate for thousands of URIs that are not the trust domain, which is long.
fn many_names(size: usize) -> Vec<u8> {
    use base64::Engine;
    let uri = rcgen::SanType::URI("a".try_into().expect("ASCII"));
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![uri; size / 16];
    let key = rcgen::KeyPair::generate().expect("there is randomness");
    let certificate = params.self_signed(&key).expect("it can be signed");
    let base64 = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    let bundle = format!(r#"{{"keys":[{{"use":"x509-svid","x5c":["{base64}"]}}]}}"#);
    let rest = size.saturating_sub(bundle.len() + 400);
    federation_file(&"a".repeat(rest), &bundle).into_bytes()
}
