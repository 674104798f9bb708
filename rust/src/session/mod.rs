//! One HA services instance: its runtime, its tasks, its ordered shutdown.
//!
//! Every method blocks the calling thread and never a thread of the runtime.

pub mod error;
pub mod event;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::protocol::edit::{Edit, EditAnswer};
use error::{ErrorCode, HaError};
use event::Taken;

/// One HA services instance.
pub struct Session {}

fn pending<T>() -> Result<T, HaError> {
    Err(HaError::new(ErrorCode::Internal, "not built yet"))
}

impl Session {
    /// Opens a session; sends nothing that it would have to wait for.
    pub fn open(_settings: &BTreeMap<String, String>) -> Result<Self, HaError> {
        pending()
    }
    /// Waits until the API server answered the first list.
    pub fn await_ready(&self, _limit: Option<Duration>) -> Result<(), HaError> {
        pending()
    }
    /// Closes everything in order, within the limit.
    pub fn close(&self, _limit: Duration) {}
    /// The next event, waiting for it up to the limit.
    pub fn take_event(&self, _limit: Duration) -> Taken {
        Taken::Nothing
    }
    /// Becomes a candidate.
    pub fn start_election(&self) -> Result<(), HaError> {
        pending()
    }
    /// Stops being a candidate and releases the lock.
    pub fn stop_election(&self, _limit: Duration) -> Result<(), HaError> {
        pending()
    }
    /// Whether a grant holds now, by the local clock alone.
    pub fn has_leadership(&self) -> bool {
        false
    }
    /// Queues a leader's address (`<session id>,<address>`) or its removal.
    pub fn publish_leader(&self, _component: &str, _value: Option<&str>) -> Result<(), HaError> {
        pending()
    }
    /// Subscribes to a component's leader.
    pub fn watch_leader(&self, _component: &str) -> Result<u64, HaError> {
        pending()
    }
    /// Ends a subscription.
    pub fn unwatch_leader(&self, _subscription: u64) {}
    /// Opens a `ConfigMap` under the grant that holds now.
    pub fn open_config_map(&self, _name: &str, _create: bool) -> Result<ConfigMapHandle, HaError> {
        pending()
    }
    /// Deletes a `ConfigMap`; an absent one is fine.
    pub fn delete_config_map(&self, _name: &str) -> Result<(), HaError> {
        pending()
    }
}

/// A `ConfigMap` as seen under one grant.
#[derive(Clone)]
pub struct ConfigMapHandle {}

impl ConfigMapHandle {
    /// Applies an edit and waits until it is settled.
    pub fn edit(&self, _edit: Edit) -> Result<EditAnswer, HaError> {
        pending()
    }
    /// Reads the `ConfigMap` from the API server; `None` when it is absent.
    pub fn read(&self) -> Result<Option<Value>, HaError> {
        pending()
    }
}
