//! Speaking as a GitHub App.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use secrecy::SecretString;

use super::error::{Error, ErrorKind};

/// GitHub refuses an assertion that was made in its future.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// GitHub refuses an assertion that is good for more than ten minutes.
const LIFETIME: Duration = Duration::from_secs(9 * 60);

/// A GitHub App and its private key.
#[derive(Clone)]
pub struct App {
    id: String,
    key: Arc<dyn SigningKey>,
}

impl App {
    /// Reads an App's private key, as GitHub hands it out.
    ///
    /// # Errors
    /// Where the id is none, or the file cannot be read or holds no RSA key.
    pub fn new(id: &str, key_file: &Path) -> Result<Self, Error> {
        let wrong = |message: String| Error::new(ErrorKind::Credentials, message);
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(wrong("the id of the GitHub App is neither a number nor a client id".to_owned()));
        }
        let file = key_file.display();
        let pem =
            std::fs::read(key_file).map_err(|error| wrong(format!("the App's key {file} cannot be read: {error}")))?;
        let no_key = || {
            wrong(format!("{file} holds no RSA key in PEM format"))
                .help("GitHub makes one on the App's settings page, under Private keys")
        };
        // What the parser says is left out: it may quote the file.
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| no_key())?;
        let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| no_key())?;
        key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).ok_or_else(no_key)?;
        Ok(Self { id: id.to_owned(), key })
    }

    /// Returns the App's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns a JSON web token by which GitHub knows the App, for the next few minutes.
    pub(super) fn assertion(&self, now: SystemTime) -> Result<SecretString, Error> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = serde_json::json!({
            "iat": now.saturating_sub(CLOCK_SKEW).as_secs(),
            "exp": (now + LIFETIME).as_secs(),
            "iss": self.id,
        });
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]);
        let signature = signer.and_then(|signer| signer.sign(signed.as_bytes()).ok()).ok_or_else(|| {
            Error::new(ErrorKind::Credentials, format!("the key of the GitHub App {} cannot sign", self.id))
        })?;
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}
