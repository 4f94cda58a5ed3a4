//! Git revisions: their files, straight from the object database, and what differs between two of them.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use git2::{DiffOptions, Oid, Repository, RepositoryOpenFlags};

use super::object::{Entry, Kind, TreeObject};
use super::{Listed, Tree, TreeError};
use crate::diagnostic::Diagnostic;

/// The tree without files, which Git knows in every repository: what stood before the first commit.
const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// How many symbolic links may lead to each other.
const LINK_LIMIT: usize = 40;

/// The files of a folder as they are in a Git revision. Nothing is checked out; links are followed inside of the folder.
pub struct Revision {
    // libgit2's repositories may move between threads and not be used by two at once.
    objects: Arc<Mutex<Objects>>,
    commit: Option<Oid>,
    tree: Oid,
    /// The folder in the repository, with `/` between its parts; empty for its root.
    folder: String,
}

/// The object database, and what was read from it: libgit2 keeps no files and no large trees.
struct Objects {
    repository: Repository,
    trees: HashMap<Oid, Arc<TreeObject>>,
    files: HashMap<Oid, Vec<u8>>,
}

/// What stands at a path.
enum Found {
    Nothing,
    File(Oid),
    Folder(Oid),
}

impl Revision {
    /// Returns the files that `folder` has in `revision`: a commit, branch, tag or tree, as Git writes them. The folder is
    /// one in a work tree, or a bare repository.
    ///
    /// # Errors
    /// Where the folder is in no repository, or the repository does not have the revision.
    pub fn open(folder: &Path, revision: &str) -> Result<Self, Diagnostic> {
        let repository = discover(folder)?;
        let folder = inside(&repository, folder);
        let objects = Objects { repository, trees: HashMap::new(), files: HashMap::new() };
        Self::of(Arc::new(Mutex::new(objects)), folder, revision)
    }

    /// Returns the files that the same folder has in another revision. What both have in common is read once.
    ///
    /// # Errors
    /// Where the repository does not have the revision.
    pub fn other(&self, revision: &str) -> Result<Self, Diagnostic> {
        Self::of(self.objects.clone(), self.folder.clone(), revision)
    }

    fn of(objects: Arc<Mutex<Objects>>, folder: String, revision: &str) -> Result<Self, Diagnostic> {
        let (tree, commit) = locked(&objects).tree(&folder, revision)?;
        Ok(Self { objects, commit, tree, folder })
    }

    /// Returns the files that a folder has in the common ancestor of two revisions.
    ///
    /// # Errors
    /// As [`Self::open`], and where the two have no ancestor in common.
    pub fn merge_base(folder: &Path, one: &str, other: &str) -> Result<Self, Diagnostic> {
        let repository = discover(folder)?;
        let commit = |name: &str| {
            let object = repository.revparse_single(name).and_then(|object| object.peel_to_commit());
            object.map(|commit| commit.id()).map_err(|error| unknown(name, &error))
        };
        let base = repository.merge_base(commit(one)?, commit(other)?).map_err(|error| {
            Diagnostic::new(format!("`{one}` and `{other}` have no ancestor in common: {}", error.message()))
                .help("a shallow clone may lack it: fetch more history")
        })?;
        Self::open(folder, &base.to_string())
    }

    /// Returns the commit, unless the revision is a tree.
    pub fn commit(&self) -> Option<Oid> {
        self.commit
    }

    /// Returns the paths of the files that are not the same here and in another revision, sorted. Equal folders are not
    /// looked into.
    ///
    /// # Errors
    /// Where the object database cannot be read.
    pub fn changed(&self, other: &Self) -> Result<BTreeSet<String>, Diagnostic> {
        let mut changed = BTreeSet::new();
        let compared = self.objects().differing(Some(self.tree), Some(other.tree), "", &mut changed);
        compared.map_err(|error| Diagnostic::new(format!("the revisions cannot be compared: {}", error.message())))?;
        Ok(changed)
    }

    /// Returns the paths of the files that are not the same here and in the work tree, sorted; untracked ones are among
    /// them, ignored ones are not.
    ///
    /// # Errors
    /// Where the repository has no work tree or cannot be read.
    pub fn changed_in_work_tree(&self) -> Result<BTreeSet<String>, Diagnostic> {
        let repository = &self.objects().repository;
        let failed = |error: git2::Error| {
            Diagnostic::new(format!("the revision cannot be compared with the work tree: {}", error.message()))
        };
        let mut options = DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true);
        if !self.folder.is_empty() {
            options.pathspec(&self.folder);
        }
        let commit = self.commit.ok_or_else(|| Diagnostic::new("a tree without a commit has no work tree"))?;
        let tree = repository.find_commit(commit).and_then(|commit| commit.tree()).map_err(failed)?;
        let diff = repository.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options)).map_err(failed)?;
        let files = diff.deltas().flat_map(|delta| [delta.old_file().path_bytes(), delta.new_file().path_bytes()]);
        let paths = files.flatten().map(|path| String::from_utf8_lossy(path).into_owned());
        let prefix = if self.folder.is_empty() { String::new() } else { format!("{}/", self.folder) };
        Ok(paths.filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect())
    }

    /// Returns what a tree's reader sees of an entry.
    fn listed(&self, objects: &mut Objects, folder: &str, entry: Entry<'_>) -> Result<Listed, TreeError> {
        let Ok(name) = str::from_utf8(entry.name).map(str::to_owned) else {
            return Err(TreeError::Name(String::from_utf8_lossy(entry.name).into_owned()));
        };
        let is_folder = match entry.kind {
            Kind::File => false,
            // A submodule is a folder in the work tree.
            Kind::Folder | Kind::Submodule => true,
            Kind::Link => {
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                matches!(objects.find(self.tree, &path).map_err(io)?, Found::Folder(_))
            }
        };
        Ok(Listed { name, is_folder, is_link: entry.kind == Kind::Link })
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        locked(&self.objects)
    }
}

fn locked(objects: &Mutex<Objects>) -> MutexGuard<'_, Objects> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tree for Revision {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let mut objects = self.objects();
        let Found::File(oid) = objects.find(self.tree, path).map_err(io)? else {
            return Ok(None);
        };
        let has_other = Arc::strong_count(&self.objects) > 1;
        objects.file(oid, limit, has_other).map(Some)
    }

    fn list(&self, folder: &str) -> Result<Option<Vec<Listed>>, TreeError> {
        let mut objects = self.objects();
        let Found::Folder(oid) = objects.find(self.tree, folder).map_err(io)? else {
            return Ok(None);
        };
        let read = objects.folder(oid).map_err(io)?;
        let mut listed =
            read.entries().map(|entry| self.listed(&mut objects, folder, entry)).collect::<Result<Vec<_>, _>>()?;
        // Git sorts folders as if their names ended in `/`.
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(listed))
    }

    fn find(&self, folder: &str, name: &str) -> Result<Option<Listed>, TreeError> {
        let mut objects = self.objects();
        let Found::Folder(oid) = objects.find(self.tree, folder).map_err(io)? else {
            return Ok(None);
        };
        let read = objects.folder(oid).map_err(io)?;
        read.find(name.as_bytes()).map(|entry| self.listed(&mut objects, folder, entry)).transpose()
    }
}

impl Objects {
    /// Returns the tree of a folder in a revision, and the commit, unless the revision is a tree. A folder that the
    /// revision does not have has no files in it.
    fn tree(&mut self, folder: &str, revision: &str) -> Result<(Oid, Option<Oid>), Diagnostic> {
        if revision == EMPTY {
            let empty = self.repository.treebuilder(None).and_then(|builder| builder.write());
            return Ok((empty.map_err(|error| unknown(revision, &error))?, None));
        }
        let (root, commit) = {
            let object = self.repository.revparse_single(revision).map_err(|error| unknown(revision, &error))?;
            let commit = object.peel_to_commit().ok().map(|commit| commit.id());
            (object.peel_to_tree().map_err(|error| unknown(revision, &error))?.id(), commit)
        };
        let tree = self.find(root, folder).and_then(|found| match found {
            Found::Folder(tree) => Ok(tree),
            _ => self.repository.treebuilder(None)?.write(),
        });
        let tree = tree.map_err(|error| Diagnostic::new(format!("`{folder}` cannot be read: {}", error.message())))?;
        Ok((tree, commit))
    }

    /// Returns what stands in a folder.
    fn folder(&mut self, tree: Oid) -> Result<Arc<TreeObject>, git2::Error> {
        if let Some(folder) = self.trees.get(&tree) {
            return Ok(folder.clone());
        }
        let content = self.repository.odb()?.read(tree)?.data().to_vec();
        let folder = TreeObject::parse(content).ok_or_else(|| git2::Error::from_str(&format!("{tree} is no tree")))?;
        let folder = Arc::new(folder);
        self.trees.insert(tree, folder.clone());
        Ok(folder)
    }

    /// Returns the content of a file of no more than `limit` bytes. With `is_shared` it is kept for the next who asks: most
    /// files are the same in two revisions.
    fn file(&mut self, oid: Oid, limit: u64, is_shared: bool) -> Result<Vec<u8>, TreeError> {
        let fits = |size: usize| match size as u64 {
            size if size > limit => Err(TreeError::TooLarge { size, limit }),
            _ => Ok(()),
        };
        if let Some(content) = self.files.remove(&oid) {
            return fits(content.len()).map(|()| content);
        }
        let database = self.repository.odb().map_err(io)?;
        fits(database.read_header(oid).map_err(io)?.0)?;
        let content = database.read(oid).map_err(io)?.data().to_vec();
        if is_shared {
            self.files.insert(oid, content.clone());
        }
        Ok(content)
    }

    /// Adds the paths of the files that two trees do not have in common.
    fn differing(
        &mut self,
        before: Option<Oid>,
        after: Option<Oid>,
        path: &str,
        changed: &mut BTreeSet<String>,
    ) -> Result<(), git2::Error> {
        let mut folder = |tree: Option<Oid>| tree.map_or_else(|| Ok(Arc::default()), |tree| self.folder(tree));
        let (before, after) = (folder(before)?, folder(after)?);
        let names: BTreeSet<&[u8]> = before.without(&after).chain(after.without(&before)).map(|e| e.name).collect();
        for name in names {
            let sides = [before.find(name), after.find(name)];
            let name = String::from_utf8_lossy(name);
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            if sides.iter().flatten().any(|entry| entry.kind != Kind::Folder) {
                changed.insert(path.clone());
            }
            let below =
                |entry: Option<Entry<'_>>| entry.filter(|e| e.kind == Kind::Folder).map(|e| e.object()).transpose();
            let [old, new] = sides;
            self.differing(below(old)?, below(new)?, &path, changed)?;
        }
        Ok(())
    }

    /// Returns what stands at a path below a tree, links followed as long as they stay below it.
    fn find(&mut self, tree: Oid, path: &str) -> Result<Found, git2::Error> {
        let parts = |path: &str| path.split('/').rev().filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let mut wanted: Vec<String> = parts(path);
        // The folders on the way, the root first.
        let mut above = vec![tree];
        let mut links = 0;
        while let Some(part) = wanted.pop() {
            match part.as_str() {
                "." => continue,
                // Whatever is above the root is not part of it.
                ".." if above.len() == 1 => return Ok(Found::Nothing),
                ".." => {
                    above.pop();
                    continue;
                }
                _ => {}
            }
            let folder = above.last().copied().unwrap_or(tree);
            let folder = self.folder(folder)?;
            let Some(entry) = folder.find(part.as_bytes()) else {
                return Ok(Found::Nothing);
            };
            let object = entry.object()?;
            match entry.kind {
                Kind::Link => {
                    links += 1;
                    let target = String::from_utf8_lossy(self.repository.find_blob(object)?.content()).into_owned();
                    if links > LINK_LIMIT || target.starts_with('/') {
                        return Ok(Found::Nothing);
                    }
                    wanted.extend::<Vec<String>>(parts(&target));
                }
                Kind::File if wanted.is_empty() => return Ok(Found::File(object)),
                Kind::Folder => above.push(object),
                Kind::File | Kind::Submodule => return Ok(Found::Nothing),
            }
        }
        Ok(Found::Folder(above.last().copied().unwrap_or(tree)))
    }
}

fn io(error: git2::Error) -> TreeError {
    TreeError::Io(std::io::Error::other(error.message().to_owned()))
}

/// Returns the repository that a folder is in.
fn discover(folder: &Path) -> Result<Repository, Diagnostic> {
    // As git does, an object's name is not worked out again whenever it is read: that would take as long as all else.
    static ONCE: Once = Once::new();
    ONCE.call_once(|| git2::opts::strict_hash_verification(false));
    Repository::open_ext(folder, RepositoryOpenFlags::CROSS_FS, [] as [&OsStr; 0])
        .map_err(|error| Diagnostic::new(format!("{} is in no Git repository: {}", folder.display(), error.message())))
}

/// Returns where a folder is in the repository's work tree; empty for its root and for a bare repository.
fn inside(repository: &Repository, folder: &Path) -> String {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let relative = repository.workdir().and_then(real).zip(real(folder));
    let relative = relative.and_then(|(root, folder)| folder.strip_prefix(root).ok().map(Path::to_path_buf));
    let parts = relative.unwrap_or_default();
    parts.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn unknown(revision: &str, error: &git2::Error) -> Diagnostic {
    Diagnostic::new(format!("there is no revision `{revision}`: {}", error.message()))
        .help("a shallow clone may lack it: fetch more history")
}

/// Returns the files that differ between a revision and the work tree, untracked ones among them, as real paths.
///
/// # Errors
/// Where `folder` is in no repository with a work tree, or the repository does not have the revision.
pub fn changed_since(folder: &Path, revision: &str) -> Result<BTreeSet<PathBuf>, Diagnostic> {
    let repository = discover(folder)?;
    let Some(root) = repository.workdir().and_then(|root| std::fs::canonicalize(root).ok()) else {
        return Err(Diagnostic::new("the Git repository has no work tree"));
    };
    let unknown = |error: git2::Error| unknown(revision, &error);
    let tree = repository.revparse_single(revision).and_then(|object| object.peel_to_tree()).map_err(unknown)?;
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true);
    let diff = repository.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options)).map_err(unknown)?;
    let paths = diff.deltas().flat_map(|delta| [delta.old_file().path(), delta.new_file().path()]);
    Ok(paths.flatten().map(|path| root.join(path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::{IndexEntry, IndexTime, Signature};

    /// A repository with one commit of these files and links.
    fn repository(files: &[(&str, &str)], links: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        commit(&repository, files, links);
        folder
    }

    fn commit(repository: &Repository, files: &[(&str, &str)], links: &[(&str, &str)]) {
        let mut index = git2::Index::new().unwrap();
        let modes = files.iter().map(|file| (file, 0o100_644)).chain(links.iter().map(|link| (link, 0o120_000)));
        for ((path, content), mode) in modes {
            let (id, time) = (repository.blob(content.as_bytes()).unwrap(), IndexTime::new(0, 0));
            let entry = IndexEntry {
                ctime: time,
                mtime: time,
                dev: 0,
                ino: 0,
                mode,
                uid: 0,
                gid: 0,
                file_size: 0,
                id,
                flags: 0,
                flags_extended: 0,
                path: path.as_bytes().to_vec(),
            };
            index.add(&entry).unwrap();
        }
        let tree = repository.find_tree(index.write_tree_to(repository).unwrap()).unwrap();
        let who = Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        repository.commit(Some("HEAD"), &who, &who, "x", &tree, &parent.iter().collect::<Vec<_>>()).unwrap();
    }

    #[test]
    fn files_are_read_without_a_work_tree() {
        let folder = repository(&[("a/b", "1"), ("a-b", "2"), ("a/c/d", "3")], &[]);
        let head = Revision::open(folder.path(), "HEAD").unwrap();
        assert_eq!(head.read("a/b", 1).unwrap(), Some(b"1".to_vec()));
        assert!(matches!(head.read("a/b", 0), Err(TreeError::TooLarge { size: 1, limit: 0 })));
        assert_eq!(head.read("a", 9).unwrap(), None);
        assert_eq!(head.read("a/b/x", 9).unwrap(), None);
        let names = |folder: &str| {
            let listed = head.list(folder).unwrap();
            listed.map(|listed| listed.into_iter().map(|entry| (entry.name, entry.is_folder)).collect::<Vec<_>>())
        };
        assert_eq!(names(""), Some(vec![("a".into(), true), ("a-b".into(), false)]));
        assert_eq!(names("a"), Some(vec![("b".into(), false), ("c".into(), true)]));
        assert_eq!(names("x"), None);
        assert!(Revision::open(folder.path(), "nowhere").is_err());
    }

    #[test]
    fn what_two_revisions_have_in_common_is_the_same_in_both() {
        let folder = repository(&[("a", "same"), ("b", "old")], &[]);
        commit(&Repository::open(folder.path()).unwrap(), &[("a", "same"), ("b", "new")], &[]);
        let before = Revision::open(folder.path(), "HEAD~1").unwrap();
        let after = before.other("HEAD").unwrap();
        for _ in 0..2 {
            for (revision, content) in [(&before, "old"), (&after, "new")] {
                assert_eq!(revision.read("a", 9).unwrap(), Some(b"same".to_vec()));
                assert_eq!(revision.read("b", 9).unwrap(), Some(content.into()));
                assert!(matches!(revision.read("a", 3), Err(TreeError::TooLarge { size: 4, limit: 3 })));
            }
        }
        assert_eq!(after.find("", "a").unwrap().map(|entry| entry.is_folder), Some(false));
        assert_eq!(after.find("", "c").unwrap(), None);
        assert_eq!(after.find("nowhere", "a").unwrap(), None);
    }

    #[test]
    fn links_are_followed_as_long_as_they_stay_inside() {
        let links = [("in", "a/b"), ("folder", "a"), ("a/up", "../z"), ("out", "../../etc/passwd"), ("root", "/etc")];
        let folder = repository(&[("a/b", "1"), ("z", "2")], &[links.as_slice(), &[("circle", "circle")]].concat());
        let head = Revision::open(folder.path(), "HEAD").unwrap();
        assert_eq!(head.read("in", 9).unwrap(), Some(b"1".to_vec()));
        assert_eq!(head.read("folder/b", 9).unwrap(), Some(b"1".to_vec()));
        assert_eq!(head.read("a/up", 9).unwrap(), Some(b"2".to_vec()));
        for path in ["out", "root", "root/passwd", "circle"] {
            assert_eq!(head.read(path, 9).unwrap(), None, "{path}");
        }
        let listed = head.list("").unwrap().unwrap();
        let of =
            |name: &str| listed.iter().find(|entry| entry.name == name).map(|entry| (entry.is_folder, entry.is_link));
        assert_eq!((of("folder"), of("in"), of("z")), (Some((true, true)), Some((false, true)), Some((false, false))));
    }

    #[test]
    fn changed_files_are_found() {
        let folder = repository(&[("a/b", "1"), ("a/c", "1"), ("d", "1")], &[]);
        commit(&Repository::open(folder.path()).unwrap(), &[("a/b", "2"), ("a/c", "1"), ("e", "1")], &[]);
        let open = |name: &str| Revision::open(folder.path(), name).unwrap();
        let changed = open("HEAD~1").changed(&open("HEAD")).unwrap();
        assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["a/b", "d", "e"]);
        assert!(open("HEAD").changed(&open("HEAD")).unwrap().is_empty());
        assert_eq!(open(EMPTY).changed(&open("HEAD")).unwrap().into_iter().collect::<Vec<_>>(), ["a/b", "a/c", "e"]);
    }
}
