//! Git's configuration as Git itself would read it for a repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use git2::{Config, ConfigLevel, Repository};

use crate::diagnostic::Diagnostic;

/// Returns the configuration that applies to a repository: the system's, the user's and its own. `variable` looks
/// environment variables up, of which `GIT_CONFIG_GLOBAL`, `GIT_CONFIG_SYSTEM` and `GIT_CONFIG_NOSYSTEM` count.
///
/// # Errors
/// Where a file of it cannot be read.
pub fn configuration(
    repository: &Repository,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Config, Diagnostic> {
    let failed =
        |error: git2::Error| Diagnostic::new(format!("Git's configuration cannot be read: {}", error.message()));
    let names = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
    if names.iter().all(|name| variable(name).is_none()) {
        return repository.config().map_err(failed);
    }
    let no_system = variable("GIT_CONFIG_NOSYSTEM")
        .is_some_and(|value| value.to_str().and_then(|value| Config::parse_bool(value).ok()).unwrap_or(true));
    let named = |name: &str| variable(name).map(PathBuf::from);
    let mut files: Vec<(ConfigLevel, PathBuf)> = Vec::new();
    if !no_system {
        let system = named("GIT_CONFIG_SYSTEM").or_else(|| Config::find_system().ok());
        files.extend(system.map(|path| (ConfigLevel::System, path)));
    }
    match named("GIT_CONFIG_GLOBAL") {
        Some(path) => files.push((ConfigLevel::Global, path)),
        None => {
            files.extend(Config::find_xdg().ok().map(|path| (ConfigLevel::XDG, path)));
            files.extend(Config::find_global().ok().map(|path| (ConfigLevel::Global, path)));
        }
    }
    files.push((ConfigLevel::Local, repository.commondir().join("config")));
    let mut configuration = Config::new().map_err(failed)?;
    for (level, path) in files {
        // Git takes an empty name or the null device for no file.
        if path.as_os_str().is_empty() || path == Path::new("/dev/null") || !path.exists() {
            continue;
        }
        configuration.add_file(&path, level, false).map_err(failed)?;
    }
    Ok(configuration)
}
