//! Shell scripts that create what an environment reads.
//!
//! The values exist only where a script runs: in its variables, and in pipes. No process has one among its arguments,
//! for these are in plain sight of everybody on the machine; none is written to a file.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Entry, Needs, Property};
use crate::deployment::Deployment;
use crate::diagnostic::Diagnostic;
use crate::workspace::FormKind;
use crate::yaml::Node;

/// Whose commands a script uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `vault`, for the key-value engine.
    Vault,
    /// `aws secretsmanager`.
    Aws,
}

const HEAD: &str = "\
set -euo pipefail
umask 077
export LC_ALL=C

fail() {
  printf '%s\\n' \"$1\" >&2
  exit 1
}

need() {
  command -v \"$1\" >/dev/null || fail \"$1 is needed, and is not here\"
}
";

const ASK: &str = "
ask() { # prints what is typed, unseen
  local answer
  IFS= read -rsp \"$1: \" answer || fail \"$1: no answer; save this script, and run it in a terminal\"
  printf '\\n' >&2
  [ -n \"$answer\" ] || fail \"$1: it cannot be empty\"
  printf '%s' \"$answer\"
}
";

const ASK_FILE: &str = "
ask_file() { # prints the file whose name is typed
  local path
  IFS= read -rp \"$1, the file: \" path || fail \"$1: no answer; save this script, and run it in a terminal\"
  [ -s \"$path\" ] || fail \"$1: $path is not there, or empty\"
  cat -- \"$path\"
}
";

const BCRYPT: &str = "
bcrypt() { # prints the line of an htpasswd file
  printf '%s\\n' \"$2\" | htpasswd -niBC 10 \"$1\"
}
";

const ADD: &str = "
json() { # sets REPLY to a text as JSON
  local character index
  REPLY='\"'
  for ((index = 0; index < ${#1}; index++)); do
    character=${1:index:1}
    case $character in
      '\"' | \"\\\\\") REPLY+=\"\\\\$character\" ;;
      $'\\n') REPLY+='\\n' ;;
      $'\\r') REPLY+='\\r' ;;
      $'\\t') REPLY+='\\t' ;;
      [[:cntrl:]]) fail 'a value holds a control character' ;;
      *) REPLY+=$character ;;
    esac
  done
  REPLY+='\"'
}

add() { # adds a property to the entry
  local separator=', '
  [ -n \"$entry\" ] || separator='{'
  json \"$1\"
  entry+=$separator$REPLY
  json \"$2\"
  entry+=\": $REPLY\"
}
";

/// Returns a script for bash that creates what an environment reads, where it is not there yet.
///
/// # Errors
/// Where a store is another provider's, or an entry is not made of properties.
pub fn script(needs: &Needs, deployment: &Deployment, provider: Provider) -> Result<String, Diagnostic> {
    let entries: Vec<Steps<'_>> =
        needs.entries.iter().map(|entry| Steps::of(entry, deployment, provider)).collect::<Result<_, _>>()?;
    let (command, format) = match provider {
        Provider::Vault => ("vault", "vault"),
        Provider::Aws => ("aws", "aws"),
    };
    let mut text = format!(
        "#!/usr/bin/env bash\n\
         # Creates the credentials of the environment {name}, where there are none yet. Printed by\n\
         #   dirops secrets {name} --format {format}\n\
         # The values are drawn here and now. They stand in no file and among no command's arguments.\n",
        name = needs.environment,
    );
    text.push_str(HEAD);
    for (used, function) in [("$(ask ", ASK), ("$(ask_file ", ASK_FILE), ("$(bcrypt ", BCRYPT)] {
        if entries.iter().any(|entry| entry.make.contains(used)) {
            text.push_str(function);
        }
    }
    text.push_str(ADD);
    // As a function, the script is read to its end before anything happens: a part of it does nothing.
    text.push_str("\nmain() {\n  local entry\n");
    for tool in ["openssl", "htpasswd", command] {
        let is_used = |entry: &Steps<'_>| entry.make.contains("$(bcrypt ");
        if tool != "htpasswd" || entries.iter().any(is_used) {
            let _ = writeln!(text, "  need {tool}");
        }
    }
    for steps in &entries {
        text.push_str(&steps.refuse_present());
    }
    for steps in &entries {
        text.push_str(&steps.make);
        text.push_str(&steps.store());
    }
    text.push_str("}\n\nmain\n");
    Ok(text)
}

/// What to do for one entry.
struct Steps<'a> {
    entry: &'a Entry,
    place: Location,
    make: String,
}

/// Where an entry is, as the provider's command takes it.
enum Location {
    Vault { settings: Vec<(&'static str, String)>, mount: String, is_v2: bool },
    Aws { region: Option<String> },
}

impl<'a> Steps<'a> {
    fn of(entry: &'a Entry, deployment: &Deployment, provider: Provider) -> Result<Self, Diagnostic> {
        let place = Location::of(entry, deployment, provider)?;
        Ok(Self { entry, place, make: make(entry)? })
    }

    fn refuse_present(&self) -> String {
        let path = quoted(&self.entry.path);
        let look = match &self.place {
            Location::Vault { mount, .. } => format!("vault kv get -mount={} {path}", quoted(mount)),
            Location::Aws { region } => {
                format!("aws secretsmanager describe-secret{} --secret-id {path}", region_option(region.as_ref()))
            }
        };
        let settings = match &self.place {
            Location::Vault { settings, .. } => settings.as_slice(),
            Location::Aws { .. } => &[],
        };
        let mut text = String::from("\n");
        for (name, value) in settings {
            let _ = writeln!(text, "  export {name}=${{{name}:-{}}}", quoted(value));
        }
        let more = match &self.place {
            Location::Vault { .. } => "vault kv patch",
            Location::Aws { .. } => "aws secretsmanager put-secret-value",
        };
        let message = format!("{} is there already, nothing was changed; to add to it: {more}", self.entry.path);
        let message = quoted(&message);
        let _ = writeln!(text, "  if {look} >/dev/null 2>&1; then\n    fail {message}\n  fi");
        text
    }

    fn store(&self) -> String {
        let path = quoted(&self.entry.path);
        let command = match &self.place {
            Location::Vault { mount, is_v2, .. } => {
                // Refused where something is there.
                let check = if *is_v2 { " -cas=0" } else { "" };
                format!("vault kv put -mount={}{check} {path} -", quoted(mount))
            }
            Location::Aws { region } => {
                let region = region_option(region.as_ref());
                format!("aws secretsmanager create-secret{region} --name {path} --secret-string file:///dev/stdin")
            }
        };
        format!("  printf '%s}}' \"$entry\" | {command}\n")
    }
}

fn region_option(region: Option<&String>) -> String {
    region.map(|region| format!(" --region {}", quoted(region))).unwrap_or_default()
}

impl Location {
    /// Reads where the store is from its object, where the environment describes it.
    fn of(entry: &Entry, deployment: &Deployment, provider: Provider) -> Result<Self, Diagnostic> {
        let objects = deployment.components.iter().flat_map(|component| &component.manifests);
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
        let is_store = |object: &&Node| {
            let name = object.get("metadata").and_then(|metadata| text(metadata, "name"));
            text(object, "kind").as_ref() == Some(&entry.store.kind) && name.as_ref() == Some(&entry.store.name)
        };
        let store = objects.into_iter().find(is_store);
        let described = store.and_then(|store| store.get("spec")?.get("provider"));
        let (vault, aws) = (described.and_then(|p| p.get("vault")), described.and_then(|p| p.get("aws")));
        match provider {
            Provider::Vault if aws.is_some() => Err(elsewhere(entry, "AWS Secrets Manager", "aws")),
            Provider::Aws if vault.is_some() => Err(elsewhere(entry, "Vault", "vault")),
            Provider::Vault => {
                let of = |key: &str| vault.and_then(|vault| text(vault, key));
                let settings = [("VAULT_ADDR", of("server")), ("VAULT_NAMESPACE", of("namespace"))];
                Ok(Self::Vault {
                    settings: settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
                    mount: of("path").unwrap_or_else(|| "secret".to_owned()),
                    is_v2: of("version").is_none_or(|version| version == "v2"),
                })
            }
            Provider::Aws => Ok(Self::Aws { region: aws.and_then(|aws| text(aws, "region")) }),
        }
    }
}

fn elsewhere(entry: &Entry, provider: &str, format: &str) -> Diagnostic {
    Diagnostic::new(format!("the store {} is in {provider}", entry.store.name)).help(format!("use --format {format}"))
}

/// Returns the commands that make the values of an entry, and put them together.
fn make(entry: &Entry) -> Result<String, Diagnostic> {
    let names = Variables::of(entry)?;
    let mut text = format!("\n  entry=''\n  printf '%s\\n' {} >&2\n", quoted(&format!("making {}", entry.path)));
    // An htpasswd file is made from others.
    let (last, first): (Vec<_>, Vec<_>) =
        entry.properties.iter().partition(|property| matches!(kind(property), Some(FormKind::Htpasswd(_))));
    for property in first.iter().chain(&last) {
        text.push_str(&value(entry, property, &names)?);
    }
    for property in &entry.properties {
        let _ = writeln!(text, "  add {} \"${}\"", quoted(name(property)), names.of_property(entry, name(property))?);
    }
    Ok(text)
}

fn kind(property: &Property) -> Option<&FormKind> {
    property.form.as_ref().map(|form| &form.kind)
}

fn name(property: &Property) -> &str {
    property.name.as_deref().unwrap_or_default()
}

/// Returns the commands that make one value.
fn value(entry: &Entry, property: &Property, names: &Variables<'_>) -> Result<String, Diagnostic> {
    let variable = names.of_property(entry, name(property))?;
    let prompt = || quoted(&format!("{} {}: {}", entry.path, name(property), property.description()));
    let mut text = match kind(property) {
        Some(FormKind::User(Some(user))) => format!("  {variable}={}\n", quoted(user)),
        Some(FormKind::Kubeconfig) => format!("  {variable}=$(ask_file {})$'\\n'\n", prompt()),
        Some(FormKind::Htpasswd(users)) => {
            let mut text = format!("  {variable}=''\n");
            for (user, password) in users {
                let (user, password) = (names.of_property(entry, user)?, names.of_property(entry, password)?);
                let _ = writeln!(text, "  {variable}+=$(bcrypt \"${user}\" \"${password}\")$'\\n'");
            }
            text
        }
        Some(FormKind::Ed25519Key) if !property.is_given => {
            format!("  {variable}=$(openssl genpkey -algorithm Ed25519)$'\\n'\n")
        }
        Some(FormKind::Ed25519Key) => format!("  {variable}=$(ask_file {})$'\\n'\n", prompt()),
        Some(FormKind::Password) if !property.is_given => format!("  {variable}=$(openssl rand -hex 24)\n"),
        _ => format!("  {variable}=$(ask {})\n", prompt()),
    };
    if property.is_base64 {
        let _ = writeln!(text, "  {variable}=$(printf '%s' \"${variable}\" | openssl base64 -A)");
    }
    Ok(text)
}

/// The shell variables that hold the values of an entry.
struct Variables<'a>(Vec<(&'a str, String)>);

impl<'a> Variables<'a> {
    fn of(entry: &'a Entry) -> Result<Self, Diagnostic> {
        let mut taken = BTreeSet::from(["entry".to_owned()]);
        let mut variables = Vec::new();
        for property in &entry.properties {
            let Some(name) = property.name.as_deref() else {
                return Err(Diagnostic::new(format!("the entry {} is read whole, whatever is in it", entry.path))
                    .help("no commands can be made for that: see `dirops secrets` for who reads it, and create it by hand"));
            };
            let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
            let mut variable: String = format!("the_{}", name.chars().map(plain).collect::<String>());
            while !taken.insert(variable.clone()) {
                variable.push('_');
            }
            variables.push((name, variable));
        }
        Ok(Self(variables))
    }

    fn of_property(&self, entry: &Entry, property: &str) -> Result<&str, Diagnostic> {
        let found = self.0.iter().find(|(name, _)| *name == property);
        found.map(|(_, variable)| variable.as_str()).ok_or_else(|| {
            Diagnostic::new(format!("nothing reads the property `{property}` of {}", entry.path))
                .help("an htpasswd file is to be made from it: let an entry of `secrets` read it in component.yaml")
        })
    }
}

/// Returns a text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
