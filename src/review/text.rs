//! For people at a terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};

use super::present::{
    Block, Part, block, blocks, cause, contents, counts, inline, lines, place, plural, short, sign, summary,
    unseen_difference, words,
};
use super::{ChangeKind, Effect, Folded, Review};
use crate::yaml::Node;

/// How many lines of a value are shown.
const LINES: usize = 40;
/// How many characters of a line are shown, colours among them.
const WIDE: usize = 2000;
/// From this length on, what changed in a text is marked in it.
const LONG: usize = 30;

pub(super) fn write(review: &Review, has_colours: bool) -> String {
    let mut out = Out { text: String::new(), has_colours };
    out.failures(review);
    for block in blocks(review) {
        out.block(&block);
    }
    out.files("without effect on what is deployed", &review.without_effect);
    out.files("no configuration", &review.not_configuration);
    out.end(review);
    out.text
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().effects(Effects::DIMMED);
const OLD: Style = AnsiColor::Red.on_default();
const NEW: Style = AnsiColor::Green.on_default();

struct Out {
    text: String,
    has_colours: bool,
}

impl Out {
    /// Returns a text in a style, where there are colours.
    fn styled(&self, style: Style, text: &str) -> String {
        match self.has_colours {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.text, "{:indent$}{}", "", short(text, WIDE));
    }

    fn failures(&mut self, review: &Review) {
        for failure in &review.failures {
            let of =
                if failure.environment.is_empty() { String::new() } else { format!(" of {}", failure.environment) };
            let label = self.styled(OLD.bold(), &format!("not compared ({}{of}):", failure.which.word()));
            self.line(0, &format!("{label} {}", failure.message));
            if let Some(place) = &failure.place {
                self.line(2, &format!("--> {place}"));
            }
        }
        if !review.failures.is_empty() {
            self.text.push('\n');
        }
    }

    fn block(&mut self, block: &Block<'_>) {
        let title = self.styled(BOLD, &block.title());
        self.line(0, &title);
        let mut effect = None;
        for folded in &block.changes {
            if effect != Some(folded.change.effect) {
                effect = Some(folded.change.effect);
                let title = self.styled(colour(folded.change.effect), folded.change.effect.title());
                self.line(2, &title);
            }
            self.change(folded);
        }
        self.text.push('\n');
    }

    fn change(&mut self, folded: &Folded) {
        let change = &folded.change;
        let style = match change.kind {
            ChangeKind::Added => NEW,
            ChangeKind::Removed => OLD,
            ChangeKind::Changed | ChangeKind::Renamed => Style::new(),
        };
        let sign = self.styled(style, &sign(change.kind).to_string());
        let times = if folded.count() > 1 { format!(" ({} times)", folded.count()) } else { String::new() };
        let head = format!("{sign} {}{times}", place(folded));
        match (&change.before, &change.after) {
            _ if change.is_whole() => {
                self.line(4, &head);
                self.why(folded);
                self.contents(folded);
            }
            (Some(before), Some(after)) => self.values(&head, folded, before, after),
            (before, after) => {
                let node = after.as_ref().or(before.as_ref());
                match node.and_then(inline) {
                    Some(value) => self.line(4, &format!("{head}: {}", self.styled(style, &value))),
                    None => self.line(4, &head),
                }
                self.why(folded);
                if let Some(node) = node.filter(|node| inline(node).is_none()) {
                    self.lines_of(node, style);
                }
            }
        }
    }

    fn values(&mut self, head: &str, folded: &Folded, before: &Node, after: &Node) {
        let unseen = unseen_difference(before, after).map(|difference| format!(" ({difference})"));
        let head = &format!("{head}{}", unseen.unwrap_or_default());
        if let (Some(old), Some(new)) = (inline(before), inline(after)) {
            let is_text = before.as_text().is_some() && after.as_text().is_some();
            match is_text && old.len().max(new.len()) > LONG {
                true => {
                    let marked = self.marked(&old, &new);
                    self.line(4, &format!("{head}: {marked}"));
                }
                false => {
                    let (old, new) = (self.styled(OLD, &old), self.styled(NEW, &new));
                    self.line(4, &format!("{head}: {old} → {new}"));
                }
            }
            self.why(folded);
            return;
        }
        self.line(4, head);
        self.why(folded);
        let (old, new) = (block(before).join("\n"), block(after).join("\n"));
        let lines = lines(&old, &new);
        for line in lines.iter().take(LINES) {
            match line {
                Some((Part::Same, text)) => self.line(8, &format!("  {text}")),
                Some((Part::Old, text)) => self.line(8, &self.styled(OLD, &format!("- {text}"))),
                Some((Part::New, text)) => self.line(8, &self.styled(NEW, &format!("+ {text}"))),
                None => self.line(8, "…"),
            }
        }
        self.left_out(lines.len());
    }

    /// Returns two texts in one, with what goes and what comes marked.
    fn marked(&self, before: &str, after: &str) -> String {
        let mark = |(part, text): &(Part, String)| match part {
            Part::Same => text.clone(),
            Part::Old if self.has_colours => self.styled(OLD.strikethrough(), text),
            Part::New if self.has_colours => self.styled(NEW, text),
            Part::Old => format!("[-{text}-]"),
            Part::New => format!("{{+{text}+}}"),
        };
        words(before, after).iter().map(mark).collect()
    }

    fn why(&mut self, folded: &Folded) {
        let cause = cause(folded);
        let why = match cause.as_str() {
            "" => folded.change.why.clone(),
            cause => format!("{}; {cause}", folded.change.why),
        };
        let why = self.styled(DIM, &why);
        self.line(8, &why);
    }

    fn contents(&mut self, folded: &Folded) {
        let (highlights, more) = contents(&folded.change);
        for highlight in &highlights {
            let value = inline(&highlight.value).unwrap_or_else(|| block(&highlight.value).join(" "));
            let effect = self.styled(colour(highlight.effect), highlight.effect.title());
            self.line(8, &format!("{effect}: {} = {value}", highlight.steps));
        }
        if more > 0 {
            let more = self.styled(DIM, &format!("and {} of no risk that is known", plural(more, "setting")));
            self.line(8, &more);
        }
    }

    fn lines_of(&mut self, node: &Node, style: Style) {
        let lines = block(node);
        for line in lines.iter().take(LINES) {
            let line = self.styled(style, line);
            self.line(8, &line);
        }
        self.left_out(lines.len());
    }

    fn left_out(&mut self, lines: usize) {
        if lines > LINES {
            let more = self.styled(DIM, &format!("… {} more, see --format html", plural(lines - LINES, "line")));
            self.line(8, &more);
        }
    }

    fn files(&mut self, what: &str, paths: &[String]) {
        const NAMED: usize = 5;
        if paths.is_empty() {
            return;
        }
        let shown: Vec<String> = paths.iter().take(NAMED).map(|path| crate::diagnostic::escape(path)).collect();
        let more = match paths.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        self.line(0, &format!("{what}: {}{more}", shown.join(", ")));
    }

    fn end(&mut self, review: &Review) {
        let summary = self.styled(BOLD, &summary(review));
        self.line(0, &summary);
        let counts: Vec<String> =
            counts(review).iter().map(|(effect, count)| format!("{count} {}", effect.title())).collect();
        if !counts.is_empty() {
            self.line(2, &counts.join(", "));
        }
    }
}

fn colour(effect: Effect) -> Style {
    match effect {
        Effect::Identity | Effect::Access | Effect::SecretSource | Effect::DataLoss => OLD.bold(),
        Effect::Exposure | Effect::Restart | Effect::LateRestart => AnsiColor::Yellow.on_default(),
        Effect::Version | Effect::Other => AnsiColor::Cyan.on_default(),
        Effect::ReachesNothing | Effect::Cosmetic => DIM,
    }
}
