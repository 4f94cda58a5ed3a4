//! What `../shared/charts` says of a chart: the value paths that reach something, and the kinds that it renders.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::tree::{text, yaml_file};

/// Charts that `../shared/charts` has nothing of: their top-level values that the environments may set, and the
/// cluster-wide kinds that they render.
const UNRECORDED: [Unrecorded; 2] = [
    // https://github.com/dysnix/charts/tree/main/dysnix/raw: renders the objects that it is given.
    Unrecorded { name: "raw", keys: &["resources", "templates"], kinds: &[] },
    // https://github.com/metallb/metallb/tree/main/charts/metallb: what its templates and its sub-chart crds render.
    Unrecorded {
        name: "metallb",
        keys: &[
            "controller",
            "crds",
            "frrk8s",
            "fullnameOverride",
            "loadBalancerClass",
            "prometheus",
            "rbac",
            "speaker",
        ],
        kinds: &[
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("rbac.authorization.k8s.io", "ClusterRole"),
            ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ],
    },
];

/// Kinds that are cluster-wide, whatever `kinds.txt` says: it tells by the rendered object, which need not say so.
/// https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/validating-admission-policy-v1/
const CLUSTER_WIDE: [(&str, &str); 2] = [
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
];

struct Unrecorded {
    name: &'static str,
    keys: &'static [&'static str],
    kinds: &'static [(&'static str, &'static str)],
}

/// A place in the values: the keys that lead to it.
pub type Keys = Vec<String>;

/// One version of a chart.
pub struct Chart {
    label: String,
    /// Defaults, each with the place in the chart's values where it stands.
    defaults: Vec<(Keys, Value)>,
    /// Paths that templates, conditions and tags read.
    reads: Vec<Keys>,
    /// Where the sub-charts have their values. Reading one as a whole says nothing of the keys below.
    aliases: BTreeSet<Keys>,
    kinds: BTreeSet<(String, String)>,
    namespaced: BTreeSet<(String, String)>,
}

impl Chart {
    /// What is known of a chart; fails where nothing is.
    pub fn load(shared: &Path, name: &str, version: &str) -> Self {
        let folder = shared.join(format!("charts/{name}-{version}"));
        if folder.is_dir() {
            return Self::recorded(format!("{name} {version}"), &folder);
        }
        let unrecorded = UNRECORDED.iter().find(|chart| chart.name == name);
        let unrecorded = unrecorded.unwrap_or_else(|| {
            panic!("nothing is known of chart {name} {version}: use a version that ../shared/charts has, or record it")
        });
        Self::unrecorded(format!("{name} {version}"), unrecorded)
    }

    fn recorded(label: String, folder: &Path) -> Self {
        let dependencies = dependencies(&folder.join("dependencies.txt"));
        let (kinds, namespaced) = kinds(&folder.join("kinds.txt"));
        let mut reads: Vec<Keys> = lines(&folder.join("reads.txt")).iter().map(|line| keys(line)).collect();
        reads.extend(dependencies.iter().flat_map(|dependency| dependency.switches.clone()));
        let aliases = dependencies.iter().map(|dependency| dependency.alias.clone()).collect();
        Self { label, defaults: defaults(folder, &dependencies), reads, aliases, kinds, namespaced }
    }

    fn unrecorded(label: String, chart: &Unrecorded) -> Self {
        let owned = |(group, kind): &(&str, &str)| ((*group).to_owned(), (*kind).to_owned());
        Self {
            label,
            defaults: Vec::new(),
            reads: chart.keys.iter().map(|key| keys(key)).collect(),
            aliases: BTreeSet::new(),
            kinds: chart.kinds.iter().map(owned).collect(),
            namespaced: BTreeSet::new(),
        }
    }

    /// The cluster-wide kinds that the chart renders: group and kind.
    pub fn cluster_kinds(&self) -> &BTreeSet<(String, String)> {
        &self.kinds
    }

    /// The kinds that the chart renders into namespaces: group and kind.
    pub fn namespaced_kinds(&self) -> &BTreeSet<(String, String)> {
        &self.namespaced
    }

    /// The keys of these values that the chart does not know, each at the highest place that it does not know.
    pub fn unknown(&self, values: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(&mut Vec::new(), values, &mut |path, known| {
            if !known {
                found.push(format!("{}: the chart {} does not read this", path.join("."), self.label));
            }
            known
        });
        found
    }

    /// The keys that the chart takes with a map as a whole, and that look like a slip for one of its defaults there.
    pub fn slips(&self, values: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(&mut Vec::new(), values, &mut |path, _| {
            if let Some(meant) = self.near_default(path) {
                found.push(format!("{}: a slip for {meant}, which the chart {} has?", path.join("."), self.label));
            }
            true
        });
        found
    }

    fn walk(&self, path: &mut Keys, values: &Value, visit: &mut dyn FnMut(&[String], bool) -> bool) {
        let Some(map) = values.as_object() else { return };
        for (key, value) in map {
            path.push(key.clone());
            if visit(path, self.knows(path)) {
                self.walk(path, value, visit);
            }
            path.pop();
        }
    }

    /// FACTS.md, "Known or not": in a default, or above or below a path that is read.
    fn knows(&self, path: &[String]) -> bool {
        self.aliases.iter().any(|alias| alias.starts_with(path))
            || self.reads.iter().any(|read| read.starts_with(path))
            || self.reads.iter().any(|read| path.starts_with(read) && !self.aliases.contains(read))
            || !self.defaults_at(path).is_empty()
    }

    fn defaults_at(&self, path: &[String]) -> Vec<&Value> {
        let in_chart =
            self.defaults.iter().filter_map(|(prefix, values)| descend(path.strip_prefix(&prefix[..])?, values));
        in_chart.collect()
    }

    fn near_default(&self, path: &[String]) -> Option<String> {
        let (key, parent) = path.split_last()?;
        if !self.defaults_at(path).is_empty() || self.reads.iter().any(|read| read.starts_with(path)) {
            return None;
        }
        let siblings = self.defaults_at(parent).into_iter().filter_map(Value::as_object).flat_map(|map| map.keys());
        siblings.into_iter().find(|sibling| looks_like(key, sibling)).cloned()
    }
}

fn descend<'a>(path: &[String], values: &'a Value) -> Option<&'a Value> {
    path.iter().try_fold(values, |values, key| values.get(key))
}

/// Two keys that differ by one or two letters, or by their spelling alone.
fn looks_like(key: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let (key, other) = (plain(key), plain(other));
    key == other || (key.len().min(other.len()) > 4 && strsim::damerau_levenshtein(&key, &other) <= 2)
}

struct Dependency {
    alias: Keys,
    chart: String,
    /// The value paths that switch it on and off.
    switches: Vec<Keys>,
}

/// Lines such as `apiserver.zot: chart zot, condition zot.enabled, tags a b`.
fn dependencies(file: &Path) -> Vec<Dependency> {
    if !file.exists() {
        return Vec::new();
    }
    lines(file).iter().map(|line| dependency(line).unwrap_or_else(|| panic!("{}: {line}", file.display()))).collect()
}

fn dependency(line: &str) -> Option<Dependency> {
    let (alias, rest) = line.split_once(": chart ")?;
    let mut parts = rest.split(", ");
    let chart = parts.next()?.to_owned();
    let alias = keys(alias);
    let parent = &alias[..alias.len() - 1];
    let switches = parts.flat_map(|part| match part.split_once(' ') {
        Some(("condition", path)) => vec![[parent, &keys(path)].concat()],
        Some(("tags", tags)) => tags.split(' ').map(|tag| vec!["tags".to_owned(), tag.to_owned()]).collect(),
        _ => Vec::new(),
    });
    Some(Dependency { switches: switches.collect(), chart, alias })
}

/// The chart's own defaults, and each sub-chart's wherever that sub-chart has its values.
fn defaults(folder: &Path, dependencies: &[Dependency]) -> Vec<(Keys, Value)> {
    let mut defaults = vec![(Vec::new(), yaml_file(&folder.join("values.yaml")))];
    for Dependency { alias, chart, .. } in dependencies {
        let files = [format!("{chart}-values.yaml"), format!("{chart}.values.yaml")].map(|file| folder.join(file));
        defaults.extend(files.iter().filter(|file| file.exists()).map(|file| (alias.clone(), yaml_file(file))));
    }
    defaults
}

type Kinds = BTreeSet<(String, String)>;

/// The cluster-wide kinds of lines such as `apps/v1 Deployment: in the release namespace`, and the others.
fn kinds(file: &Path) -> (Kinds, Kinds) {
    let kinds = lines(file).into_iter().map(|line| kind(&line).unwrap_or_else(|| panic!("{}: {line}", file.display())));
    let (cluster, namespaced): (Vec<_>, Vec<_>) = kinds.partition(|(_, cluster)| *cluster);
    let only_kinds = |kinds: Vec<(_, bool)>| kinds.into_iter().map(|(kind, _)| kind).collect();
    (only_kinds(cluster), only_kinds(namespaced))
}

fn kind(line: &str) -> Option<((String, String), bool)> {
    let (kind, place) = line.split_once(": ")?;
    let (version, kind) = kind.split_once(' ')?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let cluster = place.starts_with("cluster") || CLUSTER_WIDE.contains(&(group, kind));
    Some(((group.to_owned(), kind.to_owned()), cluster))
}

fn lines(file: &Path) -> Vec<String> {
    if file.exists() {
        text(file).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    } else {
        Vec::new()
    }
}

fn keys(path: &str) -> Keys {
    path.split('.').map(str::to_owned).collect()
}
