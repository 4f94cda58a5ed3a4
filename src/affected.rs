//! Which environments a change concerns, from what each one reads, and how to share them out.
//!
//! What is read is recorded, absent files and listed folders among it; which environments a path belongs to follows from
//! the layout of a source repository (docs/sources.md). A path that is read and has no place in that layout concerns all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::deployment;
use crate::diagnostic::{Diagnostic, Sources};
use crate::parallel;
use crate::tree::{Recorded, Tree, is_in_environment_repository, on_disk};
use crate::workspace::{Environment, Reader, Workspace};

/// What has to be rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The environments, sorted by name.
    pub environments: Vec<Touched>,
    /// The environments that are gone, sorted by name.
    pub gone: Vec<String>,
    /// Whether there may be something to prune.
    pub prune: bool,
}

/// An environment that has to be rendered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its name.
    pub name: String,
    /// What it reads and what changed, sorted.
    pub because: Vec<String>,
}

/// A part of what has to be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// The environments to render.
    pub environments: Vec<String>,
    /// Whether to prune those that are gone as well.
    pub prune: bool,
}

/// Returns everything: what a first render has to do, or one by another version of dirops.
pub fn everything(workspace: &Workspace<'_>) -> Affected {
    let touched = |environment: &Environment| Touched { name: environment.name.value.to_string(), because: Vec::new() };
    Affected { environments: workspace.environments.iter().map(touched).collect(), gone: Vec::new(), prune: true }
}

/// Returns what these changed paths concern. The workspace was loaded through `recorded`, from the folder `root`; `before`
/// is the source repository as it was.
///
/// # Errors
/// Where the source repository as it was cannot be read.
pub fn since(
    workspace: &Workspace<'_>,
    recorded: &Recorded<'_>,
    root: &Path,
    before: &dyn Tree,
    changed: &BTreeSet<String>,
    jobs: usize,
) -> Result<Affected, Diagnostic> {
    let environments = &workspace.environments;
    // What belongs to one environment alone is read here; one that cannot be built is for its render to tell of.
    let is_broken = parallel::map(jobs, environments, |environment| deployment::build(workspace, environment).is_err());
    let changed_reads = changed.iter().filter(|path| recorded.depends_on(path)).cloned();
    let owners = Owners::new(workspace);
    let mut because: Vec<BTreeSet<String>> = vec![BTreeSet::new(); environments.len()];
    for path in changed_reads.chain(through_links(recorded, root)) {
        for index in owners.of(&path) {
            because[index].insert(path.clone());
        }
    }
    let of_broken = |environment: &Environment| format!("overlays/{}/environment.yaml", environment.folder);
    let mut affected = Affected { gone: gone(workspace, before, changed)?, ..Affected::default() };
    affected.prune = !affected.gone.is_empty();
    for ((environment, mut because), is_broken) in environments.iter().zip(because).zip(is_broken) {
        if is_broken {
            because.insert(of_broken(environment));
        }
        if !because.is_empty() {
            let because = because.into_iter().collect();
            affected.environments.push(Touched { name: environment.name.value.to_string(), because });
        }
    }
    Ok(affected)
}

/// Returns the files that were reached through symbolic links: Git tells of changes by where files really are, and tells
/// nothing of those outside of the repository.
fn through_links(recorded: &Recorded<'_>, root: &Path) -> Vec<String> {
    let mut links: BTreeMap<String, bool> = BTreeMap::new();
    let mut is_link = |path: &str| match links.get(path) {
        Some(known) => *known,
        None => {
            let metadata = fs::symlink_metadata(on_disk(recorded, root, path));
            let found = metadata.is_ok_and(|metadata| metadata.is_symlink());
            links.insert(path.to_owned(), found);
            found
        }
    };
    let mut leads_through = |path: &String| {
        // How the environment repository itself is reached is no matter.
        let start = recorded.environment_repository().filter(|_| is_in_environment_repository(recorded, path));
        let start = start.map_or(0, |folder| folder.len() + 1);
        let folders = path.match_indices('/').map(|(end, _)| end).filter(|end| *end >= start);
        folders.map(|end| &path[..end]).chain([path.as_str()]).any(&mut is_link)
    };
    let mut files = recorded.files();
    files.retain(|path| leads_through(path));
    files
}

/// To which environments a path belongs.
struct Owners<'a> {
    environments: &'a [Environment],
    workspace: &'a Workspace<'a>,
    by_folder: BTreeMap<&'a str, usize>,
}

impl<'a> Owners<'a> {
    fn new(workspace: &'a Workspace<'a>) -> Self {
        let environments = workspace.environments.as_slice();
        let by_folder = environments.iter().enumerate().map(|(index, one)| (one.folder.as_str(), index)).collect();
        Self { environments, workspace, by_folder }
    }

    /// Returns the indices of the environments that a path belongs to.
    fn of(&self, path: &str) -> BTreeSet<usize> {
        let parts: Vec<&str> = path.split('/').collect();
        let trusting = self.all(|environment| self.trusts(environment, path));
        let others = match parts.as_slice() {
            ["base" | "overlays"] | ["base", "environment.yaml"] => self.all(|_| true),
            ["base", component, rest @ ..] => self.all(|environment| self.deploys(environment, component, rest)),
            ["overlays", folder, ..] => self.by_folder.get(folder).copied().into_iter().collect(),
            _ if trusting.is_empty() => self.all(|_| true),
            _ => BTreeSet::new(),
        };
        trusting.into_iter().chain(others).collect()
    }

    fn all(&self, wanted: impl Fn(&Environment) -> bool) -> BTreeSet<usize> {
        let indexed = self.environments.iter().enumerate();
        indexed.filter(|(_, environment)| wanted(environment)).map(|(index, _)| index).collect()
    }

    fn trusts(&self, environment: &Environment, path: &str) -> bool {
        let contains = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let registry = self.workspace.registry_of(environment);
        registry.is_some_and(|registry| contains(&registry.folder, path) || contains(path, &registry.folder))
    }

    /// Returns whether an environment reads this path below the folder of a component.
    fn deploys(&self, environment: &Environment, component: &str, rest: &[&str]) -> bool {
        let Some(used) = environment.components.iter().find(|used| *used.name.value == *component) else {
            return false;
        };
        match rest {
            ["profiles", file] => {
                let profile = file.strip_suffix(".manifests.yaml").or_else(|| file.strip_suffix(".yaml"));
                profile.is_none_or(|profile| environment.has_profile(profile))
            }
            [crate::chart::FOLDER, file] => {
                let own = self.workspace.components.get(component).map(|component| &component.version);
                let version = used.version.as_ref().or(own);
                version.is_none_or(|version| file.strip_suffix(".json") == Some(&**version))
            }
            _ => true,
        }
    }
}

/// Returns the names that environments had whose settings changed, and that none has any more.
fn gone(workspace: &Workspace<'_>, before: &dyn Tree, changed: &BTreeSet<String>) -> Result<Vec<String>, Diagnostic> {
    let sources = Sources::default();
    let reader = Reader { tree: before, sources: &sources };
    let of_all = ["base", "overlays", "base/environment.yaml"].iter().any(|path| changed.contains(*path));
    let is_changed = |folder: &str| {
        let folder = format!("overlays/{folder}");
        of_all || changed.contains(&folder) || changed.contains(&format!("{folder}/environment.yaml"))
    };
    let mut names = BTreeSet::new();
    for entry in reader.list("overlays")? {
        if entry.is_folder && is_changed(&entry.name) {
            // One that could not be read was not rendered by another name than its folder's.
            let settings = reader.document(&format!("overlays/{}/environment.yaml", entry.name)).ok().flatten();
            let name = settings.as_ref().and_then(|settings| settings.get("name")?.as_text());
            names.insert(name.unwrap_or(&entry.name).to_owned());
        }
    }
    for environment in &workspace.environments {
        names.remove(&*environment.name.value);
    }
    Ok(names.into_iter().collect())
}

impl Affected {
    /// Returns no more than `count` shards of much the same size, none of them empty. The first one prunes, if any has to.
    pub fn shards(&self, count: usize) -> Vec<Shard> {
        let names: Vec<String> = self.environments.iter().map(|environment| environment.name.clone()).collect();
        let count = count.clamp(1, names.len().max(1));
        let shard = |index: usize| {
            let part = names.len() * index / count..names.len() * (index + 1) / count;
            Shard { environments: names[part].to_vec(), prune: self.prune && index == 0 }
        };
        let shards = (0..count).map(shard);
        shards.filter(|shard| shard.prune || !shard.environments.is_empty()).collect()
    }

    /// Returns the environments and why, a line each, and the shards where there is more than one.
    pub fn to_text(&self, shards: &[Shard]) -> String {
        let name = |environment: &Touched| environment.name.len();
        let width = self.environments.iter().map(name).max().unwrap_or(0);
        let line = |Touched { name, because }: &Touched| match because.as_slice() {
            [] => format!("{name}\n"),
            [one] => format!("{name:<width$}  {one}\n"),
            [first, more @ ..] => format!("{name:<width$}  {first} and {} more\n", more.len()),
        };
        let gone = self.gone.iter().map(|name| format!("gone: {name}\n"));
        let shard = |(index, shard): (usize, &Shard)| {
            let prunes = if shard.prune { " (prunes)" } else { "" };
            format!("shard {index}{prunes}: {}\n", shard.environments.join(" "))
        };
        let shards = shards.iter().enumerate().filter(|_| shards.len() > 1).map(shard);
        self.environments.iter().map(line).chain(gone).chain(shards).collect()
    }

    /// Returns the environments and why, what is gone, and the shards, as JSON.
    pub fn to_json(&self, shards: &[Shard]) -> serde_json::Value {
        let environment = |touched: &Touched| json!({"name": touched.name, "because": touched.because});
        let environments: Vec<_> = self.environments.iter().map(environment).collect();
        let shard = |(index, shard): (usize, &Shard)| json!({"shard": index, "environments": shard.environments, "prune": shard.prune});
        let shards: Vec<_> = shards.iter().enumerate().map(shard).collect();
        json!({"version": 1, "environments": environments, "gone": self.gone, "shards": shards})
    }
}

/// Returns shards as a matrix of GitHub Actions: in each the environments as arguments of `dirops render`.
pub fn github_matrix(shards: &[Shard]) -> serde_json::Value {
    let shard = |(index, shard): (usize, &Shard)| json!({"shard": index, "environments": shard.environments.join(" "), "prune": shard.prune});
    json!({"include": shards.iter().enumerate().map(shard).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affected(names: usize, prune: bool) -> Affected {
        let touched = |index| Touched { name: format!("e{index:02}"), because: Vec::new() };
        Affected { environments: (0..names).map(touched).collect(), gone: Vec::new(), prune }
    }

    #[test]
    fn shards_are_even_and_never_empty() {
        for (names, count) in [(0, 1), (0, 5), (1, 5), (7, 3), (20, 6), (5, 5), (3, 0)] {
            for prune in [false, true] {
                let affected = affected(names, prune);
                let shards = affected.shards(count);
                let sizes: Vec<usize> = shards.iter().map(|shard| shard.environments.len()).collect();
                let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
                assert!(most - least <= 1, "{names} in {count}: {sizes:?}");
                assert!(shards.len() <= count.max(1));
                assert_eq!(shards.iter().filter(|shard| shard.prune).count(), usize::from(prune));
                assert!(shards.iter().all(|shard| shard.prune || !shard.environments.is_empty()));
                let all: Vec<String> = shards.into_iter().flat_map(|shard| shard.environments).collect();
                let names: Vec<String> = affected.environments.into_iter().map(|touched| touched.name).collect();
                assert_eq!(all, names);
            }
        }
    }

    #[test]
    fn a_matrix_is_what_github_actions_takes() {
        let shards = affected(3, true).shards(2);
        assert_eq!(
            github_matrix(&shards).to_string(),
            r#"{"include":[{"shard":0,"environments":"e00","prune":true},{"shard":1,"environments":"e01 e02","prune":false}]}"#
        );
        assert_eq!(github_matrix(&affected(0, false).shards(4)).to_string(), r#"{"include":[]}"#);
    }
}
