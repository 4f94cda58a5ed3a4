//! Runs commands and says how long they took and how much memory they had.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// Runs `command` and returns how long it took; an error when it fails, with what it printed.
pub fn timed(command: &mut Command) -> Result<Duration> {
    timed_to(0, command)
}

/// The same of a command that must exit with `code`.
pub fn timed_to(code: i32, command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let time = start.elapsed();
    if output.status.code() == Some(code) {
        return Ok(time);
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(format!("{command:?}: {}\n{}", output.status, beginning(&printed)).into())
}

/// Returns the first lines of `printed`: a thousand environments repeat the same complaint a thousand times.
fn beginning(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).lines().take(30).collect::<Vec<_>>().join("\n")
}

/// Runs `command` and returns the most memory that it had resident, in bytes; `None` where there is no `/proc`.
///
/// The kernel keeps the high-water mark, so that polling misses no peak; only what the last tenth of a millisecond adds to it.
pub fn peak_memory(command: &mut Command) -> Result<Option<u64>> {
    peak_memory_to(0, command)
}

/// The same of a command that must exit with `code`.
pub fn peak_memory_to(code: i32, command: &mut Command) -> Result<Option<u64>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak = None;
    let status = loop {
        peak = peak.max(high_water_mark(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_micros(100));
    };
    if status.code() == Some(code) { Ok(peak) } else { Err(format!("{command:?}: {status}").into()) }
}

/// Returns the high-water mark of a process's resident memory, in bytes; `None` also when it has just ended.
fn high_water_mark(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns the middle one of `times`; zero when there are none.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
