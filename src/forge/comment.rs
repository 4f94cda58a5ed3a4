//! Comments that are made once, and brought up to date afterwards.

use serde::Deserialize;
use serde_json::json;

use super::authorisation::User;
use super::body::{self, Key};
use super::connection::Request;
use super::error::Error;
use super::pull_request::FoundUser;
use super::{Forge, parse};

/// A comment of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Where people see it.
    pub url: String,
    /// What it says, with our marker.
    pub body: String,
}

#[derive(Deserialize)]
struct FoundComment {
    id: u64,
    html_url: String,
    body: Option<String>,
    user: Option<FoundUser>,
}

impl From<FoundComment> for Comment {
    fn from(found: FoundComment) -> Self {
        Self { id: found.id, url: found.html_url, body: found.body.unwrap_or_default() }
    }
}

impl Forge {
    /// Makes the comment of this key say this, on a pull request or issue: a new one, or the one that is there. Nothing
    /// is returned in a dry run that would make a new one.
    ///
    /// # Errors
    /// Where there is no such pull request, or GitHub cannot be asked.
    pub fn comment(&self, number: u64, key: &Key, text: &str) -> Result<Option<Comment>, Error> {
        let body = body::comment(key, text);
        let comments = self.path(&["issues", &number.to_string(), "comments"], &[])?;
        let request = Request::post(comments, json!({"body": body}));
        match self.make_once::<FoundComment, Comment>(&request, || self.find_comment(number, key))? {
            Some((found, _)) if !body::same(&found.body, &body) => self.update_comment(found, &body).map(Some),
            made => Ok(made.map(|(comment, _)| comment)),
        }
    }

    /// Returns our comment of this key. One that somebody else wrote is not ours, whatever marker it carries: they could
    /// change it afterwards.
    ///
    /// # Errors
    /// Where GitHub cannot be asked.
    pub fn find_comment(&self, number: u64, key: &Key) -> Result<Option<Comment>, Error> {
        let user = self.user()?;
        let path = self.path(&["issues", &number.to_string(), "comments"], &[("per_page", "100")])?;
        let found = self.read_all::<FoundComment>(|page| format!("{path}&page={page}"))?;
        let is_ours = |comment: &FoundComment| {
            let text = comment.body.as_deref().unwrap_or_default();
            comment.user.as_ref().is_some_and(|author| wrote(&user, author)) && body::is_comment(text, key)
        };
        Ok(found.into_iter().find(is_ours).map(Comment::from))
    }

    fn update_comment(&self, comment: Comment, body: &str) -> Result<Comment, Error> {
        let path = self.path(&["issues", "comments", &comment.id.to_string()], &[])?;
        let request = Request::patch(path, json!({"body": body}));
        if self.is_only_recorded(&request) {
            return Ok(comment);
        }
        self.waiting.until_done(|_| {
            let changed: FoundComment = parse(&request, self.attempt(&request)?)?;
            Ok(changed.into())
        })
    }
}

fn wrote(user: &User, author: &FoundUser) -> bool {
    match user {
        User::Named(name) => author.login.eq_ignore_ascii_case(name),
        User::SomeApp => author.kind.as_deref() == Some("Bot"),
        User::Nobody => false,
    }
}
