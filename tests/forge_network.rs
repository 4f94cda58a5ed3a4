//! TLS and proxies, which come from the environment: each case runs in a process of its own.

mod github;

use std::env;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use github::{GitHub, MAINTAINER, Options, Relay, State, Watched};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

const REPOSITORY: &str = "agntcy/dir-staging";

/// A GitHub behind TLS, with a certificate of an authority that nobody knows.
struct Encrypted {
    relay: Relay,
    folder: TempDir,
    _github: GitHub,
}

impl Encrypted {
    fn start() -> Self {
        let github = GitHub::start();
        let mut state = State::default();
        state.add_repository(REPOSITORY, [("main", ["c0"].as_slice())]);
        github.reset(state);

        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "api.github.test".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authority.pem"), authority_certificate.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let relay = Relay::start(github.address(), Some(Arc::new(config)));
        Self { relay, folder, _github: github }
    }

    /// Reads the repository in a process with this environment, and returns what it printed.
    fn read(&self, api: &str, environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "reads_a_repository", "--nocapture"]).env("DIROPS_TEST_API", api);
        for name in [
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "no_proxy",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ] {
            command.env_remove(name);
        }
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains(MAINTAINER) && !said.contains("Planted"), "{said}");
        said
    }

    fn authority(&self) -> String {
        self.folder.path().join("authority.pem").display().to_string()
    }
}

/// What the process of a case does; by itself it does nothing.
#[test]
fn reads_a_repository() {
    let Ok(api) = env::var("DIROPS_TEST_API") else { return };
    let options = Options { timeout: Duration::from_secs(20), ..Options::default() };
    match Watched::try_new(&api, REPOSITORY, options) {
        Ok(forge) => {
            println!("read: {:?}", forge.repository());
            println!("progress: {:?}", forge.lines());
        }
        Err(error) => println!("not even begun: {error:?}"),
    }
}

#[test]
fn authorities_are_taken_from_the_environment_and_no_other_is_trusted() {
    let encrypted = Encrypted::start();
    let said = encrypted.read(&encrypted.relay.url(), &[("SSL_CERT_FILE", &encrypted.authority())]);
    assert!(said.contains(r#"default_branch: Some("main")"#), "{said}");

    let nowhere = encrypted.folder.path().join("none.pem").display().to_string();
    let said = encrypted.read(&encrypted.relay.url(), &[("SSL_CERT_FILE", &nowhere)]);
    assert!(said.contains("none.pem cannot be used") && said.contains("SSL_CERT_FILE names"), "{said}");

    let said = encrypted.read(&encrypted.relay.url(), &[]);
    assert!(said.contains("read: Err(") && said.contains("certificate") && said.contains("SSL_CERT_FILE"), "{said}");
    assert!(said.contains("progress: []"), "it is the same the next time: {said}");
}

#[test]
fn proxies_are_taken_from_the_environment_with_their_exceptions() {
    let encrypted = Encrypted::start();
    let proxy = Relay::proxy(encrypted.relay.address());
    let authority = encrypted.authority();
    let through = proxy.url().replace("http://", "http://user:password@");
    // Nobody but the proxy knows this host.
    let said = encrypted.read("https://api.github.test", &[("SSL_CERT_FILE", &authority), ("HTTPS_PROXY", &through)]);
    assert!(said.contains(r#"default_branch: Some("main")"#), "{said}");
    let head = String::from_utf8(proxy.traffic().sent)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    assert!(head.starts_with("CONNECT api.github.test:443") && !head.contains(MAINTAINER), "{head}");

    let before = proxy.traffic().connections;
    let said = encrypted.read(
        &encrypted.relay.url(),
        &[("SSL_CERT_FILE", &authority), ("HTTPS_PROXY", &through), ("NO_PROXY", "localhost")],
    );
    assert!(said.contains(r#"default_branch: Some("main")"#), "{said}");
    assert_eq!(proxy.traffic().connections, before);

    let refused = proxy.url().replace("http://", "http://user:PlantedPassword@");
    let said = encrypted.read("https://api.github.test", &[("SSL_CERT_FILE", &authority), ("HTTPS_PROXY", &refused)]);
    assert!(said.contains("read: Err(") && said.contains("proxy"), "{said}");
}
