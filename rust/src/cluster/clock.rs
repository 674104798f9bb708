//! The two clocks of the library behind one trait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::protocol::time::{BootTime, WallTime};

/// Where the time comes from: the kernel in production, a paused runtime in simulations.
pub trait Clock: Send + Sync + 'static {
    /// Now on `CLOCK_BOOTTIME`: the only clock that leases are measured with. It goes on while the machine is suspended.
    fn boot(&self) -> BootTime;
    /// Now on the wall clock: written into records, never compared.
    fn wall(&self) -> WallTime;
}

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn boot(&self) -> BootTime {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
        BootTime::from_duration(Duration::new(seconds, nanos))
    }

    fn wall(&self) -> WallTime {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}
