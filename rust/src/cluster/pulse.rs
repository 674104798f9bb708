//! Signs of life of the JVM.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cluster::clock::Clock;
use crate::protocol::time::BootTime;

/// Written by a thread of the JVM every second, read by the election task. Neither ever waits for the other.
#[derive(Clone)]
pub(crate) struct Pulse {
    /// Nanoseconds since the boot; 0 before the first.
    last: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl Pulse {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            last: Arc::default(),
            clock,
        }
    }

    /// The JVM is alive now.
    pub(crate) fn beat(&self) {
        let nanos = u64::try_from(self.clock.boot().since_boot().as_nanos()).unwrap_or(u64::MAX);
        self.last.fetch_max(nanos, Ordering::Relaxed);
    }

    /// When it was heard of last.
    pub(crate) fn last(&self) -> Option<BootTime> {
        let nanos = self.last.load(Ordering::Relaxed);
        (nanos > 0).then(|| BootTime::from_duration(Duration::from_nanos(nanos)))
    }
}
