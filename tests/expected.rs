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
use support::diff::{ANY, Difference, Meant, added, assert_only_meant, changed, differences, removed};
use support::tree::yaml_file;
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
    assert_at(DIR, &dir, "/apiserver/zot/ingress/tls/0/hosts", json!([ZOT_HOST]));
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
fn prod_routing_is_reached_by_name_through_a_load_balancer() {
    let dir = prod("dir");
    assert_at(DIR, &dir, "/apiserver/routingService/type", json!("LoadBalancer"));
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
