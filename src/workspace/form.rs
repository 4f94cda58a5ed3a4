//! What the properties in the store must be.

use std::collections::BTreeMap;

use super::Environment;
use super::fields::{Fields, Located, text, texts, wrong_type};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Text, Value};

/// The forms of the properties that a component reads, by property.
pub type Forms = BTreeMap<Text, Located<Form>>;

/// What a property in the store must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The form itself.
    pub kind: FormKind,
    /// The profiles of the environments in which it is made elsewhere; in none where this is empty.
    given: Vec<Text>,
}

/// The forms that dirops knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// A private key of Ed25519 in PEM.
    Ed25519Key,
    /// An htpasswd file with bcrypt: properties that hold a user's name, each with that of the password.
    Htpasswd(Vec<(Text, Text)>),
    /// A kubeconfig.
    Kubeconfig,
    /// The id of an OAuth client.
    OauthClientId,
    /// The secret of an OAuth client.
    OauthClientSecret,
    /// A password.
    Password,
    /// The name of a user, where one is fixed: this one.
    User(Option<Text>),
}

/// The names of the forms in `component.yaml`.
pub(super) const FORMS: [&str; 7] =
    ["ed25519-key", "htpasswd", "kubeconfig", "oauth-client-id", "oauth-client-secret", "password", "user"];

impl Form {
    /// Returns whether it is made elsewhere in an environment, and cannot be drawn.
    pub fn is_given(&self, environment: &Environment) -> bool {
        match self.kind {
            FormKind::Kubeconfig | FormKind::OauthClientId | FormKind::OauthClientSecret | FormKind::User(None) => true,
            FormKind::Htpasswd(_) | FormKind::User(Some(_)) => false,
            FormKind::Ed25519Key | FormKind::Password => {
                !self.given.is_empty() && self.given.iter().all(|profile| environment.has_profile(profile))
            }
        }
    }

    fn read(node: &Node) -> Result<Self, Diagnostic> {
        let word = |node: &Node| text(node, "forms").and_then(|name| kind(&name, None, Vec::new()));
        if matches!(node.value, Value::Text(_)) {
            return Ok(Self { kind: word(node)?, given: Vec::new() });
        }
        if node.as_map().is_none() {
            return Err(wrong_type(node, "forms", "a form or a map with the key `form`"));
        }
        let fields = Fields::of(node, "a form", &["form", "is", "users", "given"])?;
        let name = fields.required_text("form")?;
        let users = fields.entries("users")?.into_iter();
        let users = users.map(|(user, password)| Ok((user.value, text(password, "users")?.value)));
        let given = fields.node("given").map_or(Ok(Vec::new()), |given| texts(given, "given"))?;
        let form = Self {
            kind: kind(&name, fields.text("is")?.map(|is| is.value), users.collect::<Result<_, _>>()?)?,
            given: given.into_iter().map(|profile| profile.value).collect(),
        };
        form.refuse_idle(&fields)?;
        Ok(form)
    }

    /// Refuses keys that mean nothing for this form.
    fn refuse_idle(&self, fields: &Fields<'_>) -> Result<(), Diagnostic> {
        let takes = |key: &str| match key {
            "is" => matches!(self.kind, FormKind::User(_)),
            "users" => matches!(self.kind, FormKind::Htpasswd(_)),
            _ => matches!(self.kind, FormKind::Ed25519Key | FormKind::Password),
        };
        let idle =
            ["is", "users", "given"].into_iter().find_map(|key| Some((key, fields.node(key)?)).filter(|_| !takes(key)));
        match idle {
            None => Ok(()),
            Some((key, node)) => Err(Diagnostic::new(format!("`{key}` means nothing for this form"))
                .at(node.place)
                .help("`is` goes with user, `users` with htpasswd, `given` with password and ed25519-key")),
        }
    }
}

fn kind(name: &Located<Text>, is: Option<Text>, users: Vec<(Text, Text)>) -> Result<FormKind, Diagnostic> {
    Ok(match &***name {
        "ed25519-key" => FormKind::Ed25519Key,
        "htpasswd" if users.is_empty() => {
            return Err(Diagnostic::new("the form `htpasswd` needs `users`").at(name.place).help(
                "name the properties it is made from: {form: htpasswd, users: {<user's name>: <its password>}}",
            ));
        }
        "htpasswd" => FormKind::Htpasswd(users),
        "kubeconfig" => FormKind::Kubeconfig,
        "oauth-client-id" => FormKind::OauthClientId,
        "oauth-client-secret" => FormKind::OauthClientSecret,
        "password" => FormKind::Password,
        "user" => FormKind::User(is),
        other => {
            return Err(Diagnostic::new(format!("there is no form `{other}`")).at(name.place).suggest(other, FORMS));
        }
    })
}

/// Reads `forms` of a component.
pub(super) fn forms(fields: &Fields<'_>) -> Result<Forms, Diagnostic> {
    let entries = fields.entries("forms")?;
    let form = |(property, node): (Located<Text>, &Node)| {
        let place = property.place;
        Ok((property.value, Located { value: Form::read(node)?, place }))
    };
    let forms: Forms = entries.into_iter().map(form).collect::<Result<_, _>>()?;
    forms.values().try_for_each(|form| refuse_unknown(form, &forms))?;
    Ok(forms)
}

/// Refuses an htpasswd file that is made from what is no user's name or no password.
fn refuse_unknown(form: &Located<Form>, forms: &Forms) -> Result<(), Diagnostic> {
    let FormKind::Htpasswd(users) = &form.kind else {
        return Ok(());
    };
    let is = |name: &Text, fits: fn(&FormKind) -> bool| forms.get(name).is_some_and(|form| fits(&form.kind));
    let refuse = |name: &Text, what: &str| {
        Err(Diagnostic::new(format!("`{name}` has not the form `{what}`, and an htpasswd file is to be made from it"))
            .at(form.place)
            .suggest(name, forms.keys().map(|known| &**known)))
    };
    for (user, password) in users {
        if !is(user, |kind| matches!(kind, FormKind::User(_))) {
            return refuse(user, "user");
        }
        if !is(password, |kind| matches!(kind, FormKind::Password)) {
            return refuse(password, "password");
        }
    }
    Ok(())
}
