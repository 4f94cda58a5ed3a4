//! The federation graph: environments on the left, and on the right the trust domains that they trust. So a line always
//! means the same, names never lie on each other, and the same picture comes of the same review.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::federation::Pair;
use super::shown;

/// How high a row is, how wide the picture, and where the two columns of dots stand.
const ROW: usize = 26;
const WIDTH: usize = 800;
const LEFT: usize = 330;
const RIGHT: usize = 500;
/// How many characters of a name there is room for.
const NAME: usize = 44;

/// An environment and whom it trusts.
pub struct Row<'a> {
    pub environment: &'a str,
    pub trust_domain: &'a str,
    pub before: BTreeSet<&'a str>,
    pub after: BTreeSet<&'a str>,
}

impl<'a> Row<'a> {
    pub fn of(pair: &Pair<'a>) -> Self {
        let (before, after) = (Pair::partners(pair.before), Pair::partners(pair.after));
        Self { environment: pair.environment, trust_domain: pair.trust_domain(), before, after }
    }

    /// Returns it with none but these partners.
    pub fn only(mut self, partners: &BTreeSet<&str>) -> Self {
        self.before.retain(|partner| partners.contains(partner));
        self.after.retain(|partner| partners.contains(partner));
        self
    }
}

/// Which of the two pictures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

impl Side {
    fn other(self) -> Self {
        if self == Self::Before { Self::After } else { Self::Before }
    }
}

/// Both pictures: everything stands in the same place in them, so that they can be compared.
pub struct Graph<'a> {
    rows: &'a [Row<'a>],
    partners: Vec<&'a str>,
}

impl<'a> Graph<'a> {
    pub fn of(rows: &'a [Row<'a>]) -> Self {
        let partners: BTreeSet<&str> = rows.iter().flat_map(|row| &row.before | &row.after).collect();
        Self { rows, partners: partners.into_iter().collect() }
    }

    pub fn svg(&self, side: Side) -> String {
        let count = self.rows.len().max(self.partners.len());
        let height = (count + 1) * ROW + ROW / 2;
        let when = if side == Side::Before { "before" } else { "after" };
        let edges: usize = self.rows.iter().map(|row| Self::partners_of(row, side).len()).sum();
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Who trusts whom {when}: {} environments and {} \
             trust domains with {edges} lines between them; the table below says the same in words\">\n\
             <text class=\"head\" x=\"{}\" y=\"16\" text-anchor=\"end\">environment</text>\
             <text class=\"head\" x=\"{}\" y=\"16\">trusts</text>\n",
            self.rows.len(),
            self.partners.len(),
            LEFT - 12,
            RIGHT + 12,
        );
        // What changes lies on what stays.
        for changed in [false, true] {
            for (index, row) in self.rows.iter().enumerate() {
                self.lines(&mut svg, index, row, side, changed);
            }
        }
        for (index, row) in self.rows.iter().enumerate() {
            let y = Self::height(index, self.rows.len(), count);
            let label = match row.environment {
                "" => row.trust_domain.to_owned(),
                environment => format!("{environment} · {}", row.trust_domain),
            };
            name(&mut svg, LEFT, y, &label, Mark::None);
        }
        for (index, partner) in self.partners.iter().enumerate() {
            let y = Self::height(index, self.partners.len(), count);
            let is_in = |row: &Row<'a>, side: Side| Self::partners_of(row, side).contains(partner);
            if self.rows.iter().any(|row| is_in(row, side)) {
                let changes = self.rows.iter().any(|row| is_in(row, side) && !is_in(row, side.other()));
                let mark = match side {
                    _ if !changes => Mark::None,
                    Side::Before => Mark::Lost,
                    Side::After => Mark::Gained,
                };
                name(&mut svg, RIGHT, y, partner, mark);
            }
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn partners_of<'r>(row: &'r Row<'a>, side: Side) -> &'r BTreeSet<&'a str> {
        if side == Side::Before { &row.before } else { &row.after }
    }

    /// The shorter column stands in the middle of the longer.
    fn height(index: usize, of: usize, count: usize) -> usize {
        ROW + ROW / 2 + index * ROW + (count - of) * ROW / 2
    }

    /// Draws a row's lines: those that are on both sides, or those that change.
    fn lines(&self, svg: &mut String, index: usize, row: &Row<'a>, side: Side, changed: bool) {
        let count = self.rows.len().max(self.partners.len());
        let from = Self::height(index, self.rows.len(), count);
        let (here, there) = (Self::partners_of(row, side), Self::partners_of(row, side.other()));
        let middle = (LEFT + RIGHT) / 2;
        for partner in here.iter().filter(|partner| there.contains(*partner) != changed) {
            // All of them are among the partners, which are sorted.
            let Ok(index) = self.partners.binary_search(partner) else { continue };
            let to = Self::height(index, self.partners.len(), count);
            let class = match side {
                _ if !changed => "edge",
                Side::Before => "edge lost",
                Side::After => "edge gained",
            };
            let _ = writeln!(
                svg,
                "<path class=\"{class}\" d=\"M{LEFT} {from}C{middle} {from} {middle} {to} {RIGHT} {to}\"/>"
            );
        }
    }
}

#[derive(Clone, Copy)]
enum Mark {
    None,
    Lost,
    Gained,
}

/// Draws a dot and the name beside it, left of the left dots and right of the right ones.
fn name(svg: &mut String, x: usize, y: usize, name: &str, mark: Mark) {
    let (sign, class) = match mark {
        Mark::None => ("", ""),
        Mark::Lost => ("− ", " class=\"lost\""),
        Mark::Gained => ("+ ", " class=\"gained\""),
    };
    let (at, anchor) = if x == LEFT { (x - 12, " text-anchor=\"end\"") } else { (x + 12, "") };
    let text = clipped(name);
    let _ = writeln!(
        svg,
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\"/><text{class} x=\"{at}\" y=\"{}\"{anchor}>{sign}{}<title>{}</title></text>",
        y + 4,
        shown(&text),
        shown(name),
    );
}

/// Returns a name without the middle of a long one: the list below the picture has all of it.
fn clipped(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME {
        return name.to_owned();
    }
    let start: String = name.chars().take(NAME / 2).collect();
    let end: String = name.chars().skip(count - NAME / 2 + 1).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_in_the_first_picture_and_what_is_gained_in_the_second() {
        let rows = [Row {
            environment: "prod",
            trust_domain: "prod.example.org",
            before: ["kept.example", "lost.example"].into(),
            after: ["gained.example", "kept.example"].into(),
        }];
        let graph = Graph::of(&rows);
        let (before, after) = (graph.svg(Side::Before), graph.svg(Side::After));
        assert!(before.contains(">− lost.example<") && !before.contains("gained.example"), "{before}");
        assert!(after.contains(">+ gained.example<") && !after.contains("lost.example"), "{after}");
        assert_eq!([before.matches("edge lost").count(), after.matches("edge gained").count()], [1, 1]);
        // The partner that stays stands in the same place.
        let kept = |svg: &str| svg.lines().find(|line| line.contains("kept.example")).unwrap().to_owned();
        assert_eq!(kept(&before), kept(&after));
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let names: Vec<String> = (0..60).map(|index| format!("partner-{index:02}.example.org")).collect();
        let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let rows = [Row { environment: "one", trust_domain: "one.example", before: all.clone(), after: all }];
        let svg = Graph::of(&rows).svg(Side::After);
        let heights: BTreeSet<&str> =
            svg.lines().filter_map(|line| line.split_once("cx=\"500\" cy=\"")?.1.split('"').next()).collect();
        assert_eq!(heights.len(), 60);
    }
}
