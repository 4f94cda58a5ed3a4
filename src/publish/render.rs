//! Rendering environments into an environment repository: a folder on a disk, or a Git tree.

use std::fs;
use std::path::{Path, PathBuf};

use git2::Oid;

use super::disk::{Stage, Staged};
use super::plan::plan;
use super::{ChangeKind, ConflictKind, Disk, FileSet, GitTree, Permissions, Plan, Target, layout};
use crate::deployment::{self, Deployment};
use crate::diagnostic::Diagnostic;
use crate::parallel;
use crate::rules::{self, Conditions, Finding};
use crate::workspace::{Environment, Workspace};

/// Which environments to render.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The environments; all where there are none, unless `prune` is set.
    pub environments: Vec<String>,
    /// Whether to prune what is gone from the source, too; without environments that alone. Whoever renders all prunes
    /// anyway.
    pub prune: bool,
}

impl Selection {
    fn is_of_all(&self) -> bool {
        self.environments.is_empty() && !self.prune
    }

    fn prunes(&self) -> bool {
        self.prune || self.is_of_all()
    }
}

/// What to render, and where to.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which environments.
    pub selection: Selection,
    /// The folder of the source repository.
    pub source: PathBuf,
    /// The folder of the environment repository.
    pub into: PathBuf,
    /// Whether to change nothing and only tell what would change.
    pub check: bool,
    /// What may be overwritten.
    pub permissions: Permissions,
    /// How many threads to use.
    pub jobs: usize,
}

/// What to render into a Git tree.
#[derive(Clone, Debug)]
pub struct TreeRequest {
    /// Which environments.
    pub selection: Selection,
    /// What may be overwritten.
    pub permissions: Permissions,
    /// How many threads to use.
    pub jobs: usize,
}

/// A Git tree with environments rendered into it.
#[derive(Debug)]
pub struct RenderedTree {
    /// What was done; environments with nothing to do are in it.
    pub outcome: Outcome,
    /// The tree, in the repository of the one that was rendered into.
    pub tree: Oid,
    /// Whether it differs from the one that was rendered into.
    pub is_changed: bool,
}

/// What was done, or found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was or would be done, by environment, sorted; environments with nothing to do are in it.
    pub environments: Vec<Summary>,
    /// Warnings of the rules.
    pub warnings: Vec<Finding>,
}

/// What was or would be done to one environment.
#[derive(Debug)]
pub struct Summary {
    /// The environment.
    pub name: String,
    /// The files that changed or would, with the reason.
    pub changes: Vec<(String, Reason)>,
    /// Whether the receipt alone changed or would.
    pub receipt_only: bool,
    /// How many files are as they should be.
    pub unchanged: usize,
}

impl Summary {
    /// Returns whether anything of the environment changed or would, its receipt included.
    pub fn is_changed(&self) -> bool {
        self.receipt_only || !self.changes.is_empty()
    }
}

/// Why a file changes, or cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It changes.
    Change(ChangeKind),
    /// It may not be touched.
    Conflict(ConflictKind),
}

/// Why nothing was written.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong, sorted by place.
    pub problems: Vec<Diagnostic>,
    /// What the rules found; errors among it stopped the render.
    pub findings: Vec<Finding>,
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        Self { problems: vec![problem], findings: Vec::new() }
    }
}

/// Renders environments into a folder.
///
/// # Errors
/// Everything that is wrong; then nothing was written.
pub fn render(workspace: &Workspace<'_>, request: &Request) -> Result<Outcome, Failure> {
    refuse_source_folders(request)?;
    let target = Disk::new(&request.into);
    let (environments, warnings) = judged(workspace, &request.selection, request.jobs)?;
    let stage = match request.check {
        true => None,
        false => Some(target.stage()?),
    };
    let render = Render {
        workspace,
        target: &target,
        environments,
        prunes: request.selection.prunes(),
        // A check tells what is the matter; leave to overwrite would only hide it.
        permissions: if request.check { Permissions::default() } else { request.permissions },
        tells_conflicts: request.check,
        jobs: request.jobs,
    };
    let add = |plan| stage.as_ref().map(|stage| stage.add(plan)).transpose();
    let (outcome, staged) = render.all(warnings, add)?;
    if let Some(stage) = stage {
        commit(&stage, staged.into_iter().flatten().collect(), request.jobs)?;
        stage.finish();
    }
    Ok(outcome)
}

/// Renders environments into a Git tree: the same files as [`render`] leaves in a folder that holds `base`. Contents are
/// written to the repository as they are made; nothing refers to them before there is a commit.
///
/// # Errors
/// Everything that is wrong; then there is no new tree.
pub fn render_tree(workspace: &Workspace<'_>, base: &GitTree, request: &TreeRequest) -> Result<RenderedTree, Failure> {
    let (environments, warnings) = judged(workspace, &request.selection, request.jobs)?;
    let render = Render {
        workspace,
        target: base,
        environments,
        prunes: request.selection.prunes(),
        permissions: request.permissions,
        tells_conflicts: false,
        jobs: request.jobs,
    };
    let (outcome, edits) = render.all(warnings, |plan| base.add(plan))?;
    let tree = base.edited(edits.into_iter().flatten())?;
    Ok(RenderedTree { outcome, tree, is_changed: tree != base.id() })
}

/// Returns the environments to render, once the registries that they trust are known to be good.
fn judged<'a>(
    workspace: &'a Workspace<'_>,
    selection: &Selection,
    jobs: usize,
) -> Result<(Vec<&'a Environment>, Vec<Finding>), Failure> {
    let environments = selected(workspace, selection)?;
    let conditions = Conditions { now: None, jobs };
    let (errors, mut warnings) = split(rules::check_registries(workspace, &environments, &conditions));
    if !errors.is_empty() {
        return Err(Failure { problems: Vec::new(), findings: errors });
    }
    // What could be better in a partner's file is for `dirops check` to tell, not for every render.
    warnings.retain(|finding| finding.rule.is_about_environments());
    Ok((environments, warnings))
}

/// One render, whatever it goes to.
struct Render<'a> {
    workspace: &'a Workspace<'a>,
    target: &'a dyn Target,
    environments: Vec<&'a Environment>,
    /// Whether environments that are gone from the source go from the target.
    prunes: bool,
    permissions: Permissions,
    /// Whether conflicts are part of what is told; otherwise they are errors.
    tells_conflicts: bool,
    jobs: usize,
}

impl Render<'_> {
    /// Plans every environment and hands each plan without a conflict to `add`. Returns what it made of them.
    fn all<S: Send>(
        &self,
        warnings: Vec<Finding>,
        add: impl Fn(Plan) -> Result<S, Diagnostic> + Sync,
    ) -> Result<(Outcome, Vec<S>), Failure> {
        let prepared = parallel::map(self.jobs, &self.work()?, |work| self.prepare(work, &add));
        let mut outcome = Outcome { environments: Vec::new(), warnings };
        let mut added = Vec::new();
        let mut failure = Failure { problems: Vec::new(), findings: Vec::new() };
        for prepared in prepared {
            match prepared {
                Ok(prepared) => {
                    outcome.environments.push(prepared.summary);
                    outcome.warnings.extend(prepared.warnings);
                    added.extend(prepared.added);
                }
                Err(other) => {
                    failure.problems.extend(other.problems);
                    failure.findings.extend(other.findings);
                }
            }
        }
        if !self.tells_conflicts {
            failure.problems.extend(conflicts(&outcome));
        }
        if !failure.problems.is_empty() || !failure.findings.is_empty() {
            failure.problems.sort_by_key(|problem| self.workspace.sources().order(problem.place));
            failure.problems.dedup();
            return Err(failure);
        }
        Ok((outcome, added))
    }

    /// Pruned is what this source has owned and has no more, whatever is rendered.
    fn work(&self) -> Result<Vec<Work<'_>>, Diagnostic> {
        let mut work: Vec<_> = self.environments.iter().map(|environment| Work::Render(environment)).collect();
        if !self.prunes {
            return Ok(work);
        }
        let all = &self.workspace.environments;
        for name in self.target.environments()? {
            if all.iter().any(|environment| *environment.name.value == *name) {
                continue;
            }
            let Some(receipt) = self.target.receipt(&name)? else {
                continue;
            };
            let ours = all.iter().any(|environment| *environment.source.value == *receipt.source);
            if ours {
                work.push(Work::Prune(name, receipt.source));
            }
        }
        Ok(work)
    }

    fn prepare<S>(&self, work: &Work<'_>, add: impl Fn(Plan) -> Result<S, Diagnostic>) -> Result<Prepared<S>, Failure> {
        let (name, source, files, warnings) = match work {
            Work::Prune(name, source) => (name.as_str(), source.as_str(), None, Vec::new()),
            Work::Render(environment) => {
                let (files, warnings) = rendered(self.workspace, environment)?;
                (&*environment.name.value, &*environment.source.value, Some(files), warnings)
            }
        };
        let plan = plan(self.target, source, name, files, self.permissions)?;
        let summary = summary(&plan);
        let added = match plan.conflicts.is_empty() {
            true => Some(add(plan)?),
            false => None,
        };
        Ok(Prepared { summary, warnings, added })
    }
}

/// What there is to do for one environment.
enum Work<'a> {
    Render(&'a Environment),
    /// It is gone from the source; this is its name and its source's.
    Prune(String, String),
}

struct Prepared<S> {
    summary: Summary,
    warnings: Vec<Finding>,
    added: Option<S>,
}

fn selected<'a>(workspace: &'a Workspace<'_>, selection: &Selection) -> Result<Vec<&'a Environment>, Failure> {
    if selection.is_of_all() {
        return Ok(workspace.environments.iter().collect());
    }
    let found = selection.environments.iter().map(|name| workspace.environment(name));
    let mut environments: Vec<&Environment> = found.collect::<Result<_, _>>()?;
    environments.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    environments.dedup_by(|a, b| a.name.value == b.name.value);
    Ok(environments)
}

fn rendered(workspace: &Workspace<'_>, environment: &Environment) -> Result<(FileSet, Vec<Finding>), Failure> {
    let deployment: Deployment = deployment::build(workspace, environment)?;
    let mut findings = rules::check_deployment(&deployment, workspace.sources());
    rules::fold(&mut findings);
    let (errors, warnings) = split(findings);
    if !errors.is_empty() {
        return Err(Failure { problems: Vec::new(), findings: errors });
    }
    Ok((layout::files(&deployment)?, warnings))
}

fn split(findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    findings.into_iter().partition(Finding::is_error)
}

fn summary(plan: &Plan) -> Summary {
    let changes = plan.changes.iter().map(|change| (change.path.to_string(), Reason::Change(change.kind)));
    let conflicts =
        plan.conflicts.iter().map(|conflict| (conflict.path.to_string(), Reason::Conflict(conflict.kind.clone())));
    let mut changes: Vec<_> = changes.chain(conflicts).collect();
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    Summary {
        name: plan.environment.clone(),
        receipt_only: changes.is_empty() && plan.receipts.is_some(),
        changes,
        unchanged: plan.unchanged,
    }
}

fn conflicts(outcome: &Outcome) -> Vec<Diagnostic> {
    let changes = outcome.environments.iter().flat_map(|environment| &environment.changes);
    let conflict = |(path, reason): &(String, Reason)| match reason {
        Reason::Conflict(kind) => Some(conflict(path, kind)),
        Reason::Change(_) => None,
    };
    changes.filter_map(conflict).collect()
}

fn conflict(path: &str, kind: &ConflictKind) -> Diagnostic {
    match kind {
        ConflictKind::Edited => Diagnostic::new(format!("{path} was edited by hand"))
            .help("bring the change into the source, or overwrite it with --force"),
        ConflictKind::NotOwned => Diagnostic::new(format!("{path} is there and dirops does not own it"))
            .help("move it away, or take it over with --adopt"),
        ConflictKind::OtherSource(other) => Diagnostic::new(format!("{path} belongs to the source {other}"))
            .help("give the environment another name, or take it over with --adopt"),
        ConflictKind::InTheWay(what) => {
            Diagnostic::new(format!("{path} cannot be written: {what} is in the way")).help("remove it")
        }
    }
}

fn commit(stage: &Stage<'_>, staged: Vec<Staged>, jobs: usize) -> Result<(), Failure> {
    let staged: Vec<_> = staged.into_iter().map(|staged| std::sync::Mutex::new(Some(staged))).collect();
    let take = |cell: &std::sync::Mutex<Option<Staged>>| {
        let staged = cell.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        staged.map_or(Ok(()), |staged| stage.commit(staged))
    };
    let results = parallel::map(jobs, &staged, take);
    let problems: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure { problems, findings: Vec::new() }),
    }
}

/// Writing into the folders that are read would make the next render read what this one wrote.
fn refuse_source_folders(request: &Request) -> Result<(), Diagnostic> {
    let Some(into) = resolved(&request.into) else {
        return Ok(());
    };
    for folder in ["base", "overlays", "onboarding"] {
        let inside = fs::canonicalize(request.source.join(folder)).is_ok_and(|folder| into.starts_with(folder));
        if inside {
            return Err(Diagnostic::new(format!("{} is inside {folder}/, which is read", request.into.display()))
                .help("name a folder outside of base/, overlays/ and onboarding/ with --into"));
        }
    }
    Ok(())
}

/// Returns the path with links resolved as far as it exists.
fn resolved(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let existing = absolute.ancestors().find_map(|ancestor| {
        let resolved = fs::canonicalize(ancestor).ok()?;
        let rest = absolute.strip_prefix(ancestor).ok()?;
        Some(resolved.join(rest))
    });
    existing.or(Some(absolute))
}
