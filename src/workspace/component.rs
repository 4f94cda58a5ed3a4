//! `base/<component>/`: a chart, and what dirops must know of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fields::{Fields, Located, texts, wrong_type};
use super::form::{Forms, forms};
use super::reader::Reader;
use crate::chart::{self};
use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{Node, Text, Value};

/// One Helm chart that environments deploy, with the values that they share.
#[derive(Debug)]
pub struct Component {
    /// Its name: the folder's.
    pub name: String,
    /// Where `component.yaml` starts.
    pub place: Place,
    /// The chart's repository: a URL, or a registry's host for OCI charts.
    pub chart_repository: Located<Text>,
    /// The chart's name in that repository.
    pub chart_name: Located<Text>,
    /// The chart's version, where the environment names no other.
    pub version: Located<Text>,
    /// The namespace, where it is not the usual one.
    pub namespace: Option<Node>,
    /// The release's name, where it is not the Application's.
    pub release: Option<Node>,
    /// Further namespaces that the chart writes to.
    pub namespaces: Vec<Node>,
    /// Sync wave of the Application.
    pub wave: Located<i64>,
    /// Cluster-wide kinds that the chart renders.
    pub cluster_kinds: Vec<Kind>,
    /// In-cluster services: what the chart appends to the release's name, and the port.
    pub services: Vec<(Located<Text>, i64)>,
    /// Lists that merge by a key of their items: the list's path and the key.
    pub list_keys: Arc<ListKeys>,
    /// Value paths that hold credentials; `*` stands for any key or item.
    pub credentials: Vec<Vec<Text>>,
    /// Value paths whose change must restart what reads them.
    pub restart_on: Vec<Located<Text>>,
    /// Secrets that ExternalSecrets fill.
    pub secrets: Vec<Secret>,
    /// What the properties in the store must be.
    pub forms: Forms,
    /// The values of every environment.
    pub values: Option<Node>,
    /// The values of the environments with a profile.
    pub profiles: BTreeMap<String, Node>,
    /// The values that follow from the partners.
    pub partners: Option<Node>,
    /// Objects that no chart renders, of every environment.
    pub manifests: Vec<Node>,
    /// Objects that no chart renders, of the environments with a profile.
    pub profile_manifests: BTreeMap<String, Vec<Node>>,
}

/// A kind of Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: Text,
    /// The kind.
    pub kind: Text,
}

/// Lists that merge by a key of their items: the list's path and the key.
pub type ListKeys = BTreeMap<Vec<Text>, Text>;

/// A Secret that an ExternalSecret fills.
#[derive(Debug)]
pub struct Secret {
    /// Its name, usually an expression.
    pub name: Node,
    /// The profiles that an environment must have for it to be written.
    pub profiles: Vec<Located<Text>>,
    /// Whether the chart renders this Secret as well, so that Argo CD must ignore its data.
    pub shield: bool,
    /// The keys in the Secret, each with the property in the store.
    pub keys: Vec<(Located<Text>, Located<Text>)>,
    /// A value path whose map's keys are keys in the Secret, too, and properties of the same name.
    pub keys_of: Option<Located<Text>>,
}

/// What a component says of its values, whatever they are.
#[derive(Debug)]
pub struct OfValues {
    /// Lists that merge by a key of their items.
    pub list_keys: Arc<ListKeys>,
    /// Value paths that hold credentials.
    pub credentials: Vec<Vec<Text>>,
}

impl OfValues {
    /// Reads it from a component's `component.yaml`; nothing where there is none.
    ///
    /// # Errors
    /// Where the file is not what docs/sources.md says.
    pub fn read(reader: Reader<'_>, component: &str) -> Result<Option<Self>, Diagnostic> {
        let node = reader.document(&path(component))?;
        node.map(|node| Self::parse(&fields(&node)?)).transpose()
    }

    fn parse(fields: &Fields<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            list_keys: Arc::new(list_keys(fields)?),
            credentials: fields.texts("credentials")?.iter().map(|path| split(path)).collect(),
        })
    }
}

fn path(component: &str) -> String {
    format!("base/{component}/component.yaml")
}

fn fields(node: &Node) -> Result<Fields<'_>, Diagnostic> {
    const KEYS: [&str; 12] = [
        "chart",
        "namespace",
        "release",
        "namespaces",
        "wave",
        "clusterKinds",
        "services",
        "listKeys",
        "credentials",
        "restartOn",
        "secrets",
        "forms",
    ];
    Fields::of(node, "component.yaml", &KEYS)
}

impl Component {
    /// Reads a component's folder.
    ///
    /// # Errors
    /// Where a file in it is not what docs/sources.md says, or is one that nothing reads.
    pub fn read(reader: Reader<'_>, name: &str) -> Result<Self, Diagnostic> {
        let folder = format!("base/{name}");
        let Some(node) = reader.template(&path(name))? else {
            return Err(Diagnostic::new(format!("`{folder}` has no component.yaml"))
                .at(reader.start_of(&path(name)))
                .help("write one that names the chart, or move the folder out of base/"));
        };
        let mut component = Self::parse(name, &node)?;
        refuse_strays(reader, &folder)?;
        component.values = layer(reader, &format!("{folder}/values.yaml"))?;
        component.partners = layer(reader, &format!("{folder}/partners.yaml"))?;
        component.manifests = objects(reader, &format!("{folder}/manifests.yaml"))?;
        for file in reader.list(&format!("{folder}/profiles"))? {
            let path = format!("{folder}/profiles/{}", file.name);
            if let Some(profile) = file.name.strip_suffix(".manifests.yaml") {
                component.profile_manifests.insert(profile.to_owned(), objects(reader, &path)?);
            } else if let Some(profile) = file.name.strip_suffix(".yaml")
                && let Some(values) = layer(reader, &path)?
            {
                component.profiles.insert(profile.to_owned(), values);
            }
        }
        Ok(component)
    }

    fn parse(name: &str, node: &Node) -> Result<Self, Diagnostic> {
        let fields = fields(node)?;
        let OfValues { list_keys, credentials } = OfValues::parse(&fields)?;
        let chart = Fields::of(fields.required("chart")?, "`chart`", &["repository", "name", "version"])?;
        Ok(Self {
            name: name.to_owned(),
            place: node.place,
            chart_repository: chart.required_text("repository")?,
            chart_name: chart.required_text("name")?,
            version: chart.required_text("version")?,
            namespace: fields.node("namespace").cloned(),
            release: fields.node("release").cloned(),
            namespaces: list(&fields, "namespaces")?.to_vec(),
            wave: wave(&fields)?.unwrap_or(Located { value: 0, place: node.place }),
            cluster_kinds: list(&fields, "clusterKinds")?.iter().map(kind).collect::<Result<_, _>>()?,
            services: services(&fields)?,
            list_keys,
            credentials,
            restart_on: fields.texts("restartOn")?,
            secrets: list(&fields, "secrets")?.iter().map(secret).collect::<Result<_, _>>()?,
            forms: forms(&fields)?,
            values: None,
            profiles: BTreeMap::new(),
            partners: None,
            manifests: Vec::new(),
            profile_manifests: BTreeMap::new(),
        })
    }
}

/// Returns the sync wave that a map names.
pub(super) fn wave(fields: &Fields<'_>) -> Result<Option<Located<i64>>, Diagnostic> {
    let wave = |node: &Node| match node.value {
        Value::Int(value) => Ok(Located { value, place: node.place }),
        _ => Err(wrong_type(node, "wave", "an integer")),
    };
    fields.node("wave").map(wave).transpose()
}

/// Reads Helm values.
pub(super) fn layer(reader: Reader<'_>, path: &str) -> Result<Option<Node>, Diagnostic> {
    let Some(node) = reader.template(path)? else {
        return Ok(None);
    };
    match node.as_map() {
        Some(_) => Ok(Some(node)),
        None => Err(wrong_type(&node, path, "a map of Helm values")),
    }
}

/// Reads objects that no chart renders.
pub(super) fn objects(reader: Reader<'_>, path: &str) -> Result<Vec<Node>, Diagnostic> {
    let objects = reader.templates(path)?;
    for object in &objects {
        let is_text =
            |node: Option<&Node>| matches!(node.map(|node| &node.value), Some(Value::Text(_) | Value::Template(_)));
        let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
        if ![object.get("apiVersion"), object.get("kind"), name].into_iter().all(is_text) {
            return Err(Diagnostic::new("an object needs `apiVersion`, `kind` and `metadata.name`").at(object.place));
        }
    }
    Ok(objects)
}

fn refuse_strays(reader: Reader<'_>, folder: &str) -> Result<(), Diagnostic> {
    const KNOWN: [&str; 6] =
        ["component.yaml", "values.yaml", "partners.yaml", "manifests.yaml", "profiles", chart::FOLDER];
    let looks_read = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    for file in reader.list(folder)? {
        if (file.is_folder || looks_read(&file.name)) && !KNOWN.contains(&file.name.as_str()) {
            let path = format!("{folder}/{}", file.name);
            return Err(Diagnostic::new(format!("nothing reads `{path}`"))
                .at(reader.start_of(&path))
                .suggest(&file.name, KNOWN));
        }
    }
    let helps = [
        ("profiles", ".yaml", "a profile's values stand in <profile>.yaml, its objects in <profile>.manifests.yaml"),
        (
            chart::FOLDER,
            ".json",
            "remove it: what is known of a chart stands in <version>.json, which `dirops chart record` writes",
        ),
    ];
    for (below, ending, help) in helps {
        for file in reader.list(&format!("{folder}/{below}"))? {
            if !file.name.ends_with(ending) {
                let path = format!("{folder}/{below}/{}", file.name);
                return Err(Diagnostic::new(format!("nothing reads `{path}`")).at(reader.start_of(&path)).help(help));
            }
        }
    }
    Ok(())
}

fn list<'a>(fields: &Fields<'a>, key: &str) -> Result<&'a [Node], Diagnostic> {
    match fields.node(key) {
        None => Ok(&[]),
        Some(node) => node.as_list().ok_or_else(|| wrong_type(node, key, "a list")),
    }
}

fn kind(node: &Node) -> Result<Kind, Diagnostic> {
    let fields = Fields::of(node, "an entry of `clusterKinds`", &["group", "kind"])?;
    let group = fields.required("group")?;
    Ok(Kind {
        // The core group has the empty name.
        group: group.as_text().ok_or_else(|| wrong_type(group, "group", "text"))?.into(),
        kind: fields.required_text("kind")?.value,
    })
}

fn services(fields: &Fields<'_>) -> Result<Vec<(Located<Text>, i64)>, Diagnostic> {
    let entries = fields.entries("services")?;
    let port = |node: &Node| match node.value {
        Value::Int(port @ 1..=65535) => Ok(port),
        _ => Err(wrong_type(node, "services", "a port between 1 and 65535")),
    };
    entries.into_iter().map(|(name, node)| Ok((name, port(node)?))).collect()
}

fn list_keys(fields: &Fields<'_>) -> Result<ListKeys, Diagnostic> {
    let entries = fields.entries("listKeys")?;
    entries.into_iter().map(|(path, node)| Ok((split(&path), super::fields::text(node, "listKeys")?.value))).collect()
}

fn secret(node: &Node) -> Result<Secret, Diagnostic> {
    let fields = Fields::of(node, "an entry of `secrets`", &["name", "profiles", "shield", "keys", "keysOf"])?;
    let profiles = match fields.node("profiles") {
        Some(profiles) => texts(profiles, "profiles")?,
        None => vec![Located { value: "external-secrets".into(), place: node.place }],
    };
    let shield = match fields.node("shield").map(|node| (node, &node.value)) {
        None => false,
        Some((_, Value::Bool(shield))) => *shield,
        Some((node, _)) => return Err(wrong_type(node, "shield", "a boolean")),
    };
    let keys_of = fields.text("keysOf")?;
    if keys_of.is_none() {
        fields.required("keys")?;
    }
    let keys = fields.entries("keys")?.into_iter();
    Ok(Secret {
        name: fields.required("name")?.clone(),
        profiles,
        shield,
        keys: keys
            .map(|(key, property)| Ok((key, super::fields::text(property, "keys")?)))
            .collect::<Result<_, _>>()?,
        keys_of,
    })
}

/// Returns the steps of a path in `component.yaml`, where keys contain no dots.
pub(crate) fn split(path: &str) -> Vec<Text> {
    path.split('.').map(Text::from).collect()
}
