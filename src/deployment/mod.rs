//! What an environment puts on a cluster.
//!
//! The order of derivation: partners, values, the checksum of the configuration, manifests, Applications, AppProject.

mod argocd;
mod entries;
mod facts;
mod generators;
mod hosts;
mod identity;
mod partners;
mod repository;
mod secrets;
mod servers;
mod values;
mod why;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use argocd::project_name;
pub use entries::Found;
pub use facts::{Names, PLACEHOLDER};
pub use hosts::Opening;
pub use identity::{FederationEntry, PolicyRow, entries_of, policies};
pub use partners::{Partner, accepts, partners, trusted};
pub use repository::{FindRecord, Part, Repository, ValueFile, environment_of, is_local, read_back, trust_domain};
pub use values::{Layer, Values};
pub use why::{Explanation, Setting, explain};

use crate::chart::Record;
use crate::diagnostic::{Diagnostic, Place};
use crate::expression::{self, Facts};
use crate::workspace::{
    Component, Delivery, Environment, FederationFile, Kind, ListKeys, Located, Registry, Workspace, evaluated_label,
};
use crate::yaml::{Node, Text, Value};
use secrets::{ExternalSecrets, SecretObjects};

/// What an environment puts on a cluster: its Applications with their final values, and its other objects.
#[derive(Debug)]
pub struct Deployment {
    /// The environment's name.
    pub environment: Text,
    /// Its folder under `overlays/`.
    pub folder: String,
    /// The source repository's name.
    pub source: Text,
    /// Where it is described.
    pub place: Place,
    /// Whether this is all of it; where values files are judged by themselves, it is not.
    pub is_whole: bool,
    /// Whether it is a local cluster, thrown away afterwards: literal credentials are in order there.
    pub is_local: bool,
    /// The version of `external-secrets.io` that its cluster serves.
    pub external_secrets: Text,
    /// The bundle endpoint profile and URL that its own federation file publishes, if it has one.
    pub endpoint: Option<Endpoint>,
    /// Its components, in the environment's order.
    pub components: Vec<Deployed>,
    /// Its partners, sorted by trust domain.
    pub partners: Vec<Partner>,
    /// The AppProject.
    pub project: Node,
    /// The app of apps.
    pub project_app: Node,
    /// The Applications, or what makes them.
    pub applications: Applications,
    /// The ApplicationSet that the Applications were read back from, if there is one.
    pub set: Option<Node>,
    /// Values files that Applications name and nothing writes, where that was read back; whether it only warns.
    pub missing: Vec<(Located<Text>, bool)>,
    /// Values files that no Application names, where that was read back.
    pub unread: Vec<Located<Text>>,
}

/// How partners reach an environment's trust bundle.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The bundle endpoint profile: `https_web` or `https_spiffe`.
    pub profile: Located<Text>,
    /// The URL.
    pub url: Option<Located<Text>>,
}

/// How the Applications of an environment come to be.
#[derive(Debug)]
pub enum Applications {
    /// One object a component, with the component's name.
    Single(Vec<(String, Node)>),
    /// An ApplicationSet, the cluster's JSON file that it reads, and each component's.
    Set {
        /// The ApplicationSet.
        set: Node,
        /// The content of `cluster-config.json`.
        cluster: Node,
        /// The content of `config.json`, by component.
        charts: Vec<(String, Node)>,
    },
}

/// A component as an environment deploys it.
#[derive(Debug)]
pub struct Deployed {
    /// The component's name.
    pub name: String,
    /// The Application's name.
    pub application: Text,
    /// The release's name.
    pub release: Text,
    /// The namespace.
    pub namespace: Located<Text>,
    /// Further namespaces that the chart writes to.
    pub namespaces: Vec<Text>,
    /// The chart's repository.
    pub chart_repository: Node,
    /// The chart's name.
    pub chart_name: Node,
    /// The chart's version.
    pub version: Located<Text>,
    /// The sync wave.
    pub wave: Located<i64>,
    /// Cluster-wide kinds that it brings.
    pub cluster_kinds: Vec<Kind>,
    /// Lists in the values that merge by a key of their items.
    pub list_keys: Arc<ListKeys>,
    /// Value paths that hold credentials; `*` stands for any key or item.
    pub credentials: Vec<Vec<Text>>,
    /// The Helm values.
    pub values: Values,
    /// Objects that no chart renders.
    pub manifests: Vec<Node>,
    /// Secrets whose data Argo CD must leave alone.
    pub shields: Vec<Text>,
    /// The values files that its Application names, where that was read back.
    pub value_files: Vec<ValueFile>,
    /// What is known of this version of the chart.
    pub record: Option<Arc<Record>>,
}

impl Deployed {
    /// Returns the chart's name, without its repository.
    pub fn chart(&self) -> &str {
        let name = self.chart_name.as_text().unwrap_or_default();
        name.rsplit('/').next().unwrap_or(name)
    }

    /// Returns the value at a path whose keys have no dots in them, where something is set there.
    pub fn at(&self, path: &str) -> Option<&Node> {
        let values = self.values.merged.as_ref()?;
        let found = path.split('.').try_fold(values, |node, key| node.get(key))?;
        (!matches!(found.value, Value::Null)).then_some(found)
    }

    /// Returns the text at a path, unless it is empty.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_text().filter(|text| !text.is_empty())
    }

    /// Returns whether a switch is on: as templates see it, anything but false, nothing, zero and the empty.
    pub fn is_on(&self, path: &str, default: bool) -> bool {
        match self.at(path).map(|node| (&node.value, node)) {
            None => default,
            Some((Value::Bool(on), _)) => *on,
            Some((Value::Int(0), _)) => false,
            Some((Value::Text(text), _)) => !text.is_empty(),
            Some((_, node)) => !node.is_empty_collection(),
        }
    }

    /// Returns the place of what is set at a path, or of what is set nearest above it.
    pub fn place_of(&self, path: &str) -> Place {
        let mut place = self.version.place;
        let mut node = self.values.merged.as_ref();
        for key in path.split('.') {
            let Some(entry) = node.and_then(Node::as_map).and_then(|map| map.get(key)) else { break };
            place = entry.key;
            node = Some(&entry.node);
        }
        node.filter(|_| self.at(path).is_some()).map_or(place, |node| node.place)
    }
}

impl Deployment {
    /// Returns the components of a chart.
    pub fn of_chart<'a>(&'a self, chart: &'a str) -> impl Iterator<Item = &'a Deployed> {
        self.components.iter().filter(move |component| component.chart() == chart)
    }

    /// Returns every object that is written out: beside the charts, and in the values of the chart `raw`.
    pub fn objects(&self) -> impl Iterator<Item = &Node> {
        self.components.iter().flat_map(|component| {
            let raw = component.at("resources").filter(|_| component.chart() == "raw");
            component.manifests.iter().chain(raw.and_then(Node::as_list).unwrap_or_default())
        })
    }
}

/// Returns what an environment puts on a cluster.
///
/// # Errors
/// Where an expression or a name of the environment cannot be worked out.
pub fn build(workspace: &Workspace<'_>, environment: &Environment) -> Result<Deployment, Diagnostic> {
    let context = Context::new(workspace, environment)?;
    let credentials = ExternalSecrets::of(environment, &context.facts)?;
    let store_carrier = store_carrier(environment, &context, credentials.as_ref());
    let mut components = Vec::with_capacity(context.components.len());
    for (index, (names, component)) in context.components.iter().enumerate() {
        let layers = context.layers(names, component)?;
        let mut facts = facts::of_component(&context.facts, names);
        let values = values::values(layers, component, &mut facts)?;
        let carries_store = store_carrier == Some(index);
        let objects = match &credentials {
            Some(credentials) => credentials.objects(environment, component, &facts, &values, carries_store)?,
            None => SecretObjects::default(),
        };
        let manifests = manifests(workspace, environment, component, &facts)?;
        let mut deployed = deployed(names, component, &facts, values, objects, manifests)?;
        deployed.record = workspace.record(component, &names.version);
        components.push(deployed);
    }
    Ok(Deployment {
        environment: environment.name.value.clone(),
        folder: environment.folder.clone(),
        source: environment.source.value.clone(),
        place: environment.place,
        is_whole: true,
        is_local: environment.has_profile("kind"),
        external_secrets: credentials.map_or_else(|| "v1".into(), |credentials| credentials.version()),
        endpoint: workspace.registry_of(environment).and_then(|registry| endpoint(environment, registry)),
        project: argocd::project(environment, &components),
        project_app: argocd::project_app(environment),
        applications: applications(environment, &components),
        partners: context.partners,
        set: None,
        missing: Vec::new(),
        unread: Vec::new(),
        components,
    })
}

/// What is known of an environment before its components are looked at one by one.
struct Context<'a> {
    workspace: &'a Workspace<'a>,
    environment: &'a Environment,
    components: Vec<(Names, &'a Component)>,
    partners: Vec<Partner>,
    facts: Facts,
}

impl<'a> Context<'a> {
    fn new(workspace: &'a Workspace<'a>, environment: &'a Environment) -> Result<Self, Diagnostic> {
        let mut facts = facts::of_environment(environment);
        let mut components = Vec::with_capacity(environment.components.len());
        for used in &environment.components {
            // The workspace refuses environments with components that base/ does not have.
            if let Some(component) = workspace.components.get(&*used.name.value) {
                let names = facts::names(environment, used, component, &facts)?;
                components.push((names, component));
            }
        }
        refuse_shared_namespaces(&components)?;
        facts::add_names(&mut facts, environment, &components);
        let partners = match workspace.registry_of(environment) {
            Some(registry) => partners(environment, registry)?,
            None => Vec::new(),
        };
        facts::add_partners(&mut facts, environment, &partners);
        facts::add_settings(&mut facts, environment)?;
        Ok(Self { workspace, environment, components, partners, facts })
    }

    fn layers<'c>(&self, names: &Names, component: &'c Component) -> Result<Vec<Layer<'c>>, Diagnostic> {
        let mut facts = facts::of_component(&self.facts, names);
        if !component.restart_on.is_empty() {
            facts.expect_checksum();
        }
        let has_partners = !self.partners.is_empty();
        values::layers(self.workspace, self.environment, component, &facts, has_partners)
    }
}

/// Two releases of one name cannot be in one namespace; release names follow from the component's, so only an
/// override could make them meet.
fn refuse_shared_namespaces(components: &[(Names, &Component)]) -> Result<(), Diagnostic> {
    let mut taken: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (names, _) in components {
        let key = (&*names.namespace.value, &*names.release);
        if let Some(other) = taken.insert(key, &names.component) {
            return Err(Diagnostic::new(format!(
                "`{}` and `{other}` have one release name in one namespace",
                names.component
            ))
            .at(names.namespace.place));
        }
    }
    Ok(())
}

/// Returns which component carries the store that is rendered for the whole cluster: the first in sync order of those
/// that read it.
fn store_carrier(
    environment: &Environment,
    context: &Context<'_>,
    credentials: Option<&ExternalSecrets>,
) -> Option<usize> {
    credentials.filter(|credentials| credentials.renders_cluster_store())?;
    let reads = |(_, component): &&(Names, &Component)| secrets::active(environment, component).next().is_some();
    let indexed = context.components.iter().enumerate();
    indexed
        .filter(|(_, pair)| reads(pair))
        .min_by_key(|(index, (names, _))| (names.wave.value, *index))
        .map(|(index, _)| index)
}

fn deployed(
    names: &Names,
    component: &Component,
    facts: &Facts,
    values: Values,
    mut objects: SecretObjects,
    manifests: Vec<Node>,
) -> Result<Deployed, Diagnostic> {
    let mut namespaces = Vec::new();
    for namespace in &component.namespaces {
        let namespace = expression::resolve(namespace, facts)?;
        namespaces.push(evaluated_label(&namespace, "a namespace")?.value);
    }
    for manifest in &manifests {
        let namespace = manifest.get("metadata").and_then(|metadata| metadata.get("namespace"));
        if let Some(namespace) = namespace {
            namespaces.push(evaluated_label(namespace, "a namespace")?.value);
        }
    }
    objects.manifests.extend(manifests);
    let mut cluster_kinds = component.cluster_kinds.clone();
    let is_cluster_store = |object: &Node| object.get("kind").and_then(Node::as_text) == Some("ClusterSecretStore");
    if objects.manifests.iter().any(is_cluster_store) {
        cluster_kinds.push(Kind { group: "external-secrets.io".into(), kind: "ClusterSecretStore".into() });
    }
    Ok(Deployed {
        name: component.name.clone(),
        application: names.application.clone(),
        release: names.release.clone(),
        namespace: names.namespace.clone(),
        namespaces,
        chart_repository: (&component.chart_repository).into(),
        chart_name: (&component.chart_name).into(),
        version: names.version.clone(),
        wave: names.wave.clone(),
        cluster_kinds,
        list_keys: component.list_keys.clone(),
        credentials: component.credentials.clone(),
        values,
        manifests: objects.manifests,
        shields: objects.shields,
        value_files: Vec::new(),
        record: None,
    })
}

/// Returns what the registry says of the environment itself.
fn endpoint(environment: &Environment, registry: &Registry) -> Option<Endpoint> {
    let is_own = |file: &&FederationFile| file.text("trustDomain") == Some(environment.trust_domain.as_str());
    registry.files.iter().find(is_own).and_then(repository::endpoint)
}

/// Returns the objects that no chart renders: of every environment, of its profiles in order, and its own.
fn manifests(
    workspace: &Workspace<'_>,
    environment: &Environment,
    component: &Component,
    facts: &Facts,
) -> Result<Vec<Node>, Diagnostic> {
    let own = workspace.overlay_manifests(environment, &component.name)?;
    let of_profiles =
        environment.profiles.iter().filter_map(|profile| component.profile_manifests.get(&*profile.value)).flatten();
    let written = component.manifests.iter().chain(of_profiles).chain(&own);
    written.map(|object| expression::resolve(object, facts)).collect()
}

fn applications(environment: &Environment, components: &[Deployed]) -> Applications {
    if environment.delivery == Delivery::Applications {
        let single = |component: &Deployed| (component.name.clone(), argocd::application(environment, component));
        return Applications::Single(components.iter().map(single).collect());
    }
    let cluster = [
        ("cluster_name", (&environment.cluster_name).into()),
        ("cluster_address", (&environment.cluster_address).into()),
    ];
    let chart = |component: &Deployed| {
        let fields = [
            ("chart_repo", component.chart_repository.clone()),
            ("chart_name", component.chart_name.clone()),
            ("chart_version", (&component.version).into()),
        ];
        (component.name.clone(), Node::map(environment.place, fields))
    };
    Applications::Set {
        set: argocd::application_set(environment, components),
        cluster: Node::map(environment.place, cluster),
        charts: components.iter().map(chart).collect(),
    }
}
