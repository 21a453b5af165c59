//! What a provider's failure means: status, headers and body become one `ModelError`.

mod retry_after;
mod words;

use serde_json::Value;

use crate::{ModelError, ModelErrorKind};

/// The most characters of a provider's message that are shown.
const MESSAGE_CHARS_MAX: usize = 600;
/// Headers that carry the provider's id of the request, best first.
const REQUEST_ID_HEADERS: [&str; 6] = [
    "request-id",
    "x-request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-goog-request-id",
    "cf-ray",
];

/// The head of a provider's answer: status and headers with names in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplyHead {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
}

impl ReplyHead {
    /// Returns the first value of a header; the name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the provider's id of the request.
    pub fn request_id(&self) -> Option<&str> {
        let mut names = REQUEST_ID_HEADERS.iter();
        names.find_map(|name| self.header(name))
    }

    /// Makes the error that an unsuccessful answer means.
    ///
    /// Source: the error pages of the providers, and the table in `tests/it/provider_bugs.rs`.
    pub fn error(&self, body: &[u8]) -> ModelError {
        let text = String::from_utf8_lossy(body);
        let value = serde_json::from_str(&text).ok();
        let facts = match &value {
            Some(value) => Facts::of(value),
            None => Facts::of_text(&text),
        };
        let mut error = facts.error(Some(self.status));
        error.retry_after = retry_after::of_head(self).or(error.retry_after);
        if error.request_id.is_none() {
            error.request_id = self.request_id().map(str::to_owned);
        }
        error
    }
}

/// Makes the error that an error object inside a stream means.
pub(super) fn error_of_frame(frame: &Value) -> ModelError {
    let facts = Facts::of(frame);
    // Some providers put the HTTP status into the body as a number.
    let status = facts.codes.iter().find_map(|code| code.parse().ok());
    let status = status.filter(|status: &u16| (400..600).contains(status));
    let mut error = facts.error(status);
    error.status = status;
    error
}

/// What an error body says, wherever it says it.
#[derive(Debug, Default)]
struct Facts {
    /// Words made for programs: type, code, status, reason.
    codes: Vec<String>,
    message: String,
    request_id: Option<String>,
    retry_after: Option<std::time::Duration>,
}

impl Facts {
    fn of(body: &Value) -> Self {
        // Gemini wraps the object in an array when a stream was asked for.
        let body = body.get(0).unwrap_or(body);
        let error = match body.get("error") {
            Some(error) if !error.is_null() => error,
            _ => body
                .get("errors")
                .and_then(|all| all.get(0))
                .unwrap_or(body),
        };
        let mut facts = Self {
            message: message_of(error)
                .or_else(|| message_of(body))
                .unwrap_or_default(),
            request_id: text_at(body, "request_id").or_else(|| text_at(error, "request_id")),
            ..Self::default()
        };
        for holder in [error, body] {
            for name in ["type", "code", "status", "reason", "error_type", "__type"] {
                facts.codes.extend(holder.get(name).and_then(word_of));
            }
        }
        facts.read_details(error);
        facts.retry_after = facts
            .retry_after
            .or(retry_after::of_message(&facts.message));
        facts
    }

    fn of_text(text: &str) -> Self {
        // Gateways answer with pages; their first line says enough.
        let looks_like_page = text.trim_start().starts_with('<');
        let message = if looks_like_page { "" } else { text };
        Self {
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// Reads the typed details of Google's errors and the nested codes of Azure's.
    fn read_details(&mut self, error: &Value) {
        let details = error.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten().take(20) {
            self.codes.extend(detail.get("reason").and_then(word_of));
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            self.retry_after = self.retry_after.or(delay.and_then(retry_after::of_units));
        }
        for name in ["innererror", "inner_error", "metadata"] {
            let inner = error.get(name).unwrap_or(&Value::Null);
            self.codes.extend(inner.get("code").and_then(word_of));
            self.codes.extend(inner.get("error_type").and_then(word_of));
            if let Some(raw) = text_at(inner, "raw") {
                self.message = format!("{}: {raw}", self.message);
            }
        }
    }

    fn error(self, status: Option<u16>) -> ModelError {
        let kind = self.kind(status);
        ModelError {
            retry_after: self.retry_after,
            status,
            request_id: self.request_id.clone(),
            ..ModelError::new(kind, self.sentence(status))
        }
    }

    fn kind(&self, status: Option<u16>) -> ModelErrorKind {
        let message = self.message.to_lowercase();
        let by_code = self
            .codes
            .iter()
            .find_map(|code| words::specific_code(code));
        // A quota that renews itself within minutes is a rate limit under another name.
        if self.retry_after.is_some() && matches!(status, Some(429)) {
            return by_code
                .filter(|kind| *kind == ModelErrorKind::Overloaded)
                .unwrap_or(ModelErrorKind::RateLimited);
        }
        by_code
            .or_else(|| words::of_message(&message, status))
            .or_else(|| self.codes.iter().find_map(|code| words::general_code(code)))
            .unwrap_or_else(|| of_status(status, &message))
    }

    fn sentence(&self, status: Option<u16>) -> String {
        let said = self
            .message
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let said = if said.chars().count() > MESSAGE_CHARS_MAX {
            let head: String = said.chars().take(MESSAGE_CHARS_MAX).collect();
            format!("{head}…")
        } else {
            said
        };
        match (status, said.is_empty()) {
            (Some(status), true) => format!("the provider answered with status {status}"),
            (Some(status), false) => format!("the provider answered with status {status}: {said}"),
            (None, true) => "the provider reported an error without a message".to_owned(),
            (None, false) => format!("the provider reported: {said}"),
        }
    }
}

/// What a status means when nothing in the body says more.
fn of_status(status: Option<u16>, message: &str) -> ModelErrorKind {
    match status {
        Some(401) => ModelErrorKind::Authentication,
        Some(402) => ModelErrorKind::Quota,
        Some(403) => ModelErrorKind::Permission,
        Some(404) if message.contains("model") => ModelErrorKind::UnknownModel,
        Some(300..=399 | 404 | 405) => ModelErrorKind::Configuration,
        Some(408 | 504) => ModelErrorKind::Timeout,
        Some(413) => ModelErrorKind::ContextOverflow,
        Some(429) => ModelErrorKind::RateLimited,
        Some(503 | 529) => ModelErrorKind::Overloaded,
        // A conflict is a lock that another request holds for a moment.
        Some(409 | 425 | 500..=599) | None => ModelErrorKind::Server,
        Some(_) => ModelErrorKind::InvalidRequest,
    }
}

fn message_of(holder: &Value) -> Option<String> {
    let names = ["message", "detail", "error", "msg"];
    let found = names.iter().find_map(|name| match holder.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        // Python servers answer with a list of what is wrong with the body.
        Some(value @ Value::Array(_)) => Some(value.to_string()),
        _ => None,
    });
    found.or_else(|| holder.as_str().map(str::to_owned))
}

fn text_at(holder: &Value, name: &str) -> Option<String> {
    holder.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn word_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
