//! What an environment puts on a cluster.
//!
//! The order of derivation: partners, values, the checksum of the configuration, manifests, Applications, AppProject.

mod argocd;
mod facts;
mod partners;
mod secrets;
mod values;
mod why;

use std::collections::BTreeMap;

pub use argocd::project_name;
pub use facts::{Names, PLACEHOLDER};
pub use partners::{Partner, accepts, partners, trusted};
pub use values::{Layer, Values};
pub use why::{Explanation, Setting, explain};

use crate::diagnostic::Diagnostic;
use crate::expression::{self, Facts};
use crate::workspace::{Component, Delivery, Environment, Kind, Located, Workspace, evaluated_label};
use crate::yaml::{Node, Text};
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
    /// Whether literal credentials are in order: it is a local cluster.
    pub is_local: bool,
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
    /// Value paths that hold credentials; `*` stands for any key or item.
    pub credentials: Vec<Vec<Text>>,
    /// The Helm values.
    pub values: Values,
    /// Objects that no chart renders.
    pub manifests: Vec<Node>,
    /// Secrets whose data Argo CD must leave alone.
    pub shields: Vec<Text>,
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
        components.push(deployed(names, component, &facts, values, objects, manifests)?);
    }
    Ok(Deployment {
        environment: environment.name.value.clone(),
        folder: environment.folder.clone(),
        source: environment.source.value.clone(),
        is_local: environment.has_profile("kind"),
        project: argocd::project(environment, &components),
        project_app: argocd::project_app(environment),
        applications: applications(environment, &components),
        partners: context.partners,
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
        credentials: component.credentials.clone(),
        values,
        manifests: objects.manifests,
        shields: objects.shields,
    })
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
