//! Whom an environment federates with, and what they may do.

use std::fmt::Write;

use crate::diagnostic::Diagnostic;
use crate::workspace::{Environment, FederationFile, Located, Registry, Trust};
use crate::yaml::{Entry, Map, Node, Text};

/// A federation file as one environment sees it.
#[derive(Clone, Debug)]
pub struct Partner {
    /// The partner's trust domain.
    pub trust_domain: Located<Text>,
    /// The methods it may call, or `*`.
    pub methods: Vec<Text>,
    /// The spec of a ClusterFederatedTrustDomain for it, with the environment's own class name.
    pub entry: Node,
}

/// Returns the partners of an environment, sorted by trust domain. It is never its own partner, and a partner whose
/// profile it does not accept is none.
///
/// # Errors
/// Where the environment trusts a trust domain by name that the registry does not have.
pub fn partners(environment: &Environment, registry: &Registry) -> Result<Vec<Partner>, Diagnostic> {
    let mut partners: Vec<_> = trusted(environment, registry)?
        .into_iter()
        .filter(|file| accepts(environment, file))
        .filter_map(|file| partner(environment, file))
        .filter(|partner| *partner.trust_domain.value != *environment.trust_domain.as_str())
        .collect();
    partners.sort_by(|a, b| a.trust_domain.value.cmp(&b.trust_domain.value));
    Ok(partners)
}

/// Returns the federation files that an environment trusts, whether or not it accepts their profiles.
///
/// # Errors
/// As [`partners`].
pub fn trusted<'a>(environment: &Environment, registry: &'a Registry) -> Result<Vec<&'a FederationFile>, Diagnostic> {
    let find = |wanted: &Located<Text>| {
        let known = registry.files.iter().filter_map(|file| file.text("trustDomain"));
        registry.files.iter().find(|file| file.text("trustDomain") == Some(&***wanted)).ok_or_else(|| {
            Diagnostic::new(format!("`{}` has no federation file for `{}`", registry.folder, &**wanted))
                .at(wanted.place)
                .suggest(wanted, known)
        })
    };
    match &environment.federation.trust {
        Trust::None => Ok(Vec::new()),
        Trust::All => Ok(registry.files.iter().collect()),
        Trust::List(names) => names.iter().map(find).collect(),
    }
}

/// Returns whether an environment federates by the profile that a federation file names.
pub fn accepts(environment: &Environment, file: &FederationFile) -> bool {
    let accept = &environment.federation.accept;
    let profile = file.profile().and_then(Node::as_text);
    accept.iter().any(|accepted| Some(&*accepted.value) == profile)
}

fn partner(environment: &Environment, file: &FederationFile) -> Option<Partner> {
    let content = file.content.as_ref().ok()?;
    let named = content.get("trustDomain")?;
    let trust_domain = Located { value: named.as_text()?.into(), place: named.place };
    let grants = &environment.federation.grants;
    let grant = grants.get(&trust_domain.value).or_else(|| grants.get("default"));
    let methods = grant.map(|grant| grant.methods.iter().map(|method| method.value.clone()).collect());
    Some(Partner { trust_domain, methods: methods.unwrap_or_default(), entry: entry(environment, content) })
}

/// Returns the spec of a ClusterFederatedTrustDomain:
/// github.com/spiffe/spire-controller-manager/blob/main/docs/clusterfederatedtrustdomain-crd.md
fn entry(environment: &Environment, content: &Node) -> Node {
    let mut spec = Map::default();
    let class_name = Node::from(&environment.class_name);
    let key = class_name.place;
    spec.insert("className".into(), Entry { key, node: class_name });
    for name in ["trustDomain", "bundleEndpointURL", "bundleEndpointProfile", "trustDomainBundle"] {
        if let Some(entry) = content.as_map().and_then(|map| map.get(name)) {
            spec.insert(name.into(), entry.clone());
        }
    }
    Node::new(content.place, spec)
}

/// Returns the environment's own rows of the policy file: `p,<subject>,<method>`, as Casbin reads them.
pub fn own_policies(environment: &Environment) -> String {
    let mut rows = String::new();
    let policies = &environment.policies;
    for method in &policies.own {
        push_row(&mut rows, environment.trust_domain.as_str(), method);
    }
    for method in &policies.anyone {
        push_row(&mut rows, "*", method);
    }
    rows
}

/// Returns the rows of the policy file for partners.
pub fn partner_policies(partners: &[Partner]) -> String {
    let mut rows = String::new();
    for partner in partners {
        for method in &partner.methods {
            push_row(&mut rows, &partner.trust_domain, method);
        }
    }
    rows
}

fn push_row(rows: &mut String, subject: &str, method: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(rows, "p,{subject},{method}");
}
