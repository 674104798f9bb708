//! The lock of a cluster, and whether its holder seems to be alive.

use std::time::Duration;

use flinkkubeha::protocol::contenders::Contenders;
use flinkkubeha::protocol::content_mark;
use flinkkubeha::protocol::holder_notes::HolderPod;
use flinkkubeha::protocol::lock_record::LockView;
use flinkkubeha::protocol::time::WallTime;
use serde::Serialize;

use crate::config_map::ConfigMap;

/// Clocks of the holder and of the API server, which tells whole seconds.
const MARGIN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LockState {
    /// Renewed within its lease.
    Held,
    /// Not renewed for longer than its lease: the holder is dead or cut off.
    Expired,
    /// Released by its last holder.
    Released,
    /// There is no record.
    Missing,
    /// A record that Flink cannot read.
    Broken,
}

/// What stands in the lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Lock {
    pub(crate) state: LockState,
    /// The identity of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder_identity: Option<String>,
    /// `flink-kube-ha`, or `stock` for Flink's own services and older jars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder_runs: Option<&'static str>,
    /// The pod that the holder has noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder_pod_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lease_seconds: Option<f64>,
    /// Since the last renewal: by the holder's clock when it wrote, by the API server's now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age_seconds: Option<f64>,
    #[serde(serialize_with = "crate::config_map::as_text")]
    pub(crate) acquired: Option<WallTime>,
    #[serde(serialize_with = "crate::config_map::as_text")]
    pub(crate) renewed: Option<WallTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transitions: Option<i64>,
    /// Whether another candidate with this project's jar waits for the lock.
    pub(crate) standby_noted: bool,
    /// The identities of those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) standbys: Vec<String>,
    /// Why Flink cannot read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Lock {
    pub(crate) fn of(map: &ConfigMap, now: Option<WallTime>) -> Self {
        let view = LockView::of(&map.object);
        let mut lock = Self {
            state: LockState::Missing,
            holder_identity: None,
            holder_runs: None,
            holder_pod_uid: None,
            lease_seconds: None,
            age_seconds: None,
            acquired: None,
            renewed: None,
            transitions: None,
            standby_noted: false,
            standbys: vec![],
            reason: None,
        };
        let record = match view {
            LockView::Absent => return lock,
            LockView::Broken { reason, .. } => {
                lock.state = LockState::Broken;
                lock.reason = Some(reason);
                return lock;
            }
            LockView::Free(record) => {
                lock.state = LockState::Released;
                record
            }
            LockView::Held(record) => {
                lock.state = if is_expired(map, record.lease_duration, record.renew_time, now) {
                    LockState::Expired
                } else {
                    LockState::Held
                };
                let holder = &record.holder_identity;
                let stranger = content_mark::is_held_by_stranger(&map.object);
                lock.holder_runs = Some(if stranger { "stock" } else { "flink-kube-ha" });
                let pod = HolderPod::of(&map.object).filter(|pod| pod.holder_identity == *holder);
                lock.holder_pod_uid = pod.map(|pod| pod.uid);
                let contenders = Contenders::of(&map.object);
                let others = contenders.waiting().filter(|one| *one != holder);
                lock.standbys = others.map(str::to_owned).collect();
                lock.standby_noted = !lock.standbys.is_empty();
                lock.holder_identity = Some(holder.clone());
                record
            }
        };
        lock.lease_seconds = Some(record.lease_duration.as_secs_f64());
        lock.age_seconds = now.map(|now| seconds_between(record.renew_time, now));
        lock.acquired = Some(record.acquire_time);
        lock.renewed = Some(record.renew_time);
        lock.transitions = Some(record.leader_transitions);
        lock
    }

    /// Whether somebody may be leading now: in doubt, yes.
    pub(crate) fn may_be_led(&self) -> bool {
        matches!(self.state, LockState::Held)
    }
}

/// Only when the holder's clock and that of the API server, which noted the last write, both say so.
fn is_expired(map: &ConfigMap, lease: Duration, renewed: WallTime, now: Option<WallTime>) -> bool {
    let Some(now) = now else { return false };
    let limit = (lease + MARGIN).as_secs_f64();
    let written = map.written.unwrap_or(renewed);
    seconds_between(renewed, now) > limit && seconds_between(written, now) > limit
}

/// Zero where the clocks disagree about what was first.
pub(crate) fn seconds_between(earlier: WallTime, later: WallTime) -> f64 {
    let micros = later.as_micros().saturating_sub(earlier.as_micros()).max(0);
    #[allow(clippy::cast_precision_loss)] // For people.
    let seconds = micros as f64 / 1e6;
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-20T11:00:21.000000Z";

    fn map(annotation: &Value, written: &str) -> ConfigMap {
        ConfigMap::decode(json!({"metadata": {
            "name": "c-cluster-config-map",
            "annotations": {"control-plane.alpha.kubernetes.io/leader": annotation},
            "managedFields": [{"time": written}],
        }}))
    }

    fn held(renewed: &str) -> Value {
        json!(format!(
            r#"{{"holderIdentity":"a","leaseDuration":"PT15S","acquireTime":"2026-11-20T10:00:00.000000Z","renewTime":"{renewed}","leaderTransitions":3}}"#
        ))
    }

    fn state(map: &ConfigMap) -> LockState {
        Lock::of(map, WallTime::parse(NOW)).state
    }

    #[test]
    fn a_lock_has_expired_when_both_clocks_say_so() {
        let (old, fresh) = ("2026-11-20T11:00:00.000000Z", "2026-11-20T11:00:10.000000Z");
        let (old_write, fresh_write) = ("2026-11-20T11:00:00Z", "2026-11-20T11:00:10Z");
        assert_eq!(state(&map(&held(old), old_write)), LockState::Expired);
        assert_eq!(state(&map(&held(fresh), old_write)), LockState::Held);
        assert_eq!(state(&map(&held(old), fresh_write)), LockState::Held);
        assert_eq!(
            Lock::of(&map(&held(old), old_write), None).state,
            LockState::Held,
            "in doubt"
        );
    }

    #[test]
    fn a_lock_that_nobody_holds_is_told_from_one_that_cannot_be_read() {
        let released = held("2026-11-20T11:00:00.000000Z")
            .as_str()
            .unwrap()
            .replace("\"a\"", "\"\"");
        assert_eq!(
            state(&map(&json!(released), "2026-11-20T11:00:00Z")),
            LockState::Released
        );
        assert_eq!(state(&map(&Value::Null, "2026-11-20T11:00:00Z")), LockState::Missing);
        let broken = map(&json!("{}"), "2026-11-20T11:00:00Z");
        assert_eq!(state(&broken), LockState::Broken);
        assert_eq!(
            Lock::of(&broken, None).reason.as_deref(),
            Some("it has no leaseDuration")
        );
    }
}
