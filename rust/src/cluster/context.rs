//! What all tasks of one session share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::cluster::client::{Answer, ApiClient, ApiError};
use crate::cluster::clock::Clock;
use crate::cluster::config_map::writers::Writers;
use crate::cluster::election::Command;
use crate::cluster::events::queue::EventQueue;
use crate::cluster::grant::GrantCell;
use crate::cluster::mirror::Mirror;
use crate::cluster::pulse::Pulse;
use crate::cluster::recorder::Recorder;
use crate::cluster::spawn::Spawn;
use crate::protocol::annotations::Claim;
use crate::protocol::elector::{ElectorSettings, GrantId};
use crate::protocol::lock_record::{LeaseFormat, LockView};

/// What a quorum read shows of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Ours,
    /// Somebody else holds it.
    Lost,
    /// Nobody does.
    Unclear,
}

/// Cheap to clone: every task has its own.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) api: ApiClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) grants: GrantCell,
    pub(crate) spawn: Spawn,
    pub(crate) election: mpsc::UnboundedSender<Command>,
    pub(crate) events: Arc<EventQueue>,
    pub(crate) writers: Writers,
    /// Name of the cluster `ConfigMap`.
    pub(crate) cluster_map: String,
    /// Holder identity of this process.
    pub(crate) identity: String,
    /// Labels of every HA `ConfigMap`, as the running Flink line writes them.
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    pub(crate) lease_format: LeaseFormat,
    pub(crate) elector: ElectorSettings,
    pub(crate) pulse: Pulse,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) mirror: Mirror,
}

impl Context {
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(work));
    }

    /// What a job `ConfigMap` bears that this grant of this process may write.
    pub(crate) fn claim(&self, grant: GrantId) -> Claim {
        Claim {
            holder_identity: self.identity.clone(),
            grant: grant.0,
        }
    }

    /// Whose lock it is, by a quorum read. Made after another `ConfigMap` was read, "ours" says that no newer leader had claimed that one before it
    /// was read.
    pub(crate) async fn whose_lock(&self, for_the_sake_of: &str, limit: Duration) -> Result<Lock, ApiError> {
        let answer = self.api.get(&self.cluster_map, limit).await?;
        let lock = match answer.value.as_ref().map(LockView::of) {
            Some(LockView::Held(record)) if record.holder_identity == self.identity => return Ok(Lock::Ours),
            Some(LockView::Held(record)) => {
                warn!(
                    "ConfigMap {for_the_sake_of} is not written: {} holds the lock in ConfigMap {}.",
                    record.holder_identity, self.cluster_map
                );
                Lock::Lost
            }
            // Its leader repairs it or is revoked; either is about to show.
            _ => Lock::Unclear,
        };
        self.report_lock(answer);
        Ok(lock)
    }

    /// Passes a quorum read of the cluster `ConfigMap` on to the election: it may show that the lock was lost.
    fn report_lock(&self, answer: Answer<Option<Value>>) {
        // The election task outlives every other; when it is gone the session is closing.
        let _ = self.election.send(Command::Observed(answer));
    }
}
