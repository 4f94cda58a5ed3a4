//! Every request that dirops makes, against GitHub's own description of its API. Runs where `tests/github/prism.sh` has
//! started Prism with it (`DIROPS_PRISM`, `DIROPS_GITHUB_DESCRIPTION`), and says so where it has not.

mod github;

use std::collections::BTreeSet;
use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use dirops::forge::{Credentials, Head, Identity, Key, Published};
use github::relay::Traffic;
use github::{MAINTAINER, Options, Relay, Watched, app, token};
use serde_json::Value;

/// The repository of GitHub's examples.
const REPOSITORY: &str = "octocat/Hello-World";

/// What dirops asks GitHub for. An operation that is new belongs here, and into the test below.
const OPERATIONS: [&str; 14] = [
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/branches/{branch}",
    "GET /repos/{owner}/{repo}/forks",
    "GET /repos/{owner}/{repo}/installation",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "GET /user",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
    "POST /app/installations/{installation_id}/access_tokens",
    "POST /repos/{owner}/{repo}/forks",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/pulls",
];

struct Prism {
    relay: Relay,
    description: Value,
}

/// A request as it went over the wire.
struct Sent {
    method: String,
    path: String,
    query: Vec<String>,
    body: Value,
}

#[test]
fn every_request_is_one_that_github_takes() {
    let (Ok(prism), Ok(description)) = (env::var("DIROPS_PRISM"), env::var("DIROPS_GITHUB_DESCRIPTION")) else {
        println!("skipped: tests/github/prism.sh runs it");
        return;
    };
    let server: SocketAddr = prism.parse().unwrap();
    let description = serde_json::from_str(&std::fs::read_to_string(description).unwrap()).unwrap();
    let prism = Prism { relay: Relay::start(server, None), description };
    prism.refuses_what_github_would_not_take();
    let before = prism.relay.traffic();

    for credentials in [token(MAINTAINER), app()] {
        let forge = prism.forge(Some(credentials));
        forge.repository().unwrap();
        forge.find_closed(&identity("new-topic")).unwrap();
        // GitHub's example of a pull request comes from new-topic: the one is updated, the other opened.
        assert!(matches!(publish(&forge, "new-topic"), Published::Updated(_)));
        assert!(matches!(publish(&forge, "dirops/main"), Published::Updated(_)));
        // The comment of the example is not ours, and what it answers to a new one is not what was sent.
        forge.comment(1347, &Key::new(["review"]), "text").unwrap();
        forge.close(1347).unwrap();
    }
    let forge = prism.forge(Some(token(MAINTAINER)));
    assert_eq!(forge.fork().unwrap().unwrap().name.to_string(), REPOSITORY, "the example of a fork is the repository");
    // So no fork is made above; what a dry run would send is sent as it is.
    let forge = prism.forge(None);
    forge.fork().unwrap();
    for request in forge.requests() {
        let body = request.body.map(|body| body.to_string()).unwrap_or_default();
        prism.send(&request.method.to_string(), &request.path, &body);
    }

    let traffic = after(prism.relay.traffic(), &before);
    assert_accepted(&String::from_utf8_lossy(&traffic.received));
    let mut seen = BTreeSet::new();
    for sent in sent(&traffic.sent) {
        seen.insert(prism.operation(&sent));
    }
    let known: BTreeSet<String> = OPERATIONS.iter().map(|&operation| operation.to_owned()).collect();
    assert_eq!(seen, known);
}

fn identity(branch: &str) -> Identity {
    let head = Head { owner: "octocat".to_owned(), branch: branch.to_owned() };
    Identity { head, base: "master".to_owned(), key: Key::of_environments("agntcy/dirops", "main", ["dev"]) }
}

fn publish(forge: &Watched, branch: &str) -> Published {
    forge.publish(&identity(branch), "Title", "text").unwrap()
}

impl Prism {
    fn forge(&self, credentials: Option<Credentials>) -> Watched {
        let options = Options { dry_run: credentials.is_none(), credentials, timeout: Duration::from_secs(60) };
        Watched::new(&self.relay.url(), REPOSITORY, options)
    }

    /// Sends a request and returns the answer.
    fn send(&self, method: &str, path: &str, body: &str) -> String {
        let host = self.relay.url().replace("http://", "");
        let mut stream = TcpStream::connect(&host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_default();
        answer
    }

    /// The check can fail.
    fn refuses_what_github_would_not_take(&self) {
        for (method, path, body) in [
            ("GET", "/repos/octocat/Hello-World/pulls?state=bogus", ""),
            ("POST", "/repos/octocat/Hello-World/pulls", r#"{"title": 1}"#),
        ] {
            let answer = self.send(method, path, body);
            assert!(refused(&answer), "{answer}");
        }
        assert!(refused(&self.send("GET", "/repository/octocat/Hello-World", "")));
    }

    /// Returns the operation of the description that a request is, with no parameter or field that it does not have.
    fn operation(&self, sent: &Sent) -> String {
        let paths = self.description["paths"].as_object().unwrap();
        let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let asked = segments(&sent.path);
        let is_match = |template: &&String| {
            let template = segments(template);
            let mut pairs = template.iter().zip(&asked);
            template.len() == asked.len() && pairs.all(|(part, asked)| part.starts_with('{') || part == asked)
        };
        let template = paths.keys().filter(is_match).min_by_key(|template| template.matches('{').count());
        let template = template.unwrap_or_else(|| panic!("no path for {}", sent.path));
        let operation = &paths[template][sent.method.to_lowercase()];
        assert!(operation.is_object(), "{} {template}", sent.method);
        let parameters =
            operation["parameters"].as_array().into_iter().flatten().map(|parameter| self.resolved(parameter));
        let known: Vec<&str> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        for name in &sent.query {
            assert!(known.contains(&name.as_str()), "{} {template} has no parameter {name}", sent.method);
        }
        let schema = self.resolved(&operation["requestBody"]["content"]["application/json"]["schema"]);
        for name in sent.body.as_object().into_iter().flat_map(|fields| fields.keys()) {
            assert!(schema["properties"][name].is_object(), "{} {template} has no field {name}", sent.method);
        }
        format!("{} {template}", sent.method)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.resolved(self.description.pointer(reference.trim_start_matches('#')).unwrap()),
            None => value,
        }
    }
}

/// Nothing that Prism answered says that a request was wrong.
fn assert_accepted(answers: &str) {
    let heads = answers.split("HTTP/1.1 ").skip(1);
    for head in heads {
        assert!(!refused(&format!("HTTP/1.1 {head}")), "{head}");
    }
}

/// Returns whether Prism found fault with the request. What it finds wrong with its own answer is GitHub's affair.
fn refused(answer: &str) -> bool {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|head| head.get(..3)).unwrap_or_default();
    let violations = head.lines().filter(|line| line.to_lowercase().starts_with("sl-violations:"));
    !status.starts_with('2') || violations.into_iter().any(|line| line.contains(r#""location":["request""#))
}

fn after(mut traffic: Traffic, before: &Traffic) -> Traffic {
    traffic.sent.drain(..before.sent.len());
    traffic.received.drain(..before.received.len());
    traffic
}

/// Reads the requests that went over the wire.
fn sent(bytes: &[u8]) -> Vec<Sent> {
    let mut rest = String::from_utf8(bytes.to_vec()).unwrap();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_once("\r\n\r\n").unwrap();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let mut length =
            head.lines().filter_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.next().unwrap_or(0);
        let body = serde_json::from_str(&after[..length]).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = query.split('&').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect();
        found.push(Sent { method, path: path.to_owned(), query, body });
        rest = after[length..].to_owned();
    }
    found
}
