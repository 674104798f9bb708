//! The one ordered queue from the library to Java.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Event, Taken};

/// Filled by tasks of the runtime, drained by one Java thread that waits here without being attached to anything.
///
/// Bounded by construction: an unread leader event is replaced by the newer one of the same subscription, grants and revokes alternate, and every
/// other event belongs to a call that has ended.
#[derive(Default)]
pub struct EventQueue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    nudged: bool,
    closed: bool,
}

impl EventQueue {
    /// Appends an event. After [`EventQueue::close`] it is dropped.
    pub fn push(&self, event: Event) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if let Event::Leader { subscription, .. } = event {
            state.events.retain(
                |waiting| !matches!(waiting, Event::Leader { subscription: other, .. } if *other == subscription),
            );
        }
        state.events.push_back(event);
        drop(state);
        self.changed.notify_all();
    }

    /// The next event, waiting for it up to the limit.
    pub fn take(&self, limit: Duration) -> Taken {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                return Taken::Event(event);
            }
            if state.closed {
                return Taken::Closed;
            }
            let left = end.saturating_duration_since(Instant::now());
            if std::mem::take(&mut state.nudged) || left.is_zero() {
                return Taken::Nothing;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Ends the present wait, or else the next, with nothing: its thread has something else to look at.
    pub fn nudge(&self) {
        self.lock().nudged = true;
        self.changed.notify_all();
    }

    /// Ends the queue: what is in it can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements above, so a panicking holder leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
