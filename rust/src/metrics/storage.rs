//! Operations of the native storage.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exposition::Exposition;
use super::histogram::Histogram;

/// What was done; the label `operation`.
const OPERATIONS: [&str; 7] = ["write", "read", "delete", "list", "exists", "rename", "make_directory"];

/// What is counted of a storage, whose scheme never changes.
#[derive(Debug)]
pub struct StorageMetrics {
    scheme: String,
    durations: [Histogram; OPERATIONS.len()],
    errors: [AtomicU64; OPERATIONS.len()],
}

impl StorageMetrics {
    /// Of a storage of this scheme.
    #[must_use]
    pub fn new(scheme: &str) -> Self {
        Self {
            scheme: scheme.to_owned(),
            durations: Default::default(),
            errors: Default::default(),
        }
    }

    /// An operation has ended.
    pub(crate) fn done(&self, operation: &'static str, took: Duration, failed: bool) {
        let places = OPERATIONS.iter().zip(self.durations.iter().zip(&self.errors));
        if let Some((_, (durations, errors))) = places.into_iter().find(|(known, _)| **known == operation) {
            durations.observe(took);
            errors.fetch_add(u64::from(failed), Ordering::Relaxed);
        }
    }

    /// The text of it, which is one by itself.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = Exposition::default();
        text.histogram(
            "storage_operation_duration_seconds",
            "Operations of the native storage, failed ones included.",
        );
        for (operation, durations) in OPERATIONS.iter().zip(&self.durations) {
            let labels = [("scheme", self.scheme.as_str()), ("operation", *operation)];
            text.times(&labels, &durations.read());
        }
        text.counter(
            "storage_errors_total",
            "Operations of the native storage that failed; that an object is absent or exists already is no failure.",
        );
        for (operation, errors) in OPERATIONS.iter().zip(&self.errors) {
            let labels = [("scheme", self.scheme.as_str()), ("operation", *operation)];
            text.count(&labels, errors.load(Ordering::Relaxed));
        }
        text.into_text()
    }
}
