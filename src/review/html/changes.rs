//! The changes, each as a table of what was there beside what is there.

use std::fmt::Write;

use super::{mark, name, shown};
use crate::review::present::{
    Block, Part, Row, block as lines_of, cause, close_up, contents, inline, place, plural, short, side_by_side, sign,
    unseen_difference,
};
use crate::review::{ChangeKind, Folded, Occurrence, Review};
use crate::yaml::Node;

/// From how many different changes on less is shown of each.
const MANY: usize = 2_000;
/// How many changes are seen before anybody unfolds anything.
const UNFOLDED: usize = 300;
/// From how many lines on a value scrolls.
const SCROLLS: usize = 24;
/// How many environments a title names; the rest is folded.
const NAMED: usize = 4;

/// How much of something is shown; how much more there is, is said.
#[derive(Clone, Copy)]
struct Limits {
    lines: usize,
    width: usize,
    places: usize,
}

const USUAL: Limits = Limits { lines: 400, width: 2_000, places: 200 };
const TIGHT: Limits = Limits { lines: 20, width: 300, places: 20 };

pub fn write(page: &mut String, review: &Review, blocks: &[Block<'_>]) {
    let many = if review.changes.len() > UNFOLDED { " class=\"many\"" } else { "" };
    let _ = write!(
        page,
        "<section id=\"changes\"{many} aria-labelledby=\"changes-title\" tabindex=\"-1\">\n\
         <h2 id=\"changes-title\">Changes</h2>\n"
    );
    if review.changes.is_empty() {
        let nothing = match review.is_complete() {
            true => "Nothing changes in the configuration.",
            false => "Nothing was found in what could be read; see above for what could not.",
        };
        let _ = write!(page, "<p>{nothing}</p>\n</section>\n");
        return;
    }
    page.push_str(
        "<p>On the left, marked −, is what was there; on the right, marked +, what comes.</p>\n\
         <div class=\"tools\" id=\"tools\" role=\"search\" hidden>\n\
         <label for=\"filter\">Filter</label> <input id=\"filter\" type=\"search\" autocomplete=\"off\" \
         spellcheck=\"false\" placeholder=\"environment, path, value, file …\">\n\
         <label><input id=\"risks\" type=\"checkbox\"> only risks ▲</label>\n\
         <button type=\"button\" id=\"expand\">Expand all</button> \
         <button type=\"button\" id=\"collapse\">Collapse all</button>\n\
         <output id=\"found\" for=\"filter risks\" aria-live=\"polite\"></output>\n</div>\n",
    );
    let limits = if review.changes.len() > MANY { TIGHT } else { USUAL };
    let mut seen = 0;
    for (number, block) in blocks.iter().enumerate() {
        let is_open = seen < UNFOLDED;
        seen += block.changes.len();
        block_of(page, number, block, is_open, limits);
    }
    page.push_str("</section>\n");
}

fn block_of(page: &mut String, number: usize, block: &Block<'_>, is_open: bool, limits: Limits) {
    let open = if is_open { " open" } else { "" };
    let risks = match block.risks() {
        0 => String::new(),
        risks => format!(", {risks} to decide about"),
    };
    let _ = writeln!(
        page,
        "<details class=\"block\" id=\"b{number}\"{open}><summary><h3>{}</h3> <span>{}{risks}</span></summary>",
        shown(&short(&block.title(), 500)),
        plural(block.total(), "change"),
    );
    if block.environments.len() > NAMED {
        let names: Vec<String> = block.environments.iter().map(|environment| name(environment)).collect();
        let _ = writeln!(
            page,
            "<details><summary>all {} environments</summary><p>{}</p></details>",
            names.len(),
            names.join(", ")
        );
    }
    for changes in block.by_effect() {
        let effect = changes[0].change.effect;
        let class = if effect.is_risk() { "effect risky" } else { "effect" };
        let _ = writeln!(page, "<section class=\"{class}\"><h4>{}{}</h4>", mark(effect), effect.title());
        for folded in changes {
            change(page, folded, limits);
        }
        page.push_str("</section>\n");
    }
    page.push_str("</details>\n");
}

fn change(page: &mut String, folded: &Folded, limits: Limits) {
    let mut rows = Rows { html: String::new(), count: 0, limits };
    let change = &folded.change;
    let columns = match (&change.before, &change.after) {
        _ if change.is_whole() => {
            rows.contents(folded);
            1
        }
        (Some(before), Some(after)) => {
            rows.values(before, after);
            2
        }
        (before, after) => {
            let node = before.as_ref().or(after.as_ref());
            rows.lines(change.kind, &node.map(lines_or_inline).unwrap_or_default());
            1
        }
    };
    let scrolls = rows.count > SCROLLS;
    page.push_str("<div class=\"change\">");
    if scrolls {
        page.push_str("<div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"a long value\">");
    }
    let _ = write!(page, "<table>{}{}<tbody>{}</table>", caption(folded), head(change.kind, columns), rows.html);
    if scrolls {
        page.push_str("</div>");
    }
    if let Some(node) = change.after.as_ref().or(change.before.as_ref()).filter(|_| change.is_whole()) {
        everything(page, node, limits);
    }
    places(page, &folded.places, limits);
    page.push_str("</div>\n");
}

fn lines_or_inline(node: &Node) -> Vec<String> {
    inline(node).map_or_else(|| lines_of(node), |line| vec![line])
}

/// Returns what changes, why that matters, and what made it.
fn caption(folded: &Folded) -> String {
    let change = &folded.change;
    let times = if folded.count() > 1 { format!(" <b>{} times</b>", folded.count()) } else { String::new() };
    let cause = match cause(folded) {
        cause if cause.is_empty() => String::new(),
        cause => format!("; <code>{}</code>", shown(&cause)),
    };
    format!(
        "<caption><b class=\"{0}\">{1} {0}</b> <code>{2}</code>{times}<span class=\"why\">{3}{cause}</span></caption>",
        change.kind.word(),
        sign(change.kind),
        shown(&short(&place(folded), 500)),
        shown(&short(&change.why, 500)),
    )
}

/// Returns the head of the columns, which only those need who do not see where the columns are.
fn head(kind: ChangeKind, columns: usize) -> &'static str {
    match (columns, kind) {
        (2, _) => "<thead><tr><th scope=\"col\">before<th scope=\"col\">after",
        (_, ChangeKind::Removed) => "<thead><tr><th scope=\"col\">before",
        _ => "<thead><tr><th scope=\"col\">after",
    }
}

/// Returns the class of a cell with what goes or comes.
fn class(kind: ChangeKind) -> &'static str {
    if kind == ChangeKind::Removed { "o" } else { "a" }
}

struct Rows {
    html: String,
    count: usize,
    limits: Limits,
}

impl Rows {
    fn note(&mut self, columns: usize, text: &str) {
        let _ = write!(self.html, "<tr><td colspan={columns} class=note>{}", shown(text));
    }

    fn lines(&mut self, kind: ChangeKind, lines: &[String]) {
        let class = class(kind);
        for line in lines.iter().take(self.limits.lines) {
            let _ = write!(self.html, "<tr><td class={class}>{}", shown(&short(line, self.limits.width)));
        }
        self.count += lines.len().min(self.limits.lines);
        self.left_out(1, lines.len());
    }

    fn left_out(&mut self, columns: usize, lines: usize) {
        if lines > self.limits.lines {
            self.note(columns, &format!("… {} more", plural(lines - self.limits.lines, "line")));
        }
    }

    fn values(&mut self, before: &Node, after: &Node) {
        if let Some(difference) = unseen_difference(before, after) {
            self.note(2, &difference);
        }
        let rows = side_by_side(before, after);
        let count = rows.len();
        for row in rows.into_iter().take(self.limits.lines) {
            self.count += 1;
            match row {
                Row::Same(line) => {
                    let line = shown(&short(&line, self.limits.width));
                    let _ = write!(self.html, "<tr><td>{line}<td>{line}");
                }
                Row::LeftOut => self.note(2, "…"),
                Row::Changed(old, new) => {
                    let (old, new) = (self.cell("o", "del", old), self.cell("a", "ins", new));
                    let _ = write!(self.html, "<tr>{old}{new}");
                }
            }
        }
        self.left_out(2, count);
    }

    /// Returns one side of a line. Where all of it changes there is nothing to mark in it.
    fn cell(&self, class: &str, element: &str, parts: Option<Vec<(Part, String)>>) -> String {
        let Some(parts) = parts else { return "<td>".to_owned() };
        let is_marked = parts.iter().any(|(part, _)| *part == Part::Same);
        let text = |(part, text): &(Part, String)| match part {
            part if is_marked && *part != Part::Same => format!("<{element}>{}</{element}>", shown(text)),
            _ => shown(text),
        };
        let parts = close_up(parts, self.limits.width / 4);
        format!("<td class={class}>{}", parts.iter().map(text).collect::<String>())
    }

    /// What is to be decided about in an object that is new or gone.
    fn contents(&mut self, folded: &Folded) {
        let class = class(folded.change.kind);
        let (highlights, more) = contents(&folded.change);
        for highlight in &highlights {
            let value = short(&lines_or_inline(&highlight.value).join(" "), self.limits.width);
            let _ = write!(
                self.html,
                "<tr><td class={class}>{}{}: {} = {}",
                mark(highlight.effect),
                highlight.effect.title(),
                shown(&highlight.steps.to_string()),
                shown(&value)
            );
        }
        if more > 0 {
            self.note(1, &format!("and {} of no risk that is known", plural(more, "setting")));
        }
    }
}

/// Everything in an object that is new or gone.
fn everything(page: &mut String, node: &Node, limits: Limits) {
    let lines = lines_of(node);
    let shown: Vec<String> = lines.iter().take(limits.lines).map(|line| shown(&short(line, limits.width))).collect();
    let more = match lines.len().saturating_sub(limits.lines) {
        0 => String::new(),
        more => format!("\n… {} more", plural(more, "line")),
    };
    let _ = write!(
        page,
        "<details><summary>everything in it: {}</summary><pre>{}{more}</pre></details>",
        plural(lines.len(), "line"),
        shown.join("\n")
    );
}

/// Where else the same happens.
fn places(page: &mut String, places: &[Occurrence], limits: Limits) {
    if places.len() < 2 {
        return;
    }
    let _ = write!(page, "<details><summary>all {} places</summary><ul>", places.len());
    for place in places.iter().take(limits.places) {
        let names = [&*place.environment, &*place.component].map(name);
        let title: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let origin = place.cause.after.as_ref().or(place.cause.before.as_ref());
        let origin = match origin {
            Some(origin) => format!(" <code>{}:{}</code>", shown(&origin.path), origin.line),
            None => String::new(),
        };
        let _ = write!(page, "<li>{}: {}{origin}", title.join(" / "), shown(&place.object.to_string()));
    }
    if places.len() > limits.places {
        let _ = write!(page, "<li>and {} more", places.len() - limits.places);
    }
    page.push_str("</ul></details>");
}
