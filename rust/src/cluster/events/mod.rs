//! What a session has to tell: its events in one order, and whether it is ready.

pub mod queue;
pub(crate) mod ready;

/// One event of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Leadership was granted.
    Grant {
        /// Number of the grant, unique within the session.
        grant: u64,
    },
    /// Leadership ended.
    Revoke {
        /// Number of the grant that ended.
        grant: u64,
        /// Why, in words.
        cause: String,
    },
    /// A watched component has another leader, or none.
    Leader {
        /// The subscription that `watch_leader` returned.
        subscription: u64,
        /// `<session id>,<address>`, or `None` when there is no leader.
        value: Option<String>,
    },
    /// The file of a pointer whose write ended without an answer is not needed: the pointer is not there and will not be.
    Unreferenced {
        /// Name of the `ConfigMap`.
        config_map: String,
        /// Its key there.
        key: String,
        /// The text of the pointer.
        pointer: String,
    },
    /// The session cannot go on.
    Error(crate::error::HaError),
}

/// What a wait for an event ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// An event.
    Event(Event),
    /// Nothing within the limit.
    Nothing,
    /// The session is closed and its queue is drained.
    Closed,
}
