//! Whether the JVM, for whose sake all this is done, is alive.
//!
//! Renewals are native and go on through every pause of the JVM. One that hangs for good would keep the lock for ever, so
//! signs of life are asked of it, and without them the belief ends at once. The lock is not given back then, it ends with
//! its lease: a JVM that wakes in this very moment hears of the revoke only after it has gone on for an instant, and
//! until the lease has ended no other leader can have begun.

use crate::protocol::time::BootTime;

use super::Elector;

impl Elector {
    pub(super) fn note_pulse(&mut self, at: BootTime) {
        self.jvm_heard = self.jvm_heard.max(Some(at));
    }

    /// When the JVM will have been silent for too long, unless it is heard of.
    pub(super) fn jvm_counts_until(&self) -> Option<BootTime> {
        Some(self.jvm_heard? + self.settings.jvm_stall_timeout?)
    }

    pub(super) fn jvm_is_silent(&self, now: BootTime) -> bool {
        self.jvm_counts_until().is_some_and(|end| now >= end)
    }
}
