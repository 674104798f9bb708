//! A `ConfigMap` as seen under one grant.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::closed;
use super::error::{ErrorCode, HaError};
use crate::cluster::client::{ApiError, ApiErrorKind};
use crate::cluster::config_map::batch::{PendingEdit, not_leader};
use crate::cluster::config_map::job_maps::JobMaps;
use crate::cluster::config_map::{REQUEST_LIMIT, pause_after, timed_out};
use crate::cluster::context::Context;
use crate::cluster::election::Command;
use crate::protocol::edit::{Edit, EditAnswer};
use crate::protocol::elector::GrantId;

/// Writes go through the one writer of the `ConfigMap` and are refused once the grant has ended; reads are quorum reads.
#[derive(Clone)]
pub struct ConfigMapHandle {
    context: Context,
    runtime: Handle,
    name: Arc<str>,
    grant: Option<GrantId>,
    patience: Duration,
    writer: Writer,
}

#[derive(Clone)]
enum Writer {
    /// The cluster `ConfigMap` is written by the election task, with a renewal in each write.
    Election,
    Job(mpsc::UnboundedSender<PendingEdit>),
}

impl ConfigMapHandle {
    pub(super) fn new(
        context: Context,
        jobs: &JobMaps,
        runtime: Handle,
        name: &str,
        grant: Option<GrantId>,
        patience: Duration,
    ) -> Self {
        let writer = if name == context.cluster_map {
            Writer::Election
        } else {
            Writer::Job(jobs.writer(name))
        };
        Self {
            context,
            runtime,
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

    /// Applies an edit and waits until it is settled: written, refused, or of unknown outcome.
    pub fn edit(&self, edit: Edit) -> Result<EditAnswer, HaError> {
        let grant = self.grant.filter(|grant| self.context.grants.holds(*grant));
        let grant = grant.ok_or_else(|| HaError::new(ErrorCode::NotLeader, not_leader(&self.name)))?;
        let (reply, answer) = oneshot::channel();
        let pending = PendingEdit::new(edit, grant, self.context.clock.boot() + self.patience, reply);
        let sent = match &self.writer {
            Writer::Election => self.context.election.send(Command::Edit(pending)).is_ok(),
            Writer::Job(writer) => writer.send(pending).is_ok(),
        };
        if !sent {
            return Err(closed());
        }
        answer.blocking_recv().unwrap_or_else(|_| Err(closed()))
    }

    /// Reads the `ConfigMap` from the API server, by a quorum read; `None` when it is absent.
    pub fn read(&self) -> Result<Option<Value>, HaError> {
        let (context, name) = (self.context.clone(), Arc::clone(&self.name));
        let deadline = context.clock.boot() + self.patience;
        run(&self.runtime, async move {
            loop {
                match context.api.get(&name, REQUEST_LIMIT).await {
                    Ok(answer) => return Ok(answer.value),
                    Err(error) if !is_transient(&error) || context.clock.boot() >= deadline => {
                        return Err(timed_out(&name, &error));
                    }
                    Err(error) => sleep(pause_after(&error)).await,
                }
            }
        })
    }
}

fn is_transient(error: &ApiError) -> bool {
    !matches!(error.kind, ApiErrorKind::Invalid | ApiErrorKind::NotFound)
}

/// Runs work on the runtime and waits for it on the calling thread. A runtime that shuts down drops the work, which counts as closed.
pub(super) fn run<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = Result<T, HaError>> + Send + 'static,
) -> Result<T, HaError> {
    let (reply, answer) = oneshot::channel();
    runtime.spawn(async move {
        // The caller waits below, unless its thread was killed with the process.
        let _ = reply.send(work.await);
    });
    answer.blocking_recv().unwrap_or_else(|_| Err(closed()))
}
