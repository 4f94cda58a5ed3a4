//! Who an environment says it is, whom it federates with, and what it lets them do, wherever its charts have it.

use super::{Deployed, Deployment, repository};
use crate::diagnostic::Place;
use crate::workspace::Located;
use crate::yaml::{Node, Text, lines_in};

/// A partner as some chart or object of the environment has it.
#[derive(Clone, Copy, Debug)]
pub struct FederationEntry<'a> {
    /// The partner's trust domain.
    pub trust_domain: &'a str,
    /// The spec of a ClusterFederatedTrustDomain.
    pub node: &'a Node,
}

impl FederationEntry<'_> {
    /// Returns whether SPIRE has a bundle before the partner's endpoint has answered.
    pub fn has_bundle(&self) -> bool {
        self.node.get("trustDomainBundle").and_then(Node::as_text).is_some_and(|bundle| !bundle.trim().is_empty())
    }
}

/// A row of the policy file.
#[derive(Clone, Debug)]
pub struct PolicyRow<'a> {
    /// The row as it stands.
    pub text: &'a str,
    /// Where the file stands.
    pub place: Place,
}

impl<'a> PolicyRow<'a> {
    /// Returns subject and method of `p,<subject>,<method>`.
    pub fn parts(&self) -> Option<(&'a str, &'a str)> {
        let mut parts = self.text.split(',').map(str::trim);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("p"), Some(subject), Some(method), None) if !subject.is_empty() && !method.is_empty() => {
                Some((subject, method))
            }
            _ => None,
        }
    }
}

impl Deployment {
    /// Returns the trust domain that SPIRE has, or whoever else names one.
    pub fn trust_domain(&self) -> Option<Located<Text>> {
        repository::trust_domain(&self.components)
    }

    /// Returns whom the environment federates with: what the charts dir and dirctl make objects of, and such objects.
    pub fn federation_entries(&self) -> Vec<FederationEntry<'_>> {
        let of_charts = self.components.iter().flat_map(entries_of);
        let is_entry =
            |object: &&Node| object.get("kind").and_then(Node::as_text) == Some("ClusterFederatedTrustDomain");
        let of_objects = self.objects().filter(is_entry).filter_map(|object| entry(object.get("spec")?));
        of_charts.chain(of_objects).collect()
    }
}

/// Returns whom one component federates with.
pub fn entries_of(component: &Deployed) -> Vec<FederationEntry<'_>> {
    let list = match component.chart() {
        "dir" => component.at("apiserver.spire.federation"),
        "dirctl" => component.at("spire.federation"),
        _ => None,
    };
    list.and_then(Node::as_list).unwrap_or_default().iter().filter_map(entry).collect()
}

fn entry(node: &Node) -> Option<FederationEntry<'_>> {
    Some(FederationEntry { trust_domain: node.get("trustDomain")?.as_text()?, node })
}

/// Returns the rows of a dir's policy file, without empty ones and comments.
pub fn policies(dir: &Deployed) -> Vec<PolicyRow<'_>> {
    let Some(node) = dir.at("apiserver.authz_policies_csv") else {
        return Vec::new();
    };
    lines_in(node)
        .map(|(place, row)| PolicyRow { text: row.trim(), place })
        .filter(|row| !row.text.is_empty() && !row.text.starts_with('#'))
        .collect()
}
