//! Comparing two states of a source repository: both are rendered, and what comes out is compared.

use std::collections::BTreeSet;

use super::cause;
use super::change::{Change, Documents, changes};
use super::document::documents;
use super::fold::fold;
use super::side::Side;
use super::{Failure, Request, Review, Trust, Which};
use crate::deployment::{self, Deployment};
use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::tree::{Repositories, Tree, WorkTree};
use crate::workspace::Workspace;
use crate::yaml::Text;

/// Returns whether a tree is a source repository.
pub fn is_source(tree: &dyn Tree) -> bool {
    ["base", "overlays"].iter().all(|folder| matches!(tree.list(folder), Ok(Some(_))))
}

/// Compares two states of a source repository.
///
/// # Errors
/// Where neither of them has an environment that was asked for.
pub fn review(before: &Side, after: &Side, request: &Request) -> Result<Review, Vec<Diagnostic>> {
    let sources = (Sources::default(), Sources::default());
    let mut review = Review::new(&before.name, &after.name);
    let trees = (with_partners(before, request), with_partners(after, request));
    let old = load(&trees.0, &sources.0, request, Which::Before, &mut review.failures);
    let new = load(&trees.1, &sources.1, request, Which::After, &mut review.failures);
    if !review.failures.is_empty() {
        return Ok(review);
    }
    let sides = Sides { old: old.as_ref(), new: new.as_ref(), sources: (&sources.0, &sources.1) };
    let names = sides.wanted(request).map_err(|problem| vec![problem])?;
    sides.compare(&names, request.jobs, |found| request.retain(found), &mut review);
    Ok(review)
}

/// Compares two workspaces, in all environments.
pub fn compare(old: &Workspace<'_>, new: &Workspace<'_>, jobs: usize, review: &mut Review) {
    let sides = Sides { old: Some(old), new: Some(new), sources: (old.sources(), new.sources()) };
    sides.compare(&Vec::from_iter(sides.environments()), jobs, |_| {}, review);
}

/// Returns a side's files, with those of the environment repository, as they are now, where that has the registry.
fn with_partners<'a>(side: &'a Side, request: &Request) -> Repositories<'a> {
    let repositories = Repositories::new(side.tree());
    match &request.environment_repository {
        Some(folder) => repositories.with_environments(&folder.to_string_lossy(), WorkTree::new(folder)),
        None => repositories,
    }
}

/// Reads one side. A tree that is no source repository yet, or no more, has no environments.
fn load<'a>(
    tree: &'a dyn Tree,
    sources: &'a Sources,
    request: &Request,
    which: Which,
    failures: &mut Vec<Failure>,
) -> Option<Workspace<'a>> {
    if !is_source(tree) {
        return None;
    }
    match Workspace::load(tree, sources, request.jobs) {
        Ok(workspace) => {
            // A partner whose file cannot be read would look like one that is gone.
            let files = workspace.registries.values().flat_map(|registry| &registry.files);
            let unreadable = files.filter_map(|file| file.content.as_ref().err());
            failures.extend(unreadable.map(|problem| Failure::of(which, "", problem, sources)));
            Some(workspace)
        }
        Err(problems) => {
            failures.extend(problems.iter().map(|problem| Failure::of(which, "", problem, sources)));
            None
        }
    }
}

struct Sides<'a> {
    old: Option<&'a Workspace<'a>>,
    new: Option<&'a Workspace<'a>>,
    sources: (&'a Sources, &'a Sources),
}

/// What comparing one environment came to.
#[derive(Default)]
struct Compared {
    changes: Vec<Change>,
    failures: Vec<Failure>,
    trust: (Vec<Trust>, Vec<Trust>),
}

impl Sides<'_> {
    /// Returns the names of all environments.
    fn environments(&self) -> BTreeSet<Text> {
        let all = [self.old, self.new].into_iter().flatten().flat_map(|workspace| &workspace.environments);
        all.map(|environment| environment.name.value.clone()).collect()
    }

    /// Returns the names of the environments to compare, sorted.
    fn wanted(&self, request: &Request) -> Result<Vec<Text>, Diagnostic> {
        let all = self.environments();
        let unknown = request.environments.iter().find(|name| !all.contains(name.as_str()));
        if let Some(name) = unknown {
            return Err(Diagnostic::new(format!("there is no environment `{name}` on either side"))
                .suggest(name, all.iter().map(|name| &**name)));
        }
        let is_wanted = |name: &Text| {
            request.environments.is_empty() || request.environments.iter().any(|wanted| **wanted == **name)
        };
        Ok(all.into_iter().filter(is_wanted).collect())
    }

    /// Compares these environments; `keep` takes out of the changes what is not to be told.
    fn compare(&self, names: &[Text], jobs: usize, keep: impl FnOnce(&mut Vec<Change>), review: &mut Review) {
        let mut found = Vec::new();
        for compared in parallel::map(jobs, names, |name| self.environment(name)) {
            found.extend(compared.changes);
            review.failures.extend(compared.failures);
            review.trust.0.extend(compared.trust.0);
            review.trust.1.extend(compared.trust.1);
        }
        keep(&mut found);
        let has = |side: Option<&Workspace<'_>>, name: &str| side.is_some_and(|side| side.find(name).is_some());
        let only = |one: Option<&Workspace<'_>>, other: Option<&Workspace<'_>>| {
            names.iter().filter(|name| has(one, name) && !has(other, name)).cloned().collect()
        };
        review.added = only(self.new, self.old);
        review.removed = only(self.old, self.new);
        review.compared = names.len();
        review.changes = fold(found);
        for folded in &mut review.changes {
            cause::refine(folded, self.old, self.new);
        }
    }

    fn environment(&self, name: &Text) -> Compared {
        let mut compared = Compared::default();
        let old = build(self.old, name, self.sources.0, Which::Before, &mut compared.failures);
        let new = build(self.new, name, self.sources.1, Which::After, &mut compared.failures);
        // One side alone would look like a new environment, or like one that is gone.
        if !compared.failures.is_empty() {
            return compared;
        }
        let side = |deployment: &Option<Deployment>, sources| Documents {
            documents: deployment.as_ref().map(documents).unwrap_or_default(),
            sources,
            records: None,
        };
        compared.changes = changes(name, side(&old, self.sources.0), side(&new, self.sources.1));
        compared.trust.0.extend(old.as_ref().and_then(Trust::of));
        compared.trust.1.extend(new.as_ref().and_then(Trust::of));
        compared
    }
}

fn build(
    workspace: Option<&Workspace<'_>>,
    name: &str,
    sources: &Sources,
    which: Which,
    failures: &mut Vec<Failure>,
) -> Option<Deployment> {
    let workspace = workspace?;
    let environment = workspace.find(name)?;
    match deployment::build(workspace, environment) {
        Ok(deployment) => Some(deployment),
        Err(problem) => {
            failures.push(Failure::of(which, name, &problem, sources));
            None
        }
    }
}
