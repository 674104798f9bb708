//! What is known when a candidacy begins, in one line: the short form of `flink-ha doctor`. It costs no request.

use log::{info, warn};
use serde_json::Value;

use super::Election;
use super::sight::Known;
use crate::protocol::content_mark::is_held_by_stranger;
use crate::protocol::lease::LeaseTimings;
use crate::protocol::lock_record::LockView;

/// What Kubernetes takes of one object.
const LARGEST: usize = 1 << 20;
/// Of it, from here on somebody should look.
const LARGE_PERCENT: usize = 80;
/// Flink's own services compare wall clocks.
const TOLERATED_OFFSET_MICROS: i64 = 2_000_000;

impl Election {
    /// The Role was found to be complete, and the `ConfigMap` was read if the API server has answered.
    pub(super) fn report_start(&self) {
        let (object, name) = (self.known_object(), &self.context.cluster_map);
        let offset = self.context.recorder.clock_offset();
        let bytes = object.map(|object| object.to_string().len());
        info!(
            "Checked before contending for the lock in ConfigMap {name}: the Role grants all six verbs on configmaps; {}; {}; {}; {}.",
            meaning(
                &self.context.elector.timings,
                self.context.elector.outage_hold.duration.as_secs_f64()
            ),
            offset.map_or("the API server's clock is not known yet".to_owned(), |micros| format!(
                "the API server's clock is {:+.1} s off ours, exact to 0.5 s",
                seconds(micros)
            )),
            bytes.map_or("no ConfigMap yet".to_owned(), |bytes| format!(
                "{bytes} bytes, {:.1} % of 1 MiB",
                percent(bytes)
            )),
            holder(object)
        );
        if let Some(micros) = offset.filter(|micros| micros.abs() > TOLERATED_OFFSET_MICROS) {
            warn!(
                "The API server's clock is {:+.1} s off this machine's. Leases are measured without wall clocks here, but Flink's own services compare them: synchronise the clocks of the nodes (NTP) before running both.",
                seconds(micros)
            );
        }
        if let Some(bytes) = bytes.filter(|bytes| bytes * 100 > LARGEST * LARGE_PERCENT) {
            warn!(
                "ConfigMap {name} has {bytes} bytes, {:.1} % of what Kubernetes takes: 'flink-ha du' says of what, 'flink-ha gc' what can go.",
                percent(bytes)
            );
        }
        if object.is_some_and(is_held_by_stranger) {
            warn!(
                "The lock in ConfigMap {name} is held by Flink's own HA services or an older flink-kube-ha: what that costs while both run stands in the README under \"Compatibility\"."
            );
        }
    }

    fn known_object(&self) -> Option<&Value> {
        match &self.known {
            Known::Present(object) => Some(object),
            Known::Nothing | Known::Missing => None,
        }
    }
}

/// What the durations of a lease come to.
fn meaning(timings: &LeaseTimings, hold_seconds: f64) -> String {
    format!(
        "a leader that is killed is followed within {:?}, one that cannot renew ends after {:?}, or {hold_seconds} s later where nobody else waits",
        timings.lease_duration, timings.renew_deadline
    )
}

fn holder(object: Option<&Value>) -> String {
    match object.map(LockView::of) {
        Some(LockView::Held(record)) => format!("the lock is held by {}", record.holder_identity),
        Some(LockView::Free(_)) => "the lock is free".to_owned(),
        Some(LockView::Broken { .. }) => "the lock cannot be read".to_owned(),
        Some(LockView::Absent) | None => "there is no lock".to_owned(),
    }
}

#[allow(clippy::cast_precision_loss)] // For people.
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

#[allow(clippy::cast_precision_loss)] // For people.
fn percent(bytes: usize) -> f64 {
    bytes as f64 * 100.0 / LARGEST as f64
}
