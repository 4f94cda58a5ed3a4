//! `dirops onboard`

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::hosting::Hosting;
use super::partner::{Run, failed};
use super::progress::Reporter;
use super::terminal::{Terminal, terminal};
use super::{Exit, Folders, jobs, now, print, report, show_findings, show_impact};
use crate::bundle::{Given, Refusal};
use crate::diagnostic::{Diagnostic, Sources};
use crate::edits::Edit;
use crate::partner::{self, Home, Onboarding, Partner, Profile, is_source, refuse_unusable_endpoint};
use crate::propose::Deed;
use crate::publish::Failure;
use crate::rules::Conditions;
use crate::spiffe::TrustDomain;
use crate::tree::{Repositories, Tree};

#[derive(Args, Debug, Default)]
pub(super) struct Arguments {
    /// The partner's trust domain
    trust_domain: Option<TrustDomain>,
    /// The URL of its bundle endpoint
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// How that is authenticated: by a certificate that the web trusts, or by SPIRE's own; https_web by default
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// By https_spiffe, who answers there; spiffe://<trust domain>/spire/server by default
    #[arg(long, value_name = "ID")]
    endpoint_id: Option<String>,
    /// The partner's bundle, from `spire-server bundle show -format spiffe`; - for standard input
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Take trust domain, endpoint and profile from this environment, so that others can trust it
    #[arg(long, value_name = "ENV", conflicts_with = "trust_domain")]
    env: Option<String>,
    /// The registry is in this environment repository
    #[arg(long, value_name = "DIR", conflicts_with = "propose")]
    into: Option<PathBuf>,
    /// The registry, a folder of the repository; the one in base/environment.yaml by default
    #[arg(long, value_name = "DIR")]
    registry: Option<String>,
    /// Edit the federation file that is there already
    #[arg(long)]
    force: bool,
    /// Open a pull request in the repository that has the registry, from a fork where you cannot push
    #[arg(long)]
    propose: bool,
    #[command(flatten)]
    hosting: Hosting,
    /// Write nothing; show the difference, or with --propose every request that would be made
    #[arg(long)]
    dry_run: bool,
    /// Judge dates as of this time, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS")]
    now: Option<i64>,
}

pub(super) fn run(folders: &Folders, mut arguments: Arguments) -> Exit {
    let sources = Sources::default();
    if let Err(problem) = arguments.hosting.refuse_without(arguments.propose) {
        return report(&[problem], &sources);
    }
    if arguments.propose {
        return match propose(folders, arguments, &sources) {
            Ok(exit) => exit,
            Err(failure) => failed(&failure, &sources),
        };
    }
    let folders = folders.of_partners(arguments.into.as_deref());
    let tree = folders.tree();
    let mut home = Home {
        tree: &tree,
        into: arguments.into.is_some(),
        registry: arguments.registry.clone(),
        conditions: Conditions { now: Some(arguments.now.unwrap_or_else(now)), jobs: jobs(None) },
    };
    let result = complete(&mut home, &mut arguments, &sources)
        .and_then(|()| Ok(partner(&arguments)?))
        .and_then(|partner| partner::onboard(&home, &partner, arguments.force, &sources));
    let onboarding = match result {
        Ok(onboarding) => onboarding,
        Err(refusal) => {
            show_findings(&refusal.findings, &sources);
            return report(&refusal.problems, &sources);
        }
    };
    show_findings(&onboarding.findings, &sources);
    if arguments.dry_run {
        let diffs: String = onboarding.edits.iter().map(Edit::to_diff).collect();
        return print(&(diffs + &changes(&onboarding)));
    }
    match folders.write(&onboarding.edits) {
        Ok(()) => print(&told(&onboarding)),
        Err(problem) => report(&[problem], &sources),
    }
}

/// Opens the pull request. The registry is read as it is in the repository that has it, not as it is here.
fn propose(folders: &Folders, mut arguments: Arguments, sources: &Sources) -> Result<Exit, Failure> {
    let reporter = Reporter::start();
    let hosting = std::mem::take(&mut arguments.hosting);
    let conditions = Conditions { now: Some(arguments.now.unwrap_or_else(now)), jobs: jobs(None) };
    let (is_dry, force) = (arguments.dry_run, arguments.force);
    let run = Run { folders, hosting: &hosting, is_dry, force: false, conditions, sources, reporter: &reporter };
    let at_hand = run.at_hand()?;
    let site = run.registry_site(at_hand.as_ref())?;
    let destination = run.destination(&site)?;
    let files = destination.base_files()?;
    let into = !is_source(&files);
    let beside = at_hand.as_ref().filter(|_| into).map(|at_hand| &at_hand.files);
    let tree = match beside {
        Some(source) => Repositories::new(source).with_environments("../environment-repository", files),
        None => Repositories::new(files),
    };
    let mut home = Home { tree: &tree, into, registry: arguments.registry.clone(), conditions };
    reporter.progress()("");
    complete(&mut home, &mut arguments, sources).map_err(failure)?;
    let deed = Deed::Onboard { partner: partner(&arguments)?, force };
    let beside = beside.map(|source| source as &dyn Tree);
    let (proposal, found) = run.propose(deed.clone(), home.registry, into, beside, &destination)?;
    Ok(run.show(&deed, &proposal, &found, &site, &destination))
}

fn failure(refusal: Refusal) -> Failure {
    Failure { problems: refusal.problems, findings: refusal.findings }
}

/// Completes the arguments from an environment, or by asking where somebody sits at a terminal.
fn complete(home: &mut Home<'_>, arguments: &mut Arguments, sources: &Sources) -> Result<(), Refusal> {
    if let Some(name) = &arguments.env {
        let own = partner::of_environment(home, name, sources)?;
        arguments.trust_domain = Some(own.trust_domain);
        arguments.endpoint.get_or_insert(own.endpoint);
        arguments.profile.get_or_insert(own.profile);
        if !home.into {
            home.registry = home.registry.take().or(own.registry);
        }
    }
    if let Some(mut terminal) = terminal() {
        ask(&mut terminal, arguments)?;
    }
    Ok(())
}

fn missing(arguments: &Arguments) -> Vec<&'static str> {
    let given = [("TRUST_DOMAIN", arguments.trust_domain.is_some()), ("--endpoint", arguments.endpoint.is_some())];
    given.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect()
}

fn partner(arguments: &Arguments) -> Result<Partner, Diagnostic> {
    let (Some(trust_domain), Some(endpoint)) = (&arguments.trust_domain, &arguments.endpoint) else {
        return Err(Diagnostic::new(format!("missing: {}", missing(arguments).join(", ")))
            .help("name them, or run dirops in a terminal, where it asks"));
    };
    Ok(Partner {
        trust_domain: trust_domain.clone(),
        endpoint: endpoint.clone(),
        profile: arguments.profile.unwrap_or(Profile::HttpsWeb),
        endpoint_id: arguments.endpoint_id.clone(),
        bundle: arguments.bundle.clone(),
    })
}

/// Asks for what is missing; where nothing is, for nothing.
fn ask<R: BufRead, W: Write>(terminal: &mut Terminal<R, W>, arguments: &mut Arguments) -> Result<(), Diagnostic> {
    if missing(arguments).is_empty() {
        return Ok(());
    }
    if arguments.trust_domain.is_none() {
        let name = |text: &str| {
            text.parse().map_err(|error| Diagnostic::new(format!("this is not the name of a trust domain: {error}")))
        };
        arguments.trust_domain = Some(terminal.ask("The partner's trust domain, such as example.org", name)?);
    }
    if arguments.endpoint.is_none() {
        let url = |text: &str| refuse_unusable_endpoint(text).map(|()| text.to_owned());
        let question = "Its bundle endpoint, such as https://spire.example.org";
        arguments.endpoint = Some(terminal.ask(question, url)?);
    }
    if arguments.profile.is_none() {
        let profiles = [Profile::HttpsWeb, Profile::HttpsSpiffe];
        let profile = |text: &str| match profiles.into_iter().find(|profile| profile.name() == text) {
            Some(profile) => Ok(profile),
            None if text.is_empty() => Ok(Profile::HttpsWeb),
            None => {
                Err(Diagnostic::new(format!("there is no profile {text:?}")).suggest(text, profiles.map(Profile::name)))
            }
        };
        arguments.profile =
            Some(terminal.ask("How that is authenticated: https_web or https_spiffe [https_web]", profile)?);
    }
    let by_spiffe = arguments.profile == Some(Profile::HttpsSpiffe);
    if by_spiffe && arguments.endpoint_id.is_none() {
        let id = |text: &str| Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
        arguments.endpoint_id = terminal.ask("Who answers there [spiffe://<trust domain>/spire/server]", id)?;
    }
    if arguments.bundle.is_none() {
        let file = |text: &str| match text {
            "" if !by_spiffe => Ok(None),
            "" => Err(Diagnostic::new("https_spiffe needs the bundle")),
            path => Given::read(Path::new(path), &Sources::default()).map(|_| Some(PathBuf::from(path))),
        };
        let question = if by_spiffe { "The file with its bundle" } else { "The file with its bundle [none]" };
        arguments.bundle = terminal.ask(question, file)?;
    }
    Ok(())
}

fn told(onboarding: &Onboarding) -> String {
    let Onboarding { path, edits, .. } = onboarding;
    match edits.first() {
        None => format!("{path} is like this already\n"),
        Some(_) => format!("wrote {path}\n{}", changes(onboarding)),
    }
}

fn changes(onboarding: &Onboarding) -> String {
    show_impact(onboarding.impact.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &mut Arguments, answers: &str) -> (Result<(), Diagnostic>, String) {
        let mut questions = Vec::new();
        let mut terminal = Terminal { answers: answers.as_bytes(), questions: &mut questions };
        let result = ask(&mut terminal, arguments);
        (result, String::from_utf8(questions).unwrap())
    }

    #[test]
    fn what_is_missing_is_asked_for_until_it_is_right() {
        let mut arguments = Arguments::default();
        let answers = "../x\npartner.io\nhttp://x\nhttps://u:hush@x\nhttps://spire.partner.io\nweb\n\n/nowhere\n\n";
        let (result, questions) = asked(&mut arguments, answers);
        assert_eq!(result, Ok(()), "{questions}");
        assert_eq!(arguments.trust_domain.map(|name| name.to_string()).as_deref(), Some("partner.io"));
        assert_eq!(arguments.endpoint.as_deref(), Some("https://spire.partner.io"));
        assert_eq!((arguments.profile, arguments.bundle), (Some(Profile::HttpsWeb), None));
        for said in ["no scheme", "it has a user", "no profile \"web\"", "/nowhere cannot be read"] {
            assert!(questions.contains(said), "{said}: {questions}");
        }
        assert!(!questions.contains("hush"), "{questions}");
        assert!(!questions.contains("Who answers"), "{questions}");
    }

    #[test]
    fn by_https_spiffe_the_bundle_is_asked_for() {
        let mut arguments = Arguments { endpoint: Some("https://spire.partner.io".to_owned()), ..Arguments::default() };
        let (result, questions) = asked(&mut arguments, "partner.io\nhttps_spiffe\n\n\n");
        assert!(result.is_err_and(|problem| problem.message.starts_with("no answer")), "{questions}");
        assert!(questions.contains("https_spiffe needs the bundle"), "{questions}");
        assert!(!questions.contains("Its bundle endpoint"), "{questions}");
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        let mut arguments = Arguments {
            trust_domain: "partner.io".parse().ok(),
            endpoint: Some("https://spire.partner.io".to_owned()),
            ..Arguments::default()
        };
        assert_eq!(asked(&mut arguments, ""), (Ok(()), String::new()));
    }
}
