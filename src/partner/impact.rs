//! What edits do to environments.

use std::collections::{BTreeMap, BTreeSet};

use super::Home;
use crate::bundle::Refusal;
use crate::deployment::{self, Deployment};
use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::publish::{self, Digest};
use crate::rules::{self, Finding};
use crate::workspace::{Environment, Reader, Registry, Workspace};

/// What would change in the environment repository for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The environment.
    pub environment: String,
    /// The rendered files that would be other ones, come or go; sorted.
    pub files: Vec<String>,
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
    pub(super) fn changes_since(&self, before: &Self) -> Vec<Change> {
        let nothing = BTreeMap::new();
        let mut changes = Vec::new();
        for (environment, files) in &self.files {
            let old = before.files.get(environment).unwrap_or(&nothing);
            let paths: BTreeSet<&String> = files.keys().chain(old.keys()).collect();
            let changed = paths.into_iter().filter(|path| files.get(*path) != old.get(*path));
            let files: Vec<String> = changed.cloned().collect();
            if !files.is_empty() || self.trusting.contains(environment) {
                changes.push(Change { environment: environment.clone(), files });
            }
        }
        changes
    }
}

fn is_about(finding: &Finding, path: &str, sources: &Sources) -> bool {
    let places = finding.diagnostic.place.iter().chain(&finding.diagnostic.related);
    places.into_iter().any(|place| *sources.path(place.file) == *path)
}
