//! The lease.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exposition::Exposition;
use super::histogram::Histogram;
use super::table::Table;
use crate::protocol::black_box::{LossCause, Outcome, Renewal};

const OUTCOMES: [&str; 3] = ["applied", "refused", "unknown"];
const ALL: [&str; 1] = ["all"];

/// What is counted of the lease.
#[derive(Debug)]
pub struct LeaseMetrics {
    grants: AtomicU64,
    losses: Table,
    renewals: Table,
    renewal_durations: Histogram,
    standstills: AtomicU64,
    standstill_millis: AtomicU64,
}

impl Default for LeaseMetrics {
    fn default() -> Self {
        Self {
            grants: AtomicU64::new(0),
            losses: Table::new(&ALL, &LossCause::NAMES),
            renewals: Table::new(&ALL, &OUTCOMES),
            renewal_durations: Histogram::default(),
            standstills: AtomicU64::new(0),
            standstill_millis: AtomicU64::new(0),
        }
    }
}

impl LeaseMetrics {
    /// Leadership was granted.
    pub fn granted(&self) {
        self.grants.fetch_add(1, Ordering::Relaxed);
    }

    /// And was lost.
    pub fn lost(&self, cause: &LossCause) {
        self.losses.add("all", cause.name());
    }

    /// A renewal has its outcome.
    pub fn renewed(&self, renewal: Renewal) {
        self.renewals.add("all", renewal.outcome.name());
        if renewal.outcome == Outcome::Applied {
            self.renewal_durations.observe(renewal.took);
        }
    }

    /// The process stood still.
    pub fn stood_still(&self, gap: Duration) {
        self.standstills.fetch_add(1, Ordering::Relaxed);
        let millis = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
        self.standstill_millis.fetch_add(millis, Ordering::Relaxed);
    }

    /// Adds what was counted.
    pub fn expose(&self, text: &mut Exposition) {
        text.counter("leadership_grants_total", "Times that this process became the leader.");
        text.count(&[], self.grants.load(Ordering::Relaxed));
        text.counter("leadership_losses_total", "Times that it ceased to be, by cause.");
        for (_, cause, count) in self.losses.read() {
            text.count(&[("cause", cause)], count);
        }
        text.counter(
            "renewals_total",
            "Writes of the lock by the leader, edits that ride on them included, by outcome.",
        );
        for (_, outcome, count) in self.renewals.read() {
            text.count(&[("outcome", outcome)], count);
        }
        text.histogram(
            "renewal_duration_seconds",
            "From the sending of a renewal to its acknowledgement.",
        );
        text.times(&[], &self.renewal_durations.read());
        text.counter(
            "standstills_total",
            "Times that the whole process did nothing for a second or more.",
        );
        text.count(&[], self.standstills.load(Ordering::Relaxed));
        text.counter("standstill_seconds_total", "How long it did nothing then.");
        let still = Duration::from_millis(self.standstill_millis.load(Ordering::Relaxed));
        text.sample(&[], still.as_secs_f64());
    }
}
