//! Who owns what in the environment repository, and what happens when things go wrong on the way.

mod scratch;

use std::fs;

use scratch::Scratch;

const VALUES: &str = "applications/app/one/values.yaml";

#[test]
fn a_second_render_changes_nothing() {
    let scratch = Scratch::new();
    scratch.rendered();
    let first = scratch.tree();
    scratch.render(&[]).expect(0).says("2 environments unchanged");
    scratch.render(&["--check"]).expect(0);
    assert_eq!(scratch.tree(), first);
}

#[test]
fn one_thread_and_eight_write_the_same() {
    let (one, eight) = (Scratch::new(), Scratch::new());
    one.render(&["--jobs", "1"]).expect(0);
    eight.render(&["--jobs", "8"]).expect(0);
    assert_eq!(one.tree(), eight.tree());
}

#[test]
fn check_tells_missing_outdated_edited_and_stale_apart() {
    let scratch = Scratch::new();
    let run = scratch.render(&["--check"]).expect(1).says(&format!("missing            {VALUES}"));
    assert!(run.err.is_empty(), "{}", run.err);
    assert!(!scratch.target().exists(), "a check wrote something");
    scratch.rendered();

    scratch.write("overlays/one/app.yaml", "config: {level: warn}\n");
    scratch.render(&["--check"]).expect(1).says(&format!("outdated           {VALUES}"));
    scratch.rendered();

    scratch.plant(VALUES, "by: hand\n");
    scratch.render(&["--check"]).expect(1).says(&format!("edited by hand     {VALUES}"));
    scratch.render(&["--force"]).expect(0);

    scratch.edit("overlays/one/environment.yaml", "app: {}", "");
    fs::remove_file(scratch.source().join("overlays/one/app.yaml")).unwrap();
    scratch.render(&["--check"]).expect(1).says(&format!("stale              {VALUES}"));
    scratch.rendered();
    assert!(!scratch.target().join("applications/app/one").exists(), "an empty folder stayed");
}

#[test]
fn a_lost_receipt_is_told_by_check() {
    let scratch = Scratch::new();
    scratch.rendered();
    fs::remove_file(scratch.target().join(".dirops/receipts/one.json")).unwrap();
    scratch.render(&["--check"]).expect(1).says(&format!("not owned          {VALUES}"));
    scratch.render(&[]).expect(2).says("--adopt");
    scratch.render(&["--adopt"]).expect(0);
    scratch.render(&["--check"]).expect(0);
}

#[test]
fn a_hand_edit_is_overwritten_with_force_alone() {
    let scratch = Scratch::new();
    scratch.rendered();
    scratch.plant(VALUES, "by: hand\n");
    for arguments in [&[][..], &["--adopt"]] {
        scratch.render(arguments).expect(2).says(VALUES).says("edited by hand").says("--force");
        assert_eq!(scratch.read(VALUES), "by: hand\n");
    }
    scratch.render(&["--force"]).expect(0);
    assert_ne!(scratch.read(VALUES), "by: hand\n");
}

#[test]
fn a_hand_edit_of_a_stale_file_is_not_deleted_without_force() {
    let scratch = Scratch::new();
    scratch.rendered();
    scratch.plant(VALUES, "by: hand\n");
    scratch.edit("overlays/one/environment.yaml", "app: {}", "");
    scratch.render(&[]).expect(2).says("edited by hand");
    assert_eq!(scratch.read(VALUES), "by: hand\n");
    scratch.render(&["--force"]).expect(0);
    assert!(!scratch.target().join(VALUES).exists());
}

#[test]
fn a_file_of_others_is_taken_over_with_adopt_alone() {
    let scratch = Scratch::new();
    scratch.plant(VALUES, "of: others\n");
    for arguments in [&[][..], &["--force"]] {
        scratch.render(arguments).expect(2).says(VALUES).says("does not own").says("--adopt");
        assert_eq!(scratch.tree(), [(VALUES.to_owned(), b"of: others\n".to_vec())]);
    }
    scratch.render(&["--adopt"]).expect(0);
    scratch.render(&["--check"]).expect(0);
}

#[test]
fn what_dirops_does_not_own_stays() {
    let scratch = Scratch::new();
    scratch.plant("applications/app/one/notes.md", "mine\n");
    scratch.plant("README.md", "mine\n");
    scratch.rendered();
    fs::remove_dir_all(scratch.source().join("overlays/one")).unwrap();
    scratch.render(&[]).expect(0).says("one: 0 written");
    assert_eq!(scratch.read("applications/app/one/notes.md"), "mine\n");
    assert!(!scratch.target().join(VALUES).exists());
    assert!(!scratch.target().join(".dirops/receipts/one.json").exists());
}

#[test]
fn rendering_one_environment_leaves_the_others_alone() {
    let scratch = Scratch::new();
    scratch.rendered();
    fs::remove_dir_all(scratch.source().join("overlays/one")).unwrap();
    scratch.edit("base/app/values.yaml", "info", "warn");
    let before = scratch.read(VALUES);
    scratch.render(&["two"]).expect(0);
    assert_eq!(scratch.read(VALUES), before);
}

#[test]
fn two_sources_share_a_repository() {
    let (first, second) = (Scratch::new(), Scratch::new());
    second.edit("base/environment.yaml", "https://example.org/source", "https://example.org/other");
    fs::rename(second.source().join("overlays/one"), second.source().join("overlays/three")).unwrap();
    fs::remove_dir_all(second.source().join("overlays/two")).unwrap();
    first.rendered();
    let of_first = first.tree();
    let into = first.target();
    let into = into.to_str().unwrap();
    second.run(&["render", "--into", into]).expect(0).says("three: ");
    assert!(of_first.iter().all(|file| first.tree().contains(file)), "the other's files changed");
    first.render(&[]).expect(0).says("2 environments unchanged");
    first.render(&["--check"]).expect(0);

    // An environment of one name in both is somebody else's.
    fs::rename(second.source().join("overlays/three"), second.source().join("overlays/one")).unwrap();
    second.run(&["render", "one", "--into", into]).expect(2).says("belongs to the source https://example.org/source");
}

#[test]
fn a_damaged_receipt_is_told_and_deletes_nothing() {
    for receipt in [
        "not json",
        "{\"version\": 2, \"source\": \"s\", \"environment\": \"one\", \"files\": {}}",
        "{\"version\": 1, \"source\": \"https://example.org/source\", \"environment\": \"one\", \"files\": {\"../../victim\": \"sha256:0\"}}",
        "{\"version\": 1, \"source\": \"https://example.org/source\", \"environment\": \"two\", \"files\": {}}",
    ] {
        let scratch = Scratch::new();
        scratch.plant("../victim", "precious\n");
        scratch.plant(".dirops/receipts/one.json", receipt);
        scratch.render(&[]).expect(2).says(".dirops/receipts/one.json is damaged");
        assert_eq!(scratch.read("../victim"), "precious\n");
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_linked_folder_is_never_followed() {
        let scratch = Scratch::new();
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.target()).unwrap();
        symlink(outside.path(), scratch.target().join("applications")).unwrap();
        for arguments in [&[][..], &["--force"], &["--adopt"], &["--force", "--adopt"]] {
            scratch.render(arguments).expect(2).says("a symbolic link where a folder must be");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_linked_file_is_replaced_and_never_written_through() {
        let scratch = Scratch::new();
        scratch.rendered();
        let outside = tempfile::NamedTempFile::new().unwrap();
        let link = scratch.target().join(VALUES);
        fs::remove_file(&link).unwrap();
        symlink(outside.path(), &link).unwrap();
        scratch.render(&[]).expect(2).says("edited by hand");
        scratch.render(&["--force"]).expect(0);
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
        assert_eq!(fs::read(outside.path()).unwrap(), b"");
    }

    #[test]
    fn a_linked_receipt_folder_is_refused() {
        let scratch = Scratch::new();
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.target()).unwrap();
        symlink(outside.path(), scratch.target().join(".dirops")).unwrap();
        scratch.render(&[]).expect(2).says(".dirops is a symbolic link");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_folder_in_the_way_is_told() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.target().join(VALUES)).unwrap();
    scratch.render(&["--adopt"]).expect(2).says(VALUES).says("a folder is in the way");
}

#[test]
fn a_file_where_the_repository_must_be_is_told() {
    let scratch = Scratch::new();
    fs::write(scratch.target(), "a file\n").unwrap();
    scratch.render(&[]).expect(2).says("into");
}
