//! The writer of one job `ConfigMap`: checkpoint pointers and the checkpoint counter of one job.

use std::time::Duration;

use log::{debug, warn};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::batch::{Batch, PendingEdit, not_leader};
use super::trouble::Trouble;
use super::{REQUEST_LIMIT, pause_after};
use crate::cluster::client::{ApiError, ApiErrorKind, WriteFailure};
use crate::cluster::context::Context;
use crate::error::ErrorCode;
use crate::protocol::annotations::Claim;
use crate::protocol::config_map;
use crate::protocol::edit::Edit;
use crate::protocol::elector::GrantId;
use crate::protocol::lock_record::LockView;

/// Holds the last known object and sends one conditional PUT at a time for everything that waits.
///
/// There is no GET in steady state: a successful PUT proves that the object it was decided on was current. Only refusals and no-ops,
/// which prove nothing, are decided on a fresh read.
pub(crate) struct JobMap {
    context: Context,
    name: String,
    edits: mpsc::UnboundedReceiver<PendingEdit>,
    batch: Batch,
    known: Option<Value>,
    /// Version that the PUT under way was decided on.
    in_flight: Option<String>,
    /// A conflict showed that someone else writes here: find out whether the lock is still ours before writing again.
    challenged: bool,
    trouble: Trouble,
}

impl JobMap {
    pub(crate) fn new(context: Context, name: String, edits: mpsc::UnboundedReceiver<PendingEdit>) -> Self {
        Self {
            context,
            name,
            edits,
            batch: Batch::default(),
            known: None,
            in_flight: None,
            challenged: false,
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
            }
        }
    }

    /// One attempt at everything that waits.
    async fn round(&mut self) {
        let now = self.context.clock.boot();
        self.batch
            .refuse_hopeless(&self.name, &self.context.grants, now, self.trouble.last());
        let Some(grant) = self.batch.grant() else { return };
        let grants = self.context.grants.clone();
        tokio::select! {
            biased;
            // A request that is under way loses its listener here, so what it carried is in doubt.
            () = grants.ended(grant) => self.interrupted(),
            result = self.attempt(grant) => match result {
                Ok(()) => self.trouble.succeeded(self.context.clock.boot(), &format!("Writing ConfigMap {}", self.name)),
                Err(error) => self.failed(&error).await,
            },
        }
    }

    fn interrupted(&mut self) {
        if let Some(version) = self.in_flight.take() {
            self.batch.doubt(&version);
        }
        self.known = None;
    }

    async fn attempt(&mut self, grant: GrantId) -> Result<(), ApiError> {
        let fresh = self.known.is_none();
        let known = if fresh { self.read().await? } else { self.known.clone() };
        let Some(base) = known else {
            self.batch.fail(ErrorCode::ConfigMapMissing, &missing(&self.name));
            return Ok(());
        };
        let claim = Claim {
            holder_identity: self.context.identity.clone(),
            grant: grant.0,
        };
        let foreign = Claim::of(&base).as_ref() != Some(&claim);
        if (foreign || self.challenged) && !self.lock_is_ours(grant).await? {
            self.batch.fail(ErrorCode::NotLeader, &not_leader(&self.name));
            return Ok(());
        }
        self.challenged = false;
        let mut object = base.clone();
        if foreign && let Err(refusal) = Edit::Claim(claim).apply(&mut object) {
            warn!("ConfigMap {} cannot be claimed: {refusal}", self.name);
        }
        self.batch.apply(&mut object);
        if object == base {
            if fresh {
                self.known = Some(base);
                self.batch.settle();
            } else {
                // Nothing to write means nothing proves that the object is current: read it and decide again.
                self.batch.not_written();
                self.known = None;
            }
            return Ok(());
        }
        let version = config_map::resource_version(&base).unwrap_or_default();
        self.write(version, &object).await
    }

    async fn write(&mut self, base: &str, object: &Value) -> Result<(), ApiError> {
        self.known = None;
        self.in_flight = Some(base.to_owned());
        let outcome = self.context.api.replace(object, self.limit()).await;
        self.in_flight = None;
        match outcome {
            Ok(stored) => {
                self.known = Some(stored);
                self.batch.settle();
                Ok(())
            }
            Err(WriteFailure::Refused(error)) => {
                self.batch.not_written();
                self.refused(error)
            }
            Err(WriteFailure::Unknown(error)) => {
                self.batch.doubt(base);
                Err(error)
            }
        }
    }

    fn refused(&mut self, error: ApiError) -> Result<(), ApiError> {
        match error.kind {
            ApiErrorKind::Conflict => {
                debug!(
                    "ConfigMap {} was changed by someone else; the edits are decided again on the new version.",
                    self.name
                );
                self.challenged = true;
                Ok(())
            }
            // Deleted meanwhile: the next read says so.
            ApiErrorKind::NotFound => Ok(()),
            ApiErrorKind::Invalid => {
                self.batch.fail(ErrorCode::ApiRefused, &error.message);
                Ok(())
            }
            _ => Err(error),
        }
    }

    async fn read(&mut self) -> Result<Option<Value>, ApiError> {
        let object = self.context.api.get(&self.name, self.limit()).await?.value;
        if let Some(object) = &object
            && let Some(version) = config_map::resource_version(object)
        {
            self.batch.settle_doubts(object, version);
        }
        Ok(object)
    }

    /// Reads the lock by a quorum read, after the job `ConfigMap` was read: if the lock is ours now, no newer leader had claimed before that read.
    async fn lock_is_ours(&mut self, grant: GrantId) -> Result<bool, ApiError> {
        let answer = self.context.api.get(&self.context.cluster_map, self.limit()).await?;
        let ours = answer.value.as_ref().is_some_and(
            |object| matches!(LockView::of(object), LockView::Held(record) if record.holder_identity == self.context.identity),
        );
        if !ours {
            warn!(
                "ConfigMap {} is not written: another process holds the lock in ConfigMap {}.",
                self.name, self.context.cluster_map
            );
            self.context.report_lock(answer);
        }
        Ok(ours && self.context.grants.holds(grant))
    }

    async fn failed(&mut self, error: &ApiError) {
        self.known = None;
        self.trouble.failed(
            self.context.clock.boot(),
            &format!("Writing ConfigMap {}", self.name),
            &error.message,
        );
        sleep(pause_after(error).min(self.limit())).await;
    }

    fn limit(&self) -> Duration {
        let now = self.context.clock.boot();
        let left = self
            .batch
            .next_deadline()
            .map_or(REQUEST_LIMIT, |deadline| deadline.saturating_since(now));
        left.clamp(Duration::from_millis(50), REQUEST_LIMIT)
    }
}

/// The sentence for a job `ConfigMap` that is gone.
pub(crate) fn missing(name: &str) -> String {
    format!("ConfigMap {name} does not exist. It was deleted by someone else, or by the clean-up of the job.")
}
