//! What GitHub knows of the repository.

use serde::Deserialize;

use super::connection::path;
use super::error::{Error, ErrorKind};
use super::name::RepositoryName;
use super::{Forge, parse_name};

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// What it is called; where it was renamed, not as it was asked for.
    pub name: RepositoryName,
    /// Where Git finds it, without credentials.
    pub clone_url: String,
    /// The default branch; unknown in a dry run that may not see it.
    pub default_branch: Option<String>,
    /// Whether we can push to it.
    pub access: Access,
}

/// Whether one can push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// One can push.
    Push,
    /// One can only read: a fork is needed.
    Read,
    /// GitHub does not tell: not without a token, and not to the token of GitHub Actions. Pushing shows it.
    Unknown,
}

#[derive(Deserialize)]
pub(super) struct FoundRepository {
    pub(super) full_name: String,
    pub(super) clone_url: String,
    pub(super) default_branch: String,
    permissions: Option<FoundPermissions>,
    #[serde(default)]
    pub(super) fork: bool,
    pub(super) parent: Option<Relative>,
    pub(super) source: Option<Relative>,
    pub(super) owner: Option<Owner>,
}

#[derive(Deserialize)]
struct FoundPermissions {
    #[serde(default)]
    push: bool,
}

/// A repository that another was forked from.
#[derive(Deserialize)]
pub(super) struct Relative {
    pub(super) full_name: String,
}

#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) login: String,
}

impl Forge {
    /// Returns what GitHub knows of the repository. It is asked once.
    ///
    /// # Errors
    /// Where the repository is not there, or the credentials do not let one see it.
    pub fn repository(&self) -> Result<&Repository, Error> {
        if let Some(repository) = self.repository.get() {
            return Ok(repository);
        }
        let found: Option<FoundRepository> = self.read(path(&["repos", self.name.owner(), self.name.name()], &[]))?;
        let repository = match found {
            Some(found) => Repository {
                name: parse_name(&found.full_name)?,
                access: self.access(&found)?,
                clone_url: found.clone_url,
                default_branch: Some(found.default_branch),
            },
            None if self.is_blind() => Repository {
                name: self.name.clone(),
                clone_url: self.api.clone_url(&self.name),
                default_branch: None,
                access: Access::Unknown,
            },
            None => {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no repository {}", self.name))
                    .help("check the name, and that the token may see it"));
            }
        };
        Ok(self.repository.get_or_init(|| repository))
    }

    fn access(&self, found: &FoundRepository) -> Result<Access, Error> {
        if let Some(may_push) = self.token_may_push()? {
            return Ok(if may_push { Access::Push } else { Access::Read });
        }
        Ok(match found.permissions.as_ref().map(|permissions| permissions.push) {
            Some(true) => Access::Push,
            Some(false) if !self.is_installation() => Access::Read,
            _ => Access::Unknown,
        })
    }

    /// Returns a path below the repository's.
    pub(super) fn path(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<String, Error> {
        let name = &self.repository()?.name;
        let segments: Vec<&str> = ["repos", name.owner(), name.name()].iter().chain(segments).copied().collect();
        Ok(path(&segments, query))
    }
}
