//! Measures `dirops check` on many federation files with full bundles, beside kubeconform validating the same objects
//! against the schema of their CustomResourceDefinition alone.
//!
//!     cargo bench --bench check                # 10,000 files, median of five
//!     cargo bench --bench check -- --quick     # 100 files, one round: only proves that it runs
//!     cargo bench --bench check -- --full      # growth up to 100,000
//!
//! kubeconform is a Go module: `go install github.com/yannh/kubeconform/cmd/kubeconform@latest`. The targets inform: the
//! exit code says whether everything ran, not whether it was fast.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's result is what it prints")]

#[path = "../tests/corpus/hostile.rs"]
mod hostile;
#[path = "fleet/measure.rs"]
mod measure;
#[path = "../tests/corpus/memory.rs"]
#[allow(dead_code, reason = "here files are on a disk")]
mod memory;
#[path = "fleet/table.rs"]
#[allow(dead_code, reason = "the other benchmark uses all of it")]
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use measure::{median, peak_memory, peak_memory_to, timed, timed_to};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use serde_json::{Value, json};
use table::{Row, Target, bytes, duration};
use tempfile::TempDir;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The names of the partners: numbered, or all one edit apart from each other in letters.
#[derive(Clone, Copy)]
enum Names {
    Numbered,
    LookAlike,
}

fn main() -> ExitCode {
    let (mut files, mut rounds, mut growth, mut hostile) = (10_000, 5, vec![1_000, 10_000], 1 << 20);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => (files, rounds, growth, hostile) = (100, 1, vec![50, 100], 1 << 12),
            "--full" => growth.push(100_000),
            // cargo says so to every bench target
            "--bench" => {}
            other => {
                eprintln!("check: unknown argument {other}; there are --quick and --full");
                return ExitCode::FAILURE;
            }
        }
    }
    let rows = run(files, rounds, &growth).and_then(|mut rows| {
        rows.extend(hostile_rows(hostile)?);
        Ok(rows)
    });
    match rows {
        Ok(rows) => {
            table::print(&rows);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("check: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(files: usize, rounds: usize, growth: &[usize]) -> Result<Vec<Row>> {
    println!("{files} federation files with full bundles, {rounds} rounds\n");
    let registry = Registry::generate(files, Names::Numbered)?;
    let peer = Kubeconform::prepare(&registry)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(timed(&mut registry.check())?);
        if let Some(peer) = &peer {
            theirs.push(timed(&mut peer.command())?);
        }
    }
    let what = "all rules";
    let mut rows = vec![match peer {
        Some(_) => Row::ratio(what, median(&ours), ("kubeconform, schema alone", median(&theirs)), Target::AtMost(1.0)),
        None => Row::skipped(what, "kubeconform is not installed"),
    }];
    rows.extend(memory_row(&registry, Target::AtMost(200.0))?);
    if let Some(most) = growth.last().filter(|most| **most > files) {
        rows.extend(memory_row(&Registry::generate(*most, Names::Numbered)?, Target::None)?);
    }
    rows.push(growth_row("numbered names", growth, Names::Numbered)?);
    rows.push(growth_row("look-alike names", growth, Names::LookAlike)?);
    Ok(rows)
}

/// Returns the row about the memory that checking takes, where the system tells.
fn memory_row(registry: &Registry, target: Target) -> Result<Option<Row>> {
    let peak = peak_memory(&mut registry.check())?;
    let what = format!("peak memory of {} files", registry.files);
    Ok(peak.map(|peak| Row::amount(&what, bytes(peak), peak as f64 / 1e6, " MB", target)))
}

/// Returns the row about the time for one file of ever more.
fn growth_row(names: &str, growth: &[usize], kind: Names) -> Result<Row> {
    let mut per_file = Vec::new();
    for files in growth {
        let registry = Registry::generate(*files, kind)?;
        timed(&mut registry.check())?; // once unmeasured: warms the caches
        per_file.push(timed(&mut registry.check())?.as_secs_f64() / *files as f64);
    }
    let shown: Vec<String> = per_file.iter().map(|time| format!("{:.0} µs", time * 1e6)).collect();
    let sizes: Vec<String> = growth.iter().map(usize::to_string).collect();
    let ratio = per_file.last().copied().unwrap_or_default() / per_file.first().copied().unwrap_or(1.0);
    let what = format!("one file of {}, {names}", sizes.join(", "));
    Ok(Row::amount(&what, shown.join(", "), ratio, "x", Target::AtMost(1.5)))
}

/// Returns the rows about the worst of the files that somebody made to keep a reader busy.
fn hostile_rows(size: usize) -> Result<Vec<Row>> {
    let folder = Registry::generate(0, Names::Numbered)?.folder;
    let path = folder.path().join("a.example.net.yaml");
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
        command.args(["check", "--now", "1795392000"]).arg(&path);
        command
    };
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
    for (name, content) in hostile::KINDS.into_iter().flat_map(|kind| kind(size)) {
        fs::write(&path, content)?;
        let time = timed_to(1, &mut check())?;
        let memory = peak_memory_to(1, &mut check())?.unwrap_or_default();
        slowest = slowest.max((time, name.clone()));
        largest = largest.max((memory, name));
    }
    let ((time, slow), (memory, large)) = (slowest, largest);
    let limit = (20 * size + (32 << 20)) as f64 / 1e6;
    Ok(vec![
        Row::amount(
            &format!("slowest of hostile files: {slow}"),
            duration(time),
            time.as_secs_f64(),
            " s",
            Target::AtMost(1.0),
        ),
        Row::amount(
            &format!("largest of hostile files: {large}"),
            bytes(memory),
            memory as f64 / 1e6,
            " MB",
            Target::AtMost(limit.round()),
        ),
    ])
}

/// A folder of federation files in memory.
struct Registry {
    folder: TempDir,
    files: usize,
}

impl Registry {
    fn generate(files: usize, names: Names) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("dirops-check-").tempdir_in(parent)?;
        for number in 0..files {
            let name = match names {
                Names::Numbered => format!("partner-{number:06}.example.net"),
                Names::LookAlike => format!("{}.example.net", letters(number)),
            };
            fs::write(folder.path().join(format!("{name}.yaml")), federation_file(&name)?)?;
        }
        Ok(Self { folder, files })
    }

    fn check(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
        command.args(["check", "--format", "json"]).arg(self.folder.path());
        command
    }
}

/// Returns eight letters that count: the next ones are one edit apart.
fn letters(mut number: usize) -> String {
    let mut letters = [b'a'; 8];
    for letter in letters.iter_mut().rev() {
        *letter = b'a' + u8::try_from(number % 26).unwrap_or(0);
        number /= 26;
    }
    String::from_utf8_lossy(&letters).into_owned()
}

fn federation_file(name: &str) -> Result<String> {
    let bundle = serde_json::to_string_pretty(&bundle(name)?)?;
    let indented: String = bundle.lines().map(|line| format!("  {line}\n")).collect();
    Ok(format!(
        "className: dir-spire\ntrustDomain: {name}\nbundleEndpointURL: https://spire.{name}\n\
         bundleEndpointProfile:\n  type: https_web\ntrustDomainBundle: |\n{indented}"
    ))
}

fn bundle(name: &str) -> Result<Value> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![rcgen::SanType::URI(format!("spiffe://{name}").try_into()?)];
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2125, 1, 1);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut x509 = jwk(&key);
    x509["use"] = "x509-svid".into();
    x509["x5c"] = json!([STANDARD.encode(params.self_signed(&key)?.der())]);
    let mut jwt = jwk(&KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?);
    jwt["use"] = "jwt-svid".into();
    jwt["kid"] = "one".into();
    Ok(json!({"keys": [x509, jwt], "spiffe_sequence": 1, "spiffe_refresh_hint": 300}))
}

fn jwk(key: &KeyPair) -> Value {
    let (x, y) = key.der_bytes()[1..].split_at(32);
    json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}

/// kubeconform, with the same files as objects and the schema of their CustomResourceDefinition.
struct Kubeconform {
    program: PathBuf,
    folder: TempDir,
}

impl Kubeconform {
    fn prepare(registry: &Registry) -> Result<Option<Self>> {
        let Some(program) = installed() else {
            return Ok(None);
        };
        let folder = tempfile::Builder::new()
            .prefix("dirops-kubeconform-")
            .tempdir_in(registry.folder.path().parent().unwrap_or(Path::new("/tmp")))?;
        fs::create_dir(folder.path().join("objects"))?;
        fs::write(folder.path().join("schema.json"), SCHEMA)?;
        for (number, entry) in fs::read_dir(registry.folder.path())?.enumerate() {
            let spec: String = fs::read_to_string(entry?.path())?.lines().map(|line| format!("  {line}\n")).collect();
            let object = format!(
                "apiVersion: spire.spiffe.io/v1alpha1\nkind: ClusterFederatedTrustDomain\n\
                 metadata:\n  name: partner-{number}\nspec:\n{spec}"
            );
            fs::write(folder.path().join(format!("objects/{number}.yaml")), object)?;
        }
        println!("{} objects for {}", registry.files, program.display());
        Ok(Some(Self { program, folder }))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let schema = self.folder.path().join("schema.json");
        command.arg("-strict").arg("-n").arg("2").arg("-schema-location").arg(schema);
        command.arg(self.folder.path().join("objects"));
        command
    }
}

/// Returns where `go install` puts programs, or the search path has this one.
fn installed() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(home);
    folders.map(|folder| folder.join("kubeconform")).find(|program| program.is_file())
}

/// The schema of a ClusterFederatedTrustDomain, after
/// github.com/spiffe/spire-controller-manager/blob/main/docs/clusterfederatedtrustdomain-crd.md
const SCHEMA: &str = r#"{
  "type": "object", "additionalProperties": false, "required": ["spec"],
  "properties": {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
    "spec": {
      "type": "object", "additionalProperties": false,
      "required": ["trustDomain", "bundleEndpointURL", "bundleEndpointProfile"],
      "properties": {
        "className": {"type": "string"},
        "trustDomain": {"type": "string", "pattern": "[a-z0-9._-]{1,255}"},
        "bundleEndpointURL": {"type": "string"},
        "trustDomainBundle": {"type": "string"},
        "bundleEndpointProfile": {
          "type": "object", "additionalProperties": false, "required": ["type"],
          "properties": {
            "type": {"type": "string", "enum": ["https_spiffe", "https_web"]},
            "endpointSPIFFEID": {"type": "string"}
          }
        }
      }
    }
  }
}"#;
