//! Whether a session has got its first answer.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::{ErrorCode, HaError};

/// Set once, by the first answer or the first failure that counts.
#[derive(Default)]
pub(crate) struct Ready {
    outcome: Mutex<Option<Result<(), HaError>>>,
    changed: Condvar,
}

impl Ready {
    /// Sets the outcome unless there is one.
    pub(crate) fn set(&self, outcome: Result<(), HaError>) {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(outcome);
        self.changed.notify_all();
    }

    /// Waits for the outcome; without a limit for as long as it takes.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<(), HaError> {
        let end = limit.map(|limit| Instant::now() + limit);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = match end.map(|end| end.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => {
                    let waited = limit.unwrap_or_default().as_secs_f64();
                    return Err(HaError::new(ErrorCode::ApiUnreachable, format!("The API server did not answer within {waited} s.")));
                }
                Some(left) => self.changed.wait_timeout(outcome, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
