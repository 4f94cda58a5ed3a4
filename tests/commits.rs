//! Commits as other programs see them: who they are by, who signed them, where they come from.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dirops::git::{
    Identities, METADATA, NewCommit, Provenance, commit, configuration, identities, metadata, set_branch,
};
use dirops::publish::Digest;
use git2::{Config, Oid, Repository, Signature, Time};
use tempfile::TempDir;

struct Scene {
    folder: TempDir,
    repository: Repository,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path().join("repository")).unwrap();
        Self { folder, repository }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration of nothing but this.
    fn configuration(&self, entries: &[(&str, &str)]) -> Config {
        let path = self.path("configuration");
        fs::write(&path, "").unwrap();
        let mut configuration = Config::open(&path).unwrap();
        for (key, value) in entries {
            configuration.set_str(key, value).unwrap();
        }
        configuration
    }

    fn commit(&self, configuration: &Config) -> Result<Oid, String> {
        let who = |name| Signature::new(name, "a@example.org", &Time::new(1_700_000_000, 60)).unwrap();
        let identities = Identities { author: who("Author"), committer: who("Committer") };
        let tree = self.repository.treebuilder(None).unwrap().write().unwrap();
        let provenance = provenance();
        let new = NewCommit { tree, parents: &[], message: "Render prod\n\nWhy.", provenance: &provenance };
        commit(&self.repository, configuration, &identities, &new).map_err(|problem| format!("{problem:?}"))
    }

    fn git(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.repository.path()).args(arguments).stdin(Stdio::null());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    #[cfg(unix)]
    fn script(&self, name: &str, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn provenance() -> Provenance {
    Provenance::new(Some(Oid::from_str(&"7".repeat(40)).unwrap()), Digest::of(b"input"))
}

/// Returns whether a program is here, and says so where it is not.
fn is_here(program: &str, argument: &str) -> bool {
    let started = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    if started.is_err() {
        println!("skipped: {program} is not here");
    }
    started.is_ok()
}

#[test]
fn git_reads_what_is_written() {
    if !is_here("git", "--version") {
        return;
    }
    let scene = Scene::new();
    let oid = scene.commit(&scene.configuration(&[])).unwrap();
    let written = scene.repository.find_commit(oid).unwrap();
    assert_eq!(Provenance::of(&scene.repository, &written).unwrap(), Some(provenance()));
    let (_, shown) = scene.git(&["show", "-s", "--format=%an|%ae|%aI|%cn|%s|%(trailers:only)", &oid.to_string()]);
    let expected = format!(
        "Author|a@example.org|2023-11-14T23:13:20+01:00|Committer|Render prod|Dirops-Source: {}\nDirops-Input: {}\n\
         Dirops-Changes: {}\nDirops-Version: {}\n\n",
        "7".repeat(40),
        Digest::of(b"input"),
        Digest::of(b""),
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(shown, expected);
    let (is_signed, _) = scene.git(&["verify-commit", &oid.to_string()]);
    assert!(!is_signed);
    let (is_sound, said) = scene.git(&["fsck", "--strict"]);
    assert!(is_sound, "{said}");
}

#[cfg(unix)]
#[test]
fn ssh_signatures_are_good_to_git() {
    if !is_here("git", "--version") || !is_here("ssh-keygen", "-?") {
        return;
    }
    let scene = Scene::new();
    let key = scene.path("key").to_str().unwrap().to_owned();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status().unwrap();
    assert!(made.success());
    let public = fs::read_to_string(format!("{key}.pub")).unwrap().trim().to_owned();
    let signers = scene.path("signers");
    fs::write(&signers, format!("a@example.org {public}\n")).unwrap();
    // Stands for an agent, which has the private part of a key that is named by its public one.
    let agent = scene.script(
        "agent",
        &format!(
            "[ \"$1 $2 $3 $4 $5 $7\" = '-Y sign -n git -f -U' ] && [ \"$(cat \"$6\")\" = '{public}' ] || exit 1\n\
             exec ssh-keygen -Y sign -n git -f '{key}' \"$8\""
        ),
    );
    let tells = scene.script("tells", &format!("echo 'key::{public}'"));
    let literal = format!("key::{public}");
    let ways: [&[(&str, &str)]; 5] = [
        &[("user.signingkey", &key)],
        &[("user.signingkey", &format!("{key}.pub"))],
        &[("user.signingkey", &literal), ("gpg.ssh.program", &agent)],
        &[("user.signingkey", &public), ("gpg.ssh.program", &agent)],
        &[("gpg.ssh.defaultkeycommand", &tells), ("gpg.ssh.program", &agent)],
    ];
    for way in ways {
        let common: &[(&str, &str)] = &[("commit.gpgsign", "true"), ("gpg.format", "ssh")];
        let oid = scene.commit(&scene.configuration(&[common, way].concat())).unwrap();
        let allowed = format!("gpg.ssh.allowedSignersFile={}", signers.display());
        let (is_good, said) = scene.git(&["-c", &allowed, "verify-commit", &oid.to_string()]);
        assert!(is_good && said.contains("Good \"git\" signature for a@example.org"), "{way:?}: {said}");
        let (is_sound, said) = scene.git(&["fsck", "--strict"]);
        assert!(is_sound, "{said}");
    }
}

#[cfg(unix)]
#[test]
fn openpgp_signatures_are_good_to_git() {
    if !is_here("git", "--version") || !is_here("gpg", "--version") {
        return;
    }
    let scene = Scene::new();
    let home = scene.path("gnupg");
    fs::create_dir(&home).unwrap();
    let gpg = scene.script("gpg", &format!("GNUPGHOME='{}' exec gpg --batch --no-tty \"$@\"", home.display()));
    let run = |arguments: &[&str]| Command::new(&gpg).args(arguments).output().unwrap();
    let made = run(&["--passphrase", "", "--quick-gen-key", "Committer <a@example.org>", "ed25519", "sign"]);
    if !made.status.success() {
        println!("skipped: gpg makes no key here: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    for key in ["a@example.org", ""] {
        // Without a key, whoever commits has one.
        let entries = [("commit.gpgsign", "true"), ("gpg.program", gpg.as_str()), ("user.signingkey", key)];
        let oid = scene.commit(&scene.configuration(&entries)).unwrap();
        let program = format!("gpg.program={gpg}");
        let (is_good, said) = scene.git(&["-c", &program, "verify-commit", &oid.to_string()]);
        assert!(is_good && said.contains("Good signature from \"Committer <a@example.org>\""), "{said}");
    }
    let entries =
        [("commit.gpgsign", "true"), ("gpg.program", gpg.as_str()), ("user.signingkey", "nobody@example.org")];
    let problem = scene.commit(&scene.configuration(&entries)).unwrap_err();
    assert!(problem.contains("nobody@example.org") && problem.contains("user.signingKey"), "{problem}");
    let home = home.to_str().unwrap();
    let _ = Command::new("gpgconf").args(["--homedir", home, "--kill", "all"]).output();
}

#[test]
fn what_cannot_be_signed_is_not_committed() {
    let scene = Scene::new();
    let sign = ("commit.gpgsign", "true");
    for (entries, said) in [
        (vec![sign, ("gpg.format", "ssh")], "names no key"),
        (vec![sign, ("gpg.format", "pigeon")], "`pigeon`"),
        (vec![sign, ("gpg.program", "/no/such/program")], "/no/such/program does not run"),
        (vec![sign, ("gpg.format", "x509"), ("gpg.x509.program", "/no/such/gpgsm")], "/no/such/gpgsm does not run"),
        (vec![sign, ("gpg.format", "ssh"), ("user.signingkey", "/no/such/key")], "cannot be signed"),
    ] {
        let problem = scene.commit(&scene.configuration(&entries)).unwrap_err();
        assert!(problem.contains(said), "{problem}");
    }
    let mut commits = 0;
    let objects = scene.repository.odb().unwrap();
    let count = |oid: &Oid| {
        commits += usize::from(objects.read_header(*oid).unwrap().1 == git2::ObjectType::Commit);
        true
    };
    objects.foreach(count).unwrap();
    assert_eq!(commits, 0);
}

/// A program that signs nothing and says that all went well.
#[cfg(unix)]
#[test]
fn an_empty_signature_is_none() {
    let scene = Scene::new();
    let silent = scene.script("silent", "cat >/dev/null");
    for format in ["openpgp", "ssh"] {
        let program = format!("gpg.{format}.program");
        let entries =
            [("commit.gpgsign", "true"), ("gpg.format", format), (program.as_str(), &silent), ("user.signingkey", "k")];
        assert!(scene.commit(&scene.configuration(&entries)).unwrap_err().contains("cannot be signed"));
    }
}

/// Returns who would commit in an environment with these variables, and when, or why nobody can.
fn who_commits(repository: &Repository, variables: &[(&str, &str)]) -> Result<[String; 2], String> {
    let variable = |wanted: &str| {
        let found = variables.iter().rev().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| OsString::from(value))
    };
    let configuration = configuration(repository, variable).unwrap();
    let identities = identities(&configuration, variable).map_err(|problem| problem.message)?;
    Ok([identities.author, identities.committer].map(|who| {
        let (time, offset) = (who.when().seconds(), who.when().offset_minutes());
        let time = if time < 1_750_000_000 { format!("{time} {offset}") } else { "now".to_owned() };
        format!("{} <{}> {time}", who.name().unwrap(), who.email().unwrap())
    }))
}

#[test]
fn the_environment_comes_before_the_configuration() {
    let scene = Scene::new();
    let own = scene.path("own");
    fs::write(&own, "[user]\nname = Own\nemail = own@example.org\n[author]\nname = Writer\n").unwrap();
    let own = ("GIT_CONFIG_GLOBAL", own.to_str().unwrap());
    let who = |more: &[(&str, &str)]| {
        let nothing = [("GIT_CONFIG_GLOBAL", ""), ("GIT_CONFIG_NOSYSTEM", "1")];
        who_commits(&scene.repository, &[&nothing, more].concat())
    };
    let dirops = "dirops <dirops@localhost> now".to_owned();
    assert_eq!(who(&[]).unwrap(), [dirops.clone(), dirops.clone()]);
    assert_eq!(who(&[("EMAIL", "e@example.org")]).unwrap()[0], "dirops <e@example.org> now");
    assert_eq!(who(&[own]).unwrap(), ["Writer <own@example.org> now", "Own <own@example.org> now"]);
    let all = [
        own,
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ("GIT_AUTHOR_DATE", "2023-11-14T22:13:20+0100"),
        ("GIT_COMMITTER_NAME", "C"),
        ("GIT_COMMITTER_DATE", "1700000000 -0330"),
    ];
    assert_eq!(who(&all).unwrap(), ["A <a@example.org> 1699996400 60", "C <own@example.org> 1700000000 -210"]);
    let date_alone = who(&[("GIT_AUTHOR_DATE", "1700000000 +0000")]).unwrap();
    assert_eq!(date_alone, ["dirops <dirops@localhost> 1700000000 0", &dirops]);
    assert!(who(&[("GIT_AUTHOR_DATE", "yesterday")]).unwrap_err().contains("`yesterday`"));
    assert!(who(&[("GIT_COMMITTER_NAME", "<>")]).unwrap_err().contains("committer"));
    // The repository has the last word of the files.
    scene.repository.config().unwrap().set_str("user.name", "Here").unwrap();
    assert_eq!(who(&[own]).unwrap()[1], "Here <own@example.org> now");
}

#[test]
fn the_metadata_of_a_hydrator_tells_of_the_source_commit() {
    let scene = Scene::new();
    let who = Signature::new("Jane \"J\" Doe", "jane@example.org", &Time::new(1_700_000_000, -210)).unwrap();
    let tree = scene.repository.find_tree(scene.repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
    let make = |message: &str| scene.repository.commit(None, &who, &who, message, &tree, &[]).unwrap();
    let oid = make("Trust <partner>\n\nSo that they\nmay pull.\n\nSigned-off-by: Jane <jane@example.org>\n");
    let text = metadata(&scene.repository, oid, "https://user:hunter2@github.com/agntcy/dirops").unwrap();
    let expected = format!(
        r#"{{
  "repoURL": "https://github.com/agntcy/dirops",
  "drySha": "{oid}",
  "author": "Jane \"J\" Doe <jane@example.org>",
  "date": "2023-11-14T18:43:20-03:30",
  "subject": "Trust <partner>",
  "body": "So that they\nmay pull.\n\nSigned-off-by: Jane <jane@example.org>"
}}
"#
    );
    assert_eq!(text, expected);
    let oid = make("Subject alone");
    assert!(!metadata(&scene.repository, oid, "git@github.com:agntcy/dirops.git").unwrap().contains("body"));
    assert!(metadata(&scene.repository, Oid::from_str(&"1".repeat(40)).unwrap(), "").is_err());
    assert_eq!(METADATA, "hydrator.metadata");
}

#[test]
fn a_local_branch_moves_only_from_where_it_is_expected() {
    let scene = Scene::new();
    let none = scene.configuration(&[]);
    let first = scene.commit(&none).unwrap();
    let other = {
        let tree = scene.repository.treebuilder(None).unwrap().write().unwrap();
        let who = || Signature::new("b", "b@example.org", &Time::new(0, 0)).unwrap();
        let (provenance, identities) = (provenance(), Identities { author: who(), committer: who() });
        let new = NewCommit { tree, parents: &[first], message: "Other", provenance: &provenance };
        commit(&scene.repository, &none, &identities, &new).unwrap()
    };
    let set = |commit, expected| set_branch(&scene.repository, "dirops/main", commit, expected).unwrap();
    assert!(!set(first, Some(other)));
    assert!(set(first, None));
    assert!(set(first, None), "the same again");
    assert!(!set(other, None));
    assert!(!set(other, Some(other)));
    assert!(set(other, Some(first)));
    assert_eq!(scene.repository.refname_to_id("refs/heads/dirops/main").unwrap(), other);
    assert!(set_branch(&scene.repository, "a..b", first, None).is_err());
    let work = Repository::init(scene.path("work")).unwrap();
    work.set_head("refs/heads/main").unwrap();
    let problem = set_branch(&work, "main", first, None).unwrap_err();
    assert!(problem.message.contains("is checked out"), "{problem:?}");
}
