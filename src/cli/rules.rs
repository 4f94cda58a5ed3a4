//! `dirops rules` and `dirops explain`

use std::fmt::Write;

use clap::Args;

use super::{Exit, print, report};
use crate::diagnostic::{Diagnostic, Sources};
use crate::rules::{RULES, explain, markdown};

#[derive(Args, Debug)]
pub(super) struct ListArguments {
    /// Write docs/rules.md instead
    #[arg(long)]
    markdown: bool,
}

#[derive(Args, Debug)]
pub(super) struct ExplainArguments {
    /// The rule
    rule: String,
}

pub(super) fn list(arguments: &ListArguments) -> Exit {
    if arguments.markdown {
        return print(&markdown());
    }
    let width = RULES.iter().map(|rule| rule.code.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in RULES.iter() {
        let _ = writeln!(text, "{:<width$}  {:<7}  {}", rule.code, rule.severity.word(), rule.title);
    }
    print(&text)
}

pub(super) fn explain_one(arguments: &ExplainArguments) -> Exit {
    match RULES.iter().find(|rule| rule.code == arguments.rule) {
        Some(rule) => print(&explain(rule)),
        None => {
            let known = RULES.iter().map(|rule| rule.code);
            let problem =
                Diagnostic::new(format!("there is no rule `{}`", arguments.rule)).suggest(&arguments.rule, known);
            report(&[problem], &Sources::default())
        }
    }
}
