//! `overlays/<folder>/environment.yaml`: one deployment of components to one cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::component::wave;
use super::fields::{Fields, Located, text, texts, wrong_type};
use super::reader::Reader;
use crate::diagnostic::{Diagnostic, Place};
use crate::publish::{RelativePath, layout};
use crate::spiffe::TrustDomain;
use crate::yaml::{Map, Node, Text, Value};

/// One deployment of a set of components to one cluster.
#[derive(Debug)]
pub struct Environment {
    /// The folder under `overlays/`.
    pub folder: String,
    /// Where `environment.yaml` starts.
    pub place: Place,
    /// Its name: a DNS label.
    pub name: Located<Text>,
    /// What it is, in a line.
    pub description: Option<Node>,
    /// The source repository's name, for headers and receipts.
    pub source: Located<Text>,
    /// The environment repository, as Argo CD reads it.
    pub repository: Located<Text>,
    /// The revision of it that Argo CD follows.
    pub revision: Located<Text>,
    /// The namespace of Argo CD.
    pub argocd_namespace: Located<Text>,
    /// The cluster's name.
    pub cluster_name: Located<Text>,
    /// The cluster's API server, as Argo CD knows it.
    pub cluster_address: Located<Text>,
    /// The trust domain.
    pub trust_domain: Located<TrustDomain>,
    /// The domain that the public hostnames are made from.
    pub domain: Located<Text>,
    /// The public hostnames by [`HOSTS`]' names.
    pub hosts: Vec<(&'static str, Located<Text>)>,
    /// The class of the SPIRE controller manager.
    pub class_name: Located<Text>,
    /// The profiles, in order: those that it names, each after those that it includes.
    pub profiles: Vec<Located<Text>>,
    /// How its Applications come to be.
    pub delivery: Delivery,
    /// What its AppProject permits.
    pub access: Access,
    /// The components that it deploys, in order.
    pub components: Vec<ComponentUse>,
    /// Its own rows of the policy file.
    pub policies: Policies,
    /// Whom it trusts.
    pub federation: Federation,
    /// Where its credentials are; expressions are not evaluated yet.
    pub external_secrets: Option<Node>,
    /// Its own variables; expressions are not evaluated yet.
    pub vars: Option<Node>,
}

/// The services with a public hostname: the name in expressions, and what the hostname pattern puts in.
pub const HOSTS: [(&str, &str); 5] = [
    ("api", "api"),
    ("zot", "zot"),
    ("routing", "routing"),
    ("spire", "spire"),
    ("oidcDiscovery", "oidc-discovery.spire"),
];

/// How Applications come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// One ApplicationSet makes them.
    ApplicationSet,
    /// Each is a file.
    Applications,
}

/// What an AppProject permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// What the environment needs.
    Strict,
    /// Everything, as dir-staging has it.
    Open,
}

/// A component as an environment deploys it.
#[derive(Debug)]
pub struct ComponentUse {
    /// The component's name.
    pub name: Located<Text>,
    /// The chart's version, where it is not the component's own.
    pub version: Option<Located<Text>>,
    /// The namespace, where it is not the component's own.
    pub namespace: Option<Located<Text>>,
    /// The sync wave, where it is not the component's own.
    pub wave: Option<Located<i64>>,
}

/// An environment's own rows of the policy file: lists of methods.
#[derive(Debug)]
pub struct Policies {
    /// Where they stand.
    pub place: Place,
    /// For its own trust domain.
    pub own: Vec<Located<Text>>,
    /// For every authenticated peer.
    pub anyone: Vec<Located<Text>>,
}

/// Whom an environment trusts, and with what.
#[derive(Debug)]
pub struct Federation {
    /// Where it says whom it trusts.
    pub place: Place,
    /// The folder of federation files, as a path of the tree that the workspace is read from.
    pub registry: Located<Text>,
    /// Whether that folder is in the environment repository, not in the source repository.
    pub in_environment_repository: bool,
    /// Which of them it trusts.
    pub trust: Trust,
    /// The bundle endpoint profiles that it federates by.
    pub accept: Vec<Located<Text>>,
    /// The methods that each partner may call, by trust domain.
    pub grants: BTreeMap<Text, Grant>,
}

/// The methods that a partner may call.
#[derive(Debug)]
pub struct Grant {
    /// Where the partner is named.
    pub place: Place,
    /// The methods, or `*`.
    pub methods: Vec<Located<Text>>,
}

/// Which partners an environment trusts.
#[derive(Debug)]
pub enum Trust {
    /// Nobody.
    None,
    /// Everybody in the registry.
    All,
    /// These trust domains.
    List(Vec<Located<Text>>),
}

const KEYS: [&str; 21] = [
    "source",
    "repository",
    "revision",
    "argocd",
    "name",
    "description",
    "cluster",
    "trustDomain",
    "domain",
    "hostPattern",
    "hosts",
    "className",
    "profiles",
    "includes",
    "delivery",
    "access",
    "components",
    "policies",
    "federation",
    "externalSecrets",
    "vars",
];

impl Environment {
    /// Makes an environment from its merged settings.
    ///
    /// # Errors
    /// Where they are not what docs/sources.md says.
    pub fn parse(folder: &str, node: &Node) -> Result<Self, Diagnostic> {
        let fields = Fields::of(node, "environment.yaml", &KEYS)?;
        let argocd = Fields::of(fields.required("argocd")?, "`argocd`", &["namespace"])?;
        let cluster = Fields::of(fields.required("cluster")?, "`cluster`", &["name", "address"])?;
        let trust_domain = trust_domain(&fields.required_text("trustDomain")?)?;
        let domain = fields
            .text("domain")?
            .unwrap_or_else(|| Located { value: trust_domain.as_str().into(), place: trust_domain.place });
        let default_name = || Located { value: folder.into(), place: node.place };
        Ok(Self {
            folder: folder.to_owned(),
            place: node.place,
            name: label(fields.text("name")?.unwrap_or_else(default_name), "the name")?,
            description: fields.node("description").cloned(),
            source: fields.required_text("source")?,
            repository: fields.required_text("repository")?,
            revision: fields.required_text("revision")?,
            argocd_namespace: label(argocd.required_text("namespace")?, "a namespace")?,
            cluster_name: cluster.required_text("name")?,
            cluster_address: cluster.required_text("address")?,
            hosts: hosts(&fields, &domain)?,
            trust_domain,
            domain,
            class_name: fields.required_text("className")?,
            profiles: profiles(&fields)?,
            delivery: fields
                .choice(
                    "delivery",
                    &[("applicationset", Delivery::ApplicationSet), ("applications", Delivery::Applications)],
                )?
                .unwrap_or(Delivery::Applications),
            access: fields
                .choice("access", &[("strict", Access::Strict), ("open", Access::Open)])?
                .unwrap_or(Access::Strict),
            components: components(&fields)?,
            policies: policies(&fields)?,
            federation: federation(&fields)?,
            external_secrets: fields.node("externalSecrets").cloned(),
            vars: fields.node("vars").cloned(),
        })
    }

    /// Returns whether the environment has a profile.
    pub fn has_profile(&self, profile: &str) -> bool {
        self.profiles.iter().any(|own| &***own == profile)
    }
}

/// Checks that a name can be part of Kubernetes names: a DNS label (RFC 1123).
pub(super) fn label(name: Located<Text>, what: &str) -> Result<Located<Text>, Diagnostic> {
    let inner = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    if name.len() <= 63 && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(name);
    }
    Err(Diagnostic::new(format!("{what} cannot be {:?}", &*name.value))
        .at(name.place)
        .help("Kubernetes takes lower-case letters, digits and `-` inside, at most 63 characters"))
}

fn trust_domain(written: &Located<Text>) -> Result<Located<TrustDomain>, Diagnostic> {
    match written.parse() {
        Ok(value) => Ok(Located { value, place: written.place }),
        Err(error) => {
            Err(Diagnostic::new(format!("`{}` is not the name of a trust domain: {error}", &**written))
                .at(written.place))
        }
    }
}

fn hosts(fields: &Fields<'_>, domain: &Located<Text>) -> Result<Vec<(&'static str, Located<Text>)>, Diagnostic> {
    let pattern = fields.required_text("hostPattern")?;
    if !pattern.contains("{service}") {
        return Err(Diagnostic::new("`hostPattern` must contain `{service}`").at(pattern.place));
    }
    let names = HOSTS.map(|(name, _)| name);
    let empty = Node::new(pattern.place, Map::default());
    let own = Fields::of(fields.node("hosts").unwrap_or(&empty), "`hosts`", &names)?;
    let host = |(name, service): (&'static str, &str)| {
        let derived = || Located {
            value: pattern.replace("{service}", service).replace("{domain}", domain).into(),
            place: domain.place,
        };
        hostname(own.text(name)?.unwrap_or_else(derived)).map(|host| (name, host))
    };
    HOSTS.into_iter().map(host).collect()
}

/// Checks that a name can stand in DNS (RFC 1123): labels of letters, digits and `-`, 253 bytes in all.
fn hostname(host: Located<Text>) -> Result<Located<Text>, Diagnostic> {
    let fits = host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    match fits {
        true => Ok(host),
        false => Err(Diagnostic::new(format!("`{}` is not a hostname", &*host))
            .at(host.place)
            .help("set `domain`, `hostPattern` or the one under `hosts`")),
    }
}

fn profiles(fields: &Fields<'_>) -> Result<Vec<Located<Text>>, Diagnostic> {
    let named = fields.texts("profiles")?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = named.iter().find(|profile| !seen.insert(&profile.value)) {
        return Err(Diagnostic::new(format!("the profile `{}` is named twice", &**twice)).at(twice.place));
    }
    let mut includes = BTreeMap::new();
    for (profile, node) in fields.entries("includes")? {
        includes.insert(profile.value, texts(node, "includes")?);
    }
    let mut profiles = Vec::new();
    for profile in &named {
        include(profile, &includes, &mut BTreeSet::new(), &mut profiles);
    }
    Ok(profiles)
}

/// Adds what a profile includes, then the profile itself, each where it is not there yet.
fn include(
    profile: &Located<Text>,
    includes: &BTreeMap<Text, Vec<Located<Text>>>,
    under_way: &mut BTreeSet<Text>,
    profiles: &mut Vec<Located<Text>>,
) {
    if !under_way.insert(profile.value.clone()) {
        return;
    }
    for included in includes.get(&profile.value).into_iter().flatten() {
        include(included, includes, under_way, profiles);
    }
    if !profiles.iter().any(|own| own.value == profile.value) {
        profiles.push(profile.clone());
    }
}

fn components(fields: &Fields<'_>) -> Result<Vec<ComponentUse>, Diagnostic> {
    fields.required("components")?;
    let component = |(name, node): (Located<Text>, &Node)| {
        let empty = Node::new(node.place, Map::default());
        let settings = if matches!(node.value, Value::Null) { &empty } else { node };
        let fields = Fields::of(settings, "a component", &["version", "namespace", "wave"])?;
        let namespace = fields.text("namespace")?;
        Ok(ComponentUse {
            name,
            version: fields.text("version")?,
            namespace: namespace.map(|namespace| label(namespace, "a namespace")).transpose()?,
            wave: wave(&fields)?,
        })
    };
    let entries = fields.entries("components")?;
    entries.into_iter().map(component).collect()
}

fn policies(fields: &Fields<'_>) -> Result<Policies, Diagnostic> {
    let node = fields.required("policies")?;
    let fields = Fields::of(node, "`policies`", &["own", "anyone"])?;
    Ok(Policies { place: node.place, own: methods(fields.texts("own")?)?, anyone: methods(fields.texts("anyone")?)? })
}

fn federation(fields: &Fields<'_>) -> Result<Federation, Diagnostic> {
    let node = fields.required("federation")?;
    let fields = Fields::of(node, "`federation`", &["registry", "trust", "accept", "grants"])?;
    let grant = |(partner, node): (Located<Text>, &Node)| {
        let methods = methods(texts(node, "grants")?)?;
        let place = partner.place;
        Ok((partner.value, Grant { place, methods }))
    };
    let grants = fields.entries("grants")?.into_iter();
    let registry = registry(fields.required_text("registry")?)?;
    Ok(Federation {
        place: fields.node("trust").unwrap_or(node).place,
        in_environment_repository: registry.starts_with(ENVIRONMENT_REPOSITORY),
        registry,
        trust: trust(&fields)?,
        accept: fields.texts("accept")?,
        grants: grants.map(grant).collect::<Result<_, _>>()?,
    })
}

/// What the path of a registry begins with that is in the environment repository.
const ENVIRONMENT_REPOSITORY: &str = "environment-repository/";

/// Where the registry is, unless something else is said: as in dir-staging.
pub const USUAL_REGISTRY: &str = "onboarding/federation";

/// Completes `environment-repository`, and refuses what is no folder of partners there.
fn registry(written: Located<Text>) -> Result<Located<Text>, Diagnostic> {
    let Some(folder) = written.strip_prefix(ENVIRONMENT_REPOSITORY.trim_end_matches('/')) else {
        return Ok(written);
    };
    let folder = match folder {
        "" => USUAL_REGISTRY,
        folder => match folder.strip_prefix('/') {
            Some(folder) => folder,
            None => return Ok(written),
        },
    };
    let refused = |why: String| {
        Diagnostic::new(why)
            .at(written.place)
            .help(format!("write `environment-repository`, which means {ENVIRONMENT_REPOSITORY}{USUAL_REGISTRY}"))
    };
    let path = RelativePath::new(folder).map_err(|error| refused(error.to_string()))?;
    match layout::is_written(&path) {
        true => {
            Err(refused(format!("`{folder}` is where dirops writes: partners' files would be mixed up with its own")))
        }
        false => Ok(Located { value: format!("{ENVIRONMENT_REPOSITORY}{folder}").into(), place: written.place }),
    }
}

impl Federation {
    /// Says where the environment repository is.
    pub(super) fn find_registry(&mut self, environment_repository: &str) {
        if let Some(folder) = self.registry.strip_prefix(ENVIRONMENT_REPOSITORY) {
            self.registry.value = format!("{environment_repository}/{folder}").into();
        }
    }
}

/// Returns the path of the registry that base/environment.yaml names, if it names one.
///
/// # Errors
/// Where that cannot be read, or is in an environment repository that is not at hand.
pub fn usual_registry(reader: Reader<'_>) -> Result<Option<String>, Diagnostic> {
    let defaults = reader.template("base/environment.yaml")?;
    let named = defaults.as_ref().and_then(|defaults| defaults.get("federation")?.get("registry"));
    let Some(node) = named else { return Ok(None) };
    let registry = registry(text(node, "registry")?)?;
    match (registry.strip_prefix(ENVIRONMENT_REPOSITORY), reader.tree.environment_repository()) {
        (None, _) => Ok(Some(registry.to_string())),
        (Some(folder), Some(repository)) => Ok(Some(format!("{repository}/{folder}"))),
        (Some(_), None) => Err(lost_registry(registry.place)),
    }
}

/// Returns the diagnostic for a registry in an environment repository that is not at hand.
pub(super) fn lost_registry(place: Place) -> Diagnostic {
    Diagnostic::new("the registry of partners is in the environment repository: where is that?")
        .at(place)
        .help("name the folder with --environment-repository")
}

fn trust(fields: &Fields<'_>) -> Result<Trust, Diagnostic> {
    let Some(node) = fields.node("trust") else {
        return Ok(Trust::None);
    };
    match &node.value {
        Value::List(_) => Ok(Trust::List(texts(node, "trust")?)),
        Value::Text(word) if &**word == "all" => Ok(Trust::All),
        Value::Text(word) if &**word == "none" => Ok(Trust::None),
        _ => Err(wrong_type(node, "trust", "`all`, `none` or a list of trust domains")),
    }
}

/// Checks that each is `*` or a gRPC method: what else stood there would end up as text in the policy file.
fn methods(methods: Vec<Located<Text>>) -> Result<Vec<Located<Text>>, Diagnostic> {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'*'))
    };
    let is_method = |method: &str| {
        let parts = method.strip_prefix('/').and_then(|rest| rest.split_once('/'));
        method == "*" || parts.is_some_and(|(service, name)| word(service) && word(name))
    };
    match methods.iter().find(|method| !is_method(method)) {
        None => Ok(methods),
        Some(method) => Err(Diagnostic::new(format!("`{}` is not a method", &**method))
            .at(method.place)
            .help("write `/package.Service/Method`, or `*` for all")),
    }
}

/// Returns the text that `node` is once its expressions are evaluated.
pub(crate) fn evaluated_label(node: &Node, what: &str) -> Result<Located<Text>, Diagnostic> {
    label(text(node, what)?, what)
}
