//! A `ConfigMap` as seen under one grant.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::batch::{PendingEdit, not_leader};
use super::{limit_until, pause_after, timed_out};
use crate::cluster::client::{ApiError, ApiErrorKind};
use crate::cluster::context::Context;
use crate::cluster::election::Command;
use crate::error::{ErrorCode, HaError};
use crate::protocol::edit::{Edit, EditAnswer};
use crate::protocol::elector::GrantId;

/// Writes go through the one writer of the `ConfigMap` and are refused once the grant has ended; reads are quorum reads.
#[derive(Clone)]
pub struct OpenMap {
    context: Context,
    name: Arc<str>,
    grant: Option<GrantId>,
    patience: Duration,
    /// `None` for the cluster `ConfigMap`: the election task writes it, with a renewal in each write.
    writer: Option<mpsc::UnboundedSender<PendingEdit>>,
}

impl OpenMap {
    pub(crate) fn new(
        context: Context,
        name: &str,
        grant: Option<GrantId>,
        patience: Duration,
        writer: Option<mpsc::UnboundedSender<PendingEdit>>,
    ) -> Self {
        Self {
            context,
            name: name.into(),
            grant,
            patience,
            writer,
        }
    }

    /// Name of the `ConfigMap`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands an edit to the writer. What comes out is that it was written, was refused, or that its outcome is not known; nothing at all when
    /// the services are closed meanwhile.
    pub fn submit(&self, edit: Edit) -> Result<oneshot::Receiver<Result<EditAnswer, HaError>>, HaError> {
        self.submit_within(edit, self.patience)
    }

    /// Hands an edit to the writer that is settled within this time, or within the patience that all edits have.
    pub fn submit_within(
        &self,
        edit: Edit,
        limit: Duration,
    ) -> Result<oneshot::Receiver<Result<EditAnswer, HaError>>, HaError> {
        let grant = self.grant.filter(|grant| self.context.grants.holds(*grant));
        let grant = grant.ok_or_else(|| HaError::new(ErrorCode::NotLeader, not_leader(&self.name)))?;
        let (reply, answer) = oneshot::channel();
        let pending = PendingEdit::new(edit, grant, self.context.clock.boot() + limit.min(self.patience), reply);
        let sent = match &self.writer {
            None => self.context.election.send(Command::Edit(pending)).is_ok(),
            Some(writer) => writer.send(pending).is_ok(),
        };
        if sent { Ok(answer) } else { Err(HaError::closed()) }
    }

    /// Applies an edit and waits until it is settled.
    pub async fn edit(&self, edit: Edit) -> Result<EditAnswer, HaError> {
        self.submit(edit)?
            .await
            .unwrap_or_else(|_| Err(HaError::closed_meanwhile()))
    }

    /// Reads the `ConfigMap` from the API server, by a quorum read; `None` when it is absent.
    ///
    /// A read of a job's `ConfigMap` ends at once with the grant, as writes do: Flink may wait for it under its coordinator lock, and asks
    /// whether it still leads before it makes anything of the failure. One of the cluster's waits on, because Flink reads it while it recovers,
    /// where a failure that comes before the revoke has arrived ends the process.
    pub async fn read(&self) -> Result<Option<Value>, HaError> {
        let grant = self.grant.filter(|grant| self.context.grants.holds(*grant));
        let (Some(grant), Some(_)) = (grant, &self.writer) else {
            return self.read_in_time().await;
        };
        tokio::select! {
            biased;
            () = self.context.grants.ended(grant) => Err(HaError::new(ErrorCode::NotLeader, not_read(&self.name))),
            outcome = self.read_in_time() => outcome,
        }
    }

    async fn read_in_time(&self) -> Result<Option<Value>, HaError> {
        let deadline = self.context.clock.boot() + self.patience;
        loop {
            let limit = limit_until(Some(deadline), self.context.clock.boot());
            match self.context.api.get(&self.name, limit).await {
                Ok(answer) => return Ok(answer.value),
                Err(error) if !is_transient(&error) || self.context.clock.boot() >= deadline => {
                    return Err(timed_out(&self.name, &error));
                }
                Err(error) => sleep(pause_after(&error).min(limit)).await,
            }
        }
    }
}

fn not_read(name: &str) -> String {
    format!("ConfigMap {name} was not read because the leadership under which it was asked for has ended.")
}

fn is_transient(error: &ApiError) -> bool {
    !matches!(error.kind, ApiErrorKind::Invalid | ApiErrorKind::NotFound)
}
