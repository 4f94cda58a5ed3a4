//! ExternalSecrets, and the stores that they read where the environment describes one.
//!
//! Shapes after external-secrets.io/latest/api/spec.

use super::Values;
use crate::diagnostic::{Diagnostic, Place};
use crate::expression::{self, Facts};
use crate::workspace::{Component, Environment, Fields, Located, Secret, split, text, wrong_type};
use crate::yaml::{Map, Node, Path, Step, Text, Value};

/// Waves of objects inside one Application: the store before what reads it, both before the chart's objects (wave 0).
const STORE_WAVE: &str = "-2";
const SECRET_WAVE: &str = "-1";

/// Where the credentials of an environment are.
#[derive(Debug)]
pub struct ExternalSecrets {
    api_version: Node,
    path: Option<Located<Text>>,
    refresh_interval: Located<Text>,
    store: Store,
}

#[derive(Debug)]
struct Store {
    name: Located<Text>,
    kind: Located<Text>,
    /// The provider of a store that is rendered, too.
    provider: Option<Node>,
    place: Place,
}

/// The objects that give a component its credentials.
#[derive(Debug, Default)]
pub struct SecretObjects {
    /// The stores and ExternalSecrets.
    pub manifests: Vec<Node>,
    /// The Secrets that the chart renders as well, and whose data Argo CD must leave alone.
    pub shields: Vec<Text>,
}

impl ExternalSecrets {
    /// Reads `externalSecrets` of an environment; nothing where there is none.
    ///
    /// # Errors
    /// Where it is not what docs/sources.md says.
    pub fn of(environment: &Environment, facts: &Facts) -> Result<Option<Self>, Diagnostic> {
        let Some(node) = &environment.external_secrets else {
            return Ok(None);
        };
        let node = expression::resolve(node, facts)?;
        let keys = ["apiVersion", "path", "refreshInterval", "store"];
        let fields = Fields::of(&node, "`externalSecrets`", &keys)?;
        let versions = [("v1", "v1"), ("v1beta1", "v1beta1")];
        let version = fields.choice("apiVersion", &versions)?.unwrap_or("v1");
        let place = fields.node("apiVersion").map_or(node.place, |node| node.place);
        Ok(Some(Self {
            api_version: Node::new(place, format!("external-secrets.io/{version}")),
            path: fields.text("path")?,
            refresh_interval: fields.required_text("refreshInterval")?,
            store: Store::read(fields.required("store")?)?,
        }))
    }

    /// Returns the version of `external-secrets.io` that the cluster serves.
    pub fn version(&self) -> Text {
        let version = self.api_version.as_text().and_then(|text| text.split_once('/'));
        version.map_or_else(|| "v1".into(), |(_, version)| version.into())
    }

    /// Returns whether the store is one for the whole cluster and is to be rendered: then in one Application only.
    pub fn renders_cluster_store(&self) -> bool {
        self.store.provider.is_some() && &**self.store.kind == "ClusterSecretStore"
    }

    /// Returns the objects for a component; `with_cluster_store` for the one that carries the cluster's store.
    ///
    /// # Errors
    /// Where a name cannot be evaluated, or the environment does not say where its credentials are.
    pub fn objects(
        &self,
        environment: &Environment,
        component: &Component,
        facts: &Facts,
        values: &Values,
        with_cluster_store: bool,
    ) -> Result<SecretObjects, Diagnostic> {
        let mut objects = SecretObjects::default();
        for secret in active(environment, component) {
            let keys = keys(secret, values);
            if keys.is_empty() {
                continue;
            }
            let name = expression::resolve(&secret.name, facts)?;
            let name = text(&name, "name")?;
            let manifest = self.external_secret(environment, &name, &keys)?;
            objects.manifests.push(manifest);
            if secret.shield {
                objects.shields.push(name.value);
            }
        }
        let own_store = !self.renders_cluster_store() && !objects.manifests.is_empty();
        if own_store || with_cluster_store {
            objects.manifests.splice(0..0, self.store_object());
        }
        Ok(objects)
    }

    fn external_secret(
        &self,
        environment: &Environment,
        name: &Located<Text>,
        keys: &[Key],
    ) -> Result<Node, Diagnostic> {
        let place = name.place;
        let Some(path) = &self.path else {
            return Err(Diagnostic::new("`externalSecrets` needs the key `path`")
                .at(environment.place)
                .help("say where in the store the credentials of this environment are"));
        };
        let datum = |(key, property): &Key| {
            let remote = [("key", path.into()), ("property", property.into())];
            let fields = [("secretKey", key.into()), ("remoteRef", Node::map(property.place, remote))];
            Node::map(key.place, fields)
        };
        let store = [("name", (&self.store.name).into()), ("kind", (&self.store.kind).into())];
        // The Secret outlives a mishap with the ExternalSecret: losing it would stop what runs.
        let target = [
            ("name", name.into()),
            ("creationPolicy", Node::new(place, "Owner")),
            ("deletionPolicy", Node::new(place, "Retain")),
        ];
        let spec = [
            ("refreshInterval", (&self.refresh_interval).into()),
            ("secretStoreRef", Node::map(self.store.place, store)),
            ("target", Node::map(place, target)),
            ("data", Node::list(place, keys.iter().map(datum))),
        ];
        Ok(object(&self.api_version, "ExternalSecret", &name.value, SECRET_WAVE, Node::map(place, spec)))
    }

    fn store_object(&self) -> Option<Node> {
        let provider = self.store.provider.clone()?;
        let spec = Node::map(self.store.place, [("provider", provider)]);
        let (name, kind) = (&self.store.name, &self.store.kind);
        Some(object(&self.api_version, kind, name, STORE_WAVE, spec))
    }
}

/// Returns the Secrets of a component that an environment of these profiles fills.
pub fn active<'a>(environment: &'a Environment, component: &'a Component) -> impl Iterator<Item = &'a Secret> {
    component.secrets.iter().filter(|secret| {
        let mut needed = secret.profiles.iter();
        needed.all(|profile| environment.has_profile(profile))
    })
}

/// A key in a Secret, and the property in the store.
type Key = (Located<Text>, Located<Text>);

/// Returns the keys of a Secret, those that follow from the values included.
fn keys(secret: &Secret, values: &Values) -> Vec<Key> {
    let mut keys = secret.keys.clone();
    if let (Some(path), Some(values)) = (&secret.keys_of, &values.merged) {
        let steps = split(path).into_iter().map(Step::Key).collect();
        let map = Path(steps).find(values).and_then(Node::as_map);
        for (key, entry) in map.into_iter().flatten() {
            let key = Located { value: key.clone(), place: entry.key };
            keys.push((key.clone(), key));
        }
    }
    keys
}

fn object(api_version: &Node, kind: &str, name: &str, wave: &str, spec: Node) -> Node {
    let place = spec.place;
    let wave = Node::map(place, [("argocd.argoproj.io/sync-wave", Node::new(place, wave))]);
    let metadata = [("name", Node::new(place, name)), ("annotations", wave)];
    Node::map(
        place,
        [
            ("apiVersion", api_version.clone()),
            ("kind", Node::new(place, kind)),
            ("metadata", Node::map(place, metadata)),
            ("spec", spec),
        ],
    )
}

impl Store {
    fn read(node: &Node) -> Result<Self, Diagnostic> {
        let fields = Fields::of(node, "`store`", &["kind", "name", "vault", "aws"])?;
        let kinds = [("ClusterSecretStore", "ClusterSecretStore"), ("SecretStore", "SecretStore")];
        let kind = fields.choice("kind", &kinds)?.unwrap_or("ClusterSecretStore");
        let provider = match (fields.node("vault"), fields.node("aws")) {
            (Some(_), Some(aws)) => {
                return Err(Diagnostic::new("a store is in Vault or in AWS, not in both").at(aws.place));
            }
            (Some(vault), None) => Some(vault_provider(vault, kind)?),
            (None, Some(aws)) => Some(aws_provider(aws, kind)?),
            (None, None) => None,
        };
        Ok(Self {
            name: fields.required_text("name")?,
            kind: Located { value: kind.into(), place: fields.node("kind").map_or(node.place, |node| node.place) },
            provider,
            place: node.place,
        })
    }
}

/// Vault's key-value engine with Kubernetes authentication: external-secrets.io/latest/provider/hashicorp-vault
fn vault_provider(node: &Node, kind: &str) -> Result<Node, Diagnostic> {
    let keys = ["server", "path", "version", "mountPath", "role", "namespace", "serviceAccount"];
    let fields = Fields::of(node, "`vault`", &keys)?;
    let versions = [("v1", "v1"), ("v2", "v2")];
    let version = fields.choice("version", &versions)?.unwrap_or("v2");
    let place = node.place;
    let or = |key: &str, default: &str| {
        let written = fields.text(key)?;
        Ok(written.map_or_else(|| Node::new(place, default), |text| (&text).into()))
    };
    let mut kubernetes = Node::map(
        place,
        [("mountPath", or("mountPath", "kubernetes")?), ("role", (&fields.required_text("role")?).into())],
    );
    if let Some(account) = service_account(&fields, kind)? {
        kubernetes.set("serviceAccountRef", account);
    }
    let mut vault = Node::map(
        place,
        [
            ("server", (&fields.required_text("server")?).into()),
            ("path", or("path", "secret")?),
            ("version", Node::new(place, version)),
        ],
    );
    if let Some(namespace) = fields.text("namespace")? {
        vault.set("namespace", (&namespace).into());
    }
    vault.set("auth", Node::map(place, [("kubernetes", kubernetes)]));
    Ok(Node::map(place, [("vault", vault)]))
}

/// AWS Secrets Manager: external-secrets.io/latest/provider/aws-secrets-manager. Without a service account the
/// operator's own identity is used (EKS Pod Identity or IRSA of the operator).
fn aws_provider(node: &Node, kind: &str) -> Result<Node, Diagnostic> {
    let fields = Fields::of(node, "`aws`", &["region", "role", "serviceAccount"])?;
    let place = node.place;
    let mut aws = Node::map(
        place,
        [("service", Node::new(place, "SecretsManager")), ("region", (&fields.required_text("region")?).into())],
    );
    if let Some(role) = fields.text("role")? {
        aws.set("role", (&role).into());
    }
    if let Some(account) = service_account(&fields, kind)? {
        let jwt = Node::map(place, [("serviceAccountRef", account)]);
        aws.set("auth", Node::map(place, [("jwt", jwt)]));
    }
    Ok(Node::map(place, [("aws", aws)]))
}

/// A store for the whole cluster must say in which namespace the account is; one in a namespace may not.
fn service_account(fields: &Fields<'_>, kind: &str) -> Result<Option<Node>, Diagnostic> {
    let Some(node) = fields.node("serviceAccount") else {
        return Ok(None);
    };
    let account = Fields::of(node, "`serviceAccount`", &["name", "namespace"])?;
    let mut reference = Map::default();
    for key in ["name", "namespace"] {
        if let Some(value) = account.text(key)? {
            let node = Node::from(&value);
            reference.insert(key.into(), crate::yaml::Entry { key: node.place, node });
        }
    }
    let cluster_wide = kind == "ClusterSecretStore";
    if cluster_wide != reference.contains_key("namespace") || !reference.contains_key("name") {
        let expected = match cluster_wide {
            true => "`name` and `namespace`, for the store serves the whole cluster",
            false => "`name` alone, for the store reads the account of its own namespace",
        };
        return Err(wrong_type(node, "serviceAccount", expected));
    }
    Ok(Some(Node { value: Value::from(reference), place: node.place }))
}
