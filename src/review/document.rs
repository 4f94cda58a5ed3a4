//! What is compared of a deployment: documents, each an object or the values of a component.

use std::fmt;
use std::sync::Arc;

use super::effect::Scope;
use crate::chart::Record;
use crate::deployment::{Applications, Deployed, Deployment};
use crate::diagnostic::Place;
use crate::workspace::ListKeys;
use crate::yaml::{Map, Node, Text};

/// An object or the values of a component.
#[derive(Clone, Debug)]
pub struct Document {
    /// The component; nothing for what the whole environment has.
    pub component: Text,
    /// Which object it is.
    pub object: Object,
    /// What kind of content it has.
    pub content: Content,
    /// What is in it.
    pub root: Node,
    /// What is known of it.
    pub known: Arc<Known>,
}

/// Which object something is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// The API version; nothing for what is no object of Kubernetes.
    pub api_version: Text,
    /// The kind.
    pub kind: Text,
    /// The namespace; nothing for what is in none.
    pub namespace: Text,
    /// The name.
    pub name: Text,
}

/// What kind of content a document has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The Helm values of this chart.
    Values(Text),
    /// An object.
    Object,
    /// A federation file.
    Federation,
    /// Any other file.
    File,
}

impl Content {
    /// Returns what the table of effects goes by, where this is the content of an object.
    pub fn scope<'a>(&'a self, object: &'a Object) -> Scope<'a> {
        match self {
            Self::Values(chart) => Scope::Values(chart),
            Self::Object => Scope::Object(&object.kind),
            Self::Federation => Scope::Federation,
            Self::File => Scope::File,
        }
    }
}

/// What is known of the values of a component.
#[derive(Debug, Default)]
pub struct Known {
    /// Lists that merge by a key.
    pub list_keys: Arc<ListKeys>,
    /// Value paths that hold credentials.
    pub credentials: Vec<Vec<Text>>,
    /// Which values the chart reads.
    pub record: Option<Arc<Record>>,
    /// The chart's version.
    pub version: Text,
}

impl Object {
    /// Returns the object that a document of Kubernetes is about, if it says so.
    pub fn of(node: &Node) -> Option<Self> {
        let text = |node: Option<&Node>| node.and_then(Node::as_text).unwrap_or_default().into();
        let metadata = node.get("metadata");
        let kind = node.get("kind")?.as_text()?;
        Some(Self {
            api_version: text(node.get("apiVersion")),
            kind: kind.into(),
            namespace: text(metadata.and_then(|metadata| metadata.get("namespace"))),
            name: text(metadata.and_then(|metadata| metadata.get("name"))),
        })
    }

    /// Returns what is no object of Kubernetes.
    pub fn file(kind: &str, name: &str) -> Self {
        Self { api_version: "".into(), kind: kind.into(), namespace: "".into(), name: name.into() }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        match (&*self.namespace, &*self.name) {
            ("", "") => Ok(()),
            ("", name) => write!(f, " {name}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

impl Document {
    /// Returns what the table of effects goes by.
    pub fn scope(&self) -> Scope<'_> {
        self.content.scope(&self.object)
    }

    /// Returns a document of an object that belongs to a component, or to none.
    pub fn object(component: &str, node: &Node) -> Self {
        let object = Object::of(node).unwrap_or_else(|| Object::file("object", ""));
        Self {
            component: component.into(),
            object,
            content: Content::Object,
            root: node.clone(),
            known: Arc::default(),
        }
    }

    /// Returns a document of a file that is no object of Kubernetes.
    pub fn file(component: &str, kind: &str, name: &str, content: Content, root: Node) -> Self {
        Self { component: component.into(), object: Object::file(kind, name), content, root, known: Arc::default() }
    }
}

/// Returns the documents of a deployment.
pub fn documents(deployment: &Deployment) -> Vec<Document> {
    let whole = [&deployment.project, &deployment.project_app].map(|node| Document::object("", node));
    let mut documents = of_components(deployment);
    documents.splice(..0, whole);
    documents
}

/// Returns the documents of a deployment's components: their Applications, values and other objects.
pub fn of_components(deployment: &Deployment) -> Vec<Document> {
    let mut documents = Vec::new();
    match &deployment.applications {
        Applications::Single(applications) => {
            let application = |(component, node): &(String, Node)| Document::object(component, node);
            documents.extend(applications.iter().map(application));
        }
        Applications::Set { set, cluster, charts } => {
            documents.push(Document::object("", set));
            documents.push(described("", "cluster", cluster));
            documents.extend(charts.iter().map(|(component, chart)| described(component, "chart", chart)));
        }
    }
    for component in &deployment.components {
        documents.extend(of_component(component, deployment.place));
    }
    documents
}

fn of_component(component: &Deployed, place: Place) -> Vec<Document> {
    let known = Arc::new(Known {
        list_keys: component.list_keys.clone(),
        credentials: component.credentials.clone(),
        record: component.record.clone(),
        version: component.version.value.clone(),
    });
    let root = component.values.merged.clone().unwrap_or_else(|| Node::new(place, Map::default()));
    let values = Document {
        component: component.name.as_str().into(),
        object: Object::file("values", ""),
        content: Content::Values(component.chart().into()),
        root,
        known,
    };
    let objects = component.manifests.iter().map(|object| Document::object(&component.name, object));
    [values].into_iter().chain(objects).collect()
}

/// Returns a document that Argo CD's ApplicationSet reads.
fn described(component: &str, kind: &str, node: &Node) -> Document {
    let content = Content::Object;
    Document { content, ..Document::file(component, kind, "", Content::File, node.clone()) }
}

/// Returns what an ApplicationSet says besides the Applications that it makes: those are compared themselves.
pub fn own_part(set: &Node) -> Node {
    let mut own = set.clone();
    if let Some(spec) = own.as_map_mut().and_then(|map| map.get_mut("spec"))
        && let Some(spec) = spec.node.as_map_mut()
    {
        spec.shift_remove("template");
        spec.shift_remove("generators");
    }
    own
}
