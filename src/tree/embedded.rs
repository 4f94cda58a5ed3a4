//! The files in the program itself: base/ and the templates of federation files, as they were when it was built.

use std::collections::BTreeMap;

use super::{Listed, Tree, TreeError};

/// Path and content of each, sorted by path; made by build.rs.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The defaults that a new source repository begins with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedded;

impl Embedded {
    /// Returns path and content of all files, sorted by path.
    pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
        FILES.iter().copied()
    }
}

impl Tree for Embedded {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match FILES.iter().find(|(name, _)| *name == path) {
            None => Ok(None),
            Some((_, content)) if content.len() as u64 > limit => {
                Err(TreeError::TooLarge { size: content.len() as u64, limit })
            }
            Some((_, content)) => Ok(Some(content.to_vec())),
        }
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let mut names = BTreeMap::new();
        for (path, _) in FILES {
            let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            names.insert(name, is_folder);
        }
        let listed =
            names.into_iter().map(|(name, is_folder)| Listed { name: name.to_owned(), is_folder, is_link: false });
        let listed: Vec<Listed> = listed.collect();
        Ok(if listed.is_empty() { None } else { Some(listed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::WorkTree;

    /// Asserts that a folder has the same files in the program as on the disk.
    fn assert_same(folder: &str) {
        let work = WorkTree::new(env!("CARGO_MANIFEST_DIR"));
        let listed = Embedded.list(folder).unwrap().unwrap();
        assert_eq!(Some(&listed), work.list(folder).unwrap().as_ref(), "{folder}");
        for entry in listed {
            let path = format!("{folder}/{}", entry.name);
            match entry.is_folder {
                true => assert_same(&path),
                false => {
                    assert_eq!(Embedded.read(&path, 1 << 20).unwrap(), work.read(&path, 1 << 20).unwrap(), "{path}");
                }
            }
        }
    }

    #[test]
    fn the_defaults_are_this_repositorys() {
        assert_same("base");
        assert!(Embedded.list("overlays").unwrap().is_none());
        let templates = Embedded.list("onboarding/federation").unwrap().unwrap();
        assert!(templates.len() >= 2 && templates.iter().all(|file| file.name.ends_with(".template.yaml")));
        assert!(matches!(Embedded.read("base/environment.yaml", 1), Err(TreeError::TooLarge { .. })));
    }
}
