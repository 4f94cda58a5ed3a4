//! Comparing two configurations: what changes, how risky that is, and which source line made it.
//!
//! Both sides become documents (`document`), which are compared as what they mean (`compare`), not as lines. A table says
//! what each change does (`effect`); the same change in many places is told once (`fold`).

mod cause;
mod change;
mod compare;
mod document;
mod effect;
mod fold;
mod format;
mod html;
mod json;
mod manifest;
mod markdown;
mod present;
mod repository;
mod secret;
mod side;
mod source;
mod step;
mod text;
mod version;

use std::path::PathBuf;

pub use change::{Cause, Change, ChangeKind, Highlight, Origin, highlights};
pub use compare::{Difference, compare, differing};
pub use document::{Content, Object};
pub use effect::{EFFECTS, Effect, Scope, markdown as effects_markdown};
pub use fold::{Folded, Occurrence};
pub use format::Format as TextFormat;
pub use json::schema;
pub(crate) use present::plural;
pub use side::Range;
pub use step::{Step, Steps};

use crate::deployment::Deployment;
use crate::diagnostic::{Diagnostic, Sources};
use crate::tree::Tree;
use crate::workspace::Workspace;
use crate::yaml::Text;
use secret::Numbers;
pub use secret::hide;

/// What to compare.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of the repository.
    pub folder: PathBuf,
    /// The folder of the environment repository, where that has the registry of partners.
    pub environment_repository: Option<PathBuf>,
    /// Whether it is an environment repository, whatever it looks like.
    pub is_environment_repository: bool,
    /// Which two states.
    pub range: Range,
    /// The environments to tell of; all where there are none.
    pub environments: Vec<String>,
    /// The components to tell of; all where there are none.
    pub components: Vec<String>,
    /// How many threads to use.
    pub jobs: usize,
}

impl Request {
    /// Keeps the changes to tell of.
    fn retain(&self, changes: &mut Vec<Change>) {
        let fits = |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
        changes.retain(|change| {
            fits(&self.environments, &change.environment) && fits(&self.components, &change.component)
        });
    }
}

/// What changes between two states.
#[derive(Debug)]
pub struct Review {
    /// What the first state is called.
    pub before: String,
    /// What the second is called.
    pub after: String,
    /// What changes, the riskiest first; each change once.
    pub changes: Vec<Folded>,
    /// What could not be read or rendered, and so was not compared.
    pub failures: Vec<Failure>,
    /// Whom environments trust, before and after.
    pub trust: (Vec<Trust>, Vec<Trust>),
    /// How many environments were compared.
    pub compared: usize,
    /// The environments that only the second state has, sorted.
    pub added: Vec<Text>,
    /// The environments that only the first state has, sorted.
    pub removed: Vec<Text>,
    /// Files that differ and change nothing that is deployed.
    pub without_effect: Vec<String>,
    /// Files that differ and are no configuration.
    pub not_configuration: Vec<String>,
}

/// Whom an environment trusts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trust {
    /// The environment.
    pub environment: Text,
    /// Its own trust domain.
    pub trust_domain: Text,
    /// The trust domains that it federates with, sorted.
    pub partners: Vec<Text>,
}

impl Trust {
    /// Returns whom a deployment trusts, where it has a trust domain.
    fn of(deployment: &Deployment) -> Option<Self> {
        let trust_domain = deployment.trust_domain()?.value;
        let mut partners: Vec<Text> =
            deployment.federation_entries().into_iter().map(|entry| entry.trust_domain.into()).collect();
        partners.sort_unstable();
        partners.dedup();
        Some(Self { environment: deployment.environment.clone(), trust_domain, partners })
    }
}

/// Something that could not be read or rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// On which side.
    pub which: Which,
    /// In which environment; nothing where it is not of one alone.
    pub environment: String,
    /// What is wrong.
    pub message: String,
    /// Where, as `path:line:column`.
    pub place: Option<String>,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first.
    Before,
    /// The second.
    After,
}

impl Which {
    /// Returns its name in JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

impl Failure {
    /// The source line is left out: there may be a credential on it.
    fn of(which: Which, environment: &str, problem: &Diagnostic, sources: &Sources) -> Self {
        Self {
            which,
            environment: environment.to_owned(),
            message: problem.message.clone(),
            place: problem.place.map(|place| sources.show(place)),
        }
    }
}

impl Review {
    fn new(before: &str, after: &str) -> Self {
        Self {
            before: before.to_owned(),
            after: after.to_owned(),
            changes: Vec::new(),
            failures: Vec::new(),
            trust: Default::default(),
            compared: 0,
            added: Vec::new(),
            removed: Vec::new(),
            without_effect: Vec::new(),
            not_configuration: Vec::new(),
        }
    }

    /// Gives credentials the numbers that people see instead of them.
    fn number_credentials(&mut self) {
        let mut numbers = Numbers::default();
        for folded in &mut self.changes {
            let change = &mut folded.change;
            change.steps = numbers.steps(&change.steps);
            change.before = change.before.as_ref().map(|node| numbers.node(node));
            change.after = change.after.as_ref().map(|node| numbers.node(node));
        }
    }

    /// Calls the files in a folder by their paths in it.
    pub fn without_folder(&mut self, folder: &str) {
        let shorten = |cause: &mut Cause| {
            for origin in [&mut cause.before, &mut cause.after].into_iter().flatten() {
                if let Some(path) = origin.path.strip_prefix(folder).and_then(|path| path.strip_prefix('/')) {
                    origin.path = path.into();
                }
            }
        };
        for folded in &mut self.changes {
            shorten(&mut folded.change.cause);
            folded.places.iter_mut().for_each(|place| shorten(&mut place.cause));
        }
    }

    /// Returns how many changes there are, those that are told once counted in each place.
    pub fn total(&self) -> usize {
        self.changes.iter().map(Folded::count).sum()
    }

    /// Returns whether everything could be compared.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Compares two states.
///
/// # Errors
/// Where one of them is not there. What cannot be read in them is part of the review.
pub fn review(request: &Request) -> Result<Review, Vec<Diagnostic>> {
    let (before, after) = side::sides(&request.folder, &request.range).map_err(|problem| vec![problem])?;
    let either = |is: fn(&dyn Tree) -> bool| is(before.tree()) || is(after.tree());
    let is_environment_repository =
        || request.is_environment_repository || either(repository::is_environment_repository);
    let mut review = match () {
        () if before.is_file() || after.is_file() => manifest::review(&before, &after, request)?,
        () if !request.is_environment_repository && either(source::is_source) => {
            source::review(&before, &after, request)?
        }
        () if is_environment_repository() => repository::review(&before, &after, &request.folder, request)?,
        () => manifest::review(&before, &after, request)?,
    };
    review.number_credentials();
    Ok(review)
}

/// Compares what a source repository comes to before and after an edit.
pub fn review_workspaces(before: &Workspace<'_>, after: &Workspace<'_>, jobs: usize) -> Review {
    let mut review = Review::new("now", "then");
    source::compare(before, after, jobs, &mut review);
    review.number_credentials();
    review
}

/// Returns a review as text in a format.
pub fn write(review: &Review, format: Format, has_colours: bool) -> String {
    match format {
        Format::Text => text::write(review, has_colours),
        Format::Markdown => markdown::write(review),
        Format::Html => html::write(review),
        Format::Json => json::write(review),
    }
}

/// How to write a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// For a comment on a pull request: at most 65,000 characters, every risk among them
    Markdown,
    /// For people in a browser: one file with everything
    Html,
    /// For programs: docs/schemas/review.json describes it.
    Json,
}
