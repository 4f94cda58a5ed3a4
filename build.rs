//! Puts base/ and the templates of federation files into the program, for `dirops init` to lay down.

use std::env;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const REGISTRY: &str = "onboarding/federation";

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name.to_owned()));
    let root = variable("CARGO_MANIFEST_DIR")?;
    let mut files = Vec::new();
    collect(&root, "base", &mut files)?;
    collect(&root, REGISTRY, &mut files)?;
    let is_template = |path: &str| path.ends_with(".template.yaml");
    files.retain(|path| !path.starts_with(REGISTRY) || is_template(path));
    files.sort();
    let mut table = String::from("&[\n");
    for path in files {
        let _ = writeln!(table, "    ({path:?}, include_bytes!({:?})),", root.join(&path));
    }
    table.push(']');
    for folder in ["base", REGISTRY] {
        println!("cargo::rerun-if-changed={folder}");
    }
    fs::write(variable("OUT_DIR")?.join("embedded.rs"), table)
}

fn collect(root: &Path, folder: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => collect(root, &path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
