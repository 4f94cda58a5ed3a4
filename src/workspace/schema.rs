//! JSON Schemas: of the files that people write, for editors, and of what programs read. The program's own reading is stricter; what a schema
//! refuses, the program refuses, too.

use serde_json::{Value, json};

use super::form::FORMS;

/// A kind of file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SchemaKind {
    /// `onboarding/federation/<trust domain>.yaml`
    Federation,
    /// `overlays/<folder>/environment.yaml` and `base/environment.yaml`
    Environment,
    /// `base/<component>/component.yaml`
    Component,
    /// What `dirops diff --format json` writes
    Review,
}

/// Returns the schema of a kind of file, as JSON Schema 2020-12.
pub fn schema(kind: SchemaKind) -> Value {
    let mut schema = match kind {
        SchemaKind::Federation => federation(),
        SchemaKind::Environment => environment(),
        SchemaKind::Component => component(),
        SchemaKind::Review => crate::review::schema(),
    };
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema
}

/// Returns the schema of a map with these keys and no others.
fn map(description: &str, required: &[&str], properties: Value) -> Value {
    json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn text(description: &str) -> Value {
    json!({"description": description, "type": "string", "minLength": 1})
}

fn choice(description: &str, choices: &[&str]) -> Value {
    json!({"description": description, "enum": choices})
}

fn texts(description: &str) -> Value {
    json!({"description": description, "type": "array", "items": {"type": "string", "minLength": 1}})
}

fn methods(description: &str) -> Value {
    let pattern = r"^(\*|/[A-Za-z0-9._*]+/[A-Za-z0-9._*]+)$";
    json!({"description": description, "type": "array", "items": {"type": "string", "pattern": pattern}})
}

fn label(description: &str) -> Value {
    json!({"description": description, "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"})
}

fn trust_domain(description: &str) -> Value {
    json!({"description": description, "type": "string", "maxLength": 255, "pattern": "^[a-z0-9._-]+$"})
}

fn federation() -> Value {
    let profile = json!({
        "description": "How the endpoint proves that it is the partner's",
        "type": "object",
        "additionalProperties": false,
        "required": ["type"],
        "properties": {
            "type": choice(
                "https_web: by a web certificate; https_spiffe: by its SPIFFE ID",
                &["https_web", "https_spiffe"],
            ),
            "endpointSPIFFEID": {
                "description": "The SPIFFE ID of the endpoint; for https_spiffe alone",
                "type": "string",
                "pattern": "^spiffe://[a-z0-9._-]+/.+$",
            },
        },
        "if": {"properties": {"type": {"const": "https_spiffe"}}},
        "then": {"required": ["endpointSPIFFEID"]},
        "else": {"properties": {"endpointSPIFFEID": false}},
    });
    map(
        "How to reach one partner's SPIFFE bundle endpoint",
        &["className", "trustDomain", "bundleEndpointURL", "bundleEndpointProfile"],
        json!({
            "className": text("The class of the SPIRE controller manager; the registry's, usually dir-spire"),
            "trustDomain": trust_domain("The partner's trust domain; the file is called after it"),
            "bundleEndpointURL": {
                "description": "Where the partner's SPIRE server serves its bundle",
                "type": "string",
                "pattern": "^https://[^/?#@]+(/[^?#]*)?$",
            },
            "bundleEndpointProfile": profile,
            "trustDomainBundle": text("The partner's bundle as JSON: `spire-server bundle show -format spiffe`"),
        }),
    )
}

fn environment() -> Value {
    let service_account = map(
        "The ServiceAccount that the operator reads the store as",
        &["name"],
        json!({"name": text("Its name"), "namespace": text("Its namespace; for a ClusterSecretStore alone")}),
    );
    let vault = map(
        "Render the store: Vault with Kubernetes authentication",
        &["server", "role"],
        json!({
            "server": text("The URL of Vault"),
            "path": text("The mount of the key-value engine; default: secret"),
            "version": choice("Of the key-value engine", &["v1", "v2"]),
            "mountPath": text("The mount of Kubernetes authentication; default: kubernetes"),
            "role": text("The role in Vault"),
            "namespace": text("Vault's namespace"),
            "serviceAccount": service_account.clone(),
        }),
    );
    let aws = map(
        "Render the store: AWS Secrets Manager",
        &["region"],
        json!({
            "region": text("The region"),
            "role": text("The ARN of a role to take"),
            "serviceAccount": service_account,
        }),
    );
    let component = json!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "version": text("The chart's version"),
            "namespace": label("The namespace"),
            "wave": {"description": "Sync wave of the Application", "type": "integer"},
        },
    });
    let trust = json!({
        "description": "Which partners of the registry it trusts",
        "anyOf": [{"enum": ["all", "none"]}, texts("Trust domains")],
    });
    map(
        "One deployment of components to one cluster; docs/sources.md",
        &[],
        json!({
            "source": text("Names the source repository in headers and receipts"),
            "repository": text("The environment repository, as Argo CD reads it"),
            "revision": text("The revision of it that Argo CD follows"),
            "argocd": map("Argo CD", &["namespace"], json!({"namespace": label("Its namespace")})),
            "name": label("The environment's name; default: the folder's"),
            "description": text("What it is, in a line"),
            "cluster": map("The cluster", &[], json!({
                "name": text("Its name"),
                "address": text("Its API server, as Argo CD knows it"),
            })),
            "trustDomain": trust_domain("Its trust domain; it cannot change after deployment"),
            "domain": text("What the public hostnames are made from; default: the trust domain"),
            "hostPattern": {
                "description": "How: {service} and {domain} are replaced",
                "type": "string",
                "pattern": "\\{service\\}",
            },
            "hosts": map("Public hostnames that do not follow the pattern", &[], json!({
                "api": text("Of the Directory's API"),
                "zot": text("Of the registry"),
                "routing": text("Of the peer-to-peer network"),
                "spire": text("Of SPIRE's federation endpoint"),
                "oidcDiscovery": text("Of SPIRE's OIDC discovery"),
            })),
            "className": text("The class of the SPIRE controller manager"),
            "profiles": {
                "description": "Named layers of settings, later ones winning",
                "type": "array",
                "uniqueItems": true,
                "items": {"type": "string", "minLength": 1},
            },
            "includes": {
                "description": "The profiles that a profile brings along, before itself",
                "type": "object",
                "additionalProperties": texts("Profiles"),
            },
            "delivery": choice("How its Applications come to be", &["applications", "applicationset"]),
            "access": choice("What its AppProject permits", &["strict", "open"]),
            "components": {
                "description": "What it deploys, in order",
                "type": "object",
                "additionalProperties": component,
            },
            "policies": map("Its own rows of the policy file", &[], json!({
                "own": methods("For its own trust domain"),
                "anyone": methods("For every authenticated peer"),
            })),
            "federation": map("Whom it trusts", &[], json!({
                "registry": text("The folder of federation files; environment-repository, or a folder below that, for one in the environment repository"),
                "trust": trust,
                "accept": texts("The bundle endpoint profiles that it federates by"),
                "grants": {
                    "description": "What partners may call, by trust domain; `default` for the others",
                    "type": "object",
                    "additionalProperties": methods("Methods, or *"),
                },
            })),
            "externalSecrets": map("Where its credentials are", &[], json!({
                "apiVersion": choice("What the cluster's operator serves", &["v1", "v1beta1"]),
                "path": text("Where in the store"),
                "refreshInterval": text("How often the operator reads them"),
                "store": map("The store", &[], json!({
                    "kind": choice("For the whole cluster or for a namespace", &["ClusterSecretStore", "SecretStore"]),
                    "name": text("Its name"),
                    "vault": vault,
                    "aws": aws,
                })),
            })),
            "vars": {"description": "Variables for expressions", "type": "object"},
        }),
    )
}

fn component() -> Value {
    let kind = map(
        "A kind",
        &["group", "kind"],
        json!({
            "group": {"description": "Its API group; empty for the core group", "type": "string"},
            "kind": text("Its name"),
        }),
    );
    let mut secret = map(
        "A Secret that an ExternalSecret fills",
        &["name"],
        json!({
            "name": text("Its name, usually an expression"),
            "profiles": texts("Written where the environment has all of these; default: external-secrets"),
            "shield": {"description": "The chart renders this Secret as well", "type": "boolean"},
            "keys": {
                "description": "Key in the Secret: property in the store",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {"type": "string", "minLength": 1},
            },
            "keysOf": text("A value path: the keys of the map there are keys in the Secret, and properties"),
        }),
    );
    secret["anyOf"] = json!([{"required": ["keys"]}, {"required": ["keysOf"]}]);
    let form = json!({
        "description": "What a property must be; docs/sources.md",
        "anyOf": [
            {"enum": FORMS},
            map("A form", &["form"], json!({
                "form": {"enum": FORMS},
                "is": text("The name that a user has"),
                "users": {
                    "description": "What an htpasswd file is made from: the property of a name, that of its password",
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"type": "string", "minLength": 1},
                },
                "given": texts("Made elsewhere in environments with all of these profiles"),
            })),
        ],
    });
    map(
        "A chart, and what dirops must know of it; docs/sources.md",
        &["chart"],
        json!({
            "chart": map("The Helm chart", &["repository", "name", "version"], json!({
                "repository": text("A URL, or a registry's host for OCI charts"),
                "name": text("Its name in the repository"),
                "version": text("Its version, where the environment names no other"),
            })),
            "namespace": text("The namespace; default: dir-<environment>-<component>"),
            "release": text("The release's name; default: the Application's, <component>-dir-<environment>-argoapp"),
            "namespaces": texts("Further namespaces that the chart writes to"),
            "wave": {"description": "Sync wave of the Application", "type": "integer"},
            "clusterKinds": {"description": "Cluster-wide kinds that the chart renders", "type": "array", "items": kind},
            "services": {
                "description": "In-cluster services: what the chart appends to the release, and the port",
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 65535},
            },
            "listKeys": {
                "description": "Lists that merge by a key of their items",
                "type": "object",
                "additionalProperties": {"type": "string", "minLength": 1},
            },
            "credentials": texts("Value paths that hold credentials; * is any key or item"),
            "restartOn": texts("Value paths whose change must restart what reads them"),
            "secrets": {"description": "Secrets that ExternalSecrets fill", "type": "array", "items": secret},
            "forms": {
                "description": "What the properties in the store must be",
                "type": "object",
                "additionalProperties": form,
            },
        }),
    )
}
