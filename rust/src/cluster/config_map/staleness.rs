//! Whether the server's own clock says that a lock record is long dead.
//!
//! A cold start sees a record for the first time and cannot know how old it is: the record's own time is another machine's wall clock.
//! The newest `managedFields` time is the API server's, refreshed at every change, and so is the `Date` of its answer: their difference is an age
//! that no skew between machines can falsify. Both have a resolution of one second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::protocol::lock_record::LockView;
use crate::protocol::managed_fields;
use crate::protocol::time::WallTime;

/// Rounding of two times to whole seconds, clocks of several API servers, and a write that is under way.
const MARGIN: Duration = Duration::from_secs(5);

/// Whether the last change of the object is older than its lease and the margin. `lease` is this process's own lease duration.
pub(crate) fn is_long_dead(object: &Value, server_date: Option<SystemTime>, lease: Duration) -> bool {
    let lease = match LockView::of(object) {
        LockView::Held(record) => lease.max(record.lease_duration),
        LockView::Absent | LockView::Free(_) | LockView::Broken { .. } => return false,
    };
    let written = managed_fields::last_change(object).and_then(system_time);
    let (Some(date), Some(written)) = (server_date, written) else {
        return false;
    };
    date.duration_since(written).is_ok_and(|age| age > lease + MARGIN)
}

fn system_time(time: WallTime) -> Option<SystemTime> {
    Some(UNIX_EPOCH + Duration::from_micros(u64::try_from(time.as_micros()).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn held(written: &str) -> Value {
        let record = r#"{"holderIdentity":"a","leaseDuration":"PT15S","acquireTime":"2026-11-20T11:00:00.000000Z","renewTime":"2026-11-20T11:00:00.000000Z","leaderTransitions":3}"#;
        json!({"metadata": {
            "annotations": {"control-plane.alpha.kubernetes.io/leader": record},
            "managedFields": [{"time": "2026-11-20T10:00:00Z"}, {"time": written}],
        }})
    }

    fn date(text: &str) -> Option<SystemTime> {
        managed_fields::parse_seconds(text).and_then(system_time)
    }

    #[test]
    fn a_record_is_long_dead_when_the_servers_clock_says_so() {
        let lease = Duration::from_secs(15);
        assert!(is_long_dead(
            &held("2026-11-20T11:00:00Z"),
            date("2026-11-20T11:00:21Z"),
            lease
        ));
        assert!(!is_long_dead(
            &held("2026-11-20T11:00:00Z"),
            date("2026-11-20T11:00:20Z"),
            lease
        ));
        assert!(!is_long_dead(
            &held("2026-11-20T11:00:00Z"),
            date("2026-11-20T11:00:21Z"),
            Duration::from_secs(60)
        ));
        assert!(!is_long_dead(&held("2026-11-20T11:00:00Z"), None, lease));
        assert!(!is_long_dead(
            &json!({"metadata": {}}),
            date("2026-11-20T11:00:21Z"),
            lease
        ));
    }
}
