//! Measures `dirops render` on a fleet of environments, beside what people would use instead.
//!
//!     cargo bench --bench fleet                # 1000 environments, median of five
//!     cargo bench --bench fleet -- --quick     # 20 environments, one round: only proves that it runs
//!     cargo bench --bench fleet -- --full      # growth up to 10000 environments
//!
//! Everything happens in memory-backed folders, so that a disk decides nothing. The targets inform: the exit code
//! says whether everything ran, not whether it was fast.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's result is what it prints")]

#[path = "fleet/kustomize.rs"]
mod kustomize;
#[path = "fleet/measure.rs"]
mod measure;
#[path = "fleet/source.rs"]
mod source;
#[path = "fleet/table.rs"]
mod table;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use kustomize::Kustomize;
use measure::{median, peak_memory, timed};
use table::{Row, Target, bytes, duration};
use tempfile::TempDir;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match Plan::from_arguments(std::env::args().skip(1)).and_then(|plan| run(&plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How much is measured.
struct Plan {
    environments: usize,
    rounds: usize,
    growth: &'static [usize],
}

impl Plan {
    const QUICK: Self = Self { environments: 20, rounds: 1, growth: &[10, 20] };
    const DEFAULT: Self = Self { environments: 1000, rounds: 5, growth: &[100, 1000] };
    const FULL: Self = Self { growth: &[100, 1000, 10000], ..Self::DEFAULT };

    fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self> {
        // `cargo test --all-targets` runs this too, unoptimised: its figures would mean nothing.
        let mut plan = if cfg!(debug_assertions) { Self::QUICK } else { Self::DEFAULT };
        for argument in arguments {
            match argument.as_str() {
                "--quick" => plan = Self::QUICK,
                "--full" => plan = Self::FULL,
                "--bench" => {} // cargo says so to every bench target
                other => {
                    return Err(format!("unknown argument {other}; there are --quick and --full").into());
                }
            }
        }
        Ok(plan)
    }
}

fn run(plan: &Plan) -> Result<()> {
    println!(
        "{} environments x {} components, {} partners, {} rounds, {} cores, in {}\n",
        plan.environments,
        source::COMPONENTS.len(),
        source::PARTNERS,
        plan.rounds,
        cores(),
        memory_folder().display(),
    );
    let mut rows = fleet_rows(plan)?;
    rows.push(growth_row(plan)?);
    table::print(&rows);
    Ok(())
}

/// Returns the rows about one fleet: times beside `cp -r` and kustomize, and memory.
fn fleet_rows(plan: &Plan) -> Result<Vec<Row>> {
    let fleet = Fleet::generate(plan.environments)?;
    fleet.render()?; // once unmeasured: warms the caches and leaves the values that kustomize is given
    let kustomize = Kustomize::prepare(&fleet.path("kustomize"), &fleet.output(), cores())?;

    let mut times = Times::default();
    for _ in 0..plan.rounds {
        times.add_round(&fleet, kustomize.as_ref())?;
    }
    let mut rows = times.rows(plan.environments);
    rows.push(memory_row(&fleet)?);
    Ok(rows)
}

/// A source repository in memory, and the folders beside it that it is rendered and copied into.
struct Fleet {
    folder: TempDir,
    environments: usize,
}

impl Fleet {
    fn generate(environments: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("dirops-fleet-").tempdir_in(memory_folder())?;
        source::generate(&folder.path().join("source"), environments)?;
        Ok(Self { folder, environments })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn output(&self) -> PathBuf {
        self.path("output")
    }

    /// Renders everything into an empty folder.
    fn render(&self) -> Result<Duration> {
        empty(&self.output())?;
        let time = timed(&mut self.command())?;
        self.require_everything()?;
        Ok(time)
    }

    fn render_again(&self) -> Result<Duration> {
        timed(&mut self.command())
    }

    /// Checks that nothing has drifted; drift would be an exit code of 1 and so an error.
    fn check(&self) -> Result<Duration> {
        timed(self.command().arg("--check"))
    }

    fn copy(&self) -> Result<Duration> {
        let copy = self.path("copy");
        let time = timed(Command::new("cp").arg("-r").arg(self.output()).arg(&copy))?;
        fs::remove_dir_all(copy)?;
        Ok(time)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
        command.arg("--source").arg(self.path("source")).arg("render").arg("--into").arg(self.output());
        command
    }

    /// A render that skipped environments would look fast.
    fn require_everything(&self) -> Result<()> {
        let receipts = fs::read_dir(self.output().join(".dirops/receipts"))?.count();
        if receipts == self.environments {
            Ok(())
        } else {
            Err(format!("{receipts} of {} environments were rendered", self.environments).into())
        }
    }
}

/// What every round adds one measurement to. The peers run between ours, so that a slow moment of the machine
/// does not fall on one side alone.
#[derive(Default)]
struct Times {
    render: Vec<Duration>,
    copy: Vec<Duration>,
    render_again: Vec<Duration>,
    check: Vec<Duration>,
    kustomize: Vec<Duration>,
    kustomize_nothing: Vec<Duration>,
}

impl Times {
    fn add_round(&mut self, fleet: &Fleet, kustomize: Option<&Kustomize>) -> Result<()> {
        self.render.push(fleet.render()?);
        self.copy.push(fleet.copy()?);
        self.render_again.push(fleet.render_again()?);
        self.check.push(fleet.check()?);
        if let Some(kustomize) = kustomize {
            self.kustomize.push(kustomize.per_environment()?);
            self.kustomize_nothing.push(kustomize.per_start()?);
        }
        Ok(())
    }

    fn rows(&self, environments: usize) -> Vec<Row> {
        let render = median(&self.render);
        let copy = ("cp -r", median(&self.copy));
        let mut rows = vec![
            Row::ratio("full render", render, copy, Target::AtMost(3.0)),
            Row::ratio("render again, nothing changed", median(&self.render_again), copy, Target::AtMost(1.0)),
            Row::ratio("render --check, nothing changed", median(&self.check), copy, Target::AtMost(1.0)),
        ];
        rows.extend(self.kustomize_rows(per(render, environments)));
        rows
    }

    /// Most of a short kustomize is kubectl starting. Whoever renders a fleet pays that for every environment, so
    /// it counts; the second row says how much of the lead it is.
    fn kustomize_rows(&self, ours: Duration) -> Vec<Row> {
        let what = "one environment";
        if self.kustomize.is_empty() {
            return vec![Row::skipped(what, "kubectl does not run")];
        }
        let whole = median(&self.kustomize);
        let work = whole.saturating_sub(median(&self.kustomize_nothing));
        vec![
            Row::times_faster(what, ours, ("kubectl kustomize", whole), Target::AtLeast(50.0)),
            Row::times_faster("  without kubectl's start", ours, ("kubectl kustomize", work), Target::None),
        ]
    }
}

fn memory_row(fleet: &Fleet) -> Result<Row> {
    let what = "peak memory of the full render";
    empty(&fleet.output())?;
    Ok(match peak_memory(&mut fleet.command())? {
        Some(peak) => Row::amount(what, bytes(peak), peak as f64 / 1e6, " MB", Target::AtMost(300.0)),
        None => Row::skipped(what, "there is no /proc"),
    })
}

/// Returns the row that says whether an environment costs the same in a large fleet as in a small one.
fn growth_row(plan: &Plan) -> Result<Row> {
    let mut times = Vec::new();
    for &environments in plan.growth {
        times.push(per(Fleet::generate(environments)?.render()?, environments));
    }
    let sizes = plan.growth.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let shown = times.iter().map(|&time| duration(time)).collect::<Vec<_>>().join(", ");
    let spread = spread(&times);
    Ok(Row::amount(&format!("one environment of {sizes}"), shown, spread, "x", Target::AtMost(1.5)))
}

/// Returns how many times the slowest takes as long as the fastest.
fn spread(times: &[Duration]) -> f64 {
    let slowest = times.iter().max().copied().unwrap_or_default();
    let fastest = times.iter().min().copied().unwrap_or_default();
    slowest.as_secs_f64() / fastest.as_secs_f64()
}

fn per(time: Duration, count: usize) -> Duration {
    time.div_f64(count as f64)
}

/// Makes `folder` an empty one.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

fn memory_folder() -> PathBuf {
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
