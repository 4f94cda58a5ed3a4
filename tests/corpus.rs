//! The inputs that fuzzing kept (`fuzz/corpus/<target>/`), once more.

#[path = "corpus/laws.rs"]
mod laws;

use std::fs;

#[test]
fn the_laws_hold_for_every_kept_input() {
    for (name, law) in laws::TARGETS {
        let folder = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut count = 0;
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display()); // shown when the law does not hold
            law(&fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{folder} has no input");
    }
}
