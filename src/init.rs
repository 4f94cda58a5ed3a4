//! Beginning an environment: its `environment.yaml`, and in an empty folder the defaults that it stands on.
//!
//! Everything is made in memory and judged there; what is written comes into its place by renaming.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::deployment;
use crate::diagnostic::{Diagnostic, Place, Sources};
use crate::rules::{self, Finding};
use crate::spiffe::TrustDomain;
use crate::tree::{Edited, Embedded, Repositories, Tree, WorkTree};
use crate::workspace::Workspace;
use crate::yaml::{self, Node};

/// The components of an environment that names none: a Directory, and what gives it its identity.
pub const COMPONENTS: [&str; 3] = ["spire-crds", "spire", "dir"];

/// The environment to begin.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of the source repository, or an empty one.
    pub source: PathBuf,
    /// The folder of the environment repository, where that has the registry of partners.
    pub environment_repository: Option<PathBuf>,
    /// The environment's name, and that of its folder.
    pub name: String,
    /// Its trust domain.
    pub trust_domain: TrustDomain,
    /// What its public hostnames are made from, where that is not the trust domain.
    pub domain: Option<String>,
    /// The name of its cluster, where that is not the environment's.
    pub cluster: Option<String>,
    /// The cluster's API server as Argo CD knows it, where that is not the one in base/environment.yaml.
    pub address: Option<String>,
    /// Its profiles.
    pub profiles: Vec<String>,
    /// Its components.
    pub components: Vec<String>,
    /// Its variables, by name.
    pub vars: Vec<(String, String)>,
    /// How many threads to use.
    pub jobs: usize,
}

/// What is to be written.
#[derive(Debug)]
pub struct Plan {
    /// Path and content of each file.
    files: Vec<(String, Vec<u8>)>,
    /// The path of the new `environment.yaml`.
    pub path: String,
    /// Whether base/ is new, too.
    pub lays_base: bool,
    /// What the rules say about the environment: warnings.
    pub findings: Vec<Finding>,
}

/// Why an environment cannot be begun.
#[derive(Debug)]
pub struct Refusal {
    /// What keeps the command from its work.
    pub problems: Vec<Diagnostic>,
    /// What the rules found in the environment.
    pub findings: Vec<Finding>,
}

impl From<Diagnostic> for Refusal {
    fn from(problem: Diagnostic) -> Self {
        Self { problems: vec![problem], findings: Vec::new() }
    }
}

/// What there is to choose from.
#[derive(Debug, Default)]
pub struct Choices {
    /// The profiles that a component has something for.
    pub profiles: BTreeSet<String>,
    /// The components.
    pub components: BTreeSet<String>,
}

/// Returns the profiles and components in `base/` of a source repository, or those that an empty folder would get.
pub fn choices(source: &Path) -> Choices {
    let work = WorkTree::new(source);
    let tree: &dyn Tree = if source.join("base").is_dir() { &work } else { &Embedded };
    let list = |folder: &str| tree.list(folder).ok().flatten().unwrap_or_default();
    let mut choices = Choices::default();
    for component in list("base").into_iter().filter(|entry| entry.is_folder) {
        for profile in list(&format!("base/{}/profiles", component.name)) {
            let name = profile.name.strip_suffix(".yaml").map(|name| name.strip_suffix(".manifests").unwrap_or(name));
            choices.profiles.extend(name.map(str::to_owned));
        }
        choices.components.insert(component.name);
    }
    choices
}

/// Checks the name of an environment, profile, component or cluster.
///
/// # Errors
/// Where it is not a DNS label.
pub fn label(what: &str, name: &str) -> Result<(), Diagnostic> {
    let inner = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    let fits = (1..=63).contains(&name.len()) && name.chars().all(inner);
    match fits && !name.starts_with('-') && !name.ends_with('-') {
        true => Ok(()),
        false => Err(Diagnostic::new(format!("{what} cannot be {name:?}"))
            .help("take lower-case letters, digits, and `-` inside, at most 63 characters")),
    }
}

/// Works out what to write, and judges it. Nothing is written.
///
/// # Errors
/// Where the environment is there already, or would not render or check.
pub fn plan(request: &Request, sources: &Sources) -> Result<Plan, Refusal> {
    refuse_bad_names(request)?;
    let path = format!("overlays/{}/environment.yaml", request.name);
    if fs::symlink_metadata(request.source.join("overlays").join(&request.name)).is_ok() {
        return Err(Diagnostic::new(format!("there is an environment `{}` already: overlays/{0}", request.name))
            .help("take another name, or edit its environment.yaml")
            .into());
    }
    let lays_base = !request.source.join("base").is_dir();
    let mut files = if lays_base { defaults(&request.source)? } else { Vec::new() };
    files.push((path.clone(), environment(request)?.into_bytes()));
    let findings = judge(request, &path, &files, sources)?;
    Ok(Plan { files, path, lays_base, findings })
}

fn refuse_bad_names(request: &Request) -> Result<(), Diagnostic> {
    label("an environment's name", &request.name)?;
    request.cluster.iter().try_for_each(|name| label("a cluster's name", name))?;
    request.profiles.iter().try_for_each(|name| label("a profile", name))?;
    request.components.iter().try_for_each(|name| label("a component", name))?;
    let is_word = |name: &str| {
        let mut characters = name.chars();
        let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match request.vars.iter().find(|(name, _)| !is_word(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Diagnostic::new(format!("a variable cannot be called {name:?}"))
            .help("take letters, digits and `_`, no digit first")),
    }
}

/// Returns what an empty folder gets besides the environment.
fn defaults(source: &Path) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    refuse_crowded(source)?;
    let has_registries = fs::symlink_metadata(source.join("onboarding")).is_ok();
    let wanted = |path: &str| !(has_registries && path.starts_with("onboarding/"));
    Ok(Embedded::files()
        .filter(|(path, _)| wanted(path))
        .map(|(path, content)| (path.to_owned(), content.to_vec()))
        .collect())
}

/// A folder with other things in it was most likely not meant.
fn refuse_crowded(source: &Path) -> Result<(), Diagnostic> {
    let unreadable = |error: io::Error| Diagnostic::new(format!("{} cannot be read: {error}", source.display()));
    let entries = match fs::read_dir(source) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        let expected = ["README", "LICENSE", "overlays", "onboarding"];
        if !name.starts_with('.') && !expected.iter().any(|start| name.starts_with(start)) {
            return Err(Diagnostic::new(format!(
                "{} is neither a source repository nor an empty folder: it has no base/, and holds `{name}`",
                source.display()
            ))
            .help("name another folder with --source; it is made where it is not there"));
        }
    }
    Ok(())
}

/// Returns the text of `environment.yaml`.
fn environment(request: &Request) -> Result<String, Diagnostic> {
    let name = scalar(&request.name)?;
    let cluster = scalar(request.cluster.as_ref().unwrap_or(&request.name))?;
    let address = request.address.as_deref().map(quoted).transpose()?;
    let address = address.map(|address| format!(", address: {address}")).unwrap_or_default();
    let list = |names: &[String]| names.iter().map(|name| scalar(name)).collect::<Result<Vec<_>, _>>();
    let mut text = format!(
        "# Every key: https://github.com/agntcy/dirops/blob/main/docs/sources.md\n\
         description: AGNTCY Directory, {}\n\
         cluster: {{name: {cluster}{address}}}\n\
         # For good: every identity and every partner's federation file names it.\n\
         trustDomain: {}\n",
        name.trim_matches('"'),
        scalar(request.trust_domain.as_str())?,
    );
    if let Some(domain) = &request.domain {
        let _ = write!(text, "# The public hostnames are made from it.\ndomain: {}\n", scalar(domain)?);
    }
    let _ = writeln!(text, "profiles: [{}]", list(&request.profiles)?.join(", "));
    let _ = writeln!(text, "components: {{{}: {{}}}}", list(&request.components)?.join(": {}, "));
    text.push_str(
        "federation:\n  # Nobody, a list of trust domains that have a file in the registry, or all.\n  trust: none\n",
    );
    if !request.vars.is_empty() {
        text.push_str("vars:\n");
    }
    for (name, value) in &request.vars {
        let _ = writeln!(text, "  {}: {}", scalar(name)?, scalar(value)?);
    }
    Ok(text)
}

/// Returns a text as YAML that reads back as this text, in one line.
fn scalar(text: &str) -> Result<String, Diagnostic> {
    refuse_controls(text)?;
    // A node of nowhere: only its value is looked at.
    let place = Place::point(Sources::default().add("", ""), 1, 1);
    let written = yaml::to_yaml([&Node::new(place, text)])
        .map_err(|error| Diagnostic::new(format!("{text:?} cannot stand in YAML: {error}")))?;
    Ok(written.trim_end().to_owned())
}

/// Returns a text in quotes, for where brackets and commas mean something.
fn quoted(text: &str) -> Result<String, Diagnostic> {
    refuse_controls(text)?;
    Ok(serde_json::Value::from(text).to_string())
}

fn refuse_controls(text: &str) -> Result<(), Diagnostic> {
    match text.chars().any(char::is_control) {
        false => Ok(()),
        true => Err(Diagnostic::new(format!("{text:?} cannot stand in YAML in one line"))
            .help("leave out line breaks and the like")),
    }
}

/// Returns what the rules find in the environment as it would be.
fn judge(
    request: &Request,
    path: &str,
    files: &[(String, Vec<u8>)],
    sources: &Sources,
) -> Result<Vec<Finding>, Refusal> {
    let work = Repositories::in_folders(&request.source, request.environment_repository.as_deref());
    let tree = Edited::new(&work, files.iter().cloned());
    // Places in a file that is nowhere yet would send people looking for it.
    let placeless = |mut problem: Diagnostic| {
        problem.place = problem.place.filter(|place| *sources.path(place.file) != *path);
        problem
    };
    let refuse = |problems: Vec<Diagnostic>| Refusal {
        problems: problems.into_iter().map(placeless).collect(),
        findings: Vec::new(),
    };
    let workspace = Workspace::load(&tree, sources, request.jobs).map_err(refuse)?;
    let environment = workspace.environment(&request.name)?;
    let deployment = deployment::build(&workspace, environment).map_err(|problem| refuse(vec![problem]))?;
    let findings = rules::check_deployment(&deployment, sources);
    match findings.iter().any(Finding::is_error) {
        false => Ok(findings),
        true => Err(Refusal {
            problems: vec![
                Diagnostic::new(format!("the environment `{}` would have errors", request.name))
                    .help("other profiles may go together better"),
            ],
            findings,
        }),
    }
}

/// Writes what is planned: all of it, or nothing.
///
/// # Errors
/// Where something is in the way, or the disk refuses. Nothing remains then.
pub fn write(source: &Path, plan: &Plan) -> Result<(), Diagnostic> {
    let is_new = !source.exists();
    let result = stage(source, plan).and_then(|staged| put_in_place(source, &staged, plan));
    if result.is_err() && is_new {
        // Folders above it, where they were made, are empty and harm nobody.
        let _ = fs::remove_dir(source);
    }
    result.map_err(|error| {
        Diagnostic::new(format!("{} cannot be written to: {error}", source.display())).help("nothing was changed")
    })
}

/// Writes the files into a folder beside those that they are to be in.
fn stage(source: &Path, plan: &Plan) -> io::Result<TempDir> {
    fs::create_dir_all(source)?;
    let staged = tempfile::Builder::new().prefix(".dirops-init-").tempdir_in(source)?;
    for (path, content) in &plan.files {
        let path = staged.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(staged.path()))?;
        fs::write(path, content)?;
    }
    Ok(staged)
}

/// Renames whole folders into place, the environment last: with that, everything is there.
fn put_in_place(source: &Path, staged: &TempDir, plan: &Plan) -> io::Result<()> {
    let overlay = plan.path.trim_end_matches("/environment.yaml");
    let folders = ["base", "onboarding", overlay].into_iter().filter(|folder| staged.path().join(folder).exists());
    let overlays = source.join("overlays");
    let overlays_are_new = !overlays.exists();
    fs::create_dir_all(&overlays)?;
    let mut done: Vec<&str> = Vec::new();
    for folder in folders {
        let moved = match fs::symlink_metadata(source.join(folder)) {
            Ok(_) => Err(io::Error::new(ErrorKind::AlreadyExists, format!("{folder} is in the way"))),
            Err(_) => fs::rename(staged.path().join(folder), source.join(folder)),
        };
        if let Err(error) = moved {
            for folder in done {
                // What cannot be taken back stays whole.
                let _ = fs::rename(source.join(folder), staged.path().join(folder));
            }
            if overlays_are_new {
                let _ = fs::remove_dir(&overlays);
            }
            return Err(error);
        }
        done.push(folder);
    }
    Ok(())
}
