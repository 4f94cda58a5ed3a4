//! The table of results.

use std::time::Duration;

/// What a figure is held against.
#[derive(Clone, Copy)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    None,
}

/// One line of the table.
pub struct Row {
    what: String,
    ours: String,
    peer: String,
    ratio: String,
    target: String,
    verdict: &'static str,
}

impl Row {
    /// Says how many times as long as `peer` we take.
    pub fn ratio(what: &str, ours: Duration, peer: (&str, Duration), target: Target) -> Self {
        Self::beside(what, ours, peer, ours.as_secs_f64() / peer.1.as_secs_f64(), target)
    }

    /// Says how many times as long as we `peer` takes.
    pub fn times_faster(what: &str, ours: Duration, peer: (&str, Duration), target: Target) -> Self {
        Self::beside(what, ours, peer, peer.1.as_secs_f64() / ours.as_secs_f64(), target)
    }

    fn beside(what: &str, ours: Duration, peer: (&str, Duration), ratio: f64, target: Target) -> Self {
        Self {
            peer: format!("{} {}", peer.0, duration(peer.1)),
            ratio: figure(ratio, "x"),
            ..Self::amount(what, duration(ours), ratio, "x", target)
        }
    }

    /// Holds `amount`, in `unit`, against the target; there is no peer.
    pub fn amount(what: &str, ours: String, amount: f64, unit: &str, target: Target) -> Self {
        Self {
            what: what.to_owned(),
            ours,
            peer: String::new(),
            ratio: if unit == "x" { figure(amount, unit) } else { String::new() },
            target: target.describe(unit),
            verdict: target.verdict(amount),
        }
    }

    pub fn skipped(what: &str, why: &str) -> Self {
        Self {
            what: what.to_owned(),
            ours: String::new(),
            peer: why.to_owned(),
            ratio: String::new(),
            target: String::new(),
            verdict: "skipped",
        }
    }

    fn cells(&self) -> [&str; 6] {
        [&self.what, &self.ours, &self.peer, &self.ratio, &self.target, self.verdict]
    }
}

impl Target {
    fn describe(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("at most {limit}{unit}"),
            Self::AtLeast(limit) => format!("at least {limit}{unit}"),
            Self::None => String::new(),
        }
    }

    fn verdict(self, figure: f64) -> &'static str {
        let met = match self {
            Self::AtMost(limit) => figure <= limit,
            Self::AtLeast(limit) => figure >= limit,
            Self::None => return "",
        };
        if met { "met" } else { "missed" }
    }
}

/// Prints the table, each column as wide as its widest cell.
pub fn print(rows: &[Row]) {
    let mut lines = vec![["what", "ours", "peer", "ratio", "target", ""]];
    lines.extend(rows.iter().map(Row::cells));
    let widths: [usize; 6] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0));
    for line in lines {
        let cells: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

pub fn duration(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 0.1 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{:.2} ms", seconds * 1e3),
    }
}

pub fn bytes(count: u64) -> String {
    format!("{:.0} MB", count as f64 / 1e6)
}

fn figure(value: f64, unit: &str) -> String {
    if value >= 10.0 { format!("{value:.0}{unit}") } else { format!("{value:.2}{unit}") }
}
