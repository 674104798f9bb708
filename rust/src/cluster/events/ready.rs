//! Whether a session has got its first answer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{ErrorCode, HaError};

/// Set once, by the first answer or the first failure that counts.
#[derive(Default)]
pub(crate) struct Ready {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    outcome: Option<Result<(), HaError>>,
    trouble: String,
}

impl Ready {
    /// Sets the outcome unless there is one.
    pub(crate) fn set(&self, outcome: Result<(), HaError>) {
        self.lock().outcome.get_or_insert(outcome);
        self.changed.notify_all();
    }

    /// Notes why there is no answer yet, for whoever gives up waiting.
    pub(crate) fn trouble(&self, why: &str) {
        why.clone_into(&mut self.lock().trouble);
    }

    /// Waits for the outcome; without a limit for as long as it takes.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<(), HaError> {
        let end = limit.map(|limit| Instant::now() + limit);
        let mut state = self.lock();
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.clone();
            }
            state = match end.map(|end| end.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return Err(gave_up(limit.unwrap_or_default(), &state.trouble)),
                Some(left) => {
                    self.changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gave_up(limit: Duration, trouble: &str) -> HaError {
    let why = if trouble.is_empty() { "." } else { ": " };
    HaError::new(
        ErrorCode::TimedOut,
        format!("The API server did not answer within {limit:?}{why}{trouble}"),
    )
}
