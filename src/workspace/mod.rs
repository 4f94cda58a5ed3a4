//! The source repository, as types: components, environments, registries.

mod component;
mod environment;
mod federation;
mod fields;
mod form;
mod reader;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use component::split;
pub use component::{Component, Kind, ListKeys, OfValues, Secret};
pub(crate) use environment::evaluated_label;
pub use environment::{
    Access, ComponentUse, Delivery, Environment, Federation, Grant, HOSTS, Policies, Trust, USUAL_REGISTRY,
    usual_registry,
};
pub use federation::{CLASS_NAME, FederationFile, Registry, Stray, StrayKind};
pub use fields::Located;
pub(crate) use fields::{Fields, text, wrong_type};
pub use form::{Form, FormKind, Forms};
pub use reader::Reader;
pub use schema::{SchemaKind, schema};

use crate::chart::Record;
use crate::diagnostic::{Diagnostic, Place, Sources};
use crate::parallel;
use crate::tree::Tree;
use crate::yaml::{Node, Text, merge};

/// Everything that environments are rendered from. Values that belong to one environment alone are read when they are
/// needed, through [`Workspace::overlay`].
pub struct Workspace<'a> {
    reader: Reader<'a>,
    /// The components in `base/`, by name.
    pub components: BTreeMap<String, Component>,
    /// The environments in `overlays/`, sorted by name.
    pub environments: Vec<Environment>,
    /// The registries that environments trust, by folder.
    pub registries: BTreeMap<String, Registry>,
    /// What is known of the charts that environments use, by component and version.
    records: UsedRecords,
}

/// Records by component and version.
type UsedRecords = BTreeMap<(String, Text), Arc<Record>>;

impl<'a> Workspace<'a> {
    /// Reads a source repository.
    ///
    /// # Errors
    /// Everything that is wrong with its components and environments, sorted by place.
    pub fn load(tree: &'a dyn Tree, sources: &'a Sources, jobs: usize) -> Result<Self, Vec<Diagnostic>> {
        let reader = Reader { tree, sources };
        let components = load_components(reader)?;
        let environments = load_environments(reader, jobs)?;
        let registries = load_registries(reader, &environments, jobs)?;
        let records = load_records(reader, &components, &environments)?;
        let workspace = Self { reader, components, environments, registries, records };
        let mut problems = workspace.problems();
        problems.sort_by_key(|problem| sources.order(problem.place));
        match problems.is_empty() {
            true => Ok(workspace),
            false => Err(problems),
        }
    }

    /// Returns the environment of a name.
    ///
    /// # Errors
    /// Where there is none; says which is near.
    pub fn environment(&self, name: &str) -> Result<&Environment, Diagnostic> {
        let known = self.environments.iter().map(|env| &*env.name.value);
        self.find(name).ok_or_else(|| Diagnostic::new(format!("there is no environment `{name}`")).suggest(name, known))
    }

    /// Returns the environment of a name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Environment> {
        let found = self.environments.binary_search_by(|environment| (*environment.name.value).cmp(name));
        found.ok().map(|index| &self.environments[index])
    }

    /// Returns the values of an environment for one of its components alone, if it has any.
    ///
    /// # Errors
    /// Where the file is not a map of Helm values.
    pub fn overlay(&self, environment: &Environment, component: &str) -> Result<Option<Node>, Diagnostic> {
        component::layer(self.reader, &overlay_path(environment, component))
    }

    /// Returns the objects of an environment for one of its components alone, that no chart renders.
    ///
    /// # Errors
    /// Where the file does not hold objects.
    pub fn overlay_manifests(&self, environment: &Environment, component: &str) -> Result<Vec<Node>, Diagnostic> {
        let path = format!("overlays/{}/{component}.manifests.yaml", environment.folder);
        component::objects(self.reader, &path)
    }

    /// Returns what is known of a version of a component's chart.
    pub fn record(&self, component: &Component, version: &Text) -> Option<Arc<Record>> {
        self.records.get(&(component.name.clone(), version.clone())).cloned()
    }

    /// Returns the files that were read.
    pub fn sources(&self) -> &'a Sources {
        self.reader.sources
    }

    /// Returns the registry that an environment trusts, unless it trusts nobody.
    pub fn registry_of(&self, environment: &Environment) -> Option<&Registry> {
        match environment.federation.trust {
            Trust::None => None,
            _ => self.registries.get(&**environment.federation.registry),
        }
    }

    /// Returns what is wrong between files, each of which is right by itself.
    fn problems(&self) -> Vec<Diagnostic> {
        let mut problems = same_names(&self.environments, self.reader.sources);
        if problems.is_empty() {
            problems = same_destinations(&self.environments);
        }
        let profiles = self.profiles();
        for environment in &self.environments {
            problems.extend(self.unknown_names(environment, &profiles));
        }
        problems
    }

    /// Returns the names of all profiles: those that a component has values for or that a Secret needs.
    fn profiles(&self) -> BTreeSet<&str> {
        let components = || self.components.values();
        let of_values = components().flat_map(|component| {
            component.profiles.keys().chain(component.profile_manifests.keys()).map(String::as_str)
        });
        let of_secrets = components()
            .flat_map(|component| &component.secrets)
            .flat_map(|secret| &secret.profiles)
            .map(|profile| &*profile.value);
        of_values.chain(of_secrets).collect()
    }

    fn unknown_names(&self, environment: &Environment, profiles: &BTreeSet<&str>) -> Vec<Diagnostic> {
        let missing_profiles =
            environment.profiles.iter().filter(|profile| !profiles.contains(&*profile.value)).map(|profile| {
                Diagnostic::new(format!("there is no profile `{}`", &*profile.value))
                    .at(profile.place)
                    .suggest(profile, profiles.iter().copied())
            });
        let missing_components =
            environment.components.iter().filter(|used| !self.components.contains_key(&**used.name)).map(|used| {
                Diagnostic::new(format!("base/ has no component `{}`", &*used.name))
                    .at(used.name.place)
                    .suggest(&used.name, self.components.keys().map(String::as_str))
            });
        missing_profiles.chain(missing_components).collect()
    }
}

fn overlay_path(environment: &Environment, component: &str) -> String {
    format!("overlays/{}/{component}.yaml", environment.folder)
}

fn folders(reader: Reader<'_>, parent: &str) -> Result<Vec<String>, Vec<Diagnostic>> {
    let listed = reader.list(parent).map_err(|error| vec![error])?;
    let folders: Vec<String> = listed.into_iter().filter(|entry| entry.is_folder).map(|entry| entry.name).collect();
    if folders.is_empty() {
        return Err(vec![
            Diagnostic::new(format!("there is nothing in `{parent}/`"))
                .help("run dirops in a source repository, or name one with --source"),
        ]);
    }
    Ok(folders)
}

fn load_components(reader: Reader<'_>) -> Result<BTreeMap<String, Component>, Vec<Diagnostic>> {
    let names = folders(reader, "base")?;
    all(names.into_iter().map(|name| {
        let place = reader.start_of(&format!("base/{name}/component.yaml"));
        let located = Located { value: name.as_str().into(), place };
        environment::label(located, "a component's folder")?;
        Ok((name.clone(), Component::read(reader, &name)?))
    }))
}

fn load_environments(reader: Reader<'_>, jobs: usize) -> Result<Vec<Environment>, Vec<Diagnostic>> {
    let defaults = reader.template("base/environment.yaml").map_err(|error| vec![error])?;
    let load = |folder: &String| {
        let path = format!("overlays/{folder}/environment.yaml");
        let Some(own) = reader.template(&path)? else {
            return Err(Diagnostic::new(format!("`overlays/{folder}` has no environment.yaml"))
                .at(reader.start_of(&path))
                .help("write one, or move the folder out of overlays/"));
        };
        if own.as_map().is_none() {
            return Err(wrong_type(&own, "environment.yaml", "a map"));
        }
        let mut merged = defaults.clone().unwrap_or_else(|| own.clone());
        merge(&mut merged, own, &BTreeMap::new());
        let mut environment = Environment::parse(folder, &merged)?;
        if let Some(folder) = reader.tree.environment_repository() {
            environment.federation.find_registry(folder);
        }
        refuse_strays(reader, &environment)?;
        Ok(environment)
    };
    let folders = folders(reader, "overlays")?;
    let mut environments: Vec<_> = all(parallel::map(jobs, &folders, load))?;
    environments.sort_by(|a: &Environment, b| a.name.value.cmp(&b.name.value));
    Ok(environments)
}

/// Refuses values for components that the environment does not deploy.
fn refuse_strays(reader: Reader<'_>, environment: &Environment) -> Result<(), Diagnostic> {
    let folder = format!("overlays/{}", environment.folder);
    let components = environment.components.iter().map(|used| &*used.name.value);
    let files = components.flat_map(|name| [format!("{name}.yaml"), format!("{name}.manifests.yaml")]);
    let known: Vec<String> = files.chain(["environment.yaml".to_owned()]).collect();
    for file in reader.list(&folder)? {
        let looks_read = file.name.ends_with(".yaml") || file.name.ends_with(".yml");
        if looks_read && !known.contains(&file.name) {
            let path = format!("{folder}/{}", file.name);
            return Err(Diagnostic::new(format!("nothing reads `{path}`: the environment has no such component"))
                .at(reader.start_of(&path))
                .suggest(&file.name, known.iter().map(String::as_str)));
        }
    }
    Ok(())
}

fn load_registries(
    reader: Reader<'_>,
    environments: &[Environment],
    jobs: usize,
) -> Result<BTreeMap<String, Registry>, Vec<Diagnostic>> {
    let trusted = environments
        .iter()
        .filter(|env| !matches!(env.federation.trust, Trust::None))
        .map(|env| env.federation.registry.to_string());
    let folders: BTreeSet<String> = trusted.collect();
    all(folders.into_iter().map(|folder| {
        let users = environments.iter().filter(|env| *env.federation.registry.value == *folder);
        let users: Vec<_> = users.filter(|env| !matches!(env.federation.trust, Trust::None)).collect();
        refuse_lost_registry(reader, &users)?;
        let registry = Registry::read(reader, &folder, &users, jobs)?;
        Ok((folder, registry))
    }))
}

/// Refuses a registry in an environment repository that is not at hand: no partner there is not the same as none at all.
fn refuse_lost_registry(reader: Reader<'_>, users: &[&Environment]) -> Result<(), Diagnostic> {
    let Some(federation) = users.first().map(|user| &user.federation).filter(|f| f.in_environment_repository) else {
        return Ok(());
    };
    let folder = &*federation.registry.value;
    if reader.tree.environment_repository().is_none() {
        return Err(environment::lost_registry(federation.registry.place));
    }
    match reader.tree.list(folder) {
        Ok(None) => Err(Diagnostic::new(format!("there is no registry of partners: no folder `{folder}`"))
            .at(federation.registry.place)
            .help("name another folder with --environment-repository, or make this one")),
        // What else there may be to say of it is said where it is read.
        _ => Ok(()),
    }
}

fn load_records(
    reader: Reader<'_>,
    components: &BTreeMap<String, Component>,
    environments: &[Environment],
) -> Result<UsedRecords, Vec<Diagnostic>> {
    let used = environments.iter().flat_map(|environment| &environment.components).filter_map(|used| {
        let component = components.get(&*used.name.value)?;
        Some((component.name.clone(), used.version.as_ref().unwrap_or(&component.version).value.clone()))
    });
    let used: BTreeSet<(String, Text)> = used.collect();
    let records: Vec<_> = all(used.into_iter().map(|(component, version)| {
        let record = Record::read(reader, &component, &version)?;
        Ok(record.map(|record| ((component, version), Arc::new(record))))
    }))?;
    Ok(records.into_iter().flatten().collect())
}

/// Returns all results, or all errors.
fn all<T, C: FromIterator<T>>(results: impl IntoIterator<Item = Result<T, Diagnostic>>) -> Result<C, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let good = results.into_iter().filter_map(|result| result.map_err(|error| errors.push(error)).ok()).collect();
    match errors.is_empty() {
        true => Ok(good),
        false => Err(errors),
    }
}

fn same_names(environments: &[Environment], sources: &Sources) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    let mut problems = Vec::new();
    for environment in environments {
        let place = environment.name.place;
        match first.get(&*environment.name.value) {
            None => {
                first.insert(&environment.name, place);
            }
            Some(other) => problems.push(
                Diagnostic::new(format!("two environments have the name `{}`", &*environment.name))
                    .at(place)
                    .help(format!("the other one is at {}", sources.show(*other))),
            ),
        }
    }
    problems
}

/// A component that is twice in one cluster would bring its cluster-wide objects twice, and Argo CD would never have
/// both in sync.
fn same_destinations(environments: &[Environment]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<(&str, &str, &str), &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for environment in environments {
        let name = &*environment.name.value;
        let cluster = &*environment.cluster_name.value;
        for used in &environment.components {
            let component = &*used.name.value;
            let destination = (cluster, &*environment.cluster_address.value, component);
            if let Some(other) = first.insert(destination, name) {
                problems.push(
                    Diagnostic::new(format!(
                        "`{other}` and `{name}` both deploy `{component}` to the cluster `{cluster}`"
                    ))
                    .at(used.name.place)
                    .help("name another cluster, or leave the component to one of them"),
                );
                // The other components are there twice for the same reason.
                break;
            }
        }
    }
    problems
}
