//! One request and its answer, within a limit, with what is certain about it when there is no answer.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use kube::client::{AuthError, Body};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::departure::Departure;
use super::error::{ApiError, ApiErrorKind, Status, WriteFailure, certainly_refused, one_line};
use super::http_date;
use super::link::{Connection, Distrust, Link, Telling, plugin_failure};
use super::request::{ConfigMapRequest, Verb};

/// No answer on a `ConfigMap` is larger; etcd itself takes 1.5 MiB.
const BODY_LIMIT: usize = 32 << 20;
/// So that a limit can always be added to a point in time.
const LONGEST_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// This part of a call's limit may be spent on waiting for a new connection to be built.
const PATIENCE_DIVISOR: u32 = 4;

/// An answer of the server, good or bad.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) server_date: Option<SystemTime>,
    retry_after: Option<Duration>,
    pub(super) body: Payload,
    pub(super) connection: Arc<Connection>,
}

/// What came with an answer.
pub(super) enum Payload {
    /// All of it, or `None` when it broke off.
    Whole(Option<Bytes>),
    /// The events of a watch, still to come.
    Events(Body),
}

/// No answer came.
#[derive(Debug)]
pub(super) struct Unanswered {
    kind: ApiErrorKind,
    /// Completes "… failed: "
    cause: String,
    /// Whether the server may have seen the request.
    may_be_sent: bool,
}

/// How far a call has come; it outlives the future that is dropped at the limit.
enum Stage {
    /// It waits for a place among the requests in flight.
    Queued,
    /// It waits for a connection to be built, or for a token to be read.
    Preparing,
    /// A request is on its way.
    Attempting {
        connection: Arc<Connection>,
        captured: CaptureConnection,
        departure: Departure,
    },
}

impl Stage {
    fn may_be_sent(&self) -> bool {
        match self {
            Self::Queued | Self::Preparing => false,
            Self::Attempting {
                connection,
                captured,
                departure,
            } => match connection.telling() {
                // hyper notes the connection just before it hands the request to it.
                Telling::Hyper => captured.connection_metadata().is_some(),
                Telling::Service => departure.has_left(),
                Telling::Nothing => true,
            },
        }
    }
}

/// Sends requests over a link.
pub(super) struct Exchange<'a> {
    pub(super) link: &'a Link,
    pub(super) user_agent: &'a HeaderValue,
    pub(super) namespace: &'a str,
    /// None for watches.
    pub(super) places: Option<&'a Semaphore>,
    /// Beside the connection that everybody uses.
    pub(super) elsewhere: bool,
    pub(super) permit: Option<&'a Permit>,
    /// None for what nobody wants back.
    pub(super) departure: Option<&'a Departure>,
}

/// Asked right before a write is handed to a connection, however long it had to wait for that: for a free place, for a connection to be
/// prepared, or for hyper to make one.
pub(super) type Permit = Arc<dyn Fn() -> bool + Send + Sync>;

impl Exchange<'_> {
    /// Sends a request; the limit covers everything from waiting for a free place to the last byte of the answer.
    pub(super) async fn send(&self, request: &ConfigMapRequest, limit: Duration) -> Result<Answered, Unanswered> {
        let limit = limit.min(LONGEST_LIMIT);
        let (mut stage, began) = (Stage::Queued, Instant::now());
        let attempts = self.attempts(request, limit, &mut stage);
        if let Ok(outcome) = tokio::time::timeout_at(began + limit, attempts).await {
            return outcome;
        }
        let cause = match &stage {
            Stage::Queued => {
                format!("it could not be sent within {limit:?}, because too many requests wait for their answers")
            }
            Stage::Preparing => {
                format!("it could not be sent within {limit:?}, because a new connection is still being prepared")
            }
            Stage::Attempting { connection, .. } => {
                // What is slow is not dead: where others were answered meanwhile, this one alone is given up.
                if !connection.was_heard_since(began) {
                    self.link.distrust(connection.generation, Distrust::Transport);
                }
                let what = if stage.may_be_sent() {
                    "answer from"
                } else {
                    "connection to"
                };
                format!("no {what} {} within {limit:?}", connection.server())
            }
        };
        Err(Unanswered {
            kind: ApiErrorKind::TimedOut,
            cause,
            may_be_sent: stage.may_be_sent(),
        })
    }

    async fn attempts(
        &self,
        request: &ConfigMapRequest,
        limit: Duration,
        stage: &mut Stage,
    ) -> Result<Answered, Unanswered> {
        let _place = match self.places {
            // It is never closed.
            Some(places) => places.acquire().await.ok(),
            None => None,
        };
        *stage = Stage::Preparing;
        let patience = limit / PATIENCE_DIVISOR;
        let mut connection = if self.elsewhere {
            self.link.beside(patience).await
        } else {
            self.link.current(patience).await
        };
        let departure = self.departure.cloned().unwrap_or_default();
        let (mut token_retried, mut rebuilt) = (false, false);
        loop {
            let authorization = connection.authorization();
            let outcome = self
                .attempt(request, &connection, authorization.clone(), &departure, stage)
                .await;
            // Whatever comes next, this attempt is settled.
            *stage = Stage::Preparing;
            // Not held over an await: a streaming answer may be sent between threads, but not shared.
            let unauthorized = matches!(&outcome, Ok(answer) if answer.status == StatusCode::UNAUTHORIZED);
            if unauthorized && !token_retried && connection.token_differs_from(authorization).await {
                token_retried = true;
                continue;
            }
            let distrust = match &outcome {
                Ok(_) if unauthorized => Distrust::Credentials,
                Err(failure) if failure.kind == ApiErrorKind::Tls && !failure.may_be_sent => Distrust::Certificate,
                _ => return outcome,
            };
            if rebuilt || self.elsewhere {
                return outcome;
            }
            rebuilt = true;
            match self.link.renewed(connection.generation, distrust, patience).await {
                Some(renewed) => connection = renewed,
                None => return outcome,
            }
        }
    }

    async fn attempt(
        &self,
        request: &ConfigMapRequest,
        connection: &Arc<Connection>,
        authorization: Option<HeaderValue>,
        departure: &Departure,
        stage: &mut Stage,
    ) -> Result<Answered, Unanswered> {
        let mut message = self.message(request, authorization)?;
        message.extensions_mut().insert(departure.clone());
        *stage = Stage::Attempting {
            captured: capture_connection(&mut message),
            connection: Arc::clone(connection),
            departure: departure.clone(),
        };
        let sending = self.while_permitted(connection.client.send(message), departure, stage);
        let response = sending.await.ok_or_else(Unanswered::withheld)?.map_err(|error| {
            let failure = transport_failure(&error, connection, stage.may_be_sent());
            if failure.may_be_sent {
                self.link.distrust(connection.generation, Distrust::Transport);
            }
            failure
        })?;
        connection.is_heard();
        if self.elsewhere {
            self.link.prefer(connection.generation);
        }
        Ok(self.answer(request, response, connection).await)
    }

    /// Goes on with sending for as long as the permit lasts, `None` when it has ended or the write was withdrawn. Once hyper has a connection the request leaves within the
    /// same step, and the permit is asked no more.
    async fn while_permitted<T>(
        &self,
        sending: impl Future<Output = T>,
        departure: &Departure,
        stage: &Stage,
    ) -> Option<T> {
        let mut sending = pin!(sending);
        let mut begun = false;
        poll_fn(|context| {
            // What stands in for a server in a test takes the request with the first step.
            let waits = !begun || !stage.may_be_sent();
            if waits && (self.permit.is_some_and(|permit| !permit()) || !departure.may_leave()) {
                return Poll::Ready(None);
            }
            begun = true;
            let polled = sending.as_mut().poll(context).map(Some);
            departure.handed_over(stage.may_be_sent());
            polled
        })
        .await
    }

    fn message(
        &self,
        request: &ConfigMapRequest,
        authorization: Option<HeaderValue>,
    ) -> Result<Request<Body>, Unanswered> {
        let mut message = Request::builder()
            .method(request.verb.method())
            .uri(request.target.as_str())
            .header(USER_AGENT, self.user_agent)
            .header(ACCEPT, request.accept);
        if !request.body.is_empty() {
            message = message.header(CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = authorization {
            message = message.header(AUTHORIZATION, authorization);
        }
        message
            .body(Body::from(request.body.clone()))
            .map_err(|error| Unanswered {
                kind: ApiErrorKind::Invalid,
                cause: format!("no request can be made of it ({error})"),
                may_be_sent: false,
            })
    }

    async fn answer(
        &self,
        request: &ConfigMapRequest,
        response: Response<Body>,
        connection: &Arc<Connection>,
    ) -> Answered {
        let (head, body) = response.into_parts();
        let header = |name| {
            head.headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let server_date = header(DATE).and_then(http_date::parse);
        let retry_after = header(RETRY_AFTER)
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
        let body = if request.verb == Verb::Watch && head.status == StatusCode::OK {
            Payload::Events(body)
        } else {
            let whole = collect(body).await;
            if whole.is_none() {
                self.link.distrust(connection.generation, Distrust::Transport);
            }
            Payload::Whole(whole)
        };
        Answered {
            status: head.status,
            server_date,
            retry_after,
            body,
            connection: Arc::clone(connection),
        }
    }

    /// The sentence about a request without an answer.
    pub(super) fn no_answer(&self, request: &ConfigMapRequest, failure: &Unanswered) -> ApiError {
        ApiError {
            kind: failure.kind,
            message: format!("{} failed: {}.", self.subject(request), failure.cause),
        }
    }

    /// The sentence about an answer that is not a success.
    pub(super) fn bad_answer(&self, request: &ConfigMapRequest, answer: &Answered) -> ApiError {
        let code = answer.status.as_u16();
        let body = match &answer.body {
            Payload::Whole(Some(body)) => body.as_ref(),
            _ => &[],
        };
        let status = Status::of_body(body);
        let mut message = format!("{} failed with {}", self.subject(request), status.describe(code));
        if code == 401 {
            let _ = write!(
                message,
                "; {} does not accept {}, so renew it",
                answer.connection.server(),
                answer.connection.credentials_place()
            );
        }
        message.push('.');
        ApiError {
            kind: status.kind(code, answer.retry_after),
            message,
        }
    }

    /// The sentence about a success that is none.
    pub(super) fn malformed(&self, request: &ConfigMapRequest, why: &str) -> ApiError {
        ApiError {
            kind: ApiErrorKind::Malformed,
            message: format!("{} was answered with success, but {why}.", self.subject(request)),
        }
    }

    fn subject(&self, request: &ConfigMapRequest) -> String {
        let verb = match request.verb {
            Verb::List | Verb::Watch => format!("GET ({})", request.verb),
            verb => verb.method().to_string(),
        };
        format!("{verb} of ConfigMap {}/{}", self.namespace, request.name)
    }
}

impl Unanswered {
    fn withheld() -> Self {
        Self {
            kind: ApiErrorKind::Withheld,
            cause:
                "it was not sent, because the leadership that it was made under was not confirmed when its turn came"
                    .to_owned(),
            may_be_sent: false,
        }
    }

    /// What is certain about a write.
    pub(super) fn of_write(self, error: impl FnOnce(&Self) -> ApiError) -> WriteFailure {
        if self.may_be_sent {
            WriteFailure::Unknown(error(&self))
        } else {
            WriteFailure::Refused(error(&self))
        }
    }
}

impl Answered {
    /// What is certain about a write that was answered with this, which is no success.
    pub(super) fn of_write(&self, error: ApiError) -> WriteFailure {
        if certainly_refused(self.status.as_u16()) {
            WriteFailure::Refused(error)
        } else {
            WriteFailure::Unknown(error)
        }
    }
}

/// The whole body, or `None` when it breaks off or is larger than any answer about a `ConfigMap`.
async fn collect(mut body: Body) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            if whole.len() + data.len() > BODY_LIMIT {
                return None;
            }
            whole.extend_from_slice(&data);
        }
    }
    Some(whole.freeze())
}

fn transport_failure(error: &kube::Error, connection: &Connection, may_be_sent: bool) -> Unanswered {
    let server = connection.server();
    if let Some(error) = find::<AuthError>(error) {
        let cause = format!(
            "{} cannot be obtained: {}",
            connection.credentials_place(),
            plugin_failure(error)
        );
        return Unanswered {
            kind: ApiErrorKind::Unauthorized,
            cause,
            may_be_sent: false,
        };
    }
    if let Some(error) = find::<rustls::Error>(error) {
        let cause = format!(
            "the TLS handshake with {server} failed ({}); the server's certificate must be for that address and signed by {}",
            one_line(&error.to_string()),
            connection.trust_place()
        );
        return Unanswered {
            kind: ApiErrorKind::Tls,
            cause,
            may_be_sent,
        };
    }
    let input_output = find::<io::Error>(error).map(io::Error::kind);
    // A service in a test tells by these that it never took the request.
    let never_connected = find::<legacy::Error>(error).is_some_and(legacy::Error::is_connect)
        || input_output == Some(io::ErrorKind::ConnectionRefused);
    let kind = if input_output == Some(io::ErrorKind::TimedOut) {
        ApiErrorKind::TimedOut
    } else {
        ApiErrorKind::Unreachable
    };
    let what = if never_connected {
        "no connection to"
    } else {
        "the connection broke off to"
    };
    Unanswered {
        kind,
        cause: format!("{what} {server} ({})", one_line(&root_cause(error))),
        may_be_sent: may_be_sent && !never_connected,
    }
}

/// The first error of this type in a chain; an `io::Error` hides the one it wraps from `source`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped
            .map(|wrapped| wrapped as &(dyn StdError + 'static))
            .or_else(|| error.source());
    }
    None
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
