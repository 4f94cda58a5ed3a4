//! Checking federation files, registries, environments, or a whole source repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::chart::Records;
use crate::deployment::{self, Deployment, Part};
use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::rules::{self, Conditions, Finding, RULES};
use crate::tree::{Repositories, Tree, WorkTree, changed_since, on_disk};
use crate::workspace::{Environment, FederationFile, Reader, Registry, Workspace};

/// What to check, and what to tell of it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of the source repository.
    pub source: PathBuf,
    /// The folder of the environment repository, where that has the registry of partners.
    pub environment_repository: Option<PathBuf>,
    /// Federation files, registries, and environments' folders; the whole repository where there are none.
    pub paths: Vec<String>,
    /// A chart and its version: then the paths are values files for it.
    pub chart: Option<(String, String)>,
    /// An environment repository to check instead, whoever wrote it.
    pub into: Option<PathBuf>,
    /// The rules to tell of; all where there are none.
    pub only: Vec<String>,
    /// The rules not to tell of.
    pub allow: Vec<String>,
    /// Tell only of what changed since this revision.
    pub changed_since: Option<String>,
    /// What the rules depend on besides the files.
    pub conditions: Conditions,
}

impl Request {
    /// Returns the repositories' files.
    pub fn tree(&self) -> Repositories<'static> {
        Repositories::in_folders(&self.source, self.environment_repository.as_deref())
    }
}

/// Returns what is wrong, sorted by place. The files are remembered in `sources`.
///
/// # Errors
/// What keeps the check from its work: then nothing can be said about the rest.
pub fn check(request: &Request, sources: &Sources) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    refuse_unknown_rules(request).map_err(|error| vec![error])?;
    let tree = request.tree();
    let mut findings = match (&request.chart, &request.into, request.paths.is_empty()) {
        (Some((chart, version)), ..) => {
            values_files(&tree, chart, version, request, sources).map_err(|error| vec![error])?
        }
        (None, Some(into), _) => environment_repository(&tree, &WorkTree::new(into), request, sources)?,
        (None, None, true) => everything(&tree, request, sources)?,
        (None, None, false) => named(&tree, request, sources)?,
    };
    let told = |finding: &Finding| {
        let code = finding.rule.code;
        (request.only.is_empty() || request.only.iter().any(|only| only == code))
            && !request.allow.iter().any(|allowed| allowed == code)
    };
    findings.retain(told);
    if let Some(revision) = &request.changed_since {
        let changed = changed_since(&request.source, revision).map_err(|error| vec![error])?;
        findings.retain(|finding| touches(finding, &changed, request, sources));
    }
    rules::sort(&mut findings, sources);
    rules::fold(&mut findings);
    Ok(findings)
}

fn refuse_unknown_rules(request: &Request) -> Result<(), Diagnostic> {
    let known = || RULES.iter().map(|rule| rule.code);
    match request.only.iter().chain(&request.allow).find(|code| !known().any(|known| known == *code)) {
        None => Ok(()),
        Some(code) => Err(Diagnostic::new(format!("there is no rule `{code}`")).suggest(code, known())),
    }
}

/// Checks values files that somebody installs a chart with by hand.
fn values_files(
    tree: &dyn Tree,
    chart: &str,
    version: &str,
    request: &Request,
    sources: &Sources,
) -> Result<Vec<Finding>, Diagnostic> {
    let records = Records::new(Reader { tree, sources });
    let record = records.find(chart, version);
    if record.is_none() {
        let known = records.versions(chart);
        let problem = Diagnostic::new(format!("there is no record of {chart} {version}"));
        return Err(match known.is_empty() {
            true => problem.help("`dirops chart record` makes one"),
            false => problem.suggest(version, known.iter().map(String::as_str)),
        });
    }
    let here = WorkTree::new("");
    let reader = Reader { tree: &here, sources };
    let mut values = Vec::new();
    for path in &request.paths {
        let missing = || Diagnostic::new(format!("{path} cannot be read: there is no such file"));
        let node = reader.document(path)?.ok_or_else(missing)?;
        match node.as_map() {
            Some(_) => values.push(node),
            None => return Err(Diagnostic::new(format!("{path} is not a map of Helm values")).at(node.place)),
        }
    }
    let place = values.last().map_or_else(|| reader.start_of(""), |values| values.place);
    let deployment = Deployment::of_values(chart, version, values, record, place);
    Ok(rules::check_deployment(&deployment, sources))
}

/// Checks an environment repository, whoever wrote it.
fn environment_repository(
    source: &dyn Tree,
    tree: &dyn Tree,
    request: &Request,
    sources: &Sources,
) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let records = Records::new(Reader { tree: source, sources });
    let find = |chart: &str, version: &str| records.find(chart, version);
    let repository = deployment::read_back(Reader { tree, sources }, &find, Part::default(), request.conditions.jobs)?;
    let mut findings = Vec::new();
    if let Some(registry) = &repository.registry {
        findings.extend(rules::check_registry(registry, &request.conditions, sources));
    }
    for deployment in &repository.deployments {
        findings.extend(rules::check_deployment(deployment, sources));
    }
    findings.extend(rules::check_deployments(&repository.deployments, sources));
    Ok(findings)
}

/// Checks all registries, all environments, and what environments make of the registries.
fn everything(tree: &dyn Tree, request: &Request, sources: &Sources) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let workspace = Workspace::load(tree, sources, request.conditions.jobs)?;
    let environments: Vec<&Environment> = workspace.environments.iter().collect();
    let mut findings = rules::check_registries(&workspace, &environments, &request.conditions);
    // A registry that nobody trusts yet becomes a trust relationship as soon as somebody does.
    for folder in untrusted_registries(tree, &workspace, sources)? {
        let reader = Reader { tree, sources };
        let registry = Registry::read(reader, &folder, &[], request.conditions.jobs).map_err(|error| vec![error])?;
        findings.extend(rules::check_registry(&registry, &request.conditions, sources));
    }
    findings.extend(check_environments(&workspace, &environments, request)?);
    Ok(findings)
}

fn untrusted_registries(
    tree: &dyn Tree,
    workspace: &Workspace<'_>,
    sources: &Sources,
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let reader = Reader { tree, sources };
    let listed = reader.list("onboarding").map_err(|error| vec![error])?;
    let folders = listed.into_iter().filter(|entry| entry.is_folder).map(|entry| format!("onboarding/{}", entry.name));
    Ok(folders.filter(|folder| !workspace.registries.contains_key(folder)).collect())
}

/// Checks what environments put on their clusters. An environment that cannot be built keeps the check from its work,
/// unless a finding about a federation file says why.
fn check_environments(
    workspace: &Workspace<'_>,
    environments: &[&Environment],
    request: &Request,
) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    let build = |environment: &&Environment| {
        let deployment = deployment::build(workspace, environment)?;
        let findings = rules::check_deployment(&deployment, workspace.sources());
        Ok((deployment, findings))
    };
    let results: Vec<Result<_, Diagnostic>> = parallel::map(request.conditions.jobs, environments, build);
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut problems: Vec<Diagnostic> = bad.into_iter().filter_map(Result::err).collect();
    problems.sort_by_key(|problem| workspace.sources().order(problem.place));
    problems.dedup();
    if !problems.is_empty() {
        return Err(problems);
    }
    let (deployments, findings): (Vec<Deployment>, Vec<Vec<Finding>>) = good.into_iter().flatten().unzip();
    let mut findings: Vec<Finding> = findings.into_iter().flatten().collect();
    findings.extend(rules::check_deployments(&deployments, workspace.sources()));
    Ok(findings)
}

/// Checks what the user named.
fn named(tree: &dyn Tree, request: &Request, sources: &Sources) -> Result<Vec<Finding>, Vec<Diagnostic>> {
    // Federation files can be checked where there is no source repository; then no environment trusts them.
    let has_source = request.source.join("base").is_dir() && request.source.join("overlays").is_dir();
    let workspace = match has_source {
        true => Some(Workspace::load(tree, sources, request.conditions.jobs)?),
        false => None,
    };
    let here = WorkTree::new("");
    let reader = Reader { tree: &here, sources };
    let mut findings = Vec::new();
    let mut problems = Vec::new();
    for path in request.paths.iter().flat_map(|path| each_in(path)) {
        let result = match subject(&path, request, workspace.as_ref()) {
            Ok(Subject::Environment(environment)) => match &workspace {
                Some(workspace) => check_environments(workspace, &[environment], request),
                None => Ok(Vec::new()),
            },
            Ok(Subject::Registry(folder)) => {
                check_registry_at(reader, &folder, None, request, workspace.as_ref()).map_err(|error| vec![error])
            }
            Ok(Subject::File { folder, path }) => {
                check_registry_at(reader, &folder, Some(&path), request, workspace.as_ref())
                    .map_err(|error| vec![error])
            }
            Err(error) => Err(vec![error]),
        };
        match result {
            Ok(found) => findings.extend(found),
            Err(errors) => problems.extend(errors),
        }
    }
    match problems.is_empty() {
        true => Ok(findings),
        false => Err(problems),
    }
}

/// What a path on the command line is.
enum Subject<'a> {
    Environment(&'a Environment),
    Registry(String),
    File { folder: String, path: String },
}

/// Returns what was named, or where that is a folder of nothing but registries or environments, each of them.
fn each_in(path: &str) -> Vec<String> {
    let folder = path.trim_end_matches('/');
    let listed = WorkTree::new("").list(folder).ok().flatten().unwrap_or_default();
    let visible: Vec<_> = listed.iter().filter(|entry| !entry.name.starts_with('.')).collect();
    match !visible.is_empty() && visible.iter().all(|entry| entry.is_folder) {
        true => visible.iter().map(|entry| format!("{folder}/{}", entry.name)).collect(),
        false => vec![path.to_owned()],
    }
}

fn subject<'a>(path: &str, request: &Request, workspace: Option<&'a Workspace<'_>>) -> Result<Subject<'a>, Diagnostic> {
    let trimmed = path.trim_end_matches('/');
    let metadata = std::fs::symlink_metadata(trimmed)
        .map_err(|error| Diagnostic::new(format!("{path} cannot be read: {error}")))?;
    let is_folder = metadata.is_dir() || std::fs::metadata(trimmed).is_ok_and(|metadata| metadata.is_dir());
    let parent = Path::new(trimmed).parent().map_or("", |parent| parent.to_str().unwrap_or(""));
    let folder = if is_folder { trimmed } else { parent };
    let folder = if folder.is_empty() { "." } else { folder };
    let of_overlay = |environment: &&Environment| {
        same_folder(&request.source.join("overlays").join(&environment.folder), Path::new(folder))
    };
    if let Some(environment) = workspace.and_then(|workspace| workspace.environments.iter().find(of_overlay)) {
        return Ok(Subject::Environment(environment));
    }
    Ok(match is_folder {
        true => Subject::Registry(folder.to_owned()),
        false => Subject::File { folder: folder.to_owned(), path: trimmed.to_owned() },
    })
}

/// Checks a registry, or one file of it against the others.
fn check_registry_at(
    reader: Reader<'_>,
    folder: &str,
    only: Option<&str>,
    request: &Request,
    workspace: Option<&Workspace<'_>>,
) -> Result<Vec<Finding>, Diagnostic> {
    let tree = request.tree();
    let users: Vec<&Environment> = match workspace {
        Some(workspace) => {
            let trusts = |environment: &&Environment| {
                workspace.registry_of(environment).is_some_and(|registry| {
                    same_folder(&on_disk(&tree, &request.source, &registry.folder), Path::new(folder))
                })
            };
            workspace.environments.iter().filter(trusts).collect()
        }
        None => Vec::new(),
    };
    let mut registry = Registry::read(reader, folder, &users, request.conditions.jobs)?;
    let wanted = only.map(|path| path.rsplit('/').next().unwrap_or(path));
    let is_wanted = |path: &str| wanted.is_none_or(|wanted| path.rsplit('/').next() == Some(wanted));
    let known = registry.files.iter().map(|file| file.path.as_str());
    let strays = registry.strays.iter().map(|stray| stray.path.as_str());
    if let Some(path) = only.filter(|_| !known.chain(strays).any(&is_wanted)) {
        // A template: not read with the others, but checked when it is named.
        registry.files.push(FederationFile::read(reader, path));
    }
    let mut findings = rules::check_registry(&registry, &request.conditions, reader.sources);
    for environment in &users {
        findings.extend(rules::check_trust(environment, &registry, reader.sources));
    }
    findings.retain(|finding| {
        let places = finding.diagnostic.place.iter().chain(&finding.diagnostic.related);
        wanted.is_none() || places.into_iter().any(|place| is_wanted(&reader.sources.path(place.file)))
    });
    Ok(findings)
}

fn same_folder(a: &Path, b: &Path) -> bool {
    match (std::fs::canonicalize(a), std::fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Returns whether a finding is about a file that changed.
fn touches(finding: &Finding, changed: &BTreeSet<PathBuf>, request: &Request, sources: &Sources) -> bool {
    let places = finding.diagnostic.place.iter().chain(&finding.diagnostic.related);
    places.into_iter().any(|place| {
        let path = sources.path(place.file);
        let base = if request.paths.is_empty() { request.source.as_path() } else { Path::new("") };
        let full = std::path::absolute(on_disk(&request.tree(), base, &path)).ok();
        let real = full.as_ref().and_then(|full| {
            let name = full.file_name()?;
            Some(std::fs::canonicalize(full.parent()?).ok()?.join(name))
        });
        real.is_some_and(|real| changed.contains(&real))
    })
}
