//! No file makes `dirops check` take more than its size warrants: at most 20 times its size and 32 MiB of memory, and
//! time that grows as the file does. (How much time that is, `benches/check.rs` measures.)

#![cfg(target_os = "linux")]

#[path = "corpus/hostile.rs"]
#[allow(dead_code, reason = "the benchmark wants all kinds at once")]
mod hostile;
#[path = "corpus/memory.rs"]
mod memory;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hostile::Files;

const MIB: u64 = 1 << 20;

/// What a process used.
struct Used {
    /// The most memory that it had resident, in bytes.
    memory: u64,
    /// How long it computed.
    time: Duration,
    /// Its exit code.
    exit: Option<i32>,
}

#[test]
fn one_thing_again_and_again_takes_no_more_than_its_size_warrants() {
    assert_bounds(hostile::whole);
}

#[test]
fn a_long_value_takes_no_more_than_its_size_warrants() {
    assert_bounds(hostile::fields);
}

#[test]
fn a_large_bundle_takes_no_more_than_its_size_warrants() {
    assert_bounds(hostile::bundles);
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_not_read() {
    let told = |size: u64| {
        let text = format!("# {}", "a".repeat(size as usize - 2));
        let (findings, _) = memory::check("a.example.net.yaml", text.as_bytes(), 0);
        findings.into_iter().map(|finding| (finding.rule.code, finding.diagnostic.message)).collect::<Vec<_>>()
    };
    assert_eq!(told(MIB), [("federation-unreadable", "the file is empty".to_owned())]);
    let [(code, message)] = &told(MIB + 1)[..] else {
        panic!("one finding");
    };
    assert_eq!(*code, "federation-unreadable");
    assert!(message.ends_with("it has 1048577 bytes, and no more than 1048576 are read"), "{message}");
}

fn assert_bounds(files: fn(usize) -> Files) {
    let folder = tempfile::tempdir().unwrap();
    let without_optimisation = without_optimisation(folder.path());
    let mut faults = Vec::new();
    for ((name, whole), (_, half)) in files(MIB as usize).into_iter().zip(files(MIB as usize / 2)) {
        assert!((MIB - MIB / 10..=MIB).contains(&(whole.len() as u64)), "{name} has {} bytes", whole.len());
        let path = folder.path().join("a.example.net.yaml");
        let checked = [whole, half].map(|content| {
            fs::write(&path, content).unwrap();
            check(path.to_str().unwrap())
        });
        let [whole, half] = checked;
        println!(
            "{:6.1} MiB {:5.2} s {:5.2} s  {name}",
            whole.memory as f64 / MIB as f64,
            whole.time.as_secs_f64(),
            half.time.as_secs_f64()
        );
        if whole.exit != Some(1) {
            faults.push(format!("{name}: exit {:?}", whole.exit));
        }
        if whole.memory > 20 * MIB + 32 * MIB + without_optimisation {
            faults.push(format!("{name}: {} MiB", whole.memory / MIB));
        }
        // Twice the size is twice the time, and four times where something is compared with everything else.
        if whole.time > 3 * half.time + Duration::from_millis(500) {
            faults.push(format!("{name}: {:?}, and {:?} for half of it", whole.time, half.time));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns what a program that was built without optimisation has before it does anything: that is larger than the one
/// that people use, and grows with it.
fn without_optimisation(folder: &Path) -> u64 {
    let path = folder.join("b.example.net.yaml");
    fs::write(&path, "a: 1\n").unwrap();
    if cfg!(debug_assertions) { check(path.to_str().unwrap()).memory } else { 0 }
}

fn check(path: &str) -> Used {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dirops"));
    command.args(["check", "--now", "1795392000", "--jobs", "2", path]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (memory, time) = watch(&child);
    Used { memory, time, exit: child.wait().unwrap().code() }
}

/// Watches a process until it ends. The kernel keeps the peak of its memory while it runs, and its time until somebody
/// asks for its exit code.
fn watch(child: &Child) -> (u64, Duration) {
    let mut memory = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or(0) * 1024);
        if status.lines().any(|line| line.starts_with("State:\tZ")) {
            return (memory, computed(child));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns how long a process computed, itself and in the kernel: in the latter's ticks, 100 a second.
fn computed(child: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(10 * ticks)
}
