//! The mirror: what the `ConfigMap`s of a cluster point to, kept a second time in the storage directory.
//!
//! | file | holds |
//! |---|---|
//! | `task` | the one task that writes: what waits, in which order, and what goes |
//! | `map` | what is known of the manifests of one `ConfigMap` |
//! | `vault` | where they lie |
//!
//! **Where.** `<storageDir>/<high-availability.cluster-id>/flink-kube-ha-mirror/<namespace>/`. Flink keeps files and `blob/` beside it and makes no such
//! name; its clean-up deletes files by name, `blob/`, and directories that are empty. `flink-ha verify` and `gc` look at files with names of Flink's
//! making directly in the directories of pointers, which this is not. A directory goes with the last manifest in it.
//!
//! **What.** One small [`Manifest`] for each `ConfigMap` that points to something, and none for others: when the last plan is removed, or
//! the last checkpoint, so is the manifest.
//!
//! **When.** After a write was acknowledged, which is told and not waited for: a `ConfigMap` is mirrored at most once a second, its latest state at that
//! time, one file after the other, and a tenth of a second late, so that the two writes of a checkpoint are one file. So the mirror is behind by a second and the time of a put, or of as many puts as there are jobs, and by the length of an
//! outage of the storage. Failures are tried again, are counted with the storage's, and show in no call and no checkpoint. `close` waits for what is left,
//! for a while. Nothing is asked of the API server.
//!
//! **Who.** Whoever led when the write was acknowledged. A leader that stood still may write when another one leads already: its file has a name
//! of its own, bearing an older version, so that it is nobody's overwriting and never the newest. Ten seconds after the write it is
//! given up instead, if the grant has ended. A file is deleted by who has just written a newer one of the same object, or of one that knows all that this one
//! does; by who leads when the job has ended for good; and by who has deleted the `ConfigMap` of the cluster. The names of these files were
//! read before, so none is that of a file which a later leader writes.
//!
//! **The end of a job.** Its manifest goes when its last checkpoint does, for certain before its `ConfigMap` is deleted (the deletion waits for it and fails
//! with it; Flink repeats the clean-up, and the next leader does, as long as the result of the job is dirty). A crash in between leaves a
//! `ConfigMap` without a manifest, never a manifest of a job that nobody knows. What a former leader still writes after that is a manifest of a job
//! without a plan in the manifest of the cluster, whose files are gone: `flink-ha restore` leaves such jobs out, and those with a result.
//!
//! **Nothing is restored here.** A leader that finds an empty `ConfigMap` and a manifest of another object that knew more says so, once, and leaves that manifest
//! alone: its own is of another object. One such is kept for each `ConfigMap`.
//!
//! Two clusters of the same namespace and id in different Kubernetes must not share a storage directory: each would take the other's for a former one.

mod map;
mod task;
mod vault;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::cluster::clock::Clock;
use crate::cluster::context::Context;
use crate::cluster::grant::GrantCell;
use crate::error::{ErrorCode, HaError};
use crate::protocol::config_map;
use crate::protocol::elector::GrantId;
use crate::protocol::manifest;
use crate::protocol::time::BootTime;
use task::Task;
pub use vault::Vault;

/// Where the mirror lies, for messages and for who restores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorSettings {
    /// `<storageDir>/<high-availability.cluster-id>`, as a URI.
    pub root: String,
    /// Where results of jobs lie, as a URI.
    pub job_results: String,
}

/// Whose `ConfigMap`s are mirrored.
struct Leader {
    clock: Arc<dyn Clock>,
    grants: GrantCell,
    /// Holder identity of this process.
    identity: String,
    namespace: String,
    /// Name of the cluster `ConfigMap`.
    cluster_map: String,
}

/// Where everybody who writes a `ConfigMap` tells of it. It does nothing until it is started.
#[derive(Clone, Default)]
pub(crate) struct Mirror {
    started: Arc<OnceLock<Started>>,
}

struct Started {
    requests: mpsc::UnboundedSender<Request>,
    /// What was told last of each `ConfigMap`: most writes of the cluster's change nothing but the lock.
    told: Mutex<HashMap<String, u64>>,
}

/// What the task is asked for.
enum Request {
    /// An object was stored under this grant.
    Stored { grant: GrantId, object: Value },
    /// The job of this `ConfigMap` has ended for good.
    Forget {
        config_map: String,
        reply: oneshot::Sender<Result<(), HaError>>,
    },
    /// Which files there are of this cluster.
    List(oneshot::Sender<Result<Vec<String>, HaError>>),
    /// The cluster was cleaned up; these were there before.
    Remove {
        files: Vec<String>,
        reply: oneshot::Sender<Result<(), HaError>>,
    },
    /// Write what waits, now.
    Flush(oneshot::Sender<()>),
}

/// What an object was when it was told of.
struct Stored {
    grant: GrantId,
    at: BootTime,
    object: Value,
}

impl Mirror {
    /// From now on what is stored is mirrored. Only the first call counts.
    pub(crate) fn start(&self, context: &Context, vault: Arc<dyn Vault>, settings: MirrorSettings) {
        let leader = Leader {
            clock: Arc::clone(&context.clock),
            grants: context.grants.clone(),
            identity: context.identity.clone(),
            namespace: context.api.namespace().to_owned(),
            cluster_map: context.cluster_map.clone(),
        };
        if let Some(task) = self.task(leader, vault, settings) {
            context.spawn(task.run());
        }
    }

    fn task(&self, leader: Leader, vault: Arc<dyn Vault>, settings: MirrorSettings) -> Option<Task> {
        let (requests, receiver) = mpsc::unbounded_channel();
        let told = Mutex::default();
        let started = self.started.set(Started { requests, told });
        started.is_ok().then(|| Task::new(leader, receiver, vault, settings))
    }

    /// An object was stored under this grant. Waits for nothing.
    pub(crate) fn stored(&self, grant: GrantId, object: &Value) {
        let (Some(started), Some(name)) = (self.started.get(), config_map::name(object)) else {
            return;
        };
        let mut hasher = DefaultHasher::new();
        (grant.0, config_map::uid(object)).hash(&mut hasher);
        manifest::kept(object).for_each(|entry| entry.hash(&mut hasher));
        let content = hasher.finish();
        if started.told().insert(name.to_owned(), content) != Some(content) {
            let object = object.clone();
            // The task ends with the session.
            let _ = started.requests.send(Request::Stored { grant, object });
        }
    }

    /// The job of this `ConfigMap` has ended for good: takes its manifests away, within this time.
    pub(crate) async fn forget(&self, config_map: &str, limit: Duration) -> Result<(), HaError> {
        let Some(started) = self.started.get() else {
            return Ok(());
        };
        started.told().remove(config_map);
        let config_map = config_map.to_owned();
        started
            .ask(limit, |reply| Request::Forget { config_map, reply })
            .await?
    }

    /// The files of this cluster, for [`remove`](Self::remove).
    pub(crate) async fn list(&self, limit: Duration) -> Result<Vec<String>, HaError> {
        let Some(started) = self.started.get() else {
            return Ok(Vec::new());
        };
        started.ask(limit, Request::List).await?
    }

    /// The cluster was cleaned up: takes these files away, which were listed before, and forgets what waits.
    pub(crate) async fn remove(&self, files: Vec<String>, limit: Duration) -> Result<(), HaError> {
        let Some(started) = self.started.get() else {
            return Ok(());
        };
        started.told().clear();
        started.ask(limit, |reply| Request::Remove { files, reply }).await?
    }

    /// Writes what waits, within this time.
    pub(crate) async fn flush(&self, limit: Duration) -> Result<(), HaError> {
        match self.started.get() {
            Some(started) => started.ask(limit, Request::Flush).await,
            None => Ok(()),
        }
    }
}

impl Started {
    async fn ask<T>(&self, limit: Duration, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, HaError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).map_err(|_| HaError::closed())?;
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|_| HaError::closed()),
            Err(_) => Err(HaError::new(
                ErrorCode::StorageFailed,
                "The mirror of the ConfigMaps in the storage directory did not answer in time.",
            )),
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<String, u64>> {
        // Every change is one call.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
