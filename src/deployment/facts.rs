//! What expressions may see: the environment's fields and the names that follow from them.

use crate::diagnostic::Diagnostic;
use crate::expression::{self, Facts};
use crate::workspace::{Component, ComponentUse, Delivery, Environment, Located, evaluated_label, text};
use crate::yaml::{Entry, Map, Node, Text, Value};

use super::partners::{Partner, own_policies, partner_policies};

/// Stands where a chart insists on a literal credential that an ExternalSecret replaces.
pub const PLACEHOLDER: &str = "managed-by-external-secrets";

/// The longest release name that Helm takes, in characters.
const RELEASE_LIMIT: usize = 53;

/// The names of a component in an environment.
#[derive(Clone, Debug)]
pub struct Names {
    /// The component's name.
    pub component: String,
    /// The Application's.
    pub application: Text,
    /// The release's.
    pub release: Text,
    /// The namespace.
    pub namespace: Located<Text>,
    /// The chart's version.
    pub version: Located<Text>,
    /// The sync wave.
    pub wave: Located<i64>,
}

/// Returns the facts that follow from the environment's fields alone.
pub fn of_environment(environment: &Environment) -> Facts {
    let place = environment.place;
    let mut facts = Facts::default();
    facts.set_node("name", (&environment.name).into());
    let trust_domain = &environment.trust_domain;
    facts.set_node("trustDomain", Node::new(trust_domain.place, trust_domain.as_str()));
    facts.set_node("domain", (&environment.domain).into());
    facts.set_node("className", (&environment.class_name).into());
    facts.set("placeholder", PLACEHOLDER);
    let profiles = environment.profiles.iter().map(Node::from);
    facts.set_node("profiles", Node::list(place, profiles));
    let cluster = [("name", (&environment.cluster_name).into()), ("address", (&environment.cluster_address).into())];
    facts.set_node("cluster", Node::map(place, cluster));
    let mut hosts = Map::default();
    for (name, host) in &environment.hosts {
        insert(&mut hosts, name, host.into());
    }
    facts.set_node("host", Node::new(place, hosts));
    facts
}

/// Returns the names of a component in an environment.
///
/// # Errors
/// Where a name is longer than Kubernetes or Helm takes, or the namespace cannot be evaluated.
pub fn names(
    environment: &Environment,
    used: &ComponentUse,
    component: &Component,
    facts: &Facts,
) -> Result<Names, Diagnostic> {
    let application: Text = format!("{}-dir-{}-argoapp", component.name, &*environment.name).into();
    let release = match &component.release {
        None => Located { value: application.clone(), place: environment.name.place },
        Some(node) => {
            if environment.delivery == Delivery::ApplicationSet {
                return Err(Diagnostic::new(format!(
                    "`{}` names its own release, which an ApplicationSet cannot tell from the others'",
                    component.name
                ))
                .at(used.name.place)
                .help("set `delivery: applications`"));
            }
            evaluated_label(&expression::resolve(node, facts)?, "a release")?
        }
    };
    if release.len() > RELEASE_LIMIT {
        return Err(Diagnostic::new(format!(
            "the release name `{}` has more than {RELEASE_LIMIT} characters, which Helm refuses",
            &*release.value
        ))
        .at(release.place)
        .help("shorten the environment's name"));
    }
    let namespace = match (&used.namespace, &component.namespace) {
        (Some(own), _) => own.clone(),
        (None, Some(node)) => {
            let node = expression::resolve(node, facts)?;
            evaluated_label(&node, "a namespace")?
        }
        (None, None) => {
            let name = format!("dir-{}-{}", &*environment.name, component.name);
            let node = Node::new(used.name.place, name);
            evaluated_label(&node, "a namespace")?
        }
    };
    Ok(Names {
        component: component.name.clone(),
        application,
        release: release.value,
        namespace,
        version: used.version.as_ref().unwrap_or(&component.version).clone(),
        wave: used.wave.as_ref().unwrap_or(&component.wave).clone(),
    })
}

/// Adds the names of all components, by component.
pub fn add_names(facts: &mut Facts, environment: &Environment, all: &[(Names, &Component)]) {
    let place = environment.place;
    let (mut releases, mut namespaces, mut versions, mut services) =
        (Map::default(), Map::default(), Map::default(), Map::default());
    for (names, component) in all {
        let name = &component.name;
        insert(&mut releases, name, Node::new(place, names.release.clone()));
        insert(&mut namespaces, name, (&names.namespace).into());
        insert(&mut versions, name, (&names.version).into());
        insert(&mut services, name, services_of(names, component));
    }
    facts.set_node("releases", Node::new(place, releases));
    facts.set_node("namespaces", Node::new(place, namespaces));
    facts.set_node("versions", Node::new(place, versions));
    facts.set_node("services", Node::new(place, services));
}

fn services_of(names: &Names, component: &Component) -> Node {
    let mut services = Map::default();
    for (service, port) in &component.services {
        let place = service.place;
        let name = full_name(&names.release, service);
        let host = format!("{name}.{}.svc.cluster.local", &*names.namespace);
        let address = format!("{host}:{port}");
        let fields = [
            ("name", Node::new(place, name)),
            ("host", Node::new(place, host)),
            ("port", Node::new(place, *port)),
            ("address", Node::new(place, address)),
        ];
        insert(&mut services, service, Node::map(place, fields));
    }
    Node::new(component.place, services)
}

/// Returns what a chart calls its objects: the `fullname` helper that `helm create` writes into charts.
fn full_name(release: &str, chart: &str) -> String {
    let name = match release.contains(chart) {
        true => release.to_owned(),
        false => format!("{release}-{chart}"),
    };
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches('-').to_owned()
}

/// Adds whom the environment trusts, and the rows of the policy file.
pub fn add_partners(facts: &mut Facts, environment: &Environment, partners: &[Partner]) {
    let as_node = |partner: &Partner| {
        let named = partner.trust_domain.place;
        let methods = partner.methods.iter().cloned().map(|method| Node::new(named, method));
        let fields = [
            ("trustDomain", (&partner.trust_domain).into()),
            ("methods", Node::list(named, methods)),
            ("entry", partner.entry.clone()),
        ];
        Node::map(named, fields)
    };
    let (trust, policies) = (environment.federation.place, environment.policies.place);
    facts.set_node("partners", Node::list(trust, partners.iter().map(as_node)));
    let own = own_policies(environment);
    let all = format!("{own}{}", partner_policies(partners));
    let rows = [("own", Node::new(policies, own)), ("all", Node::new(trust, all))];
    facts.set_node("policies", Node::map(policies, rows));
}

/// Adds `externalSecrets` and `vars`, whose own expressions may see everything before them; a variable may use others.
///
/// # Errors
/// Where an expression cannot be evaluated, or variables are made from each other in a circle.
pub fn add_settings(facts: &mut Facts, environment: &Environment) -> Result<(), Diagnostic> {
    if let Some(description) = &environment.description {
        let description = text(&expression::resolve(description, facts)?, "description")?;
        facts.set_node("description", (&description).into());
    }
    if let Some(settings) = &environment.external_secrets {
        let settings = expression::resolve(settings, facts)?;
        facts.set_node("externalSecrets", settings);
    }
    let Some(vars) = &environment.vars else {
        return Ok(());
    };
    let Some(map) = vars.as_map() else {
        return Err(Diagnostic::new("`vars` must be a map").at(vars.place));
    };
    let mut resolved = Map::default();
    for name in in_order(map)? {
        let node = expression::resolve(&map[&name].node, facts)?;
        insert(&mut resolved, &name, node);
        facts.set_node("vars", Node::new(vars.place, resolved.clone()));
    }
    Ok(())
}

/// Returns the names of variables, each after those that it is made from.
fn in_order(vars: &Map) -> Result<Vec<Text>, Diagnostic> {
    let mut ordered = Vec::new();
    let mut under_way = Vec::new();
    for name in vars.keys() {
        visit(name, vars, &mut under_way, &mut ordered)?;
    }
    Ok(ordered)
}

fn visit(name: &Text, vars: &Map, under_way: &mut Vec<Text>, ordered: &mut Vec<Text>) -> Result<(), Diagnostic> {
    if ordered.contains(name) {
        return Ok(());
    }
    if let Some(start) = under_way.iter().position(|other| other == name) {
        let circle: Vec<&str> = under_way[start..].iter().chain([name]).map(|n| &**n).collect();
        return Err(Diagnostic::new(format!("variables are made from each other: {}", circle.join(" from ")))
            .at(vars[name].key)
            .help("give one of them a value of its own"));
    }
    under_way.push(name.clone());
    let mut used = Vec::new();
    names_in(&vars[name].node, &mut used);
    for other in used.iter().filter_map(|dotted| dotted.strip_prefix("vars.")) {
        let other = other.split('.').next().unwrap_or(other);
        if let Some((other, _)) = vars.get_key_value(other) {
            visit(other, vars, under_way, ordered)?;
        }
    }
    under_way.pop();
    ordered.push(name.clone());
    Ok(())
}

fn names_in(node: &Node, names: &mut Vec<String>) {
    match &node.value {
        Value::Template(template) => names.extend(template.names()),
        Value::List(items) => items.iter().for_each(|item| names_in(item, names)),
        Value::Map(map) => map.values().for_each(|entry| names_in(&entry.node, names)),
        _ => {}
    }
}

/// Adds what a component knows of itself.
pub fn of_component(environment: &Facts, names: &Names) -> Facts {
    let mut facts = environment.clone();
    facts.set("component", names.component.as_str());
    facts.set("release", names.release.clone());
    facts.set_node("namespace", (&names.namespace).into());
    facts.set_node("version", (&names.version).into());
    facts
}

fn insert(map: &mut Map, key: &str, node: Node) {
    let place = node.place;
    map.insert(key.into(), Entry { key: place, node });
}
