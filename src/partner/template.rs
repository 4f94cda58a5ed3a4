//! The text of a federation file, from the documented templates.

use super::{Partner, Profile};
use crate::diagnostic::{Diagnostic, FileId, Sources};
use crate::tree::{Embedded, Tree};
use crate::workspace::{Reader, USUAL_REGISTRY};
use crate::yaml::{parse, set_line, set_text};

/// Returns the federation file of a new partner: the template of its profile, in the registry or else in the program.
pub(super) fn fill(
    tree: &dyn Tree,
    registry: &str,
    class_name: &str,
    partner: &Partner,
    bundle: Option<&str>,
    sources: &Sources,
) -> Result<String, Diagnostic> {
    let name = match partner.profile {
        Profile::HttpsWeb => ".federation.web.template.yaml",
        Profile::HttpsSpiffe => ".federation.spiffe.template.yaml",
    };
    let own = Reader { tree, sources }.text(&format!("{registry}/{name}"))?;
    let template = match own {
        Some(own) => Some(own),
        None => Reader { tree: &Embedded, sources }.text(&format!("{USUAL_REGISTRY}/{name}"))?,
    };
    let (file, text) = template.ok_or_else(|| Diagnostic::new(format!("there is no template {name}")))?;
    let text = set(file, &without_instructions(&text), &["className"], class_name)?;
    let text = set(file, &text, &["trustDomain"], partner.trust_domain.as_str())?;
    update(file, &text, partner, bundle)
}

/// Returns a federation file with another endpoint and bundle; everything else stays.
pub(super) fn update(file: FileId, text: &str, partner: &Partner, bundle: Option<&str>) -> Result<String, Diagnostic> {
    let mut text = set(file, text, &["bundleEndpointURL"], &partner.endpoint)?;
    if let (Profile::HttpsSpiffe, Some(id)) = (partner.profile, &partner.endpoint_id) {
        text = set(file, &text, &["bundleEndpointProfile", "endpointSPIFFEID"], id)?;
    }
    match bundle {
        Some(bundle) => set_text(file, &text, "trustDomainBundle", bundle),
        None => Ok(text),
    }
}

/// Sets what is not so already.
fn set(file: FileId, text: &str, path: &[&str], value: &str) -> Result<String, Diagnostic> {
    let root = parse(file, text)?;
    let found = path.iter().try_fold(&root, |node, key| node.get(key));
    match found.and_then(|node| node.as_text()) == Some(value) {
        true => Ok(text.to_owned()),
        false => set_line(file, text, path, value),
    }
}

/// Leaves out what a template tells those to do who copy it by hand: the paragraph of steps in its first comment.
fn without_instructions(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut in_steps = false;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if content.starts_with("# 1. ") {
            in_steps = true;
        }
        if !in_steps {
            kept.push_str(line);
        }
        // The empty line after the steps goes with them, unless the comment ends there.
        if in_steps && (content == "#" || !content.starts_with('#')) {
            in_steps = false;
            if content != "#" {
                kept.push_str(line);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_filled_in_reads_back(
            name in "[a-z0-9._-]{1,12}|yes|no|null|0[0-7]{3}|[0-9]\\.[0-9]|2026-01-01",
            endpoint in "https://[a-z0-9.]{1,9}/[!-~]{0,12}",
            class_name in "[ -~]{1,12}",
            by_spiffe: bool,
        ) {
            let partner = Partner {
                trust_domain: name.parse().unwrap(),
                endpoint: endpoint.clone(),
                profile: if by_spiffe { Profile::HttpsSpiffe } else { Profile::HttpsWeb },
                endpoint_id: Some(format!("spiffe://{name}/x")),
                bundle: None,
            };
            let sources = Sources::default();
            let text = fill(&Embedded, "nowhere", &class_name, &partner, Some("{}"), &sources).unwrap();
            let read = parse(sources.add("x", &text), &text).unwrap();
            let at = |path: &[&str]| path.iter().try_fold(&read, |node, key| node.get(key)).and_then(|node| node.as_text());
            prop_assert_eq!(at(&["trustDomain"]), Some(name.as_str()));
            prop_assert_eq!(at(&["bundleEndpointURL"]), Some(endpoint.as_str()));
            prop_assert_eq!(at(&["className"]), Some(class_name.as_str()));
            prop_assert_eq!(at(&["trustDomainBundle"]), Some("{}"));
            prop_assert_eq!(at(&["bundleEndpointProfile", "type"]), Some(partner.profile.name()));
            let id = at(&["bundleEndpointProfile", "endpointSPIFFEID"]);
            prop_assert_eq!(id.is_some(), by_spiffe);
        }
    }

    #[test]
    fn steps_are_left_out() {
        let text = "# T.\n#\n# 1. Copy\n# 2. Put\n#\n# Why.\n\na: 1 # 1. x\n";
        assert_eq!(without_instructions(text), "# T.\n#\n# Why.\n\na: 1 # 1. x\n");
        assert_eq!(without_instructions("# 1. Copy\n\na: 1\n"), "\na: 1\n");
        assert_eq!(without_instructions("# 1. Copy\na: 1\n"), "a: 1\n");
        assert_eq!(without_instructions("# None.\na: 1"), "# None.\na: 1");
    }
}
