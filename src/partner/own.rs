//! How partners reach one of the repository's own environments.

use super::{Home, Profile};
use crate::bundle::Refusal;
use crate::deployment::{self, Deployed, Deployment};
use crate::diagnostic::{Diagnostic, Sources};
use crate::spiffe::TrustDomain;
use crate::workspace::Environment;
use crate::yaml::Node;

/// The port of SPIRE's bundle endpoint where nothing stands before it.
const PORT: u16 = 8443;

/// What an environment publishes.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its trust domain.
    pub trust_domain: TrustDomain,
    /// The URL of its bundle endpoint.
    pub endpoint: String,
    /// How that is authenticated.
    pub profile: Profile,
    /// The registry that it reads partners from, where that is in the source repository.
    pub registry: Option<String>,
}

/// Returns what one of the repository's own environments publishes.
///
/// # Errors
/// Where there is no such environment, or it has no bundle endpoint.
pub fn of_environment(home: &Home<'_>, name: &str, sources: &Sources) -> Result<Own, Refusal> {
    let Some(workspace) = home.workspace(home.tree, sources)? else {
        return Err(Diagnostic::new(format!("there is no source repository here to take `{name}` from"))
            .help("run dirops in one, or name it with --source")
            .into());
    };
    let environment = workspace.environment(name)?;
    let deployment = deployment::build(&workspace, environment)?;
    let spire = ["spire", "spire-nested"].into_iter().find_map(|chart| deployment.of_chart(chart).next());
    let Some(spire) = spire.filter(|spire| spire.is_on("spire-server.federation.enabled", false)) else {
        return Err(Diagnostic::new(format!("`{name}` shows its bundle nowhere: SPIRE's federation is off there"))
            .at(environment.name.place)
            .help("give it a profile with a bundle endpoint: https-web or https-spiffe")
            .into());
    };
    let own_certificate = spire.is_on("spire-server.federation.tls.spire.enabled", true);
    Ok(Own {
        trust_domain: environment.trust_domain.value.clone(),
        endpoint: endpoint(environment, &deployment, spire),
        registry: (!environment.federation.in_environment_repository)
            .then(|| environment.federation.registry.to_string()),
        profile: if own_certificate { Profile::HttpsSpiffe } else { Profile::HttpsWeb },
    })
}

/// Behind an Ingress the endpoint has the Ingress's host and the usual port, otherwise SPIRE's own.
fn endpoint(environment: &Environment, deployment: &Deployment, spire: &Deployed) -> String {
    let usual = environment.hosts.iter().find(|(name, _)| *name == "spire").map_or("", |(_, host)| &**host);
    if spire.is_on("spire-server.federation.ingress.enabled", false) {
        let host = spire.text_at("spire-server.federation.ingress.host").unwrap_or(usual);
        return format!("https://{host}");
    }
    let address = deployment.objects().find_map(federation_address);
    format!("https://{}:{PORT}", address.as_deref().unwrap_or(usual))
}

/// Returns the address that MetalLB gives a Service of the bundle endpoint.
fn federation_address(object: &Node) -> Option<String> {
    let is_service = object.get("kind").and_then(Node::as_text) == Some("Service");
    let ports = object.get("spec")?.get("ports")?.as_list()?;
    let has_port = |port: &Node| matches!(port.get("port").map(|port| &port.value), Some(crate::yaml::Value::Int(port)) if *port == i64::from(PORT));
    let addresses = object.get("metadata")?.get("annotations")?.get("metallb.io/loadBalancerIPs")?.as_text()?;
    let address = addresses.split(',').next()?.trim();
    (is_service && ports.iter().any(has_port)).then(|| match address.contains(':') {
        true => format!("[{address}]"),
        false => address.to_owned(),
    })
}
