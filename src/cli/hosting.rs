//! Where a repository is that a command proposes something to, and as whom to come.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Reporter;
use crate::diagnostic::Diagnostic;
use crate::forge::{self, Api, CredentialOptions, Credentials, Forge, RepositoryName, SystemClock};
use crate::git::{self, Remote};
use crate::propose::{Destination, Options, Source};

/// The options that name a repository and credentials. There is none for a token itself: others would see it in the list
/// of processes.
#[derive(Args, Debug, Default)]
pub(super) struct Hosting {
    /// The repository: OWNER/NAME on GitHub, a URL, or a folder; the one in base/environment.yaml by default
    #[arg(long, value_name = "REPO")]
    pub(super) repo: Option<String>,
    /// The branch to merge into; by default `revision` in base/environment.yaml, or else the repository's default branch
    #[arg(long, value_name = "BRANCH")]
    pub(super) base: Option<String>,
    /// A file that holds a token; GH_TOKEN or GITHUB_TOKEN by default
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Come as this GitHub App
    #[arg(long, value_name = "ID", requires = "app_key_file")]
    app_id: Option<String>,
    /// The file with the App's private key
    #[arg(long, value_name = "FILE", requires = "app_id")]
    app_key_file: Option<PathBuf>,
    /// The API of a GitHub Enterprise Server, such as https://github.example.org/api/v3
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
}

/// Where a repository is, of what people named.
pub(super) enum Location {
    /// A folder on this disk.
    Folder(PathBuf),
    /// Elsewhere, with nothing but Git.
    Git(Remote),
    /// On GitHub.
    Forge(Box<Forge>),
}

impl Location {
    /// Returns the destination there.
    pub(super) fn destination<'a>(
        &'a self,
        base: Option<String>,
        is_dry: bool,
        source: Option<&'a Source>,
        reporter: &Reporter,
    ) -> Result<Destination<'a>, Diagnostic> {
        let options = Options {
            base,
            is_dry,
            git: git::Settings::from_environment(),
            configured_by: source.map(Source::repository),
            clock: &SystemClock,
            progress: reporter.progress(),
        };
        match self {
            Self::Folder(folder) => Destination::local(folder, options),
            Self::Git(remote) => Destination::remote(remote.clone(), options),
            Self::Forge(forge) => Destination::on_forge(forge, options),
        }
    }
}

impl Hosting {
    /// Returns the repository at an address, to be read. The token goes along where it goes in any case: to the server
    /// that has the repository on GitHub.
    pub(super) fn origin(&self, address: &str, location: &Location) -> Option<Remote> {
        let remote = Remote::new(address).ok()?;
        let Location::Forge(forge) = location else { return Some(remote) };
        let server = |address: &str| url::Url::parse(address).ok().map(|url| url.origin());
        let is_same = server(address) == server(&forge.repository().ok()?.clone_url) && address.starts_with("https://");
        match forge.token() {
            Ok(Some(token)) if is_same => Some(remote.with_token(token)),
            _ => Some(remote),
        }
    }

    /// Refuses options that mean nothing where nothing is proposed.
    pub(super) fn refuse_without(&self, proposes: bool) -> Result<(), Diagnostic> {
        let given = [
            ("--repo", self.repo.is_some()),
            ("--base", self.base.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--app-id", self.app_id.is_some()),
            ("--api-url", self.api_url.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) if !proposes => {
                Err(Diagnostic::new(format!("{name} is for --propose")).help("add --propose, or leave it out"))
            }
            _ => Ok(()),
        }
    }

    /// Returns where a repository is. Without a forge there are no pull requests, only branches.
    pub(super) fn locate(
        &self,
        repository: &str,
        without_forge: bool,
        is_dry: bool,
        reporter: &Reporter,
    ) -> Result<Location, Diagnostic> {
        let is_folder = is_folder(repository);
        let is_only_git = is_folder || repository.starts_with("file://");
        match (without_forge, is_only_git) {
            (false, true) if !is_dry => Err(Diagnostic::new("a folder takes no pull requests")
                .help("--commit-only makes the commit there; a repository on GitHub is OWNER/NAME or a URL")),
            (_, true) if is_folder => Ok(Location::Folder(PathBuf::from(repository))),
            (true, _) | (_, true) => self.git(repository).map(Location::Git),
            (false, false) => self.forge(repository, is_dry, reporter).map(Box::new).map(Location::Forge),
        }
    }

    fn git(&self, repository: &str) -> Result<Remote, Diagnostic> {
        let is_name = !repository.contains(':') && repository.parse::<RepositoryName>().is_ok();
        let address = if is_name { format!("https://github.com/{repository}.git") } else { repository.to_owned() };
        let remote = Remote::new(&address)?;
        // GitHub's token is nothing for others; one in a file was named for this repository.
        let is_github =
            ["https://github.com/", "https://www.github.com/"].iter().any(|start| address.starts_with(start));
        if self.token_file.is_none() && !is_github {
            return Ok(remote);
        }
        match self.credentials()? {
            Some(Credentials::Token(token)) => Ok(remote.with_token(token)),
            Some(Credentials::App(_)) => Err(Diagnostic::new("a GitHub App comes through GitHub's API")
                .help("leave out --commit-only, or name a token file")),
            None => Ok(remote),
        }
    }

    /// Returns the way to a repository on GitHub.
    fn forge(&self, repository: &str, is_dry: bool, reporter: &Reporter) -> Result<Forge, Diagnostic> {
        let told = forge::Error::into_diagnostic;
        let name: RepositoryName = repository.parse().map_err(told)?;
        let is_bare_name = !repository.contains(':');
        let of_actions = std::env::var("GITHUB_API_URL").ok().filter(|url| is_bare_name && !url.is_empty());
        let api = match self.api_url.as_ref().or(of_actions.as_ref()) {
            Some(url) => Api::new(url),
            None => Api::of_repository(repository),
        };
        let progress = reporter.progress();
        let settings = forge::Settings {
            api: api.map_err(told)?,
            credentials: self.credentials()?,
            dry_run: is_dry,
            progress: Box::new(move |line| progress(line)),
            ..forge::Settings::from_environment()
        };
        Forge::new(name, settings).map_err(told)
    }

    fn credentials(&self) -> Result<Option<Credentials>, Diagnostic> {
        let options = CredentialOptions {
            token_file: self.token_file.as_deref(),
            app_id: self.app_id.as_deref(),
            app_key_file: self.app_key_file.as_deref(),
        };
        Credentials::find(&options, |name| std::env::var(name).ok()).map_err(forge::Error::into_diagnostic)
    }
}

/// Returns whether somebody means a folder: by how it begins, or because one is there.
fn is_folder(repository: &str) -> bool {
    let path = Path::new(repository);
    path.is_absolute() || repository.starts_with('.') || (!repository.contains("://") && path.is_dir())
}
