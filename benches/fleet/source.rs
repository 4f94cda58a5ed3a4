//! Generates a source repository: the project's own `base/`, and as many environments over it as asked for.

use std::fs;
use std::path::Path;

use crate::Result;

/// The components of every environment, in the order in which they are deployed.
pub const COMPONENTS: [&str; 6] = ["spire-crds", "spire", "dir", "dirctl", "dex", "oidc-gateway"];

/// How many partners have a federation file; every environment trusts them all.
pub const PARTNERS: usize = 20;

pub fn generate(folder: &Path, environments: usize) -> Result<()> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("base");
    copy_folder(&base, &folder.join("base")).map_err(|error| format!("{}: {error}", base.display()))?;
    for number in 1..=PARTNERS {
        write_partner(&folder.join("onboarding/federation"), number)?;
    }
    for number in 1..=environments {
        write_environment(&folder.join("overlays"), number)?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn write_partner(registry: &Path, number: usize) -> Result<()> {
    let trust_domain = format!("partner-{number:02}.example.org");
    let text = format!(
        "className: dir-spire
trustDomain: {trust_domain}
bundleEndpointURL: https://spire.{trust_domain}
bundleEndpointProfile:
  type: https_web
"
    );
    fs::create_dir_all(registry)?;
    Ok(fs::write(registry.join(format!("{trust_domain}.yaml")), text)?)
}

fn write_environment(overlays: &Path, number: usize) -> Result<()> {
    let name = format!("env-{number:04}");
    let folder = overlays.join(&name);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("environment.yaml"), environment(&name, number))?;
    fs::write(folder.join("dir.yaml"), DIR_VALUES.replace("NUMBER", &(number % 9 + 1).to_string()))?;
    Ok(fs::write(folder.join("spire.yaml"), SPIRE_VALUES.replace("NAME", &name))?)
}

fn environment(name: &str, number: usize) -> String {
    let delivery = if number.is_multiple_of(2) { "applicationset" } else { "applications" };
    let components: String = COMPONENTS.iter().map(|component| format!("  {component}: {{}}\n")).collect();
    format!(
        "description: environment {number} of the fleet
cluster: {{name: eks-{name}, address: 'https://{name}.eks.example.net'}}
trustDomain: {name}.example.net
domain: {name}.example.net
profiles: [eks, https-web, external-secrets]
delivery: {delivery}
components:
{components}federation:
  trust: all
  accept: [https_web]
  grants:
    default: [/agntcy.dir.store.v1.StoreService/Pull, /agntcy.dir.store.v1.StoreService/Lookup]
    partner-01.example.org: ['*']
externalSecrets:
  apiVersion: v1
  path: dir/{name}
  refreshInterval: 1h
  store: {{kind: ClusterSecretStore, name: vault-backend}}
vars: {{dexHost: dex.{name}.example.net}}
"
    )
}

const DIR_VALUES: &str = "\
apiserver:
  log_level: INFO
  config:
    ratelimit: {enabled: true, global_rps: NUMBER00}
    publication: {worker_count: NUMBER}
  pvc: {size: NUMBER0Gi}
  postgresql:
    primary: {persistence: {size: NUMBER0Gi}}
";

const SPIRE_VALUES: &str = "\
spire-server:
  caSubject: {country: CH, organization: Example, commonName: NAME.example.net}
  persistence: {size: 2Gi}
";
