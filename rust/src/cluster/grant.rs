//! The grant that holds now, as every thread of the process may ask for it.

use std::sync::Arc;

use tokio::sync::watch;

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
}

/// Written by the election task alone, read by everyone who is about to write.
///
/// Asking compares with the clock, so a process that was frozen past the end gets "no" before any timer had a chance to run.
#[derive(Clone)]
pub struct GrantCell {
    sender: Arc<watch::Sender<Option<Granted>>>,
    clock: Arc<dyn Clock>,
}

impl GrantCell {
    /// A cell without a grant.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            sender: Arc::new(watch::Sender::new(None)),
            clock,
        }
    }

    /// The grant that holds at this instant.
    #[must_use]
    pub fn current(&self) -> Option<GrantId> {
        let granted = *self.sender.borrow();
        granted
            .filter(|granted| self.clock.boot() < granted.valid_until)
            .map(|granted| granted.grant)
    }

    /// Whether this very grant holds at this instant.
    #[must_use]
    pub fn holds(&self, grant: GrantId) -> bool {
        self.current() == Some(grant)
    }

    /// Returns once this grant no longer is the current one. Does not look at the clock: the election task's timer revokes.
    pub async fn ended(&self, grant: GrantId) {
        let mut receiver = self.sender.subscribe();
        // An error would mean that the sender is gone, which `self` prevents.
        let _ = receiver
            .wait_for(|granted| granted.is_none_or(|granted| granted.grant != grant))
            .await;
    }

    pub(super) fn set(&self, granted: Option<Granted>) {
        self.sender.send_replace(granted);
    }
}
