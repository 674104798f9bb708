//! One write that is sent again, elsewhere, while its answer is waited for.
//!
//! A path that is slow and a connection that is dead look the same for a while. Whoever gave the first request up would lose a leadership on a path
//! that is merely slow, where a new connection takes several round trips more; whoever waited for it alone would lose one on a dead connection.
//! So the first one stays under way for as long as its answer can count, and beside it the same is sent over another connection, one copy after
//! the other. All bear the same resource version, so at most one of them is applied, and they are one write: an acknowledgement of any is one of
//! it, and a conflict is only one of it where none of them can have caused it. Never more than two are under way.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::cluster::client::{ApiErrorKind, WriteFailure};
use crate::cluster::config_map::RETRY_PAUSE;

/// A copy is given a third of the time that is left, as every request is.
const TRIES: u32 = 3;
const SHORTEST_COPY: Duration = Duration::from_millis(200);

/// Over which connection a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Usual,
    /// One that the first copy does not use.
    Elsewhere,
}

/// Sends a write, and after this time, if there is one, copies of it until it is settled or the limit has passed. What is under way then is given up.
pub(super) async fn write<F, T>(
    send: impl Fn(Way, Duration) -> F,
    limit: Duration,
    again_after: Option<Duration>,
) -> Result<T, WriteFailure>
where
    F: Future<Output = Result<T, WriteFailure>>,
{
    let Some(again_after) = again_after else {
        return send(Way::Usual, limit).await;
    };
    let end = Instant::now() + limit;
    let mut first = Some(pin!(send(Way::Usual, limit)));
    if let Ok(outcome) = timeout(again_after, of(&mut first)).await {
        return outcome;
    }
    let copy_after = |pause| {
        let send = &send;
        Box::pin(async move {
            sleep(pause).await;
            let left = end.saturating_duration_since(Instant::now());
            send(Way::Elsewhere, (left / TRIES).max(SHORTEST_COPY)).await
        })
    };
    let (mut copy, mut lost) = (Some(copy_after(Duration::ZERO)), None);
    loop {
        let outcome = tokio::select! {
            biased;
            outcome = of(&mut first) => {
                first = None;
                outcome
            }
            outcome = of(&mut copy) => {
                copy = None;
                outcome
            }
        };
        let error = match outcome {
            Ok(stored) => return Ok(stored),
            Err(WriteFailure::Unknown(error)) => {
                lost = Some(error.clone());
                error
            }
            Err(WriteFailure::Refused(error)) => error,
        };
        let settled = matches!(error.kind, ApiErrorKind::Conflict | ApiErrorKind::NotFound);
        let in_doubt = lost.is_some() || first.is_some() || copy.is_some();
        if settled || first.is_none() && copy.is_none() || Instant::now() >= end {
            return Err(if in_doubt {
                WriteFailure::Unknown(lost.unwrap_or(error))
            } else {
                WriteFailure::Refused(error)
            });
        }
        if copy.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            let asked = error.kind.retry_after().unwrap_or_default();
            copy = Some(copy_after(asked.min(left / TRIES).max(RETRY_PAUSE)));
        }
    }
}

/// For ever, where there is nothing to wait for.
async fn of<F: Future + Unpin>(request: &mut Option<F>) -> F::Output {
    match request {
        Some(request) => request.await,
        None => std::future::pending().await,
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
