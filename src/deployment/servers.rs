//! The SPIRE servers that a chart deploys.

use super::Deployed;

/// The servers of the chart spire-nested, with the tags that switch them on: its dependencies.
const NESTED: [(&str, &[&str]); 3] = [
    ("root-spire-server", &["nestedRoot"]),
    ("external-spire-server", &["nestedRoot"]),
    ("internal-spire-server", &["nestedRoot", "nestedChildFull"]),
];

impl Deployed {
    /// Returns the keys under which the SPIRE servers that run have their values. Those of a parent cluster that
    /// spire-nested only speaks to are none.
    pub fn spire_servers(&self) -> Vec<&'static str> {
        match self.chart() {
            "spire"
                if self.is_on("spire-server.enabled", true) && !self.is_on("spire-server.externalServer", false) =>
            {
                vec!["spire-server"]
            }
            "spire-nested" => {
                let runs = |(name, tags): &&(&str, &[&str])| {
                    let by_tag = tags.iter().any(|tag| self.is_on(&format!("tags.{tag}"), false));
                    self.is_on(&format!("{name}.enabled"), by_tag)
                };
                NESTED.iter().filter(runs).map(|(name, _)| *name).collect()
            }
            _ => Vec::new(),
        }
    }
}
