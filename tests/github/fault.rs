//! Failing on demand.

use wiremock::{Request, ResponseTemplate};

use super::api::{self, Answer};
use super::state::State;
use super::{NOW, TIMEOUT};

/// One request that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which request, from 1; the later ones too, where it lasts.
    pub request: usize,
    pub kind: FaultKind,
    pub effect: Effect,
    /// Whether every later request fails too.
    pub lasts: bool,
}

/// Whether the request took effect before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Before,
    After,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An answer with this status.
    Status(u16),
    /// 403, the hourly limit: until when, and nothing more.
    PrimaryLimit,
    /// 429, with `retry-after`.
    SecondaryLimit,
    /// 403, and only the message tells.
    UntoldLimit,
    /// The connection ends before the answer.
    Drop,
    /// The connection ends in the middle of the answer.
    Cut,
    /// The answer comes too late.
    Timeout,
    /// An answer that is none, from something on the way.
    Nonsense,
}

pub const EVERY_FAULT: &[FaultKind] = &[
    FaultKind::Status(500),
    FaultKind::Status(502),
    FaultKind::PrimaryLimit,
    FaultKind::SecondaryLimit,
    FaultKind::UntoldLimit,
    FaultKind::Drop,
    FaultKind::Cut,
    FaultKind::Timeout,
    FaultKind::Nonsense,
];

impl Fault {
    pub fn new(request: usize, kind: FaultKind, effect: Effect) -> Self {
        Self { request, kind, effect, lasts: false }
    }

    fn hits(&self, request: usize) -> bool {
        request == self.request || (self.lasts && request > self.request)
    }
}

/// Answers a request, or fails as was asked.
pub fn answer(state: &mut State, request: &Request) -> ResponseTemplate {
    state.requests.push(format!("{} {}", request.method, request.url.path()));
    let count = state.requests.len();
    let Some(fault) = state.faults.iter().find(|fault| fault.hits(count)).copied() else {
        return template(api::answer(state, request));
    };
    let answer = match fault.effect {
        Effect::Before => Answer::text(502, "nothing happened"),
        Effect::After => api::answer(state, request),
    };
    // Servers and proxies echo what they got: whatever they echo, nobody may see it.
    let authorization = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("none");
    let message = |what: &str| format!(r#"{{"message": "{what} (you sent: {authorization})"}}"#);
    match fault.kind {
        FaultKind::Status(status) => template(Answer::text(status, &format!("<p>broken: {authorization}</p>"))),
        FaultKind::PrimaryLimit => template(Answer::text(403, &message("API rate limit exceeded")))
            .insert_header("x-ratelimit-remaining", "0")
            .insert_header("x-ratelimit-reset", (NOW + 30).to_string()),
        FaultKind::SecondaryLimit => {
            template(Answer::text(429, &message("too fast"))).insert_header("retry-after", "7")
        }
        FaultKind::UntoldLimit => {
            template(Answer::text(403, &message("You have exceeded a secondary rate limit. Please wait a few minutes")))
        }
        FaultKind::Drop => template(answer).insert_header("x-relay", "drop"),
        FaultKind::Cut => template(answer).insert_header("x-relay", "cut"),
        FaultKind::Timeout => template(answer).set_delay(TIMEOUT * 30),
        FaultKind::Nonsense => template(Answer::text(200, &format!("<html>log in ({authorization})</html>"))),
    }
}

fn template(answer: Answer) -> ResponseTemplate {
    let mut template = ResponseTemplate::new(answer.status);
    for (name, value) in answer.headers {
        template = template.insert_header(name, value);
    }
    template.set_body_raw(answer.body, "application/json; charset=utf-8")
}
