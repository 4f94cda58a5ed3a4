//! Every change with its values, folded by environment and component, as far as there is room.

use super::PATH;
use super::inline::{fence, html_code, length, longest_run};
use crate::diagnostic::escape;
use crate::review::present::{
    Block, Part, block, blocks, cause, close_up, contents, inline as one_line, lines, place, plural, short, sign,
    total, unseen_difference, words,
};
use crate::review::{Folded, Review};
use crate::yaml::Node;

/// How many lines of a value are shown, how many characters of a line, and how many beside what changes in it.
const LINES: usize = 40;
const WIDTH: usize = 300;
const BESIDE: usize = 60;
/// What is around the details of a block, at most: its title, its fence but for the backticks, what is left out.
const FRAME: usize = 700;

/// What there was room for.
pub struct Details {
    /// It, as Markdown.
    pub text: String,
    /// How many changes there was no room for.
    pub changes: usize,
    /// In how many objects these are.
    pub objects: usize,
}

/// Returns the details of the changes, the riskiest first. There is none of an object, or all.
pub fn write(review: &Review, room: usize) -> Details {
    let mut details = Details { text: String::new(), changes: 0, objects: 0 };
    let mut left = room;
    for block in blocks(review) {
        let shown = Shown::of(&block, left);
        details.changes += shown.changes_left_out;
        details.objects += shown.objects_left_out;
        if !shown.lines.is_empty() {
            let text = shown.write(&block);
            left = left.saturating_sub(length(&text));
            details.text.push_str(&text);
        }
    }
    details
}

/// What is shown of a block.
#[derive(Default)]
struct Shown {
    lines: String,
    changes_left_out: usize,
    objects_left_out: usize,
}

impl Shown {
    fn of(block: &Block<'_>, room: usize) -> Self {
        let mut shown = Self::default();
        let mut used = FRAME;
        let mut ticks = 0;
        for object in objects(block) {
            // The fence is longer than the longest run of backticks in it, at both ends.
            let fits = |lines: &String| used + length(lines) + 2 * longest_run(lines).max(ticks) <= room;
            let Some(lines) = of_object(&object, room.saturating_sub(used)).filter(fits) else {
                shown.changes_left_out += total(object);
                shown.objects_left_out += 1;
                continue;
            };
            used += length(&lines);
            ticks = longest_run(&lines).max(ticks);
            shown.lines.push_str(&lines);
        }
        shown
    }

    fn write(&self, block: &Block<'_>) -> String {
        let risks = match block.risks() {
            0 => String::new(),
            risks => format!(", {risks} to decide about"),
        };
        let left_out = match self.changes_left_out {
            0 => String::new(),
            changes => {
                format!(
                    "Left out here: {} in {}.\n\n",
                    plural(changes, "change"),
                    plural(self.objects_left_out, "object")
                )
            }
        };
        format!(
            "<details><summary>{}: {}{risks}</summary>\n\n{}\n{left_out}</details>\n\n",
            html_code(&block.title(), super::NAME),
            plural(block.total(), "change"),
            fence("diff", &self.lines),
        )
    }
}

/// Returns the changes of a block by object, that with the riskiest change first.
fn objects<'a>(block: &Block<'a>) -> Vec<Vec<&'a Folded>> {
    let mut objects: indexmap::IndexMap<_, Vec<&Folded>> = indexmap::IndexMap::new();
    for folded in &block.changes {
        objects.entry(&folded.change.object).or_default().push(folded);
    }
    objects.into_values().collect()
}

/// Returns the changes of an object as the lines of a diff, where they take no more room than this.
fn of_object(changes: &[&Folded], room: usize) -> Option<String> {
    let mut lines = String::new();
    let mut left = room;
    for folded in changes {
        // The shortest change has a head of its own.
        left.checked_sub(1)?;
        let change = change(folded);
        left = left.checked_sub(length(&change))?;
        lines.push_str(&change);
    }
    Some(lines)
}

/// Returns a change as the lines of a diff.
fn change(folded: &Folded) -> String {
    let change = &folded.change;
    let times = if folded.count() > 1 { format!(" ({} times)", folded.count()) } else { String::new() };
    let mut out = Lines::default();
    let head = format!("@@ {}: {} {}", change.effect.title(), change.kind.word(), place(folded));
    out.add(&format!("{}{times} @@", short(&head, WIDTH)));
    let cause = match cause(folded) {
        cause if cause.is_empty() => String::new(),
        cause => format!("; {cause}"),
    };
    out.add(&format!("# {}{}", short(&escape(&change.why), PATH), short(&cause, WIDTH)));
    let mark = sign(change.kind);
    match (&change.before, &change.after) {
        _ if change.is_whole() => {
            let (highlights, more) = contents(change);
            for highlight in &highlights {
                let value = one_line(&highlight.value).unwrap_or_else(|| block(&highlight.value).join(" "));
                out.value(mark, &format!("{} = {value}", escape(&highlight.steps.to_string())));
            }
            if more > 0 {
                out.add(&format!("  and {} of no risk that is known", plural(more, "setting")));
            }
        }
        (Some(before), Some(after)) => out.values(before, after),
        (before, after) => {
            let lines = before.as_ref().or(after.as_ref()).map(block).unwrap_or_default();
            lines.iter().take(LINES).for_each(|line| out.value(mark, line));
            out.left_out(lines.len());
        }
    }
    out.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn value(&mut self, mark: char, line: &str) {
        self.add(&format!("{mark} {}", short(line, WIDTH)));
    }

    fn values(&mut self, before: &Node, after: &Node) {
        if let Some(difference) = unseen_difference(before, after) {
            self.add(&format!("  {difference}"));
        }
        if let (Some(old), Some(new)) = (one_line(before), one_line(after)) {
            let parts = close_up(words(&old, &new), BESIDE);
            for (mark, gone) in [('-', Part::New), ('+', Part::Old)] {
                let kept = parts.iter().filter(|(part, _)| *part != gone).map(|(_, text)| text.as_str());
                self.value(mark, &kept.collect::<String>());
            }
            return;
        }
        let lines = lines(&block(before).join("\n"), &block(after).join("\n"));
        for line in lines.iter().take(LINES) {
            match line {
                Some((Part::Same, text)) => self.value(' ', text),
                Some((Part::Old, text)) => self.value('-', text),
                Some((Part::New, text)) => self.value('+', text),
                None => self.add("  …"),
            }
        }
        self.left_out(lines.len());
    }

    fn left_out(&mut self, lines: usize) {
        if lines > LINES {
            self.add(&format!("  … {} more", plural(lines - LINES, "line")));
        }
    }
}
