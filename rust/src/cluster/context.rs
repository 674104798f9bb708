//! What all tasks of one session share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

use crate::cluster::client::{Answer, ApiClient};
use crate::cluster::clock::Clock;
use crate::cluster::election::Command;
use crate::cluster::grant::GrantCell;
use crate::cluster::services::Spawn;
use crate::protocol::lease::LeaseTimings;
use crate::protocol::lock_record::LeaseFormat;

/// Cheap to clone: every task has its own.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) api: ApiClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) grants: GrantCell,
    pub(crate) spawn: Spawn,
    pub(crate) election: mpsc::UnboundedSender<Command>,
    /// Name of the cluster `ConfigMap`.
    pub(crate) cluster_map: String,
    /// Holder identity of this process.
    pub(crate) identity: String,
    /// Labels of every HA `ConfigMap`, as the running Flink line writes them.
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    pub(crate) lease_format: LeaseFormat,
    pub(crate) timings: LeaseTimings,
}

impl Context {
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(work));
    }

    /// Passes a quorum read of the cluster `ConfigMap` on to the election: it may show that the lock was lost.
    pub(crate) fn report_lock(&self, answer: Answer<Option<Value>>) {
        // The election task outlives every other; when it is gone the session is closing.
        let _ = self.election.send(Command::Observed(answer));
    }
}
