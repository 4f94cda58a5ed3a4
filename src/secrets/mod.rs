//! What an environment reads from its store: which properties, what reads them, and what they must be.
//!
//! Nothing here makes, reads or stores a secret. The scripts that are printed draw the values where they run.

mod script;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

pub use script::{Provider, script};

use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::{Diagnostic, Place};
use crate::workspace::{Environment, Form, FormKind, Workspace};
use crate::yaml::{Node, Text, Value};

/// What an environment reads from its stores.
#[derive(Debug)]
pub struct Needs {
    /// The environment's name.
    pub environment: Text,
    /// The entries of the stores, by store and path.
    pub entries: Vec<Entry>,
}

/// An entry of a store: what Vault calls a secret, and AWS, too.
#[derive(Debug)]
pub struct Entry {
    /// The store.
    pub store: Store,
    /// Where in the store.
    pub path: Text,
    /// Its properties, sorted by name.
    pub properties: Vec<Property>,
}

/// A store, as ExternalSecrets name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Store {
    /// ClusterSecretStore or SecretStore.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A property of an entry.
#[derive(Debug)]
pub struct Property {
    /// Its name; nothing where the entry is read whole.
    pub name: Option<Text>,
    /// What it must be, where the component says so.
    pub form: Option<Form>,
    /// Whether it is made elsewhere.
    pub is_given: bool,
    /// Whether the operator decodes it from base64.
    pub is_base64: bool,
    /// What reads it.
    pub readers: Vec<Reader>,
}

/// The key of a Kubernetes Secret that holds a property.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reader {
    /// The component.
    pub component: String,
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret.
    pub secret: String,
    /// The key in it; nothing where the entry is read whole.
    pub key: Option<String>,
}

/// Returns what an environment reads from its stores, as its ExternalSecrets say, whoever wrote them.
///
/// # Errors
/// Where two readers expect different things of one property.
pub fn needs(
    workspace: &Workspace<'_>,
    environment: &Environment,
    deployment: &Deployment,
) -> Result<Needs, Diagnostic> {
    let mut entries: BTreeMap<(Store, Text), BTreeMap<Option<Text>, Property>> = BTreeMap::new();
    for deployed in &deployment.components {
        let forms = workspace.components.get(&deployed.name).map(|component| &component.forms);
        for read in reads(deployed) {
            let form = read.property.as_ref().and_then(|name| forms?.get(name).or_else(|| forms?.get("*")));
            let form = form.map(|form| form.value.clone());
            let properties = entries.entry((read.store, read.path)).or_default();
            let property = properties.entry(read.property.clone()).or_insert_with(|| Property {
                name: read.property.clone(),
                is_given: form.as_ref().is_none_or(|form| form.is_given(environment)),
                form: form.clone(),
                is_base64: read.is_base64,
                readers: Vec::new(),
            });
            if property.form != form || property.is_base64 != read.is_base64 {
                return Err(disagreement(property, &read.reader, read.place));
            }
            property.readers.push(read.reader);
        }
    }
    let entry = |((store, path), properties): ((Store, Text), BTreeMap<_, Property>)| Entry {
        store,
        path,
        properties: properties.into_values().collect(),
    };
    Ok(Needs { environment: deployment.environment.clone(), entries: entries.into_iter().map(entry).collect() })
}

fn disagreement(property: &Property, reader: &Reader, place: Place) -> Diagnostic {
    let name = property.name.as_deref().unwrap_or("*");
    let other = property.readers.first().map_or("", |reader| reader.component.as_str());
    Diagnostic::new(format!("`{other}` and `{}` expect different things of the property `{name}`", reader.component))
        .at(place)
        .help("describe it in one way under `forms` of both components' component.yaml")
}

/// One key that an ExternalSecret reads.
struct Read {
    store: Store,
    path: Text,
    property: Option<Text>,
    is_base64: bool,
    reader: Reader,
    place: Place,
}

/// Returns what a component's ExternalSecrets read: those beside the chart, and those inside its values.
fn reads(deployed: &Deployed) -> Vec<Read> {
    let mut found = Vec::new();
    for node in deployed.manifests.iter().chain(&deployed.values.merged) {
        find(node, &mut found);
    }
    found.into_iter().flat_map(|object| reads_of(object, deployed)).collect()
}

/// Finds ExternalSecrets: charts of raw manifests have them inside their values.
fn find<'a>(node: &'a Node, found: &mut Vec<&'a Node>) {
    let text = |key: &str| node.get(key).and_then(Node::as_text).unwrap_or_default();
    if text("kind") == "ExternalSecret" && text("apiVersion").starts_with("external-secrets.io/") {
        return found.push(node);
    }
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| find(item, found)),
        Value::Map(map) => map.values().for_each(|entry| find(&entry.node, found)),
        _ => {}
    }
}

fn reads_of(object: &Node, deployed: &Deployed) -> Vec<Read> {
    let at = |path: &[&str]| path.iter().try_fold(object, |node, key| node.get(key)).and_then(Node::as_text);
    let owned = |text: Option<&str>, default: &str| text.unwrap_or(default).to_owned();
    let store = Store {
        kind: owned(at(&["spec", "secretStoreRef", "kind"]), "SecretStore"),
        name: owned(at(&["spec", "secretStoreRef", "name"]), ""),
    };
    let secret = at(&["spec", "target", "name"]).or_else(|| at(&["metadata", "name"]));
    let reader = |key: Option<&str>| Reader {
        component: deployed.name.clone(),
        namespace: owned(at(&["metadata", "namespace"]), &deployed.namespace.value),
        secret: owned(secret, ""),
        key: key.map(str::to_owned),
    };
    let list =
        |key: &str| object.get("spec").and_then(|spec| spec.get(key)).and_then(Node::as_list).unwrap_or_default();
    let read = |remote: &Node, key: Option<&str>| {
        let text = |key: &str| remote.get(key).and_then(Node::as_text);
        Some(Read {
            store: store.clone(),
            path: text("key")?.into(),
            property: text("property").map(Text::from),
            is_base64: text("decodingStrategy") == Some("Base64"),
            reader: reader(key),
            place: remote.place,
        })
    };
    let one = |datum: &Node| read(datum.get("remoteRef")?, datum.get("secretKey").and_then(Node::as_text));
    let whole = |source: &Node| read(source.get("extract")?, None);
    list("data").iter().filter_map(one).chain(list("dataFrom").iter().filter_map(whole)).collect()
}

impl Property {
    /// Returns what it must be, in words.
    pub fn description(&self) -> String {
        let form = match self.form.as_ref().map(|form| &form.kind) {
            None => return "not described".to_owned(),
            Some(FormKind::Ed25519Key) => "Ed25519 private key in PEM".to_owned(),
            Some(FormKind::Htpasswd(users)) => {
                let users: Vec<&str> = users.iter().map(|(user, _)| &**user).collect();
                format!("htpasswd with bcrypt, of {}", users.join(" and "))
            }
            Some(FormKind::Kubeconfig) => "kubeconfig".to_owned(),
            Some(FormKind::OauthClientId) => "OAuth client id".to_owned(),
            Some(FormKind::OauthClientSecret) => "OAuth client secret".to_owned(),
            Some(FormKind::Password) => "password".to_owned(),
            Some(FormKind::User(None)) => "user name".to_owned(),
            Some(FormKind::User(Some(name))) => format!("user name `{name}`"),
        };
        let base64 = if self.is_base64 { ", in base64" } else { "" };
        let given = if self.is_given { ", made elsewhere" } else { "" };
        format!("{form}{base64}{given}")
    }

    fn form_name(&self) -> Option<&'static str> {
        Some(match &self.form.as_ref()?.kind {
            FormKind::Ed25519Key => "ed25519-key",
            FormKind::Htpasswd(_) => "htpasswd",
            FormKind::Kubeconfig => "kubeconfig",
            FormKind::OauthClientId => "oauth-client-id",
            FormKind::OauthClientSecret => "oauth-client-secret",
            FormKind::Password => "password",
            FormKind::User(_) => "user",
        })
    }
}

/// Returns the needs as JSON.
pub fn to_json(needs: &Needs) -> Json {
    let reader = |reader: &Reader| {
        json!({
            "component": reader.component, "namespace": reader.namespace, "secret": reader.secret, "key": reader.key,
        })
    };
    let property = |property: &Property| {
        json!({
            "property": property.name.as_deref(),
            "form": property.form_name(),
            "description": property.description(),
            "madeElsewhere": property.is_given,
            "base64": property.is_base64,
            "readers": property.readers.iter().map(reader).collect::<Vec<_>>(),
        })
    };
    let entry = |entry: &Entry| {
        json!({
            "store": {"kind": entry.store.kind, "name": entry.store.name},
            "path": *entry.path,
            "properties": entry.properties.iter().map(property).collect::<Vec<_>>(),
        })
    };
    json!({
        "version": 1,
        "environment": *needs.environment,
        "entries": needs.entries.iter().map(entry).collect::<Vec<_>>(),
    })
}

/// Returns the needs as a table for people.
pub fn to_text(needs: &Needs) -> String {
    if needs.entries.is_empty() {
        return format!("{} reads nothing from a store\n", needs.environment);
    }
    let tables = needs.entries.iter().map(|entry| {
        let title = format!("{} in {} {}\n", entry.path, entry.store.kind, entry.store.name);
        shown(&title, false) + &table(&rows(entry))
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn rows(entry: &Entry) -> Vec<[String; 4]> {
    let mut rows = vec![["property", "must be", "read by", "as"].map(str::to_owned)];
    for property in &entry.properties {
        let mut name = property.name.as_deref().unwrap_or("(all)").to_owned();
        let mut description = property.description();
        let mut seen = BTreeSet::new();
        for reader in property.readers.iter().filter(|reader| seen.insert(*reader)) {
            let secret = format!("{}/{}", reader.namespace, reader.secret);
            let key = reader.key.as_deref().unwrap_or("(all)");
            let (name, description) = (std::mem::take(&mut name), std::mem::take(&mut description));
            rows.push([name, description, reader.component.clone(), format!("{key} of {secret}")]);
        }
    }
    rows
}

fn table(rows: &[[String; 4]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line = |row: &[String; 4]| {
        let [a, b, c, d] = row;
        let line = format!("  {a:<0$}  {b:<1$}  {c:<2$}  {d}", widths[0], widths[1], widths[2]);
        shown(&line, true) + "\n"
    };
    rows.iter().map(line).collect()
}

/// Keeps names from doing things to the terminal.
fn shown(text: &str, all: bool) -> String {
    text.chars().map(|c| if c.is_control() && (all || c != '\n') { '?' } else { c }).collect()
}
