//! The fork of somebody who cannot push.

use std::time::Duration;

use serde_json::json;

use super::authorisation::User;
use super::connection::{Request, path};
use super::error::{Error, ErrorKind};
use super::name::RepositoryName;
use super::repository::FoundRepository;
use super::{Forge, parse_name};

/// How long GitHub may take to copy what is in a repository; it asks for five minutes.
const LONGEST_COPY: Duration = Duration::from_secs(5 * 60);

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A fork of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Whose it is, and what it is called: not always as the repository.
    pub name: RepositoryName,
    /// Where Git finds it, without credentials.
    pub clone_url: String,
}

impl Forge {
    /// Returns our fork of the repository, made where there is none, and usable. Nothing in a dry run without
    /// credentials, where nobody knows whose it would be.
    ///
    /// # Errors
    /// Where the credentials are no user's, forking is not allowed, or the fork is not ready in some minutes.
    pub fn fork(&self) -> Result<Option<Fork>, Error> {
        let request = Request::post(self.path(&["forks"], &[])?, json!({}));
        let user = match self.user()? {
            User::Named(user) if !self.is_installation() => user,
            User::Nobody => {
                self.is_only_recorded(&request);
                return Ok(None);
            }
            User::Named(_) | User::SomeApp => {
                let message = format!("only a user can fork {}, and the credentials are an App's", self.name);
                return Err(Error::new(ErrorKind::Forbidden, message)
                    .help("use a token of your own, or let the App write to the repository"));
            }
        };
        let made = self.make_once::<FoundRepository, FoundRepository>(&request, || self.find_fork(&user))?;
        let Some((fork, _)) = made else {
            let name = RepositoryName::new(&user, self.repository()?.name.name())?;
            return Ok(Some(Fork { clone_url: self.api.clone_url(&name), name }));
        };
        let name = parse_name(&fork.full_name)?;
        self.wait_until_copied(&name, &fork.default_branch)?;
        Ok(Some(Fork { name, clone_url: fork.clone_url }))
    }

    /// Looks where a fork is as a rule, and then through the forks: it may have another name.
    fn find_fork(&self, user: &str) -> Result<Option<FoundRepository>, Error> {
        let upstream = &self.repository()?.name;
        let usual: Option<FoundRepository> = self.read(path(&["repos", user, upstream.name()], &[]))?;
        if let Some(usual) = usual.filter(|found| is_fork(found, upstream)) {
            return Ok(Some(usual));
        }
        let newest = self.path(&["forks"], &[("sort", "newest"), ("per_page", "100")])?;
        let forks = self.read_all::<FoundRepository>(|page| format!("{newest}&page={page}"))?;
        let is_ours =
            |fork: &FoundRepository| fork.owner.as_ref().is_some_and(|owner| owner.login.eq_ignore_ascii_case(user));
        Ok(forks.into_iter().find(is_ours))
    }

    /// Waits until the fork's default branch is there: GitHub answers before it has copied anything.
    fn wait_until_copied(&self, fork: &RepositoryName, branch: &str) -> Result<(), Error> {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_secs(1);
        let branch = path(&["repos", fork.owner(), fork.name(), "branches", branch], &[]);
        while self.read::<serde_json::Value>(branch.clone())?.is_none() {
            if waited >= LONGEST_COPY {
                let message = format!("the fork {fork} is still empty after {} minutes", LONGEST_COPY.as_secs() / 60);
                return Err(Error::new(ErrorKind::Unavailable, message).help("run it again later"));
            }
            (self.waiting.progress)(&format!("waiting for GitHub to fill the fork {fork}"));
            self.waiting.clock.sleep(pause);
            waited += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }
}

fn is_fork(found: &FoundRepository, upstream: &RepositoryName) -> bool {
    let mut relatives = [&found.parent, &found.source].into_iter().flatten();
    found.fork && relatives.any(|relative| parse_name(&relative.full_name).is_ok_and(|name| name.is(upstream)))
}
