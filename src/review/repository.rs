//! Comparing two states of an environment repository, whoever wrote it.
//!
//! Only what changed is read: the files that differ, and the environments that they belong to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::change::{Change, Documents, changes};
use super::document::{Content, Document, of_components, own_part};
use super::effect::Effect;
use super::fold::fold;
use super::side::{Side, changed, is_yaml};
use super::{Failure, Request, Review, Trust, Which};
use crate::chart::Records;
use crate::deployment::{self, Deployed, Deployment, Part};
use crate::diagnostic::{Diagnostic, Sources};
use crate::tree::{Embedded, Listed, Tree, TreeError};
use crate::workspace::{OfValues, Reader};
use crate::yaml::{self, Map, Node, Text};

/// What dir-staging's layout has in its root.
const LAYOUT: [&str; 5] = ["applications", "applicationsets", "clusters", "projectapps", "projects"];
/// Where its federation files are.
const ONBOARDING: &str = "onboarding/";

/// Returns whether a tree is an environment repository.
pub fn is_environment_repository(tree: &dyn Tree) -> bool {
    LAYOUT.iter().any(|folder| matches!(tree.list(folder), Ok(Some(_))))
}

/// Compares two states of an environment repository.
///
/// # Errors
/// Where it cannot be told which files differ.
pub fn review(before: &Side, after: &Side, folder: &Path, request: &Request) -> Result<Review, Vec<Diagnostic>> {
    let mut changed = changed(before, after, folder).map_err(|problem| vec![problem])?;
    // What dirops keeps of what it wrote: it follows from the files.
    changed.retain(|path| !path.starts_with(".dirops/"));
    let only = environments(&changed);
    let sides = Sides {
        trees: [Seen::new(before.tree()), Seen::new(after.tree())],
        sources: Sources::of_states(),
        changed: &changed,
        request,
    };
    let mut review = Review::new(&before.name, &after.name);
    review.compared = only.as_ref().map_or(0, BTreeSet::len);
    let read = sides.read(only.as_ref());
    let understood = read.is_ok();
    let mut found = match read {
        Ok([old, new]) => sides.compare(old, new, &mut review),
        Err(failures) => {
            review.failures = failures;
            Vec::new()
        }
    };
    found.extend(sides.compare_files(understood, &mut review));
    request.retain(&mut found);
    let told = told(&found, &review, &sides.sources);
    review.without_effect = changed.iter().filter(|path| !told.contains(*path)).cloned().collect();
    review.changes = fold(found);
    Ok(review)
}

/// Both sides, and the files that are not the same in them.
struct Sides<'a> {
    trees: [Seen<'a>; 2],
    sources: Sources,
    changed: &'a BTreeSet<String>,
    request: &'a Request,
}

impl Sides<'_> {
    /// Reads what these environments have on both sides.
    fn read(&self, environments: Option<&BTreeSet<String>>) -> Result<[Read; 2], Vec<Failure>> {
        let in_layout: Vec<&String> = self.changed.iter().filter(|path| is_in_layout(path)).collect();
        if in_layout.is_empty() {
            return Ok(Default::default());
        }
        // What is deployed says which files are read. Where that is as it was, components whose files are the same on both
        // sides are, too.
        let is_of_components = in_layout.iter().all(|path| path.starts_with("applications/"));
        let part = Part { environments, files: is_of_components.then_some(self.changed) };
        let read = self.read_part(part)?;
        // A file that no Application of its own environment reads may be one of another's.
        let is_unread = |path: &&&String| is_yaml(path) && !self.trees.iter().any(|tree| tree.has_read(path));
        match in_layout.iter().find(is_unread) {
            Some(_) if part.environments.is_some() || part.files.is_some() => self.read_part(Part::default()),
            _ => Ok(read),
        }
    }

    fn read_part(&self, part: Part<'_>) -> Result<[Read; 2], Vec<Failure>> {
        let mut good = Vec::new();
        let mut failures = Vec::new();
        let mut described = HashMap::new();
        // One after the other: what both have in common is parsed once.
        for (which, tree) in [Which::Before, Which::After].into_iter().zip(&self.trees) {
            match read(Reader { tree, sources: &self.sources }, part, self.request, &mut described) {
                Ok(read) => good.push(read),
                Err(problems) => {
                    let failure = |problem| Failure::of(which, "", problem, &self.sources);
                    failures.extend(problems.iter().map(failure));
                }
            }
        }
        good.try_into().map_err(|_| failures)
    }

    /// Compares what environments have.
    fn compare(&self, mut old: Read, mut new: Read, review: &mut Review) -> Vec<Change> {
        review.trust = (std::mem::take(&mut old.trust), std::mem::take(&mut new.trust));
        let only = |one: &Read, other: &Read| {
            one.documents.keys().filter(|name| !other.documents.contains_key(*name)).cloned().collect()
        };
        review.added = only(&new, &old);
        review.removed = only(&old, &new);
        let records = Records::new(Reader { tree: &Embedded, sources: &self.sources });
        let names: BTreeSet<Text> = old.documents.keys().chain(new.documents.keys()).cloned().collect();
        let side = |read: &mut Read, name: &Text| Documents {
            documents: read.documents.remove(name).unwrap_or_default(),
            sources: &self.sources,
            records: Some(&records),
        };
        names.iter().flat_map(|name| changes(name, side(&mut old, name), side(&mut new, name))).collect()
    }

    /// Compares the files that no Application reads one by one; where it is not understood which those are, all files.
    /// Federation files are read by none.
    fn compare_files(&self, understood: bool, review: &mut Review) -> Vec<Change> {
        let is_read = |path: &String| {
            understood && !path.starts_with(ONBOARDING) && self.trees.iter().any(|tree| tree.has_read(path))
        };
        let rest: Vec<&String> = self.changed.iter().filter(|path| !is_read(path)).collect();
        let mut files =
            FileComparison { trees: &self.trees, sources: &self.sources, understood, found: Vec::new(), review };
        files.compare(&rest);
        files.found
    }
}

fn is_in_layout(path: &str) -> bool {
    path.split_once('/').is_some_and(|(top, _)| LAYOUT.contains(&top))
}

/// Returns the environments that files belong to; nothing where one may belong to any.
fn environments(changed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let in_layout = changed.iter().filter(|path| is_in_layout(path));
    in_layout.map(|path| deployment::environment_of(path).map(str::to_owned)).collect()
}

/// Returns the files that a review says something of. What is new or gone as a whole may come from several.
fn told(found: &[Change], review: &Review, sources: &Sources) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for node in found.iter().flat_map(|change| [&change.before, &change.after]).flatten() {
        yaml::Path::leaves(node, &mut |_, leaf| {
            files.insert(leaf.place.file);
        });
    }
    let of_values = files.into_iter().map(|file| sources.path(file).to_string());
    let causes = found.iter().flat_map(|change| [&change.cause.before, &change.cause.after]);
    let of_failure = |failure: &Failure| failure.place.as_ref()?.split(':').next().map(str::to_owned);
    let of_causes = causes.flatten().map(|origin| origin.path.to_string());
    let of_failures = review.failures.iter().filter_map(of_failure);
    of_causes.chain(of_values).chain(of_failures).chain(review.not_configuration.iter().cloned()).collect()
}

/// What one side has.
#[derive(Default)]
struct Read {
    /// Documents by environment.
    documents: BTreeMap<Text, Vec<Document>>,
    trust: Vec<Trust>,
}

/// What components say of their values here, by their names.
type Described = HashMap<String, Option<OfValues>>;

fn read(
    reader: Reader<'_>,
    part: Part<'_>,
    request: &Request,
    described: &mut Described,
) -> Result<Read, Vec<Diagnostic>> {
    if !is_environment_repository(reader.tree) {
        return Ok(Read::default());
    }
    // What is known of a chart is looked for where its values differ.
    let repository = deployment::read_back(reader, &|_, _| None, part, request.jobs)?;
    let mut read = Read::default();
    for (folder, node) in &repository.objects {
        let environment: Text = folder.rsplit('/').next().unwrap_or(folder).into();
        let kind = node.get("kind").and_then(Node::as_text).unwrap_or_default();
        let document = match kind {
            // Applications of charts are compared with what they deploy.
            "Application" if deploys_chart(node, &repository.deployments) => continue,
            "ApplicationSet" => Document::object("", &own_part(node)),
            _ => Document::object("", node),
        };
        read.documents.entry(environment).or_default().push(document);
    }
    let mut deployments = repository.deployments;
    for component in deployments.iter_mut().flat_map(|deployment| &mut deployment.components) {
        declare(component, reader.sources, described);
    }
    for deployment in &deployments {
        read.documents.entry(deployment.environment.clone()).or_default().extend(of_components(deployment));
        read.trust.extend(Trust::of(deployment));
    }
    Ok(read)
}

/// Adds what is known of a component here: which lists merge by a key, and where credentials stand.
fn declare(component: &mut Deployed, sources: &Sources, described: &mut Described) {
    if component.values.merged.is_none() {
        return;
    }
    let reader = Reader { tree: &Embedded, sources };
    let describe = || OfValues::read(reader, &component.name).ok().flatten();
    if let Some(known) = described.entry(component.name.clone()).or_insert_with(describe) {
        component.list_keys = known.list_keys.clone();
        component.credentials = known.credentials.clone();
    }
}

fn deploys_chart(node: &Node, deployments: &[Deployment]) -> bool {
    let name = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::as_text);
    let mut components = deployments.iter().flat_map(|deployment| &deployment.components);
    name.is_some_and(|name| components.any(|component| &*component.application == name))
}

/// Comparing files one by one: those that no Application reads, and all where it cannot be told which it reads.
struct FileComparison<'a> {
    trees: &'a [Seen<'a>; 2],
    sources: &'a Sources,
    /// Whether it is known which files Applications read.
    understood: bool,
    found: Vec<Change>,
    review: &'a mut Review,
}

impl FileComparison<'_> {
    fn compare(&mut self, paths: &[&String]) {
        let mut sides: [BTreeMap<Text, Vec<Document>>; 2] = Default::default();
        for path in paths {
            let is_federation = path.starts_with(ONBOARDING) && path.ends_with(".yaml") && !path.contains("/.");
            let is_configuration = is_in_layout(path) && is_yaml(path);
            if !is_federation && !is_configuration {
                self.review.not_configuration.push((*path).clone());
                continue;
            }
            let environment: Text = deployment::environment_of(path).unwrap_or_default().into();
            let read =
                [self.documents(path, is_federation, Which::Before), self.documents(path, is_federation, Which::After)];
            // A file that one side cannot read would look new, or gone.
            if let [Some(old), Some(new)] = read {
                sides[0].entry(environment.clone()).or_default().extend(old);
                sides[1].entry(environment).or_default().extend(new);
            }
        }
        let [mut old, mut new] = sides;
        let names: BTreeSet<Text> = old.keys().chain(new.keys()).cloned().collect();
        for name in names {
            let side = |documents: &mut BTreeMap<Text, Vec<Document>>| Documents {
                documents: documents.remove(&name).unwrap_or_default(),
                sources: self.sources,
                records: None,
            };
            let mut changes = changes(&name, side(&mut old), side(&mut new));
            for change in changes.iter_mut().filter(|change| self.understood && change.content != Content::Federation) {
                change.effect = Effect::ReachesNothing;
                change.why = "no Application reads this file".into();
            }
            self.found.extend(changes);
        }
    }

    /// Returns what a file holds on one side; nothing where that cannot be read, which is then told.
    fn documents(&mut self, path: &str, is_federation: bool, which: Which) -> Option<Vec<Document>> {
        let index = if which == Which::Before { 0 } else { 1 };
        let reader = Reader { tree: &self.trees[index], sources: self.sources };
        match reader.documents(path) {
            Ok(nodes) => Some(
                nodes
                    .into_iter()
                    .enumerate()
                    .map(|(number, node)| document(path, number, node, is_federation))
                    .collect(),
            ),
            Err(problem) => {
                let failure = Failure::of(which, "", &problem, reader.sources);
                // Reading the environment may have told it.
                if !self.review.failures.contains(&failure) {
                    self.review.failures.push(failure);
                }
                None
            }
        }
    }
}

fn document(path: &str, number: usize, node: Node, is_federation: bool) -> Document {
    let mut parts = path.split('/').skip(1);
    let component = if path.starts_with("applications/") { parts.next().unwrap_or_default() } else { "" };
    let name = if number == 0 { path.to_owned() } else { format!("{path} #{}", number + 1) };
    if is_federation {
        return Document::file("", "federation file", &name, Content::Federation, node);
    }
    if path.ends_with("values.yaml") {
        let root = if node.as_map().is_some() { node } else { Node::new(node.place, Map::default()) };
        return Document::file(component, "values", &name, Content::Values(component.into()), root);
    }
    match node.get("kind").and_then(Node::as_text) {
        Some(_) => Document::object(component, &node),
        None if path.ends_with("config.json") => {
            Document { content: Content::Object, ..Document::file(component, "chart", &name, Content::File, node) }
        }
        None => Document::file(component, "file", &name, Content::File, node),
    }
}

/// A tree that remembers which files were read.
struct Seen<'a> {
    tree: &'a dyn Tree,
    read: Mutex<BTreeSet<String>>,
}

impl<'a> Seen<'a> {
    fn new(tree: &'a dyn Tree) -> Self {
        Self { tree, read: Mutex::default() }
    }

    fn has_read(&self, path: &str) -> bool {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }
}

impl Tree for Seen<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let content = self.tree.read(path, limit)?;
        if content.is_some() {
            self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        }
        Ok(content)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        self.tree.list(folder)
    }

    fn find(&self, folder: &str, name: &str) -> Result<Option<Listed>, TreeError> {
        self.tree.find(folder, name)
    }
}
