//! Repositories by name.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::error::{Error, ErrorKind};

/// Where the API of github.com is.
const GITHUB_API: &str = "https://api.github.com";

/// A repository's owner and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName {
    owner: String,
    name: String,
}

impl RepositoryName {
    /// Returns the name, where both parts are what GitHub allows.
    ///
    /// # Errors
    /// Where they are not.
    pub fn new(owner: &str, name: &str) -> Result<Self, Error> {
        let is_owner = !owner.is_empty() && owner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let is_name = !matches!(name, "" | "." | "..")
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if is_owner && is_name {
            return Ok(Self { owner: owner.to_owned(), name: name.to_owned() });
        }
        Err(Error::new(ErrorKind::Refused, format!("`{owner}/{name}` is no repository on GitHub"))
            .help("write OWNER/NAME, or the URL that `git clone` takes"))
    }

    /// Returns who owns it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns what it is called there.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether both are the same; GitHub does not mind case.
    pub fn is(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

/// Reads `owner/name`, or a URL that `git clone` takes: `https://host/owner/name.git`, `git@host:owner/name`.
impl FromStr for RepositoryName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let path = match (text.split_once("://"), text.split_once(':')) {
            (Some((_, rest)), _) => rest.split_once('/').map_or("", |(_, path)| path),
            (None, Some((_, path))) => path,
            (None, None) => text,
        };
        let path = path.trim_end_matches('/');
        let (owner, name) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        Self::new(owner, name.strip_suffix(".git").unwrap_or(name))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The address of GitHub's API, or of a GitHub Enterprise's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api(Url);

impl Api {
    /// Reads the URL of an API, as `https://ghe.example.org/api/v3`.
    ///
    /// # Errors
    /// Where it is no such URL, carries a user or password, or would send tokens in the clear.
    pub fn new(url: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(ErrorKind::Refused, format!("the URL of GitHub's API {why}"))
                .help("for GitHub Enterprise Server it is https://HOST/api/v3")
        };
        // The URL itself is not shown before it is known to carry no password.
        let parsed = Url::parse(url).map_err(|_| wrong("is no URL"))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(wrong("carries a user or password").help("credentials come from the environment or a file"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(wrong("ends in `?` or `#` and what follows"));
        }
        match parsed.scheme() {
            "https" => Ok(Self(parsed)),
            "http" if is_this_machine(&parsed) => Ok(Self(parsed)),
            _ => Err(wrong("does not start with https://: the token would be sent in the clear")),
        }
    }

    /// Returns the API of the GitHub that a repository's URL leads to; for a bare `owner/name`, github.com's.
    ///
    /// # Errors
    /// Where it cannot be told from the URL.
    pub fn of_repository(url: &str) -> Result<Self, Error> {
        let host = match (url.split_once("://"), url.split_once(':')) {
            (Some(_), _) => Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)),
            (None, Some((host, _))) => Some(host.rsplit('@').next().unwrap_or(host).to_owned()),
            (None, None) => Some("github.com".to_owned()),
        };
        match host.as_deref() {
            None | Some("") => Err(Error::new(ErrorKind::Refused, "the repository's URL names no host")),
            Some("github.com" | "www.github.com" | "ssh.github.com") => Self::new(GITHUB_API),
            Some(host) if host.ends_with(".ghe.com") => Self::new(&format!("https://api.{host}")),
            Some(host) => Self::new(&format!("https://{host}/api/v3")),
        }
    }

    /// Returns the URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns whether it is spoken to over TLS: always, but on this machine.
    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns where a repository is cloned from, for when GitHub cannot be asked.
    pub(super) fn clone_url(&self, repository: &RepositoryName) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.strip_prefix("api.").unwrap_or(host);
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}/{repository}.git", self.0.scheme())
    }
}

impl Default for Api {
    fn default() -> Self {
        Self(Url::parse(GITHUB_API).unwrap_or_else(|_| unreachable!("the constant is a URL")))
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_read_from_names_and_urls() {
        for text in [
            "agntcy/dir-staging",
            "https://github.com/agntcy/dir-staging",
            "https://github.com/agntcy/dir-staging.git/",
            "ssh://git@github.com/agntcy/dir-staging.git",
            "git@github.com:agntcy/dir-staging.git",
        ] {
            assert_eq!(text.parse::<RepositoryName>().unwrap().to_string(), "agntcy/dir-staging", "{text}");
        }
        for text in ["", "agntcy", "agntcy/", "/x", "a/b/c", "a/..", "a/b?c", "a b/c", "https://github.com/a", "é/a"] {
            assert!(text.parse::<RepositoryName>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_api_url_neither_carries_credentials_nor_sends_them_in_the_clear() {
        for url in ["http://ghe.example.org/api/v3", "https://me:s3cret@ghe.example.org", "nonsense", "ftp://x/"] {
            let error = Api::new(url).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"));
        }
        assert!(Api::new("https://ghe.example.org/api/v3").is_ok());
        assert!(Api::new("http://127.0.0.1:4010").is_ok());
    }

    #[test]
    fn the_api_follows_from_the_repository() {
        for (repository, api, clone_url) in [
            ("a/b", "https://api.github.com/", "https://github.com/a/b.git"),
            ("https://github.com/a/b", "https://api.github.com/", "https://github.com/a/b.git"),
            ("git@acme.ghe.com:a/b", "https://api.acme.ghe.com/", "https://acme.ghe.com/a/b.git"),
            ("https://git.example.org/a/b", "https://git.example.org/api/v3", "https://git.example.org/a/b.git"),
        ] {
            let found = Api::of_repository(repository).unwrap();
            assert_eq!(found.as_str(), api);
            assert_eq!(found.clone_url(&repository.parse().unwrap()), clone_url);
        }
    }
}
