//! What the elector is told.

use std::time::Duration;

use crate::protocol::contenders::Contenders;
use crate::protocol::holder_notes::HolderPod;
use crate::protocol::lock_record::LockView;
use crate::protocol::time::BootTime;

use super::effect::{AttemptId, GrantId};

/// The cluster `ConfigMap` as the API server showed it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Observation {
    /// There is none.
    Missing,
    /// There is one.
    Present {
        /// Its `metadata.resourceVersion`.
        resource_version: String,
        /// What its annotation says.
        lock: LockView,
        /// Who waits beside its holder.
        contenders: Contenders,
        /// The pod of whoever has last noted its own, not necessarily of the holder.
        pod: Option<Box<HolderPod>>,
    },
}

impl Observation {
    /// The version to base a write on; `None` asks for a creation.
    pub(super) fn version(&self) -> Option<&str> {
        match self {
            Self::Missing => None,
            Self::Present { resource_version, .. } => Some(resource_version),
        }
    }

    pub(super) fn lock(&self) -> Option<&LockView> {
        match self {
            Self::Missing => None,
            Self::Present { lock, .. } => Some(lock),
        }
    }

    pub(super) fn contenders(&self) -> Option<&Contenders> {
        match self {
            Self::Missing => None,
            Self::Present { contenders, .. } => Some(contenders),
        }
    }

    /// Whether the last holder of this lock has handed it over to somebody else.
    pub(super) fn calls_another_than(&self, identity: &str, lock: &LockView) -> bool {
        let called = self.contenders().and_then(|contenders| contenders.called_to(lock));
        called.is_some_and(|called| called != identity)
    }

    pub(super) fn pod(&self) -> Option<&HolderPod> {
        match self {
            Self::Missing => None,
            Self::Present { pod, .. } => pod.as_deref(),
        }
    }

    /// Whether `other` certainly shows a later state. Versions of one resource are decimal numbers that grow
    /// (etcd's revisions; promised by Kubernetes since 1.35). What cannot be ordered is not called older.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let number = |of: &Self| of.version().and_then(|version| version.parse::<u64>().ok());
        matches!((number(self), number(other)), (Some(mine), Some(others)) if mine < others)
    }
}

/// How an observation reached us, which decides whether it can be old news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An event of the watch, or the list that it began with. A watch can lag behind our own writes.
    Watch,
    /// The answer to [`Effect::Read`](super::Effect::Read): a quorum read, begun after every earlier write had its outcome.
    /// What was read without being asked for counts as seen by the watch.
    Read,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Time has passed: the timer of [`Effect::Wake`](super::Effect::Wake), or a first impulse. One too many does no harm.
    Tick,
    /// The `ConfigMap` was seen.
    Observed {
        /// What was seen.
        observation: Observation,
        /// How it was seen.
        source: Source,
        /// The server's own clock says that the last write is older than the record's lease and five seconds.
        /// It counts at the first sight only, where a restarted cluster meets the lock of its dead predecessor.
        long_dead: bool,
    },
    /// The read asked for by [`Effect::Read`](super::Effect::Read) brought no answer.
    ReadFailed,
    /// The read was answered, so the API server can be used, but what it showed is not to be acted on yet.
    ReadPostponed,
    /// Edits wait to be written to the `ConfigMap`. A leader answers with a write that they can ride on.
    WriteWanted,
    /// The write was applied.
    Applied {
        /// Which write.
        attempt: AttemptId,
        /// The object in the server's answer.
        observation: Observation,
    },
    /// The write was certainly not applied, and never will be.
    Refused {
        /// Which write.
        attempt: AttemptId,
        /// Nobody could have written: the API server was not reached, or answers 401, 403 or 429.
        unusable: bool,
    },
    /// Time-out, reset, or a server error: the write may have been applied, or be applied later.
    Unknown {
        /// Which write.
        attempt: AttemptId,
    },
    /// The API server turned a request away and asks to be left alone for this long. The outcome of that request comes right after it.
    AskedToWait {
        /// Its `Retry-After`.
        retry_after: Duration,
    },
    /// A sign of life of the JVM, given at this time. Whatever comes next is judged by the newest one, so it comes first.
    Pulse {
        /// When.
        at: BootTime,
    },
    /// The seat of this pod, which one process at a time can have and no other than a living one, is ours for life.
    Seated {
        /// The pod.
        pod_uid: String,
    },
    /// It was seen over the network that the process of this holder has ended.
    HolderEnded {
        /// Its identity.
        holder: String,
    },
    /// An operator wants another candidate to lead.
    HandOver {
        /// Its identity; whoever is first without.
        to: Option<String>,
        /// Not before [`Input::CheckpointStored`], if that comes in time.
        between_checkpoints: bool,
    },
    /// A checkpoint has just been written down, and no other is being written down.
    CheckpointStored,
    /// Whoever had to hear of the end of this grant has, and does nothing more under it.
    RevokeHandled {
        /// The grant.
        grant: GrantId,
    },
    /// The last contender is gone: give the lock back and end.
    Stop,
}
