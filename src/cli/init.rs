//! `dirops init`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, Write};

use clap::Args;

use super::terminal::{Terminal, terminal};
use super::{Exit, Folders, jobs, print, report, show_findings};
use crate::diagnostic::{Diagnostic, Sources};
use crate::init::{self, COMPONENTS, Choices, Plan, Request};
use crate::spiffe::TrustDomain;

#[derive(Args, Debug, Default)]
pub(super) struct Arguments {
    /// The environment's name: a DNS label
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// A profile, such as kind, eks, https-web; may be repeated, later ones win
    #[arg(long = "profile", value_name = "P")]
    profiles: Vec<String>,
    /// Its trust domain; it cannot change after deployment
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<TrustDomain>,
    /// What its public hostnames are made from; the trust domain by default
    #[arg(long, value_name = "D")]
    domain: Option<String>,
    /// A component; may be repeated; spire-crds, spire and dir by default
    #[arg(long = "component", value_name = "C")]
    components: Vec<String>,
    /// The name of its cluster; the environment's by default
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The cluster's API server as Argo CD knows it, where that is not the one in base/environment.yaml
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// A variable, such as databaseHost=db.example.org; may be repeated
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    vars: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(folders: &Folders, mut arguments: Arguments) -> Exit {
    let sources = Sources::default();
    if let Some(mut terminal) = terminal()
        && let Err(problem) = complete(&mut terminal, &mut arguments, &init::choices(&folders.source))
    {
        return report(&[problem], &sources);
    }
    let request = match request(folders, arguments) {
        Ok(request) => request,
        Err(problem) => return report(&[problem], &sources),
    };
    let plan = match init::plan(&request, &sources) {
        Ok(plan) => plan,
        Err(refusal) => {
            show_findings(&refusal.findings, &sources);
            return report(&refusal.problems, &sources);
        }
    };
    show_findings(&plan.findings, &sources);
    match init::write(&folders.source, &plan) {
        Ok(()) => print(&told(&request, &plan)),
        Err(problem) => report(&[problem], &sources),
    }
}

fn request(folders: &Folders, arguments: Arguments) -> Result<Request, Diagnostic> {
    let missing = missing(&arguments);
    let (Some(name), Some(trust_domain), true) = (arguments.environment, arguments.trust_domain, missing.is_empty())
    else {
        return Err(Diagnostic::new(format!("missing: {}", missing.join(", ")))
            .help("name them, or run dirops in a terminal, where it asks"));
    };
    let components = match arguments.components.is_empty() {
        true => COMPONENTS.map(str::to_owned).into(),
        false => arguments.components,
    };
    Ok(Request {
        source: folders.source.clone(),
        environment_repository: folders.environment_repository.clone(),
        name,
        trust_domain,
        domain: arguments.domain,
        cluster: arguments.cluster,
        address: arguments.address,
        profiles: arguments.profiles,
        components,
        vars: arguments.vars,
        jobs: jobs(None),
    })
}

fn missing(arguments: &Arguments) -> Vec<&'static str> {
    let given = [
        ("ENV", arguments.environment.is_some()),
        ("--profile", !arguments.profiles.is_empty()),
        ("--trust-domain", arguments.trust_domain.is_some()),
    ];
    given.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect()
}

fn told(request: &Request, plan: &Plan) -> String {
    let mut text = format!("wrote {}\n", plan.path);
    if plan.lays_base {
        text.push_str("wrote base/ and the templates in onboarding/federation/\n");
        text.push_str(
            "\nFirst say in base/environment.yaml which repositories are yours: `source` and `repository`.\n",
        );
    }
    let source = match request.source.as_os_str() == "." {
        true => String::new(),
        false => format!(" --source {}", request.source.display()),
    };
    let name = &request.name;
    let next = [
        ("check".to_owned(), "what is wrong with it"),
        (format!("secrets {name}"), "what its store has to hold, if it has one"),
        (format!("render {name} --into ../environments"), "writes what Argo CD deploys"),
    ];
    text.push_str("\nNext:\n");
    let width = next.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (command, what) in next {
        let _ = writeln!(text, "  dirops{source} {command:<width$}  # {what}");
    }
    text
}

/// Asks for what is missing; where nothing is, for nothing.
fn complete<R: BufRead, W: Write>(
    terminal: &mut Terminal<R, W>,
    arguments: &mut Arguments,
    choices: &Choices,
) -> Result<(), Diagnostic> {
    if missing(arguments).is_empty() {
        return Ok(());
    }
    if arguments.environment.is_none() {
        let name = |text: &str| init::label("an environment's name", text).map(|()| text.to_owned());
        arguments.environment = Some(terminal.ask("Name of the environment, such as prod", name)?);
    }
    if arguments.profiles.is_empty() {
        let question = format!("Profiles ({})", joined(&choices.profiles));
        arguments.profiles = terminal.ask(&question, |text| several(text, "profile", &choices.profiles))?;
    }
    if arguments.trust_domain.is_none() {
        let trust_domain = |text: &str| {
            text.parse().map_err(|error| Diagnostic::new(format!("this is not the name of a trust domain: {error}")))
        };
        arguments.trust_domain = Some(terminal.ask("Trust domain, such as example.org; it is for good", trust_domain)?);
    }
    if arguments.domain.is_none() {
        let domain = |text: &str| Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
        arguments.domain = terminal.ask("Domain of the public hostnames [the trust domain]", domain)?;
    }
    if arguments.components.is_empty() {
        let question = format!("Components ({}) [{}]", joined(&choices.components), COMPONENTS.join(" "));
        arguments.components = terminal.ask(&question, |text| match text.is_empty() {
            true => Ok(Vec::new()),
            false => several(text, "component", &choices.components),
        })?;
    }
    Ok(())
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Returns the names in an answer, all of them known.
fn several(text: &str, what: &str, known: &BTreeSet<String>) -> Result<Vec<String>, Diagnostic> {
    let names: Vec<&str> = text.split([' ', ',']).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(Diagnostic::new(format!("at least one {what} is needed")));
    }
    match names.iter().find(|name| !known.contains(**name)) {
        None => Ok(names.into_iter().map(str::to_owned).collect()),
        Some(name) => {
            Err(Diagnostic::new(format!("there is no {what} `{name}`")).suggest(name, known.iter().map(String::as_str)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &mut Arguments, answers: &str) -> (Result<(), Diagnostic>, String) {
        let mut questions = Vec::new();
        let mut terminal = Terminal { answers: answers.as_bytes(), questions: &mut questions };
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let choices = Choices { profiles: known(&["eks", "kind"]), components: known(&["dir", "spire"]) };
        let result = complete(&mut terminal, arguments, &choices);
        (result, String::from_utf8(questions).unwrap())
    }

    #[test]
    fn what_is_missing_is_asked_for_until_it_is_right() {
        let mut arguments = Arguments::default();
        let answers = "Prod\nprod\nkin\neks, kind\nExample.org\nexample.org\n\nspire dir\n";
        let (result, questions) = asked(&mut arguments, answers);
        assert_eq!(result, Ok(()));
        assert_eq!(arguments.environment.as_deref(), Some("prod"));
        assert_eq!(arguments.profiles, ["eks", "kind"]);
        assert_eq!(arguments.trust_domain.map(|name| name.to_string()).as_deref(), Some("example.org"));
        assert_eq!(arguments.domain, None);
        assert_eq!(arguments.components, ["spire", "dir"]);
        for said in ["cannot be \"Prod\"", "did you mean `kind`?", "an upper-case letter", "[spire-crds spire dir]"] {
            assert!(questions.contains(said), "{said}: {questions}");
        }
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        let mut arguments = Arguments {
            environment: Some("prod".to_owned()),
            trust_domain: "example.org".parse().ok(),
            profiles: vec!["eks".to_owned()],
            ..Arguments::default()
        };
        assert_eq!(asked(&mut arguments, ""), (Ok(()), String::new()));
        arguments.profiles.clear();
        let (result, questions) = asked(&mut arguments, "");
        assert!(result.is_err_and(|problem| problem.message.starts_with("no answer")), "{questions}");
        assert!(questions.starts_with("Profiles (eks kind)"), "{questions}");
    }
}
