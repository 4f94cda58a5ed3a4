//! The peer that people have today: one `kubectl kustomize` an environment.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::timed;
use crate::source::COMPONENTS;
use crate::{Result, empty, per};

/// A kustomize base of the size of one environment, with overlays for a few of them.
///
/// The values are config maps, opaque text to kustomize: that is less work than ours, which merges them.
pub struct Kustomize {
    folder: PathBuf,
    at_a_time: usize,
}

/// How many environments each of the processes that run at a time builds, one after the other.
const IN_A_ROW: usize = 5;

impl Kustomize {
    /// Makes the base from the values of the first environment in `rendered`; `None` when kubectl does not run.
    pub fn prepare(folder: &Path, rendered: &Path, at_a_time: usize) -> Result<Option<Self>> {
        if timed(Command::new("kubectl").args(["version", "--client"])).is_err() {
            return Ok(None);
        }
        write_base(&folder.join("base"), rendered)?;
        for number in 0..at_a_time * IN_A_ROW {
            write_overlay(&folder.join(format!("overlays/{number}")), number)?;
        }
        let nothing = folder.join("nothing");
        empty(&nothing)?;
        fs::write(nothing.join("kustomization.yaml"), "resources: []\n")?;
        Ok(Some(Self { folder: folder.to_owned(), at_a_time }))
    }

    /// Returns the time for one environment, of many built on all cores, as ours are.
    pub fn per_environment(&self) -> Result<Duration> {
        self.time_builds(|number| self.folder.join(format!("overlays/{number}")))
    }

    /// Returns the time for nothing at all, measured in the same way: what kubectl takes to start.
    pub fn per_start(&self) -> Result<Duration> {
        self.time_builds(|_| self.folder.join("nothing"))
    }

    fn time_builds(&self, overlay: impl Fn(usize) -> PathBuf + Sync) -> Result<Duration> {
        let built = self.folder.join("built");
        let build_row = |row: usize| -> Result<()> {
            for number in row * IN_A_ROW..(row + 1) * IN_A_ROW {
                build(&overlay(number), &built.join(format!("{number}.yaml")))?;
            }
            Ok(())
        };
        empty(&built)?;
        let start = Instant::now();
        thread::scope(|scope| {
            let build_row = &build_row;
            let rows: Vec<_> = (0..self.at_a_time).map(|row| scope.spawn(move || build_row(row))).collect();
            rows.into_iter().try_for_each(|row| row.join().map_err(|_| "a kustomize thread panicked")?)
        })?;
        Ok(per(start.elapsed(), self.at_a_time * IN_A_ROW))
    }
}

fn build(overlay: &Path, output: &Path) -> Result<()> {
    timed(Command::new("kubectl").arg("kustomize").arg(overlay).arg("-o").arg(output)).map(drop)
}

fn write_base(folder: &Path, rendered: &Path) -> Result<()> {
    empty(folder)?;
    let mut applications = String::new();
    let mut maps = String::new();
    for component in COMPONENTS {
        applications += &application(component);
        write!(maps, "  - name: {component}-values\n    files: [")?;
        for file in copy_values(component, rendered, folder)? {
            write!(maps, "{file}, ")?;
        }
        maps += "]\n";
    }
    fs::write(folder.join("applications.yaml"), applications)?;
    let kustomization = format!(
        "resources: [applications.yaml]
generatorOptions: {{disableNameSuffixHash: true}}
configMapGenerator:
{maps}"
    );
    Ok(fs::write(folder.join("kustomization.yaml"), kustomization)?)
}

/// Copies the values files of the first environment's `component`; returns them as kustomize's `key=file`.
fn copy_values(component: &str, rendered: &Path, folder: &Path) -> Result<Vec<String>> {
    let from = rendered.join("applications").join(component).join("env-0001");
    let mut files = Vec::new();
    for key in ["values.yaml", "gen.values.yaml"] {
        if from.join(key).exists() {
            let file = format!("{component}.{key}");
            fs::copy(from.join(key), folder.join(&file))?;
            files.push(format!("{key}={file}"));
        }
    }
    Ok(files)
}

fn application(component: &str) -> String {
    format!(
        "---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {component}
  namespace: argocd
  annotations: {{argocd.argoproj.io/sync-wave: '1'}}
spec:
  project: dir
  sources:
    - repoURL: ghcr.io
      chart: agntcy/dir/helm-charts/{component}
      targetRevision: v1.3.0
      helm:
        ignoreMissingValueFiles: true
        valueFiles: [$values/applications/{component}/values.yaml, $values/applications/{component}/gen.values.yaml]
    - {{repoURL: 'https://github.com/agntcy/dir-staging', targetRevision: main, ref: values}}
  destination: {{server: 'https://kubernetes.default.svc', namespace: dir-{component}}}
  syncPolicy:
    automated: {{prune: true, selfHeal: false}}
    syncOptions: [CreateNamespace=true, ServerSideApply=true]
"
    )
}

/// Writes an overlay that names everything after its environment, sets its cluster, and has a few values of its own.
fn write_overlay(folder: &Path, number: usize) -> Result<()> {
    empty(folder)?;
    let kustomization = format!(
        "resources: [../../base]
nameSuffix: -env-{number}
configMapGenerator:
  - name: dir-values
    behavior: merge
    files: [own.values.yaml]
patches:
  - target: {{kind: Application}}
    patch: |
      - {{op: replace, path: /spec/project, value: dir-env-{number}}}
      - {{op: replace, path: /spec/destination/server, value: 'https://env-{number}.eks.example.net'}}
  - target: {{kind: Application, name: dir}}
    patch: |
      - {{op: replace, path: /spec/sources/0/targetRevision, value: v1.2.0}}
"
    );
    let values = format!("apiserver: {{spire: {{trustDomain: env-{number}.example.net}}, pvc: {{size: 20Gi}}}}\n");
    fs::write(folder.join("kustomization.yaml"), kustomization)?;
    Ok(fs::write(folder.join("own.values.yaml"), values)?)
}
