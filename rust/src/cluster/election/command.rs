//! What the other parts of the library ask of the owner of the cluster `ConfigMap`.

use serde_json::Value;
use tokio::sync::oneshot;

use crate::cluster::client::Answer;
use crate::cluster::config_map::batch::PendingEdit;
use crate::protocol::elector::GrantId;

/// One request.
pub(crate) enum Command {
    /// Become a candidate.
    Start,
    /// Stop being a candidate; the reply comes once the lock is released or was not ours.
    Stop(oneshot::Sender<()>),
    /// A leader address, or `None` for "no leader any more", under this grant.
    Publish {
        grant: GrantId,
        component: String,
        value: Option<String>,
    },
    /// An edit of the cluster `ConfigMap` (job graphs, execution plans, applications).
    Edit(PendingEdit),
    /// Tell this subscription about a component's leader.
    Subscribe { id: u64, component: String },
    /// Forget this subscription.
    Unsubscribe { id: u64 },
    /// A quorum read that somebody else made.
    Observed(Answer<Option<Value>>),
    /// The process of this holder was seen to have ended.
    HolderEnded { holder: String },
    /// Flink has taken in the end of this grant.
    RevokeHeard { grant: GrantId },
    /// A checkpoint has been written down, and no other is being written down.
    CheckpointStored,
    /// End the task. Whoever still waits for an answer learns that the session is closed.
    End,
}
