//! The writer of one job `ConfigMap`: checkpoint pointers and the checkpoint counter of one job.

use std::time::Duration;

use log::{debug, warn};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::batch::{Batch, PendingEdit, not_leader};
use super::trouble::Trouble;
use super::{RETRY_PAUSE, limit_until, pause_after};
use crate::cluster::client::{ApiError, ApiErrorKind, WriteFailure};
use crate::cluster::context::{Context, Lock};
use crate::error::ErrorCode;
use crate::protocol::annotations::Claim;
use crate::protocol::config_map;
use crate::protocol::edit::Edit;
use crate::protocol::elector::GrantId;

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
            () = self.attempt_and_pause(grant) => {}
        }
    }

    fn interrupted(&mut self) {
        self.batch.lost();
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
        if foreign || self.challenged {
            match self.context.whose_lock(&self.name, self.limit()).await? {
                Lock::Ours => self.challenged = false,
                Lock::Lost => {
                    self.batch.fail(ErrorCode::NotLeader, &not_leader(&self.name));
                    return Ok(());
                }
                Lock::Unclear => {
                    sleep(RETRY_PAUSE).await;
                    return Ok(());
                }
            }
        }
        // The clock may say what the election task, frozen like this one, had no time to say: from here on nothing is waited for.
        if !self.context.grants.holds(grant) {
            return Ok(());
        }
        let mut object = base.clone();
        if foreign && let Err(refusal) = Edit::Claim(claim).apply(&mut object) {
            warn!("ConfigMap {} cannot be claimed: {refusal}", self.name);
        }
        self.batch.apply(&mut object);
        if object == base {
            if fresh {
                self.known = Some(base);
                self.batch.nothing_to_write(&self.name);
            } else {
                // Nothing to write means nothing proves that the object is current: read it and decide again.
                self.known = None;
                self.batch.not_written();
            }
            return Ok(());
        }
        let version = config_map::resource_version(&base).unwrap_or_default();
        self.write(version, &object).await
    }

    async fn write(&mut self, base: &str, object: &Value) -> Result<(), ApiError> {
        self.known = None;
        self.batch.sent(base);
        match self.context.api.replace(object, self.limit()).await {
            Ok(stored) => {
                self.known = Some(stored);
                self.batch.written();
                Ok(())
            }
            Err(WriteFailure::Refused(error)) => self.refused(error),
            Err(WriteFailure::Unknown(error)) => {
                self.batch.lost();
                Err(error)
            }
        }
    }

    fn refused(&mut self, error: ApiError) -> Result<(), ApiError> {
        if error.kind == ApiErrorKind::Invalid {
            self.batch.reject(ErrorCode::ApiRefused, &error.message);
            return Ok(());
        }
        self.batch.not_written();
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
        limit_until(self.batch.next_deadline(), self.context.clock.boot())
    }
}

/// The sentence for a job `ConfigMap` that is gone.
pub(crate) fn missing(name: &str) -> String {
    format!("ConfigMap {name} does not exist. It was deleted by someone else, or by the clean-up of the job.")
}
