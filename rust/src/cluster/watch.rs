//! One list and watch, on the cluster `ConfigMap` only.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use log::{debug, info, warn};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::cluster::client::{Answer, ApiClient, ApiError, ApiErrorKind, WatchEvent, WatchStream};
use crate::cluster::clock::Clock;
use crate::cluster::config_map::trouble::Trouble;
use crate::cluster::context::Context;
use crate::cluster::events::ready::Ready;
use crate::cluster::preflight;
use crate::error::{ErrorCode, HaError};
use crate::protocol::config_map;
use crate::protocol::time::BootTime;

/// Limit of one list.
const LIST_LIMIT: Duration = Duration::from_secs(10);
/// How long the server is asked to keep one watch open.
const WATCH_LENGTH: Duration = Duration::from_secs(300);
/// A leader renews every few seconds and every renewal is an event: a watch that says nothing for this long is dead, or nobody leads.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A server that asks for more patience than this is asked again all the same.
const LONGEST_WISH: Duration = Duration::from_secs(5);
/// A refusal for want of rights counts once it has lasted: after a restart of the API server the first answers may be 403.
const REFUSAL_COUNTS_AFTER: Duration = Duration::from_secs(5);
/// Until the first answer, the wait is reported this often.
const WAIT_REPORT: Duration = Duration::from_secs(10);

/// What the watch shows of the `ConfigMap`.
pub(crate) enum Seen {
    /// A consistent read; `None` when the `ConfigMap` does not exist. With the version at which that was so.
    Listed(Answer<Option<Value>>, String),
    /// Added or modified.
    Changed(Value),
    /// Deleted; the object as it was last.
    Deleted(Value),
}

/// How a watch ended.
enum End {
    Closed,
    Broken,
    Silent,
}

/// Keeps the election task informed for as long as the session lives.
pub(crate) struct ConfigMapWatch {
    api: ApiClient,
    clock: Arc<dyn Clock>,
    name: String,
    seen: mpsc::UnboundedSender<Seen>,
    ready: Arc<Ready>,
    trouble: Trouble,
    identity: String,
    pause: Duration,
    /// Pauses so far.
    pauses: u64,
    /// How long the server has asked us to wait.
    at_least: Duration,
}

impl ConfigMapWatch {
    pub(crate) fn new(context: &Context, seen: mpsc::UnboundedSender<Seen>, ready: Arc<Ready>) -> Self {
        Self {
            api: context.api.clone(),
            clock: Arc::clone(&context.clock),
            name: context.cluster_map.clone(),
            seen,
            ready,
            trouble: Trouble::default(),
            identity: context.identity.clone(),
            pause: FIRST_PAUSE,
            pauses: 0,
            at_least: Duration::ZERO,
        }
    }

    /// Lists, watches, and begins anew whenever the watch ends, for whatever reason.
    pub(crate) async fn run(mut self) {
        let mut waited = Waiting::new(self.clock.as_ref());
        loop {
            match self.list().await {
                Ok(version) => {
                    self.trouble
                        .succeeded(self.clock.boot(), "Reading the cluster ConfigMap");
                    waited.end(&self.ready);
                    if self.follow(version).await {
                        self.pause = FIRST_PAUSE;
                        continue;
                    }
                }
                Err(error) => {
                    if let ApiErrorKind::TooManyRequests {
                        retry_after: Some(wish),
                    } = error.kind
                    {
                        self.at_least = wish.min(LONGEST_WISH);
                    }
                    if waited.is_waiting() {
                        self.still_waiting(&mut waited, &error).await;
                    } else {
                        self.trouble
                            .failed(self.clock.boot(), "Reading the cluster ConfigMap", &error.message);
                    }
                }
            }
            self.back_off().await;
        }
    }

    async fn list(&mut self) -> Result<String, ApiError> {
        let answer = self.api.list(&self.name, None, LIST_LIMIT).await?;
        let version = config_map::resource_version(&answer.value).unwrap_or("0").to_owned();
        let mut object = answer.value.pointer("/items/0").cloned();
        if let Some(fields) = object.as_mut().and_then(Value::as_object_mut) {
            // The items of a list come without these two.
            fields.insert("apiVersion".to_owned(), "v1".into());
            fields.insert("kind".to_owned(), "ConfigMap".into());
        }
        // The election task lives as long as the session; when it is gone this task is about to end, too.
        let server_date = answer.server_date;
        let answer = Answer {
            value: object,
            server_date,
        };
        let _ = self.seen.send(Seen::Listed(answer, version.clone()));
        Ok(version)
    }

    /// Follows the changes from this version on, over as many watches as it takes. Returns whether there were any.
    async fn follow(&mut self, mut version: String) -> bool {
        let mut worked = false;
        loop {
            let stream = match timeout(LIST_LIMIT, self.api.watch(&self.name, &version, WATCH_LENGTH)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    debug!("The watch on ConfigMap {} did not start: {}", self.name, error.message);
                    return worked;
                }
                Err(_) => return worked,
            };
            let before = version.clone();
            let end = self.drain(stream, &mut version).await;
            let moved = version != before;
            worked |= moved;
            match end {
                // The server closes a watch every few minutes: go on from where it ended.
                End::Closed if moved => {}
                End::Closed | End::Broken => return worked,
                End::Silent => return true,
            }
        }
    }

    /// Passes everything on that this watch shows; `version` follows.
    async fn drain(&self, mut stream: WatchStream, version: &mut String) -> End {
        loop {
            let event = match timeout(SILENCE, stream.next()).await {
                Ok(Some(event)) => event,
                Ok(None) => return End::Closed,
                Err(_) => {
                    let silence = SILENCE.as_secs();
                    debug!(
                        "The watch on ConfigMap {} was silent for {silence} s: reading anew.",
                        self.name
                    );
                    // A list over the same dead connection would only wait, too.
                    self.api.distrust_connections();
                    return End::Silent;
                }
            };
            match event.and_then(|event| self.event(event)) {
                Ok(seen) => seen.into_iter().for_each(|seen| *version = seen),
                // Also 410: the version is too old, and the next list has a new one.
                Err(error) => {
                    debug!("The watch on ConfigMap {} ended: {}", self.name, error.message);
                    return End::Broken;
                }
            }
        }
    }

    /// Passes an event on and returns the version to go on from.
    fn event(&self, event: WatchEvent) -> Result<Option<String>, ApiError> {
        let (version, seen) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (version_of(&object), Seen::Changed(object)),
            WatchEvent::Deleted(object) => (version_of(&object), Seen::Deleted(object)),
            WatchEvent::Bookmark(version) => return Ok(Some(version)),
            WatchEvent::Error(error) => return Err(error),
        };
        let _ = self.seen.send(seen);
        Ok(version)
    }

    async fn still_waiting(&self, waited: &mut Waiting, error: &ApiError) {
        self.ready.trouble(&error.message);
        match error.kind {
            ApiErrorKind::Forbidden => {
                // Takes its own time: a 403 counts once it has lasted.
                if let Err(error) = preflight::reader_check(&self.api, &self.name).await {
                    waited.failed(&self.ready, error.into());
                }
            }
            ApiErrorKind::Unauthorized | ApiErrorKind::Tls if waited.lasts(self.clock.boot(), REFUSAL_COUNTS_AFTER) => {
                waited.failed(&self.ready, HaError::new(ErrorCode::ApiRefused, error.message.clone()));
            }
            _ => waited.report(self.clock.boot(), &self.api.server(), &error.message),
        }
    }

    async fn back_off(&mut self) {
        self.pauses += 1;
        let wish = std::mem::take(&mut self.at_least);
        sleep(jittered(self.pause, &self.identity, self.pauses).max(wish)).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

fn version_of(object: &Value) -> Option<String> {
    config_map::resource_version(object).map(str::to_owned)
}

/// Between half and all of the pause, so that hundreds of processes do not come back in step: their identities differ.
fn jittered(pause: Duration, identity: &str, pauses: u64) -> Duration {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (identity, pauses).hash(&mut hasher);
    let part = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
    pause / 2 + pause.mul_f64(f64::from(part) / 2000.0)
}

/// The wait for the first answer of the API server.
struct Waiting {
    since: BootTime,
    reported: Duration,
    over: bool,
}

impl Waiting {
    fn new(clock: &dyn Clock) -> Self {
        Self {
            since: clock.boot(),
            reported: Duration::ZERO,
            over: false,
        }
    }

    fn is_waiting(&self) -> bool {
        !self.over
    }

    fn lasts(&self, now: BootTime, at_least: Duration) -> bool {
        now.saturating_since(self.since) >= at_least
    }

    fn report(&mut self, now: BootTime, server: &str, why: &str) {
        let waited = now.saturating_since(self.since);
        if self.reported.is_zero() || waited >= self.reported + WAIT_REPORT {
            warn!(
                "Waiting for the API server {server}, for {} s so far: {why}",
                waited.as_secs()
            );
            self.reported = waited.max(Duration::from_millis(1));
        }
    }

    fn end(&mut self, ready: &Ready) {
        if !self.over && !self.reported.is_zero() {
            info!("The API server answers.");
        }
        self.over = true;
        ready.set(Ok(()));
    }

    fn failed(&mut self, ready: &Ready, error: HaError) {
        self.over = true;
        ready.set(Err(error));
    }
}
