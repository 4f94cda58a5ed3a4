//! Measures `dirops diff` beside `git diff --stat` and dyff.
//!
//!     cargo bench --bench review                # 20,000 files, 1,000 environments, 870 objects; median of five
//!     cargo bench --bench review -- --quick     # a small fleet, one round: only proves that it runs
//!
//! dyff is a Go module: `go install github.com/homeport/dyff/cmd/dyff@latest`. Everything is in memory-backed folders. The
//! targets inform: the exit code says whether everything ran, not whether it was fast.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's result is what it prints")]

#[path = "fleet/measure.rs"]
#[allow(dead_code, reason = "the other benchmarks use all of it")]
mod measure;
#[path = "fleet/source.rs"]
mod source;
#[path = "fleet/table.rs"]
#[allow(dead_code, reason = "the other benchmarks use all of it")]
mod table;

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use measure::{median, peak_memory, timed, timed_to};
use table::{Row, Target, bytes, duration};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many of the objects of two files with manifests are not the same.
const CHANGED_OBJECTS: usize = 20;

fn main() -> ExitCode {
    let mut plan = if cfg!(debug_assertions) { Plan::QUICK } else { Plan::DEFAULT };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => plan = Plan::QUICK,
            // cargo says so to every bench target
            "--bench" => {}
            other => {
                eprintln!("review: unknown argument {other}; there is --quick");
                return ExitCode::FAILURE;
            }
        }
    }
    match run(&plan) {
        Ok(rows) => {
            table::print(&rows);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("review: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How much is measured.
struct Plan {
    environments: usize,
    objects: usize,
    rounds: usize,
}

impl Plan {
    const QUICK: Self = Self { environments: 10, objects: 30, rounds: 1 };
    const DEFAULT: Self = Self { environments: 1000, objects: 870, rounds: 5 };
}

fn run(plan: &Plan) -> Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("dirops-review-").tempdir_in(memory_folder())?;
    let mut rows = repository_rows(plan, folder.path())?;
    rows.extend(fleet_rows(plan, folder.path())?);
    rows.extend(manifest_rows(plan, folder.path())?);
    Ok(rows)
}

/// An environment repository with one changed file.
fn repository_rows(plan: &Plan, folder: &Path) -> Result<Vec<Row>> {
    let (fleet, repository) = (folder.join("fleet"), folder.join("environments"));
    source::generate(&fleet, plan.environments)?;
    timed(dirops(&fleet).args(["render", "--into"]).arg(&repository))?;
    git(&repository, &["init", "--quiet", "--initial-branch=main"])?;
    commit(&repository, "one")?;
    let changed = repository.join("applications/dir/env-0007/values.yaml");
    edit(&changed, "worker_count: 8", "worker_count: 9")?;
    commit(&repository, "two")?;
    git(&repository, &["repack", "-a", "-d", "--quiet"])?;
    let files = output(&repository, &["ls-files"])?.lines().count();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Of a few milliseconds each: five alone would say little.
    for _ in 0..5 * plan.rounds {
        ours.push(timed_to(1, review(&repository).args(["HEAD~1", "HEAD"]))?);
        theirs.push(timed(Command::new("git").arg("-C").arg(&repository).args(["diff", "--stat", "HEAD~1", "HEAD"]))?);
    }
    let what = format!("1 of {files} files changed");
    let peak = peak_memory(dirops(&repository).args(["diff", "HEAD~1", "HEAD"]))?;
    let mut rows = vec![Row::ratio(&what, median(&ours), ("git diff --stat", median(&theirs)), Target::AtMost(2.0))];
    rows.extend(memory_row(&what, peak));
    Ok(rows)
}

/// A fleet with one changed value in `base/`, rendered on both sides.
fn fleet_rows(plan: &Plan, folder: &Path) -> Result<Vec<Row>> {
    let fleet = folder.join("fleet");
    git(&fleet, &["init", "--quiet", "--initial-branch=main"])?;
    commit(&fleet, "one")?;
    edit(&fleet.join("base/dir/values.yaml"), "scheduler_interval: 1h", "scheduler_interval: 2h")?;
    let mut ours = Vec::new();
    for _ in 0..plan.rounds {
        ours.push(timed_to(1, &mut review(&fleet))?);
    }
    let what = format!("1 value of base/ changed, {} environments rendered twice", plan.environments);
    let peak = peak_memory(dirops(&fleet).arg("diff"))?;
    let time = median(&ours);
    let mut rows = vec![Row::amount(&what, duration(time), time.as_secs_f64(), " s", Target::AtMost(3.0))];
    rows.extend(memory_row(&what, peak));
    Ok(rows)
}

/// Two files with manifests, some of them changed.
fn manifest_rows(plan: &Plan, folder: &Path) -> Result<Vec<Row>> {
    let (old, new) = (folder.join("old.yaml"), folder.join("new.yaml"));
    fs::write(&old, manifests(plan.objects, "one"))?;
    fs::write(&new, manifests(plan.objects, "two"))?;
    let dyff = dyff();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        ours.push(timed_to(1, review(folder).arg(&old).arg(&new))?);
        if let Some(dyff) = &dyff {
            theirs.push(timed(Command::new(dyff).args(["between", "--omit-header"]).arg(&old).arg(&new))?);
        }
    }
    let size = fs::metadata(&old)?.len();
    let what = format!("{CHANGED_OBJECTS} of {} objects changed, {} each", plan.objects, bytes(size));
    let time = median(&ours);
    let mut rows = vec![match dyff {
        Some(_) => Row::times_faster(&what, time, ("dyff", median(&theirs)), Target::AtLeast(10.0)),
        None => Row::skipped(&what, "dyff is not installed"),
    }];
    rows.push(Row::amount("the same", duration(time), time.as_secs_f64() * 1e3, " ms", Target::AtMost(100.0)));
    rows.extend(memory_row(&what, peak_memory(dirops(folder).arg("diff").arg(&old).arg(&new))?));
    Ok(rows)
}

/// Returns objects of about a thousand bytes, the first of them with a value in them.
fn manifests(objects: usize, value: &str) -> String {
    let mut text = String::new();
    for number in 0..objects {
        let value = if number < CHANGED_OBJECTS { value } else { "same" };
        let _ = write!(
            text,
            "---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}
  namespace: apps
  labels: {{app.kubernetes.io/name: app-{number}, app.kubernetes.io/managed-by: Helm}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app.kubernetes.io/name: app-{number}}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: app-{number}}}
    spec:
      securityContext: {{runAsNonRoot: true, fsGroup: 65532}}
      containers:
      - name: app
        image: example.org/app:{value}
        args: [--listen=0.0.0.0:8080, --level=info, --name=app-{number}]
        env:
        - {{name: MODE, value: {value}}}
        - {{name: REGION, value: eu-central-1}}
        ports:
        - {{containerPort: 8080, name: http, protocol: TCP}}
        livenessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 10}}
        readinessProbe: {{httpGet: {{path: /readyz, port: http}}, periodSeconds: 5}}
        resources:
          limits: {{cpu: 500m, memory: 512Mi}}
          requests: {{cpu: 100m, memory: 128Mi}}
        volumeMounts:
        - {{name: data, mountPath: /data}}
      volumes:
      - name: data
        emptyDir: {{}}
"
        );
    }
    text
}

fn memory_row(what: &str, peak: Option<u64>) -> Option<Row> {
    let what = format!("peak memory: {what}");
    peak.map(|peak| Row::amount(&what, bytes(peak), peak as f64 / 1e6, " MB", Target::AtMost(500.0)))
}

fn dirops(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.current_dir(folder);
    command
}

/// Returns a review that must find differences.
fn review(folder: &Path) -> Command {
    let mut command = dirops(folder);
    command.args(["diff", "--exit-code"]);
    command
}

fn edit(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    if !text.contains(from) {
        return Err(format!("{} has no {from:?}", path.display()).into());
    }
    Ok(fs::write(path, text.replacen(from, to, 1))?)
}

fn commit(repository: &Path, message: &str) -> Result<()> {
    git(repository, &["add", "--all"])?;
    git(repository, &["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", message])
}

fn git(repository: &Path, arguments: &[&str]) -> Result<()> {
    output(repository, arguments).map(drop)
}

fn output(repository: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command.args(["-c", "gc.auto=0"]).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.arg("-C").arg(repository).args(arguments).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// Returns where dyff is: on the path, or where Go installs to.
fn dyff() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(home);
    folders.find_map(|folder| Some(folder.join("dyff")).filter(|file| file.is_file()))
}

/// A folder in memory, where the system has one.
fn memory_folder() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
