//! Who trusts whom, before and after: as two pictures, and in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::graph::{self, Graph};
use super::name;
use crate::review::present::plural;
use crate::review::{Review, Trust};

/// How many trust domains a picture has at most.
const DRAWN: usize = 60;
/// From how many environments on only those are listed whose trust changes; and how many of these.
const LISTED: usize = 60;
const CHANGED: usize = 500;
/// How many partners of an environment are named.
const NAMED: usize = 60;

/// Whom one environment trusts, before and after.
pub struct Pair<'a> {
    pub environment: &'a str,
    pub before: Option<&'a Trust>,
    pub after: Option<&'a Trust>,
}

impl<'a> Pair<'a> {
    /// Returns its own trust domain on a side; on the other where it has none there.
    pub fn trust_domain(&self) -> &'a str {
        self.after.or(self.before).map_or("", |trust| &trust.trust_domain)
    }

    pub fn partners(trust: Option<&'a Trust>) -> BTreeSet<&'a str> {
        trust.into_iter().flat_map(|trust| &trust.partners).map(|partner| &**partner).collect()
    }

    pub fn gained(&self) -> BTreeSet<&'a str> {
        &Self::partners(self.after) - &Self::partners(self.before)
    }

    pub fn lost(&self) -> BTreeSet<&'a str> {
        &Self::partners(self.before) - &Self::partners(self.after)
    }

    /// Returns all trust domains that it is about, its own among them.
    fn trust_domains(&self) -> BTreeSet<&'a str> {
        let sides = [self.before, self.after].into_iter().flatten();
        let mut all: BTreeSet<&str> = sides.clone().map(|trust| &*trust.trust_domain).collect();
        all.extend(sides.flat_map(|trust| &trust.partners).map(|partner| &**partner));
        all
    }

    fn has_changed(&self) -> bool {
        self.renamed().is_some() || !self.gained().is_empty() || !self.lost().is_empty()
    }

    /// Returns the trust domain that it had, where it has another.
    fn renamed(&self) -> Option<&'a str> {
        let (before, after) = (self.before?, self.after?);
        (before.trust_domain != after.trust_domain).then_some(&*before.trust_domain)
    }
}

fn pairs(review: &Review) -> Vec<Pair<'_>> {
    let mut pairs: BTreeMap<&str, Pair<'_>> = BTreeMap::new();
    let new = |environment| Pair { environment, before: None, after: None };
    for trust in &review.trust.0 {
        pairs.entry(&trust.environment).or_insert_with(|| new(&trust.environment)).before = Some(trust);
    }
    for trust in &review.trust.1 {
        pairs.entry(&trust.environment).or_insert_with(|| new(&trust.environment)).after = Some(trust);
    }
    pairs.into_values().collect()
}

/// Returns whether any environment trusts anybody.
pub fn is_told(review: &Review) -> bool {
    [&review.trust.0, &review.trust.1].into_iter().flatten().any(|trust| !trust.partners.is_empty())
}

pub fn write(page: &mut String, review: &Review) {
    if !is_told(review) {
        return;
    }
    let pairs = pairs(review);
    let gained: usize = pairs.iter().map(|pair| pair.gained().len()).sum();
    let lost: usize = pairs.iter().map(|pair| pair.lost().len()).sum();
    let comes_to = match (gained, lost) {
        (0, 0) => "No environment gains or loses a partner.".to_owned(),
        _ => format!("{} gained, {} lost.", plural(gained, "partner"), lost),
    };
    let _ = write!(
        page,
        "<section id=\"federation\" aria-labelledby=\"federation-title\">\n\
         <h2 id=\"federation-title\">Federation</h2>\n<p>Who trusts whom. {comes_to}</p>\n"
    );
    let (drawn, said) = drawn(&pairs);
    if let Some(said) = said {
        let _ = writeln!(page, "<p>{said}</p>");
    }
    if !drawn.is_empty() {
        let graph = Graph::of(&drawn);
        let _ = writeln!(
            page,
            "<div class=\"graphs\">\n<figure tabindex=\"0\"><figcaption>Before</figcaption>\n{}</figure>\n\
             <figure tabindex=\"0\"><figcaption>After</figcaption>\n{}</figure>\n</div>\n\
             <p>A line leads from an environment to a trust domain that it trusts. Dashed, with − at its end: lost. \
             Thick, with +: gained.</p>",
            graph.svg(graph::Side::Before),
            graph.svg(graph::Side::After),
        );
    }
    list(page, &pairs);
    page.push_str("</section>\n");
}

/// Returns what a picture shows, and what to say where that is not everything: all of it where that can be read, else
/// what changes with all that is beside it, else what changes alone.
fn drawn<'a>(pairs: &[Pair<'a>]) -> (Vec<graph::Row<'a>>, Option<String>) {
    let domains: BTreeSet<&str> = pairs.iter().flat_map(Pair::trust_domains).collect();
    let is_small = |rows: &[graph::Row<'_>]| {
        let domains: BTreeSet<&str> = rows
            .iter()
            .flat_map(|row| row.before.iter().chain(&row.after).copied().chain([row.trust_domain]))
            .collect();
        domains.len() <= DRAWN && rows.len() <= DRAWN
    };
    let all: Vec<_> = pairs.iter().map(graph::Row::of).collect();
    if is_small(&all) {
        return (all, None);
    }
    let many = format!(
        "There are {} trust domains in {}, too many to draw:",
        domains.len(),
        plural(pairs.len(), "environment")
    );
    let changed: Vec<&Pair<'_>> = pairs.iter().filter(|pair| pair.has_changed()).collect();
    // The neighbours of a change: who else trusts the partner, and whom else the environment trusts.
    let partners: BTreeSet<&str> = changed.iter().flat_map(|pair| &pair.gained() | &pair.lost()).collect();
    let is_near =
        |pair: &&Pair<'_>| pair.has_changed() || pair.trust_domains().iter().any(|name| partners.contains(name));
    let near: Vec<_> = pairs
        .iter()
        .filter(is_near)
        .map(|pair| {
            let row = graph::Row::of(pair);
            if pair.has_changed() { row } else { row.only(&partners) }
        })
        .collect();
    let alone: Vec<_> = changed.iter().map(|pair| graph::Row::of(pair).only(&partners)).collect();
    match () {
        () if changed.is_empty() => (Vec::new(), Some(format!("{many} the list below has them."))),
        () if is_small(&near) => (near, Some(format!("{many} here is what changes, and its neighbours."))),
        () if is_small(&alone) => (alone, Some(format!("{many} here is what changes alone."))),
        () => (Vec::new(), Some(format!("{many} the list below says what changes."))),
    }
}

fn list(page: &mut String, pairs: &[Pair<'_>]) {
    let is_whole = pairs.len() <= LISTED;
    let listed: Vec<&Pair<'_>> = pairs.iter().filter(|pair| is_whole || pair.has_changed()).collect();
    let caption = match is_whole {
        true => "Whom each environment trusts",
        false => "The environments whose trust changes",
    };
    let _ = write!(
        page,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"federation-title\">\n<table>\n\
         <caption>{caption}</caption>\n<thead><tr><th scope=\"col\">Environment</th><th scope=\"col\">Its trust domain</th>\
         <th scope=\"col\">Gained (+)</th><th scope=\"col\">Lost (−)</th><th scope=\"col\">Trusts as before</th></tr></thead>\n\
         <tbody>\n"
    );
    for pair in listed.iter().take(CHANGED) {
        let own = match pair.renamed() {
            Some(before) => {
                format!("<b>changed:</b> <del>{}</del> → <ins>{}</ins>", name(before), name(pair.trust_domain()))
            }
            None => name(pair.trust_domain()),
        };
        let environment = name(pair.environment);
        let state = match (pair.before, pair.after) {
            (None, _) => " <b>(new)</b>",
            (_, None) => " <b>(gone)</b>",
            _ => "",
        };
        let kept = &Pair::partners(pair.before) & &Pair::partners(pair.after);
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{environment}{state}</th><td>{own}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            names(&pair.gained(), "+ "),
            names(&pair.lost(), "− "),
            names(&kept, ""),
        );
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    if listed.len() > CHANGED {
        let _ = writeln!(page, "<p>And {} more.</p>", plural(listed.len() - CHANGED, "environment"));
    }
}

fn names(names: &BTreeSet<&str>, sign: &str) -> String {
    if names.is_empty() {
        return "–".to_owned();
    }
    let named: Vec<String> = names.iter().take(NAMED).map(|partner| format!("{sign}{}", name(partner))).collect();
    match names.len().saturating_sub(NAMED) {
        0 => named.join("<br>"),
        more => format!("{}<br>and {more} more", named.join("<br>")),
    }
}
