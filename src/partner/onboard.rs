//! Bringing a partner in.

use std::path::PathBuf;

use clap::ValueEnum;

use super::impact::Judged;
use super::{Home, Impact, template};
use crate::bundle::{Given, Refusal};
use crate::diagnostic::{Diagnostic, Sources};
use crate::edits::{self, Edit};
use crate::publish::RelativePath;
use crate::rules::{self, Finding};
use crate::spiffe::TrustDomain;
use crate::tree::Tree;
use crate::workspace::{CLASS_NAME, FederationFile, Reader, Workspace};

/// How to reach a partner.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its trust domain.
    pub trust_domain: TrustDomain,
    /// The URL of its bundle endpoint.
    pub endpoint: String,
    /// How that is authenticated.
    pub profile: Profile,
    /// By https_spiffe, who answers there, where that is not `spiffe://<trust domain>/spire/server`.
    pub endpoint_id: Option<String>,
    /// The file with its bundle; `-` for standard input.
    pub bundle: Option<PathBuf>,
}

/// How a bundle endpoint is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// By a certificate that the web trusts.
    #[value(name = "https_web")]
    HttpsWeb,
    /// By SPIRE's own certificate and a bundle that was exchanged before.
    #[value(name = "https_spiffe")]
    HttpsSpiffe,
}

impl Profile {
    /// Returns the name of the profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::HttpsWeb => "https_web",
            Self::HttpsSpiffe => "https_spiffe",
        }
    }
}

/// What bringing a partner in comes to.
#[derive(Debug)]
pub struct Onboarding {
    /// The federation file.
    pub path: String,
    /// Its edit; none where the partner is in it like this already.
    pub edits: Vec<Edit>,
    /// What is to be said about the file: warnings.
    pub findings: Vec<Finding>,
    /// What would change for the environments; nothing is known of them without the source repository.
    pub impact: Option<Impact>,
}

/// Works out what to write, and judges it. Nothing is written. With `force` a file that is there is edited in place, or
/// made anew where the profile is another one.
///
/// # Errors
/// Where something cannot be read, the partner is there already, or there would be errors.
pub fn onboard(home: &Home<'_>, partner: &Partner, force: bool, sources: &Sources) -> Result<Onboarding, Refusal> {
    refuse_bad_arguments(partner)?;
    let tree = home.tree;
    let registry = home.registry()?;
    let path = path_of(&registry, &partner.trust_domain)?;
    let workspace = home.workspace(tree, sources)?;
    let before = Judged::of(home, workspace.as_ref(), Reader { tree, sources }, &registry)?;
    let edit = edit(tree, workspace.as_ref(), partner, &path, sources)?;
    if let (Some(_), false, false) = (&edit.before, force, edit.before == edit.after) {
        return Err(Diagnostic::new(format!("`{}` has a federation file already: {path}", partner.trust_domain))
            .help("--force edits it, comments stay; --dry-run --force shows how")
            .into());
    }
    let edits: Vec<Edit> = Some(edit).filter(|edit| edit.before != edit.after).into_iter().collect();
    let edited = edits::applied(tree, &edits);
    let after_workspace = home.workspace(&edited, sources)?;
    let after = Judged::of(home, after_workspace.as_ref(), Reader { tree: &edited, sources }, &registry)?;
    let after = after.refuse_new_errors(&before, &path, sources).map_err(|mut refusal| {
        refusal.problems.push(
            Diagnostic::new(format!("there would be errors with {path}"))
                .help("mend what is said above: nothing was written"),
        );
        refusal
    })?;
    Ok(Onboarding {
        findings: after.about(&path, sources),
        impact: after.impact_since(&before, (workspace.as_ref(), after_workspace.as_ref()), home.conditions.jobs),
        path,
        edits,
    })
}

fn refuse_bad_arguments(partner: &Partner) -> Result<(), Diagnostic> {
    refuse_unusable_endpoint(&partner.endpoint)?;
    match (partner.profile, &partner.endpoint_id) {
        (Profile::HttpsWeb, Some(_)) => {
            Err(Diagnostic::new("a SPIFFE ID of the endpoint is for https_spiffe: https_web has no use for it")
                .help("leave out --endpoint-id, or take --profile https_spiffe"))
        }
        _ => Ok(()),
    }
}

/// Refuses what no bundle can be fetched from. What was given is not repeated: there may be a password in it.
///
/// # Errors
/// Where it is no such URL.
pub fn refuse_unusable_endpoint(url: &str) -> Result<(), Diagnostic> {
    match rules::endpoint_problem(url) {
        None => Ok(()),
        Some(problem) => Err(Diagnostic::new(format!("no bundle can be fetched from this endpoint: {problem}"))
            .help("write https://, a host, and a port where it is not 443; nothing else is needed")),
    }
}

fn path_of(registry: &str, trust_domain: &TrustDomain) -> Result<String, Diagnostic> {
    let name = format!("{trust_domain}.yaml");
    let refused = |why: &str| {
        Diagnostic::new(format!("no federation file can be called {name:?}: {why}"))
            .help("write the trust domain as its SPIRE server has it, such as example.org")
    };
    match RelativePath::new(&name) {
        // Hidden files are not read as partners; templates are.
        _ if name.starts_with('.') => Err(refused("it would be hidden")),
        Err(error) => Err(refused(&error.to_string())),
        Ok(_) => Ok(format!("{registry}/{name}")),
    }
}

fn edit(
    tree: &dyn Tree,
    workspace: Option<&Workspace<'_>>,
    partner: &Partner,
    path: &str,
    sources: &Sources,
) -> Result<Edit, Refusal> {
    let registry = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let known = workspace.and_then(|workspace| workspace.registries.get(registry));
    let class_name = known.map_or(CLASS_NAME, |registry| &registry.class_name);
    let reader = Reader { tree, sources };
    let before = reader.text(path)?;
    let existing = before.as_ref().map(|_| FederationFile::read(reader, path));
    if let Some(Err(problem)) = existing.as_ref().map(|file| &file.content) {
        return Err(problem.clone().secret().into());
    }
    let same_profile = existing.as_ref().filter(|file| file.profile_name() == Some(partner.profile.name()));
    let bundle = partner.bundle.as_deref().map(|path| Given::read(path, sources)).transpose()?;
    let bundle = bundle.as_ref().map(|bundle| bundle.text.as_str());
    let has_bundle = bundle.is_some() || same_profile.is_some_and(|file| file.text("trustDomainBundle").is_some());
    if partner.profile == Profile::HttpsSpiffe && !has_bundle {
        return Err(Diagnostic::new(
            "by https_spiffe the endpoint is checked with the partner's bundle: which is that?",
        )
        .help("name the output of `spire-server bundle show -format spiffe` with --bundle")
        .into());
    }
    let mut partner = partner.clone();
    if partner.profile == Profile::HttpsSpiffe && same_profile.is_none() && partner.endpoint_id.is_none() {
        partner.endpoint_id = Some(format!("spiffe://{}/spire/server", partner.trust_domain));
    }
    let after = match (same_profile, &before) {
        (Some(_), Some((file, text))) => template::update(*file, text, &partner, bundle)?,
        _ => template::fill(tree, registry, class_name, &partner, bundle, sources)?,
    };
    Ok(Edit { path: path.to_owned(), before: before.map(|(_, text)| text), after: Some(after) })
}
