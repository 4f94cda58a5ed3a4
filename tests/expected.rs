//! The rendered environments, held against the files and documents that they come from.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they skip"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use support::diff::{ANY, Difference, Meant, added, assert_only_meant, changed, differences, removed, reordered};
use support::tree::{yaml_file, yaml_files};
use support::{RENDERED, Tree, assert_none, shared, values};

/// What Argo CD reads of the environment repository.
const DEPLOYED: [&str; 5] = ["projects/", "projectapps/", "applicationsets/", "applications/", "clusters/"];

// --- dev: dir-staging as it is, but for what keeps Argo CD from syncing it --------------------------------------------

const DEV: &[Meant] = &[
    added(
        "projects/dir/dev/dir-dev.yaml",
        "spec.sourceRepos[https://charts.dexidp.io]",
        ANY,
        "the project must permit the chart repository of dex",
    ),
    added(
        "projects/dir/dev/dir-dev.yaml",
        "spec.sourceRepos[https://dysnix.github.io/charts]",
        ANY,
        "the project must permit the chart repository of dex-credentials",
    ),
    changed(
        "applications/dex-credentials/dev/values.yaml",
        "resources[0].apiVersion",
        r#""external-secrets.io/v1""#,
        "External Secrets serves only v1 since 0.17",
    ),
    added(
        "applications/dir/dev/values.yaml",
        "apiserver.postgresql.auth.postgresPassword",
        ANY,
        "without it PostgreSQL's chart draws a new password at every rendering",
    ),
    added(
        "applicationsets/dir/dev/applicationset.yaml",
        "spec.template.metadata.annotations[argocd.argoproj.io/compare-options]",
        r#""ServerSideDiff=true""#,
        "with ServerSideApply alone, defaults of the API server are differences for ever",
    ),
    added(
        "applications/dir/dev/values.yaml",
        "apiserver.extraEnv",
        ANY,
        "DIROPS_CONFIG_CHECKSUM: nothing else restarts the pods when their configuration changes",
    ),
];

#[test]
fn dev_is_dir_staging() {
    let Some(shared) = shared() else { return };
    let staging = Tree::read(&shared.join("dir-staging"));
    let found = compared("dev", &staging, &RENDERED);
    assert_only_meant(&found, DEV);
}

#[test]
fn dev_adds_nothing_but_the_checksum_to_the_environment_of_the_apiserver() {
    let values = values::of(&RENDERED, "dir", "dev");
    let names: Vec<_> = items(&values, "/apiserver/extraEnv").iter().filter_map(|item| item["name"].as_str()).collect();
    assert_eq!(names, ["DIROPS_CONFIG_CHECKSUM"], "applications/dir/dev/values.yaml: apiserver.extraEnv");
}

/// The differences between all files of an environment in two trees; a file that only one has is one difference.
fn compared(environment: &str, expected: &Tree, rendered: &Tree) -> Vec<Difference> {
    let deployed = |path: &&str| DEPLOYED.iter().any(|folder| path.starts_with(folder));
    let paths: BTreeSet<&str> =
        [expected, rendered].iter().flat_map(|tree| tree.paths_of(environment)).filter(deployed).collect();
    paths.into_iter().flat_map(|path| compared_file(path, expected, rendered)).collect()
}

fn compared_file(path: &str, expected: &Tree, rendered: &Tree) -> Vec<Difference> {
    let document = |tree: &Tree| tree.has(path).then(|| tree.document(path));
    differences(path, document(expected).as_ref(), document(rendered).as_ref())
}

// --- partner-eks: document 001, with its credentials out of the values ------------------------------------------------

const DIR_001: &str = "dir.values.yaml";
const SPIRE_001: &str = "spire.values.yaml";

const CREDENTIALS: &str = "credentials come from the Secrets that ExternalSecrets fill";
const PLACEHOLDER: &str = "the chart insists on a Secret: it gets a placeholder, and PostgreSQL reads the real one";
const INGRESS: &str = "the chart copies hosts as they stand, and the API server takes whole rules only";
const RESOURCES: &str = "document 000: production reserves what it needs";
const LIMITS: &str = "document 000: production limits its callers, at 500 requests per second or more";
const HARDENED: &str = "as in dir-staging: the containers need no privileges";
const CLUSTER_IP: &str = "the Ingress is the only way in; the chart's default opens a port on every node";
const LOGS: &str = "log collectors read JSON";
const GRANTS: &str = "what a partner may do is written for each partner, and here repeats what everyone may do";
const NOT_READ: &str = "the chart does not read this";
const IS_DEFAULT: &str = "this is the chart's default";
const ISSUER: &str = "the provider answers for the host of this issuer, and for no other";
const CERTIFICATE: &str = "cert-manager needs a Secret to put the certificate of the public name into";

const PARTNER_EKS: &[Meant] = &[
    removed(DIR_001, "apiserver.config.store.oci.auth_config.username", CREDENTIALS),
    removed(DIR_001, "apiserver.config.store.oci.auth_config.password", CREDENTIALS),
    removed(DIR_001, "apiserver.config.sync", CREDENTIALS),
    removed(DIR_001, "apiserver.secrets", CREDENTIALS),
    removed(DIR_001, "apiserver.zot.authHeader", CREDENTIALS),
    changed(DIR_001, "apiserver.zot.secretFiles", "null", CREDENTIALS),
    added(DIR_001, "apiserver.extraEnv", ANY, CREDENTIALS),
    added(DIR_001, "apiserver.extraVolumes", ANY, CREDENTIALS),
    added(DIR_001, "apiserver.extraVolumeMounts", ANY, CREDENTIALS),
    changed(DIR_001, "apiserver.postgresql.auth.password", ANY, PLACEHOLDER),
    added(
        DIR_001,
        "apiserver.postgresql.auth.existingSecret",
        r#""dir-dir-partner-eks-argoapp-apiserver""#,
        PLACEHOLDER,
    ),
    added(
        DIR_001,
        "apiserver.postgresql.auth.secretKeys",
        r#"{"userPasswordKey":"postgres-password","adminPasswordKey":"postgres-password"}"#,
        PLACEHOLDER,
    ),
    removed(DIR_001, "apiserver.ingress.hosts[host=api.partner.example.com].paths", INGRESS),
    added(
        DIR_001,
        "apiserver.ingress.hosts[host=api.partner.example.com].http",
        concat!(
            r#"{"paths":[{"path":"/","pathType":"ImplementationSpecific","backend":{"service":{"#,
            r#""name":"dir-dir-partner-eks-argoapp-apiserver","port":{"number":8888}}}}]}"#,
        ),
        INGRESS,
    ),
    added(
        DIR_001,
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.StoreService/Pull]",
        ANY,
        GRANTS,
    ),
    added(
        DIR_001,
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.StoreService/PullReferrer]",
        ANY,
        GRANTS,
    ),
    added(
        DIR_001,
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.StoreService/Lookup]",
        ANY,
        GRANTS,
    ),
    added(
        DIR_001,
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.SyncService/RequestRegistryCredentials]",
        ANY,
        GRANTS,
    ),
    added(DIR_001, "apiserver.resources", ANY, RESOURCES),
    added(DIR_001, "apiserver.reconciler.resources", ANY, RESOURCES),
    added(DIR_001, "apiserver.postgresql.primary.resources", ANY, RESOURCES),
    added(DIR_001, "apiserver.zot.resources", ANY, RESOURCES),
    added(DIR_001, "apiserver.config.ratelimit", ANY, LIMITS),
    added(DIR_001, "apiserver.podSecurityContext", ANY, HARDENED),
    added(DIR_001, "apiserver.securityContext", ANY, HARDENED),
    added(DIR_001, "apiserver.service", r#"{"type":"ClusterIP"}"#, CLUSTER_IP),
    added(DIR_001, "apiserver.zot.service", r#"{"type":"ClusterIP"}"#, CLUSTER_IP),
    added(DIR_001, "apiserver.log_level", r#""INFO""#, LOGS),
    added(DIR_001, "apiserver.log_format", r#""json""#, LOGS),
    added(DIR_001, "apiserver.image.pullSecrets", "[]", "the image is public; the chart's default names a Secret"),
    removed(DIR_001, "apiserver.reconciler.enabled", NOT_READ),
    removed(DIR_001, "apiserver.reconciler.image.repository", IS_DEFAULT),
    removed(DIR_001, "apiserver.reconciler.image.pullPolicy", IS_DEFAULT),
    added(
        DIR_001,
        "apiserver.zot.configFiles",
        ANY,
        "in the chart's default the administrator is an unevaluated template",
    ),
    added(
        DIR_001,
        "apiserver.zot.ingress.annotations[nginx.ingress.kubernetes.io/proxy-body-size]",
        r#""0""#,
        "blobs are bigger than nginx allows by default",
    ),
    added(SPIRE_001, "global.spire.jwtIssuer", r#""https://oidc-discovery.spire.partner.example.com""#, ISSUER),
    removed(SPIRE_001, "spiffe-oidc-discovery-provider.config", ISSUER),
    added(SPIRE_001, "spiffe-oidc-discovery-provider.ingress.tlsSecret", ANY, CERTIFICATE),
    added(
        SPIRE_001,
        "spiffe-oidc-discovery-provider.ingress.annotations[nginx.ingress.kubernetes.io/backend-protocol]",
        r#""HTTPS""#,
        "the provider serves TLS",
    ),
    removed(SPIRE_001, "spire-server.controllerManager.identities.clusterFederatedTrustDomain", NOT_READ),
    added(
        SPIRE_001,
        "spire-server.persistence",
        r#"{"storageClass":"ebs-sc-encrypted"}"#,
        "document 000: production keeps its data on encrypted volumes",
    ),
    added(SPIRE_001, "spire-server.resources", ANY, RESOURCES),
    added(SPIRE_001, "spire-server.controllerManager.resources", ANY, RESOURCES),
    added(SPIRE_001, "spire-agent", ANY, RESOURCES),
    added(SPIRE_001, "spiffe-oidc-discovery-provider.resources", ANY, RESOURCES),
];

#[test]
fn partner_eks_is_document_001() {
    let Some(shared) = shared() else { return };
    let mut found = Vec::new();
    for component in ["dir", "spire"] {
        let file = format!("{component}.values.yaml");
        let expected = yaml_file(&shared.join("expected/partner-eks").join(&file));
        found.extend(differences(&file, Some(&expected), Some(&values::of(&RENDERED, component, "partner-eks"))));
    }
    assert_only_meant(&found, PARTNER_EKS);
}

// --- the other documents ---------------------------------------------------------------------------------------------

/// The differences between the values that a document's folder has and those that are rendered: files of the folder,
/// laid over each other, and the component.
fn against_documents(environment: &str, of: &[(&[&str], &str)]) -> Option<Vec<Difference>> {
    let shared = shared()?;
    let mut found = Vec::new();
    for (files, component) in of {
        let layers = files.iter().map(|file| yaml_file(&shared.join("expected").join(file)));
        let expected = values::merged(layers);
        found.extend(differences(component, Some(&expected), Some(&values::of(&RENDERED, component, environment))));
    }
    Some(found)
}

#[test]
fn partner_io_is_document_002() {
    let files: [(&[&str], &str); 2] =
        [(&["partner-io/dir.values.yaml"], "dir"), (&["partner-io/spire.values.yaml"], "spire")];
    let Some(found) = against_documents("partner-io", &files) else { return };
    assert_only_meant(&found, PARTNER_IO);
}

#[test]
fn nested_root_is_document_003() {
    let files: [(&[&str], &str); 1] =
        [(&["nested-root/your-values.yaml", "nested-root/root-values.yaml"], "spire-nested")];
    let Some(found) = against_documents("nested-root", &files) else { return };
    assert_only_meant(&found, NESTED_ROOT);
}

/// The chart makes ports `pm-cm-<id>` and Services `prom-cm-<id>` of these, which may have 15 characters.
#[test]
fn nested_root_has_a_kubeconfig_for_each_child_and_none_in_its_values() {
    let values = values::of(&RENDERED, "spire-nested", "nested-root");
    let children = values["external-spire-server"]["kubeConfigs"].as_object().expect("it has children");
    let clusters = ["nested-child01", "nested-child02"].map(|environment| {
        let child = values::of(&RENDERED, "spire-nested", environment);
        assert_eq!(child["global"]["spire"]["trustDomain"], values["global"]["spire"]["trustDomain"]);
        child["global"]["spire"]["clusterName"].as_str().expect("a cluster has a name").to_owned()
    });
    assert_eq!(children.keys().cloned().collect::<Vec<_>>(), clusters);
    assert!(clusters.iter().all(|id| id.len() <= 7), "{clusters:?}");
    assert!(children.values().all(|child| *child == json!({"kubeConfigBase64": ""})), "{children:?}");

    let secrets = RENDERED.documents("applications/spire-nested/nested-root/manifests.yaml");
    let of = |name: &str| secrets.iter().find(|secret| secret["spec"]["target"]["name"] == name);
    let secret = of("spire-external-server-kubeconfigs").expect("the kubeconfigs come from an ExternalSecret");
    let keys: Vec<&str> = items(secret, "/spec/data").iter().filter_map(|datum| datum["secretKey"].as_str()).collect();
    assert_eq!(keys, clusters);
}

#[test]
fn the_children_are_document_003() {
    for (environment, file) in [
        ("nested-child01", "nested-child01/spire-child-cluster-01.yaml"),
        ("nested-child02", "nested-child02/spire-child-cluster-02.yaml"),
    ] {
        let files: [(&[&str], &str); 1] = [(&["nested-root/your-values.yaml", file], "spire-nested")];
        let Some(found) = against_documents(environment, &files) else { return };
        assert_only_meant(&found, NESTED_CHILD);
    }
}

#[test]
fn kind_testbed_is_document_004() {
    let files: [(&[&str], &str); 2] =
        [(&["kind-testbed/dir.values.yaml"], "dir"), (&["kind-testbed/spire.values.yaml"], "spire")];
    let Some(found) = against_documents("kind-testbed", &files) else { return };
    assert_only_meant(&found, KIND_TESTBED);
}

#[test]
fn kind_partner_is_document_004() {
    let files: [(&[&str], &str); 2] =
        [(&["kind-partner/dirctl.values.yaml"], "dirctl"), (&["kind-partner/spire.values.yaml"], "spire")];
    let Some(found) = against_documents("kind-partner", &files) else { return };
    assert_only_meant(&found, KIND_PARTNER);
}

const VOLUMES: &str = "document 000: production keeps its data on volumes, of a class that is named";
const ROUTING: &str = "document 000: peers reach the routing port through a load balancer, by name";
const SVID: &str = "with passthrough clients see this certificate, so it carries the public name";
const PUBLIC_API: &str = "what peers are told of this node must be reachable for them";
const NODE_KEY: &str = "the peer ID stays the same across restarts";
const CHECKSUM: &str = "nothing else restarts the pods when their configuration changes";
const PULL_SECRETS: &str = "the image is public; the chart's default names a Secret that nobody makes";
const NAMES: &str = "names follow from component and environment";
const ONE_VERSION: &str = "one version for the chart and all its images";
const HOOKS: &str = "Argo CD is no Helm client: the hooks would run on every sync";
const MOVED: &str = "the chart does not read `spire-server`: the settings stand where it reads them";
const LOG_LEVELS: &str = "the chart's own name for this agent";
const ONLY_ROOT: &str = "the children do not run this server";
const TAKE_OVER: &str = "what Helm needs to take the namespace over; Argo CD needs nothing, and never deletes it";
const CLASS: &str = "workloads' ClusterSPIFFEIDs name a class; the chart's default is made from the release";
const RECONCILER: &str = "its file is its own: it inherits nothing from `config`";

const PARTNER_IO: &[Meant] = &[
    added(
        "dir",
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.StoreService/Pull]",
        ANY,
        GRANTS,
    ),
    added(
        "dir",
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.StoreService/PullReferrer]",
        ANY,
        GRANTS,
    ),
    added(
        "dir",
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.StoreService/Lookup]",
        ANY,
        GRANTS,
    ),
    added(
        "dir",
        "apiserver.authz_policies_csv[p,prod.ads.outshift.io,/agntcy.dir.store.v1.SyncService/RequestRegistryCredentials]",
        ANY,
        GRANTS,
    ),
    added(
        "dir",
        "apiserver.config.publication",
        r#"{"scheduler_interval":"1h","worker_timeout":"30m","worker_count":1}"#,
        IS_DEFAULT,
    ),
    added("dir", "apiserver.config.ratelimit", ANY, LIMITS),
    changed("dir", "apiserver.config.routing.directory_api_address", r#""api.partner.io:443""#, PUBLIC_API),
    added("dir", "apiserver.config.routing.key_path", ANY, NODE_KEY),
    removed("dir", "apiserver.config.store.oci.auth_config.password", CREDENTIALS),
    removed("dir", "apiserver.config.store.oci.auth_config.username", CREDENTIALS),
    removed("dir", "apiserver.config.sync", CREDENTIALS),
    removed("dir", "apiserver.secrets", CREDENTIALS),
    removed("dir", "apiserver.zot.authHeader", CREDENTIALS),
    changed("dir", "apiserver.zot.secretFiles", "null", CREDENTIALS),
    added("dir", "apiserver.extraEnv", ANY, CREDENTIALS),
    added("dir", "apiserver.extraVolumes", ANY, NODE_KEY),
    added("dir", "apiserver.extraVolumeMounts", ANY, NODE_KEY),
    changed("dir", "apiserver.postgresql.auth.password", r#""managed-by-external-secrets""#, PLACEHOLDER),
    added("dir", "apiserver.postgresql.auth.existingSecret", r#""dir-dir-partner-io-argoapp-apiserver""#, PLACEHOLDER),
    added("dir", "apiserver.postgresql.auth.secretKeys", ANY, PLACEHOLDER),
    removed("dir", "apiserver.ingress.hosts[host=api.partner.io].paths", INGRESS),
    added("dir", "apiserver.ingress.hosts[host=api.partner.io].http", ANY, INGRESS),
    added("dir", "apiserver.spire.dnsNameTemplates", r#"["api.partner.io"]"#, SVID),
    added("dir", "apiserver.routingService", ANY, ROUTING),
    added("dir", "apiserver.pvc", r#"{"create":true,"storageClassName":"standard","size":"20Gi"}"#, VOLUMES),
    added("dir", "apiserver.postgresql.primary", ANY, VOLUMES),
    added("dir", "apiserver.zot.persistence", "true", VOLUMES),
    added("dir", "apiserver.zot.pvc", ANY, VOLUMES),
    added("dir", "apiserver.resources", ANY, RESOURCES),
    added("dir", "apiserver.reconciler", ANY, RECONCILER),
    added("dir", "apiserver.zot.resources", ANY, RESOURCES),
    added("dir", "apiserver.podSecurityContext", ANY, HARDENED),
    added("dir", "apiserver.securityContext", ANY, HARDENED),
    added("dir", "apiserver.service", r#"{"type":"ClusterIP"}"#, CLUSTER_IP),
    added("dir", "apiserver.zot.service", r#"{"type":"ClusterIP"}"#, CLUSTER_IP),
    added("dir", "apiserver.log_level", r#""INFO""#, LOGS),
    added("dir", "apiserver.log_format", r#""json""#, LOGS),
    added("dir", "apiserver.image.pullSecrets", "[]", PULL_SECRETS),
    added(
        "dir",
        "apiserver.zot.ingress.annotations[nginx.ingress.kubernetes.io/proxy-body-size]",
        r#""0""#,
        "blobs are bigger than nginx allows by default",
    ),
    removed("dir", "apiserver.zot.ingress.tls[secretName=zot-partner-tls]", NAMES),
    added("dir", "apiserver.zot.ingress.tls[secretName=zot-public-tls]", ANY, NAMES),
    changed("spire", "global.spire.clusterName", r#""partner-io""#, "kind-partner is a cluster called partner already"),
    added("spire", "global.spire.jwtIssuer", r#""https://oidc-discovery.spire.partner.io""#, ISSUER),
    removed("spire", "spiffe-oidc-discovery-provider.config", ISSUER),
    added("spire", "spiffe-oidc-discovery-provider.ingress.tlsSecret", ANY, CERTIFICATE),
    added(
        "spire",
        "spiffe-oidc-discovery-provider.ingress.annotations[nginx.ingress.kubernetes.io/backend-protocol]",
        r#""HTTPS""#,
        "the provider serves TLS",
    ),
    added("spire", "spiffe-oidc-discovery-provider.resources", ANY, RESOURCES),
    removed("spire", "spire-server.controllerManager.identities.clusterFederatedTrustDomain", NOT_READ),
    added("spire", "spire-server.controllerManager.resources", ANY, RESOURCES),
    changed("spire", "spire-server.federation.ingress.tlsSecret", r#""spire-federation-cert""#, NAMES),
    added("spire", "spire-server.persistence", r#"{"storageClass":"standard"}"#, VOLUMES),
    added("spire", "spire-server.resources", ANY, RESOURCES),
    added("spire", "spire-agent", ANY, RESOURCES),
];

const DATA_STORE: &str = concat!(
    r#"{"sql":{"databaseType":"mysql","databaseName":"spireserver","#,
    r#""host":"spire-datastore-mysqlv2.cluster-abc123def456.us-east-1.rds.amazonaws.com","port":3306,"#,
    r#""region":"us-east-1","username":"spireadmin","#,
    r#""externalSecret":{"enabled":true,"name":"spire-db-secret","key":"password"}}}"#,
);
const PERSISTENCE: &str = r#"{"type":"pvc","size":"1Gi","accessMode":"ReadWriteOnce","storageClass":"gp3"}"#;

const NESTED_ROOT: &[Meant] = &[
    removed("spire-nested", "downstream-spire-agent", LOG_LEVELS),
    removed("spire-nested", "spire-agent-downstream", LOG_LEVELS),
    removed("spire-nested", "spire-agent-upstream", LOG_LEVELS),
    added("spire-nested", "downstream-spire-agent-full", r#"{"logLevel":"debug"}"#, LOG_LEVELS),
    added("spire-nested", "global.deleteHooks", r#"{"enabled":false}"#, HOOKS),
    added("spire-nested", "global.installAndUpgradeHooks", r#"{"enabled":false}"#, HOOKS),
    added("spire-nested", "global.spire.namespaces.server", ANY, TAKE_OVER),
    added("spire-nested", "global.spire.namespaces.system", ANY, TAKE_OVER),
    added("spire-nested", "internal-spire-server.controllerManager", r#"{"className":"dir-spire"}"#, CLASS),
    added("spire-nested", "internal-spire-server.persistence", r#"{"storageClass":"gp3"}"#, VOLUMES),
    added("spire-nested", "external-spire-server.persistence", r#"{"storageClass":"gp3"}"#, VOLUMES),
    removed("spire-nested", "spire-server", MOVED),
    added("spire-nested", "root-spire-server.caTTL", r#""720h""#, MOVED),
    added("spire-nested", "root-spire-server.dataStore", DATA_STORE, MOVED),
    added("spire-nested", "root-spire-server.kind", r#""statefulset""#, MOVED),
    added("spire-nested", "root-spire-server.persistence", PERSISTENCE, MOVED),
    added("spire-nested", "root-spire-server.replicaCount", "1", MOVED),
    added(
        "spire-nested",
        "root-spire-server.serviceAccount",
        r#"{"create":true,"name":"spire-server","annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::111122223333:role/spire-server"}}"#,
        MOVED,
    ),
    added(
        "spire-nested",
        "external-spire-server.kubeConfigs",
        r#"{"child01":{"kubeConfigBase64":""},"child02":{"kubeConfigBase64":""}}"#,
        "the document passes them on the command line; here an ExternalSecret fills the Secret",
    ),
    removed(
        "spire-nested",
        "spiffe-oidc-discovery-provider.ingress.hosts[host=oidc-discovery.spirenested.example.com].paths[0].backend",
        "the chart adds the service itself, under its right name",
    ),
    removed(
        "spire-nested",
        "spiffe-oidc-discovery-provider.ingress.hosts[host=oidc-discovery.spirenested.example.com].paths[1].backend",
        "the chart adds the service itself, under its right name",
    ),
];

const NESTED_CHILD: &[Meant] = &[
    removed("spire-nested", "downstream-spire-agent", LOG_LEVELS),
    removed("spire-nested", "spire-agent-downstream", LOG_LEVELS),
    removed("spire-nested", "spire-agent-upstream", LOG_LEVELS),
    added("spire-nested", "downstream-spire-agent-full", r#"{"logLevel":"debug"}"#, LOG_LEVELS),
    added("spire-nested", "global.deleteHooks", r#"{"enabled":false}"#, HOOKS),
    added("spire-nested", "global.installAndUpgradeHooks", r#"{"enabled":false}"#, HOOKS),
    added("spire-nested", "global.spire.namespaces.server", ANY, TAKE_OVER),
    added("spire-nested", "global.spire.namespaces.system", ANY, TAKE_OVER),
    added("spire-nested", "internal-spire-server.controllerManager", r#"{"className":"dir-spire"}"#, CLASS),
    added("spire-nested", "internal-spire-server.persistence", r#"{"storageClass":"gp3"}"#, VOLUMES),
    removed("spire-nested", "external-spire-server", ONLY_ROOT),
    removed("spire-nested", "root-spire-server", ONLY_ROOT),
];

const BUNDLE: &str = "an example in place of the document's <…>; `dirops check` says so";

const SWITCHED_OFF: &str = "document 000's limits of a local cluster, for when somebody switches them on";

const KIND_TESTBED: &[Meant] = &[
    reordered("dir", "apiserver.authz_policies_csv", "the order of rows means nothing"),
    added("dir", "apiserver.config.ratelimit.global_rps", "50", SWITCHED_OFF),
    added("dir", "apiserver.config.ratelimit.global_burst", "100", SWITCHED_OFF),
    added("dir", "apiserver.config.ratelimit.per_client_rps", "100", SWITCHED_OFF),
    added("dir", "apiserver.config.ratelimit.per_client_burst", "200", SWITCHED_OFF),
    changed(
        "dir",
        "apiserver.config.routing.directory_api_address",
        r#""dir-dir-kind-testbed-argoapp-apiserver.dir-kind-testbed-dir.svc.cluster.local:8888""#,
        NAMES,
    ),
    changed(
        "dir",
        "apiserver.config.store.oci.registry_address",
        r#""dir-dir-kind-testbed-argoapp-zot.dir-kind-testbed-dir.svc.cluster.local:5000""#,
        NAMES,
    ),
    added("dir", "apiserver.extraEnv", ANY, CHECKSUM),
    added("dir", "apiserver.image.pullSecrets", "[]", PULL_SECRETS),
    added("dir", "apiserver.podSecurityContext", ANY, HARDENED),
    added("dir", "apiserver.securityContext", ANY, HARDENED),
    added(
        "dir",
        "apiserver.postgresql.auth.postgresPassword",
        r#""dir""#,
        "without it PostgreSQL's chart draws a new password at every rendering",
    ),
    added("dir", "apiserver.reconciler.image", r#"{"tag":"v1.0.0"}"#, ONE_VERSION),
    added("dir", "apiserver.resources", "{}", IS_DEFAULT),
    added("dir", "apiserver.routingService.externalTrafficPolicy", r#""Local""#, IS_DEFAULT),
    changed("dir", "apiserver.spire.federation[trustDomain=partner.testbed.local].trustDomainBundle", ANY, BUNDLE),
    removed("spire", "spire-server.controllerManager.identities.clusterFederatedTrustDomain", NOT_READ),
];

const EXAMPLE_JOBS: &str = "the chart switches these on: they look up and push a record that is nobody's";

const KIND_PARTNER: &[Meant] = &[
    added("dirctl", "configMaps", "[]", EXAMPLE_JOBS),
    added("dirctl", "cronjobs.lookup", r#"{"enabled":false}"#, EXAMPLE_JOBS),
    added("dirctl", "cronjobs.push", r#"{"enabled":false}"#, EXAMPLE_JOBS),
    reordered("dirctl", "env", "no variable is made from another"),
    added("dirctl", "image.pullSecrets", "[]", PULL_SECRETS),
    changed("dirctl", "spire.federation[trustDomain=testbed.internal.local].trustDomainBundle", ANY, BUNDLE),
    removed("spire", "spire-server.controllerManager.identities.clusterFederatedTrustDomain", NOT_READ),
];

/// The objects that the document applies by hand: those that are rendered, by kind and name.
#[test]
fn the_kind_clusters_have_the_objects_of_document_004() {
    let Some(shared) = shared() else { return };
    for (environment, file, component, pool) in [
        ("kind-testbed", "metallb.manifests.yaml", "metallb", "testbed"),
        ("kind-testbed", "spire-server-federation.service.yaml", "spire", "testbed"),
        ("kind-testbed", "dir-apiserver-external.service.yaml", "dir", "testbed"),
        ("kind-partner", "metallb.manifests.yaml", "metallb", "partner"),
        ("kind-partner", "spire-server-federation.service.yaml", "spire", "partner"),
    ] {
        let rendered = RENDERED.documents(&format!("applications/{component}/{environment}/manifests.yaml"));
        for expected in yaml_files(&shared.join("expected").join(environment).join(file)) {
            let same = |object: &&Value| {
                object["kind"] == expected["kind"] && object["metadata"]["name"] == expected["metadata"]["name"]
            };
            let found = rendered.iter().find(same).unwrap_or_else(|| panic!("{environment} lacks {expected}"));
            let differences = differences(file, Some(&expected), Some(found));
            let meant: Vec<Meant> = OBJECTS.iter().copied().filter(|row| row.file == file).collect();
            assert_only_meant(&differences, &meant);
            if expected["kind"] == "Service" {
                assert_eq!(found["metadata"]["annotations"]["metallb.io/address-pool"], format!("{pool}-pool"));
                assert_eq!(
                    found["spec"]["selector"]["app.kubernetes.io/instance"],
                    format!("{component}-dir-{environment}-argoapp")
                );
                assert_eq!(found["metadata"]["namespace"], format!("dir-{environment}-{component}"));
            }
        }
    }
}

const WAVE: &str = "the chart brings these kinds, and its webhook judges the objects: they come after it";
const ADDRESS: &str = "the other cluster has this address in its values: it must not depend on who asks first";

const OBJECTS: &[Meant] = &[
    added("metallb.manifests.yaml", "metadata.annotations", r#"{"argocd.argoproj.io/sync-wave":"1"}"#, WAVE),
    added("spire-server-federation.service.yaml", "metadata.annotations[metallb.io/loadBalancerIPs]", ANY, ADDRESS),
    changed("spire-server-federation.service.yaml", "metadata.namespace", ANY, NAMES),
    changed("spire-server-federation.service.yaml", "spec.selector[app.kubernetes.io/instance]", ANY, NAMES),
    added("dir-apiserver-external.service.yaml", "metadata.annotations[metallb.io/loadBalancerIPs]", ANY, ADDRESS),
    changed("dir-apiserver-external.service.yaml", "metadata.namespace", ANY, NAMES),
    changed("dir-apiserver-external.service.yaml", "spec.selector[app.kubernetes.io/instance]", ANY, NAMES),
];

// --- prod: what document 000 asks of production -----------------------------------------------------------------------

const TRUST_DOMAIN: &str = "prod.ads.outshift.io";
const API_HOST: &str = "prod.api.ads.outshift.io";
const ZOT_HOST: &str = "prod.zot.ads.outshift.io";
const ROUTING_HOST: &str = "prod.routing.ads.outshift.io";
const SPIRE_HOST: &str = "prod.spire.ads.outshift.io";
const EXTERNAL_DNS: &str = "external-dns.alpha.kubernetes.io~1hostname";
const DIR: &str = "applications/dir/prod";
const SPIRE: &str = "applications/spire/prod";

#[test]
fn prod_has_one_trust_domain() {
    let (dir, spire) = (prod("dir"), prod("spire"));
    assert_at(DIR, &dir, "/apiserver/spire/trustDomain", json!(TRUST_DOMAIN));
    assert_at(DIR, &dir, "/apiserver/config/authn/audiences", json!([format!("spiffe://{TRUST_DOMAIN}/spire/server")]));
    assert_at(SPIRE, &spire, "/global/spire/trustDomain", json!(TRUST_DOMAIN));
    assert_at(DIR, &dir, "/apiserver/spire/className", spire["spire-server"]["controllerManager"]["className"].clone());
}

#[test]
fn prod_passes_tls_through_to_the_apiserver() {
    let dir = prod("dir");
    assert_at(DIR, &dir, "/apiserver/ingress/enabled", json!(true));
    let annotations = "/apiserver/ingress/annotations";
    assert_at(DIR, &dir, &format!("{annotations}/nginx.ingress.kubernetes.io~1ssl-passthrough"), json!("true"));
    assert_at(DIR, &dir, &format!("{annotations}/nginx.ingress.kubernetes.io~1backend-protocol"), json!("GRPCS"));
    assert_at(DIR, &dir, &format!("{annotations}/{EXTERNAL_DNS}"), json!(API_HOST));
    assert_at(DIR, &dir, "/apiserver/ingress/tls", json!([{"hosts": [API_HOST]}]));
    assert_at(DIR, &dir, "/apiserver/spire/dnsNameTemplates", json!([API_HOST]));
    assert_at(DIR, &dir, "/apiserver/config/routing/directory_api_address", json!(format!("{API_HOST}:443")));
}

/// The chart copies the rules into the Ingress as they stand: paths without `http` and a backend would be refused.
#[test]
fn prod_gives_the_ingress_a_whole_rule() {
    let path = json!({
        "path": "/",
        "pathType": "ImplementationSpecific",
        "backend": {"service": {"name": "dir-dir-prod-argoapp-apiserver", "port": {"number": 8888}}},
    });
    assert_at(DIR, &prod("dir"), "/apiserver/ingress/hosts", json!([{"host": API_HOST, "http": {"paths": [path]}}]));
}

#[test]
fn prod_shows_the_registry_and_spire_under_their_own_names() {
    let (dir, spire) = (prod("dir"), prod("spire"));
    assert_at(DIR, &dir, "/apiserver/zot/ingress/enabled", json!(true));
    assert_at(DIR, &dir, "/apiserver/zot/ingress/hosts/0/host", json!(ZOT_HOST));
    assert_at(DIR, &dir, "/apiserver/zot/ingress/tls", json!([{"secretName": "zot-public-tls", "hosts": [ZOT_HOST]}]));
    assert_at(DIR, &dir, "/apiserver/config/store/oci/registry_address", json!(ZOT_HOST));
    assert_at(SPIRE, &spire, "/spire-server/federation/enabled", json!(true));
    assert_at(SPIRE, &spire, "/spire-server/federation/ingress/enabled", json!(true));
    assert_at(SPIRE, &spire, "/spire-server/federation/ingress/host", json!(SPIRE_HOST));
    assert_at(SPIRE, &spire, "/spiffe-oidc-discovery-provider/ingress/enabled", json!(true));
    let discovery = text(SPIRE, &spire, "/spiffe-oidc-discovery-provider/ingress/host");
    assert!(
        discovery.starts_with("prod.oidc-discovery") && discovery.ends_with(".ads.outshift.io"),
        "{SPIRE}: {discovery}"
    );
    assert_at(SPIRE, &spire, "/global/spire/jwtIssuer", json!(format!("https://{discovery}")));
}

#[test]
fn prod_keeps_its_data_on_encrypted_volumes() {
    let dir = prod("dir");
    for (volume, size, class) in [
        ("/apiserver/pvc", ("size", "20Gi"), "storageClassName"),
        ("/apiserver/postgresql/primary/persistence", ("size", "5Gi"), "storageClass"),
        ("/apiserver/zot/pvc", ("storage", "100Gi"), "storageClassName"),
    ] {
        assert_at(DIR, &dir, &format!("{volume}/{}", size.0), json!(size.1));
        assert_at(DIR, &dir, &format!("{volume}/{class}"), json!("ebs-sc-encrypted"));
    }
    for switch in [
        "/apiserver/pvc/create",
        "/apiserver/postgresql/primary/persistence/enabled",
        "/apiserver/zot/persistence",
        "/apiserver/zot/pvc/create",
    ] {
        assert_at(DIR, &dir, switch, json!(true));
    }
    assert_at(DIR, &dir, "/apiserver/strategy/type", json!("Recreate"));
}

#[test]
fn prod_gives_workloads_their_identity_before_they_start() {
    assert_at(DIR, &prod("dir"), "/apiserver/spire/enabled", json!(true));
    assert_at(DIR, &prod("dir"), "/apiserver/spire/useCSIDriver", json!(true));
}

#[test]
fn prod_keeps_the_keys_of_spire_on_an_encrypted_volume() {
    assert_at(SPIRE, &prod("spire"), "/spire-server/persistence/storageClass", json!("ebs-sc-encrypted"));
}

/// "Required for CronJobs and short-lived workloads".
#[test]
fn the_jobs_of_prod_have_their_identity_before_they_start() {
    assert_at("applications/dirctl/prod", &prod("dirctl"), "/spire/useCSIDriver", json!(true));
}

/// "ExternalSecrets + Vault".
#[test]
fn prod_takes_its_credentials_from_vault() {
    let secrets = RENDERED.documents(&format!("{DIR}/manifests.yaml"));
    let names: BTreeSet<&str> = secrets.iter().filter_map(|secret| secret["spec"]["target"]["name"].as_str()).collect();
    assert_eq!(names, ["dir-dir-prod-argoapp-apiserver", "dir-dir-prod-argoapp-secret"].into());
    let store = json!({"name": "vault-backend", "kind": "ClusterSecretStore"});
    assert!(secrets.iter().all(|secret| secret["spec"]["secretStoreRef"] == store), "{secrets:?}");
}

#[test]
fn prod_routing_is_reached_by_name_through_a_load_balancer() {
    let dir = prod("dir");
    assert_at(DIR, &dir, "/apiserver/routingService/type", json!("LoadBalancer"));
    assert_at(DIR, &dir, "/apiserver/routingService/cloudProvider", json!("aws"));
    assert_at(DIR, &dir, "/apiserver/routingService/aws/internal", json!(false));
    assert_at(DIR, &dir, &format!("/apiserver/routingService/annotations/{EXTERNAL_DNS}"), json!(ROUTING_HOST));
}

/// "500m–2000m / 1–4Gi" and "500+ RPS".
#[test]
fn prod_has_the_resources_and_limits_of_production() {
    let dir = prod("dir");
    for (place, amount) in [("requests/cpu", "500m"), ("requests/memory", "1Gi"), ("limits/memory", "4Gi")] {
        assert_at(DIR, &dir, &format!("/apiserver/resources/{place}"), json!(amount));
    }
    let cpu = text(DIR, &dir, "/apiserver/resources/limits/cpu");
    assert!(["2", "2000m"].contains(&cpu.as_str()), "{DIR}: apiserver.resources.limits.cpu is {cpu}, not 2000m");
    assert_at(DIR, &dir, "/apiserver/config/ratelimit/enabled", json!(true));
    let rate = at(DIR, &dir, "/apiserver/config/ratelimit/global_rps").as_u64().unwrap_or_default();
    assert!(rate >= 500, "{DIR}: apiserver.config.ratelimit.global_rps is {rate}, where production has 500 or more");
}

#[test]
fn prod_runs_no_helm_hooks() {
    let spire = prod("spire");
    for hooks in ["installAndUpgradeHooks", "deleteHooks"] {
        assert_at(SPIRE, &spire, &format!("/global/{hooks}/enabled"), json!(false));
    }
}

/// The chart's own default has an administrator that is the unevaluated text of a template.
#[test]
fn the_registry_of_prod_knows_its_users() {
    let dir = prod("dir");
    let config = text(DIR, &dir, "/apiserver/zot/configFiles/config.json");
    let config: Value =
        serde_json::from_str(&config).unwrap_or_else(|error| panic!("{DIR}: zot's config.json: {error}"));
    assert_at(DIR, &dir, "/apiserver/zot/mountConfig", json!(true));
    assert_at(DIR, &dir, "/apiserver/zot/mountSecret", json!(true));
    assert_at(DIR, &config, "/http/auth/htpasswd/path", json!("/secret/htpasswd"));
    assert_at(DIR, &config, "/http/accessControl/adminPolicy/users", json!(["admin"]));
    assert_at(DIR, &config, "/http/accessControl/repositories/**/anonymousPolicy", json!([]));
    assert_at(DIR, &config, "/http/accessControl/repositories/**/defaultPolicy", json!(["read"]));
}

#[test]
fn prod_has_no_credential_in_its_values() {
    let dir = prod("dir");
    let credentials = [
        "/apiserver/config/store/oci/auth_config/username",
        "/apiserver/config/store/oci/auth_config/password",
        "/apiserver/config/sync/auth_config/username",
        "/apiserver/config/sync/auth_config/password",
        "/apiserver/zot/authHeader",
        "/apiserver/zot/secretFiles/htpasswd",
        "/apiserver/secrets/privKey",
    ];
    let set =
        credentials.iter().filter(|place| dir.pointer(place).is_some_and(|value| !value.is_null() && value != ""));
    let set: Vec<String> = set.map(|place| (*place).to_owned()).collect();
    assert_none(&set, "applications/dir/prod: take these from External Secrets:");
}

// --- prod and its partners --------------------------------------------------------------------------------------------

#[test]
fn prod_federates_with_every_partner_and_never_with_itself() {
    let generated = RENDERED.document(&format!("{DIR}/gen.values.yaml"));
    let federated: BTreeSet<String> = items(&generated, "/apiserver/spire/federation")
        .iter()
        .map(|entry| entry["trustDomain"].as_str().expect("an entry has a trust domain").to_owned())
        .collect();
    let partners = partners();
    assert!(!partners.is_empty(), "onboarding/federation has no partner of prod");
    assert_eq!(
        federated, partners,
        "{DIR}/gen.values.yaml: the partners are those of onboarding/federation, prod left out"
    );
}

#[test]
fn prod_derives_its_own_class_name_and_the_partners_endpoints() {
    let generated = RENDERED.document(&format!("{DIR}/gen.values.yaml"));
    let dir = prod("dir");
    for entry in items(&generated, "/apiserver/spire/federation") {
        let mut expected = federation_file(entry["trustDomain"].as_str().expect("an entry has a trust domain"));
        expected["className"] = at(DIR, &dir, "/apiserver/spire/className").clone();
        assert_eq!(*entry, expected, "{DIR}/gen.values.yaml: the entry is the federation file with prod's class name");
    }
}

#[test]
fn prod_admits_every_partner() {
    let rows = policies(&prod("dir"));
    let missing = partners().into_iter().map(|partner| format!("p,{partner},*")).filter(|row| !rows.contains(row));
    let missing: Vec<String> = missing.collect();
    assert_none(
        &missing,
        "applications/dir/prod: authz_policies_csv lacks the rows of partners; see federation.grants:",
    );
    assert!(
        rows.contains(&format!("p,{TRUST_DOMAIN},*")),
        "{DIR}: prod grants its own trust domain everything: {rows:?}"
    );
}

#[test]
fn the_spire_of_prod_federates_with_the_same_partners() {
    let spire = prod("spire");
    let place = "/spire-server/controllerManager/identities/clusterSPIFFEIDs/default/federatesWith";
    let federated: BTreeSet<String> =
        items(&spire, place).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    assert_eq!(federated, partners(), "{SPIRE}: {place}");
}

#[test]
fn the_dirctl_of_prod_federates_with_the_same_partners() {
    let dirctl = prod("dirctl");
    let federated = items(&dirctl, "/spire/federation").iter().filter_map(|entry| entry["trustDomain"].as_str());
    let federated: BTreeSet<String> = federated.map(str::to_owned).collect();
    assert_eq!(federated, partners(), "applications/dirctl/prod: spire.federation");
}

/// The trust domains in the registry that prod can federate with by `https_web`, its own left out.
fn partners() -> BTreeSet<String> {
    let files = std::fs::read_dir(registry()).unwrap_or_else(|error| panic!("{}: {error}", registry().display()));
    let names = files.filter_map(|file| {
        Some(file.expect("read the registry").file_name().to_str()?.strip_suffix(".yaml")?.to_owned())
    });
    let onboarded = names.filter(|name| !name.starts_with('.') && name != TRUST_DOMAIN);
    onboarded.filter(|name| federation_file(name)["bundleEndpointProfile"]["type"] == "https_web").collect()
}

fn federation_file(trust_domain: &str) -> Value {
    yaml_file(&registry().join(format!("{trust_domain}.yaml")))
}

fn registry() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("onboarding/federation")
}

fn policies(values: &Value) -> Vec<String> {
    text(DIR, values, "/apiserver/authz_policies_csv").lines().map(str::to_owned).collect()
}

// --- values ----------------------------------------------------------------------------------------------------------

fn prod(component: &str) -> Value {
    values::of(&RENDERED, component, "prod")
}

fn at<'a>(place: &str, values: &'a Value, pointer: &str) -> &'a Value {
    values.pointer(pointer).unwrap_or_else(|| panic!("{place}: the values have nothing at {pointer}"))
}

fn text(place: &str, values: &Value, pointer: &str) -> String {
    let value = at(place, values, pointer);
    value.as_str().unwrap_or_else(|| panic!("{place}: {pointer} is no text: {value}")).to_owned()
}

fn items<'a>(values: &'a Value, pointer: &str) -> &'a [Value] {
    values.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn assert_at(place: &str, values: &Value, pointer: &str, expected: Value) {
    assert_eq!(*at(place, values, pointer), expected, "{place}: {pointer} (left is what is rendered)");
}
