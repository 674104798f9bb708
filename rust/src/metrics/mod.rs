//! Counters, gauges and histograms of one session and of one storage, and their text form for Prometheus.
//!
//! | file | holds |
//! |---|---|
//! | `api` | requests to the API server: how many, how long, what became of writes, how large |
//! | `lease` | renewals, grants, losses, standstills |
//! | `storage` | operations of the native storage |
//! | `histogram` | times in fixed buckets |
//! | `table` | a counter for each pair of labels |
//! | `exposition` | the text format 0.0.4 |
//!
//! Whatever is counted is an atomic number, so that nobody who counts ever waits. A metrics library would bring registries, labels of any number
//! and locks for some thirty numbers that are known when this is compiled.

mod api;
mod exposition;
mod histogram;
mod lease;
mod storage;
mod table;

pub use api::{ApiMetrics, Write};
pub use exposition::Exposition;
pub use lease::LeaseMetrics;
pub use storage::StorageMetrics;

/// What every name begins with.
const PREFIX: &str = "flink_kube_ha_";

#[cfg(test)]
mod tests;
