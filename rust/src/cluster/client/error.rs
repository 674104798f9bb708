//! What can go wrong between us and the API server, and what is certain about it.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::error::{ErrorCode, HaError};

/// Longest text of the server's that is quoted in a message.
const QUOTED_CHARS: usize = 400;

/// The client cannot be built: a sentence that names key or file, value and remedy. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientError {
    message: String,
}

impl ClientError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ClientError {}

impl From<ClientError> for HaError {
    fn from(error: ClientError) -> Self {
        Self::new(ErrorCode::InvalidSetting, error.to_string())
    }
}

/// Why a request did not do what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// No connection, or one that broke.
    Unreachable,
    /// Not within the limit of the call.
    TimedOut,
    /// 401, also after the credentials were read again.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404 of the object.
    NotFound,
    /// 404 of the namespace; the API server says so to POST only.
    NamespaceMissing,
    /// 409: another resource version or uid, or (POST) the name is taken.
    Conflict,
    /// 410: the resource version is too old to watch or list from.
    Gone,
    /// 400, 413 or 422.
    Invalid,
    /// 429.
    TooManyRequests {
        /// The server's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// 503 with a time after which it is worth trying again.
    Overloaded {
        /// The server's `Retry-After`.
        retry_after: Duration,
    },
    /// Any other 5xx, with its code.
    Server(u16),
    /// Any other code.
    Other(u16),
    /// Never sent: when its turn came, whoever made it was not permitted to write.
    Withheld,
    /// The TLS handshake failed.
    Tls,
    /// The answer is not what the Kubernetes API answers.
    Malformed,
}

impl ApiErrorKind {
    /// For how long the server asks to be left alone.
    #[must_use]
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after } => retry_after,
            Self::Overloaded { retry_after } => Some(retry_after),
            _ => None,
        }
    }
}

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// For programs.
    pub kind: ApiErrorKind,
    /// One sentence with method, `ConfigMap` and cause. Never a token or a payload.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

/// A write that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteFailure {
    /// Certainly not applied: never sent, or turned down by the server.
    Refused(ApiError),
    /// It may have been applied, now or later: read back before deciding anything.
    Unknown(ApiError),
}

impl WriteFailure {
    /// The error, whatever is certain about it.
    #[must_use]
    pub fn error(&self) -> &ApiError {
        match self {
            Self::Refused(error) | Self::Unknown(error) => error,
        }
    }

    /// Whether the server turned the write down because the object has changed, is gone or (POST) exists.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(error) if error.kind == ApiErrorKind::Conflict)
    }
}

impl fmt::Display for WriteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}"),
            Self::Unknown(error) => write!(f, "{error} (whether it was applied is not known)"),
        }
    }
}

impl std::error::Error for WriteFailure {}

/// What a `Status` object of the API server says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) details_kind: String,
}

impl Status {
    pub(super) fn of(value: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            code: value
                .get("code")
                .and_then(Value::as_u64)
                .and_then(|code| u16::try_from(code).ok()),
            reason: text(value.get("reason")),
            message: text(value.get("message")),
            details_kind: text(value.get("details").and_then(|details| details.get("kind"))),
        }
    }

    /// Of the body of an answer that is not a success; a body that is no `Status` gives an empty one.
    pub(super) fn of_body(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) if value.get("kind").and_then(Value::as_str) == Some("Status") => Self::of(&value),
            _ => Self::default(),
        }
    }

    pub(super) fn kind(&self, code: u16, retry_after: Option<Duration>) -> ApiErrorKind {
        match code {
            401 => ApiErrorKind::Unauthorized,
            403 => ApiErrorKind::Forbidden,
            404 if self.details_kind == "namespaces" => ApiErrorKind::NamespaceMissing,
            404 => ApiErrorKind::NotFound,
            409 => ApiErrorKind::Conflict,
            410 => ApiErrorKind::Gone,
            400 | 413 | 422 => ApiErrorKind::Invalid,
            429 => ApiErrorKind::TooManyRequests { retry_after },
            503 => retry_after.map_or(ApiErrorKind::Server(code), |retry_after| ApiErrorKind::Overloaded {
                retry_after,
            }),
            500..=599 => ApiErrorKind::Server(code),
            _ => ApiErrorKind::Other(code),
        }
    }

    /// `409 Conflict: <what the server says>`
    pub(super) fn describe(&self, code: u16) -> String {
        let name = StatusCode::from_u16(code)
            .ok()
            .and_then(|code| code.canonical_reason())
            .unwrap_or(&self.reason);
        let head = if name.is_empty() {
            code.to_string()
        } else {
            format!("{code} {name}")
        };
        if self.message.is_empty() {
            head
        } else {
            format!("{head}: {}", one_line(&self.message))
        }
    }
}

/// Whether a write that was answered with this code was certainly not applied.
///
/// 429 is the API server's own queue turning the request away before it is processed; 408 and every 5xx can come from a
/// proxy or from etcd after the write was passed on.
pub(super) const fn certainly_refused(code: u16) -> bool {
    matches!(code, 400..=407 | 409..=499)
}

/// Text of others, fit for a message: one line, no control characters, bounded.
pub(super) fn one_line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|c| !c.is_control());
    if let Some((end, _)) = line.char_indices().nth(QUOTED_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line.trim_end_matches('.').to_owned()
}

/// The text as the start of a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_is_certain_only_where_the_server_cannot_have_applied_the_write() {
        for code in [400, 401, 403, 404, 405, 409, 410, 413, 422, 429] {
            assert!(certainly_refused(code), "{code}");
        }
        for code in [200, 301, 408, 500, 502, 503, 504, 599] {
            assert!(!certainly_refused(code), "{code}");
        }
    }

    #[test]
    fn a_missing_namespace_is_not_a_missing_object() {
        let namespace = json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "namespaces \"x\" not found",
            "details": {"name": "x", "kind": "namespaces"}});
        let status = Status::of_body(namespace.to_string().as_bytes());
        assert_eq!(status.kind(404, None), ApiErrorKind::NamespaceMissing);
        assert_eq!(status.describe(404), "404 Not Found: namespaces \"x\" not found");
        assert_eq!(
            Status::of_body(b"404 page not found").kind(404, None),
            ApiErrorKind::NotFound
        );
    }

    #[test]
    fn quoted_text_is_one_bounded_line() {
        assert_eq!(one_line("a\n  b\u{7}.\n"), "a b");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), QUOTED_CHARS + 1);
    }
}
