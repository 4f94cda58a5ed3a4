//! What is rendered, held against the schemas of the API servers that receive it, and against what Argo CD's
//! documentation asks of an Application and its project.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they skip"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};
use support::applications::{self, Application};
use support::chart::Chart;
use support::crd::{schemas, violations};
use support::objects::{Object, manifests, raw_objects};
use support::{RENDERED, assert_none, shared};

// --- schemas ---------------------------------------------------------------------------------------------------------

#[test]
fn every_custom_resource_satisfies_its_schema() {
    let Some(shared) = shared() else { return };
    let schemas = schemas(&shared);
    let objects = objects();
    let problems: Vec<String> = objects.iter().flat_map(|object| violations(schemas, object)).collect();
    assert_none(&problems, "the API server would refuse these (../shared/crds); mend base/, overlays/ or the program:");
    let kinds = ["AppProject", "Application", "ApplicationSet", "ExternalSecret", "IPAddressPool", "L2Advertisement"];
    for kind in kinds {
        assert!(objects.iter().any(|object| object.kind() == kind), "no {kind} was rendered, so none was validated");
    }
}

#[test]
fn the_schemas_refuse_what_the_api_server_refuses() {
    let Some(shared) = shared() else { return };
    let schemas = schemas(&shared);
    let valid = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "x", "annotations": {"a": "b"}},
        "spec": {"project": "p", "destination": {"server": "https://x"}, "source": {"repoURL": "https://y", "path": "z"}},
    });
    assert_eq!(violations(schemas, &object(valid.clone())), Vec::<String>::new(), "this Application is valid");
    for (pointer, value) in [
        ("/spec/projekt", json!("p")),
        ("/spec/project", json!(1)),
        ("/spec/destination/sever", json!("https://x")),
        ("/spec/source/helm", json!({"valueFile": "values.yaml"})),
        ("/spec/ignoreDifferences", json!([{"kind": "Secret", "jsonPointer": "/data"}])),
        ("/spec/syncPolicy", json!({"automated": {"prune": "true"}})),
        ("/spec/destination", Value::Null),
        ("/apiVersion", json!("argoproj.io/v1")),
        ("/operationn", json!({})),
    ] {
        let broken = with(&valid, pointer, value);
        assert!(!violations(schemas, &object(broken)).is_empty(), "{pointer} is not refused");
    }
}

#[test]
fn the_schemas_refuse_versions_that_are_not_served() {
    let Some(shared) = shared() else { return };
    let schemas = schemas(&shared);
    let secret = json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "x"},
        "spec": {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "s"}, "target": {"name": "x"}, "data": [
            {"secretKey": "a", "remoteRef": {"key": "b", "property": "c"}},
        ]},
    });
    assert_eq!(violations(schemas, &object(secret.clone())), Vec::<String>::new(), "this ExternalSecret is valid");
    let old = with(&secret, "/apiVersion", json!("external-secrets.io/v1beta1"));
    assert!(!violations(schemas, &object(old)).is_empty(), "no current operator serves v1beta1");
    let misplaced = with(&secret, "/spec/data/0/property", json!("c"));
    assert!(!violations(schemas, &object(misplaced)).is_empty(), "`property` belongs below remoteRef");
}

/// The charts copy these lists into ClusterFederatedTrustDomains as they stand.
#[test]
fn every_federated_trust_domain_satisfies_its_schema() {
    let Some(shared) = shared() else { return };
    let schemas = schemas(&shared);
    let domains = federated_trust_domains();
    let problems: Vec<String> = domains.iter().flat_map(|domain| violations(schemas, domain)).collect();
    assert_none(&problems, "mend partners.yaml or the federation file:");
    assert!(!domains.is_empty(), "no environment federates with anyone, so nothing was validated");
}

// --- Applications and their projects ---------------------------------------------------------------------------------

#[test]
fn every_application_is_permitted_by_its_project() {
    let problems = each_application(|environment, application| {
        let Some(project) = projects().get(application.project()) else {
            return vec![format!("its project {} is not rendered", application.project())];
        };
        let mut problems = unpermitted_sources(project, application);
        let namespaces = BTreeSet::from([application.namespace().to_owned()]);
        let own = manifests(application).into_iter().filter_map(|object| object.namespace().map(str::to_owned));
        for namespace in namespaces.into_iter().chain(own) {
            if !permits_destination(project, application.server(), &namespace) {
                problems.push(format!(
                    "{environment}'s project does not permit namespace {namespace} of {}",
                    application.server()
                ));
            }
        }
        problems
    });
    assert_none(
        &problems,
        "Argo CD would refuse these Applications; mend the AppProject's sourceRepos or destinations:",
    );
}

#[test]
fn every_source_of_an_application_exists() {
    let problems = each_application(|_, application| {
        let optional = application.ignores_missing_values();
        let files = application.value_files().into_iter().filter(|file| !optional && !RENDERED.has(file));
        let mut problems: Vec<String> = files.map(|file| format!("its values file {file} is not rendered")).collect();
        let folders = application.folders().into_iter().filter(|folder| !RENDERED.has_folder(folder));
        problems.extend(folders.map(|folder| format!("its folder {folder} is not rendered")));
        problems
    });
    assert_none(&problems, "Argo CD could not render these Applications:");
}

#[test]
fn every_file_of_a_component_is_used_by_an_application() {
    let used: BTreeSet<String> = all_applications().iter().flat_map(used_files).collect();
    let unused = RENDERED.paths().filter(|path| path.starts_with("applications/") && !path.ends_with("/config.json"));
    let unused: Vec<String> = unused.filter(|path| !used.contains(*path)).map(str::to_owned).collect();
    assert_none(&unused, "no Application names these files, so nothing deploys them:");
}

#[test]
fn no_application_has_empty_lists_or_maps() {
    let problems = each_application(|_, application| {
        let mut empty = Vec::new();
        find_empty("", &application.document, &mut empty);
        empty.into_iter().map(|path| format!("{path} is empty")).collect()
    });
    assert_none(&problems, "Argo CD drops empty fields, and its app-of-apps then stays out of sync; leave them out:");
}

/// Of the names that SPIRE's charts make of a release: Services may have 63 characters, StatefulSets 52, for a label on
/// their pods adds a hash.
#[test]
fn every_release_leaves_room_for_the_names_that_its_chart_makes() {
    let problems = each_application(|_, application| {
        let Some((chart, _)) = application.chart() else { return Vec::new() };
        let (service, set) = match chart {
            "spire" => ("-controller-manager-webhook", "-server"),
            "spire-nested" => ("-external-controller-manager-webhook", "-internal-server"),
            _ => return Vec::new(),
        };
        let release = application.document.pointer("/spec/sources/0/helm/releaseName").and_then(Value::as_str);
        let release = release.unwrap_or(application.name());
        let too_long = [(service, 63), (set, 52)].into_iter().filter(|(end, limit)| release.len() + end.len() > *limit);
        too_long.map(|(end, limit)| format!("{release}{end} has more than {limit} characters")).collect()
    });
    assert_none(&problems, "the API server would refuse these; shorten the environment's name, or name the release:");
}

#[test]
fn server_side_apply_goes_with_server_side_diff() {
    let annotation = "/metadata/annotations/argocd.argoproj.io~1compare-options";
    let problems = each_application(|_, application| {
        let options = application.document.pointer(annotation).and_then(Value::as_str).unwrap_or_default();
        let diff = options.split(',').any(|option| option.trim() == "ServerSideDiff=true");
        let apply = application.has_sync_option("ServerSideApply=true");
        if apply && !diff {
            vec!["ServerSideApply=true without compare-options: ServerSideDiff=true".to_owned()]
        } else {
            Vec::new()
        }
    });
    assert_none(&problems, "defaults of the API server would count as differences for ever:");
    let applications = all_applications();
    assert!(
        applications.iter().any(|application| application.has_sync_option("ServerSideApply=true")),
        "none applies on the server"
    );
}

// --- secrets ---------------------------------------------------------------------------------------------------------

#[test]
fn every_external_secret_comes_before_what_reads_it() {
    let mut count = 0;
    let problems = each_application(|_, application| {
        let secrets = manifests(application).into_iter().filter(|object| object.kind() == "ExternalSecret");
        let late = secrets.inspect(|_| count += 1).filter(|secret| secret.sync_wave() >= 0);
        late.map(|secret| format!("{}: sync wave {}, where it must be below 0", secret.label(), secret.sync_wave()))
            .collect()
    });
    assert_none(
        &problems,
        "pods would start without their Secret; annotate with argocd.argoproj.io/sync-wave: \"-1\":",
    );
    assert!(count > 0, "no manifests.yaml has an ExternalSecret, so none was looked at");
}

#[test]
fn every_external_secret_is_of_the_version_that_operators_serve() {
    let external = objects().into_iter().filter(|object| object.group() == "external-secrets.io");
    let old = external.filter(|object| object.document["apiVersion"] != "external-secrets.io/v1");
    let problems: Vec<String> =
        old.map(|object| format!("{}: {}", object.label(), object.document["apiVersion"])).collect();
    assert_none(&problems, "External Secrets serves only external-secrets.io/v1 since 0.17:");
}

#[test]
fn every_shielded_secret_is_filled_by_an_external_secret() {
    let mut count = 0;
    let problems = each_application(|_, application| {
        let shields = shields(application);
        count += shields.len();
        shields.iter().flat_map(|shield| unfilled(application, shield)).collect()
    });
    assert_none(&problems, "a shielded Secret keeps the chart's placeholder for ever unless something else fills it:");
    assert!(count > 0, "no Application shields a Secret, so none was looked at");
}

#[test]
fn every_secret_key_that_values_name_is_filled() {
    let mut count = 0;
    let mut problems = Vec::new();
    for environment in RENDERED.environments() {
        let filled = filled_keys(environment);
        for application in applications::of(&RENDERED, environment) {
            for file in application.value_files().into_iter().filter(|file| RENDERED.has(file)) {
                for (path, secret, key) in secret_keys(&RENDERED.document(file)) {
                    count += 1;
                    if !filled.contains(&(application.namespace().to_owned(), secret.clone(), key.clone())) {
                        problems.push(format!("{file}: {path}: key {key} of Secret {secret}"));
                    }
                }
            }
        }
    }
    assert_none(
        &problems,
        "no ExternalSecret in the Application's namespace fills these; see secrets in component.yaml:",
    );
    assert!(count > 0, "no values name the key of a Secret, so none was looked at");
}

// --- cluster-wide kinds ----------------------------------------------------------------------------------------------

#[test]
fn every_project_permits_the_cluster_wide_kinds_of_its_charts() {
    let Some(shared) = shared() else { return };
    let mut problems = Vec::new();
    for (environment, project) in projects_by_environment() {
        let allowed = whitelist(&project, "clusterResourceWhitelist");
        for (kind, user) in needed_cluster_kinds(&shared, environment) {
            if !permits_kind(&allowed, &kind) {
                problems.push(format!("{environment}: {} {} of {user}", kind.0, kind.1));
            }
        }
    }
    assert_none(&problems, "Argo CD would refuse these; name them under clusterKinds in component.yaml:");
}

#[test]
fn strict_projects_permit_no_other_cluster_wide_kinds() {
    let Some(shared) = shared() else { return };
    let mut problems = Vec::new();
    let mut strict = 0;
    for (environment, project) in projects_by_environment() {
        let allowed = whitelist(&project, "clusterResourceWhitelist");
        if allowed.contains(&wildcard()) {
            continue;
        }
        strict += 1;
        let needed: BTreeSet<_> = needed_cluster_kinds(&shared, environment).into_keys().collect();
        let namespace = (String::new(), "Namespace".to_owned());
        let spare = allowed.iter().filter(|kind| !needed.contains(*kind) && **kind != namespace);
        problems.extend(spare.map(|(group, kind)| format!("{environment}: {group} {kind}")));
    }
    assert_none(&problems, "nothing in the environment renders these; drop them from clusterKinds in component.yaml:");
    assert!(strict > 0, "no environment has a strict project, so none was looked at");
}

#[test]
fn every_project_permits_the_namespaced_kinds_of_its_charts() {
    let Some(shared) = shared() else { return };
    let mut problems = Vec::new();
    for (environment, project) in projects_by_environment() {
        let allowed = whitelist(&project, "namespaceResourceWhitelist");
        if allowed.is_empty() {
            continue; // Argo CD permits every kind then.
        }
        let needed = needed_namespaced_kinds(&shared, environment);
        let refused = needed.iter().filter(|kind| !permits_kind(&allowed, kind));
        problems.extend(refused.map(|(group, kind)| format!("{environment}: {group} {kind}")));
    }
    assert_none(&problems, "Argo CD would refuse these; leave namespaceResourceWhitelist out, or name them there:");
}

// --- what is rendered -------------------------------------------------------------------------------------------------

fn object(document: Value) -> Object {
    Object { file: "test".to_owned(), document }
}

/// Every object in the rendered tree, and those that ApplicationSets and the chart `raw` make of it.
fn objects() -> Vec<Object> {
    let argocd =
        |path: &&str| ["projects/", "projectapps/", "applicationsets/"].iter().any(|folder| path.starts_with(folder));
    let files = RENDERED.paths().filter(|path| argocd(path) || path.ends_with("/manifests.yaml"));
    let documents = files.flat_map(|file| RENDERED.documents(file).into_iter().map(move |document| (file, document)));
    let mut objects: Vec<Object> =
        documents.map(|(file, document)| Object { file: file.to_owned(), document }).collect();
    for application in all_applications() {
        objects.extend(raw_objects(&application));
        objects.push(Object { file: format!("{} as expanded", application.file), document: application.document });
    }
    objects
}

/// The objects that dir and dirctl make of the partners in their values.
fn federated_trust_domains() -> Vec<Object> {
    let mut domains = Vec::new();
    for file in RENDERED.paths().filter(|path| path.ends_with("values.yaml")) {
        let values = RENDERED.document(file);
        let lists = ["/apiserver/spire/federation", "/spire/federation"]
            .into_iter()
            .filter_map(|list| values.pointer(list)?.as_array());
        domains.extend(lists.flatten().map(|spec| Object {
            file: file.to_owned(),
            document: json!({
                "apiVersion": "spire.spiffe.io/v1alpha1",
                "kind": "ClusterFederatedTrustDomain",
                "metadata": {"name": spec["trustDomain"]},
                "spec": spec,
            }),
        }));
    }
    domains
}

fn all_applications() -> Vec<Application> {
    let environments = RENDERED.environments();
    let of = |environment: &&str| {
        applications::of(&RENDERED, environment).into_iter().chain([applications::app_of_apps(&RENDERED, environment)])
    };
    environments.iter().flat_map(of).collect()
}

/// What `find` says of each Application of each environment, with the Application's name.
fn each_application(mut find: impl FnMut(&str, &Application) -> Vec<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for environment in RENDERED.environments() {
        let own = applications::of(&RENDERED, environment);
        for application in own.iter().chain([&applications::app_of_apps(&RENDERED, environment)]) {
            problems
                .extend(find(environment, application).into_iter().map(|problem| format!("{application}: {problem}")));
        }
    }
    problems
}

/// The files of components that an Application names.
fn used_files(application: &Application) -> Vec<String> {
    application.value_files().into_iter().map(str::to_owned).chain(application.manifests()).collect()
}

// --- projects --------------------------------------------------------------------------------------------------------

/// The rendered AppProjects by their name.
fn projects() -> &'static BTreeMap<String, Value> {
    static PROJECTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
        let projects = projects_by_environment().into_iter().map(|(_, project)| project);
        projects
            .map(|project| (project["metadata"]["name"].as_str().expect("a project has a name").to_owned(), project))
            .collect()
    });
    &PROJECTS
}

fn projects_by_environment() -> Vec<(&'static str, Value)> {
    let project = |environment: &&'static str| {
        let files = RENDERED.paths_of(environment).into_iter().filter(|path| path.starts_with("projects/"));
        files.map(|file| (*environment, RENDERED.document(file))).collect::<Vec<_>>()
    };
    RENDERED.environments().iter().flat_map(project).collect()
}

fn unpermitted_sources(project: &Value, application: &Application) -> Vec<String> {
    let patterns: Vec<&str> = texts(&project["spec"]["sourceRepos"]);
    let repositories = application.sources().into_iter().filter_map(|source| source["repoURL"].as_str());
    let refused = repositories.filter(|repository| !patterns.iter().any(|pattern| matches_glob(pattern, repository)));
    refused.map(|repository| format!("{repository} is not in the sourceRepos of {}", application.project())).collect()
}

/// Server and namespace both match one of the project's destinations.
fn permits_destination(project: &Value, server: &str, namespace: &str) -> bool {
    let matches = |pattern: &Value, value: &str| pattern.as_str().is_some_and(|pattern| matches_glob(pattern, value));
    let destinations = project["spec"]["destinations"].as_array();
    destinations.is_some_and(|destinations| {
        destinations.iter().any(|place| matches(&place["server"], server) && matches(&place["namespace"], namespace))
    })
}

/// A pattern in which `*` stands for any text.
fn matches_glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches_glob(after, &rest[at..]))
        }),
    }
}

fn whitelist(project: &Value, list: &str) -> BTreeSet<(String, String)> {
    let entries = project["spec"][list].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().expect("a group or kind is a text").to_owned();
    entries.iter().map(|entry| (text(&entry["group"]), text(&entry["kind"]))).collect()
}

fn wildcard() -> (String, String) {
    ("*".to_owned(), "*".to_owned())
}

fn permits_kind(allowed: &BTreeSet<(String, String)>, kind: &(String, String)) -> bool {
    allowed.iter().any(|entry| matches_glob(&entry.0, &kind.0) && matches_glob(&entry.1, &kind.1))
}

/// The cluster-wide kinds that an environment deploys, each with one of the components that it comes from.
fn needed_cluster_kinds(shared: &Path, environment: &str) -> BTreeMap<(String, String), String> {
    let mut needed = BTreeMap::new();
    for application in applications::of(&RENDERED, environment) {
        let chart = application.chart().map(|(name, version)| Chart::load(shared, name, version));
        let kinds = chart.iter().flat_map(|chart| chart.cluster_kinds().clone());
        let own = manifests(&application).into_iter().chain(raw_objects(&application));
        let own = own.filter(Object::is_cluster_wide).map(|object| object.group_kind());
        needed.extend(kinds.chain(own).map(|kind| (kind, application.name().to_owned())));
    }
    needed
}

/// The kinds in namespaces that an environment deploys, its Applications among them.
fn needed_namespaced_kinds(shared: &Path, environment: &str) -> BTreeSet<(String, String)> {
    let mut needed = BTreeSet::from([("argoproj.io".to_owned(), "Application".to_owned())]);
    for application in applications::of(&RENDERED, environment) {
        let chart = application.chart().map(|(name, version)| Chart::load(shared, name, version));
        needed.extend(chart.iter().flat_map(|chart| chart.namespaced_kinds().clone()));
        let own = manifests(&application).into_iter().chain(raw_objects(&application));
        needed.extend(own.filter(|object| !object.is_cluster_wide()).map(|object| object.group_kind()));
    }
    needed
}

// --- shields ---------------------------------------------------------------------------------------------------------

/// The Secrets whose data an Application ignores.
fn shields(application: &Application) -> Vec<Value> {
    let ignored = application.document.pointer("/spec/ignoreDifferences").and_then(Value::as_array).cloned();
    ignored.unwrap_or_default().into_iter().filter(|entry| entry["kind"] == "Secret").collect()
}

fn unfilled(application: &Application, shield: &Value) -> Vec<String> {
    let name = shield["name"].as_str().unwrap_or_default();
    let namespace = shield["namespace"].as_str();
    let mut problems = Vec::new();
    let mut unless = |holds: bool, problem: &str| {
        if !holds {
            problems.push(format!("the shield of Secret {name:?} {problem}"));
        }
    };
    unless(!name.is_empty(), "names no Secret, so it covers every one");
    unless(texts(&shield["jsonPointers"]) == ["/data"], "covers something else than /data");
    unless(
        application.has_sync_option("RespectIgnoreDifferences=true"),
        "has no effect without RespectIgnoreDifferences=true",
    );
    let secrets = manifests(application).into_iter().filter(|object| object.kind() == "ExternalSecret");
    let mut targets = secrets.filter(|secret| secret.text("/spec/target/name") == Some(name));
    let fits = |secret: Object| {
        namespace.is_none_or(|namespace| secret.namespace().unwrap_or(application.namespace()) == namespace)
    };
    unless(targets.any(fits), "has no ExternalSecret with that target in the Application's manifests.yaml");
    problems
}

/// Namespace, Secret and key of everything that the ExternalSecrets of an environment fill.
fn filled_keys(environment: &str) -> BTreeSet<(String, String, String)> {
    let mut filled = BTreeSet::new();
    for application in applications::of(&RENDERED, environment) {
        let own = manifests(&application).into_iter().chain(raw_objects(&application));
        for secret in own.filter(|object| object.kind() == "ExternalSecret") {
            let namespace = secret.namespace().unwrap_or(application.namespace());
            let target = secret.text("/spec/target/name").unwrap_or(secret.name());
            let data = secret.document.pointer("/spec/data").and_then(Value::as_array).into_iter().flatten();
            let keys = data.filter_map(|entry| entry["secretKey"].as_str());
            filled.extend(keys.map(|key| (namespace.to_owned(), target.to_owned(), key.to_owned())));
        }
    }
    filled
}

/// The keys of Secrets that values refer to: path, Secret and key.
fn secret_keys(values: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    find_secret_keys("", values, &mut found);
    found
}

/// In `secretKeyRef: {name, key}`, `secret: {secretName, items: [{key}]}`, and SPIRE's `externalSecret: {name, key}`.
fn find_secret_keys(path: &str, value: &Value, found: &mut Vec<(String, String, String)>) {
    let mut add = |secret: &Value, key: &Value| {
        if let (Some(secret), Some(key)) = (secret.as_str(), key.as_str()) {
            found.push((path.to_owned(), secret.to_owned(), key.to_owned()));
        }
    };
    for reference in ["secretKeyRef", "externalSecret"] {
        add(&value[reference]["name"], &value[reference]["key"]);
    }
    for item in value["secret"]["items"].as_array().into_iter().flatten() {
        add(&value["secret"]["secretName"], &item["key"]);
    }
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| find_secret_keys(&format!("{path}/{at}"), item, found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| find_secret_keys(&format!("{path}/{key}"), item, found))
        }
        _ => {}
    }
}

// --- values ----------------------------------------------------------------------------------------------------------

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|items| items.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Empty lists and maps, but for `automated: {}`: there, the empty map is what switches automation on.
fn find_empty(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) if items.is_empty() => found.push(path.to_owned()),
        Value::Object(map) if map.is_empty() && !path.ends_with("/automated") => found.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| find_empty(&format!("{path}/{at}"), item, found))
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| find_empty(&format!("{path}/{key}"), item, found)),
        _ => {}
    }
}

/// A copy of `document` with another value at `pointer`, whose parent is there.
fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut copy = document.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    copy.pointer_mut(parent).expect("the parent is there")[key] = value;
    copy
}
