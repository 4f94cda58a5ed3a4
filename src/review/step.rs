//! Where a change stands in an object: steps that mean the same before and after it.

use std::fmt;

use super::format::Format;
use crate::yaml::Text;

/// The steps from the top of an object to what changed in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Steps(pub Vec<Step>);

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To the value of a key.
    Key(Text),
    /// To the item of a list whose `key` has this value.
    Item {
        /// The key that tells items apart.
        key: Text,
        /// Its value, as text.
        value: Text,
    },
    /// To an item by where it stands, counted from 0; before and after.
    At {
        /// Where it stood.
        before: Option<usize>,
        /// Where it stands.
        after: Option<usize>,
    },
    /// To an item that nothing but its content tells apart.
    Content,
    /// Into a text that is written in a format of its own.
    Inside(Format),
}

impl Steps {
    /// Returns the keys among the steps, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key),
            _ => None,
        })
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) => {
                    if index > 0 {
                        f.write_str(".")?;
                    }
                    match key.contains(['.', '[', '"']) {
                        true => write!(f, "\"{key}\"")?,
                        false => f.write_str(key)?,
                    }
                }
                Step::Item { key, value } => write!(f, "[{key}={value}]")?,
                Step::At { before, after } => match after.or(*before) {
                    Some(index) => write!(f, "[{index}]")?,
                    None => f.write_str("[]")?,
                },
                Step::Content => f.write_str("[]")?,
                Step::Inside(format) => write!(f, "({})", format.name())?,
            }
        }
        Ok(())
    }
}
