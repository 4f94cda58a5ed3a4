//! Signatures as the user's Git configuration asks for them, by the programs that Git itself calls.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use git2::{Config, Signature};
use tempfile::TempDir;

use crate::diagnostic::Diagnostic;

/// Returns the signature of a commit's content, or nothing where none is asked for.
///
/// # Errors
/// Where one is asked for and cannot be made: a commit without it is not what the user wants.
pub(super) fn signature(
    content: &[u8],
    configuration: &Config,
    committer: &Signature<'_>,
) -> Result<Option<String>, Diagnostic> {
    if !configuration.get_bool("commit.gpgsign").unwrap_or(false) {
        return Ok(None);
    }
    let format = configuration.get_string("gpg.format").unwrap_or_else(|_| "openpgp".to_owned());
    let key = configuration.get_string("user.signingkey").ok().filter(|key| !key.is_empty());
    let program = |default: &str| {
        let named = configuration.get_path(&format!("gpg.{format}.program"));
        let legacy = || configuration.get_path("gpg.program").ok().filter(|_| format == "openpgp");
        named.ok().or_else(legacy).unwrap_or_else(|| PathBuf::from(default))
    };
    let signed = match format.as_str() {
        "openpgp" => gpg(&program("gpg"), content, key, committer),
        "x509" => gpg(&program("gpgsm"), content, key, committer),
        "ssh" => ssh(&program("ssh-keygen"), content, &ssh_key(configuration, key)?),
        other => Err(Diagnostic::new(format!("commits cannot be signed in the format `{other}`"))
            .help("`gpg.format` in Git's configuration is openpgp, ssh or x509")),
    };
    signed.map(Some)
}

fn gpg(program: &Path, content: &[u8], key: Option<String>, committer: &Signature<'_>) -> Result<String, Diagnostic> {
    let whoever = || format!("{} <{}>", committer.name().unwrap_or_default(), committer.email().unwrap_or_default());
    let key = key.unwrap_or_else(whoever);
    let mut command = Command::new(program);
    command.args(["--status-fd=2", "-bsau", &key]);
    let output = run(command, content)?;
    // A status line is what tells a signature from an empty success.
    let status = String::from_utf8_lossy(&output.stderr);
    let created = status.lines().any(|line| line.starts_with("[GNUPG:] SIG_CREATED "));
    match output.status.success() && created {
        true => text(output.stdout),
        false => Err(refused(program, &status)),
    }
}

/// A key for ssh-keygen: a file, or the public key itself, whose private part an agent has.
enum SshKey {
    File(PathBuf),
    Literal(String),
}

fn ssh_key(configuration: &Config, key: Option<String>) -> Result<SshKey, Diagnostic> {
    let literal = |key: &str| match key.strip_prefix("key::") {
        Some(key) => Some(SshKey::Literal(key.to_owned())),
        None if key.starts_with("ssh-") => Some(SshKey::Literal(key.to_owned())),
        None => None,
    };
    let missing = || {
        Diagnostic::new("no commit can be signed: Git's configuration names no key")
            .help("set user.signingKey or gpg.ssh.defaultKeyCommand, or switch commit.gpgSign off")
    };
    if let Some(key) = key {
        let path = || configuration.get_path("user.signingkey").unwrap_or_else(|_| PathBuf::from(&key));
        return Ok(literal(&key).unwrap_or_else(|| SshKey::File(path())));
    }
    let command = configuration.get_string("gpg.ssh.defaultkeycommand").map_err(|_| missing())?;
    let mut words = command.split_whitespace();
    let program = words.next().ok_or_else(missing)?;
    let mut command = Command::new(program);
    command.args(words);
    let output = run(command, b"")?;
    let keys = String::from_utf8_lossy(&output.stdout).into_owned();
    keys.lines().find_map(literal).ok_or_else(missing)
}

fn ssh(program: &Path, content: &[u8], key: &SshKey) -> Result<String, Diagnostic> {
    let unwritable = |error: std::io::Error| Diagnostic::new(format!("the commit cannot be signed: {error}"));
    let folder = TempDir::new().map_err(unwritable)?;
    let buffer = folder.path().join("commit");
    fs::write(&buffer, content).map_err(unwritable)?;
    let mut command = Command::new(program);
    command.args(["-Y", "sign", "-n", "git", "-f"]);
    match key {
        SshKey::File(path) => command.arg(path),
        SshKey::Literal(key) => {
            let path = folder.path().join("key");
            fs::write(&path, key).map_err(unwritable)?;
            command.arg(path).arg("-U")
        }
    };
    command.arg(&buffer);
    let output = run(command, b"")?;
    let signature = fs::read(folder.path().join("commit.sig"));
    match (output.status.success(), signature) {
        (true, Ok(signature)) => text(signature),
        _ => Err(refused(program, &String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs a program that reads `input`.
fn run(mut command: Command, input: &[u8]) -> Result<Output, Diagnostic> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| {
        Diagnostic::new(format!("the commit cannot be signed: {name} does not run: {error}"))
            .help("see gpg.format, gpg.program and gpg.ssh.program in Git's configuration")
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why by itself.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().map_err(failed)
}

/// Signatures go into commits with the line breaks that Git uses.
fn text(signature: Vec<u8>) -> Result<String, Diagnostic> {
    let text = String::from_utf8(signature);
    text.map(|text| text.replace("\r\n", "\n"))
        .map_err(|_| Diagnostic::new("the commit cannot be signed: the signature is no text"))
}

fn refused(program: &Path, said: &str) -> Diagnostic {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("[GNUPG:]"));
    let said: Vec<_> = lines.collect();
    Diagnostic::new(format!("the commit cannot be signed: {} says: {}", program.display(), said.join("; ")))
        .help("see user.signingKey and gpg.format in Git's configuration, or switch commit.gpgSign off")
}
