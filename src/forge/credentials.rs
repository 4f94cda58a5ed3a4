//! Who dirops is on GitHub.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::app::App;
use super::error::{Error, ErrorKind};

/// The environment's values that hold a token, in the order in which GitHub's own command line takes them.
pub const TOKEN_VARIABLES: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];

/// Who dirops is on GitHub.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Whoever the token was made for.
    Token(SecretString),
    /// A GitHub App, where it is installed.
    App(App),
}

/// What the user said about credentials. The environment is asked where nothing was said.
#[derive(Clone, Copy, Debug, Default)]
pub struct CredentialOptions<'a> {
    /// A file that holds a token and no more.
    pub token_file: Option<&'a Path>,
    /// The id of a GitHub App.
    pub app_id: Option<&'a str>,
    /// The file with the App's private key.
    pub app_key_file: Option<&'a Path>,
}

impl Credentials {
    /// Returns the credentials that the user names, or else the token in the environment, if there is any.
    ///
    /// # Errors
    /// Where both a token file and an App are named, half an App, or a file that does not hold what it should.
    pub fn find(
        options: &CredentialOptions<'_>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        match (options.app_id, options.app_key_file, options.token_file) {
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                Err(wrong("both a token file and a GitHub App are given").help("leave out one of them"))
            }
            (Some(id), Some(key_file), None) => Ok(Some(Self::App(App::new(id, key_file)?))),
            (Some(_), None, None) => Err(wrong("a GitHub App is named without the file of its private key")),
            (None, Some(_), None) => Err(wrong("the private key of a GitHub App is given without the App's id")),
            (None, None, Some(file)) => from_file(file).map(Some),
            (None, None, None) => from_environment(environment),
        }
    }
}

fn from_file(file: &Path) -> Result<Credentials, Error> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| wrong(format!("the token file {} cannot be read: {error}", file.display())))?;
    token(&text, &file.display().to_string())
}

fn from_environment(environment: impl Fn(&str) -> Option<String>) -> Result<Option<Credentials>, Error> {
    let values = TOKEN_VARIABLES.into_iter().filter_map(|name| Some((name, environment(name)?)));
    match values.into_iter().find(|(_, value)| !value.trim().is_empty()) {
        Some((name, value)) => token(&value, name).map(Some),
        None => Ok(None),
    }
}

fn token(text: &str, from: &str) -> Result<Credentials, Error> {
    let token = SecretString::from(text.trim());
    let exposed = token.expose_secret();
    if exposed.is_empty() {
        return Err(wrong(format!("{from} is empty")).help("it must hold a token of GitHub's and no more"));
    }
    if !exposed.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong(format!("{from} holds no token")).help("it must hold a token of GitHub's and no more"));
    }
    Ok(Credentials::Token(token))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Credentials, message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn exposed(credentials: Option<Credentials>) -> Option<String> {
        match credentials? {
            Credentials::Token(token) => Some(token.expose_secret().to_owned()),
            Credentials::App(app) => Some(app.id().to_owned()),
        }
    }

    #[test]
    fn the_environment_is_asked_last_and_empty_values_are_none() {
        let environment = |name: &str| match name {
            "GH_TOKEN" => Some(" \n".to_owned()),
            "GITHUB_TOKEN" => Some("from-environment\n".to_owned()),
            _ => None,
        };
        let found = Credentials::find(&CredentialOptions::default(), environment).unwrap();
        assert_eq!(exposed(found).as_deref(), Some("from-environment"));
        assert!(Credentials::find(&CredentialOptions::default(), |_| None).unwrap().is_none());

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "from-file\r\n").unwrap();
        let options = CredentialOptions { token_file: Some(&file), ..CredentialOptions::default() };
        assert_eq!(exposed(Credentials::find(&options, environment).unwrap()).as_deref(), Some("from-file"));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_the_file_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let options = CredentialOptions { token_file: Some(&file), ..CredentialOptions::default() };
        assert!(Credentials::find(&options, |_| None).unwrap_err().message.contains("cannot be read"));
        for content in ["", "s3cret s3cret", "s3cret\nmore", "s3crét"] {
            fs::write(&file, content).unwrap();
            let error = Credentials::find(&options, |_| None).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cr"), "{error:?}");
        }
        let half = CredentialOptions { app_id: Some("1"), ..CredentialOptions::default() };
        assert!(Credentials::find(&half, |_| None).is_err());
        let both = CredentialOptions { token_file: Some(&file), app_key_file: Some(&file), app_id: Some("1") };
        assert!(Credentials::find(&both, |_| None).is_err());
        fs::write(&file, "-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n").unwrap();
        let error = App::new("1", &file).unwrap_err();
        assert!(error.message.contains("no RSA key") && !format!("{error:?}").contains("czNj"), "{error:?}");
    }

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let credentials = Credentials::Token(SecretString::from("s3cret"));
        assert!(!format!("{credentials:?}").contains("s3cret"));
    }
}
