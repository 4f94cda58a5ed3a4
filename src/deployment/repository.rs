//! Deployments read back from an environment repository, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Applications, Deployed, Deployment, Endpoint, Values, generators};
use crate::chart::Record;
use crate::diagnostic::{Diagnostic, Place};
use crate::workspace::{FederationFile, Located, Reader, Registry};
use crate::yaml::{Node, Text, Value, merge, parse};

/// Where dir-staging's layout has what makes Applications.
const APPLICATIONS: &str = "applicationsets";
/// Where it has Argo CD's objects.
const FOLDERS: [&str; 3] = ["projects", "projectapps", APPLICATIONS];
/// Where it has the federation files.
const REGISTRY: &str = "onboarding/federation";
/// The file with the values that follow from the partners.
const GENERATED: &str = "gen.values.yaml";

/// A values file that an Application names.
#[derive(Clone, Debug)]
pub struct ValueFile {
    /// Its path in the repository.
    pub path: Text,
    /// Where it is named.
    pub place: Place,
    /// Whether it is there.
    pub exists: bool,
    /// Whether Argo CD goes on without it.
    pub may_be_missing: bool,
}

/// Finds what is known of a chart, by its repository's path or name and its version.
pub type FindRecord<'a> = &'a dyn Fn(&str, &str) -> Option<Arc<Record>>;

/// An environment repository as it was read.
#[derive(Debug)]
pub struct Repository {
    /// The deployments, sorted by the folder of their Applications.
    pub deployments: Vec<Deployment>,
    /// The partners' federation files, where there are any.
    pub registry: Option<Registry>,
    /// All objects of Argo CD, each with the folder of its file.
    pub objects: Vec<(String, Node)>,
}

/// What of an environment repository to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// The environments; all where there is no list of them.
    pub environments: Option<&'a BTreeSet<String>>,
    /// Values and other objects only of the components that read one of these files, and no objects besides what makes
    /// Applications; all where there is no list.
    pub files: Option<&'a BTreeSet<String>>,
}

/// Reads an environment repository, or a part of it.
///
/// # Errors
/// Everything in it that cannot be read or evaluated.
pub fn read_back(
    reader: Reader<'_>,
    records: FindRecord<'_>,
    part: Part<'_>,
    jobs: usize,
) -> Result<Repository, Vec<Diagnostic>> {
    let mut objects = Vec::new();
    let folders = if part.files.is_some() { &[APPLICATIONS][..] } else { &FOLDERS };
    for folder in folders {
        collect(reader, folder, part, &mut objects).map_err(|error| vec![error])?;
    }
    if objects.is_empty() && part.environments.is_none() && part.files.is_none() {
        let help = format!("an environment repository has Argo CD's objects in {}", FOLDERS.join("/, ") + "/");
        return Err(vec![Diagnostic::new("there is no object of Argo CD").help(help)]);
    }
    let registry = match reader.list(REGISTRY).map_err(|error| vec![error])?.is_empty() {
        true => None,
        false => Some(Registry::read(reader, REGISTRY, &[], jobs).map_err(|error| vec![error])?),
    };
    let reading = Reading { reader, records, objects, registry, files: part.files };
    let deployments = reading.deployments()?;
    let objects = reading.objects.into_iter().map(|Object { folder, node }| (folder, node)).collect();
    Ok(Repository { deployments, registry: reading.registry, objects })
}

/// An object and the folder of the file that it stands in.
struct Object {
    folder: String,
    node: Node,
}

/// Returns the environment that a path is about in dir-staging's layout: `<kind>/<group or component>/<environment>/…`.
pub fn environment_of(path: &str) -> Option<&str> {
    let mut parts = path.split('/');
    let kind = parts.next()?;
    let is_layout = FOLDERS.contains(&kind) || ["applications", "clusters"].contains(&kind);
    let environment = parts.nth(1)?;
    (is_layout && parts.next().is_some()).then_some(environment)
}

fn collect(reader: Reader<'_>, folder: &str, part: Part<'_>, objects: &mut Vec<Object>) -> Result<(), Diagnostic> {
    let has_environments = folder.matches('/').count() == 1;
    let entries = match part.environments.filter(|_| has_environments) {
        Some(only) => only.iter().filter_map(|name| reader.find(folder, name).transpose()).collect::<Result<_, _>>()?,
        None => reader.list(folder)?,
    };
    for entry in entries {
        let path = format!("{folder}/{}", entry.name);
        if entry.is_folder {
            // A linked folder could lead in a circle, and Argo CD does not follow it out of the repository either.
            if !entry.is_link {
                collect(reader, &path, part, objects)?;
            }
        } else if path.ends_with(".yaml") || path.ends_with(".yml") {
            let documents = match part.files {
                Some(files) => reader.documents_where(&path, |text| may_read(text, files))?,
                None => reader.documents(&path)?,
            };
            objects.extend(documents.into_iter().map(|node| Object { folder: folder.into(), node }));
        }
    }
    Ok(())
}

/// Returns whether an Application may read one of these files, by the text of it: it names the file or a folder above it,
/// or makes up what it names. Most do not, and need not be parsed.
fn may_read(application: &str, files: &BTreeSet<String>) -> bool {
    // `applications/<component>`
    let top = |file: &String| file.match_indices('/').nth(1).map_or(file.len(), |(end, _)| end);
    application.contains("{{") || files.iter().any(|file| application.contains(&file[..top(file)]))
}

fn is_kind(node: &Node, kind: &str) -> bool {
    node.get("kind").and_then(Node::as_text) == Some(kind)
}

/// Returns the node at a path of keys without dots.
fn at<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    path.split('.').try_fold(node, |node, key| node.get(key))
}

fn located(node: Option<&Node>, or: Place) -> Located<Text> {
    match node {
        Some(node) => Located { value: node.as_text().unwrap_or_default().into(), place: node.place },
        None => Located { value: "".into(), place: or },
    }
}

struct Reading<'a> {
    reader: Reader<'a>,
    records: FindRecord<'a>,
    objects: Vec<Object>,
    registry: Option<Registry>,
    /// The files whose readers are wanted; all where there is no list.
    files: Option<&'a BTreeSet<String>>,
}

impl Reading<'_> {
    fn deployments(&self) -> Result<Vec<Deployment>, Vec<Diagnostic>> {
        let mut by_folder: BTreeMap<&str, Vec<Node>> = BTreeMap::new();
        let mut problems = Vec::new();
        for Object { folder, node } in &self.objects {
            let made = match node {
                set if is_kind(set, "ApplicationSet") => generators::applications(set, self.reader),
                // The app of apps deploys no chart.
                app if is_kind(app, "Application") && charts(app).next().is_some() => Ok(vec![app.clone()]),
                _ => continue,
            };
            match made {
                Ok(made) => by_folder.entry(folder).or_default().extend(made),
                Err(problem) => problems.push(problem),
            }
        }
        let mut deployments = Vec::new();
        for (folder, applications) in by_folder {
            match self.deployment(folder, applications) {
                Ok(deployment) => deployments.push(deployment),
                Err(problem) => problems.push(problem),
            }
        }
        match problems.is_empty() {
            true => Ok(deployments),
            false => Err(problems),
        }
    }

    fn deployment(&self, folder: &str, applications: Vec<Node>) -> Result<Deployment, Diagnostic> {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        let place = applications.first().map_or_else(|| self.reader.start_of(folder), |first| first.place);
        let mut components = Vec::new();
        for application in &applications {
            components.push(self.component(application)?);
        }
        let project = applications.iter().find_map(|application| at(application, "spec.project"));
        let trust_domain = trust_domain(&components).map(|located| located.value);
        let mut deployment = Deployment {
            environment: name.into(),
            folder: folder.to_owned(),
            source: "".into(),
            place,
            is_whole: true,
            is_local: trust_domain.as_deref().is_some_and(is_local),
            external_secrets: "v1".into(),
            endpoint: trust_domain.as_deref().and_then(|trust_domain| self.endpoint(trust_domain)),
            partners: Vec::new(),
            project: project.and_then(|project| self.project(project)).unwrap_or_else(|| Node::new(place, Value::Null)),
            project_app: Node::new(place, Value::Null),
            set: self.set(folder),
            applications: Applications::Single(
                components.iter().map(|component| component.name.clone()).zip(applications).collect(),
            ),
            missing: Vec::new(),
            unread: Vec::new(),
            components,
        };
        // Of a part of the components, neither can be told.
        if self.files.is_none() {
            deployment.missing = self.missing(&deployment.components);
            deployment.unread = self.unread(&deployment)?;
        }
        Ok(deployment)
    }

    fn set(&self, folder: &str) -> Option<Node> {
        let mut objects = self.objects.iter();
        objects
            .find(|object| object.folder == folder && is_kind(&object.node, "ApplicationSet"))
            .map(|o| o.node.clone())
    }

    fn project(&self, name: &Node) -> Option<Node> {
        let is_it = |object: &&Object| {
            is_kind(&object.node, "AppProject") && at(&object.node, "metadata.name").is_some_and(|node| node == name)
        };
        let found = self.objects.iter().find(is_it).map(|object| object.node.clone());
        // Argo CD brings a project of this name, which permits everything until somebody changes it.
        found.or_else(|| (name.as_text() == Some("default")).then(|| open_project(name.place)))
    }

    fn endpoint(&self, trust_domain: &str) -> Option<Endpoint> {
        let registry = self.registry.as_ref()?;
        registry.files.iter().find(|file| file.text("trustDomain") == Some(trust_domain)).and_then(endpoint)
    }

    fn component(&self, application: &Node) -> Result<Deployed, Diagnostic> {
        let place = application.place;
        let sources = sources(application);
        let chart = charts(application).next();
        let field = |key: &str| chart.and_then(|chart| chart.get(key)).cloned();
        let null = || Node::new(place, Value::Null);
        let (chart_repository, chart_name) =
            (field("repoURL").unwrap_or_else(null), field("chart").unwrap_or_else(null));
        let version = located(chart.and_then(|chart| chart.get("targetRevision")), place);
        let application_name = located(at(application, "metadata.name"), place);
        let mut value_files = value_files(chart);
        let is_wanted = self.is_wanted(&value_files, &sources);
        for file in value_files.iter_mut().filter(|_| is_wanted) {
            file.exists = self.reader.text(&file.path)?.is_some();
        }
        let record = (self.records)(chart_name.as_text().unwrap_or_default(), &version);
        Ok(Deployed {
            name: component_name(application, &application_name.value),
            release: match chart.and_then(|chart| at(chart, "helm.releaseName")) {
                Some(name) => located(Some(name), place).value,
                None => application_name.value.clone(),
            },
            application: application_name.value,
            namespace: located(at(application, "spec.destination.namespace"), place),
            namespaces: Vec::new(),
            chart_repository,
            chart_name,
            version,
            wave: wave(application),
            cluster_kinds: Vec::new(),
            list_keys: Arc::default(),
            credentials: Vec::new(),
            values: if is_wanted { self.values(chart, &value_files)? } else { Values::new(None, None) },
            manifests: if is_wanted { self.manifests(&sources)? } else { Vec::new() },
            shields: Vec::new(),
            value_files,
            record,
        })
    }

    /// Returns whether a component reads one of the files whose readers are wanted.
    fn is_wanted(&self, value_files: &[ValueFile], sources: &[&Node]) -> bool {
        let Some(wanted) = self.files else { return true };
        let folders = || sources.iter().filter_map(|source| source.get("path").and_then(Node::as_text));
        let is_below = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        value_files.iter().any(|file| wanted.contains(&*file.path))
            || wanted.iter().any(|path| folders().any(|folder| is_below(path, folder)))
    }

    fn values(&self, chart: Option<&Node>, files: &[ValueFile]) -> Result<Values, Diagnostic> {
        let (mut written, mut generated) = (None, None);
        for file in files.iter().filter(|file| file.exists) {
            let Some(values) = self.reader.document(&file.path)?.filter(|values| values.as_map().is_some()) else {
                continue;
            };
            let target = if file.path.ends_with(GENERATED) { &mut generated } else { &mut written };
            lay_over(target, values);
        }
        let mut values = Values::new(written, generated);
        let helm = chart.and_then(|chart| chart.get("helm"));
        if let Some(text) = helm.and_then(|helm| helm.get("values")) {
            let inline = parse(text.place.file, text.as_text().unwrap_or_default()).map_err(|problem| {
                Diagnostic::new(format!("`values` is not YAML: {}", problem.message)).at(text.place)
            })?;
            lay_over(&mut values.merged, inline);
        }
        if let Some(object) = helm.and_then(|helm| helm.get("valuesObject")) {
            lay_over(&mut values.merged, object.clone());
        }
        Ok(values)
    }

    /// The objects in folders that the Application has beside the chart.
    fn manifests(&self, sources: &[&Node]) -> Result<Vec<Node>, Diagnostic> {
        let mut objects = Vec::new();
        for source in sources {
            let Some(folder) = source.get("path").and_then(Node::as_text) else { continue };
            let include = at(source, "directory.include").and_then(Node::as_text);
            for entry in self.reader.list(folder)? {
                let is_included = include.map_or(entry.name.ends_with(".yaml"), |include| include == entry.name);
                if !entry.is_folder && is_included {
                    objects.extend(self.reader.documents(&format!("{folder}/{}", entry.name))?);
                }
            }
        }
        objects.retain(|object| object.get("kind").is_some());
        Ok(objects)
    }

    /// The values files that an Application names and nothing writes. With `ignoreMissingValueFiles` one template serves
    /// components with and without a file: only what none of them has, though there are partners to make it from, is
    /// missing then.
    fn missing(&self, components: &[Deployed]) -> Vec<(Located<Text>, bool)> {
        let named = || components.iter().flat_map(|component| &component.value_files);
        let name = |file: &ValueFile| file.path.rsplit('/').next().map(str::to_owned);
        let exists_somewhere = |file: &ValueFile| named().any(|other| other.exists && name(other) == name(file));
        let has_partners = self.registry.as_ref().is_some_and(|registry| !registry.files.is_empty());
        let located = |file: &ValueFile| Located { value: file.path.clone(), place: file.place };
        let required = named().filter(|file| !file.exists && !file.may_be_missing).map(|file| (located(file), false));
        let hidden = named().find(|file| {
            !file.exists && file.may_be_missing && file.path.ends_with(GENERATED) && !exists_somewhere(file)
        });
        required.chain(hidden.filter(|_| has_partners).map(|file| (located(file), true))).collect()
    }

    /// The values files of the environment that no Application names.
    fn unread(&self, deployment: &Deployment) -> Result<Vec<Located<Text>>, Diagnostic> {
        let named = deployment.components.iter().flat_map(|component| &component.value_files);
        let named: BTreeSet<&str> = named.map(|file| &*file.path).collect();
        let mut unread = Vec::new();
        for component in self.reader.list("applications")?.iter().filter(|entry| entry.is_folder) {
            let folder = format!("applications/{}/{}", component.name, deployment.environment);
            for file in self.reader.list(&folder)?.iter().filter(|file| file.name.ends_with("values.yaml")) {
                let path = format!("{folder}/{}", file.name);
                if !named.contains(path.as_str()) {
                    unread.push(Located { place: self.reader.start_of(&path), value: path.into() });
                }
            }
        }
        Ok(unread)
    }
}

impl Deployment {
    /// Returns what values files alone tell: one component of a chart, in an environment that nothing else is known of.
    /// Later values win over earlier ones.
    pub fn of_values(chart: &str, version: &str, values: Vec<Node>, record: Option<Arc<Record>>, place: Place) -> Self {
        let mut merged = None;
        values.into_iter().for_each(|values| lay_over(&mut merged, values));
        let null = || Node::new(place, Value::Null);
        let located = |text: &str| Located { value: text.into(), place };
        let components = vec![Deployed {
            name: chart.to_owned(),
            release: chart.into(),
            application: chart.into(),
            namespace: located(""),
            namespaces: Vec::new(),
            chart_repository: null(),
            chart_name: Node::new(place, chart),
            version: located(version),
            wave: Located { value: 0, place },
            cluster_kinds: Vec::new(),
            list_keys: Arc::default(),
            credentials: Vec::new(),
            values: Values::new(merged, None),
            manifests: Vec::new(),
            shields: Vec::new(),
            value_files: Vec::new(),
            record,
        }];
        Self {
            environment: chart.into(),
            folder: String::new(),
            source: "".into(),
            place,
            is_whole: false,
            is_local: trust_domain(&components).is_some_and(|trust_domain| is_local(&trust_domain)),
            external_secrets: "v1".into(),
            endpoint: None,
            partners: Vec::new(),
            project: null(),
            project_app: null(),
            applications: Applications::Single(Vec::new()),
            set: None,
            missing: Vec::new(),
            unread: Vec::new(),
            components,
        }
    }
}

/// Returns the values files in this repository, before anybody has looked whether they are there; those inside the chart
/// are the chart's.
fn value_files(chart: Option<&Node>) -> Vec<ValueFile> {
    let Some(helm) = chart.and_then(|chart| chart.get("helm")) else {
        return Vec::new();
    };
    let may_be_missing = matches!(helm.get("ignoreMissingValueFiles").map(|n| &n.value), Some(Value::Bool(true)));
    let named = helm.get("valueFiles").and_then(Node::as_list).unwrap_or_default();
    let file = |node: &Node| {
        let (_, path) = node.as_text()?.strip_prefix('$')?.split_once('/')?;
        Some(ValueFile { path: path.into(), place: node.place, exists: false, may_be_missing })
    };
    named.iter().filter_map(file).collect()
}

/// Returns what a federation file says of how its trust domain is reached.
pub(super) fn endpoint(file: &FederationFile) -> Option<Endpoint> {
    let located = |node: &Node| Some(Located { value: node.as_text()?.into(), place: node.place });
    let url = file.content.as_ref().ok().and_then(|content| content.get("bundleEndpointURL")).and_then(located);
    Some(Endpoint { profile: located(file.profile()?)?, url })
}

fn open_project(place: Place) -> Node {
    let any = || Node::new(place, "*");
    let destinations = Node::list(place, [Node::map(place, [("namespace", any()), ("server", any())])]);
    let spec = [("sourceRepos", Node::list(place, [any()])), ("destinations", destinations)];
    Node::map(place, [("spec", Node::map(place, spec))])
}

/// Returns the trust domain that SPIRE has, or whoever else names one.
pub fn trust_domain(components: &[Deployed]) -> Option<Located<Text>> {
    const PATHS: [&str; 4] =
        ["global.spire.trustDomain", "apiserver.spire.trustDomain", "spire.trustDomain", "envoy.spiffe.trustDomain"];
    let named = |path: &&str| {
        let node = components.iter().find_map(|component| component.at(path))?;
        Some(Located { value: node.as_text()?.into(), place: node.place })
    };
    PATHS.iter().find_map(named)
}

/// Returns whether a trust domain can only be that of a cluster for trying things out: names that belong to nobody by
/// RFC 2606 and RFC 6761, `.local` (RFC 6762) and `.internal`.
pub fn is_local(trust_domain: &str) -> bool {
    const EXAMPLES: [&str; 3] = ["example.org", "example.com", "example.net"];
    const ENDINGS: [&str; 5] = ["local", "localhost", "test", "invalid", "internal"];
    let top = trust_domain.rsplit('.').next().unwrap_or_default();
    EXAMPLES.contains(&trust_domain) || ENDINGS.contains(&top)
}

fn sources(application: &Node) -> Vec<&Node> {
    let several = at(application, "spec.sources").and_then(Node::as_list).unwrap_or_default();
    several.iter().chain(at(application, "spec.source")).collect()
}

fn charts(application: &Node) -> impl Iterator<Item = &Node> {
    sources(application).into_iter().filter(|source| source.get("chart").is_some())
}

fn component_name(application: &Node, release: &str) -> String {
    let label = at(application, "metadata.labels.app").and_then(Node::as_text);
    label.unwrap_or(release).to_owned()
}

fn wave(application: &Node) -> Located<i64> {
    let annotations = at(application, "metadata.annotations");
    let node = annotations.and_then(|annotations| annotations.get("argocd.argoproj.io/sync-wave"));
    let value = node.and_then(Node::as_text).and_then(|text| text.parse().ok()).unwrap_or(0);
    Located { value, place: node.map_or(application.place, |node| node.place) }
}

fn lay_over(below: &mut Option<Node>, values: Node) {
    match below {
        Some(below) => merge(below, values, &BTreeMap::new()),
        None => *below = Some(values),
    }
}
