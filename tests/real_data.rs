//! What the rules say of the real environment repository and of the documents' values: each finding with the reason why
//! it is a fault, and nothing else.

#![allow(clippy::print_stderr, reason = "tests say what they skip")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A finding: rule, path (its end is enough), line, and why it is true.
type Expected = (&'static str, &'static str, u64, &'static str);

fn shared() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if !shared.is_dir() {
        eprintln!("skipped: there is no ../shared");
        return None;
    }
    Some(shared)
}

fn findings(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_dirops"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["check", "--format", "json", "--now", "1795392000"])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let value: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    value["findings"].as_array().unwrap().clone()
}

/// Asserts that these findings, and no others, are there.
fn assert_findings(arguments: &[&str], expected: &[Expected]) {
    let found: BTreeSet<(String, String, u64)> = findings(arguments)
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            (text("rule"), text("path"), finding["line"].as_u64().unwrap_or_default())
        })
        .collect();
    let is_expected = |(rule, path, line): &&(String, String, u64)| {
        expected.iter().any(|(r, p, l, _)| rule == r && path.ends_with(p) && line == l)
    };
    let surprising: Vec<_> = found.iter().filter(|finding| !is_expected(finding)).collect();
    let missing: Vec<_> = expected
        .iter()
        .filter(|(r, p, l, _)| !found.iter().any(|(rule, path, line)| rule == r && path.ends_with(p) && line == l))
        .collect();
    assert!(surprising.is_empty() && missing.is_empty(), "{arguments:?}\nnew: {surprising:#?}\nmissing: {missing:#?}");
}

fn assert_values(chart: &str, file: &str, expected: &[Expected]) {
    let Some(shared) = shared() else { return };
    let path = shared.join("expected").join(file);
    assert_findings(&["--chart", chart, &path.display().to_string()], expected);
}

#[test]
fn the_real_environment_repository() {
    let Some(shared) = shared() else { return };
    assert_findings(
        &["--into", &shared.join("dir-staging").display().to_string()],
        &[
            (
                "project-forbids",
                "applications/dex-credentials/dev/config.json",
                2,
                "`sourceRepos` lacks dex-credentials' repository: seen refused by Argo CD",
            ),
            (
                "unserved-external-secret",
                "applications/dex-credentials/dev/values.yaml",
                16,
                "the operator serves v1 alone since 0.17",
            ),
            (
                "project-forbids",
                "applications/dex/dev/config.json",
                2,
                "`sourceRepos` lacks dex's repository: seen refused by Argo CD",
            ),
            (
                "exposed-credential",
                "applications/dir/dev/values.yaml",
                131,
                "`config` is copied whole into a ConfigMap",
            ),
            (
                "exposed-credential",
                "applications/dir/dev/values.yaml",
                172,
                "`config` is copied whole into a ConfigMap",
            ),
            (
                "random-password",
                "applications/dir/dev/values.yaml",
                221,
                "nothing fixes `postgres-password`: never in sync",
            ),
            (
                "exposed-credential",
                "applications/dir/dev/values.yaml",
                280,
                "`authHeader` ends in the probes of a StatefulSet",
            ),
            (
                "missing-values-file",
                "applicationsets/dir/dev/applicationset.yaml",
                85,
                "three partners are onboarded, and nobody generates their values",
            ),
            (
                "server-side-diff",
                "applicationsets/dir/dev/applicationset.yaml",
                98,
                "spire was seen out of sync for ever",
            ),
            (
                "missing-bundle",
                "onboarding/federation/agntcy-research-dell.com.yaml",
                6,
                "no bootstrap bundle (agntcy/dir#1852)",
            ),
            (
                "missing-bundle",
                "onboarding/federation/dev.ads.outshift.io.yaml",
                5,
                "no bootstrap bundle (agntcy/dir#1852)",
            ),
            (
                "missing-bundle",
                "onboarding/federation/spire.ads.outshift.io.yaml",
                5,
                "no bootstrap bundle (agntcy/dir#1852)",
            ),
        ],
    );
}

#[test]
fn document_001_dir() {
    assert_values(
        "dir@v1.2.0",
        "partner-eks/dir.values.yaml",
        &[
            ("unset-resources", "dir.values.yaml", 1, "requests and limits are left to the chart, which has none"),
            ("exposed-credential", "dir.values.yaml", 54, "`config` is copied whole into a ConfigMap"),
            ("exposed-credential", "dir.values.yaml", 65, "`config` is copied whole into a ConfigMap"),
            ("partial-ingress-rule", "dir.values.yaml", 106, "host and paths alone: refused by the API server"),
            ("random-password", "dir.values.yaml", 115, "nothing fixes `postgres-password`: never in sync"),
            ("unset-resources", "dir.values.yaml", 118, "requests and limits are left to the chart, which has none"),
            ("unset-resources", "dir.values.yaml", 124, "requests and limits are left to the chart, which has none"),
            ("unknown-value", "dir.values.yaml", 125, "the chart has no such switch"),
            ("unset-resources", "dir.values.yaml", 168, "requests and limits are left to the chart, which has none"),
            ("exposed-credential", "dir.values.yaml", 176, "`authHeader` ends in the probes of a StatefulSet"),
            ("zot-without-administrator", "dir.values.yaml", 180, "mountConfig without configFiles: the chart's own"),
        ],
    );
}

#[test]
fn document_001_spire() {
    assert_values(
        "spire@0.28.3",
        "partner-eks/spire.values.yaml",
        &[
            ("unpinned-storage-class", "spire.values.yaml", 15, "left to the cluster's default"),
            ("unknown-value", "spire.values.yaml", 49, "the chart has clusterFederatedTrustDomains"),
            (
                "unanswered-discovery-host",
                "spire.values.yaml",
                60,
                "the issuer's host is oidc-discovery.<trust domain>",
            ),
            ("unknown-value", "spire.values.yaml", 65, "the provider's domains follow from the issuer"),
        ],
    );
}

#[test]
fn document_002_dir() {
    assert_values(
        "dir@v1.2.0",
        "partner-io/dir.values.yaml",
        &[
            ("ephemeral-state", "dir.values.yaml", 1, "the chart's default has no volume, and the document sets none"),
            ("moving-tag", "dir.values.yaml", 1, "the reconciler's image is left to the chart: latest"),
            ("unreachable-routing", "dir.values.yaml", 1, "the chart's default is a NodePort"),
            ("unset-resources", "dir.values.yaml", 1, "requests and limits are left to the chart, which has none"),
            ("exposed-credential", "dir.values.yaml", 39, "`config` is copied whole into a ConfigMap"),
            ("exposed-credential", "dir.values.yaml", 49, "`config` is copied whole into a ConfigMap"),
            ("unpinned-storage-class", "dir.values.yaml", 67, "left to the cluster's default"),
            ("unset-resources", "dir.values.yaml", 67, "requests and limits are left to the chart, which has none"),
            ("random-password", "dir.values.yaml", 70, "nothing fixes `postgres-password`: never in sync"),
            ("uncertified-host", "dir.values.yaml", 83, "dnsNameTemplates is not set"),
            ("partial-ingress-rule", "dir.values.yaml", 85, "host and paths alone: refused by the API server"),
            ("ephemeral-state", "dir.values.yaml", 90, "the chart's default has no volume, and the document sets none"),
            ("unset-resources", "dir.values.yaml", 90, "requests and limits are left to the chart, which has none"),
            ("exposed-credential", "dir.values.yaml", 92, "`authHeader` ends in the probes of a StatefulSet"),
        ],
    );
}

#[test]
fn document_002_spire() {
    assert_values(
        "spire@0.28.3",
        "partner-io/spire.values.yaml",
        &[
            ("unpinned-storage-class", "spire.values.yaml", 14, "left to the cluster's default"),
            ("unknown-value", "spire.values.yaml", 48, "the chart has clusterFederatedTrustDomains"),
            (
                "unanswered-discovery-host",
                "spire.values.yaml",
                59,
                "the issuer's host is oidc-discovery.<trust domain>",
            ),
            ("unknown-value", "spire.values.yaml", 64, "the provider's domains follow from the issuer"),
        ],
    );
}

#[test]
fn document_003_root() {
    assert_values(
        "spire-nested@0.28.4",
        "nested-root/root-values.yaml",
        &[
            ("unpinned-storage-class", "root-values.yaml", 1, "left to the cluster's default"),
            ("unknown-value", "root-values.yaml", 18, "spire-nested has three servers under other names"),
            ("unpinned-storage-class", "root-values.yaml", 81, "left to the cluster's default"),
        ],
    );
}

#[test]
fn document_003_root_of_ones_own() {
    assert_values(
        "spire-nested@0.28.4",
        "nested-root/your-values.yaml",
        &[
            ("unknown-value", "your-values.yaml", 25, "spire-nested's agents have other names"),
            ("unknown-value", "your-values.yaml", 28, "spire-nested's agents have other names"),
            ("unknown-value", "your-values.yaml", 31, "spire-nested's agents have other names"),
        ],
    );
}

#[test]
fn document_003_child() {
    assert_values(
        "spire-nested@0.28.4",
        "nested-child01/spire-child-cluster-01.yaml",
        &[("unpinned-storage-class", "spire-child-cluster-01.yaml", 1, "left to the cluster's default")],
    );
}

#[test]
fn document_004_dir() {
    assert_values(
        "dir@v1.0.0",
        "kind-testbed/dir.values.yaml",
        &[
            ("exposed-credential", "dir.values.yaml", 49, "`config` is copied whole into a ConfigMap"),
            ("exposed-credential", "dir.values.yaml", 59, "`config` is copied whole into a ConfigMap"),
            ("open-policy", "dir.values.yaml", 74, "everybody may push, on a local cluster"),
            ("random-password", "dir.values.yaml", 92, "nothing fixes `postgres-password`: never in sync"),
            ("exposed-credential", "dir.values.yaml", 106, "`authHeader` ends in the probes of a StatefulSet"),
        ],
    );
}

#[test]
fn document_004_spire_of_the_testbed() {
    assert_values(
        "spire@0.28.4",
        "kind-testbed/spire.values.yaml",
        &[("unknown-value", "spire.values.yaml", 27, "the chart has clusterFederatedTrustDomains")],
    );
}

#[test]
fn document_004_dirctl() {
    assert_values("dirctl@v1.0.0", "kind-partner/dirctl.values.yaml", &[]);
}

#[test]
fn document_004_spire_of_the_partner() {
    assert_values(
        "spire@0.28.4",
        "kind-partner/spire.values.yaml",
        &[("unknown-value", "spire.values.yaml", 27, "the chart has clusterFederatedTrustDomains")],
    );
}

/// Every file that the repository's own environments are rendered to, judged as somebody else's would be.
#[test]
fn every_setting_of_every_overlay_takes_effect() {
    let into = tempfile::tempdir().unwrap();
    let rendered = Command::new(env!("CARGO_BIN_EXE_dirops"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["render", "--into"])
        .arg(into.path())
        .output()
        .unwrap();
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let into = into.path().display().to_string();
    let of_settings = ["--into", &into, "--only", "unknown-value", "--only", "unrecorded-chart"];
    assert_findings(&of_settings, &[]);
    let errors: Vec<Value> =
        findings(&["--into", &into]).into_iter().filter(|finding| finding["severity"] == "error").collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
