//! The writer of one job `ConfigMap`: checkpoint pointers and the checkpoint counter of one job.

use std::sync::Arc;
use std::time::Duration;

use log::{debug, warn};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::batch::{Batch, PendingEdit, not_leader};
use super::memory::Memory;
use super::trouble::Trouble;
use super::unsettled::settle_later;
use super::{RETRY_PAUSE, limit_until, pause_after, settled_after};
use crate::cluster::client::{ApiClient, ApiError, ApiErrorKind, Departure, WriteFailure};
use crate::cluster::context::{Context, Lock};
use crate::cluster::election::Command;
use crate::error::ErrorCode;
use crate::protocol::annotations::Claim;
use crate::protocol::config_map;
use crate::protocol::edit::Edit;
use crate::protocol::elector::GrantId;
use crate::protocol::group_commit::GroupCommit;
use crate::protocol::names::COUNTER_KEY;
use crate::protocol::time::BootTime;

/// A creation is decided on no version.
const NO_VERSION: &str = "";

/// Holds the last known object and sends one conditional write at a time for everything that waits.
///
/// There is no GET in steady state: a successful PUT proves that the object it was decided on was current. Only refusals and no-ops,
/// which prove nothing, are decided on a fresh read.
pub(crate) struct JobMap {
    context: Context,
    name: String,
    edits: mpsc::UnboundedReceiver<PendingEdit>,
    batch: Batch,
    /// Shared with the memory, so that it need not be copied for it.
    known: Option<Arc<Value>>,
    memory: Arc<Memory>,
    /// What was promised on top of what is stored, as long as the memory is of the same grant.
    commit: GroupCommit,
    /// A conflict showed that someone else writes here: find out whether the lock is still ours before writing again.
    challenged: bool,
    /// Since when a `ConfigMap` that this grant has had is missing.
    missing_since: Option<BootTime>,
    /// The last write.
    departure: Departure,
    trouble: Trouble,
}

impl JobMap {
    pub(crate) fn new(
        context: Context,
        name: String,
        memory: Arc<Memory>,
        edits: mpsc::UnboundedReceiver<PendingEdit>,
    ) -> Self {
        Self {
            context,
            name,
            edits,
            batch: Batch::default(),
            known: None,
            memory,
            commit: GroupCommit::default(),
            challenged: false,
            missing_since: None,
            departure: Departure::default(),
            trouble: Trouble::default(),
        }
    }

    /// Runs until the last handle is gone.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.edits.recv().await {
            self.batch.push(first);
            while !self.batch.is_empty() {
                while let Ok(next) = self.edits.try_recv() {
                    self.batch.push(next);
                }
                self.round().await;
                settle_later(&self.context, &self.name, self.batch.take_unsettled());
            }
        }
    }

    /// One attempt at everything that waits.
    async fn round(&mut self) {
        let now = self.context.clock.boot();
        self.batch
            .refuse_hopeless(&self.name, &self.context.grants, now, self.trouble.last());
        let Some(grant) = self.batch.grant() else { return };
        if !self.memory.is_of(grant) {
            // Of another grant, or of a ConfigMap that was given up.
            self.commit = GroupCommit::default();
        }
        self.batch.answer_at_once(&mut self.commit);
        if self.batch.is_empty() {
            return;
        }
        let grants = self.context.grants.clone();
        tokio::select! {
            biased;
            // A write that is under way loses its listener here, so what it carried is in doubt if it has left.
            () = grants.ended(grant) => self.interrupted(),
            () = self.attempt_and_pause(grant) => {}
        }
    }

    fn interrupted(&mut self) {
        if self.departure.withdraw() {
            self.batch.not_written();
        } else {
            self.batch.lost();
        }
        self.commit.not_written();
        self.known = None;
    }

    async fn attempt_and_pause(&mut self, grant: GrantId) {
        match self.attempt(grant).await {
            Ok(()) => {
                let what = format!("Writing ConfigMap {}", self.name);
                self.trouble.succeeded(self.context.clock.boot(), &what);
            }
            Err(error) => self.failed(&error).await,
        }
    }

    async fn attempt(&mut self, grant: GrantId) -> Result<(), ApiError> {
        let fresh = self.known.is_none();
        let known = if fresh {
            self.read().await?.map(Arc::new)
        } else {
            self.known.clone()
        };
        let Some(base) = known else {
            return self.make(grant).await;
        };
        self.missing_since = None;
        let claim = self.context.claim(grant);
        let foreign = Claim::of(&base).as_ref() != Some(&claim);
        if (foreign || self.challenged) && !self.lock_is_ours().await? {
            return Ok(());
        }
        // The clock may say what the election task, frozen like this one, had no time to say: from here on nothing is waited for.
        if !self.context.grants.holds(grant) {
            return Ok(());
        }
        let mut object = Value::clone(&base);
        if foreign && let Err(refusal) = Edit::Claim(claim).apply(&mut object) {
            warn!("ConfigMap {} cannot be claimed: {refusal}", self.name);
        }
        self.decide(&mut object);
        if object == *base {
            if fresh {
                self.memory.keep(grant, &base);
                self.commit.written(&base);
                self.known = Some(base);
                self.batch.nothing_to_write(&self.name);
            } else {
                // Nothing to write means nothing proves that the object is current: read it and decide again.
                self.known = None;
                self.batch.not_written();
            }
            return Ok(());
        }
        if fresh {
            // Read under this grant: enough to go by if it is deleted before the answer comes.
            if foreign {
                self.memory.keep_for_claim(grant, &base);
            } else {
                self.memory.keep(grant, &base);
            }
        }
        let version = config_map::resource_version(&base).unwrap_or_default();
        self.known = None;
        self.batch.sent(version);
        let checkpoint = (self.batch.adds_a_pointer()).then(|| self.context.writers.checkpoint_under_way());
        let outcome = self.departing().replace(&object, self.limit()).await;
        let stored = checkpoint.is_some() && outcome.is_ok();
        drop(checkpoint);
        let written = self.written(grant, outcome);
        if stored && self.context.writers.is_the_moment() {
            // The election task ends with the session.
            let _ = self.context.election.send(Command::CheckpointStored);
        }
        written
    }

    /// The `ConfigMap` is not there. For whoever opens it, it is made. One that this grant has had before is made anew as it was last known,
    /// counter and all: ids that began again at 1 would overwrite checkpoints that are still needed. To everybody else it is missing.
    async fn make(&mut self, grant: GrantId) -> Result<(), ApiError> {
        let remembered = self.memory.of(grant);
        if remembered.is_none() && !self.batch.opens() {
            self.batch.fail(ErrorCode::ConfigMapMissing, &missing(&self.name));
            return Ok(());
        }
        // Also when the cluster's ConfigMap is gone too: then the election finds out what that means.
        if !self.lock_is_ours().await? {
            return Ok(());
        }
        let now = self.context.clock.boot();
        let since = *self.missing_since.get_or_insert(now);
        let settled = settled_after(self.context.elector.timings.renew_deadline);
        let left = settled.saturating_sub(now.saturating_since(since));
        if remembered.is_some() && !left.is_zero() {
            sleep(left.min(self.limit())).await;
            return Ok(());
        }
        if !self.context.grants.holds(grant) {
            return Ok(());
        }
        let repaired = remembered.is_some();
        let mut object = remembered.map_or_else(
            || config_map::new_config_map(&self.name, self.context.api.namespace(), &self.context.labels),
            Arc::unwrap_or_clone,
        );
        config_map::strip_server_fields(&mut object);
        for (key, value) in self.context.labels.iter() {
            config_map::set_label(&mut object, key, value);
        }
        if let Err(refusal) = Edit::Claim(self.context.claim(grant)).apply(&mut object) {
            warn!("ConfigMap {} cannot be claimed: {refusal}", self.name);
        }
        self.commit.lost_its_object();
        self.decide(&mut object);
        self.batch.sent(NO_VERSION);
        let outcome = self.departing().create(&object, self.limit()).await;
        if outcome.is_ok() {
            self.missing_since = None;
            self.say_made(repaired, &object);
        }
        self.written(grant, outcome)
    }

    /// Everything that waits and everything that was promised, in one write.
    fn decide(&mut self, object: &mut Value) {
        self.commit.prepare(object);
        self.batch.apply(object);
        self.commit.reserve(object, self.batch.decided());
    }

    fn say_made(&self, repaired: bool, object: &Value) {
        if repaired {
            warn!(
                "ConfigMap {} had been deleted from outside. It was made anew as it was last known, with {} entries and the next checkpoint id {}.",
                self.name,
                config_map::data(object).map_or(0, serde_json::Map::len),
                config_map::entry(object, COUNTER_KEY).unwrap_or("1"),
            );
        } else {
            debug!("Created ConfigMap {}.", self.name);
        }
    }

    /// Whether the lock is ours, read after the job's `ConfigMap`. If somebody else holds it, everyone who waits has been refused; if nobody does,
    /// a moment has passed.
    async fn lock_is_ours(&mut self) -> Result<bool, ApiError> {
        match self.context.whose_lock(&self.name, self.limit()).await? {
            Lock::Ours => {
                self.challenged = false;
                return Ok(true);
            }
            Lock::Lost => self.batch.fail(ErrorCode::NotLeader, &not_leader(&self.name)),
            Lock::Unclear => sleep(RETRY_PAUSE).await,
        }
        Ok(false)
    }

    fn written(&mut self, grant: GrantId, outcome: Result<Value, WriteFailure>) -> Result<(), ApiError> {
        match outcome {
            Ok(stored) => {
                let stored = Arc::new(stored);
                self.context.mirror.stored(grant, &stored);
                self.commit.written(&stored);
                self.memory.keep(grant, &stored);
                self.known = Some(stored);
                self.batch.written();
                Ok(())
            }
            Err(WriteFailure::Refused(error)) => {
                self.commit.not_written();
                self.refused(error)
            }
            Err(WriteFailure::Unknown(error)) => {
                self.batch.lost();
                self.commit.not_written();
                Err(error)
            }
        }
    }

    fn refused(&mut self, error: ApiError) -> Result<(), ApiError> {
        if error.kind == ApiErrorKind::Invalid {
            self.batch.reject(ErrorCode::ApiRefused, &error.message);
            return Ok(());
        }
        match error.kind {
            ApiErrorKind::Conflict => {
                self.batch.overtaken();
                debug!(
                    "ConfigMap {} was changed by someone else; the edits are decided again on the new version.",
                    self.name
                );
                self.challenged = true;
                Ok(())
            }
            // Deleted meanwhile: the next read says so.
            ApiErrorKind::NotFound => {
                self.batch.not_written();
                Ok(())
            }
            _ => {
                self.batch.not_written();
                Err(error)
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Value>, ApiError> {
        let object = self.context.api.get(&self.name, self.limit()).await?.value;
        if let Some(object) = &object
            && let Some(version) = config_map::resource_version(object)
        {
            let theirs = self
                .batch
                .grant()
                .is_some_and(|grant| Claim::of(object) != Some(self.context.claim(grant)));
            self.batch.settle_doubts(object, version, theirs);
        }
        if let Some(object) = &object {
            self.commit.seen(object);
        }
        Ok(object)
    }

    async fn failed(&mut self, error: &ApiError) {
        self.known = None;
        let first = self.trouble.last().is_none();
        self.trouble.failed(
            self.context.clock.boot(),
            &format!("Writing ConfigMap {}", self.name),
            &error.message,
        );
        // A reply that was lost with its connection is asked for at once, on another one.
        let pause = match error.kind {
            ApiErrorKind::Unreachable | ApiErrorKind::TimedOut if first => Duration::ZERO,
            _ => pause_after(error),
        };
        sleep(pause.min(self.limit())).await;
    }

    /// The client for the next write.
    fn departing(&mut self) -> ApiClient {
        self.departure = Departure::default();
        self.context.api.departing(&self.departure)
    }

    fn limit(&self) -> Duration {
        limit_until(self.batch.next_deadline(), self.context.clock.boot())
    }
}

/// The sentence for a job `ConfigMap` that is gone.
pub(crate) fn missing(name: &str) -> String {
    format!("ConfigMap {name} does not exist. It was deleted by someone else, or by the clean-up of the job.")
}

#[cfg(all(test, feature = "testing"))]
mod tests;
