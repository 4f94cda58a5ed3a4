//! Who a commit is by.

use git2::{Config, Repository, Signature};
use tempfile::NamedTempFile;

use crate::diagnostic::Diagnostic;

/// Who commits where neither environment nor configuration says so.
const DEFAULT: (&str, &str) = ("dirops", "dirops@localhost");

/// Author and committer of a commit, with their times.
pub struct Identities {
    /// Who made the change.
    pub author: Signature<'static>,
    /// Who made the commit.
    pub committer: Signature<'static>,
}

/// Returns who a commit is by: `GIT_AUTHOR_*` and `GIT_COMMITTER_*`, dates included; what they leave open is in the
/// configuration (`author.*`, `committer.*`, `user.*`) or is dirops itself, now.
///
/// # Errors
/// Where a name or date is none.
pub fn identities(repository: &Repository, configuration: &Config) -> Result<Identities, Diagnostic> {
    let failed = |error: git2::Error| {
        Diagnostic::new(format!("the author or committer of the commit is not usable: {}", error.message()))
            .help("see GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_AUTHOR_DATE and GIT_COMMITTER_* in `git help git`")
    };
    Ok(Identities {
        author: with_defaults(repository, configuration, "author")?.author_from_env().map_err(failed)?,
        committer: with_defaults(repository, configuration, "committer")?.committer_from_env().map_err(failed)?,
    })
}

/// Returns the repository with a configuration that names somebody in any case. libgit2 lays the environment over it.
fn with_defaults(repository: &Repository, configuration: &Config, role: &str) -> Result<Repository, Diagnostic> {
    let configured = |key: &str| {
        let value = |section: &str| configuration.get_string(&format!("{section}.{key}")).ok();
        value(role).or_else(|| value("user")).filter(|value| !value.trim().is_empty())
    };
    let email = configured("email").or_else(|| std::env::var("EMAIL").ok().filter(|email| !email.is_empty()));
    let failed = |error: git2::Error| Diagnostic::new(format!("no commit can be made: {}", error.message()));
    let file = NamedTempFile::new().map_err(|error| Diagnostic::new(format!("no commit can be made: {error}")))?;
    let named = || -> Result<Repository, git2::Error> {
        let mut own = Config::open(file.path())?;
        own.set_str("user.name", configured("name").as_deref().unwrap_or(DEFAULT.0))?;
        own.set_str("user.email", email.as_deref().unwrap_or(DEFAULT.1))?;
        let handle = Repository::open(repository.path())?;
        // The snapshot outlives the file.
        handle.set_config(&own.snapshot()?)?;
        Ok(handle)
    };
    named().map_err(failed)
}
