//! Times in fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds in milliseconds: from what a local API server needs to what a lease lasts.
const BOUNDS: [u64; 13] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// How often something took how long.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

/// What stood in a histogram at one moment.
#[derive(Debug, PartialEq)]
pub(super) struct Reading {
    /// Upper bound in seconds, and how many took no longer.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) count: u64,
    /// Seconds.
    pub(super) sum: f64,
}

impl Histogram {
    pub(super) fn observe(&self, took: Duration) {
        let bucket = BOUNDS.iter().zip(&self.buckets);
        if let Some((_, bucket)) = bucket
            .into_iter()
            .find(|(bound, _)| took <= Duration::from_millis(**bound))
        {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Consistent in itself: the last bucket never has more than the count, although others go on counting.
    pub(super) fn read(&self) -> Reading {
        let mut sum = 0;
        let mut buckets = Vec::with_capacity(BOUNDS.len());
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            sum += bucket.load(Ordering::Relaxed);
            buckets.push((Duration::from_millis(*bound).as_secs_f64(), sum));
        }
        Reading {
            buckets,
            count: self.count.load(Ordering::Relaxed).max(sum),
            sum: Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let histogram = Histogram::default();
        for millis in [0, 1, 2, 3, 9_999, 10_000, 10_001] {
            histogram.observe(Duration::from_millis(millis));
        }
        let reading = histogram.read();
        assert_eq!(reading.count, 7);
        let of = |bound: f64| {
            reading
                .buckets
                .iter()
                .find(|(is, _)| (is - bound).abs() < 1e-9)
                .map(|(_, n)| *n)
        };
        assert_eq!(
            [of(0.001), of(0.002), of(0.005), of(5.0), of(10.0)],
            [2, 3, 4, 4, 6].map(Some)
        );
        assert!((reading.sum - 30.006).abs() < 1e-9, "{}", reading.sum);
    }
}
