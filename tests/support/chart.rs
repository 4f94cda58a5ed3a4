//! What `../shared/charts` says of the kinds that a chart renders.

use std::collections::BTreeSet;
use std::path::Path;

use super::tree::text;

/// Charts that `../shared/charts` has nothing of: the cluster-wide kinds that they render.
const UNRECORDED: [(&str, &[(&str, &str)]); 2] = [
    // https://github.com/dysnix/charts/tree/main/dysnix/raw: renders the objects that it is given.
    ("raw", &[]),
    // https://github.com/metallb/metallb/tree/main/charts/metallb: what its templates and its sub-chart crds render.
    (
        "metallb",
        &[
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
            ("rbac.authorization.k8s.io", "ClusterRole"),
            ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ],
    ),
];

/// Kinds that are cluster-wide, whatever `kinds.txt` says: it tells by the rendered object, which need not say so.
/// https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/validating-admission-policy-v1/
const CLUSTER_WIDE: [(&str, &str); 2] = [
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
];

/// Groups and kinds.
type Kinds = BTreeSet<(String, String)>;

/// The kinds that one version of a chart renders.
pub struct Chart {
    kinds: Kinds,
    namespaced: Kinds,
}

impl Chart {
    /// What is known of a chart; fails where nothing is.
    pub fn load(shared: &Path, name: &str, version: &str) -> Self {
        let folder = shared.join(format!("charts/{name}-{version}"));
        if folder.is_dir() {
            let (kinds, namespaced) = kinds(&folder.join("kinds.txt"));
            return Self { kinds, namespaced };
        }
        let unrecorded = UNRECORDED.iter().find(|(chart, _)| *chart == name);
        let (_, kinds) = unrecorded.unwrap_or_else(|| {
            panic!(
                "nothing is known of chart {name} {version}: use a version that ../shared/charts has, or add it here"
            )
        });
        let owned = |(group, kind): &(&str, &str)| ((*group).to_owned(), (*kind).to_owned());
        Self { kinds: kinds.iter().map(owned).collect(), namespaced: BTreeSet::new() }
    }

    /// The cluster-wide kinds that the chart renders: group and kind.
    pub fn cluster_kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// The kinds that the chart renders into namespaces: group and kind.
    pub fn namespaced_kinds(&self) -> &Kinds {
        &self.namespaced
    }
}

/// The cluster-wide kinds of lines such as `apps/v1 Deployment: in the release namespace`, and the others.
fn kinds(file: &Path) -> (Kinds, Kinds) {
    let text = text(file);
    let lines = text.lines().filter(|line| !line.is_empty());
    let kinds = lines.map(|line| kind(line).unwrap_or_else(|| panic!("{}: {line}", file.display())));
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
