//! Who a commit is by, and when.

use std::ffi::OsString;

use git2::{Config, Signature, Time};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::diagnostic::Diagnostic;

/// Who commits where neither environment nor configuration says so.
const DEFAULT: (&str, &str) = ("dirops", "dirops@localhost");

/// Author and committer of a commit, with their times.
pub struct Identities {
    /// Who made the change.
    pub author: Signature<'static>,
    /// Who made the commit.
    pub committer: Signature<'static>,
}

/// Returns who a commit is by: `GIT_AUTHOR_*` and `GIT_COMMITTER_*`, dates included, which `variable` looks up; what they
/// leave open is in the configuration (`author.*`, `committer.*`, `user.*`), or is dirops itself, now.
///
/// # Errors
/// Where a name or date is none.
pub fn identities(
    configuration: &Config,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Identities, Diagnostic> {
    Ok(Identities {
        author: identity(configuration, "author", &variable)?,
        committer: identity(configuration, "committer", &variable)?,
    })
}

fn identity(
    configuration: &Config,
    role: &str,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Result<Signature<'static>, Diagnostic> {
    let named = |name: &str| match variable(name).map(OsString::into_string) {
        Some(Ok(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
        Some(Err(_)) => Err(Diagnostic::new(format!("{name} is not UTF-8"))),
        None => Ok(None),
    };
    let of_role = |what: &str| named(&format!("GIT_{}_{what}", role.to_ascii_uppercase()));
    let configured = |key: &str| {
        let value = |section: &str| configuration.get_string(&format!("{section}.{key}")).ok();
        value(role).or_else(|| value("user")).filter(|value| !value.trim().is_empty())
    };
    let name = of_role("NAME")?.or_else(|| configured("name")).unwrap_or_else(|| DEFAULT.0.to_owned());
    let email = match of_role("EMAIL")?.or_else(|| configured("email")) {
        Some(email) => email,
        None => named("EMAIL")?.unwrap_or_else(|| DEFAULT.1.to_owned()),
    };
    let signature = match of_role("DATE")? {
        None => Signature::now(&name, &email),
        Some(text) => {
            let time = date(&text).ok_or_else(|| {
                Diagnostic::new(format!("GIT_{}_DATE is no date: `{text}`", role.to_ascii_uppercase()))
                    .help("`1700000000 +0100` is one, and 2023-11-14T23:13:20+01:00, with the time zone")
            })?;
            Signature::new(&name, &email, &time)
        }
    };
    signature.map_err(|error| {
        Diagnostic::new(format!("`{name} <{email}>` cannot be the {role} of a commit: {}", error.message()))
            .help("see GIT_AUTHOR_NAME and its like, and user.name and user.email in Git's configuration")
    })
}

/// Returns the time that a text says: seconds and time zone, as in a commit (with `@` or without), RFC 2822, or ISO 8601.
/// Git takes more for a date, such as `yesterday`; libgit2 does, too, with a time zone at random.
fn date(text: &str) -> Option<Time> {
    let text = text.trim();
    let (seconds, zone) = text.trim_start_matches('@').split_once(' ').unwrap_or((text.trim_start_matches('@'), ""));
    if let Ok(seconds) = seconds.parse() {
        return match zone {
            "" => text.starts_with('@').then(|| Time::new(seconds, 0)),
            zone => Some(Time::new(seconds, minutes(zone)?)),
        };
    }
    let parsed = OffsetDateTime::parse(text, &Rfc2822).or_else(|_| OffsetDateTime::parse(&rfc_3339(text), &Rfc3339));
    let parsed = parsed.ok()?;
    Some(Time::new(parsed.unix_timestamp(), i32::from(parsed.offset().whole_minutes())))
}

/// Returns the minutes of a time zone such as `-0330`.
fn minutes(zone: &str) -> Option<i32> {
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let is_good = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: i32 = digits.parse().ok().filter(|number| is_good && number % 100 < 60 && *number < 1500)?;
    Some(sign * (number / 100 * 60 + number % 100))
}

/// Returns an ISO 8601 date in the one form of them that RFC 3339 allows: `2023-11-14 23:13:20 +0100`, for example.
fn rfc_3339(text: &str) -> String {
    let mut text = text.replacen(' ', "T", 1).replace(' ', "");
    let zone = text.len().saturating_sub(5);
    if text.is_char_boundary(zone) && minutes(&text[zone..]).is_some() {
        text.insert(zone + 3, ':');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_git_writes_them() {
        for text in [
            "1700000000 +0100",
            "@1700000000 +0100",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20+0100",
            "2023-11-14 23:13:20 +0100",
            "Tue, 14 Nov 2023 23:13:20 +0100",
        ] {
            let time = date(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((time.seconds(), time.offset_minutes()), (1_700_000_000, 60), "{text}");
        }
        assert_eq!(date("2023-11-14T22:13:20Z").map(|time| time.seconds()), Some(1_700_000_000));
        assert_eq!(date("@1700000000").map(|time| time.offset_minutes()), Some(0));
        assert_eq!(date("1700000000 -0330").map(|time| time.offset_minutes()), Some(-210));
        for text in ["", "yesterday", "2023-13-45", "2023-11-14", "2023", "1 +01", "1 +0161", "1 é", "é+0100", "@"] {
            assert!(date(text).is_none(), "{text}");
        }
    }
}
