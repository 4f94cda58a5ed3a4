//! A source repository, an environment repository, and a GitHub on which the latter is.

#![allow(dead_code, reason = "every test binary uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dirops::diagnostic::Sources;
use dirops::propose::{Environments, Source};
use dirops::publish;
use git2::{Oid, Repository, Signature, Time};

use crate::github::state::Pull;
use crate::github::{GitHub, Heads, MAINTAINER, STRANGER};
use crate::scratch::{self, Run, Scratch};
use crate::support::git_server::GitServer;

pub const ENVIRONMENTS: &str = "agntcy/dir-staging";
pub const SOURCE: &str = "agntcy/dirops";

/// How Git reaches the repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    File,
    Http,
}

pub struct World {
    pub scratch: Scratch,
    pub github: GitHub,
    pub server: GitServer,
    /// The folder of the environment repository.
    pub environments: PathBuf,
}

impl World {
    pub fn new(by: By) -> Self {
        let server = GitServer::http((by == By::Http).then_some(MAINTAINER));
        let environments = server.repository(&format!("{ENVIRONMENTS}.git"));
        add(&environments, "main", "README.md", "environments\n");
        let github = GitHub::start();
        let root = environments.parent().and_then(Path::parent).unwrap().to_owned();
        let url = match by {
            By::File => url::Url::from_file_path(root).unwrap().to_string(),
            By::Http => server.url(""),
        };
        github.change(|state| {
            state.git_url = url.trim_end_matches('/').to_owned();
            state.copy_takes = 0;
            state.add_repository(ENVIRONMENTS, Heads::Git(environments.clone()));
        });
        let scratch = Scratch::new();
        Repository::init(scratch.source()).unwrap().set_head("refs/heads/main").unwrap();
        scratch::commit(&scratch.source());
        Self { scratch, github, server, environments }
    }

    /// Returns a command of the program, as somebody with this token.
    pub fn command(&self, arguments: &[&str], token: Option<&str>) -> Command {
        let mut command = self.scratch.command(arguments);
        for name in ["GITHUB_TOKEN", "GH_TOKEN", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_API_URL"] {
            command.env_remove(name);
        }
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        if let Some(token) = token {
            command.env("GH_TOKEN", token);
        }
        command.stdin(Stdio::null());
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        let url = self.github.url();
        let all = [&["propose", "--repo", ENVIRONMENTS, "--api-url", &url][..], arguments].concat();
        self.command(&all, Some(MAINTAINER)).spawn().unwrap()
    }

    pub fn propose(&self, arguments: &[&str]) -> Run {
        scratch::finish(self.start(arguments))
    }

    pub fn run_as(&self, token: &str, arguments: &[&str]) -> Run {
        scratch::finish(self.command(arguments, Some(token)).spawn().unwrap())
    }

    /// Changes the source, and commits that.
    pub fn change(&self, from: &str, to: &str) -> Oid {
        self.scratch.edit("base/app/values.yaml", from, to);
        self.commit()
    }

    pub fn commit(&self) -> Oid {
        Oid::from_str(&scratch::commit(&self.scratch.source())).unwrap()
    }

    pub fn head(&self, branch: &str) -> Option<Oid> {
        head(&self.environments, branch)
    }

    pub fn read(&self, branch: &str, path: &str) -> Option<String> {
        read(&self.environments, branch, path)
    }

    pub fn message(&self, branch: &str) -> String {
        let repository = Repository::open(&self.environments).unwrap();
        let commit = repository.find_commit(self.head(branch).unwrap()).unwrap();
        commit.message().unwrap().to_owned()
    }

    pub fn pulls(&self) -> Vec<Pull> {
        self.github.state().repositories[ENVIRONMENTS].pulls.clone()
    }

    /// Returns the one open pull request.
    #[track_caller]
    pub fn open(&self) -> Pull {
        let open: Vec<_> = self.pulls().into_iter().filter(|pull| pull.open).collect();
        assert_eq!(open.len(), 1, "{open:?}");
        open.into_iter().next().unwrap()
    }

    /// Merges the one open pull request, as a maintainer does.
    pub fn merge(&self) {
        let number = self.open().number;
        self.github.change(|state| state.merge(ENVIRONMENTS, number));
    }

    /// Panics where a token is in any file of a repository's folder, or in one of its objects.
    pub fn refuse_tokens_below(&self, folder: &Path) {
        if let Ok(repository) = Repository::open(folder) {
            let objects = repository.odb().unwrap();
            let mut count = 0;
            objects
                .foreach(|id| {
                    refuse_tokens(objects.read(*id).unwrap().data(), &format!("the object {id}"));
                    count += 1;
                    true
                })
                .unwrap();
            assert!(count > 0, "{} has no objects", folder.display());
        }
        for entry in walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok) {
            let Ok(content) = fs::read(entry.path()) else { continue };
            refuse_tokens(&content, &entry.path().display().to_string());
        }
    }
}

/// All environments of a source, as they are on its `main`.
pub fn everything<'a>(source: &'a Source, sources: &'a Sources) -> Environments<'a> {
    Environments {
        source,
        source_name: "https://example.org/source".to_owned(),
        branch: "main".to_owned(),
        environments: Vec::new(),
        permissions: publish::Permissions::default(),
        hydrator_metadata: false,
        jobs: 1,
        sources,
    }
}

/// Panics where a planted token is in something.
pub fn refuse_tokens(content: &[u8], what: &str) {
    let text = String::from_utf8_lossy(content);
    for token in [MAINTAINER, STRANGER] {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
        assert!(!text.contains(token) && !text.contains(&encoded), "a token is in {what}");
    }
}

/// Adds a file in a commit on top of a branch of a bare repository.
pub fn add(repository: &Path, branch: &str, path: &str, content: &str) -> Oid {
    let repository = Repository::open(repository).unwrap();
    let name = format!("refs/heads/{branch}");
    let parent = repository.refname_to_id(&name).ok().map(|oid| repository.find_commit(oid).unwrap());
    let empty = repository.treebuilder(None).unwrap().write().unwrap();
    let tree = parent.as_ref().map_or_else(|| repository.find_tree(empty).unwrap(), |parent| parent.tree().unwrap());
    let mut builder = git2::build::TreeUpdateBuilder::new();
    builder.upsert(path, repository.blob(content.as_bytes()).unwrap(), git2::FileMode::Blob);
    let tree = repository.find_tree(builder.create_updated(&repository, &tree).unwrap()).unwrap();
    let who = Signature::new("Somebody", "somebody@example.org", &Time::new(1_700_000_000, 0)).unwrap();
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some(&name), &who, &who, "Change something", &tree, &parents).unwrap()
}

pub fn head(repository: &Path, branch: &str) -> Option<Oid> {
    Repository::open(repository).unwrap().refname_to_id(&format!("refs/heads/{branch}")).ok()
}

pub fn read(repository: &Path, branch: &str, path: &str) -> Option<String> {
    let repository = Repository::open(repository).unwrap();
    let commit = repository.find_commit(repository.refname_to_id(&format!("refs/heads/{branch}")).ok()?).unwrap();
    let entry = commit.tree().unwrap().get_path(Path::new(path)).ok()?;
    let blob = repository.find_blob(entry.id()).ok()?;
    Some(String::from_utf8(blob.content().to_vec()).unwrap())
}
