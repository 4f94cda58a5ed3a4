//! What `base/<component>/charts/` remembers of charts is what `../shared/charts` says.
//!
//! With UPDATE=1 in the environment the records are written anew.

#![allow(clippy::expect_used, clippy::print_stderr, reason = "tests fail by panicking, and say what they skip")]

use std::fs;
use std::path::{Path, PathBuf};

use dirops::chart::{Chart, Dependency, Record};
use dirops::diagnostic::{Place, Sources};
use dirops::yaml::{Node, Text, parse};

/// The components whose charts are recorded.
const COMPONENTS: [&str; 7] = ["dex", "dir", "dirctl", "oidc-gateway", "spire", "spire-crds", "spire-nested"];

#[test]
fn records_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let charts = root.join("../shared/charts");
    if !charts.is_dir() {
        eprintln!("skipped: there is no ../shared/charts");
        return;
    }
    let mut stale = Vec::new();
    for (component, chart) in recorded(&charts) {
        let sources = Sources::default();
        let version =
            chart.file_name().expect("a folder has a name").to_string_lossy().replacen(&format!("{component}-"), "", 1);
        let record = Record::of(&read(&chart, component, &version, &sources));
        let text = record.to_json().expect("a record can be written");
        let path = root.join(format!("base/{component}/charts/{version}.json"));
        if std::env::var_os("UPDATE").is_some() && path.parent().and_then(Path::parent).is_some_and(Path::is_dir) {
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
            fs::write(&path, &text).expect("the record can be written");
        }
        if path.parent().and_then(Path::parent).is_some_and(Path::is_dir)
            && fs::read_to_string(&path).unwrap_or_default() != text
        {
            stale.push(path);
        }
        assert_eq!(Record::parse(sources.add("record", &text), &text).expect("a record"), record);
    }
    assert!(stale.is_empty(), "run UPDATE=1 cargo test --test chart_records: {stale:#?}");
}

/// The folders of `../shared/charts`, each with its component.
fn recorded(charts: &Path) -> Vec<(&'static str, PathBuf)> {
    let entries = fs::read_dir(charts).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    let component = |folder: &PathBuf| {
        let name = folder.file_name()?.to_str()?;
        let matching = COMPONENTS.iter().filter(|component| name.starts_with(&format!("{component}-")));
        matching.max_by_key(|component| component.len()).copied()
    };
    let found: Vec<_> = folders.into_iter().filter_map(|folder| Some((component(&folder)?, folder))).collect();
    assert_eq!(found.len(), 12, "{found:?}");
    found
}

/// Puts a chart together from its defaults, its sub-charts' defaults, and the paths that its templates name.
fn read(folder: &Path, name: &str, version: &str, sources: &Sources) -> Chart {
    let lines = |file: &str| -> Vec<String> {
        fs::read_to_string(folder.join(file)).unwrap_or_default().lines().map(str::to_owned).collect()
    };
    let reads: Vec<Vec<Text>> = lines("reads.txt").iter().map(|line| keys(line)).collect();
    let dependencies: Vec<Listed> = lines("dependencies.txt").iter().map(|line| dependency(line)).collect();
    chart(folder, name, version, &[], &reads, &dependencies, sources)
}

fn chart(
    folder: &Path,
    name: &str,
    version: &str,
    above: &[Text],
    reads: &[Vec<Text>],
    all: &[Listed],
    sources: &Sources,
) -> Chart {
    let files = match above.is_empty() {
        true => ["values.yaml".to_owned(), String::new()],
        false => [format!("{name}-values.yaml"), format!("{name}.values.yaml")],
    };
    let values = files.iter().find_map(|file| values(&folder.join(file), sources));
    let below = |read: &&Vec<Text>| read.len() > above.len() && read.starts_with(above);
    let is_direct = |alias: &[Text]| alias.len() == above.len() + 1 && alias.starts_with(above);
    let of_parts = |read: &[Text]| all.iter().any(|(alias, ..)| is_direct(alias) && read.starts_with(alias));
    let own = reads.iter().filter(below).filter(|read| !of_parts(read));
    let dependencies = all.iter().filter(|(alias, ..)| is_direct(alias)).map(|(alias, name, switches)| Dependency {
        alias: alias[above.len()].clone(),
        name: name.clone(),
        switches: switches.clone(),
        chart: Some(chart(folder, name, version, alias, reads, all, sources)),
    });
    Chart {
        name: name.to_owned(),
        version: version.to_owned(),
        is_library: false,
        values: values.unwrap_or_else(|| Node::map(Place::point(sources.add("", ""), 1, 1), [])),
        reads: own.map(|read| read[above.len()..].to_vec()).collect(),
        dependencies: dependencies.collect(),
    }
}

fn values(path: &Path, sources: &Sources) -> Option<Node> {
    let text = fs::read_to_string(path).ok()?;
    let path = path.display().to_string();
    Some(parse(sources.add(&path, &text), &text).expect("the chart's defaults are YAML"))
}

/// A sub-chart: the path of its values, its name, and the paths that switch it on.
type Listed = (Vec<Text>, String, Vec<Vec<Text>>);

/// Lines such as `apiserver.zot: chart zot, condition zot.enabled, tags a b`.
fn dependency(line: &str) -> Listed {
    let (alias, rest) = line.split_once(": chart ").expect("an alias and a chart");
    let mut parts = rest.split(", ");
    let chart = parts.next().expect("a chart").to_owned();
    let switches = parts.flat_map(|part| match part.split_once(' ') {
        Some(("condition", path)) => vec![keys(path)],
        Some(("tags", tags)) => tags.split(' ').map(|tag| vec!["tags".into(), tag.into()]).collect(),
        _ => Vec::new(),
    });
    (keys(alias), chart, switches.collect())
}

fn keys(path: &str) -> Vec<Text> {
    path.split('.').map(Text::from).collect()
}
