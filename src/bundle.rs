//! Putting a trust bundle into the federation file of its trust domain.
//!
//! The new text is made and judged in memory; only what no rule finds an error in is written.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::atomic;
use crate::diagnostic::{Diagnostic, FileId, Place, Sources};
use crate::rules::{self, Conditions, Finding};
use crate::spiffe::{Bundle, SpiffeId, TrustDomain, private_material};
use crate::tree::{Edited, Repositories, Tree, on_disk};
use crate::workspace::{Environment, FederationFile, Reader, Registry, Workspace};
use crate::yaml::{self, Node};

/// The largest bundle that is read, in bytes: 1 MiB, as for federation files.
const SIZE_LIMIT: u64 = 1 << 20;

const KEY: &str = "trustDomainBundle";

/// Which bundle to put where.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of the source repository, or of one that has registries alone.
    pub source: PathBuf,
    /// The folder of the environment repository, where that has the registry of partners.
    pub environment_repository: Option<PathBuf>,
    /// The file with the bundle; `-` for standard input.
    pub bundle: PathBuf,
    /// Whose it is, where its certificates are not to say so.
    pub trust_domain: Option<TrustDomain>,
    /// The registry below `source`; all where there is none.
    pub registry: Option<String>,
    /// What the rules depend on besides the files.
    pub conditions: Conditions,
}

impl Request {
    fn tree(&self) -> Repositories<'static> {
        Repositories::in_folders(&self.source, self.environment_repository.as_deref())
    }
}

/// What putting a bundle into its federation file comes to.
#[derive(Debug)]
pub struct Addition {
    /// The federation file, below the source repository.
    pub path: String,
    /// Whose bundle it is.
    pub trust_domain: TrustDomain,
    /// How many certificates are in it.
    pub certificates: usize,
    /// The file's text as it is.
    pub before: String,
    /// The file's text with the bundle; nothing where it has this bundle already.
    pub after: Option<String>,
    /// What is to be said about the file with the bundle: warnings.
    pub findings: Vec<Finding>,
}

/// Why a bundle cannot be put into a federation file.
#[derive(Debug)]
pub struct Refusal {
    /// What keeps the command from its work.
    pub problems: Vec<Diagnostic>,
    /// What the rules found in the file with the bundle; there are errors among it.
    pub findings: Vec<Finding>,
}

impl From<Diagnostic> for Refusal {
    fn from(problem: Diagnostic) -> Self {
        vec![problem].into()
    }
}

impl From<Vec<Diagnostic>> for Refusal {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self { problems, findings: Vec::new() }
    }
}

/// Works out what to write, and judges it. Nothing is written.
///
/// # Errors
/// Where the bundle or its file cannot be read, or the file with the bundle in it would have errors.
pub fn add(request: &Request, sources: &Sources) -> Result<Addition, Refusal> {
    let bundle = Given::read(&request.bundle, sources)?;
    let trust_domain = match &request.trust_domain {
        Some(trust_domain) => trust_domain.clone(),
        None => bundle.trust_domain()?,
    };
    let tree = request.tree();
    let repository = Repository::read(&tree, request, sources)?;
    let file = repository.file_of(&trust_domain, sources)?;
    let mut addition = Addition {
        path: file.path.clone(),
        trust_domain,
        certificates: bundle.bundle.authorities.len(),
        before: file.text.to_string(),
        after: None,
        findings: Vec::new(),
    };
    let present = file.text(KEY).and_then(|text| serde_json::from_str::<Json>(text).ok());
    if present.as_ref() != Some(&bundle.json) {
        addition.after = Some(yaml::set_text(file.file, &file.text, KEY, &bundle.text).map_err(|e| discreet(file, e))?);
    }
    let text = addition.after.as_ref().unwrap_or(&addition.before);
    addition.findings = judge(&tree, request, &addition.path, text, sources)?;
    match addition.after.is_some() && addition.findings.iter().any(Finding::is_error) {
        false => Ok(addition),
        true => Err(Refusal {
            problems: vec![
                Diagnostic::new(format!("with this bundle there would be errors in {}", addition.path))
                    .help("mend what is said above, or get another bundle: nothing was written"),
            ],
            findings: addition.findings,
        }),
    }
}

/// Writes the federation file with the bundle in it; does nothing where it is there already.
///
/// # Errors
/// Where the file cannot be written, or is no longer as it was read.
pub fn write(request: &Request, addition: &Addition) -> Result<(), Diagnostic> {
    let Some(after) = &addition.after else {
        return Ok(());
    };
    let path = on_disk(&request.tree(), &request.source, &addition.path);
    if std::fs::read(&path).ok().as_deref() != Some(addition.before.as_bytes()) {
        return Err(Diagnostic::new(format!("{} changed meanwhile: nothing was written", addition.path))
            .help("run the command again"));
    }
    atomic::replace(&path, after).map_err(|error| {
        Diagnostic::new(format!("{} cannot be written: {error}", addition.path))
            .help("the file is as it was; make room, or get the permission to write to its folder")
    })
}

/// The bundle that was given.
pub(crate) struct Given {
    json: Json,
    /// As it goes into the file.
    pub(crate) text: String,
    bundle: Bundle,
}

impl Given {
    /// Reads a bundle from a file, or, as `-`, from standard input.
    pub(crate) fn read(path: &Path, sources: &Sources) -> Result<Self, Diagnostic> {
        let (name, text) = text_of(path)?;
        let file = sources.add(&name, &text);
        // What is given may turn out to be a private key: no line of it is ever shown.
        let json: Json = serde_json::from_str(&text).map_err(|error| not_json(file, &error).secret())?;
        // The reader of JSON lets keys stand twice. JSON is YAML, whose reader here does not.
        yaml::parse_plain(file, &text).map_err(Diagnostic::secret)?;
        let text = format!("{json:#}");
        let scalar = Node::new(Place::point(file, 1, 1), text.as_str());
        let bundle = Bundle::read(file, "", &scalar, None);
        Ok(Self { json, text, bundle })
    }

    /// Returns the trust domain that all certificates name.
    fn trust_domain(&self) -> Result<TrustDomain, Diagnostic> {
        const HELP: &str = "say whose bundle it is with --trust-domain";
        let uris: BTreeSet<&str> = self.bundle.authorities.iter().flat_map(|a| &a.uris).map(String::as_str).collect();
        let mut names = BTreeSet::new();
        for uri in uris {
            let id: SpiffeId = uri.parse().map_err(|error| {
                Diagnostic::new(format!("a certificate of the bundle is for {uri:?}, which is no SPIFFE ID: {error}"))
                    .help("take the bundle from the SPIRE server: `spire-server bundle show -format spiffe`")
            })?;
            names.insert(id.trust_domain().clone());
        }
        let mut names = names.into_iter();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (None, _) => {
                Err(Diagnostic::new("no certificate of the bundle says which trust domain it is for").help(HELP))
            }
            (Some(one), Some(other)) => {
                Err(Diagnostic::new(format!("the certificates of the bundle are for `{one}` and for `{other}`"))
                    .help("a bundle is of one trust domain: take it from that one's SPIRE server"))
            }
        }
    }
}

fn text_of(path: &Path) -> Result<(String, String), Diagnostic> {
    let is_input = path == Path::new("-");
    let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
    let unreadable = |error: &dyn std::fmt::Display| {
        Diagnostic::new(format!("{name} cannot be read: {error}"))
            .help("give the output of `spire-server bundle show -format spiffe`, or `-` for standard input")
    };
    let mut bytes = Vec::new();
    let read = match is_input {
        true => io::stdin().take(SIZE_LIMIT + 1).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(unreadable(&format!("it has more than {SIZE_LIMIT} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable(&"it is not UTF-8"))?;
    Ok((name, text))
}

fn not_json(file: FileId, error: &serde_json::Error) -> Diagnostic {
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    Diagnostic::new(format!("this is no bundle in JSON: {reason}"))
        .at(Place::point(file, error.line(), error.column()))
        .help("`spire-server bundle show` writes PEM unless it is told `-format spiffe`")
}

/// The registries to look through, and the environments that trust them.
struct Repository<'a> {
    workspace: Option<Workspace<'a>>,
    others: Vec<Registry>,
    only: Option<String>,
}

impl<'a> Repository<'a> {
    fn read(tree: &'a dyn Tree, request: &Request, sources: &'a Sources) -> Result<Self, Refusal> {
        let jobs = request.conditions.jobs;
        let has_source = request.source.join("base").is_dir() && request.source.join("overlays").is_dir();
        let workspace = match has_source {
            true => Some(Workspace::load(tree, sources, jobs)?),
            false => None,
        };
        let reader = Reader { tree, sources };
        // As environments write it.
        let plain = |folder: &String| folder.trim_start_matches("./").trim_end_matches('/').to_owned();
        let only = request.registry.as_ref().map(plain);
        let folders = match &only {
            Some(folder) => {
                if !request.source.join(folder).is_dir() {
                    return Err(Diagnostic::new(format!("there is no folder `{folder}`"))
                        .help("--registry names a folder below the source repository (--source)")
                        .into());
                }
                vec![folder.clone()]
            }
            None => {
                let listed = reader.list("onboarding")?.into_iter().filter(|entry| entry.is_folder);
                listed.map(|entry| format!("onboarding/{}", entry.name)).collect()
            }
        };
        let is_known = |folder: &String| workspace.as_ref().is_some_and(|w| w.registries.contains_key(folder));
        let unknown = folders.into_iter().filter(|folder| !is_known(folder));
        let others: Vec<_> =
            unknown.map(|folder| Registry::read(reader, &folder, &[], jobs)).collect::<Result<_, _>>()?;
        Ok(Self { workspace, others, only })
    }

    fn registries(&self) -> impl Iterator<Item = &Registry> {
        let trusted = self.workspace.iter().flat_map(|workspace| workspace.registries.values());
        let is_wanted = |registry: &&Registry| self.only.as_ref().is_none_or(|only| registry.folder == *only);
        trusted.chain(&self.others).filter(is_wanted)
    }

    /// Returns the one federation file of a trust domain.
    fn file_of(&self, trust_domain: &TrustDomain, sources: &Sources) -> Result<&FederationFile, Diagnostic> {
        let name = trust_domain.as_str();
        let files = || self.registries().flat_map(|registry| &registry.files);
        let named: Vec<_> = files().filter(|file| file.text("trustDomain") == Some(name)).collect();
        match named.as_slice() {
            [file] => Ok(file),
            [] => Err(self.no_file(name)),
            [first, second, ..] => {
                let place = |file: &FederationFile| file.get("trustDomain").map(|node| node.place);
                let mut error = Diagnostic::new(format!("`{name}` has more than one federation file"));
                (error.place, error.related) = (place(second), place(first).into_iter().collect());
                let first = place(first).map_or_else(|| first.path.clone(), |place| sources.show(place));
                Err(error.help(format!("another is {first}; name the registry with --registry, or remove one of them")))
            }
        }
    }

    fn no_file(&self, name: &str) -> Diagnostic {
        let files = || self.registries().flat_map(|registry| &registry.files);
        // A file that cannot be read may well be the one.
        if let Some((file, Err(error))) = files().find(|file| file.stem() == name).map(|file| (file, &file.content)) {
            return discreet(file, error.clone());
        }
        let Some(registry) = self.registries().next() else {
            return Diagnostic::new("there is no registry of federation files here: `onboarding/` holds no folder")
                .help("run dirops in a source repository, name one with --source, or a folder in it with --registry");
        };
        let near = crate::diagnostic::nearest(name, files().filter_map(|file| file.text("trustDomain")));
        let near = near.map(|near| format!("; there is one of `{near}`")).unwrap_or_default();
        Diagnostic::new(format!("no federation file is about the trust domain `{name}`{near}")).help(format!(
            "write {}/{name}.yaml first, after one of the templates (.federation.….template.yaml) in that folder",
            registry.folder
        ))
    }
}

/// Keeps the line of an error from being shown where a private key is in the file.
fn discreet(file: &FederationFile, error: Diagnostic) -> Diagnostic {
    match private_material(file.file, &file.text).is_empty() {
        true => error,
        false => error.secret(),
    }
}

/// Returns what the rules find in a federation file that has this text, sorted.
fn judge(
    tree: &dyn Tree,
    request: &Request,
    path: &str,
    text: &str,
    sources: &Sources,
) -> Result<Vec<Finding>, Refusal> {
    let edited = Edited::new(tree, [(path.to_owned(), text.as_bytes().to_owned())]);
    let repository = Repository::read(&edited, request, sources)?;
    let mut findings = Vec::new();
    for registry in repository.registries().filter(|registry| registry.files.iter().any(|file| file.path == path)) {
        findings.extend(rules::check_registry(registry, &request.conditions, sources));
        let workspace = repository.workspace.iter();
        let trusts = |environment: &&Environment| {
            repository
                .workspace
                .as_ref()
                .and_then(|w| w.registry_of(environment))
                .is_some_and(|r| r.folder == registry.folder)
        };
        for environment in workspace.flat_map(|workspace| &workspace.environments).filter(trusts) {
            findings.extend(rules::check_trust(environment, registry, sources));
        }
    }
    let is_about = |finding: &Finding| {
        let places = finding.diagnostic.place.iter().chain(&finding.diagnostic.related);
        places.into_iter().any(|place| *sources.path(place.file) == *path)
    };
    findings.retain(is_about);
    rules::sort(&mut findings, sources);
    Ok(findings)
}
