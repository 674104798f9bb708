//! Clocks of a simulated machine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use flinkkubeha::cluster::clock::Clock;
use flinkkubeha::protocol::time::{BootTime, WallTime};
use tokio::time::Instant;

/// 2026-11-20T12:00:00Z, when every run begins.
pub const EPOCH_SECONDS: u64 = 1_795_176_000;

/// Reads the paused time of the runtime: each machine has a rate and an offset of its own, and can stand still unnoticed.
pub struct SimulatedClock {
    start: Instant,
    offset: Duration,
    per_mille: u32,
    wall_offset_micros: i64,
    /// So that no two readings are the same: real clocks have that property between any two requests.
    readings: AtomicI64,
    stood_still: Mutex<(Duration, Option<Instant>)>,
}

impl SimulatedClock {
    /// `per_mille` is the rate: 1000 keeps time.
    pub fn new(start: Instant, offset: Duration, per_mille: u32, wall_offset_millis: i64) -> Self {
        Self {
            start,
            offset,
            per_mille,
            wall_offset_micros: wall_offset_millis * 1000,
            readings: AtomicI64::new(0),
            stood_still: Mutex::new((Duration::ZERO, None)),
        }
    }

    /// A virtual machine is paused, and its clock does not show it.
    pub fn stop(&self) {
        let mut still = self.stood_still.lock().unwrap();
        still.1.get_or_insert_with(Instant::now);
    }

    pub fn go_on(&self) {
        let mut still = self.stood_still.lock().unwrap();
        if let Some(since) = still.1.take() {
            still.0 += since.elapsed();
        }
    }

    pub fn stands_still(&self) -> bool {
        self.stood_still.lock().unwrap().1.is_some()
    }

    /// How long it has stood still so far.
    pub fn stood_still(&self) -> Duration {
        let still = self.stood_still.lock().unwrap();
        still.0 + still.1.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Clock for SimulatedClock {
    fn boot(&self) -> BootTime {
        let passed = self.start.elapsed().saturating_sub(self.stood_still());
        BootTime::from_duration(self.offset + passed * self.per_mille / 1000)
    }

    fn wall(&self) -> WallTime {
        let passed = i64::try_from(self.start.elapsed().as_micros()).unwrap();
        let epoch = i64::try_from(EPOCH_SECONDS * 1_000_000).unwrap();
        WallTime::from_micros(epoch + passed + self.wall_offset_micros + self.readings.fetch_add(1, Ordering::Relaxed))
    }
}
