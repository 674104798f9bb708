//! Points in time, as numbers that are passed in.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A reading of `CLOCK_BOOTTIME`: it goes on in suspend and is never set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(Duration);

impl BootTime {
    /// The reading that stands this long after the boot.
    #[must_use]
    pub const fn from_duration(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// Time since the boot.
    #[must_use]
    pub const fn since_boot(self) -> Duration {
        self.0
    }

    /// Time that passed since `earlier`, or zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// Wall-clock time in microseconds since the Unix epoch: written into records, never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(i64);

impl WallTime {
    /// The time that stands this many microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
