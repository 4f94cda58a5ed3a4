//! A federation endpoint whose TLS does not fit the profile that partners were told.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment, Endpoint};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "endpoint-tls",
    severity: Severity::Error,
    title: "SPIRE's federation endpoint does not do what the environment's own federation file says",
    reason: "By `https_web` partners check a certificate of the web's, by `https_spiffe` SPIRE's own \
             (github.com/spiffe/spiffe, standards/SPIFFE_Federation.md): an Ingress that ends TLS breaks the second, and \
             SPIRE's own certificate, handed through, the first. Every partner then fails to fetch the bundle.",
    mend: "With https_web let the Ingress end TLS, or SPIRE have a certificate of cert-manager's (profile https-web); with \
           https_spiffe hand TLS through to SPIRE (profile https-spiffe). Or correct the federation file.",
    check: Check::Deployment(check),
};

const TLS: &str = "spire-server.federation.tls";
const INGRESS: &str = "spire-server.federation.ingress";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let Some(endpoint) = &deployment.endpoint else {
        return Vec::new();
    };
    let spire = deployment.of_chart("spire");
    spire.filter_map(|spire| judge(spire, endpoint)).map(|told| told.related(endpoint.profile.place)).collect()
}

fn judge(spire: &Deployed, endpoint: &Endpoint) -> Option<Diagnostic> {
    let profile = &**endpoint.profile;
    let told = |message: String, path: &str| Some(Diagnostic::new(message).at(spire.place_of(path)).key(path));
    if !spire.is_on("spire-server.federation.enabled", false) {
        let path = "spire-server.federation.enabled";
        return told(format!("the federation file promises an endpoint ({profile}), and SPIRE has none"), path);
    }
    let has_ingress = spire.is_on(&format!("{INGRESS}.enabled"), false);
    let passes_through = passes_through(spire);
    let own_certificate = spire.is_on(&format!("{TLS}.spire.enabled"), true);
    let ends_tls = has_ingress && !passes_through;
    match profile {
        "https_web" if own_certificate && !ends_tls => told(
            "partners expect a certificate of the web's (https_web), and get SPIRE's own".to_owned(),
            &format!("{TLS}.spire.enabled"),
        ),
        "https_spiffe" if ends_tls => told(
            "partners expect SPIRE's own certificate (https_spiffe), and the Ingress ends TLS".to_owned(),
            &format!("{INGRESS}.enabled"),
        ),
        "https_spiffe" if !own_certificate => told(
            "partners expect SPIRE's own certificate (https_spiffe), and it is switched off".to_owned(),
            &format!("{TLS}.spire.enabled"),
        ),
        _ => None,
    }
}

/// Returns whether the Ingress hands TLS through. The chart sets the annotation itself for the controller that it knows.
fn passes_through(spire: &Deployed) -> bool {
    let annotations = spire.at(&format!("{INGRESS}.annotations"));
    let said = annotations.and_then(|all| all.get("nginx.ingress.kubernetes.io/ssl-passthrough"));
    match said.and_then(crate::yaml::Node::as_text) {
        Some(said) => said == "true",
        None => ["controllerType", "ingressControllerType"].iter().any(|key| {
            let path = if *key == "controllerType" { format!("{INGRESS}.{key}") } else { format!("global.spire.{key}") };
            spire.text_at(&path) == Some("ingress-nginx")
        }),
    }
}
