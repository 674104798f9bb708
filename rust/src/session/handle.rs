//! A `ConfigMap` as seen under one grant, for threads that wait.

use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::cluster::services::OpenMap;
use crate::error::HaError;
use crate::protocol::edit::{Edit, EditAnswer};

/// Writes are refused once the grant has ended; reads are quorum reads.
#[derive(Clone)]
pub struct ConfigMapHandle {
    map: OpenMap,
    runtime: Handle,
}

impl ConfigMapHandle {
    pub(super) const fn new(map: OpenMap, runtime: Handle) -> Self {
        Self { map, runtime }
    }

    /// Name of the `ConfigMap`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.map.name()
    }

    /// Applies an edit and waits until it is settled: written, refused, or of unknown outcome.
    pub fn edit(&self, edit: Edit) -> Result<EditAnswer, HaError> {
        self.edit_within(edit, Duration::MAX)
    }

    /// Applies an edit and waits until it is settled, at most this long.
    pub fn edit_within(&self, edit: Edit, limit: Duration) -> Result<EditAnswer, HaError> {
        let answer = self.map.submit_within(edit, limit)?;
        answer
            .blocking_recv()
            .unwrap_or_else(|_| Err(HaError::closed_meanwhile()))
    }

    /// Reads the `ConfigMap` from the API server, by a quorum read; `None` when it is absent.
    pub fn read(&self) -> Result<Option<Value>, HaError> {
        let map = self.map.clone();
        run(&self.runtime, async move { map.read().await })
    }
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
    answer.blocking_recv().unwrap_or_else(|_| Err(HaError::closed()))
}
