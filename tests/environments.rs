//! What a change to the sources brings: another partner, and the OIDC gateway.

#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::diff::differences;
use support::tree::text;
use support::{RENDERED, Tree, rendered_with, values};

/// A partner on EKS, for another domain than partner-eks.
const PARTNER: &str = "\
description: a partner on EKS, federated with the public Directory
cluster: {name: eks-two}
trustDomain: directory.example.net
profiles: [eks, https-web, external-secrets]
components:
  spire-crds: {}
  spire: {version: 0.28.3}
  dir: {version: v1.2.0}
federation:
  trust: [prod.ads.outshift.io]
";

/// The same files as for partner-eks, with the same in them under the other names.
#[test]
fn another_partner_takes_one_file_of_fifteen_lines() {
    assert!(PARTNER.lines().count() <= 15);
    let tree = rendered_with(&[("overlays/partner-two/environment.yaml", PARTNER)]);
    let renamed = |text: &str| {
        let text = text.replace("partner-eks", "partner-two").replace("partner.example.com", "directory.example.net");
        text.replace("clusterName: eks", "clusterName: eks-two")
    };
    let paths: BTreeSet<String> = tree.paths_of("partner-two").into_iter().map(str::to_owned).collect();
    let of_eks = RENDERED.paths_of("partner-eks");
    assert_eq!(paths, of_eks.iter().map(|path| renamed(path)).collect());
    let mut found = Vec::new();
    for path in of_eks {
        let expected: Vec<Value> =
            RENDERED.documents(path).iter().map(|document| in_text(document, &renamed)).collect();
        let documents = tree.documents(&renamed(path));
        assert_eq!(expected.len(), documents.len(), "{path}");
        let pairs = expected.iter().zip(&documents);
        found.extend(pairs.flat_map(|(expected, document)| differences(path, Some(expected), Some(document))));
    }
    let found: BTreeSet<String> = found.into_iter().map(|difference| difference.path).collect();
    // What partner-eks has of its own, the digest of the configuration, and the name of the cluster.
    let own = [
        "apiserver.extraEnv[name=DIROPS_CONFIG_CHECKSUM].value",
        "apiserver.postgresql.primary.persistence.size",
        "global.spire.clusterName",
    ];
    assert_eq!(found, own.map(str::to_owned).into());
}

fn in_text(document: &Value, change: &dyn Fn(&str) -> String) -> Value {
    serde_json::from_str(&change(&document.to_string())).expect("names do not break JSON")
}

/// Document 000: "pair the production deployment with the optional OIDC gateway".
#[test]
fn the_oidc_gateway_with_dex_is_a_profile_that_prod_does_without() {
    let own = text(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("overlays/prod/environment.yaml"));
    assert!(!own.contains("oidc"), "prod has the gateway: this test has nothing to say then");
    let with_gateway = own
        .replace("external-secrets]", "external-secrets, oidc]")
        .replace("  dirctl: {}\n", "  dirctl: {}\n  dex: {}\n  oidc-gateway: {}\n");
    let tree = rendered_with(&[("overlays/prod/environment.yaml", &with_gateway)]);

    let (dex, gateway) = (values::of(&tree, "dex", "prod"), values::of(&tree, "oidc-gateway", "prod"));
    assert_eq!(dex["config"]["issuer"], "https://dex.ads.outshift.io");
    assert_eq!(dex["ingress"]["hosts"][0]["host"], "dex.ads.outshift.io");
    assert_eq!(gateway["envoy"]["oidc"]["issuers"][0]["issuer"], dex["config"]["issuer"]);
    assert_eq!(gateway["ingress"]["host"], "gateway.ads.outshift.io");
    assert_eq!(gateway["ingress"]["tls"], json!({"enabled": true, "secretName": "oidc-gateway-public-tls"}));
    assert_eq!(gateway["envoy"]["backend"]["address"], "dir-dir-prod-argoapp-apiserver.dir-prod-dir.svc.cluster.local");
    assert_eq!(gateway["envoy"]["spiffe"]["trustDomain"], "prod.ads.outshift.io");
    assert_filled(&tree, &dex);

    let project = tree.document("projects/dir/prod/dir-prod.yaml");
    let repositories = project["spec"]["sourceRepos"].as_array().expect("a project names its sources");
    assert!(repositories.contains(&json!("https://charts.dexidp.io")), "{repositories:?}");

    // The rest of prod is as it was.
    for path in RENDERED.paths_of("prod").into_iter().filter(|path| !path.starts_with("projects/")) {
        assert_eq!(tree.documents(path), RENDERED.documents(path), "{path}");
    }
}

/// The Secret that Dex reads comes from an ExternalSecret in its namespace.
fn assert_filled(tree: &Tree, dex: &Value) {
    let secrets = tree.documents("applications/dex/prod/manifests.yaml");
    let keys = |secret: &Value| -> Vec<Value> {
        secret["spec"]["data"].as_array().expect("it has data").iter().map(|datum| datum["secretKey"].clone()).collect()
    };
    for variable in dex["envVars"].as_array().expect("it has variables") {
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let filled = secrets.iter().any(|secret| {
            secret["spec"]["target"]["name"] == reference["name"] && keys(secret).contains(&reference["key"])
        });
        assert!(filled, "{variable}");
    }
}
