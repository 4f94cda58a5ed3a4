//! Sending a partner away.
//!
//! Grants go first, the file after: while a grant remains, whoever claims the trust domain anew would have it.

use std::collections::BTreeSet;

use super::impact::Judged;
use super::{Home, Impact};
use crate::bundle::Refusal;
use crate::deployment::{self, policies};
use crate::diagnostic::{Diagnostic, Sources};
use crate::edits::{self, Edit};
use crate::spiffe::TrustDomain;
use crate::tree::is_in_environment_repository;
use crate::workspace::{Environment, Reader, Registry, Trust, Workspace};
use crate::yaml::{self, Node};

/// What sending a partner away comes to.
#[derive(Debug)]
pub struct Offboarding {
    /// The edits, in the order in which they have to be made.
    pub edits: Vec<Edit>,
    /// What would change for the environments; nothing is known of them without the source repository.
    pub impact: Option<Impact>,
    /// What has to be done in the other repository, where registry and grants lie apart.
    pub next: Option<Next>,
    /// Environments in which the partner may call more until its file is gone: the grants that all partners have are more
    /// than its own were.
    pub widened: Vec<String>,
}

/// What has to be done in the other repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Once the grants are gone for good, the file is to be removed.
    RemoveFile,
    /// The grants must be gone for good before the removal of the file is.
    GrantsFirst,
}

/// Works out what to write, and judges it. Nothing is written. Where registry and grants lie in different repositories, that
/// is the grants; with [`Home::into`], or in an environment repository, the file. `grants_are_gone` says so where the source
/// repository is not at hand.
///
/// # Errors
/// Where something cannot be read or edited, nothing names the partner, grants would remain, or there would be errors.
pub fn offboard(
    home: &Home<'_>,
    trust_domain: &TrustDomain,
    grants_are_gone: bool,
    sources: &Sources,
) -> Result<Offboarding, Refusal> {
    let tree = home.tree;
    let registry = home.registry()?;
    let workspace = home.workspace(tree, sources)?;
    let reader = Reader { tree, sources };
    let grants = match &workspace {
        Some(workspace) => grants(reader, workspace, trust_domain)?,
        None => Vec::new(),
    };
    let files = files(home, reader, workspace.as_ref(), &registry, trust_domain)?;
    let (elsewhere, here): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|edit| is_in_environment_repository(tree, &edit.path));
    let (edits, next) = match (&workspace, home.into) {
        (None, _) if !grants_are_gone => return Err(unknown_grants(trust_domain).into()),
        (None, _) => (here, None),
        (Some(_), true) => match grants.first() {
            Some(grant) => return Err(grants_remain(trust_domain, &grant.path).into()),
            None => (elsewhere.clone(), Some(Next::GrantsFirst)),
        },
        (Some(_), false) => {
            let next = (!elsewhere.is_empty()).then_some(Next::RemoveFile);
            ([grants, here].concat(), next)
        }
    };
    if edits.is_empty() && next != Some(Next::RemoveFile) {
        return Err(Diagnostic::new(format!("nothing here names `{trust_domain}`: no federation file, no grant"))
            .help("write the trust domain as its federation file has it")
            .into());
    }
    let next = next.filter(|next| *next == Next::RemoveFile || !edits.is_empty());
    // In the end both are gone: it is that which must be right.
    let done: Vec<Edit> = edits.iter().chain(elsewhere.iter().filter(|_| !home.into)).cloned().collect();
    let edited = edits::applied(tree, &done);
    let after_workspace = home.workspace(&edited, sources)?;
    let before = Judged::of(home, workspace.as_ref(), reader, &registry)?;
    let after = Judged::of(home, after_workspace.as_ref(), Reader { tree: &edited, sources }, &registry)?;
    let after = after.refuse_new_errors(&before, "", sources).map_err(|mut refusal| {
        refusal.problems.push(
            Diagnostic::new(format!("without `{trust_domain}` there would be errors"))
                .help("take out what is said above as well: nothing was written"),
        );
        refusal
    })?;
    if let Some(workspace) = &after_workspace {
        refuse_leftovers(workspace, &after, trust_domain)?;
    }
    // Until the other repository follows, only what is edited here is gone.
    let edited = edits::applied(tree, &edits);
    let meanwhile = home.workspace(&edited, sources)?;
    let after = Judged::of(home, meanwhile.as_ref(), Reader { tree: &edited, sources }, &registry)?;
    let widened = match (&workspace, &meanwhile) {
        (Some(before), Some(after)) => widened(before, after, trust_domain),
        _ => Vec::new(),
    };
    let impact = after.impact_since(&before, (workspace.as_ref(), meanwhile.as_ref()), home.conditions.jobs);
    Ok(Offboarding { impact, edits, next, widened })
}

fn unknown_grants(trust_domain: &TrustDomain) -> Diagnostic {
    Diagnostic::new(format!(
        "the source repository is not at hand: does an environment still grant `{trust_domain}` something?"
    ))
    .help("name it with --source; or, once `dirops offboard` was merged there, say --grants-are-gone")
}

fn grants_remain(trust_domain: &TrustDomain, path: &str) -> Diagnostic {
    Diagnostic::new(format!(
        "{path} still names `{trust_domain}`: whoever claimed the trust domain anew would have what it grants"
    ))
    .help("run `dirops offboard` without --into, merge that, and then remove the federation file")
}

/// Returns the edits that take a partner out of settings: of all environments, and of each.
fn grants(reader: Reader<'_>, workspace: &Workspace<'_>, trust_domain: &TrustDomain) -> Result<Vec<Edit>, Diagnostic> {
    let overlay = |environment: &Environment| format!("overlays/{}/environment.yaml", environment.folder);
    let paths = ["base/environment.yaml".to_owned()].into_iter().chain(workspace.environments.iter().map(overlay));
    let mut edits = Vec::new();
    for path in paths {
        let Some((file, text)) = reader.text(&path)? else { continue };
        let name = trust_domain.as_str();
        let mut edited = text.clone();
        let federation = yaml::parse(file, &text)?.get("federation").cloned();
        let at = |key: &str| federation.as_ref().and_then(|federation| federation.get(key));
        if at("grants").is_some_and(|grants| grants.get(name).is_some()) {
            edited = yaml::remove_key(file, &edited, &["federation", "grants", name])?;
        }
        let is_it = |node: &Node| node.as_text() == Some(name);
        if at("trust").and_then(Node::as_list).is_some_and(|list| list.iter().any(is_it)) {
            edited = yaml::remove_items(file, &edited, &["federation", "trust"], name)?;
        }
        if edited != text {
            edits.push(Edit { path, before: Some(text), after: Some(edited) });
        }
    }
    Ok(edits)
}

/// Returns the edits that remove the partner's federation files, from the registries that are trusted or at hand.
fn files(
    home: &Home<'_>,
    reader: Reader<'_>,
    workspace: Option<&Workspace<'_>>,
    registry: &str,
    trust_domain: &TrustDomain,
) -> Result<Vec<Edit>, Diagnostic> {
    let listed = reader.list("onboarding")?.into_iter().filter(|entry| entry.is_folder);
    let mut folders: BTreeSet<String> = listed.map(|entry| format!("onboarding/{}", entry.name)).collect();
    folders.extend(workspace.into_iter().flat_map(|workspace| workspace.registries.keys().cloned()));
    folders.insert(registry.to_owned());
    let mut edits = Vec::new();
    for folder in folders {
        let registry = Registry::read(reader, &folder, &[], home.conditions.jobs)?;
        let name = trust_domain.as_str();
        let of_partner = registry.files.iter().filter(|file| match file.text("trustDomain") {
            Some(said) => said == name,
            None => file.stem() == name,
        });
        edits.extend(of_partner.map(|file| Edit {
            path: file.path.clone(),
            before: Some(file.text.to_string()),
            after: None,
        }));
    }
    Ok(edits)
}

/// Refuses what still names the partner in a way that no edit here reaches.
fn refuse_leftovers(workspace: &Workspace<'_>, after: &Judged, trust_domain: &TrustDomain) -> Result<(), Diagnostic> {
    let name = trust_domain.as_str();
    let remains = |what: &str, environment: &str| {
        Diagnostic::new(format!("{what} of `{environment}` would still name `{name}`"))
            .help("take it out by hand first: nothing was written")
    };
    for environment in &workspace.environments {
        if let Some(grant) = environment.federation.grants.get(name) {
            return Err(remains("a grant", &environment.name).at(grant.place));
        }
        if let Trust::List(names) = &environment.federation.trust
            && let Some(trusted) = names.iter().find(|trusted| *trusted.value == *name)
        {
            return Err(remains("`trust`", &environment.name).at(trusted.place));
        }
    }
    for deployment in &after.deployments {
        let is_own = deployment.trust_domain().is_some_and(|own| *own.value == *name);
        let rows = deployment.of_chart("dir").filter(|_| !is_own).flat_map(policies);
        if let Some(row) = rows.into_iter().find(|row| row.parts().is_some_and(|(subject, _)| subject == name)) {
            return Err(remains("a policy row", &deployment.environment).at(row.place));
        }
    }
    Ok(())
}

/// Returns the environments in which the partner may call more afterwards.
fn widened(before: &Workspace<'_>, after: &Workspace<'_>, trust_domain: &TrustDomain) -> Vec<String> {
    let methods = |workspace: &Workspace<'_>, name: &str| -> Option<BTreeSet<String>> {
        let environment = workspace.environment(name).ok()?;
        let partners = deployment::partners(environment, workspace.registry_of(environment)?).ok()?;
        let partner = partners.into_iter().find(|partner| *partner.trust_domain.value == *trust_domain.as_str())?;
        Some(partner.methods.iter().map(|method| method.to_string()).collect())
    };
    let is_wider = |environment: &&Environment| {
        let name = &environment.name.value;
        let Some(now) = methods(after, name) else { return false };
        let then = methods(before, name).unwrap_or_default();
        !then.contains("*") && !now.is_subset(&then)
    };
    before.environments.iter().filter(is_wider).map(|environment| environment.name.value.to_string()).collect()
}
