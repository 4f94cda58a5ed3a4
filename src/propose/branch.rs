//! What branches and pull requests of ours are called and found again by.

use std::collections::BTreeSet;

use crate::forge::Key;
use crate::publish::Digest;
use crate::spiffe::TrustDomain;

/// How many hexadecimal digits tell two branches apart.
const DIGITS: usize = 10;

/// What a change is called and found again by.
#[derive(Clone, Debug)]
pub struct Names {
    /// The branch that it is pushed to.
    pub branch: String,
    /// What its pull request is found by, whatever people do to its title.
    pub key: Key,
}

impl Names {
    /// Returns these names with another branch.
    #[must_use]
    pub fn with_branch(self, branch: Option<&str>) -> Self {
        let branch = branch.map(str::to_owned).unwrap_or(self.branch);
        Self { branch, ..self }
    }

    /// Returns the key of the comment on a pull request of which nothing is left.
    pub(super) fn farewell_key(&self) -> Key {
        Key::new(["nothing is left", &self.key.to_string()])
    }
}

/// Returns the names for a source repository, a branch of it, and a set of environments; all of them where there are
/// none. Git allows no branch below another: `/` in the source's branch becomes `-`, and then a digest tells it apart.
pub fn names_of_environments(source: &str, branch: &str, environments: &[String]) -> Names {
    let environments: BTreeSet<&str> = environments.iter().map(String::as_str).collect();
    let key = Key::of_environments(source, branch, environments.iter().copied());
    let plain = branch.replace('/', "-");
    let name = match environments.is_empty() && plain == branch {
        true => format!("dirops/{plain}"),
        false => format!("dirops/{plain}-{}", digest([branch].into_iter().chain(environments))),
    };
    Names { branch: name, key }
}

/// Returns the names for something that is done about a partner: a word such as `onboard`.
pub fn names_of_partner(deed: &str, trust_domain: &TrustDomain) -> Names {
    let key = Key::new(["partner", deed, trust_domain.as_str()]);
    Names { branch: format!("dirops/{deed}-{trust_domain}"), key }
}

fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let text = parts.collect::<Vec<_>>().join("\0");
    Digest::of(text.as_bytes()).to_string().chars().skip("sha256:".len()).take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(of: &str, environments: &[&str]) -> String {
        let environments: Vec<String> = environments.iter().map(|name| (*name).to_owned()).collect();
        names_of_environments("https://example.org/source", of, &environments).branch
    }

    #[test]
    fn each_branch_and_set_has_its_own_and_none_is_below_another() {
        assert_eq!(branch("main", &[]), "dirops/main");
        assert_eq!(branch("main", &["a", "b"]), branch("main", &["b", "a", "b"]));
        let all = [
            branch("main", &[]),
            branch("main", &["a"]),
            branch("main", &["a", "b"]),
            branch("x/y", &[]),
            branch("x-y", &[]),
            branch("x", &[]),
            branch("x", &["y"]),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
            assert!(!one.starts_with(&format!("{other}/")), "{one} is below {other}");
            assert!(git2::Reference::is_valid_name(&format!("refs/heads/{one}")), "{one}");
        }
    }
}
