//! What edits do to environments.

use std::collections::{BTreeMap, BTreeSet};

use super::Home;
use crate::bundle::Refusal;
use crate::deployment::{self, Deployment};
use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::publish::{self, Digest};
use crate::review::{self, Review, plural};
use crate::rules::{self, Finding};
use crate::workspace::{Environment, Reader, Registry, Workspace};

/// What would change with the next render.
#[derive(Debug)]
pub struct Impact {
    /// The environments that would change, and how many rendered files of each; sorted by name.
    pub changed: Vec<(String, usize)>,
    /// The environments that trust the registry and would not change, sorted.
    pub unchanged: Vec<String>,
    /// What the change does to them.
    pub review: Review,
}

impl Impact {
    /// Returns which environments are concerned, a line each for those that change and those that do not.
    pub fn lines(&self) -> Vec<String> {
        let files: usize = self.changed.iter().map(|(_, files)| files).sum();
        let changed: Vec<&str> = self.changed.iter().map(|(name, _)| name.as_str()).collect();
        let unchanged: Vec<&str> = self.unchanged.iter().map(String::as_str).collect();
        let mut lines = Vec::new();
        if !changed.is_empty() {
            lines.push(format!("changed ({}): {}", plural(files, "file"), named(&changed)));
        }
        if !unchanged.is_empty() {
            lines.push(format!("as before: {}", named(&unchanged)));
        }
        lines
    }
}

/// Returns names, of very many the first ones.
fn named(names: &[&str]) -> String {
    const MOST: usize = 20;
    let listed = names[..names.len().min(MOST)].join(", ");
    match names.len().saturating_sub(MOST) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// What is made of a source repository and of one registry, and what the rules say about it.
pub(super) struct Judged {
    /// The rendered files by environment.
    files: BTreeMap<String, BTreeMap<String, Digest>>,
    /// The environments that trust the registry.
    trusting: BTreeSet<String>,
    pub(super) deployments: Vec<Deployment>,
    pub(super) findings: Vec<Finding>,
    problems: Vec<Diagnostic>,
}

impl Judged {
    /// Judges everything.
    pub(super) fn of(
        home: &Home<'_>,
        workspace: Option<&Workspace<'_>>,
        reader: Reader<'_>,
        folder: &str,
    ) -> Result<Self, Diagnostic> {
        let mut judged = Self {
            files: BTreeMap::new(),
            trusting: BTreeSet::new(),
            deployments: Vec::new(),
            findings: Vec::new(),
            problems: Vec::new(),
        };
        let known = workspace.is_some_and(|workspace| workspace.registries.contains_key(folder));
        if !known {
            let registry = Registry::read(reader, folder, &[], home.conditions.jobs)?;
            judged.findings.extend(rules::check_registry(&registry, &home.conditions, reader.sources));
        }
        if let Some(workspace) = workspace {
            judged.add(home, workspace, folder);
        }
        rules::sort(&mut judged.findings, reader.sources);
        Ok(judged)
    }

    fn add(&mut self, home: &Home<'_>, workspace: &Workspace<'_>, folder: &str) {
        let environments: Vec<&Environment> = workspace.environments.iter().collect();
        self.findings.extend(rules::check_registries(workspace, &environments, &home.conditions));
        let judge = |environment: &&Environment| {
            let deployment = deployment::build(workspace, environment)?;
            let findings = rules::check_deployment(&deployment, workspace.sources());
            let files = publish::files(&deployment)?;
            let files = files.iter().map(|(path, content)| (path.to_string(), Digest::of(content))).collect();
            Ok((deployment, findings, files))
        };
        for (environment, judged) in environments.iter().zip(parallel::map(home.conditions.jobs, &environments, judge))
        {
            let name = environment.name.value.to_string();
            if workspace.registry_of(environment).is_some_and(|registry| registry.folder == folder) {
                self.trusting.insert(name.clone());
            }
            match judged {
                Ok((deployment, findings, files)) => {
                    self.files.insert(name, files);
                    self.findings.extend(findings);
                    self.deployments.push(deployment);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        self.findings.extend(rules::check_deployments(&self.deployments, workspace.sources()));
    }

    /// Refuses what has errors that were not there before, or that are about this file.
    pub(super) fn refuse_new_errors(self, before: &Self, path: &str, sources: &Sources) -> Result<Self, Refusal> {
        let key = |finding: &Finding| (finding.rule.code, finding.diagnostic.message.clone());
        let known: BTreeSet<_> = before.findings.iter().map(key).collect();
        let is_new = |finding: &Finding| {
            finding.is_error() && (is_about(finding, path, sources) || !known.contains(&key(finding)))
        };
        let messages: BTreeSet<&str> = before.problems.iter().map(|problem| problem.message.as_str()).collect();
        let problems: Vec<Diagnostic> =
            self.problems.iter().filter(|problem| !messages.contains(problem.message.as_str())).cloned().collect();
        let findings: Vec<Finding> = self.findings.iter().filter(|finding| is_new(finding)).cloned().collect();
        match problems.is_empty() && findings.is_empty() {
            true => Ok(self),
            false => Err(Refusal { problems, findings }),
        }
    }

    /// Returns what is to be said about a file.
    pub(super) fn about(&self, path: &str, sources: &Sources) -> Vec<Finding> {
        self.findings.iter().filter(|finding| is_about(finding, path, sources)).cloned().collect()
    }

    /// Returns what would change: for each environment that trusts the registry, and each other one that is changed.
    /// Nothing is known of it without the source repository, as it is and as it would be.
    pub(super) fn impact_since(
        &self,
        before: &Self,
        (old, new): (Option<&Workspace<'_>>, Option<&Workspace<'_>>),
        jobs: usize,
    ) -> Option<Impact> {
        let review = review::review_workspaces(old?, new?, jobs);
        let nothing = BTreeMap::new();
        let mut impact = Impact { changed: Vec::new(), unchanged: Vec::new(), review };
        for (environment, files) in &self.files {
            let old = before.files.get(environment).unwrap_or(&nothing);
            let paths: BTreeSet<&String> = files.keys().chain(old.keys()).collect();
            let changed = paths.into_iter().filter(|path| files.get(*path) != old.get(*path)).count();
            match changed {
                0 if self.trusting.contains(environment) => impact.unchanged.push(environment.clone()),
                0 => {}
                changed => impact.changed.push((environment.clone(), changed)),
            }
        }
        Some(impact)
    }
}

fn is_about(finding: &Finding, path: &str, sources: &Sources) -> bool {
    let places = finding.diagnostic.place.iter().chain(&finding.diagnostic.related);
    places.into_iter().any(|place| *sources.path(place.file) == *path)
}
