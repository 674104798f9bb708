//! One list and watch, on the cluster `ConfigMap` only.
//!
//! Whoever contends is sent everything. Whoever only looks for leaders watches the metadata, which every renewal changes, and reads the
//! `ConfigMap` when it may have another leader; see [`slim_watch`](crate::protocol::slim_watch).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use log::{debug, info, warn};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::cluster::client::{Answer, ApiClient, ApiError, ApiErrorKind, WatchEvent, WatchStream};
use crate::cluster::clock::Clock;
use crate::cluster::config_map::trouble::Trouble;
use crate::cluster::context::Context;
use crate::cluster::events::ready::Ready;
use crate::cluster::preflight;
use crate::cluster::recorder::Recorder;
use crate::error::{ErrorCode, HaError};
use crate::protocol::config_map;
use crate::protocol::slim_watch::{Form, SlimWatch, Verdict};
use crate::protocol::time::BootTime;

/// Limit of one list.
const LIST_LIMIT: Duration = Duration::from_secs(10);
/// How long the server is asked to keep one watch open.
const WATCH_LENGTH: Duration = Duration::from_secs(300);
/// A leader renews every few seconds and every renewal is an event: a watch that says nothing for this long is dead, or nobody leads.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Limit of one read of what the metadata tells of.
const READ_LIMIT: Duration = Duration::from_secs(5);
/// What a watch of metadata shows, where the server can.
const METADATA_KIND: &str = "PartialObjectMetadata";
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
    /// From its last version on, another form is needed.
    Form,
    /// A new one is to begin with a list: this process is going to contend.
    Anew,
}

/// What one event has led to.
enum Step {
    /// This is the version to go on from.
    At(Option<String>),
    End(End),
}

/// Keeps the election task informed for as long as the session lives.
pub(crate) struct ConfigMapWatch {
    api: ApiClient,
    clock: Arc<dyn Clock>,
    name: String,
    seen: mpsc::UnboundedSender<Seen>,
    ready: Arc<Ready>,
    trouble: Trouble,
    recorder: Arc<Recorder>,
    identity: String,
    /// Whether everything is wanted.
    whole: watch::Receiver<bool>,
    slim: SlimWatch,
    /// The server has refused to send metadata alone.
    refused: bool,
    pause: Duration,
    /// Pauses so far.
    pauses: u64,
    /// How long the server has asked us to wait.
    at_least: Duration,
}

impl ConfigMapWatch {
    /// `whole`: whether this process contends, or is going to.
    pub(crate) fn new(
        context: &Context,
        seen: mpsc::UnboundedSender<Seen>,
        ready: Arc<Ready>,
        whole: watch::Receiver<bool>,
    ) -> Self {
        Self {
            api: context.api.clone(),
            clock: Arc::clone(&context.clock),
            name: context.cluster_map.clone(),
            seen,
            ready,
            trouble: Trouble::default(),
            recorder: Arc::clone(&context.recorder),
            identity: context.identity.clone(),
            whole,
            slim: SlimWatch::default(),
            refused: false,
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
        self.recorder.watch_heard();
        let version = config_map::resource_version(&answer.value).unwrap_or("0").to_owned();
        let mut object = answer.value.pointer("/items/0").cloned();
        if let Some(fields) = object.as_mut().and_then(Value::as_object_mut) {
            // The items of a list come without these two.
            fields.insert("apiVersion".to_owned(), "v1".into());
            fields.insert("kind".to_owned(), "ConfigMap".into());
        }
        match &object {
            Some(object) => self.slim.read(object),
            None => self.slim.missing(),
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

    /// In which form the next watch is needed.
    fn form(&self) -> Form {
        if *self.whole.borrow() || self.refused {
            Form::Whole
        } else {
            self.slim.form()
        }
    }

    async fn open(&self, form: Form, version: &str) -> Option<Result<WatchStream, ApiError>> {
        let opened = async {
            match form {
                Form::Whole => self.api.watch(&self.name, version, WATCH_LENGTH).await,
                Form::Metadata => self.api.watch_metadata(&self.name, version, WATCH_LENGTH).await,
            }
        };
        timeout(LIST_LIMIT, opened).await.ok()
    }

    /// Follows the changes from this version on, over as many watches as it takes. Returns whether there were any.
    async fn follow(&mut self, mut version: String) -> bool {
        let mut worked = false;
        // What was listed is all that there is.
        self.whole.mark_unchanged();
        loop {
            let form = self.form();
            let stream = match self.open(form, &version).await {
                Some(Ok(stream)) => stream,
                Some(Err(error)) if form == Form::Metadata && error.kind == ApiErrorKind::Other(406) => {
                    debug!("The API server does not send metadata alone: {}", error.message);
                    self.refused = true;
                    continue;
                }
                Some(Err(error)) => {
                    debug!("The watch on ConfigMap {} did not start: {}", self.name, error.message);
                    return worked;
                }
                None => return worked,
            };
            let before = version.clone();
            let end = self.drain(stream, form, &mut version).await;
            let moved = version != before;
            worked |= moved;
            match end {
                // The server closes a watch every few minutes: go on from where it ended.
                End::Closed if moved => {}
                End::Form => {}
                End::Closed | End::Broken => return worked,
                End::Silent | End::Anew => return true,
            }
        }
    }

    /// Passes everything on that this watch shows; `version` follows.
    async fn drain(&mut self, mut stream: WatchStream, form: Form, version: &mut String) -> End {
        loop {
            let event = tokio::select! {
                event = timeout(SILENCE, stream.next()) => event,
                Ok(()) = self.whole.changed() => return End::Anew,
            };
            let event = match event {
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
            self.recorder.watch_heard();
            let step = match event {
                Ok(event) => self.event(event).await,
                Err(error) => Err(error),
            };
            match step {
                Ok(Step::At(seen)) => seen.into_iter().for_each(|seen| *version = seen),
                Ok(Step::End(end)) => return end,
                // Also 410: the version is too old, and the next list has a new one.
                Err(error) => {
                    debug!("The watch on ConfigMap {} ended: {}", self.name, error.message);
                    return End::Broken;
                }
            }
            if self.form() != form && !self.whole.has_changed().unwrap_or_default() {
                return End::Form;
            }
        }
    }

    /// Passes an event on, or what it tells of.
    async fn event(&mut self, event: WatchEvent) -> Result<Step, ApiError> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if is_metadata(&object) => {
                match self.slim.event(&object) {
                    Verdict::Past | Verdict::Same => {}
                    Verdict::Read => self.read().await?,
                    Verdict::Follow => return Ok(Step::End(End::Form)),
                }
                Ok(Step::At(version_of(&object)))
            }
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                self.slim.read(&object);
                Ok(self.pass(version_of(&object), Seen::Changed(object)))
            }
            WatchEvent::Deleted(object) => {
                self.slim.missing();
                Ok(self.pass(version_of(&object), Seen::Deleted(object)))
            }
            WatchEvent::Bookmark(version) => Ok(Step::At(Some(version))),
            WatchEvent::Error(error) => Err(error),
        }
    }

    fn pass(&self, version: Option<String>, seen: Seen) -> Step {
        let _ = self.seen.send(seen);
        Step::At(version)
    }

    /// What the metadata does not show. It is at least as new as they are; one that is gone is about to be told of by the watch.
    async fn read(&mut self) -> Result<(), ApiError> {
        match self.api.get(&self.name, READ_LIMIT).await?.value {
            Some(object) => {
                self.slim.read(&object);
                let _ = self.seen.send(Seen::Changed(object));
            }
            None => self.slim.missing(),
        }
        Ok(())
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

fn is_metadata(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some(METADATA_KIND)
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
