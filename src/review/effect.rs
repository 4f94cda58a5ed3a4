//! What a change does to a running system: one table of paths.

use super::compare::OBJECT;
use super::step::{Step, Steps};

/// What a change does to a running system, the riskiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Who the environment is, and whom it federates with.
    Identity,
    /// Who may do what.
    Access,
    /// Where credentials come from.
    SecretSource,
    /// What may be lost for good.
    DataLoss,
    /// What can be reached from outside.
    Exposure,
    /// Pods restart.
    Restart,
    /// It takes effect only after a restart that nothing triggers.
    LateRestart,
    /// Another version of a chart or an image.
    Version,
    /// Nothing is known of it.
    Other,
    /// Nothing reads it.
    ReachesNothing,
    /// Nothing but what people see changes.
    Cosmetic,
}

/// All effects, the riskiest first.
pub const EFFECTS: [Effect; 11] = [
    Effect::Identity,
    Effect::Access,
    Effect::SecretSource,
    Effect::DataLoss,
    Effect::Exposure,
    Effect::Restart,
    Effect::LateRestart,
    Effect::Version,
    Effect::Other,
    Effect::ReachesNothing,
    Effect::Cosmetic,
];

impl Effect {
    /// Returns its name in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Access => "access",
            Self::SecretSource => "secret-source",
            Self::DataLoss => "data-loss",
            Self::Exposure => "exposure",
            Self::Restart => "restart",
            Self::LateRestart => "late-restart",
            Self::Version => "version",
            Self::Other => "other",
            Self::ReachesNothing => "reaches-nothing",
            Self::Cosmetic => "cosmetic",
        }
    }

    /// Returns its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Identity => "identity and trust",
            Self::Access => "access",
            Self::SecretSource => "secret source",
            Self::DataLoss => "data loss",
            Self::Exposure => "exposure",
            Self::Restart => "restart",
            Self::LateRestart => "restart needed",
            Self::Version => "version",
            Self::Other => "other",
            Self::ReachesNothing => "reaches nothing",
            Self::Cosmetic => "cosmetic",
        }
    }

    /// Returns whether somebody must decide about it.
    pub fn is_risk(self) -> bool {
        self <= Self::LateRestart
    }
}

/// What kind of object a change is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The Helm values of a chart, by its name.
    Values(&'a str),
    /// A Kubernetes object, by its kind.
    Object(&'a str),
    /// A federation file.
    Federation,
    /// Any other file.
    File,
}

/// Where a row of the table applies.
enum Where {
    /// The values of every chart.
    Values,
    /// The values of one chart.
    Chart(&'static str),
    /// Objects of these kinds.
    Kinds(&'static [&'static str]),
    /// Federation files.
    Federation,
    /// Everything.
    Anything,
}

/// One row: a path, what a change there does, and why. In a path, `*` stands for any key or item and `**` for any number
/// of them; steps into texts do not count. Letter case does not count.
struct Row(Where, &'static str, Effect, &'static str);

use Effect::{Access, Cosmetic, DataLoss, Exposure, Identity, LateRestart, Other, Restart, SecretSource, Version};
use Where::{Anything, Chart, Federation, Kinds, Values};

/// Says of every path that is known what a change there does. The first row that fits wins.
const TABLE: &[Row] = &[
    // Federation files: docs of the SPIRE controller manager, ClusterFederatedTrustDomain.
    Row(Federation, "trustDomain", Identity, "another trust domain takes the partner's place"),
    Row(Federation, "bundleEndpointURL", Identity, "the partner's bundle is fetched from elsewhere"),
    Row(Federation, "bundleEndpointProfile.**", Identity, "the partner's endpoint is authenticated in another way"),
    Row(
        Federation,
        "trustDomainBundle.**",
        Identity,
        "the partner is trusted by other keys until its endpoint answers",
    ),
    Row(Federation, "className", Identity, "another SPIRE controller looks after the partner"),
    Row(Federation, "**", Identity, "who is trusted, and how"),
    // An Ingress has a class, a secret and hosts of its own.
    Row(Values, "**.ingress.**", Exposure, "what can be reached from outside, and under which name"),
    // Who the environment is.
    Row(Values, "**.federation.*.trustDomain", Identity, "another partner"),
    Row(Values, "**.federation.*.bundleEndpointURL", Identity, "the partner's bundle is fetched from elsewhere"),
    Row(
        Values,
        "**.federation.*.bundleEndpointProfile.**",
        Identity,
        "the partner's endpoint is authenticated in another way",
    ),
    Row(
        Values,
        "**.federation.*.trustDomainBundle.**",
        Identity,
        "the partner is trusted by other keys until its endpoint answers",
    ),
    Row(Values, "**.federation.*.className", Identity, "another SPIRE controller looks after the partner"),
    Row(Values, "**.spire.federation.*", Identity, "a partner is federated with"),
    Row(Values, "**.spire.federation", Identity, "partners are federated with"),
    Row(Values, "**.federatesWith.**", Identity, "whom workloads federate with"),
    Row(
        Values,
        "**.trustDomain",
        Identity,
        "a trust domain cannot be changed once deployed: every identity in it is void",
    ),
    Row(Values, "**.trust_domain", Identity, "who counts as one of ours"),
    Row(Values, "**.trustDomains.**", Identity, "whom it trusts"),
    Row(Values, "**.jwtIssuer", Identity, "tokens name another issuer"),
    Row(Values, "**.clusterName", Identity, "agents attest as another cluster"),
    Row(Values, "**.className", Identity, "another controller looks after the objects"),
    Row(Values, "**.clusterSPIFFEIDs.**", Identity, "which workloads get which identities"),
    Row(Values, "**.upstreamAuthority.**", Identity, "the trust domain's keys come from elsewhere"),
    Row(Values, "**.nodeAttestor.**", Identity, "how agents prove who they are"),
    Row(Values, "**.keyManager.**", Identity, "where the trust domain's keys are kept"),
    Row(Values, "**.ca_subject.**", Identity, "the subject of the trust domain's certificates"),
    Row(Values, "**.caSubject.**", Identity, "the subject of the trust domain's certificates"),
    Row(Values, "**.caTTL", Identity, "how long the trust domain's keys live"),
    Row(Values, "**.caKeyType", Identity, "the kind of the trust domain's keys"),
    Row(Values, "**.spire-server.federation.**", Identity, "how partners fetch this environment's bundle"),
    Row(Values, "**.kubeConfigs.**", Identity, "which child clusters the server attests"),
    Row(Values, "**.dnsNameTemplates.**", Identity, "which names the certificate carries"),
    Row(Values, "**.spiffe.**", Identity, "which identity it shows"),
    Row(Values, "**.useCSIDriver", Identity, "how identities reach the pods"),
    Row(Kinds(&["ClusterFederatedTrustDomain"]), "**", Identity, "who is trusted, and how"),
    Row(Kinds(&["ClusterSPIFFEID", "ClusterStaticEntry"]), "**", Identity, "which workloads get which identities"),
    // Who may do what.
    Row(Values, "**.authz_policies_csv.**", Access, "who may call which method"),
    Row(Values, "**.enforcer_policy_csv.**", Access, "who may call which method"),
    Row(Values, "**.authn.**", Access, "how callers prove who they are"),
    Row(Values, "**.authz.**", Access, "how calls are permitted"),
    Row(Values, "**.authorization.**", Access, "who may do what"),
    Row(Values, "**.accessControl.**", Access, "who may read and write the registry"),
    Row(Values, "**.roles.**", Access, "who may do what"),
    Row(Values, "**.userDenyList.**", Access, "who is refused"),
    Row(Values, "**.orgs.**", Access, "whose members may sign in"),
    Row(Values, "**.connectors.**", Access, "who may sign in"),
    Row(Values, "**.staticClients.**", Access, "which programs may sign people in"),
    Row(Values, "**.staticPasswords.**", Access, "who may sign in"),
    Row(Values, "**.oidc.**", Access, "how people sign in"),
    Row(Values, "**.issuer", Access, "whose tokens are accepted"),
    Row(Values, "**.audiences.**", Access, "which tokens are accepted"),
    Row(Values, "**.rbac.**", Access, "what the pods may do in the cluster"),
    Row(Values, "**.serviceAccount.**", Access, "as whom the pods act"),
    Row(Values, "**.securityContext.**", Access, "what the processes may do on their node"),
    Row(Values, "**.podSecurityContext.**", Access, "what the processes may do on their node"),
    Row(Values, "**.containerSecurityContext.**", Access, "what the processes may do on their node"),
    Row(Values, "**.htpasswd.**", Access, "who may sign in"),
    Row(
        Kinds(&["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ServiceAccount"]),
        "**",
        Access,
        "who may do what in the cluster",
    ),
    Row(Kinds(&["AppProject"]), "spec.description", Cosmetic, "a description"),
    Row(Kinds(&["AppProject"]), "spec.**", Access, "what Argo CD may deploy, from where and to where"),
    // Where credentials come from.
    Row(Values, "**.externalSecrets.**", SecretSource, "where credentials come from"),
    Row(Values, "**.existingSecret", SecretSource, "another Secret holds the credentials"),
    Row(Values, "**.existingSecretName", SecretSource, "another Secret holds the credentials"),
    Row(Values, "**.secretKeys.**", SecretSource, "another key of the Secret is read"),
    Row(Values, "**.secretKeyRef.**", SecretSource, "the credential is read from elsewhere"),
    Row(Values, "**.secretRef.**", SecretSource, "the credentials are read from elsewhere"),
    Row(Values, "**.secretName", SecretSource, "another Secret is used"),
    Row(Values, "**.secretFiles.**", SecretSource, "a credential that is written out"),
    Row(Values, "**.secrets.**", SecretSource, "a credential that is written out"),
    Row(Values, "**.mountSecret", SecretSource, "whether credentials reach the pods"),
    Row(Values, "**.imagePullSecrets.**", SecretSource, "the credential that images are pulled with"),
    Row(Values, "**.pullSecrets.**", SecretSource, "the credential that images are pulled with"),
    Row(
        Kinds(&[
            "ExternalSecret",
            "ClusterExternalSecret",
            "SecretStore",
            "ClusterSecretStore",
            "Secret",
            "PushSecret",
        ]),
        "metadata.annotations.\"argocd.argoproj.io/sync-wave\"",
        Other,
        "when the sync makes the object",
    ),
    Row(
        Kinds(&[
            "ExternalSecret",
            "ClusterExternalSecret",
            "SecretStore",
            "ClusterSecretStore",
            "Secret",
            "PushSecret",
        ]),
        "**",
        SecretSource,
        "where credentials come from",
    ),
    // What may be lost for good.
    Row(Values, "**.persistence", DataLoss, "whether data outlives the pods"),
    Row(Values, "**.persistence.enabled", DataLoss, "whether data outlives the pods"),
    Row(Values, "**.pvc.create", DataLoss, "whether data outlives the pods"),
    Row(Values, "**.pvc.enabled", DataLoss, "whether data outlives the pods"),
    Row(Values, "**.storageClassName", DataLoss, "a volume's class cannot be changed: it is made anew, empty"),
    Row(Values, "**.storageClass", DataLoss, "a volume's class cannot be changed: it is made anew, empty"),
    Row(Values, "**.existingClaim", DataLoss, "another volume, with what is in that"),
    Row(Values, "**.accessModes.**", DataLoss, "a volume's access mode cannot be changed: it is made anew, empty"),
    Row(Values, "**.accessMode", DataLoss, "a volume's access mode cannot be changed: it is made anew, empty"),
    Row(Values, "**.pvc.size", DataLoss, SMALLER),
    Row(Values, "**.pvc.storage", DataLoss, SMALLER),
    Row(Values, "**.persistence.size", DataLoss, SMALLER),
    Row(Values, "**.persistence.**", DataLoss, "where data is kept"),
    Row(Values, "**.pvc.**", DataLoss, "where data is kept"),
    Row(Values, "**.emptyDir.**", DataLoss, "data goes with the pod"),
    Row(Values, "**.datastore_dir", DataLoss, "data is looked for elsewhere"),
    Row(Values, "**.postgresql.enabled", DataLoss, "another database: what is in the old one is not there"),
    Row(Values, "**.database.**", DataLoss, "another database: what is in the old one is not there"),
    Row(Values, "**.dataStore.**", DataLoss, "another database: what is in the old one is not there"),
    Row(Values, "**.storage.rootDirectory", DataLoss, "data is looked for elsewhere"),
    Row(Values, "**.storageDriver.**", DataLoss, "data is kept elsewhere"),
    Row(Values, "**.oci.registry_address", DataLoss, "records are kept elsewhere"),
    Row(Values, "**.oci.repository_name", DataLoss, "records are kept elsewhere"),
    Row(Values, "**.oci.local_dir", DataLoss, "records are kept elsewhere"),
    Row(Values, "**.hostPath.**", DataLoss, "data is kept on another part of the node"),
    Row(Kinds(&["PersistentVolumeClaim"]), "spec.resources.requests.storage", DataLoss, SMALLER),
    Row(Kinds(&["PersistentVolumeClaim", "PersistentVolume", "StorageClass"]), "**", DataLoss, "where data is kept"),
    Row(Kinds(&["Namespace"]), "**", DataLoss, "a namespace goes with all that is in it"),
    // What Argo CD deploys.
    Row(Kinds(&["Application"]), "spec.sources.*.targetRevision", Version, "another version"),
    Row(Kinds(&["Application"]), "spec.source.targetRevision", Version, "another version"),
    Row(Kinds(&["Application"]), "spec.sources.*.chart", Version, "another chart"),
    Row(Kinds(&["Application"]), "spec.sources.*.repoURL", Version, "the chart or the values come from elsewhere"),
    Row(
        Kinds(&["Application"]),
        "spec.sources.*.helm.releaseName",
        DataLoss,
        "another release: all objects get new names, volumes among them",
    ),
    Row(Kinds(&["Application"]), "spec.sources.**", Other, "what the Application deploys"),
    Row(
        Kinds(&["Application"]),
        "spec.destination.**",
        DataLoss,
        "deployed elsewhere: what is there stays behind or is removed",
    ),
    Row(Kinds(&["Application"]), "spec.project", Access, "another AppProject decides what it may deploy"),
    Row(
        Kinds(&["Application"]),
        "spec.syncPolicy.automated.**",
        DataLoss,
        "whether Argo CD removes and restores objects by itself",
    ),
    Row(Kinds(&["Application"]), "spec.syncPolicy.**", Other, "how Argo CD syncs"),
    Row(Kinds(&["Application"]), "spec.ignoreDifferences.**", SecretSource, "what Argo CD leaves alone"),
    Row(
        Kinds(&["Application"]),
        "metadata.finalizers.**",
        DataLoss,
        "whether deleting the Application deletes what it deployed",
    ),
    Row(
        Kinds(&["Application"]),
        "metadata.annotations.\"argocd.argoproj.io/sync-wave\"",
        Other,
        "the order of the sync",
    ),
    Row(
        Kinds(&["Application"]),
        "metadata.annotations.\"argocd.argoproj.io/compare-options\"",
        Other,
        "how Argo CD compares what is there with what should be",
    ),
    Row(Kinds(&["Application"]), "metadata.labels.**", Cosmetic, "labels of the Application"),
    Row(
        Kinds(&["ApplicationSet"]),
        "spec.syncPolicy.**",
        DataLoss,
        "whether deleting the set deletes what it deployed",
    ),
    Row(Kinds(&["chart"]), "chart_version", Version, "another version"),
    Row(Kinds(&["chart"]), "*", Version, "the chart comes from elsewhere"),
    Row(Kinds(&["cluster"]), "**", DataLoss, "deployed elsewhere: what is there stays behind or is removed"),
    // What can be reached from outside.
    Row(Values, "**.service.type", Exposure, "from where the service can be reached"),
    Row(Values, "**.service.nodePort", Exposure, "on which port of the nodes the service is reached"),
    Row(Values, "**.service.**", Exposure, "how the service is reached"),
    Row(Values, "**.routingService.**", Exposure, "how peers reach the routing service"),
    Row(Values, "**.hosts.**", Exposure, "under which name it is reached"),
    Row(Values, "**.host", Exposure, "under which name it is reached"),
    Row(Values, "**.hostname", Exposure, "under which name it is reached"),
    Row(Values, "**.tls.**", Exposure, "how connections are protected"),
    Row(Values, "**.hostNetwork", Exposure, "whether pods listen on their node"),
    Row(Values, "**.hostPort", Exposure, "whether pods listen on their node"),
    Row(Values, "**.networkPolicy.**", Exposure, "who reaches the pods"),
    Row(Values, "**.listen_address", Exposure, "where it listens"),
    Row(Values, "**.insecure", Exposure, "whether connections are protected"),
    Row(Values, "**.directory_api_address", Exposure, "under which name peers reach it"),
    Row(Values, "**.bootstrap_peers.**", Exposure, "which peers it meets first"),
    Row(
        Kinds(&[
            "Ingress",
            "Service",
            "Gateway",
            "HTTPRoute",
            "GRPCRoute",
            "TLSRoute",
            "NetworkPolicy",
            "IPAddressPool",
            "L2Advertisement",
        ]),
        "**",
        Exposure,
        "what can be reached from outside",
    ),
    Row(Kinds(&["Certificate", "Issuer", "ClusterIssuer"]), "**", Exposure, "how connections are protected"),
    // Versions.
    Row(Values, "**.image.pullPolicy", Restart, "when images are pulled"),
    Row(Values, "**.image.**", Version, "another image"),
    Row(Values, "**.image", Version, "another image"),
    Row(Values, "**.images.**", Version, "another image"),
    Row(Values, "**.tag", Version, "another image"),
    Row(Values, "**.digest", Version, "another image"),
    Row(Kinds(&["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"]), "**.image", Version, "another image"),
    // What takes effect only when somebody restarts the pods: so do the templates of the chart dir.
    Row(
        Chart("dir"),
        "apiserver.config.**",
        LateRestart,
        "the chart puts it into a ConfigMap, and nothing restarts the pods that read it",
    ),
    Row(
        Chart("dir"),
        "apiserver.reconciler.config.**",
        LateRestart,
        "the chart puts it into a ConfigMap, and nothing restarts the pods that read it",
    ),
    Row(
        Chart("dir"),
        "apiserver.zot.configFiles.**",
        LateRestart,
        "the chart puts it into a ConfigMap, and nothing restarts the pods that read it",
    ),
    Row(Kinds(&["ConfigMap"]), "**", LateRestart, "pods that read it at their start must be restarted"),
    // What is part of the pods.
    Row(Values, "**.replicas", Restart, "how many pods there are"),
    Row(Values, "**.replicaCount", Restart, "how many pods there are"),
    Row(Values, "**.resources.**", Restart, "what the pods may use"),
    Row(Values, "**.env.**", Restart, "the pods' environment"),
    Row(Values, "**.extraEnv.**", Restart, "the pods' environment"),
    Row(Values, "**.extraEnvVars.**", Restart, "the pods' environment"),
    Row(Values, "**.envFrom.**", Restart, "the pods' environment"),
    Row(Values, "**.args.**", Restart, "how the processes are started"),
    Row(Values, "**.extraArgs.**", Restart, "how the processes are started"),
    Row(Values, "**.command.**", Restart, "how the processes are started"),
    Row(Values, "**.podAnnotations.**", Restart, "the pods' annotations"),
    Row(Values, "**.podLabels.**", Restart, "the pods' labels"),
    Row(Values, "**.extraVolumes.**", Restart, "what the pods mount"),
    Row(Values, "**.extraVolumeMounts.**", Restart, "what the pods mount"),
    Row(Values, "**.volumes.**", Restart, "what the pods mount"),
    Row(Values, "**.volumeMounts.**", Restart, "what the pods mount"),
    Row(Values, "**.livenessProbe.**", Restart, "when pods count as alive"),
    Row(Values, "**.readinessProbe.**", Restart, "when pods count as ready"),
    Row(Values, "**.startupProbe.**", Restart, "when pods count as started"),
    Row(Values, "**.nodeSelector.**", Restart, "where pods run"),
    Row(Values, "**.tolerations.**", Restart, "where pods run"),
    Row(Values, "**.affinity.**", Restart, "where pods run"),
    Row(Values, "**.strategy.**", Restart, "how pods are replaced"),
    Row(Values, "**.priorityClassName", Restart, "which pods give way"),
    Row(Values, "**.terminationGracePeriodSeconds", Restart, "how pods end"),
    Row(Values, "**.log_level", Restart, "how much is logged"),
    Row(Values, "**.log_format", Restart, "how it is logged"),
    Row(Values, "**.logLevel", Restart, "how much is logged"),
    Row(Values, "**.config.**", Restart, "the configuration that pods read"),
    Row(Kinds(&["Deployment", "StatefulSet", "DaemonSet"]), "spec.template.**", Restart, "the pods are replaced"),
    Row(Kinds(&["Deployment", "StatefulSet", "DaemonSet"]), "spec.replicas", Restart, "how many pods there are"),
    Row(Kinds(&["StatefulSet"]), "spec.volumeClaimTemplates.**", DataLoss, "where data is kept"),
    // What only people see.
    Row(Anything, "metadata.annotations.\"kubernetes.io/description\"", Cosmetic, "a description"),
];

/// The reason of the rows about sizes: they are rows about data loss only where a volume shrinks.
const SMALLER: &str = "a volume cannot be made smaller: it is made anew, empty";

/// Returns what a change at a path does, and why. Paths that the table does not know are [`Effect::Other`].
pub fn effect_of(scope: Scope<'_>, steps: &Steps) -> (Effect, &'static str) {
    if let Some((kind, below)) = raw_object(scope, steps) {
        return effect_of(Scope::Object(kind), &below);
    }
    let path = parts(steps);
    let row = TABLE.iter().find(|Row(place, pattern, ..)| applies(place, scope) && matches(pattern, &path));
    row.map_or((Other, "what it does is not known"), |Row(_, _, effect, why)| (*effect, *why))
}

/// Returns the kind of the object that a path in the values of the chart `raw` is in, and the path in that: all that the
/// chart does is to write out the objects in its values.
fn raw_object<'a>(scope: Scope<'_>, steps: &'a Steps) -> Option<(&'a str, Steps)> {
    match (scope, steps.0.as_slice()) {
        (Scope::Values("raw"), [Step::Key(list), Step::Item { key, value }, below @ ..])
            if &**list == "resources" && &**key == OBJECT =>
        {
            Some((value.split(' ').next()?, Steps(below.to_vec())))
        }
        _ => None,
    }
}

/// Returns the table as a document.
pub fn markdown() -> String {
    let mut text = String::from(
        "# What changes do\n\nThe table by which `dirops diff` says what a change does to a running system. The first row that \
         fits wins; a path that no row knows is *other*, never *cosmetic*. `*` stands for any key or item, `**` for any \
         number of them, and letter case does not count. Values that a chart does not read reach nothing, whatever their \
         path (docs/check.md, \"What a chart reads\").\n\n| in | path | effect | why |\n|---|---|---|---|\n",
    );
    for Row(place, pattern, effect, why) in TABLE {
        let place = match place {
            Where::Values => "values".to_owned(),
            Where::Chart(chart) => format!("values of {chart}"),
            Where::Kinds(kinds) => kinds.join(", "),
            Where::Federation => "federation files".to_owned(),
            Where::Anything => "anything".to_owned(),
        };
        text.push_str(&format!("| {place} | `{pattern}` | {} | {why} |\n", effect.title()));
    }
    text
}

/// Returns whether a row is about the size of a volume.
pub(super) fn is_about_size(why: &str) -> bool {
    why == SMALLER
}

/// Returns the steps as the table's paths have them: keys, and nothing for an item.
fn parts(steps: &Steps) -> Vec<&str> {
    let parts = steps.0.iter().filter_map(|step| match step {
        Step::Key(key) => Some(&**key),
        Step::Item { .. } | Step::At { .. } | Step::Content => Some(""),
        Step::Inside(_) => None,
    });
    parts.collect()
}

fn applies(place: &Where, scope: Scope<'_>) -> bool {
    match (place, scope) {
        (Where::Anything, _) | (Where::Values, Scope::Values(_)) | (Where::Federation, Scope::Federation) => true,
        (Where::Chart(wanted), Scope::Values(chart)) => *wanted == chart,
        (Where::Kinds(kinds), Scope::Object(kind)) => kinds.contains(&kind),
        _ => false,
    }
}

fn matches(pattern: &str, path: &[&str]) -> bool {
    let (first, rest) = split(pattern);
    match (first, path) {
        ("", []) => true,
        ("**", path) => (0..=path.len()).any(|skipped| matches(rest, &path[skipped..])),
        ("*", [_, below @ ..]) => matches(rest, below),
        (key, [part, below @ ..]) => key.eq_ignore_ascii_case(part) && matches(rest, below),
        _ => false,
    }
}

/// Splits a pattern into its first part and the others; a part in quotes may have dots in it.
fn split(pattern: &str) -> (&str, &str) {
    if let Some((part, rest)) = pattern.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return (part, rest.strip_prefix('.').unwrap_or(rest));
    }
    pattern.split_once('.').unwrap_or((pattern, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(scope: Scope<'_>, path: &str) -> Effect {
        effect_of(scope, &Steps(path.split('.').map(|key| Step::Key(key.into())).collect())).0
    }

    #[test]
    fn known_paths_have_their_effects() {
        let dir = Scope::Values("dir");
        for (path, expected) in [
            ("global.spire.trustDomain", Identity),
            ("apiserver.spire.federation.x.bundleEndpointURL", Identity),
            ("apiserver.authz_policies_csv", Access),
            ("apiserver.config.authz.enabled", Access),
            ("postgresql.auth.existingSecret", SecretSource),
            ("apiserver.zot.pvc.storageClassName", DataLoss),
            ("apiserver.ingress.hosts", Exposure),
            ("apiserver.image.tag", Version),
            ("apiserver.config.publication.worker_count", LateRestart),
            ("apiserver.resources.limits.cpu", Restart),
            ("apiserver.nobody.knows", Other),
        ] {
            assert_eq!(effect(dir, path), expected, "{path}");
        }
        assert_eq!(effect(Scope::Values("spire"), "spire-server.config.x"), Restart);
        assert_eq!(effect(Scope::Object("Application"), "spec.sources.0.targetRevision"), Version);
        assert_eq!(effect(Scope::File, "a.b"), Other);
    }

    #[test]
    fn the_riskiest_are_first() {
        assert!(EFFECTS.is_sorted());
        assert!(Identity.is_risk() && !Version.is_risk());
    }
}
