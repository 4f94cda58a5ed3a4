//! Bringing a partner in or sending it away, as a change of the repository that it takes.

use std::cell::RefCell;
use std::fmt::Write;

use git2::Oid;

use super::{Change, Destination, Made, Standing, text};
use crate::bundle::Refusal;
use crate::diagnostic::{Diagnostic, Sources};
use crate::edits::Edit;
use crate::git::Provenance;
use crate::partner::{self, Home, Impact, Next};
use crate::publish::{Digest, Failure, GitTree};
use crate::review::Review;
use crate::rules::{Conditions, Finding};
use crate::spiffe::TrustDomain;
use crate::tree::{Repositories, Revision, Tree, in_environment_repository};

/// Where files of the environment repository begin, beside those of the source repository.
const ENVIRONMENT_REPOSITORY: &str = "../environment-repository";

/// What is done about a partner.
#[derive(Clone, Debug)]
pub enum Deed {
    /// It is brought in, or its file is edited.
    Onboard {
        /// The partner.
        partner: partner::Partner,
        /// Whether a file that is there is edited.
        force: bool,
    },
    /// Nothing is granted to it any more, or its file is removed.
    Offboard {
        /// The partner's trust domain.
        trust_domain: TrustDomain,
        /// Whether the user says that no grant is left, where no source repository is at hand.
        grants_are_gone: bool,
    },
}

impl Deed {
    /// Returns what it is called.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Onboard { .. } => "onboard",
            Self::Offboard { .. } => "offboard",
        }
    }

    /// Returns the partner's trust domain.
    pub fn trust_domain(&self) -> &TrustDomain {
        match self {
            Self::Onboard { partner, .. } => &partner.trust_domain,
            Self::Offboard { trust_domain, .. } => trust_domain,
        }
    }
}

/// Something done about a partner.
pub struct Partner<'a> {
    /// What.
    pub deed: Deed,
    /// Whether the destination is the environment repository.
    pub into: bool,
    /// The files of the other repository, where they are at hand.
    pub beside: Option<&'a dyn Tree>,
    /// The registry; otherwise the one in base/environment.yaml.
    pub registry: Option<String>,
    /// What the rules depend on besides the files.
    pub conditions: Conditions,
    /// The files that are read.
    pub sources: &'a Sources,
    /// What was found out when it was made last.
    pub found: RefCell<Found>,
}

/// What was found out about a partner.
#[derive(Debug, Default)]
pub struct Found {
    /// What people should know before they merge, in Markdown.
    pub text: String,
    /// What the rules say.
    pub findings: Vec<Finding>,
    /// What has to be done in the other repository.
    pub next: Option<Next>,
    /// What it does to environments, where the source repository is at hand.
    review: Option<Review>,
}

impl Change for Partner<'_> {
    fn make(&self, destination: &Destination<'_>, base: Oid) -> Result<Made, Failure> {
        destination.tell("looking at the partners");
        let repository = destination.repository().path();
        let here = Revision::open(repository, &base.to_string())?;
        let tree = self.beside(here);
        let edits =
            self.edits(&tree).map_err(|refusal| Failure { problems: refusal.problems, findings: refusal.findings })?;
        let (word, trust_domain) = (self.deed.word(), self.deed.trust_domain());
        let title = match word {
            "onboard" => format!("Onboard {trust_domain}"),
            _ if self.into => format!("Remove the federation file of {trust_domain}"),
            _ => format!("Offboard {trust_domain}"),
        };
        let paths: Vec<String> = edits.iter().map(|edit| format!("- {}", own_path(&tree, &edit.path))).collect();
        let input: String = edits.iter().map(Edit::to_diff).collect();
        Ok(Made {
            tree: self.apply(&tree, &GitTree::open(repository, Some(base))?, &edits)?,
            message: format!("{title}\n\n{}", paths.join("\n")),
            provenance: Provenance::new(None, Digest::of(input.as_bytes())),
            environments: Vec::new(),
        })
    }

    /// What somebody says about a partner now replaces what was said before.
    fn standing(&self, _other: &Provenance) -> Result<Standing, Diagnostic> {
        Ok(Standing::Newer)
    }

    fn describe(&self, destination: &Destination<'_>, base: Oid, head: Oid) -> Result<String, Diagnostic> {
        let mut found = self.found.borrow_mut();
        let review = match &mut found.review {
            Some(review) => {
                if self.into {
                    review.without_folder(ENVIRONMENT_REPOSITORY);
                }
                text::written(review, destination, head)
            }
            // What it does to environments, this repository alone does not know.
            None => text::review(destination, base, head, self.into, self.conditions.jobs)?,
        };
        Ok(format!("{}\n{review}\n", found.text))
    }

    fn farewell(&self) -> String {
        format!("The base branch has it all about {}: nothing is left to merge.", self.deed.trust_domain())
    }
}

impl<'a> Partner<'a> {
    /// Returns the files of both repositories, as far as they are at hand.
    fn beside<'t>(&'t self, here: Revision) -> Repositories<'t>
    where
        'a: 't,
    {
        match (self.beside, self.into) {
            (Some(source), true) => Repositories::new(source).with_environments(ENVIRONMENT_REPOSITORY, here),
            (Some(environments), false) => {
                Repositories::new(here).with_environments(ENVIRONMENT_REPOSITORY, environments)
            }
            (None, _) => Repositories::new(here),
        }
    }

    /// Works out the edits, and remembers what else came of it.
    fn edits(&self, tree: &dyn Tree) -> Result<Vec<Edit>, Refusal> {
        let home = Home { tree, into: self.into, registry: self.registry.clone(), conditions: self.conditions };
        let (edits, found) = match &self.deed {
            Deed::Onboard { partner, force } => {
                let done = partner::onboard(&home, partner, *force, self.sources)?;
                let mut text =
                    format!("Brings in the partner `{}`, at `{}`.\n", partner.trust_domain, partner.endpoint);
                push_impact(&mut text, done.impact.as_ref());
                push_findings(&mut text, &done.findings);
                let review = done.impact.map(|impact| impact.review);
                (done.edits, Found { text, findings: done.findings, next: None, review })
            }
            Deed::Offboard { trust_domain, grants_are_gone } => {
                let done = partner::offboard(&home, trust_domain, *grants_are_gone, self.sources)?;
                let mut text = match self.into {
                    true => format!(
                        "Removes the federation file of `{trust_domain}`. Nothing in the source repository's base branch \
                         grants it anything any more.\n"
                    ),
                    false => format!("Takes out what is granted to `{trust_domain}`.\n"),
                };
                if !done.widened.is_empty() {
                    let _ = write!(
                        text,
                        "\nUntil its federation file is gone, `{trust_domain}` may call what `default` grants, which is \
                         more than before, in: {}\n",
                        done.widened.join(", ")
                    );
                }
                if done.next == Some(Next::RemoveFile) {
                    text.push_str(
                        "\nMerge this first. Its federation file is in the environment repository; the pull request that \
                         removes it is opened once this is merged: whoever claimed the trust domain anew would otherwise \
                         have what is granted here.\n",
                    );
                }
                push_impact(&mut text, done.impact.as_ref());
                let review = done.impact.map(|impact| impact.review);
                (done.edits, Found { text, findings: Vec::new(), next: done.next, review })
            }
        };
        *self.found.borrow_mut() = found;
        Ok(edits)
    }

    fn apply(&self, tree: &dyn Tree, base: &GitTree, edits: &[Edit]) -> Result<Oid, Diagnostic> {
        let edit = |edit: &Edit| {
            let is_elsewhere =
                in_environment_repository(tree, &edit.path).is_some() != (self.into && self.beside.is_some());
            if is_elsewhere {
                return Err(Diagnostic::new(format!("{} is in the other repository", edit.path))
                    .help("name the repository that has the registry with --repo"));
            }
            let path = own_path(tree, &edit.path);
            match &edit.after {
                Some(after) => base.file(path, after.as_bytes()),
                None => base.without(path),
            }
        };
        base.edited(edits.iter().map(edit).collect::<Result<Vec<_>, _>>()?)
    }
}

/// Returns the path that a file has in its own repository.
fn own_path<'p>(tree: &dyn Tree, path: &'p str) -> &'p str {
    in_environment_repository(tree, path).unwrap_or(path)
}

fn push_impact(text: &mut String, impact: Option<&Impact>) {
    let Some(impact) = impact else {
        text.push_str("\nWhat that changes for environments shows in the source repository.\n");
        return;
    };
    let lines = impact.lines();
    match lines.is_empty() {
        true => text.push_str("\nNo environment trusts this registry.\n"),
        false => text.push_str("\nWith the next render:\n\n"),
    }
    lines.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
}

fn push_findings(text: &mut String, findings: &[Finding]) {
    for finding in findings {
        let _ = write!(text, "\n{}: {}\n", finding.label(), text::inline(&finding.diagnostic.message));
    }
}
