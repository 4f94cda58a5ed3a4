//! `hydrator.metadata`: what rendered branches say about their source to Argo CD and gitops-promoter.
//!
//! The format is `HydratorCommitMetadata` of Argo CD (`util/hydrator/hydrator.go` and
//! `commitserver/commit/hydratorhelper.go` in github.com/argoproj/argo-cd/v3, v3.2.1); gitops-promoter reads the same
//! keys (`docs/custom-hydrator.md` and `HydratorMetadata` in github.com/argoproj-labs/gitops-promoter), of which it needs
//! `drySha`.

use git2::{Oid, Repository};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::diagnostic::Diagnostic;

/// Where the file is: at the root of what was written.
pub const METADATA: &str = "hydrator.metadata";

#[derive(Serialize)]
struct Metadata {
    #[serde(rename = "repoURL", skip_serializing_if = "String::is_empty")]
    repository: String,
    #[serde(rename = "drySha")]
    commit: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    author: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    date: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
}

/// Returns the content of `hydrator.metadata` for what was rendered from a commit of the source repository, which is known
/// to others by `url`.
///
/// # Errors
/// Where the commit is not in the repository.
pub fn metadata(source: &Repository, commit: Oid, url: &str) -> Result<String, Diagnostic> {
    let commit = source
        .find_commit(commit)
        .map_err(|error| Diagnostic::new(format!("the source commit cannot be read: {}", error.message())))?;
    let author = commit.author();
    let metadata = Metadata {
        repository: without_user(url),
        commit: commit.id().to_string(),
        author: format!(
            "{} <{}>",
            String::from_utf8_lossy(author.name_bytes()),
            String::from_utf8_lossy(author.email_bytes())
        ),
        date: date(author.when()),
        subject: commit.summary_bytes().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default(),
        body: commit.body_bytes().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default(),
    };
    let mut text = serde_json::to_string_pretty(&metadata)
        .map_err(|error| Diagnostic::new(format!("{METADATA} cannot be written: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// Returns a time as Git's `%aI` does; nothing where it is beyond what years can say.
fn date(time: git2::Time) -> String {
    let written = || {
        let offset = UtcOffset::from_whole_seconds(time.offset_minutes().checked_mul(60)?).ok()?;
        let time = OffsetDateTime::from_unix_timestamp(time.seconds()).ok()?;
        time.checked_to_offset(offset)?.format(&Rfc3339).ok()
    };
    written().unwrap_or_default()
}

/// Whoever reads the file needs no user and no password of ours.
fn without_user(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() || matches!(parsed.scheme(), "http" | "https") => {
            let cleared = parsed.set_username("").and_then(|()| parsed.set_password(None));
            cleared.map(|()| parsed.to_string()).unwrap_or_default()
        }
        _ => url.to_owned(),
    }
}
