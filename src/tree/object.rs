//! Git's tree objects, read as they lie: to find one name, libgit2 makes entries of all, which in a folder of a thousand
//! environments takes longer than everything else.
//!
//! A tree is one entry after the other: the mode in octal, a space, the name, a zero byte and the object's name in binary
//! (git-scm.com/book, "Git Objects").

use std::cmp::Ordering;
use std::ops::Range;

use git2::Oid;

/// The length of an object's name: repositories with SHA-256 are not opened.
const ID: usize = 20;

/// A folder as Git keeps it.
#[derive(Default)]
pub struct TreeObject {
    content: Vec<u8>,
    entries: Vec<Span>,
}

/// Where an entry is.
struct Span {
    start: usize,
    name: Range<usize>,
    kind: Kind,
}

/// Something in a folder.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its name, in whatever encoding.
    pub name: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// All of it as it is written: what is equal here is equal below.
    written: &'a [u8],
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// A commit of another repository.
    Submodule,
}

impl Kind {
    /// Returns the kind that a mode is of, if it is one.
    fn of(mode: &[u8]) -> Option<Self> {
        // Some programs wrote modes with a zero before them.
        match mode.strip_prefix(b"0").unwrap_or(mode) {
            b"40000" => Some(Self::Folder),
            b"120000" => Some(Self::Link),
            b"160000" => Some(Self::Submodule),
            [b'1', b'0', permissions @ ..] if permissions.len() == 4 => Some(Self::File),
            _ => None,
        }
    }
}

impl TreeObject {
    /// Returns the folder that a tree object describes; nothing where it is not one.
    pub fn parse(content: Vec<u8>) -> Option<Self> {
        let mut entries = Vec::with_capacity(content.len() / 32);
        let mut start = 0;
        while start < content.len() {
            let position = |from: usize, wanted: u8| Some(from + content[from..].iter().position(|b| *b == wanted)?);
            let space = position(start, b' ')?;
            let end = position(space + 1, 0)?;
            entries.push(Span { start, name: space + 1..end, kind: Kind::of(&content[start..space])? });
            start = end + 1 + ID;
        }
        let mut tree = (start == content.len()).then_some(Self { content, entries })?;
        tree.sort();
        Some(tree)
    }

    /// Some programs wrote trees that are not sorted.
    fn sort(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        let order = |one: &Span, other: &Span| order(self.key(one), self.key(other));
        if !entries.is_sorted_by(|one, other| order(one, other).is_lt()) {
            entries.sort_by(order);
        }
        self.entries = entries;
    }

    /// Returns what is in the folder, in Git's order: by name, folders as if theirs ended in `/`.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries.iter().map(|span| self.entry(span))
    }

    /// Returns what has a name.
    pub fn find(&self, name: &[u8]) -> Option<Entry<'_>> {
        // It stands at one of two places: that of a file, or that of a folder.
        [Kind::File, Kind::Folder].into_iter().find_map(|kind| {
            let found = self.entries.binary_search_by(|span| order(self.key(span), (name, kind))).ok()?;
            Some(self.entry(&self.entries[found])).filter(|entry| entry.name == name)
        })
    }

    /// Returns what another folder does not have, or has otherwise.
    pub fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Entry<'a>> {
        let is_same = |entry: &Entry<'_>, of_other: Entry<'_>| entry.written == of_other.written;
        let is_there = move |index: usize, entry: &Entry<'_>| {
            // Most of what two folders have in common stands at the same place in both.
            other.entries.get(index).is_some_and(|span| is_same(entry, other.entry(span)))
                || other.find(entry.name).is_some_and(|of_other| is_same(entry, of_other))
        };
        self.entries().enumerate().filter(move |(index, entry)| !is_there(*index, entry)).map(|(_, entry)| entry)
    }

    fn entry(&self, span: &Span) -> Entry<'_> {
        let (name, kind) = self.key(span);
        Entry { name, kind, written: &self.content[span.start..span.name.end + 1 + ID] }
    }

    fn key(&self, span: &Span) -> (&[u8], Kind) {
        (&self.content[span.name.clone()], span.kind)
    }
}

impl Entry<'_> {
    /// Returns the object that it names.
    pub fn object(&self) -> Result<Oid, git2::Error> {
        Oid::from_bytes(&self.written[self.written.len() - ID..])
    }
}

/// Compares names as Git sorts them: those of folders end in `/`, others in nothing.
fn order((one, kind): (&[u8], Kind), (other, other_kind): (&[u8], Kind)) -> Ordering {
    let common = one.len().min(other.len());
    let next = |name: &[u8], kind| name.get(common).copied().or((kind == Kind::Folder).then_some(b'/'));
    let by_name = one[..common].cmp(&other[..common]);
    by_name.then_with(|| next(one, kind).cmp(&next(other, other_kind)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use proptest::sample::select;

    fn tree(entries: &[(&str, &str, u8)]) -> Vec<u8> {
        let written =
            |(mode, name, id): &(&str, &str, u8)| [mode.as_bytes(), b" ", name.as_bytes(), &[0], &[*id; ID]].concat();
        entries.iter().flat_map(written).collect()
    }

    #[test]
    fn entries_are_found_where_git_sorts_them() {
        // A folder's name counts as if it ended in `/`, which stands between `-` and `0`.
        let names =
            [("100644", "a-b", 1), ("40000", "a", 2), ("100755", "a0", 3), ("120000", "l", 4), ("160000", "m", 5)];
        let folder = TreeObject::parse(tree(&names)).unwrap();
        let kinds = [Kind::File, Kind::Folder, Kind::File, Kind::Link, Kind::Submodule];
        for ((_, name, id), kind) in names.into_iter().zip(kinds) {
            let entry = folder.find(name.as_bytes()).unwrap();
            assert_eq!((entry.name, entry.kind), (name.as_bytes(), kind));
            assert_eq!(entry.object().unwrap(), Oid::from_bytes(&[id; ID]).unwrap());
        }
        for name in ["", "a-", "a/", "b", "z"] {
            assert!(folder.find(name.as_bytes()).is_none(), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_almost_a_tree_is_read_without_a_panic(
            entries in vec((select(vec!["100644", "40000", "040000", "160000"]), "[ab.-]{0,3}", any::<u8>()), 0..6),
            (cut, at, with) in (0usize..3, any::<prop::sample::Index>(), any::<u8>()),
        ) {
            let entries: Vec<(&str, &str, u8)> = entries.iter().map(|(mode, name, id)| (*mode, name.as_str(), *id)).collect();
            let mut content = tree(&entries);
            // One of three is a tree, though perhaps not sorted; the others are cut off, or have another byte.
            match cut {
                0 => {
                    let folder = TreeObject::parse(content.clone()).unwrap();
                    prop_assert!(folder.entries().all(|entry| folder.find(entry.name).is_some()));
                }
                1 => content.truncate(at.index(content.len() + 1)),
                _ if content.is_empty() => {}
                _ => {
                    let at = at.index(content.len());
                    content[at] = with;
                }
            }
            if let Some(folder) = TreeObject::parse(content) {
                let found = folder.entries().filter_map(|entry| folder.find(entry.name));
                prop_assert!(found.count() <= folder.entries().len());
                prop_assert!(folder.entries().all(|entry| entry.object().is_ok()));
                prop_assert_eq!(folder.without(&folder).count(), 0);
            }
        }

        #[test]
        fn folders_are_read_as_libgit2_reads_them(
            names in btree_map("[a-c.0-]{1,3}", select(vec![0o100_644, 0o100_755, 0o120_000, 0o040_000]), 0..20),
            asked in "[a-c.0-]{1,3}",
        ) {
            let folder = tempfile::tempdir().unwrap();
            let repository = git2::Repository::init_bare(folder.path()).unwrap();
            let (blob, empty) = (repository.blob(b"x").unwrap(), repository.treebuilder(None).unwrap().write().unwrap());
            let mut builder = repository.treebuilder(None).unwrap();
            for (name, mode) in names.iter().filter(|(name, _)| !matches!(name.as_str(), "." | "..")) {
                builder.insert(name, if *mode == 0o040_000 { empty } else { blob }, *mode).unwrap();
            }
            let oid = builder.write().unwrap();
            let theirs = repository.find_tree(oid).unwrap();
            let ours = TreeObject::parse(repository.odb().unwrap().read(oid).unwrap().data().to_vec()).unwrap();
            let all = |entry: Entry<'_>| (entry.name.to_vec(), entry.object().unwrap());
            let expected: Vec<_> = theirs.iter().map(|entry| (entry.name_bytes().to_vec(), entry.id())).collect();
            prop_assert_eq!(ours.entries().map(all).collect::<Vec<_>>(), expected);
            for name in names.keys().chain([&asked]) {
                let found = ours.find(name.as_bytes()).map(|entry| entry.object().unwrap());
                prop_assert_eq!(found, theirs.get_name(name).map(|entry| entry.id()), "{}", name);
            }
        }
    }

    #[test]
    fn folders_that_are_not_sorted_are_read() {
        let folder = TreeObject::parse(tree(&[("100644", "b", 1), ("40000", "a", 2)])).unwrap();
        assert!(folder.find(b"a").is_some() && folder.find(b"b").is_some());
    }

    #[test]
    fn what_another_folder_has_otherwise_is_told() {
        let one =
            TreeObject::parse(tree(&[("100644", "a", 1), ("100644", "b", 1), ("40000", "c", 1), ("100644", "d", 1)]));
        let other = TreeObject::parse(tree(&[("100644", "b", 1), ("100644", "c", 1), ("100755", "d", 1)]));
        let (one, other) = (one.unwrap(), other.unwrap());
        let names = |one: &TreeObject, other: &TreeObject| -> Vec<String> {
            one.without(other).map(|entry| String::from_utf8_lossy(entry.name).into_owned()).collect()
        };
        assert_eq!(names(&one, &other), ["a", "c", "d"]);
        assert_eq!(names(&other, &one), ["c", "d"]);
        assert!(names(&one, &one).is_empty());
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let whole = tree(&[("100644", "a", 1), ("40000", "b", 2)]);
        assert_eq!(TreeObject::parse(Vec::new()).unwrap().entries().len(), 0);
        // Cut off anywhere but between entries.
        for length in (1..whole.len()).filter(|length| *length != whole.len() / 2 + 1) {
            assert!(TreeObject::parse(whole[..length].to_vec()).is_none(), "{length}");
        }
        let many_zeros = "0".repeat(1_000_000);
        for mode in ["", "10x", "1006440", "40001", &many_zeros] {
            assert!(TreeObject::parse(tree(&[(mode, "a", 1)])).is_none());
        }
        assert!(TreeObject::parse(tree(&[("040000", "a", 1)])).is_some());
    }
}
