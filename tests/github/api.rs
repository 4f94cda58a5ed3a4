//! How the fake GitHub answers, by GitHub's documentation of its REST API and not by the program under test.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use wiremock::Request;

use super::state::{Comment, Holder, Pull, Repository, State};
use super::{APP, NOW, file};

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Answer {
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.to_owned() }
    }

    fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }
}

/// What is wrong with a request, with its status.
type Refusal = (u16, Value);

fn refuse(status: u16, message: &str) -> Refusal {
    (
        status,
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    )
}

fn invalid(errors: Value) -> Refusal {
    (
        422,
        json!({"message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com/rest"}),
    )
}

fn not_found() -> Refusal {
    refuse(404, "Not Found")
}

/// Does what a request asks for.
pub fn answer(state: &mut State, request: &Request) -> Answer {
    match Asked::read(state, request).and_then(|asked| asked.answer(state)) {
        Ok((status, body)) if status == 301 => {
            let location = vec![("location", body.as_str().unwrap().to_owned())];
            Answer { headers: location, ..Answer::json(status, &json!({"message": "Moved Permanently"})) }
        }
        Ok((status, body)) | Err((status, body)) => Answer::json(status, &body),
    }
}

struct Asked {
    method: String,
    path: Vec<String>,
    query: BTreeMap<String, String>,
    body: Value,
    holder: Option<Holder>,
    is_app: bool,
}

impl Asked {
    fn read(state: &State, request: &Request) -> Result<Self, Refusal> {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if header("user-agent").is_none_or(str::is_empty) {
            return Err(refuse(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            ));
        }
        if header("x-github-api-version") != Some("2022-11-28") {
            return Err(refuse(400, "the version of the API is not named"));
        }
        let body = match request.body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&request.body).map_err(|_| refuse(400, "Problems parsing JSON"))?,
        };
        let bearer = header("authorization").map(|value| value.strip_prefix("Bearer ").unwrap_or_default());
        let is_app = bearer.is_some_and(is_assertion);
        let holder = match bearer {
            None => None,
            Some(_) if is_app => None,
            Some(token) => Some(state.tokens.get(token).cloned().ok_or_else(|| refuse(401, "Bad credentials"))?),
        };
        let decoded = |segment: &str| {
            let query = format!("x={}", segment.replace('+', "%2B"));
            url::form_urlencoded::parse(query.as_bytes()).next().unwrap().1.into_owned()
        };
        Ok(Self {
            method: request.method.to_string(),
            path: request.url.path_segments().unwrap().map(decoded).collect(),
            query: request.url.query_pairs().into_owned().collect(),
            body,
            holder,
            is_app,
        })
    }

    fn answer(&self, state: &mut State) -> Result<(u16, Value), Refusal> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (self.method.as_str(), path.as_slice()) {
            ("GET", ["user"]) => match self.holder()? {
                Holder::User(login) => Ok((200, json!({"login": login, "type": "User"}))),
                Holder::Installation { .. } => Err(refuse(403, "Resource not accessible by integration")),
            },
            ("POST", ["app", "installations", id, "access_tokens"]) => self.new_token(state, id),
            (method, ["repos", owner, name, rest @ ..]) => {
                let name = format!("{owner}/{name}");
                if let Some(new) = state.renamed.get(&name) {
                    let rest: String = rest.iter().map(|segment| format!("/{segment}")).collect();
                    return Ok((301, json!(format!("/repos/{new}{rest}"))));
                }
                let known = state.repositories.keys().find(|known| known.eq_ignore_ascii_case(&name)).cloned();
                let name = known.ok_or_else(not_found)?;
                if state.repository(&name).private && !self.may_push(state, &name) && !self.is_app {
                    return Err(not_found());
                }
                self.in_repository(state, &name, method, rest)
            }
            _ => Err(not_found()),
        }
    }

    fn in_repository(
        &self,
        state: &mut State,
        name: &str,
        method: &str,
        rest: &[&str],
    ) -> Result<(u16, Value), Refusal> {
        match (method, rest) {
            ("GET", []) => Ok((200, self.show_repository(state, name))),
            ("GET", ["installation"]) => self.installation(state, name),
            ("GET", ["branches", branch]) => {
                let repository = state.repository(name);
                if repository.copy_left > 0 {
                    repository.copy_left -= 1;
                    return Err(refuse(404, "Branch not found"));
                }
                let head = repository.heads.head(branch).ok_or_else(|| refuse(404, "Branch not found"))?;
                Ok((200, json!({"name": branch, "commit": {"sha": head}})))
            }
            ("GET", ["forks"]) => {
                let forks: Vec<String> = state
                    .repositories
                    .values()
                    .filter(|fork| fork.parent.as_deref() == Some(name))
                    .map(|fork| fork.name.clone())
                    .collect();
                Ok((200, self.page(forks.iter().map(|fork| self.show_repository(state, fork)).collect())))
            }
            ("POST", ["forks"]) => self.fork(state, name),
            ("GET", ["pulls"]) => self.pulls(state, name),
            ("POST", ["pulls"]) => self.open(state, name),
            ("GET", ["pulls", number]) => {
                let pull = pull(state.repository(name), number)?.clone();
                Ok((200, show_pull(state, name, &pull)))
            }
            ("PATCH", ["pulls", number]) => self.edit(state, name, number),
            ("GET", ["issues", number, "comments"]) => {
                let number = pull(state.repository(name), number)?.number;
                let all = state.repository(name).comments.iter().filter(|comment| comment.number == number);
                Ok((200, self.page(all.map(|comment| show_comment(name, comment)).collect())))
            }
            ("POST", ["issues", number, "comments"]) => self.comment(state, name, number),
            ("PATCH", ["issues", "comments", id]) => self.edit_comment(state, name, id),
            _ => Err(not_found()),
        }
    }

    fn holder(&self) -> Result<&Holder, Refusal> {
        self.holder.as_ref().ok_or_else(|| refuse(401, "Requires authentication"))
    }

    fn may_push(&self, state: &State, name: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| state.may_push(holder, &state.repositories[name]))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }

    fn page(&self, all: Vec<Value>) -> Value {
        let number =
            |name: &str, usual: usize| self.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual);
        let (size, page): (usize, usize) = (number("per_page", 30).min(100), number("page", 1));
        all.into_iter().skip(size * (page - 1)).take(size).collect()
    }

    fn show_repository(&self, state: &State, name: &str) -> Value {
        let repository = &state.repositories[name];
        let relative = repository.parent.as_ref().map(|parent| json!({"full_name": parent}));
        let mut shown = json!({
            "full_name": name,
            "owner": {"login": repository.owner()},
            "fork": repository.parent.is_some(),
            "default_branch": repository.default_branch,
            "clone_url": format!("{}/{name}.git", state.git_url),
            "private": repository.private,
        });
        let fields = shown.as_object_mut().unwrap();
        if let Some(relative) = relative {
            fields.insert("parent".to_owned(), relative.clone());
            fields.insert("source".to_owned(), relative);
        }
        match &self.holder {
            // An installation is told nothing of use.
            Some(Holder::Installation { .. }) => {
                fields.insert("permissions".to_owned(), json!({"push": false, "pull": false}));
            }
            Some(Holder::User(_)) => {
                fields.insert("permissions".to_owned(), json!({"push": self.may_push(state, name), "pull": true}));
            }
            None => {}
        }
        shown
    }

    fn installation(&self, state: &State, name: &str) -> Result<(u16, Value), Refusal> {
        if !self.is_app {
            return Err(refuse(401, "A JSON web token could not be decoded"));
        }
        let (id, _) = state.installations.iter().find(|(_, names)| names.contains(name)).ok_or_else(not_found)?;
        Ok((200, json!({"id": id, "app_slug": "dirops-test"})))
    }

    fn new_token(&self, state: &mut State, id: &str) -> Result<(u16, Value), Refusal> {
        if !self.is_app {
            return Err(refuse(401, "A JSON web token could not be decoded"));
        }
        let id: u64 = id.parse().map_err(|_| not_found())?;
        let installed = state.installations.get(&id).ok_or_else(not_found)?.clone();
        let wanted: BTreeSet<&str> =
            self.body["repositories"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let repositories: BTreeSet<String> =
            installed.into_iter().filter(|name| wanted.contains(name.split_once('/').unwrap().1)).collect();
        if repositories.is_empty() {
            return Err(refuse(422, "There is at least one repository that does not exist or is not accessible"));
        }
        let token = format!("ghs_InstallationPlantedToken{:020}", state.next_id());
        let bot = "dirops-test[bot]".to_owned();
        state.tokens.insert(token.clone(), Holder::Installation { bot, repositories });
        Ok((
            201,
            json!({"token": token, "expires_at": "2027-01-15T09:00:00Z", "permissions": self.body["permissions"]}),
        ))
    }

    fn fork(&self, state: &mut State, name: &str) -> Result<(u16, Value), Refusal> {
        let Holder::User(login) = self.holder()?.clone() else {
            return Err(refuse(403, "Resource not accessible by integration"));
        };
        let existing = state
            .repositories
            .values()
            .find(|fork| fork.parent.as_deref() == Some(name) && fork.owner() == login)
            .map(|fork| fork.name.clone());
        let fork = existing.unwrap_or_else(|| {
            let base = name.split_once('/').unwrap().1;
            let taken = state.repositories.contains_key(&format!("{login}/{base}"));
            let fork = format!("{login}/{base}{}", if taken { "-1" } else { "" });
            let (heads, copy_left) = (state.repository(name).heads.copy(&fork), state.copy_takes);
            let added = state.add_repository(&fork, heads);
            added.parent = Some(name.to_owned());
            added.writers = BTreeSet::from([login.clone()]);
            added.copy_left = copy_left;
            fork
        });
        Ok((202, self.show_repository(state, &fork)))
    }

    fn pulls(&self, state: &State, name: &str) -> Result<(u16, Value), Refusal> {
        let wanted = |key: &str| self.query.get(key).map(String::as_str);
        let state_wanted = wanted("state").unwrap_or("open");
        let mut found: Vec<&Pull> = state.repositories[name]
            .pulls
            .iter()
            .filter(|pull| state_wanted == "all" || pull.open == (state_wanted == "open"))
            // GitHub leaves the filter out where it names no owner.
            .filter(|pull| wanted("head").filter(|head| head.contains(':')).is_none_or(|head| is_label(head, pull)))
            .filter(|pull| wanted("base").is_none_or(|base| base == pull.base))
            .collect();
        found.sort_by_key(|pull| pull.number);
        if wanted("direction") != Some("asc") {
            found.reverse();
        }
        Ok((200, self.page(found.into_iter().map(|pull| show_pull(state, name, pull)).collect())))
    }

    fn open(&self, state: &mut State, name: &str) -> Result<(u16, Value), Refusal> {
        let author = self.holder()?.clone();
        if matches!(author, Holder::Installation { .. }) && !self.may_push(state, name) {
            return Err(refuse(403, "Resource not accessible by integration"));
        }
        let required = |field: &str| {
            let missing = json!([{"resource": "PullRequest", "code": "missing_field", "field": field}]);
            self.field(field).filter(|text| !text.is_empty()).ok_or_else(|| invalid(missing))
        };
        let (title, head, base) = (required("title")?, required("head")?, required("base")?);
        let body = check_body(self.field("body").unwrap_or_default())?;
        let (owner, branch) = head.split_once(':').unwrap_or((state.repository(name).owner(), head));
        let owner = owner.to_owned();
        let wrong = |field: &str| invalid(json!([{"resource": "PullRequest", "field": field, "code": "invalid"}]));
        let is_source = |other: &&Repository| {
            other.owner() == owner && (other.name == name || other.parent.as_deref() == Some(name))
        };
        let from = state.repositories.values().find(is_source).ok_or_else(|| wrong("head"))?;
        let head_commit = from.heads.head(branch).ok_or_else(|| wrong("head"))?;
        let from = from.name.clone();
        let custom =
            |message: String| invalid(json!([{"resource": "PullRequest", "code": "custom", "message": message}]));
        let repository = state.repository(name);
        let base_commit = repository.heads.head(base).ok_or_else(|| wrong("base"))?;
        if head_commit == base_commit {
            return Err(custom(format!("No commits between {base} and {head}")));
        }
        if repository.open_pulls().iter().any(|pull| pull.from == from && pull.head == branch && pull.base == base) {
            return Err(custom(format!("A pull request already exists for {owner}:{branch}.")));
        }
        let pull = Pull {
            number: state.next_id(),
            title: title.to_owned(),
            body,
            open: true,
            merged: false,
            from,
            head: branch.to_owned(),
            base: base.to_owned(),
            author: author.login().to_owned(),
        };
        state.repository(name).pulls.push(pull.clone());
        Ok((201, show_pull(state, name, &pull)))
    }

    fn edit(&self, state: &mut State, name: &str, number: &str) -> Result<(u16, Value), Refusal> {
        let login = self.holder()?.login().to_owned();
        let may_push = self.may_push(state, name);
        let pull = pull(state.repository(name), number)?;
        if !may_push && pull.author != login {
            return Err(refuse(403, "Must have admin rights to Repository."));
        }
        if let Some(title) = self.field("title") {
            pull.title = title.to_owned();
        }
        if let Some(body) = self.field("body") {
            pull.body = check_body(body)?;
        }
        match self.field("state") {
            Some("closed") => pull.open = false,
            Some("open") => pull.open = true,
            _ => {}
        }
        let pull = pull.clone();
        Ok((200, show_pull(state, name, &pull)))
    }

    fn comment(&self, state: &mut State, name: &str, number: &str) -> Result<(u16, Value), Refusal> {
        let author = self.holder()?.clone();
        let number = pull(state.repository(name), number)?.number;
        let body = check_body(self.field("body").unwrap_or_default())?;
        let (id, kind, author) = (state.next_id(), author.kind(), author.login().to_owned());
        let comment = Comment { id, number, body, author, kind };
        state.repository(name).comments.push(comment.clone());
        Ok((201, show_comment(name, &comment)))
    }

    fn edit_comment(&self, state: &mut State, name: &str, id: &str) -> Result<(u16, Value), Refusal> {
        let login = self.holder()?.login().to_owned();
        let may_push = self.may_push(state, name);
        let comments = &mut state.repository(name).comments;
        let comment = comments.iter_mut().find(|comment| comment.id.to_string() == id).ok_or_else(not_found)?;
        if !may_push && comment.author != login {
            return Err(refuse(403, "Must have admin rights to Repository."));
        }
        comment.body = check_body(self.field("body").unwrap_or_default())?;
        Ok((200, show_comment(name, comment)))
    }
}

/// GitHub counts characters, not bytes.
fn check_body(body: &str) -> Result<String, Refusal> {
    if body.chars().count() > 65_536 {
        let message = "body is too long (maximum is 65536 characters)";
        return Err(invalid(json!([{"resource": "Issue", "code": "custom", "field": "body", "message": message}])));
    }
    Ok(body.to_owned())
}

fn pull<'a>(repository: &'a mut Repository, number: &str) -> Result<&'a mut Pull, Refusal> {
    repository.pulls.iter_mut().find(|pull| pull.number.to_string() == number).ok_or_else(not_found)
}

fn label(pull: &Pull) -> String {
    format!("{}:{}", pull.from.split_once('/').unwrap().0, pull.head)
}

/// Owners are the same whatever their case; branches are not.
fn is_label(head: &str, pull: &Pull) -> bool {
    let (owner, branch) = head.split_once(':').unwrap();
    branch == pull.head && owner.eq_ignore_ascii_case(pull.from.split_once('/').unwrap().0)
}

fn show_pull(state: &State, name: &str, pull: &Pull) -> Value {
    let commit = |repository: &str, branch: &str| {
        let head = state.repositories.get(repository).and_then(|repository| repository.heads.head(branch));
        head.unwrap_or_else(|| "0".repeat(40))
    };
    json!({
        "number": pull.number,
        "html_url": format!("https://github.example.org/{name}/pull/{}", pull.number),
        "title": pull.title,
        // GitHub has no empty bodies.
        "body": (!pull.body.is_empty()).then_some(&pull.body),
        "state": if pull.open { "open" } else { "closed" },
        "merged_at": pull.merged.then_some("2027-01-15T08:00:00Z"),
        "user": {"login": pull.author, "type": "User"},
        "head": {"ref": pull.head, "label": label(pull), "sha": commit(&pull.from, &pull.head)},
        "base": {"ref": pull.base, "label": pull.base, "sha": commit(name, &pull.base)},
    })
}

fn show_comment(name: &str, comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "html_url": format!("https://github.example.org/{name}/pull/{}#issuecomment-{}", comment.number, comment.id),
        "body": comment.body,
        "user": {"login": comment.author, "type": comment.kind},
    })
}

/// Returns whether a bearer is a JSON web token that the App's key signed, good now and not for too long.
fn is_assertion(bearer: &str) -> bool {
    let parts: Vec<&str> = bearer.split('.').collect();
    let [header, claims, signature] = parts[..] else { return false };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, std::fs::read(file("app-key.pub.der")).unwrap());
    let signed = format!("{header}.{claims}");
    let header: Value = serde_json::from_slice(&decode(header)).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&decode(claims)).unwrap_or_default();
    let time = |name: &str| claims[name].as_u64().unwrap_or_default();
    key.verify(signed.as_bytes(), &decode(signature)).is_ok()
        && header["alg"] == "RS256"
        && claims["iss"] == APP
        && time("iat") <= NOW + 24 * 3600
        && time("exp") > NOW
        && time("exp") - time("iat") <= 600
}
