//! Why an edit was refused.

use std::fmt;

use crate::protocol::config_map::DATA_BYTES_LIMIT;
use crate::protocol::names::COUNTER_KEY;
use crate::protocol::state_handle::Undecodable;

/// How much of a foreign value is quoted, in characters.
const QUOTED: usize = 64;

/// Why an edit was refused. The object is as it was. Shown as one sentence, which says what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditRefusal {
    /// The key holds another live pointer (`StateHandleStore.AlreadyExistException`).
    AlreadyExists {
        /// The key in `data`.
        key: String,
    },
    /// The key holds nothing (`StateHandleStore.NotExistException`).
    NotExists {
        /// The key in `data`.
        key: String,
    },
    /// The key holds a pointer whose removal has begun and must be finished first.
    MarkedForDeletion {
        /// The key in `data`.
        key: String,
        /// The text of the marked pointer, by which the state can be discarded.
        pointer: String,
    },
    /// The key holds a live pointer, which is only removed after it was marked.
    NotMarked {
        /// The key in `data`.
        key: String,
    },
    /// The key holds something that we cannot read. With [`Undecodable::ForeignShape`] Java may be able to.
    Undecodable {
        /// The key in `data`.
        key: String,
        /// What is wrong with it.
        reason: Undecodable,
    },
    /// The `ConfigMap` would become too large.
    TooLarge {
        /// The key in `data` whose value does not fit.
        key: String,
        /// What the content would come to, in bytes.
        bytes: usize,
        /// What it may come to with this key, in bytes.
        limit: usize,
    },
    /// The counter is not a number, or has no successor.
    BrokenCounter {
        /// The value.
        value: String,
    },
    /// The object is not a `ConfigMap`; the API server never sends one like it.
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl fmt::Display for EditRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists { key } => write!(
                f,
                "the key {key} already points to another state: replace or remove that first"
            ),
            Self::NotExists { key } => write!(f, "the key {key} does not exist: add it instead of replacing it"),
            Self::MarkedForDeletion { key, .. } => write!(
                f,
                "the key {key} points to a state whose removal has begun: discard the state and \
                    remove the key first"
            ),
            Self::NotMarked { key } => write!(
                f,
                "the key {key} points to a live state: mark it for deletion before it is removed"
            ),
            Self::Undecodable { key, reason } => write!(
                f,
                "the value of the key {key} cannot be decoded ({reason}) and was left as it is: \
                    remove the key if nothing needs it any more"
            ),
            Self::TooLarge { key, bytes, limit } => write!(
                f,
                "with the key {key} the values would come to {bytes} bytes, more than the \
                    {limit} that it may fill (Kubernetes takes {DATA_BYTES_LIMIT} per ConfigMap): \
                    retain fewer checkpoints or run fewer jobs in this cluster"
            ),
            Self::BrokenCounter { value } => write!(
                f,
                "the key {COUNTER_KEY} holds {:?}, from which no checkpoint id can be counted on: \
                    set it to a number above the id of every checkpoint of the job",
                value.chars().take(QUOTED).collect::<String>()
            ),
            Self::Malformed { reason } => write!(
                f,
                "the object is not a ConfigMap, {reason}: read it again from the API server"
            ),
        }
    }
}

impl std::error::Error for EditRefusal {}
