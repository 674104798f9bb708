//! What is told of each request: to one witness, once, when it has ended in whatever way.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::Instant;

use super::error::{ApiError, ApiErrorKind, WriteFailure};
use super::exchange::Answered;
use super::request::{ConfigMapRequest, Verb};
use crate::protocol::black_box::{Answer, Outcome};
use crate::protocol::config_map;

/// Is told of every request that has ended, on the task that made it: it must neither wait nor fail.
pub trait Witness: Send + Sync {
    /// A request has ended.
    fn ended(&self, request: &Ended<'_>);
}

/// A request that has ended.
pub struct Ended<'a> {
    /// The verb.
    pub verb: Verb,
    /// The `ConfigMap`.
    pub config_map: &'a str,
    /// What came back.
    pub answer: Answer,
    /// For a write that was not given up: what is certain about it.
    pub outcome: Option<Outcome>,
    /// The resource version of what was stored.
    pub version: Option<String>,
    /// Bytes of data in what was stored.
    pub bytes: Option<usize>,
    /// From the call to now.
    pub took: Duration,
    /// The server's clock, in whole seconds.
    pub server_date: Option<SystemTime>,
}

/// Told when it is dropped, so that a request which nobody waits for any more is told of, too.
pub(super) struct Account<'a> {
    witness: Option<&'a Arc<dyn Witness>>,
    request: &'a ConfigMapRequest,
    began: Instant,
    answer: Answer,
    outcome: Option<Outcome>,
    stored: Option<(Option<String>, usize)>,
    server_date: Option<SystemTime>,
}

impl<'a> Account<'a> {
    pub(super) fn of(request: &'a ConfigMapRequest, witness: Option<&'a Arc<dyn Witness>>) -> Self {
        Self {
            witness,
            request,
            began: Instant::now(),
            answer: Answer::GivenUp,
            outcome: None,
            stored: None,
            server_date: None,
        }
    }

    pub(super) fn answered(&mut self, answered: &Answered) {
        self.answer = Answer::Code(answered.status.as_u16());
        self.server_date = answered.server_date;
    }

    pub(super) fn unanswered(&mut self, error: &ApiError) {
        self.answer = match error.kind {
            ApiErrorKind::TimedOut => Answer::TimedOut,
            ApiErrorKind::Tls => Answer::Tls,
            ApiErrorKind::Unauthorized => Answer::NoCredentials,
            ApiErrorKind::Withheld => Answer::Withheld,
            ApiErrorKind::Malformed => Answer::Malformed,
            _ => Answer::Unreachable,
        };
    }

    pub(super) fn failed(&mut self, failure: &WriteFailure) {
        self.outcome = Some(match failure {
            WriteFailure::Refused(_) => Outcome::Refused,
            WriteFailure::Unknown(_) => Outcome::Unknown,
        });
    }

    pub(super) fn applied(&mut self) {
        self.outcome = Some(Outcome::Applied);
    }

    pub(super) fn stored(&mut self, object: &Value) {
        let version = config_map::resource_version(object).map(str::to_owned);
        self.stored = Some((version, config_map::data_bytes(object)));
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let Some(witness) = self.witness else { return };
        let (version, bytes) = self.stored.take().unzip();
        witness.ended(&Ended {
            verb: self.request.verb,
            config_map: &self.request.name,
            answer: self.answer,
            outcome: self.outcome,
            version: version.flatten(),
            bytes,
            took: self.began.elapsed(),
            server_date: self.server_date,
        });
    }
}
