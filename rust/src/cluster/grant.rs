//! The grant that holds now, as every thread of the process may ask for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::cluster::clock::Clock;
use crate::protocol::elector::GrantId;
use crate::protocol::time::BootTime;

/// A grant and the instant at which it ends unless a renewal is acknowledged before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Number of the grant.
    pub grant: GrantId,
    /// End of validity on `CLOCK_BOOTTIME`.
    pub valid_until: BootTime,
    /// Until when the last acknowledged renewal carries it. What comes after that is a leadership that is held on to without the API server.
    pub confirmed_until: BootTime,
}

/// Written by the election task alone, read by everyone who is about to write.
///
/// Asking compares with the clock, so a process that was frozen past the end gets "no" before any timer had a chance to run.
#[derive(Clone)]
pub struct GrantCell {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Shared {
    granted: Mutex<Option<Granted>>,
    /// Wakes in the order of waiting, so that a simulation can be replayed.
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Granted>> {
        // A value that is written at once is never half written.
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GrantCell {
    /// A cell without a grant.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::default(),
            clock,
        }
    }

    /// The grant that holds at this instant.
    #[must_use]
    pub fn current(&self) -> Option<GrantId> {
        let granted = *self.shared.lock();
        granted
            .filter(|granted| self.clock.boot() < granted.valid_until)
            .map(|granted| granted.grant)
    }

    /// How much longer the grant holds unless a renewal is acknowledged; `None` where none does.
    #[must_use]
    pub fn left(&self) -> Option<std::time::Duration> {
        let granted = (*self.shared.lock())?;
        let left = granted.valid_until.saturating_since(self.clock.boot());
        (!left.is_zero()).then_some(left)
    }

    /// Whether this very grant holds at this instant.
    #[must_use]
    pub fn holds(&self, grant: GrantId) -> bool {
        self.current() == Some(grant)
    }

    /// Whether a grant holds at this instant that the API server has confirmed within the renew deadline: the only time for a write to be sent.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        let granted = *self.shared.lock();
        granted.is_some_and(|granted| self.clock.boot() < granted.confirmed_until.min(granted.valid_until))
    }

    /// Returns once this grant no longer is the current one. Does not look at the clock: the election task's timer revokes.
    pub async fn ended(&self, grant: GrantId) {
        loop {
            let changed = self.shared.changed.notified();
            if self.shared.lock().is_none_or(|granted| granted.grant != grant) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn set(&self, granted: Option<Granted>) {
        *self.shared.lock() = granted;
        self.shared.changed.notify_waiters();
    }
}
