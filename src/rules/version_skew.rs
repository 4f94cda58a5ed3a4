//! Parts of one product in different versions.

use super::{Check, Rule, Severity};
use crate::deployment::{Deployed, Deployment};
use crate::diagnostic::{Diagnostic, Place};

pub(super) static RULE: Rule = Rule {
    code: "version-skew",
    severity: Severity::Warning,
    title: "Parts of one product have different versions",
    reason: "Chart and images of the Directory are released together: a chart configures what the image of its own version \
             reads, apiserver and reconciler share a database, and dirctl calls methods that a server of another version \
             may not have.",
    mend: "Take one version for all of them (`tag: ${{ version }}`).",
    check: Check::Deployment(check),
};

/// The images that are released with a chart.
const IMAGES: [(&str, &str); 4] = [
    ("dir", "apiserver.image.tag"),
    ("dir", "apiserver.reconciler.image.tag"),
    ("dirctl", "image.tag"),
    ("oidc-gateway", "authServer.image.tag"),
];

/// A version as tags have it: `v1.2.0`, `1.2.0-rc.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version<'a> {
    numbers: [u64; 3],
    /// Whether it is released; what comes before its release is older.
    is_release: bool,
    pre_release: &'a str,
}

impl<'a> Version<'a> {
    /// Reads a tag. Where it is of another form, nothing can be said of it.
    pub(super) fn of(tag: &'a str) -> Option<Self> {
        let text = tag.trim().split('@').next()?;
        let text = text.strip_prefix('v').unwrap_or(text);
        let (core, suffix) = text.split_once(['-', '+']).unwrap_or((text, ""));
        let mut numbers = [0; 3];
        let mut parts = core.split('.');
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = match parts.next() {
                Some(part) => part.parse().ok()?,
                None if index == 2 => 0,
                None => return None,
            };
        }
        // Other suffixes say how the image was built, as `-distroless` does.
        let is_pre = ["rc", "alpha", "beta", "dev", "pre"].iter().any(|word| suffix.starts_with(word));
        let pre_release = if is_pre { suffix } else { "" };
        parts.next().is_none().then_some(Self { numbers, is_release: !is_pre, pre_release })
    }
}

fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let of_images = deployment.components.iter().flat_map(images);
    of_images.chain(clients(deployment)).collect()
}

fn images(component: &Deployed) -> impl Iterator<Item = Diagnostic> {
    let chart = component.chart();
    IMAGES.iter().filter(move |(of, _)| *of == chart).filter_map(move |(_, path)| {
        let tag = component.text_at(path)?;
        let (image, release) = (Version::of(tag)?, Version::of(&component.version)?);
        let message = format!("the image is {tag}, the chart {chart} {}", &*component.version);
        (image != release).then(|| skew(message, component.place_of(path), component.version.place).key(*path))
    })
}

/// Returns where dirctl is of another version than the Directory that it calls.
fn clients(deployment: &Deployment) -> impl Iterator<Item = Diagnostic> {
    let dir = deployment.of_chart("dir").next();
    let other = move |client: &Deployed| {
        let (own, server) = (Version::of(&client.version)?, Version::of(&dir?.version)?);
        let message = format!("dirctl is {}, the Directory {}", &*client.version, &*dir?.version);
        (own != server).then_some(skew(message, client.version.place, dir?.version.place))
    };
    deployment.of_chart("dirctl").filter_map(other)
}

fn skew(message: String, place: Place, other: Place) -> Diagnostic {
    Diagnostic::new(message).at(place).related(other)
}
