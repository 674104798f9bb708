//! The events of a watch: one JSON object per line, for as long as the server likes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use http_body_util::{BodyDataStream, BodyExt as _};
use kube::client::Body;
use serde_json::Value;

use super::error::{ApiError, ApiErrorKind, Status, one_line};
use super::link::{Distrust, Link};

/// No event on a `ConfigMap` is longer.
const LINE_LIMIT: usize = 8 << 20;

/// What a watch tells.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// The object appeared, or was there already.
    Added(Value),
    /// The object changed.
    Modified(Value),
    /// The object is gone; this is how it last looked.
    Deleted(Value),
    /// Nothing changed up to this resource version.
    Bookmark(String),
    /// The server ends the watch; after [`ApiErrorKind::Gone`] only a fresh list helps. Nothing follows.
    Error(ApiError),
}

/// An open watch. It ends (`None`) when the server closes it, which it does regularly; silence is for the caller to judge.
pub struct WatchStream {
    body: Option<BodyDataStream<Body>>,
    lines: Lines,
    link: Link,
    generation: u64,
    /// `The watch of ConfigMap namespace/name`
    subject: String,
}

impl WatchStream {
    pub(super) fn new(body: Body, link: Link, generation: u64, subject: String) -> Self {
        Self {
            body: Some(body.into_data_stream()),
            lines: Lines::default(),
            link,
            generation,
            subject,
        }
    }

    fn end<T>(&mut self, last: T) -> Poll<Option<T>> {
        self.body = None;
        Poll::Ready(Some(last))
    }

    fn error(&self, kind: ApiErrorKind, cause: &str) -> ApiError {
        ApiError {
            kind,
            message: format!("{} ended: {cause}.", self.subject),
        }
    }
}

impl Stream for WatchStream {
    type Item = Result<WatchEvent, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            match this.lines.next() {
                Ok(Some(line)) => match event(&line, &this.subject) {
                    Ok(Some(WatchEvent::Error(error))) => {
                        return this.end(Ok(WatchEvent::Error(error)));
                    }
                    Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                    Ok(None) => continue,
                    Err(why) => {
                        let error = this.error(ApiErrorKind::Malformed, why);
                        return this.end(Err(error));
                    }
                },
                Ok(None) => {}
                Err(TooLong) => {
                    let error = this.error(ApiErrorKind::Malformed, "the server sent an event of more than 8 MiB");
                    return this.end(Err(error));
                }
            }
            match Pin::new(body).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(data))) => this.lines.push(&data),
                Poll::Ready(Some(Err(error))) => {
                    this.link.distrust(this.generation, Distrust::Transport);
                    let error = this.error(
                        ApiErrorKind::Unreachable,
                        &format!("the connection broke off ({})", one_line(&error.to_string())),
                    );
                    return this.end(Err(error));
                }
                // A line without its end was cut off with the connection: the next watch brings it again.
                Poll::Ready(None) => {
                    this.body = None;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

struct TooLong;

/// Cuts a stream of bytes into lines.
#[derive(Default)]
struct Lines {
    buffer: BytesMut,
    /// Bytes at the start that hold no line end.
    searched: usize,
}

impl Lines {
    fn push(&mut self, data: &Bytes) {
        self.buffer.extend_from_slice(data);
    }

    fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        match self.buffer.iter().skip(self.searched).position(|byte| *byte == b'\n') {
            Some(position) => {
                let line = self.buffer.split_to(self.searched + position).freeze();
                self.buffer.advance(1);
                self.searched = 0;
                if line.len() > LINE_LIMIT {
                    Err(TooLong)
                } else {
                    Ok(Some(line))
                }
            }
            None if self.buffer.len() > LINE_LIMIT => Err(TooLong),
            None => {
                self.searched = self.buffer.len();
                Ok(None)
            }
        }
    }
}

/// The event of a line; `None` for one that tells nothing.
fn event(line: &[u8], subject: &str) -> Result<Option<WatchEvent>, &'static str> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let mut value: Value = serde_json::from_slice(line).map_err(|_| "the server sent something that is not JSON")?;
    let object = value.get_mut("object").map(Value::take);
    match (value.get("type").and_then(Value::as_str), object) {
        (Some("ADDED"), Some(object)) => Ok(Some(WatchEvent::Added(object))),
        (Some("MODIFIED"), Some(object)) => Ok(Some(WatchEvent::Modified(object))),
        (Some("DELETED"), Some(object)) => Ok(Some(WatchEvent::Deleted(object))),
        (Some("BOOKMARK"), Some(object)) => {
            let version = object
                .get("metadata")
                .and_then(|metadata| metadata.get("resourceVersion"))
                .and_then(Value::as_str);
            Ok(version.map(|version| WatchEvent::Bookmark(version.to_owned())))
        }
        (Some("ERROR"), Some(object)) => {
            let status = Status::of(&object);
            let code = status.code.unwrap_or(500);
            let message = format!("{subject} was ended by the server with {}.", status.describe(code));
            Ok(Some(WatchEvent::Error(ApiError {
                kind: status.kind(code, None),
                message,
            })))
        }
        (Some(_), Some(_)) => Ok(None),
        _ => Err("the server sent something that is not an event"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_come_out_however_they_are_cut() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for chunk in ["{\"a\"", ":1}\n{}", "\n\n", "rest"] {
            lines.push(&Bytes::from_static(chunk.as_bytes()));
            while let Ok(Some(line)) = lines.next() {
                seen.push(line);
            }
        }
        assert_eq!(seen, ["{\"a\":1}", "{}", ""]);
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut lines = Lines::default();
        lines.push(&Bytes::from(vec![b'x'; LINE_LIMIT + 1]));
        assert!(lines.next().is_err());
    }

    #[test]
    fn events() {
        let of = |line: &str| event(line.as_bytes(), "The watch of ConfigMap n/c");
        assert_eq!(
            of(r#"{"type":"ADDED","object":{"x":1}}"#).unwrap(),
            Some(WatchEvent::Added(serde_json::json!({"x": 1})))
        );
        assert_eq!(
            of(r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#).unwrap(),
            Some(WatchEvent::Bookmark("7".to_owned()))
        );
        assert_eq!(of(r#"{"type":"NEWER","object":{}}"#).unwrap(), None);
        assert_eq!(of(" ").unwrap(), None);
        assert!(of("{").is_err());
        assert!(of("{}").is_err());
        let Some(WatchEvent::Error(error)) = of(r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (2)"}}"#).unwrap() else { panic!() };
        assert_eq!(error.kind, ApiErrorKind::Gone);
        assert_eq!(
            error.message,
            "The watch of ConfigMap n/c was ended by the server with 410 Gone: too old resource version: 1 (2)."
        );
    }
}
