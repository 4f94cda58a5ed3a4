//! The Argo CD Applications of a tree, those that an ApplicationSet makes included.
//!
//! ApplicationSets are evaluated here by Argo CD's documentation and not by the program under test.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Tree;

/// An Application, and the file that it comes from.
pub struct Application {
    pub file: String,
    pub document: Value,
}

impl Application {
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub fn project(&self) -> &str {
        self.text("/spec/project")
    }

    pub fn server(&self) -> &str {
        self.text("/spec/destination/server")
    }

    pub fn namespace(&self) -> &str {
        self.text("/spec/destination/namespace")
    }

    /// `spec.sources`, or `spec.source` alone.
    pub fn sources(&self) -> Vec<&Value> {
        match (self.document.pointer("/spec/source"), self.document.pointer("/spec/sources").and_then(Value::as_array))
        {
            (Some(source), None) => vec![source],
            (None, Some(sources)) => sources.iter().collect(),
            _ => panic!("{self}: exactly one of spec.source and spec.sources"),
        }
    }

    /// The source that is a Helm chart: its name without the folders of an OCI registry, and its version.
    pub fn chart(&self) -> Option<(&str, &str)> {
        let source = self.sources().into_iter().find(|source| source.get("chart").is_some())?;
        let chart = source["chart"].as_str().expect("a chart has a name");
        let version = source["targetRevision"].as_str().unwrap_or_else(|| panic!("{self}: the chart has no version"));
        Some((chart.rsplit('/').next().unwrap_or(chart), version))
    }

    /// The values files that the chart is rendered with, as paths in the environment repository.
    pub fn value_files(&self) -> Vec<&str> {
        let lists = self.sources().into_iter().filter_map(|source| source.pointer("/helm/valueFiles")?.as_array());
        lists.flatten().map(|file| self.in_repository(file)).collect()
    }

    /// The values files that need not exist.
    pub fn ignores_missing_values(&self) -> bool {
        self.sources().iter().any(|source| source.pointer("/helm/ignoreMissingValueFiles") == Some(&Value::Bool(true)))
    }

    /// The folders whose manifests are deployed as they are.
    pub fn folders(&self) -> Vec<&str> {
        self.sources().into_iter().filter_map(|source| source.get("path")?.as_str()).collect()
    }

    /// The manifests that are deployed as they are, as paths in the environment repository.
    pub fn manifests(&self) -> Vec<String> {
        let sources = self.sources();
        let folders = sources.iter().filter_map(|source| {
            let include = source.pointer("/directory/include")?.as_str()?;
            Some(format!("{}/{include}", source.get("path")?.as_str()?))
        });
        folders.collect()
    }

    pub fn has_sync_option(&self, option: &str) -> bool {
        let options = self.document.pointer("/spec/syncPolicy/syncOptions").and_then(Value::as_array);
        options.is_some_and(|options| options.iter().any(|other| other == option))
    }

    fn in_repository<'a>(&self, file: &'a Value) -> &'a str {
        let file = file.as_str().unwrap_or_else(|| panic!("{self}: a values file is a path"));
        file.strip_prefix("$values/").unwrap_or_else(|| panic!("{self}: {file} does not begin with `$values/`"))
    }

    fn text(&self, pointer: &str) -> &str {
        let value = self.document.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("{}: the Application has no text at {pointer}", self.file))
    }
}

impl std::fmt::Display for Application {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: Application {}", self.file, self.name())
    }
}

/// The Applications that deploy the components of one environment.
pub fn of(tree: &Tree, environment: &str) -> Vec<Application> {
    in_files(tree, environment, "applicationsets/")
}

/// The Application that deploys the Applications of one environment.
pub fn app_of_apps(tree: &Tree, environment: &str) -> Application {
    let mut applications = in_files(tree, environment, "projectapps/");
    assert_eq!(applications.len(), 1, "{environment}: one app-of-apps is expected in projectapps/");
    applications.remove(0)
}

fn in_files(tree: &Tree, environment: &str, kind: &str) -> Vec<Application> {
    let files = tree.paths_of(environment).into_iter().filter(|path| path.starts_with(kind));
    files
        .flat_map(|file| tree.documents(file).into_iter().map(move |document| (file, document)))
        .flat_map(|(file, document)| {
            let documents = match document["kind"].as_str() {
                Some("Application") => vec![document],
                Some("ApplicationSet") => expanded(tree, file, &document),
                other => panic!("{file}: {other:?} is neither an Application nor an ApplicationSet"),
            };
            documents.into_iter().map(|document| Application { file: file.to_owned(), document })
        })
        .collect()
}

type Parameters = BTreeMap<String, String>;

/// The Applications that an ApplicationSet makes.
pub fn expanded(tree: &Tree, file: &str, set: &Value) -> Vec<Value> {
    assert!(set.pointer("/spec/goTemplate").is_none(), "{file}: Go templates are not evaluated by this test");
    let generators = set["spec"]["generators"].as_array().unwrap_or_else(|| panic!("{file}: no spec.generators"));
    let parameters = generators.iter().flat_map(|generator| generated(tree, file, generator));
    let applications: Vec<Value> = parameters.map(|parameters| application(file, set, &parameters)).collect();
    assert!(!applications.is_empty(), "{file}: the ApplicationSet makes no Application");
    applications
}

fn application(file: &str, set: &Value, parameters: &Parameters) -> Value {
    let mut application = filled(&set["spec"]["template"], parameters);
    let text = application.to_string();
    assert!(!text.contains("{{"), "{file}: an expression without a value: {text}");
    application["apiVersion"] = set["apiVersion"].clone();
    application["kind"] = Value::String("Application".to_owned());
    application
}

fn generated(tree: &Tree, file: &str, generator: &Value) -> Vec<Parameters> {
    let (kind, settings) = match generator.as_object().map(|generator| generator.iter().collect::<Vec<_>>()).as_deref()
    {
        Some([(kind, settings)]) => (kind.as_str(), *settings),
        _ => panic!("{file}: a generator has exactly one kind: {generator}"),
    };
    match kind {
        "list" => listed(settings, "elements").iter().map(flattened).collect(),
        "git" => listed(settings, "files").iter().flat_map(|entry| from_files(tree, &entry["path"])).collect(),
        "matrix" => matrix(tree, file, listed(settings, "generators")),
        "merge" => merge(tree, file, settings),
        other => panic!("{file}: the generator {other} is not evaluated by this test"),
    }
}

/// Every combination of two generators, where the second may use what the first gives.
fn matrix(tree: &Tree, file: &str, generators: &[Value]) -> Vec<Parameters> {
    let [first, second] = generators else { panic!("{file}: a matrix has two generators") };
    let combined = generated(tree, file, first).into_iter().flat_map(|left| {
        let right = generated(tree, file, &filled(second, &left));
        right.into_iter().map(move |right| left.clone().into_iter().chain(right).collect())
    });
    combined.collect()
}

/// What the first generator gives, completed by what the others give for the same keys.
fn merge(tree: &Tree, file: &str, settings: &Value) -> Vec<Parameters> {
    let keys: Vec<&str> = listed(settings, "mergeKeys").iter().filter_map(Value::as_str).collect();
    let identity = |parameters: &Parameters| -> Vec<Option<String>> {
        keys.iter().map(|key| parameters.get(*key).cloned()).collect()
    };
    let mut generators = listed(settings, "generators").iter().map(|generator| generated(tree, file, generator));
    let base = generators.next().unwrap_or_else(|| panic!("{file}: a merge has generators"));
    generators.fold(base, |mut base, others| {
        for other in others {
            for parameters in base.iter_mut().filter(|parameters| identity(parameters) == identity(&other)) {
                parameters.extend(other.clone());
            }
        }
        base
    })
}

fn from_files(tree: &Tree, path: &Value) -> Vec<Parameters> {
    let path = path.as_str().expect("a git file generator has paths");
    if tree.has(path) { vec![flattened(&tree.document(path))] } else { Vec::new() }
}

fn flattened(element: &Value) -> Parameters {
    let entries = element.as_object().unwrap_or_else(|| panic!("a generator's element is a map: {element}"));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries.iter().map(|(key, value)| (key.clone(), text(value))).collect()
}

fn listed<'a>(settings: &'a Value, key: &str) -> &'a [Value] {
    settings[key].as_array().unwrap_or_else(|| panic!("a generator without {key}: {settings}"))
}

/// The value with `{{ name }}` replaced in all its texts; a name that is not known stays.
fn filled(value: &Value, parameters: &Parameters) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, parameters)),
        Value::Array(items) => items.iter().map(|item| filled(item, parameters)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (fill(key, parameters), filled(value, parameters))).collect()
        }
        other => other.clone(),
    }
}

fn fill(text: &str, parameters: &Parameters) -> String {
    parameters.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{{ {name} }}}}"), value).replace(&format!("{{{{{name}}}}}"), value)
    })
}
