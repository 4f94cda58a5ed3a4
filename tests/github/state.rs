//! What the fake GitHub knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::{ACTIONS, MAINTAINER, STRANGER};

/// Everything that it knows.
pub struct State {
    /// By name, as it is written.
    pub repositories: BTreeMap<String, Repository>,
    /// Who has which token.
    pub tokens: BTreeMap<String, Holder>,
    /// Where the App is installed: the repositories, by the number of the installation.
    pub installations: BTreeMap<u64, BTreeSet<String>>,
    /// Old names, and what they became.
    pub renamed: BTreeMap<String, String>,
    /// What was asked, as `GET /path`, since the last fault was set.
    pub requests: Vec<String>,
    pub faults: Vec<Fault>,
    /// How often a new fork looks empty.
    pub copy_takes: u32,
    /// Where repositories are cloned from: this, a slash, and the name with `.git`.
    pub git_url: String,
    pub last_id: u64,
}

/// Who somebody with a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    User(String),
    /// An installation of this App, for these repositories.
    Installation {
        bot: String,
        repositories: BTreeSet<String>,
    },
}

impl Holder {
    pub fn login(&self) -> &str {
        match self {
            Self::User(login) => login,
            Self::Installation { bot, .. } => bot,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "User",
            Self::Installation { .. } => "Bot",
        }
    }
}

pub struct Repository {
    pub name: String,
    pub default_branch: String,
    pub parent: Option<String>,
    pub private: bool,
    /// Who may push.
    pub writers: BTreeSet<String>,
    pub heads: Heads,
    pub pulls: Vec<Pull>,
    pub comments: Vec<Comment>,
    /// How often it still looks empty.
    pub copy_left: u32,
}

/// Where branches come from.
#[derive(Clone)]
pub enum Heads {
    /// Said outright: commits by branch, the oldest first, the base's included.
    Said(BTreeMap<String, Vec<String>>),
    /// A bare Git repository, as `…/owner/name.git` where it can be forked.
    Git(PathBuf),
}

impl<const N: usize> From<[(&str, &[&str]); N]> for Heads {
    fn from(heads: [(&str, &[&str]); N]) -> Self {
        let owned = |commits: &[&str]| commits.iter().map(|commit| (*commit).to_owned()).collect();
        Self::Said(heads.into_iter().map(|(branch, commits)| (branch.to_owned(), owned(commits))).collect())
    }
}

impl Heads {
    pub fn set(&mut self, branch: &str, commits: &[&str]) {
        let Self::Said(heads) = self else { panic!("the branches are Git's") };
        heads.insert(branch.to_owned(), commits.iter().map(|commit| (*commit).to_owned()).collect());
    }

    /// Returns the last commit of a branch.
    pub fn head(&self, branch: &str) -> Option<String> {
        match self {
            Self::Said(heads) => heads.get(branch)?.last().cloned(),
            Self::Git(folder) => {
                let repository = git2::Repository::open_bare(folder).unwrap();
                let found = repository.find_branch(branch, git2::BranchType::Local).ok()?;
                Some(found.get().peel_to_commit().ok()?.id().to_string())
            }
        }
    }

    /// Returns the branches of a fork, a copy of a Git repository included.
    pub fn copy(&self, fork: &str) -> Self {
        let Self::Git(folder) = self else { return self.clone() };
        let root = folder.parent().and_then(Path::parent).unwrap();
        let copy = root.join(format!("{fork}.git"));
        for entry in walkdir::WalkDir::new(folder) {
            let entry = entry.unwrap();
            let to = copy.join(entry.path().strip_prefix(folder).unwrap());
            match entry.file_type().is_dir() {
                true => std::fs::create_dir_all(to).unwrap(),
                false => drop(std::fs::copy(entry.path(), to).unwrap()),
            }
        }
        Self::Git(copy)
    }

    /// Merges a branch of a repository into one of this.
    fn merge(&mut self, base: &str, from: &Self, head: &str) {
        match (self, from) {
            (Self::Said(heads), Self::Said(from)) => drop(heads.insert(base.to_owned(), from[head].clone())),
            (Self::Git(folder), Self::Git(from)) => merge_in_git(folder, base, from, head),
            _ => panic!("a fork's branches are of the same kind"),
        }
    }
}

fn merge_in_git(folder: &Path, base: &str, from: &Path, head: &str) {
    let repository = git2::Repository::open_bare(folder).unwrap();
    let (into, merged) = (format!("refs/heads/{base}"), "refs/test/merged");
    let mut remote = repository.remote_anonymous(from.to_str().unwrap()).unwrap();
    remote.fetch(&[format!("+refs/heads/{head}:{merged}")], None, None).unwrap();
    let commit = |name: &str| repository.find_reference(name).unwrap().peel_to_commit().unwrap();
    let (ours, theirs) = (commit(&into), commit(merged));
    let mut index = repository.merge_commits(&ours, &theirs, None).unwrap();
    let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
    let signature = git2::Signature::new("Maintainer", "maintainer@example.org", &ours.time()).unwrap();
    repository.commit(Some(&into), &signature, &signature, "Merge", &tree, &[&ours, &theirs]).unwrap();
}

#[derive(Clone, Debug)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub merged: bool,
    /// The repository of the branch.
    pub from: String,
    pub head: String,
    pub base: String,
    pub author: String,
}

#[derive(Clone, Debug)]
pub struct Comment {
    pub id: u64,
    pub number: u64,
    pub body: String,
    pub author: String,
    pub kind: &'static str,
}

impl Default for State {
    fn default() -> Self {
        let user = |login: &str| Holder::User(login.to_owned());
        let bot = "github-actions[bot]".to_owned();
        let actions = Holder::Installation { bot, repositories: BTreeSet::from(["agntcy/dir-staging".to_owned()]) };
        let tokens = [(MAINTAINER, user("maintainer")), (STRANGER, user("stranger")), (ACTIONS, actions)];
        Self {
            repositories: BTreeMap::new(),
            tokens: tokens.into_iter().map(|(token, holder)| (token.to_owned(), holder)).collect(),
            installations: BTreeMap::new(),
            renamed: BTreeMap::new(),
            requests: Vec::new(),
            faults: Vec::new(),
            copy_takes: 2,
            git_url: "https://git.example.org".to_owned(),
            last_id: 0,
        }
    }
}

impl State {
    /// Adds a repository that the maintainer may push to.
    pub fn add_repository(&mut self, name: &str, heads: impl Into<Heads>) -> &mut Repository {
        let repository = Repository {
            name: name.to_owned(),
            default_branch: "main".to_owned(),
            parent: None,
            private: false,
            writers: BTreeSet::from(["maintainer".to_owned()]),
            heads: heads.into(),
            pulls: Vec::new(),
            comments: Vec::new(),
            copy_left: 0,
        };
        self.repositories.entry(name.to_owned()).or_insert(repository)
    }

    pub fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.get_mut(name).unwrap_or_else(|| panic!("no repository {name}"))
    }

    /// Merges a pull request, as a maintainer does.
    pub fn merge(&mut self, name: &str, number: u64) {
        let pulls = &mut self.repository(name).pulls;
        let pull = pulls.iter_mut().find(|pull| pull.number == number && pull.open).unwrap();
        (pull.open, pull.merged) = (false, true);
        let pull = pull.clone();
        let from = self.repository(&pull.from).heads.clone();
        self.repository(name).heads.merge(&pull.base, &from, &pull.head);
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn may_push(&self, holder: &Holder, repository: &Repository) -> bool {
        match holder {
            Holder::User(login) => repository.writers.contains(login),
            Holder::Installation { repositories, .. } => repositories.contains(&repository.name),
        }
    }
}

impl Repository {
    pub fn owner(&self) -> &str {
        self.name.split_once('/').unwrap().0
    }

    pub fn open_pulls(&self) -> Vec<&Pull> {
        self.pulls.iter().filter(|pull| pull.open).collect()
    }
}
