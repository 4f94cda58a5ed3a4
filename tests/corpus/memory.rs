//! A registry of one federation file that is on no disk.

use dirops::diagnostic::Sources;
use dirops::rules::{Conditions, Finding, check_registry, sort};
use dirops::tree::{Listed, Tree, TreeError};
use dirops::workspace::{Reader, Registry};

const FOLDER: &str = "onboarding/federation";

/// Returns what is wrong with a registry that holds one file, sorted by place, and the sources to show it with.
pub fn check(name: &str, content: &[u8], now: i64) -> (Vec<Finding>, Sources) {
    let (tree, sources) = (OneFile { name, content }, Sources::default());
    let reader = Reader { tree: &tree, sources: &sources };
    let registry = Registry::read(reader, FOLDER, &[], 1).expect("memory can be read");
    let mut findings = check_registry(&registry, &Conditions { now: Some(now), jobs: 1 }, &sources);
    sort(&mut findings, &sources);
    (findings, sources)
}

/// Returns the text of a federation file with nothing wrong in it but what is wrong with these two.
pub fn federation_file(trust_domain: &str, bundle: &str) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "className: dir-spire
trustDomain: {}
bundleEndpointURL: https://spire.partner.example.net
bundleEndpointProfile: {{type: https_web}}
trustDomainBundle: {}
",
        quoted(trust_domain),
        quoted(bundle),
    )
}

struct OneFile<'a> {
    name: &'a str,
    content: &'a [u8],
}

impl Tree for OneFile<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.content.len() as u64 {
            _ if path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')) != Some(self.name) => Ok(None),
            size if size > limit => Err(TreeError::TooLarge { size, limit }),
            _ => Ok(Some(self.content.to_vec())),
        }
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let file = Listed { name: self.name.to_owned(), is_folder: false, is_link: false };
        Ok((folder == FOLDER).then(|| vec![file]))
    }
}
