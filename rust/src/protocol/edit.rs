//! Changes of a `ConfigMap` as pure functions: an edit answers, or refuses and leaves the object as it was.
//!
//! The writer of a `ConfigMap` applies every queued edit to the object that it last saw and sends the result with that
//! object's resource version. After a conflict it applies them again to the fresh object, so an edit decides anew each
//! time and says the same thing when its own earlier write turns out to have landed.

mod claim;
mod counter;
mod leader;
mod pointer;
mod refusal;
mod size;

use serde_json::Value;

use super::annotations::Claim;
use super::config_map;

pub use counter::read as read_counter;
pub(super) use counter::{raise as raise_counter, reserve as reserve_counter};
pub use refusal::EditRefusal;
pub use size::POINTER_BYTES_LIMIT;

/// A change of a `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Adds a pointer under a key that holds none (`KubernetesStateHandleStore.addAndLock`). The same live pointer there
    /// already is [`Unchanged`](EditAnswer::Unchanged), so that a repeated write succeeds. Refused when another live
    /// pointer, a marked one or an undecodable value is there: stock overwrites the last, which loses what it was.
    AddPointer {
        /// The key in `data`.
        key: String,
        /// The pointer's text.
        pointer: String,
    },
    /// Puts a pointer in place of the live one (`KubernetesStateHandleStore.replace`). A foreign shape in stock's wrapper
    /// is replaced too, because the answer hands its text back.
    ReplacePointer {
        /// The key in `data`.
        key: String,
        /// The pointer's text.
        pointer: String,
    },
    /// First phase of a removal (`KubernetesStateHandleStore.releaseAndTryRemove`): sets the delete marker. The state is
    /// discarded when that is written, and then [`RemovePointer`](Edit::RemovePointer) follows.
    MarkPointer {
        /// The key in `data`.
        key: String,
    },
    /// Second phase of a removal: removes this marked pointer, whose state is discarded, and leaves everything else that
    /// the key may hold. To remove a live one is refused. Nothing needs the key any more, so the writer of a job's
    /// `ConfigMap` takes it away with its next write.
    RemovePointer {
        /// The key in `data`.
        key: String,
        /// The text of the marked pointer.
        pointer: String,
    },
    /// Changes nothing by itself: is answered when no removal waits for a next write any more.
    FinishRemovals,
    /// Removes every key with this prefix, live pointers too, whose state stays where it is
    /// (`KubernetesStateHandleStore.clearEntries`). Leaders and counter are no pointers and stay.
    ClearPointers {
        /// What the keys begin with.
        prefix: String,
    },
    /// Publishes a component's leader, or that it has none.
    PublishLeader {
        /// The component's id, for example `dispatcher`.
        component: String,
        /// The encoded leader information; `None` removes the key.
        value: Option<String>,
    },
    /// Removes the leaders of all components.
    ClearLeaders,
    /// Hands out the next checkpoint id (`KubernetesCheckpointIDCounter.getAndIncrement`).
    NextCounter,
    /// Tells the checkpoint id that is handed out next (`KubernetesCheckpointIDCounter.get`).
    ReadCounter,
    /// Sets the checkpoint id that is handed out next (`KubernetesCheckpointIDCounter.setCount`).
    SetCounter(i64),
    /// Removes the counter (`KubernetesCheckpointIDCounter.shutdown` of a job that ended for good).
    RemoveCounter,
    /// Claims the `ConfigMap` for a grant.
    Claim(Claim),
    /// Removes a key whose value cannot be decoded, or that Java could not read either. A live pointer of our own shape
    /// is refused: between the reading and this write somebody may have put one there.
    RemoveKey {
        /// The key in `data`.
        key: String,
    },
}

/// What an edit that was not refused has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditAnswer {
    /// The change was made.
    Done,
    /// The object was already as the edit wants it.
    Unchanged,
    /// The change was made, and this value is gone.
    Replaced {
        /// The former text.
        old: String,
    },
    /// The pointer is marked, by this edit or before it.
    Marked {
        /// The text of the marked pointer, by which the state can be discarded.
        pointer: String,
    },
    /// The key is absent, and nothing was changed.
    Absent,
    /// The checkpoint id that was handed out.
    Counter(i64),
    /// The checkpoint id that is handed out next.
    Next(i64),
    /// So many keys were removed, at least one.
    Cleared(usize),
}

impl EditAnswer {
    /// Whether the object may differ from what it was, so that it has to be written. A pointer that was marked before is
    /// written again, which is harmless.
    #[must_use]
    pub const fn needs_write(&self) -> bool {
        !matches!(self, Self::Unchanged | Self::Absent | Self::Next(_))
    }
}

impl Edit {
    /// Applies the edit to a `ConfigMap`. A refusal leaves the object as it was; otherwise nothing changes but what the
    /// edit is about.
    pub fn apply(&self, object: &mut Value) -> Result<EditAnswer, EditRefusal> {
        if let Some(reason) = config_map::malformed(object) {
            return Err(EditRefusal::Malformed { reason });
        }
        match self {
            Self::AddPointer { key, pointer } => pointer::add(object, key, pointer),
            Self::ReplacePointer { key, pointer } => pointer::replace(object, key, pointer),
            Self::MarkPointer { key } => pointer::mark(object, key),
            Self::RemovePointer { key, pointer } => pointer::remove(object, key, pointer),
            Self::FinishRemovals => Ok(EditAnswer::Unchanged),
            Self::ClearPointers { prefix } => Ok(pointer::clear(object, prefix)),
            Self::PublishLeader { component, value } => leader::publish(object, component, value.as_deref()),
            Self::ClearLeaders => Ok(leader::clear(object)),
            Self::NextCounter => counter::next(object),
            Self::ReadCounter => counter::read(object).map(EditAnswer::Next),
            Self::SetCounter(next) => counter::set(object, *next),
            Self::RemoveCounter => Ok(counter::remove(object)),
            Self::Claim(claim) => Ok(claim::claim(object, claim)),
            Self::RemoveKey { key } => pointer::remove_key(object, key),
        }
    }
}

fn remove_one(object: &mut Value, key: &str) -> EditAnswer {
    match config_map::remove_entries(object, |candidate| candidate == key) {
        0 => EditAnswer::Unchanged,
        _ => EditAnswer::Done,
    }
}

fn remove_all(object: &mut Value, remove: impl Fn(&str) -> bool) -> EditAnswer {
    match config_map::remove_entries(object, remove) {
        0 => EditAnswer::Unchanged,
        count => EditAnswer::Cleared(count),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
