//! What a leader last knew of a job `ConfigMap`, from which it can make it anew.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::protocol::elector::GrantId;

/// Written by the one writer of the `ConfigMap`, given up by whoever deletes it for good.
///
/// It belongs to a grant: under the next one somebody else may have written in between, so that begins with a read.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Nothing,
    /// The object as it was last, under this grant.
    Known(GrantId, Arc<Value>),
    /// The object as it was read under this grant, whose claim is on its way and may have arrived.
    Claiming(GrantId, Arc<Value>),
    /// This process has deleted it, or is about to: an edit that comes late must not bring it back.
    GivenUp,
}

impl Memory {
    /// The object of this version was read or stored under this grant.
    pub(crate) fn keep(&self, grant: GrantId, object: &Arc<Value>) {
        self.set(State::Known(grant, Arc::clone(object)));
    }

    /// The object of this version was read under this grant, and is about to be claimed for it.
    pub(crate) fn keep_for_claim(&self, grant: GrantId, object: &Arc<Value>) {
        self.set(State::Claiming(grant, Arc::clone(object)));
    }

    fn set(&self, known: State) {
        let mut state = self.lock();
        if !matches!(*state, State::GivenUp) {
            *state = known;
        }
    }

    /// The `ConfigMap` was opened to be written: whatever was given up before, it is wanted now.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        if matches!(*state, State::GivenUp) {
            *state = State::Nothing;
        }
    }

    /// The `ConfigMap` is deleted on purpose.
    pub(crate) fn give_up(&self) {
        *self.lock() = State::GivenUp;
    }

    /// What it looked like last under this grant.
    pub(crate) fn of(&self, grant: GrantId) -> Option<Arc<Value>> {
        match &*self.lock() {
            State::Known(of, object) | State::Claiming(of, object) if *of == grant => Some(Arc::clone(object)),
            _ => None,
        }
    }

    /// Whether something is known under this grant.
    pub(crate) fn is_of(&self, grant: GrantId) -> bool {
        matches!(&*self.lock(), State::Known(of, _) | State::Claiming(of, _) if *of == grant)
    }

    /// Whether a claim for this grant was sent, and never heard of.
    pub(crate) fn awaits_claim_of(&self, grant: GrantId) -> bool {
        matches!(&*self.lock(), State::Claiming(of, _) if *of == grant)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A value that is written at once is never half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_one_grant_knew_is_nothing_to_the_next() {
        let (memory, object) = (Memory::default(), Arc::new(json!({ "data": { "counter": "3" } })));
        assert_eq!(memory.of(GrantId(1)), None);
        memory.keep(GrantId(1), &object);
        assert_eq!(memory.of(GrantId(1)), Some(object));
        assert!(memory.is_of(GrantId(1)) && !memory.is_of(GrantId(2)));
        assert_eq!(memory.of(GrantId(2)), None);
    }

    #[test]
    fn what_was_given_up_comes_back_only_when_it_is_opened_again() {
        let (memory, object) = (Memory::default(), Arc::new(json!({})));
        memory.keep(GrantId(1), &object);
        memory.give_up();
        // The answer to a write that was under way when the ConfigMap was deleted.
        memory.keep(GrantId(1), &object);
        assert_eq!(memory.of(GrantId(1)), None);
        memory.begin();
        assert_eq!(memory.of(GrantId(1)), None);
        memory.keep(GrantId(1), &object);
        assert_eq!(memory.of(GrantId(1)), Some(object));
    }
}
