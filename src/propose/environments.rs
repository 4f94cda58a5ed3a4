//! What environments render to, as a change of the environment repository.

use git2::Oid;

use super::{Change, Destination, Made, Source, Standing, text};
use crate::diagnostic::{Diagnostic, Sources};
use crate::git::{METADATA, Provenance, metadata};
use crate::publish::{self, Digest, Failure, GitTree, RenderedTree, Selection, Summary, TreeRequest, render_tree};
use crate::tree::{Recorded, Repositories, Revision, Tree};
use crate::workspace::Workspace;

/// The largest file that may be part of the input, in bytes; the limits of those who read it are lower.
const LARGEST: u64 = 1 << 30;

/// What environments render to.
pub struct Environments<'a> {
    /// Where they are rendered from.
    pub source: &'a Source,
    /// What that is called.
    pub source_name: String,
    /// The branch of it.
    pub branch: String,
    /// The environments; all where there are none.
    pub environments: Vec<String>,
    /// What may be overwritten.
    pub permissions: publish::Permissions,
    /// Whether to write `hydrator.metadata`.
    pub hydrator_metadata: bool,
    /// How many threads to use.
    pub jobs: usize,
    /// The files that are read.
    pub sources: &'a Sources,
}

impl Change for Environments<'_> {
    fn make(&self, destination: &Destination<'_>, base: Oid) -> Result<Made, Failure> {
        destination.tell("rendering");
        let repository = destination.repository().path();
        let files = Repositories::new(self.source.files()?)
            .with_environments("../environment-repository", Revision::open(repository, &base.to_string())?);
        let recorded = Recorded::new(&files);
        let workspace = Workspace::load(&recorded, self.sources, self.jobs)
            .map_err(|problems| Failure { problems, findings: Vec::new() })?;
        let request = TreeRequest {
            selection: Selection { environments: self.environments.clone(), prune: false },
            permissions: self.permissions,
            jobs: self.jobs,
        };
        let rendered = render_tree(&workspace, &GitTree::open(repository, Some(base))?, &request)?;
        self.refuse_uncommitted(destination, &recorded)?;
        let input = input(&recorded, &files)?;
        let changed: Vec<String> =
            rendered.outcome.environments.iter().filter(|one| one.is_changed()).map(|one| one.name.clone()).collect();
        let title = format!("Render {}", text::names(&changed, "environments"));
        Ok(Made {
            tree: self.with_metadata(destination, &rendered)?,
            message: format!("{title}\n\n{}", self.message(&rendered.outcome.environments)),
            provenance: Provenance::new(Some(self.source.commit()), input),
            environments: changed,
        })
    }

    fn standing(&self, other: &Provenance) -> Result<Standing, Diagnostic> {
        self.source.standing(other)
    }

    fn describe(&self, destination: &Destination<'_>, base: Oid, head: Oid) -> Result<String, Diagnostic> {
        destination.tell("reviewing");
        let repository = destination.repository();
        let commit = repository
            .find_commit(head)
            .map_err(|error| Diagnostic::new(format!("{head} cannot be read: {}", error.message())))?;
        let from = match Provenance::of(repository, &commit)?.and_then(|provenance| provenance.source) {
            Some(source) => self.link(source),
            None => "a source that is in no Git repository".to_owned(),
        };
        let review = text::review(destination, base, head, true, self.jobs)?;
        Ok(format!("Rendered from {from}, branch `{}`.\n\n{review}", self.branch))
    }

    fn farewell(&self) -> String {
        let from = self.link(self.source.commit());
        format!("What {from} renders to is all in the base branch: nothing is left to merge.")
    }
}

impl Environments<'_> {
    /// Nobody could tell what was rendered from files that nobody else has.
    fn refuse_uncommitted(&self, destination: &Destination<'_>, recorded: &Recorded<'_>) -> Result<(), Diagnostic> {
        let uncommitted = self.source.uncommitted(|path| recorded.depends_on(path));
        let Some(first) = uncommitted.first() else { return Ok(()) };
        let files = match uncommitted.len() {
            1 => (*first).to_owned(),
            count => format!("{first} and {} more", count - 1),
        };
        match destination.is_dry() {
            true => destination.tell(&format!("not committed, and so left out: {files}")),
            false => {
                return Err(Diagnostic::new(format!("not committed: {files}")).help(
                    "commit it first: what is proposed is rendered from a commit, so that others can tell from which",
                ));
            }
        }
        Ok(())
    }

    fn with_metadata(&self, destination: &Destination<'_>, rendered: &RenderedTree) -> Result<Oid, Diagnostic> {
        if !self.hydrator_metadata || !rendered.is_changed {
            return Ok(rendered.tree);
        }
        let content = metadata(self.source.repository(), self.source.commit(), &self.source_name)?;
        let tree = GitTree::open(destination.repository().path(), Some(rendered.tree))?;
        tree.edited([tree.file(METADATA, content.as_bytes())?])
    }

    fn message(&self, environments: &[Summary]) -> String {
        let mut message = format!("From {}, branch {}: {}\n", self.source_name, self.branch, self.source.subject());
        let changed = environments.iter().filter(|environment| environment.is_changed());
        for Summary { name, changes, .. } in changed {
            let files = match changes.len() {
                1 => "1 file".to_owned(),
                count => format!("{count} files"),
            };
            message.push_str(&format!("\n- {name}: {files}"));
        }
        message
    }

    /// Returns a commit of the source repository in Markdown, as a link where there is a page about it.
    fn link(&self, commit: Oid) -> String {
        let short = &commit.to_string()[..10];
        let name = &self.source_name;
        match name.starts_with("https://") && !name.contains(['(', ')', ' ', '<', '>']) {
            true => format!(
                "[`{short}`]({}/commit/{commit}) of {name}",
                name.trim_end_matches('/').trim_end_matches(".git")
            ),
            false => format!("`{short}` of {name}"),
        }
    }
}

/// Returns the digest of everything that was read.
fn input(recorded: &Recorded<'_>, files: &dyn Tree) -> Result<Digest, Diagnostic> {
    let mut text = String::new();
    for path in recorded.files() {
        let content =
            files.read(&path, LARGEST).map_err(|error| Diagnostic::new(format!("{path} cannot be read: {error}")))?;
        let digest = content.map_or_else(|| "absent".to_owned(), |content| Digest::of(&content).to_string());
        text.push_str(&format!("{digest} {path}\n"));
    }
    Ok(Digest::of(text.as_bytes()))
}
