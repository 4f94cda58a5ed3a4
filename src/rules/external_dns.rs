//! Public hosts that ExternalDNS makes no name for, or another one.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployment, Opening};
use crate::diagnostic::Diagnostic;

pub(super) static RULE: Rule = Rule {
    code: "external-dns",
    severity: Severity::Error,
    title: "A public host has no ExternalDNS annotation, or one with another name",
    reason: "ExternalDNS makes the DNS records of the names in external-dns.alpha.kubernetes.io/hostname \
             (kubernetes-sigs.github.io/external-dns, annotations). A Service without it gets none; of an Ingress it also \
             reads the rules, unless it was told to look at annotations alone. With another name in it, that name leads \
             here, and the Ingress answers it with 404. Where no object of an environment has the annotation, somebody \
             else makes the names, and nothing is missing.",
    mend: "Give the annotation the host of the Ingress, or the name under which the Service is to be reached.",
    check: Check::Deployment(check),
};

const HOSTNAME: &str = "external-dns.alpha.kubernetes.io/hostname";
const INTERNAL: &str = "external-dns.alpha.kubernetes.io/internal-hostname";

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let openings = deployment.openings();
    let is_used = |opening: &Opening<'_>| opening.annotation(HOSTNAME).is_some();
    let by_services = openings.iter().any(is_used);
    let by_ingresses = openings.iter().filter(|opening| opening.is_ingress).any(is_used);
    let mut found = Vec::new();
    for opening in &openings {
        match opening.annotation(HOSTNAME) {
            Some(named) if opening.is_ingress => found.extend(unnamed(opening, named.value).map(|host| {
                Diagnostic::new(format!(
                    "{} is for `{}`, and ExternalDNS makes `{}` for it",
                    opening.what, host.value, named.value
                ))
                .at(named.place)
                .related(host.place)
                .soften_if(deployment.is_local)
            })),
            Some(named) => found.extend(taken(&openings, named.value).map(|(other, host)| {
                Diagnostic::new(format!("{} takes the name `{host}`, which is that of {}", opening.what, other.what))
                    .at(named.place)
                    .related(other.place)
                    .soften_if(deployment.is_local)
            })),
            None if opening.annotation(INTERNAL).is_some() || deployment.is_local => {}
            None => {
                let expected = if opening.is_ingress { by_ingresses } else { by_services };
                found.extend(expected.then(|| missing(opening)));
            }
        }
    }
    found
}

/// Returns the hosts of an Ingress that its annotation lacks.
fn unnamed<'a>(
    opening: &'a Opening<'_>,
    annotation: &'a str,
) -> impl Iterator<Item = &'a crate::workspace::Located<String>> {
    opening.hosts.iter().filter(move |host| !names(annotation).any(|name| name == plain(host)))
}

/// Returns an Ingress that has a host which a Service's annotation names, and the host.
fn taken<'a>(openings: &'a [Opening<'a>], annotation: &str) -> Option<(&'a Opening<'a>, String)> {
    let ingresses = || openings.iter().filter(|opening| opening.is_ingress);
    names(annotation).find_map(|name| {
        let other = ingresses().find(|other| other.hosts.iter().any(|host| plain(host) == name))?;
        Some((other, name))
    })
}

fn missing(opening: &Opening<'_>) -> Diagnostic {
    let place = opening.hosts.first().map_or(opening.place, |host| host.place);
    let message = match opening.hosts.first() {
        Some(host) => format!("{} has no ExternalDNS annotation for `{}`; others have one", opening.what, host.value),
        None => format!("{} has no ExternalDNS annotation, and gets no name; others do", opening.what),
    };
    Diagnostic::new(message).at(place).key(HOSTNAME).soften_if(true)
}

/// Returns the names in an annotation, as DNS compares them.
fn names(annotation: &str) -> impl Iterator<Item = String> {
    annotation.split(',').map(plain)
}

fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}
