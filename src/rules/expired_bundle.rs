//! A bundle out of date that is the only way in.

use x509_parser::time::ASN1Time;

use super::{Check, Conditions, Rule, Severity};
use crate::diagnostic::Diagnostic;
use crate::spiffe::Authority;
use crate::workspace::{FederationFile, Registry};

pub(super) static RULE: Rule = Rule {
    code: "expired-bundle",
    severity: Severity::Error,
    title: "The bundle of an https_spiffe partner is out of date",
    reason: "With `https_spiffe` the endpoint is authenticated by this bundle. When no certificate in it is valid, SPIRE cannot \
             fetch a newer one: the partner is locked out until somebody brings a bundle by hand.",
    mend: "Take the bundle anew from `spire-server bundle show -format spiffe`.",
    check: Check::File(check),
};

fn check(file: &FederationFile, _: &Registry, conditions: &Conditions) -> Vec<Diagnostic> {
    let only_way = file.profile_name() == Some("https_spiffe");
    match only_way && none_is_valid(file, conditions) {
        true => out_of_date(file, conditions),
        false => Vec::new(),
    }
}

/// Returns whether the bundle has certificates and none of them is valid now.
pub(super) fn none_is_valid(file: &FederationFile, conditions: &Conditions) -> bool {
    let (Some(bundle), Some(now)) = (file.bundle(), conditions.now) else {
        return false;
    };
    let is_valid = |authority: &Authority| (authority.not_before..=authority.not_after).contains(&now);
    !bundle.authorities.is_empty() && !bundle.authorities.iter().any(is_valid)
}

/// Returns what there is to say of certificates that are not valid now.
pub(super) fn out_of_date(file: &FederationFile, conditions: &Conditions) -> Vec<Diagnostic> {
    let (Some(bundle), Some(now)) = (file.bundle(), conditions.now) else {
        return Vec::new();
    };
    let diagnostic = |authority: &Authority| {
        let message = if now > authority.not_after {
            format!("the certificate expired on {}", date(authority.not_after))
        } else if now < authority.not_before {
            format!("the certificate is not valid before {}", date(authority.not_before))
        } else {
            return None;
        };
        Some(Diagnostic::new(message).at(authority.place))
    };
    bundle.authorities.iter().filter_map(diagnostic).collect()
}

/// Returns a time as a day, UTC.
pub(super) fn date(seconds: i64) -> String {
    match ASN1Time::from_timestamp(seconds) {
        Ok(time) => {
            let day = time.to_datetime().date();
            format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
        }
        Err(_) => format!("second {seconds} since 1970"),
    }
}
