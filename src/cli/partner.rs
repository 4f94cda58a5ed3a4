//! What `onboard --propose` and `offboard --propose` share: where the registry of partners is, and the pull request.

use std::cell::RefCell;

use super::hosting::{Hosting, Location};
use super::progress::Reporter;
use super::{Exit, Folders, print, propose, report, show_findings};
use crate::diagnostic::{Diagnostic, Sources};
use crate::partner::is_source;
use crate::propose::{
    Deed, Destination, Found, Outcome, Partner, Permissions, Place, Proposal, names_of_partner,
    propose as propose_change, published_at,
};
use crate::publish::Failure;
use crate::rules::Conditions;
use crate::tree::{Repositories, Tree, WorkTree, is_in_environment_repository};
use crate::workspace::{Reader, usual_registry};

/// How something is proposed about a partner.
pub(super) struct Run<'a> {
    pub(super) folders: &'a Folders,
    pub(super) hosting: &'a Hosting,
    pub(super) is_dry: bool,
    pub(super) force: bool,
    pub(super) conditions: Conditions,
    pub(super) sources: &'a Sources,
    pub(super) reporter: &'a Reporter,
}

/// The source repository at hand, where there is one.
pub(super) struct AtHand {
    pub(super) files: WorkTree,
    place: Place,
    /// Whether its registry is in the environment repository.
    registry_is_elsewhere: bool,
}

/// A repository that something is proposed to.
pub(super) struct Site {
    pub(super) repository: String,
    pub(super) location: Location,
    base: Option<String>,
}

impl<'a> Run<'a> {
    /// Returns the source repository in the folder, if there is one.
    pub(super) fn at_hand(&self) -> Result<Option<AtHand>, Diagnostic> {
        let files = WorkTree::new(&self.folders.source);
        if !is_source(&files) {
            return Ok(None);
        }
        let place = published_at(&files, self.sources)?;
        // Where the environment repository is does not matter here, only whether the registry is in there.
        let both = Repositories::new(&files).with_environments("../environment-repository", &files);
        let registry = usual_registry(Reader { tree: &both, sources: self.sources })?;
        let registry_is_elsewhere = registry.is_some_and(|path| is_in_environment_repository(&both, &path));
        drop(both);
        Ok(Some(AtHand { files, place, registry_is_elsewhere }))
    }

    /// Returns the repository that has the registry of partners.
    pub(super) fn registry_site(&self, at_hand: Option<&AtHand>) -> Result<Site, Diagnostic> {
        let (named, revision) = match at_hand {
            None => (None, None),
            Some(AtHand { place, registry_is_elsewhere: true, .. }) => {
                (place.repository.clone(), place.revision.clone())
            }
            Some(AtHand { place, .. }) => (place.source.clone(), None),
        };
        let repository = self.hosting.repo.clone().or(named).ok_or_else(|| {
            Diagnostic::new("which repository has the registry of partners?")
                .help("name it with --repo, such as --repo agntcy/dir-staging")
        })?;
        let base = self.hosting.base.clone().or(revision).filter(|revision| revision != "HEAD");
        self.site(repository, base)
    }

    /// Returns the source repository as others see it, where grants are and the registry is not.
    pub(super) fn grants_site(&self, at_hand: &AtHand) -> Result<Option<Site>, Diagnostic> {
        if !at_hand.registry_is_elsewhere {
            return Ok(None);
        }
        let source = at_hand.place.source.clone().ok_or_else(|| {
            Diagnostic::new("where is the source repository?").help("say so as `source` in base/environment.yaml")
        })?;
        self.site(source, None).map(Some)
    }

    fn site(&self, repository: String, base: Option<String>) -> Result<Site, Diagnostic> {
        let location = self.hosting.locate(&repository, false, self.is_dry, self.reporter)?;
        Ok(Site { repository, location, base })
    }

    pub(super) fn destination<'s>(&'s self, site: &'s Site) -> Result<Destination<'s>, Diagnostic> {
        site.location.destination(site.base.clone(), self.is_dry, None, self.reporter)
    }

    /// Brings something about a partner to a repository, which is the environment repository or not.
    pub(super) fn propose(
        &self,
        deed: Deed,
        registry: Option<String>,
        into: bool,
        beside: Option<&dyn Tree>,
        destination: &Destination<'_>,
    ) -> Result<(Proposal, Found), Failure> {
        let names = names_of_partner(deed.word(), deed.trust_domain());
        let change = Partner {
            deed,
            into,
            beside,
            registry,
            conditions: self.conditions,
            sources: self.sources,
            found: RefCell::default(),
        };
        let proposal = propose_change(&change, destination, &names, Permissions { force: self.force })?;
        Ok((proposal, change.found.into_inner()))
    }

    /// Prints what came of it.
    pub(super) fn show(
        &self,
        deed: &Deed,
        proposal: &Proposal,
        found: &Found,
        site: &Site,
        to: &Destination<'_>,
    ) -> Exit {
        show_findings(&found.findings, self.sources);
        let names = names_of_partner(deed.word(), deed.trust_domain());
        let exit = propose::show(proposal, to, &names, &site.repository);
        match (exit, proposal.outcome) {
            (Exit::Clean, Outcome::Committed | Outcome::Unchanged) if !self.is_dry => {
                print(&format!("\n{}", found.text))
            }
            (exit, _) => exit,
        }
    }
}

/// Prints why nothing was proposed.
pub(super) fn failed(failure: &Failure, sources: &Sources) -> Exit {
    show_findings(&failure.findings, sources);
    report(&failure.problems, sources)
}
