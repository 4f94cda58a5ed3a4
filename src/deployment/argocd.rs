//! Argo CD's objects: the AppProject, the app of apps, and the Applications or the ApplicationSet that makes them.
//!
//! Shapes after argo-cd.readthedocs.io/en/stable/operator-manual. Empty fields are left out: an Application with an
//! empty `valueFiles` never comes into sync.

use std::collections::BTreeSet;

use super::Deployed;
use crate::diagnostic::Place;
use crate::workspace::{Access, Environment, Kind};
use crate::yaml::{Node, Text};

/// What the API server adds to objects counts as a difference for ever unless the server works it out.
const SERVER_SIDE_DIFF: (&str, &str) = ("argocd.argoproj.io/compare-options", "ServerSideDiff=true");
const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
const SYNC_OPTIONS: [&str; 4] = [
    "CreateNamespace=true",
    "ServerSideApply=true",
    "SkipDryRunOnMissingResource=true",
    "RespectIgnoreDifferences=true",
];
/// Where Argo CD itself runs, seen from there.
const IN_CLUSTER: &str = "https://kubernetes.default.svc";

/// Returns the name of an environment's AppProject.
pub fn project_name(environment: &Environment) -> String {
    format!("dir-{}", &*environment.name)
}

/// Returns the AppProject of an environment.
pub fn project(environment: &Environment, components: &[Deployed]) -> Node {
    let place = environment.place;
    let mut spec = Node::map(place, []);
    if let Some(description) = environment.description.clone() {
        spec.set("description", description);
    }
    let (destinations, kinds) = match environment.access {
        Access::Open => (vec![any_destination(environment)], vec![any_kind(place)]),
        Access::Strict => (
            strict_destinations(environment, components),
            cluster_kinds(components).iter().map(|kind| kind_node(place, kind)).collect(),
        ),
    };
    spec.set("destinations", Node::list(place, destinations));
    spec.set("clusterResourceWhitelist", Node::list(place, kinds));
    if environment.access == Access::Open {
        spec.set("namespaceResourceWhitelist", Node::list(place, [any_kind(place)]));
    }
    spec.set("sourceRepos", source_repositories(environment, components));
    let mut project = object(place, "AppProject", &project_name(environment), spec);
    set_namespace(&mut project, environment);
    if environment.access == Access::Open {
        project.set("status", Node::map(place, []));
    }
    project
}

fn any_destination(environment: &Environment) -> Node {
    let place = environment.place;
    let fields = [
        ("name", Node::new(place, "*")),
        ("namespace", Node::new(place, "*")),
        ("server", (&environment.cluster_address).into()),
    ];
    Node::map(place, fields)
}

fn any_kind(place: Place) -> Node {
    let any = "*".into();
    let kind = Kind { group: any, kind: "*".into() };
    kind_node(place, &kind)
}

fn kind_node(place: Place, kind: &Kind) -> Node {
    let fields = [("group", Node::new(place, kind.group.clone())), ("kind", Node::new(place, kind.kind.clone()))];
    Node::map(place, fields)
}

/// Argo CD's own namespace, for the app of apps, and every namespace that a component writes to.
fn strict_destinations(environment: &Environment, components: &[Deployed]) -> Vec<Node> {
    let place = environment.place;
    let on_cluster = components.iter().flat_map(|component| {
        let own = component.namespace.value.clone();
        component.namespaces.iter().cloned().chain([own])
    });
    let on_cluster: BTreeSet<Text> = on_cluster.collect();
    let destination = |server: Node, namespace: Text| {
        let namespace = Node::new(place, namespace);
        Node::map(place, [("namespace", namespace), ("server", server)])
    };
    let argocd = environment.argocd_namespace.value.clone();
    let address = || Node::from(&environment.cluster_address);
    let shared = on_cluster.contains(&argocd) && &*environment.cluster_address.value == IN_CLUSTER;
    let mut destinations = Vec::new();
    if !shared {
        destinations.push(destination(Node::new(place, IN_CLUSTER), argocd));
    }
    destinations.extend(on_cluster.into_iter().map(|namespace| destination(address(), namespace)));
    destinations
}

/// The cluster-wide kinds that the charts render, and Namespace, which Argo CD creates.
fn cluster_kinds(components: &[Deployed]) -> BTreeSet<Kind> {
    let namespace = Kind { group: "".into(), kind: "Namespace".into() };
    let declared = components.iter().flat_map(|component| component.cluster_kinds.iter().cloned());
    declared.chain([namespace]).collect()
}

/// The environment repository, and the charts' in the order of the components.
fn source_repositories(environment: &Environment, components: &[Deployed]) -> Node {
    let charts = components.iter().map(|component| component.chart_repository.clone());
    let mut repositories = vec![Node::from(&environment.repository)];
    for repository in charts {
        if !repositories.contains(&repository) {
            repositories.push(repository);
        }
    }
    Node::list(environment.place, repositories)
}

/// Returns the app of apps: it deploys the Applications or the ApplicationSet of the environment.
pub fn project_app(environment: &Environment) -> Node {
    let place = environment.place;
    let name = format!("{}-projectapp", project_name(environment));
    let source = [
        ("path", Node::new(place, format!("applicationsets/dir/{}", &*environment.name))),
        ("repoURL", (&environment.repository).into()),
        ("targetRevision", (&environment.revision).into()),
    ];
    let destination = [("namespace", (&environment.argocd_namespace).into()), ("server", Node::new(place, IN_CLUSTER))];
    let automated = [("automated", Node::map(place, []))];
    let spec = [
        ("project", Node::new(place, project_name(environment))),
        ("source", Node::map(place, source)),
        ("destination", Node::map(place, destination)),
        ("syncPolicy", Node::map(place, automated)),
    ];
    let mut app = object(place, "Application", &name, Node::map(place, spec));
    set_namespace(&mut app, environment);
    app
}

/// Returns the Application of one component.
pub fn application(environment: &Environment, component: &Deployed) -> Node {
    let place = environment.place;
    let folder = format!("applications/{}/{}", component.name, &*environment.name);
    let files = [
        ("values.yaml", component.values.written.is_some()),
        ("gen.values.yaml", component.values.generated.is_some()),
    ];
    let files: Vec<String> =
        files.into_iter().filter(|(_, exists)| *exists).map(|(file, _)| format!("$values/{folder}/{file}")).collect();
    let mut chart = Node::map(
        place,
        [
            ("repoURL", component.chart_repository.clone()),
            ("chart", component.chart_name.clone()),
            ("targetRevision", (&component.version).into()),
        ],
    );
    let mut sources = Vec::new();
    let mut helm = Node::map(place, []);
    if component.release != component.application {
        helm.set("releaseName", Node::new(place, component.release.clone()));
    }
    if !files.is_empty() {
        helm.set("valueFiles", texts(place, files));
    }
    if helm.as_map().is_some_and(|helm| !helm.is_empty()) {
        chart.set("helm", helm);
    }
    sources.push(chart);
    let manifests = !component.manifests.is_empty();
    if chart_has_values(component) || manifests {
        sources.push(values_source(environment, manifests.then_some(folder)));
    }
    let wave = component.wave.value.to_string();
    let spec = application_spec(
        environment,
        Node::list(place, sources),
        [("server", (&environment.cluster_address).into()), ("namespace", (&component.namespace).into())],
        None,
        &component.shields,
    );
    let mut app = object(place, "Application", &component.application, spec);
    let metadata = [
        ("name", Node::new(place, component.application.clone())),
        ("namespace", (&environment.argocd_namespace).into()),
        ("labels", labels(environment, &component.name)),
        ("annotations", annotations(component.wave.place, &wave)),
    ];
    app.set("metadata", Node::map(place, metadata));
    app
}

fn chart_has_values(component: &Deployed) -> bool {
    component.values.written.is_some() || component.values.generated.is_some()
}

/// Returns the ApplicationSet that makes the Applications of all components, as dir-staging has it: a list of
/// components, merged with the cluster's and each component's JSON file.
pub fn application_set(environment: &Environment, components: &[Deployed]) -> Node {
    let place = environment.place;
    let name = &*environment.name;
    let of_each = |fields: fn(&Deployed) -> Vec<(&'static str, Node)>| {
        let element = |component: &Deployed| {
            let mut element = Node::map(place, [("appName", Node::new(place, component.name.as_str()))]);
            for (key, node) in fields(component) {
                element.set(key, node);
            }
            element
        };
        let elements = Node::list(place, components.iter().map(element));
        Node::map(place, [("list", Node::map(place, [("elements", elements)]))])
    };
    let elements = of_each(|component| {
        let wave = component.wave.value.to_string();
        vec![("namespace", (&component.namespace).into()), ("syncWave", Node::new(component.wave.place, wave))]
    });
    let with_file = |path: String| {
        let files = Node::list(place, [Node::map(place, [("path", Node::new(place, path))])]);
        let git = [
            ("repoURL", (&environment.repository).into()),
            ("revision", (&environment.revision).into()),
            ("files", files),
        ];
        let git = Node::map(place, [("git", Node::map(place, git))]);
        let generators = Node::list(place, [of_each(|_| Vec::new()), git]);
        Node::map(place, [("matrix", Node::map(place, [("generators", generators)]))])
    };
    let generators = [
        elements,
        with_file(format!("clusters/dir/{name}/cluster-config.json")),
        with_file(format!("applications/{{{{ appName }}}}/{name}/config.json")),
    ];
    let merge = [("mergeKeys", texts(place, ["appName".to_owned()])), ("generators", Node::list(place, generators))];
    let merge = Node::map(place, [("merge", Node::map(place, merge))]);
    // Deleting the set deletes what it made; dir-staging says so in words.
    let keep = Node::map(place, [("preserveResourcesOnDeletion", Node::new(place, false))]);
    let spec = [
        ("syncPolicy", keep),
        ("generators", Node::list(place, [merge])),
        ("template", template(environment, components)),
    ];
    object(place, "ApplicationSet", &format!("dir-{name}-appset"), Node::map(place, spec))
}

fn template(environment: &Environment, components: &[Deployed]) -> Node {
    let place = environment.place;
    let folder = format!("applications/{{{{ appName }}}}/{}", &*environment.name);
    let files = ["values.yaml", "gen.values.yaml"].map(|file| format!("$values/{folder}/{file}"));
    let helm = [("ignoreMissingValueFiles", Node::new(place, true)), ("valueFiles", texts(place, files))];
    let chart = [
        ("repoURL", Node::new(place, "{{ chart_repo }}")),
        ("chart", Node::new(place, "{{ chart_name }}")),
        ("targetRevision", Node::new(place, "{{ chart_version }}")),
        ("helm", Node::map(place, helm)),
    ];
    let manifests = components.iter().any(|component| !component.manifests.is_empty());
    let sources = [Node::map(place, chart), values_source(environment, manifests.then_some(folder))];
    let shields: Vec<Text> = components.iter().flat_map(|component| component.shields.clone()).collect();
    let name = format!("{{{{ appName }}}}-dir-{}-argoapp", &*environment.name);
    let metadata = [
        ("name", Node::new(place, name)),
        ("labels", labels(environment, "{{ appName }}")),
        ("annotations", annotations(place, "{{ syncWave }}")),
    ];
    let destination =
        [("server", Node::new(place, "{{ cluster_address }}")), ("namespace", Node::new(place, "{{ namespace }}"))];
    let spec =
        application_spec(environment, Node::list(place, sources), destination, Some(Node::new(place, false)), &shields);
    Node::map(place, [("metadata", Node::map(place, metadata)), ("spec", spec)])
}

fn application_spec(
    environment: &Environment,
    sources: Node,
    destination: [(&str, Node); 2],
    self_heal: Option<Node>,
    shields: &[Text],
) -> Node {
    let place = environment.place;
    let mut automated = Node::map(place, [("prune", Node::new(place, true))]);
    if let Some(self_heal) = self_heal {
        automated.set("selfHeal", self_heal);
    }
    let sync = [("automated", automated), ("syncOptions", texts(place, SYNC_OPTIONS.map(str::to_owned)))];
    let mut spec = Node::map(
        place,
        [
            ("project", Node::new(place, project_name(environment))),
            ("sources", sources),
            ("destination", Node::map(place, destination)),
            ("syncPolicy", Node::map(place, sync)),
        ],
    );
    if !shields.is_empty() {
        let ignored = shields.iter().map(|secret| shield(place, secret));
        spec.set("ignoreDifferences", Node::list(place, ignored));
    }
    spec
}

/// Lets the operator's data stand in a Secret that the chart renders, too.
fn shield(place: Place, secret: &str) -> Node {
    let fields = [
        ("kind", Node::new(place, "Secret")),
        ("name", Node::new(place, secret)),
        ("jsonPointers", texts(place, ["/data".to_owned()])),
    ];
    Node::map(place, fields)
}

/// The environment repository as a source: for `$values`, and for the manifests in `folder`.
fn values_source(environment: &Environment, folder: Option<String>) -> Node {
    let place = environment.place;
    let mut source = Node::map(
        place,
        [
            ("repoURL", (&environment.repository).into()),
            ("targetRevision", (&environment.revision).into()),
            ("ref", Node::new(place, "values")),
        ],
    );
    if let Some(folder) = folder {
        source.set("path", Node::new(place, folder));
        let include = [("include", Node::new(place, "manifests.yaml"))];
        source.set("directory", Node::map(place, include));
    }
    source
}

fn labels(environment: &Environment, app: &str) -> Node {
    let fields = [("app", Node::new(environment.place, app)), ("env", (&environment.name).into())];
    Node::map(environment.place, fields)
}

fn annotations(place: Place, wave: &str) -> Node {
    let (option, value) = SERVER_SIDE_DIFF;
    Node::map(place, [(SYNC_WAVE, Node::new(place, wave)), (option, Node::new(place, value))])
}

fn set_namespace(object: &mut Node, environment: &Environment) {
    if let Some(metadata) = object.as_map_mut().and_then(|map| map.get_mut("metadata")) {
        metadata.node.set("namespace", (&environment.argocd_namespace).into());
    }
}

fn object(place: Place, kind: &str, name: &str, spec: Node) -> Node {
    Node::map(
        place,
        [
            ("apiVersion", Node::new(place, "argoproj.io/v1alpha1")),
            ("kind", Node::new(place, kind)),
            ("metadata", Node::map(place, [("name", Node::new(place, name))])),
            ("spec", spec),
        ],
    )
}

fn texts(place: Place, items: impl IntoIterator<Item = String>) -> Node {
    Node::list(place, items.into_iter().map(|item| Node::new(place, item)))
}
