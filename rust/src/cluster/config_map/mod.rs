//! One owner per `ConfigMap`: every change to an object goes through one task that holds the last known state of it.
//!
//! | file | holds |
//! |---|---|
//! | `batch` | edits on their way: applied together, answered one by one |
//! | `job_map` | the writer of one job `ConfigMap` |
//! | `job_maps` | opening and deletion of job `ConfigMap`s |
//! | `writers` | which writers exist |
//! | `memory` | what a leader can make a job `ConfigMap` anew from |
//! | `open_map` | a `ConfigMap` as its user sees it, under one grant |
//! | `leaders` | the leader addresses that this process has published |
//! | `subscribers` | who wants to know which leader |
//! | `staleness` | whether the server's own clock says that a record is long dead |
//! | `unsettled` | pointers whose write ended without an answer |
//! | `trouble` | one log line for a failure that lasts, not one for each attempt |

pub(crate) mod batch;
pub(crate) mod job_map;
pub(crate) mod job_maps;
pub(crate) mod leaders;
pub(crate) mod memory;
pub(crate) mod open_map;
pub(crate) mod staleness;
pub(crate) mod subscribers;
pub(crate) mod trouble;
pub(crate) mod unsettled;
pub(crate) mod writers;

use std::time::Duration;

use crate::cluster::client::{ApiError, ApiErrorKind};
use crate::error::{ErrorCode, HaError};
use crate::protocol::time::BootTime;

/// Longest wait for one request of a store: a caller has time for several of them.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// The least that a request is given, also by a caller whose deadline has come.
const SHORTEST_REQUEST: Duration = Duration::from_millis(50);
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// Upper bound of [`settled_after`].
const VANISHED_FOR_GOOD: Duration = Duration::from_secs(1);

/// The limit of a request for a caller who waits until then.
pub(crate) fn limit_until(deadline: Option<BootTime>, now: BootTime) -> Duration {
    let left = deadline.map_or(REQUEST_LIMIT, |deadline| deadline.saturating_since(now));
    left.clamp(SHORTEST_REQUEST, REQUEST_LIMIT)
}

/// How long a `ConfigMap` that somebody has deleted stays away before its leader makes it anew. Whoever cleans up a cluster deletes one
/// `ConfigMap` after the other, often beside a leader that is just being stopped: such a leader must not bring the first one back. But the lock
/// may be gone too, and has to be there again before the leader's time is up.
pub(crate) fn settled_after(renew_deadline: Duration) -> Duration {
    VANISHED_FOR_GOOD.min(renew_deadline / 10)
}

/// The error for a request that was repeated until its deadline.
pub(crate) fn timed_out(name: &str, error: &ApiError) -> HaError {
    let code = match error.kind {
        ApiErrorKind::Forbidden | ApiErrorKind::Unauthorized => ErrorCode::Forbidden,
        ApiErrorKind::Unreachable | ApiErrorKind::Tls => ErrorCode::ApiUnreachable,
        _ => ErrorCode::TimedOut,
    };
    HaError::new(
        code,
        format!("ConfigMap {name} could not be reached in time: {}", error.message),
    )
}

/// Pause before a request that failed is tried again: what the server asks for, or a moment.
pub(crate) fn pause_after(error: &ApiError) -> Duration {
    let asked = error.kind.retry_after();
    asked.map_or(RETRY_PAUSE, |pause| pause.min(REQUEST_LIMIT))
}
