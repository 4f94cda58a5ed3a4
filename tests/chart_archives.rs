//! `dirops chart record`: from values, a folder, an archive; and archives that mean harm.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

const CHART: &str = "\
apiVersion: v2
name: shop
version: 1.2.3
dependencies:
  - {name: store, version: 1.0.0, alias: books, condition: books.enabled}
  - {name: store, version: 1.0.0, alias: toys, tags: [fun]}
  - {name: helpers, version: 1.0.0}
";

/// The files of a chart with one sub-chart under two aliases, and a library.
fn files() -> Vec<(&'static str, String)> {
    vec![
        ("Chart.yaml", CHART.to_owned()),
        ("values.yaml", "replicas: 1\nbooks: {shelf: {depth: 30}}\n# owner: nobody\nlabels: {}\n".to_owned()),
        ("values.schema.json", r#"{"properties": {"owner": {"type": "string"}}}"#.to_owned()),
        (
            "templates/deployment.yaml",
            "{{ .Values.replicas }}{{ toYaml .Values.labels }}{{/* .Values.no */}}".to_owned(),
        ),
        ("templates/NOTES.txt", "{{ .Values.onlyInTheNotes }}".to_owned()),
        ("charts/store/Chart.yaml", "name: store\nversion: 1.0.0\n".to_owned()),
        ("charts/store/values.yaml", "shelf: {height: 2}\n".to_owned()),
        ("charts/store/templates/x.yaml", "{{ .Values.global.currency }}{{ index .Values \"open-at\" }}".to_owned()),
        ("charts/helpers/Chart.yaml", "name: helpers\nversion: 1.0.0\ntype: library\n".to_owned()),
        ("charts/helpers/templates/_x.tpl", "{{ .Values.nameOverride }}".to_owned()),
    ]
}

/// What is remembered of it.
const RECORD: &str = r#"{
  "comment": "Written by `dirops chart record`; docs/check.md says what it means.",
  "chart": "shop",
  "version": "1.2.3",
  "values": {
    "books": {
      "&": "store",
      "enabled": "any",
      "shelf": {
        "depth": "number"
      }
    },
    "global": {
      "currency": "any"
    },
    "helpers": {
      "&": "helpers"
    },
    "labels": {
      "*": "any"
    },
    "nameOverride": "any",
    "owner": "any",
    "replicas": "number",
    "tags": {
      "fun": "any"
    },
    "toys": {
      "&": "store"
    }
  },
  "charts": {
    "helpers": {
      "nameOverride": "any"
    },
    "store": {
      "global": {
        "currency": "any"
      },
      "open-at": "any",
      "shelf": {
        "height": "number"
      }
    }
  }
}
"#;

struct Source(TempDir);

impl Source {
    /// A source repository with a component that deploys the chart.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("base/shop")).unwrap();
        let component = "chart: {repository: https://charts.example.org, name: shop, version: 1.0.0}\n";
        fs::write(folder.path().join("base/shop/component.yaml"), component).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn record(&self, chart: &Path, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dirops"))
            .arg("--source")
            .arg(self.0.path())
            .args(["chart", "record", "shop"])
            .arg(chart)
            .args(more)
            .output()
            .unwrap()
    }

    /// Asserts that nothing is recorded, for this reason.
    fn refuses(&self, chart: &Path, why: &str) {
        let output = self.record(chart, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "not said: {why}\nsaid: {said}");
        assert!(!self.path("base/shop/charts").exists(), "something was written");
    }

    /// What was recorded.
    fn recorded(&self, version: &str) -> String {
        fs::read_to_string(self.path(&format!("base/shop/charts/{version}.json"))).unwrap()
    }
}

fn archive(build: impl FnOnce(&mut Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    build(&mut builder);
    builder.into_inner().unwrap().finish().unwrap()
}

/// Adds a file under any path, also one that the library would refuse.
fn add(builder: &mut Builder<GzEncoder<Vec<u8>>>, path: &str, kind: EntryType, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    if kind != EntryType::Regular {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

fn packed(prefix: &str, files: &[(&str, String)]) -> Vec<u8> {
    archive(|builder| {
        for (path, text) in files {
            add(builder, &format!("{prefix}{path}"), EntryType::Regular, text.as_bytes());
        }
    })
}

fn write(source: &Source, name: &str, content: &[u8]) -> PathBuf {
    let path = source.path(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn an_archive_a_folder_and_packed_sub_charts_give_one_record() {
    let source = Source::new();
    let archived = write(&source, "shop.tgz", &packed("shop/", &files()));
    assert!(source.record(&archived, &[]).status.success());
    assert_eq!(source.recorded("1.2.3"), RECORD);

    let folder = source.path("unpacked");
    for (path, text) in files() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let of_folder = Source::new();
    assert!(of_folder.record(&folder, &[]).status.success());
    assert_eq!(of_folder.recorded("1.2.3"), RECORD);

    let is_store = |path: &str| path.starts_with("charts/store/");
    let store: Vec<_> = files().into_iter().filter(|(path, _)| is_store(path)).collect();
    let store: Vec<_> = store.iter().map(|(path, text)| (&path["charts/".len()..], text.clone())).collect();
    let nested = archive(|builder| {
        for (path, text) in files().iter().filter(|(path, _)| !is_store(path)) {
            add(builder, &format!("shop/{path}"), EntryType::Regular, text.as_bytes());
        }
        add(builder, "shop/charts/store-1.0.0.tgz", EntryType::Regular, &packed("", &store));
    });
    let of_nested = Source::new();
    let output = of_nested.record(&write(&of_nested, "nested.tgz", &nested), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(of_nested.recorded("1.2.3"), RECORD);
}

#[test]
fn defaults_alone_leave_everything_open() {
    let source = Source::new();
    let values = write(&source, "values.yaml", b"replicas: 1\n");
    let output = source.record(&values, &["--of", "2.0.0"]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "base/shop/charts/2.0.0.json: shop 2.0.0 (its defaults alone: only slips will be told)\n"
    );
    let recorded = source.recorded("2.0.0");
    assert!(
        recorded.ends_with("\"values\": {\n    \"*\": \"any\",\n    \"replicas\": \"number\"\n  }\n}\n"),
        "{recorded}"
    );
    assert!(source.record(&values, &[]).status.success());
    assert!(source.path("base/shop/charts/1.0.0.json").exists(), "the component's version is taken by default");
}

#[test]
fn what_is_no_chart_is_refused() {
    let source = Source::new();
    source.refuses(&source.path("absent.tgz"), "cannot be read");
    source.refuses(&source.path("absent.yaml"), "there is no such file");
    source.refuses(&write(&source, "text.tgz", b"not an archive"), "is no chart archive");
    source.refuses(&write(&source, "list.yaml", b"- 1\n"), "is not a map of Helm values");
    source.refuses(&write(&source, "empty.tgz", &packed("shop/", &[])), "has no Chart.yaml");
    let other = [("Chart.yaml", "name: other\nversion: 1.0.0\n".to_owned())];
    source
        .refuses(&write(&source, "other.tgz", &packed("other/", &other)), "is the chart other, and shop deploys shop");
    let climbing = [("Chart.yaml", "name: shop\nversion: ../../x\n".to_owned())];
    source.refuses(&write(&source, "version.tgz", &packed("shop/", &climbing)), "is no version");
    let mut cut = packed("shop/", &files());
    cut.truncate(cut.len() / 2);
    source.refuses(&write(&source, "cut.tgz", &cut), "is no chart archive");
}

#[test]
fn an_archive_that_leads_out_of_itself_is_refused() {
    let source = Source::new();
    for path in ["../evil.yaml", "shop/../../evil.yaml", "/etc/evil.yaml"] {
        let bytes = archive(|builder| add(builder, path, EntryType::Regular, b"x"));
        source.refuses(&write(&source, "climbing.tgz", &bytes), "leads out of it");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo] {
        let bytes = archive(|builder| add(builder, "shop/values.yaml", kind, b""));
        source.refuses(&write(&source, "link.tgz", &bytes), "is a link or no file");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_folder_is_refused() {
    let source = Source::new();
    let folder = source.path("unpacked");
    fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("values.yaml")).unwrap();
    source.refuses(&folder, "is a link or no file");
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let source = Source::new();
    // 200 MiB of blanks in a few hundred KB.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let mut header = Header::new_gnu();
    header.set_path("shop/values.yaml").unwrap();
    header.set_entry_type(EntryType::Regular);
    header.set_size(200 << 20);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..200 {
        encoder.write_all(&blanks).unwrap();
    }
    source.refuses(&write(&source, "large.tgz", &encoder.finish().unwrap()), "more than 32 MiB");

    let many = archive(|builder| {
        for index in 0..10_001 {
            add(builder, &format!("shop/{index}"), EntryType::Regular, b"");
        }
    });
    source.refuses(&write(&source, "many.tgz", &many), "more than 10000 files");

    let mut deep = packed("shop/", &files());
    for _ in 0..8 {
        deep = archive(|builder| {
            add(builder, "shop/charts/shop.tgz", EntryType::Regular, &deep);
        });
    }
    source.refuses(&write(&source, "deep.tgz", &deep), "packed too deep");
}
