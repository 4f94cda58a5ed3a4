//! What follows from what: hostnames, partners, policies, checksums, secrets and their stores.

mod scratch;

use scratch::Scratch;
use serde_json::Value;

const VALUES: &str = "applications/app/one/values.yaml";
const GENERATED: &str = "applications/app/one/gen.values.yaml";
const MANIFESTS: &str = "applications/app/one/manifests.yaml";

fn yaml(scratch: &Scratch, path: &str) -> Value {
    serde_yaml::from_str(&scratch.read(path)).unwrap()
}

fn documents(scratch: &Scratch, path: &str) -> Vec<Value> {
    use serde::Deserialize;
    let text = scratch.read(path);
    serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

fn checksum(scratch: &Scratch) -> String {
    yaml(scratch, VALUES)["env"][0]["value"].as_str().unwrap().to_owned()
}

#[test]
fn hostnames_follow_from_the_domain_the_pattern_or_are_set() {
    for (settings, expected) in [
        ("", "api.one.example.org"),
        ("domain: example.net\n", "api.example.net"),
        ("domain: example.net\nhostPattern: 'prod.{service}.{domain}'\n", "prod.api.example.net"),
        ("hosts: {api: directory.example.com}\n", "directory.example.com"),
    ] {
        let scratch = Scratch::new();
        scratch.edit("overlays/one/environment.yaml", "cluster:", &format!("{settings}cluster:"));
        scratch.rendered();
        assert_eq!(yaml(&scratch, VALUES)["host"], expected, "{settings}");
    }
    let scratch = Scratch::new();
    scratch.write("overlays/one/app.yaml", "discovery: ${{ host.oidcDiscovery }}\n");
    scratch.rendered();
    assert_eq!(yaml(&scratch, VALUES)["discovery"], "oidc-discovery.spire.one.example.org");
}

#[test]
fn a_profile_brings_along_what_it_includes_before_itself() {
    let scratch = Scratch::new();
    scratch.write("base/app/profiles/below.yaml", "first: below\nsecond: below\n");
    scratch.write("base/app/profiles/middle.yaml", "second: middle\nthird: middle\n");
    scratch.write("base/app/profiles/above.yaml", "third: above\n");
    // A circle adds nothing.
    scratch.edit(
        "base/environment.yaml",
        "argocd:",
        "includes: {above: [middle], middle: [below], below: [above]}\nargocd:",
    );
    scratch.edit("overlays/one/environment.yaml", "profiles: [", "profiles: [above, ");
    scratch.rendered();
    let values = yaml(&scratch, VALUES);
    assert_eq!([&values["first"], &values["second"], &values["third"]], ["below", "middle", "above"]);
    scratch.edit("base/environment.yaml", "middle: [below]", "middle: [beloww]");
    scratch.render(&[]).expect(2).says("there is no profile `beloww`").says("did you mean `below`");
}

#[test]
fn names_follow_from_environment_and_component() {
    let scratch = Scratch::new();
    scratch.write(
        "overlays/one/app.yaml",
        "r: ${{ release }}\nns: ${{ namespaces.crds }}\ns: ${{ services.app.web.address }}\nv: ${{ versions.app }}\n",
    );
    scratch.rendered();
    let values = yaml(&scratch, VALUES);
    assert_eq!(values["r"], "app-dir-one-argoapp");
    assert_eq!(values["ns"], "dir-one-crds");
    assert_eq!(values["s"], "app-dir-one-argoapp-web.dir-one-app.svc.cluster.local:8080");
    assert_eq!(values["v"], "1.2.3");
}

#[test]
fn a_service_whose_name_is_in_the_release_has_no_suffix() {
    let scratch = Scratch::new();
    scratch.edit("overlays/one/environment.yaml", "cluster:", "name: web\ncluster:");
    scratch.write("overlays/one/app.yaml", "s: ${{ services.app.web.name }}\n");
    scratch.rendered();
    assert_eq!(yaml(&scratch, "applications/app/web/values.yaml")["s"], "app-dir-web-argoapp");
}

#[test]
fn partners_are_written_sorted_with_the_environments_own_class() {
    let scratch = Scratch::new();
    let partner = |name: &str| {
        format!(
            "className: dir-spire\ntrustDomain: {name}\nbundleEndpointURL: https://spire.{name}\n\
             bundleEndpointProfile: {{type: https_web}}\n"
        )
    };
    for name in ["z.example.net", "a.example.net", "one.example.org"] {
        scratch.write(&format!("onboarding/federation/{name}.yaml"), partner(name));
    }
    scratch.edit(
        "overlays/one/environment.yaml",
        "trust: all",
        "trust: all, grants: {z.example.net: ['*'], default: [/a.v1.Store/Pull, /a.v1.Store/Push]}",
    );
    // Two environments of different classes share the registry, whose files name the usual one.
    scratch.edit("overlays/one/environment.yaml", "cluster:", "className: own\ncluster:");
    scratch.edit("overlays/two/environment.yaml", "cluster:", "federation: {trust: all}\ncluster:");
    scratch.rendered();
    let values = yaml(&scratch, GENERATED);
    let names: Vec<_> = values["federation"].as_array().unwrap().iter().map(|p| p["trustDomain"].clone()).collect();
    assert_eq!(names, ["a.example.net", "partner.example.net", "z.example.net"], "itself, or out of order");
    assert_eq!(values["federation"][0]["className"], "own");
    let other = yaml(&scratch, "applications/app/two/gen.values.yaml");
    assert_eq!(other["federation"][0]["className"], "dir-spire");
    assert_eq!(
        values["policies"],
        "p,one.example.org,*\np,*,/a.v1.Store/Pull\n\
         p,a.example.net,/a.v1.Store/Pull\np,a.example.net,/a.v1.Store/Push\n\
         p,partner.example.net,/a.v1.Store/Pull\np,partner.example.net,/a.v1.Store/Push\n\
         p,z.example.net,*\n"
    );
}

#[test]
fn a_partner_by_a_profile_that_is_not_accepted_is_left_out_with_a_warning() {
    let scratch = Scratch::new();
    let text = include_str!("rules/bundle-endpoint-profile/pass/spiffe.example.net.yaml");
    scratch.write("onboarding/federation/spiffe.example.net.yaml", text);
    scratch.render(&[]).expect(0).says("1 warning");
    let run = scratch.run(&["check"]).says("warning[profile-not-accepted]").says("`one`");
    assert!(run.out.contains("onboarding/federation/spiffe.example.net.yaml:5:9"), "{}", run.out);
    assert!(!scratch.read(GENERATED).contains("spiffe.example.net"));

    scratch.edit("overlays/one/environment.yaml", "trust: all", "trust: all, accept: [https_web, https_spiffe]");
    scratch.rendered();
    let entry = yaml(&scratch, GENERATED)["federation"][1].clone();
    assert!(entry["trustDomainBundle"].as_str().unwrap().contains("\"x5c\""), "the bundle is the partner's");
    assert_eq!(entry["bundleEndpointProfile"]["endpointSPIFFEID"], "spiffe://spiffe.example.net/spire/server");
}

#[test]
fn a_grant_to_nobody_is_warned_of() {
    let scratch = Scratch::new();
    scratch.edit("overlays/one/environment.yaml", "trust: all", "trust: all, grants: {partner.exampel.net: ['*']}");
    scratch.render(&[]).expect(0).says("1 warning: see `dirops check`");
    scratch.run(&["check"]).says("warning[grant-to-nobody]").says("did you mean `partner.example.net`?");
}

#[test]
fn an_environment_that_trusts_itself_is_told() {
    let scratch = Scratch::new();
    scratch.edit("overlays/one/environment.yaml", "trust: all", "trust: [one.example.org]");
    scratch.write(
        "onboarding/federation/one.example.org.yaml",
        "className: dir-spire\ntrustDomain: one.example.org\nbundleEndpointURL: https://spire.one.example.org\n\
         bundleEndpointProfile: {type: https_web}\n",
    );
    let run = scratch.render(&[]).expect(2).says("error[self-federation]: `one` trusts itself");
    assert!(run.err.contains("overlays/one/environment.yaml:5:22"), "{}", run.err);
}

#[test]
fn the_checksum_follows_the_configuration_and_nothing_else() {
    let scratch = Scratch::new();
    let first = checksum(scratch.rendered());
    scratch.write("overlays/one/app.yaml", "replicas: 3\n");
    assert_eq!(checksum(scratch.rendered()), first, "nothing that is read at the start changed");
    scratch.write("overlays/one/app.yaml", "config: {level: warn}\n");
    let second = checksum(scratch.rendered());
    assert_ne!(second, first, "the configuration changed");
    scratch
        .write("base/app/values.yaml", scratch::FILES[2].1.replace("config: {level: info}", "config:\n  level: info"));
    assert_eq!(checksum(scratch.rendered()), second, "only the spelling changed");
}

#[test]
fn the_checksum_covers_what_follows_from_the_partners() {
    let scratch = Scratch::new();
    scratch.edit("base/app/component.yaml", "restartOn: [config]", "restartOn: [config, policies]");
    let first = checksum(scratch.rendered());
    std::fs::remove_file(scratch.source().join("onboarding/federation/partner.example.net.yaml")).unwrap();
    assert_ne!(checksum(scratch.rendered()), first, "a partner's rows are gone");
}

#[test]
fn credentials_come_from_the_store_that_the_cluster_has() {
    let scratch = Scratch::new();
    scratch.rendered();
    let manifests = documents(&scratch, MANIFESTS);
    let [secret] = manifests.as_slice() else { panic!("{manifests:?}") };
    assert_eq!(secret["apiVersion"], "external-secrets.io/v1");
    assert_eq!(secret["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"], "-1");
    assert_eq!(secret["spec"]["secretStoreRef"]["kind"], "ClusterSecretStore");
    assert_eq!(secret["spec"]["data"][0]["remoteRef"]["key"], "dir/one");
    assert_eq!(secret["spec"]["target"]["name"], "app-dir-one-argoapp-app");
    let application = yaml(&scratch, "applicationsets/dir/one/app.yaml");
    assert_eq!(application["spec"]["ignoreDifferences"][0]["name"], "app-dir-one-argoapp-app");
    assert!(!scratch.target().join("applications/app/two/manifests.yaml").exists(), "a local cluster has none");
}

#[test]
fn keys_of_a_secret_can_follow_from_the_values() {
    let scratch = Scratch::new();
    scratch.edit("base/app/component.yaml", "keys: {password: app-password}", "keysOf: clusters");
    scratch.write("overlays/one/app.yaml", "clusters: {a: {kubeConfig: ''}, b: {kubeConfig: ''}}\n");
    scratch.rendered();
    let data = documents(&scratch, MANIFESTS)[0]["spec"]["data"].clone();
    let keys = |index: usize| (data[index]["secretKey"].clone(), data[index]["remoteRef"]["property"].clone());
    assert_eq!([keys(0), keys(1)], [("a".into(), "a".into()), ("b".into(), "b".into())]);

    scratch.write("overlays/one/app.yaml", "clusters: {}\n");
    scratch.rendered();
    assert!(!scratch.target().join(MANIFESTS).exists(), "without keys there is no Secret");
    let application = yaml(&scratch, "applicationsets/dir/one/app.yaml");
    assert!(application["spec"].get("ignoreDifferences").is_none(), "and nothing to shield");
    scratch.edit("base/app/component.yaml", "keysOf: clusters", "profiles: [external-secrets]");
    scratch.render(&[]).expect(2).says("needs the key `keys`");
}

#[test]
fn a_component_can_name_its_release() {
    let scratch = Scratch::new();
    scratch.edit("base/app/component.yaml", "wave: 1", "wave: 1\nrelease: ${{ cluster.name }}-app");
    scratch.edit("overlays/two/environment.yaml", "delivery: applicationset", "delivery: applications");
    scratch.write("overlays/one/app.yaml", "r: ${{ release }}\ns: ${{ services.app.web.name }}\n");
    scratch.rendered();
    let application = yaml(&scratch, "applicationsets/dir/one/app.yaml");
    assert_eq!(application["metadata"]["name"], "app-dir-one-argoapp");
    assert_eq!(application["spec"]["sources"][0]["helm"]["releaseName"], "one-app");
    assert_eq!(yaml(&scratch, VALUES)["r"], "one-app");
    assert_eq!(yaml(&scratch, VALUES)["s"], "one-app-web");
    assert_eq!(application["spec"]["ignoreDifferences"][0]["name"], "one-app-app");

    scratch.edit("overlays/two/environment.yaml", "delivery: applications", "delivery: applicationset");
    scratch.render(&[]).expect(2).says("`app` names its own release").says("delivery: applications");
}

#[test]
fn an_application_set_carries_the_manifests_and_shields_of_all_its_components() {
    let scratch = Scratch::new();
    scratch.edit("overlays/one/environment.yaml", "cluster:", "delivery: applicationset\ncluster:");
    scratch.rendered();
    let spec = yaml(&scratch, "applicationsets/dir/one/applicationset.yaml")["spec"]["template"]["spec"].clone();
    assert_eq!(spec["sources"][1]["path"], "applications/{{ appName }}/one");
    assert_eq!(spec["sources"][1]["directory"]["include"], "manifests.yaml");
    assert_eq!(spec["ignoreDifferences"][0]["name"], "app-dir-one-argoapp-app");
    let local = yaml(&scratch, "applicationsets/dir/two/applicationset.yaml")["spec"]["template"]["spec"].clone();
    assert!(local["sources"][1].get("path").is_none(), "nothing to deploy from there");
}

#[test]
fn an_old_operator_gets_the_version_that_it_serves() {
    let scratch = Scratch::new();
    scratch.edit("overlays/one/environment.yaml", "cluster:", "externalSecrets: {apiVersion: v1beta1}\ncluster:");
    scratch.rendered();
    assert_eq!(documents(&scratch, MANIFESTS)[0]["apiVersion"], "external-secrets.io/v1beta1");
}

#[test]
fn a_store_of_the_whole_cluster_is_rendered_once_and_permitted() {
    let scratch = Scratch::new();
    scratch.edit(
        "overlays/one/environment.yaml",
        "cluster:",
        "externalSecrets: {store: {name: own, vault: {server: 'https://vault.example.org', role: dir, \
         serviceAccount: {name: eso, namespace: external-secrets}}}}\ncluster:",
    );
    scratch.write(
        "base/crds/component.yaml",
        "chart: {repository: https://charts.example.org, name: crds, version: 0.1.0}\nwave: 2\n\
         secrets: [{name: other, keys: {a: b}}]\n",
    );
    scratch.rendered();
    let manifests = documents(&scratch, MANIFESTS);
    assert_eq!(manifests[0]["kind"], "ClusterSecretStore", "the first component in sync order carries it");
    assert_eq!(manifests[0]["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"], "-2");
    let kubernetes = &manifests[0]["spec"]["provider"]["vault"]["auth"]["kubernetes"];
    assert_eq!(kubernetes["serviceAccountRef"]["namespace"], "external-secrets");
    let others = documents(&scratch, "applications/crds/one/manifests.yaml");
    assert!(others.iter().all(|object| object["kind"] == "ExternalSecret"), "it is there twice");
    let project = yaml(&scratch, "projects/dir/one/dir-one.yaml");
    let kinds = project["spec"]["clusterResourceWhitelist"].as_array().unwrap();
    assert!(kinds.iter().any(|kind| kind["kind"] == "ClusterSecretStore"));
}

#[test]
fn a_store_of_a_namespace_is_rendered_in_each() {
    let scratch = Scratch::new();
    scratch.edit(
        "overlays/one/environment.yaml",
        "cluster:",
        "externalSecrets: {store: {kind: SecretStore, name: own, aws: {region: eu-west-1, \
         serviceAccount: {name: dir}}}}\ncluster:",
    );
    scratch.rendered();
    let store = documents(&scratch, MANIFESTS)[0].clone();
    assert_eq!(store["kind"], "SecretStore");
    assert_eq!(store["spec"]["provider"]["aws"]["service"], "SecretsManager");
    assert_eq!(store["spec"]["provider"]["aws"]["auth"]["jwt"]["serviceAccountRef"]["name"], "dir");
}

#[test]
fn a_store_whose_account_does_not_fit_its_kind_is_refused() {
    for (kind, account) in [("SecretStore", "{name: a, namespace: b}"), ("ClusterSecretStore", "{name: a}")] {
        let scratch = Scratch::new();
        let store = format!("{{kind: {kind}, name: own, aws: {{region: r, serviceAccount: {account}}}}}");
        scratch.edit(
            "overlays/one/environment.yaml",
            "cluster:",
            &format!("externalSecrets: {{store: {store}}}\ncluster:"),
        );
        scratch.render(&[]).expect(2).says("`serviceAccount` must be `name`");
    }
}

#[test]
fn objects_that_no_chart_renders_are_deployed_beside_the_chart() {
    let scratch = Scratch::new();
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: elsewhere}}\nspec: {{x: '${{{{ release }}}}'}}\n"
        )
    };
    scratch.write("base/app/manifests.yaml", service("a"));
    scratch
        .write("base/app/profiles/external-secrets.manifests.yaml", format!("{}---\n{}", service("b"), service("c")));
    scratch.write("base/app/profiles/kind.manifests.yaml", service("d"));
    scratch.write("overlays/one/app.manifests.yaml", service("e"));
    scratch.rendered();
    let names: Vec<_> =
        documents(&scratch, MANIFESTS).iter().map(|object| object["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["app-dir-one-argoapp-app", "a", "b", "c", "e"]);
    assert_eq!(documents(&scratch, MANIFESTS)[1]["spec"]["x"], "app-dir-one-argoapp");
    let project = yaml(&scratch, "projects/dir/one/dir-one.yaml");
    let destinations = project["spec"]["destinations"].as_array().unwrap();
    assert!(destinations.iter().any(|destination| destination["namespace"] == "elsewhere"), "not permitted");
    scratch.write("overlays/one/app.manifests.yaml", "kind: Service\n");
    scratch.render(&[]).expect(2).says("an object needs `apiVersion`");
}

#[test]
fn null_reaches_helm_and_keyed_lists_merge() {
    let scratch = Scratch::new();
    scratch
        .write("overlays/one/app.yaml", "config: null\nenv: [{name: MORE, value: x}, {name: CHECKSUM, value: mine}]\n");
    scratch.rendered();
    let values = yaml(&scratch, VALUES);
    assert!(values.as_object().unwrap().contains_key("config") && values["config"].is_null());
    assert_eq!(values["env"][0]["value"], "mine");
    assert_eq!(values["env"][1]["name"], "MORE");
}

#[test]
fn helm_and_argo_templates_and_escaped_expressions_pass_through() {
    let scratch = Scratch::new();
    scratch.write("overlays/one/app.yaml", "a: '{{ .Values.x }}'\nb: $${{ name }}\nc: '{% if %} {# x #}'\n");
    scratch.rendered();
    let values = yaml(&scratch, VALUES);
    assert_eq!(values["a"], "{{ .Values.x }}");
    assert_eq!(values["b"], "${{ name }}");
    assert_eq!(values["c"], "{% if %} {# x #}");
}

#[test]
fn an_expression_takes_its_own_type_and_cannot_break_the_document() {
    let scratch = Scratch::new();
    scratch.edit(
        "overlays/one/environment.yaml",
        "cluster:",
        "vars: {port: 8443, on: \"yes\", text: \"a: b\\n- c # d\", list: [1, 2], both: 'x${{ vars.port }}'}\ncluster:"
            .replace("on:", "'on':")
            .as_str(),
    );
    scratch.write(
        "overlays/one/app.yaml",
        "port: ${{ vars.port }}\nsum: ${{ vars.port + 1 }}\nswitch: ${{ vars.on }}\ntext: ${{ vars.text }}\n\
         list: ${{ vars.list }}\nboth: ${{ vars.both }}\nis: ${{ 'kind' in profiles }}\n",
    );
    scratch.rendered();
    let values = yaml(&scratch, VALUES);
    assert_eq!(values["port"], 8443);
    assert_eq!(values["sum"], 8444);
    assert_eq!(values["switch"], "yes");
    assert_eq!(values["text"], "a: b\n- c # d");
    assert_eq!(values["list"], serde_json::json!([1, 2]));
    assert_eq!(values["both"], "x8443");
    assert_eq!(values["is"], false);
}
