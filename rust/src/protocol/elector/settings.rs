//! What an elector goes by.

use std::time::Duration;

use crate::protocol::lease::LeaseTimings;

/// Settings that were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ElectorSettings {
    /// The durations of the lease.
    pub timings: LeaseTimings,
    /// How long a leader that is alone goes on without the API server.
    pub outage_hold: OutageHold,
    /// Whoever hears nothing of its JVM for this long leads no more; `None` where there is no JVM to hear of.
    pub jvm_stall_timeout: Option<Duration>,
}

/// How long a leader goes on while the API server cannot be used and no other contender is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutageHold {
    /// Counted from when its belief would have ended otherwise. Zero: not at all.
    pub duration: Duration,
    /// Also where somebody who leaves no notes has once held the lock, and might wait for it unseen.
    pub despite_strangers: bool,
}

impl From<LeaseTimings> for ElectorSettings {
    /// A lease and nothing else.
    fn from(timings: LeaseTimings) -> Self {
        Self {
            timings,
            outage_hold: OutageHold::default(),
            jvm_stall_timeout: None,
        }
    }
}
