//! Requests of the election task under way. Each ends within the limit it was sent with, so nothing here can hang.

use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::copies::{self, Way};
use crate::cluster::client::{Answer, ApiClient, ApiError, Departure, WriteFailure};
use crate::cluster::config_map::RETRY_PAUSE;
use crate::cluster::preflight::{self, PreflightError};
use crate::protocol::elector::{AttemptId, LockWrite};

/// A request that ended.
pub(crate) enum Finished {
    /// A PUT or POST with the lock record.
    Write {
        attempt: AttemptId,
        outcome: Result<Value, WriteFailure>,
    },
    /// A quorum read.
    Read(Result<Answer<Option<Value>>, ApiError>),
    /// The check of the Role, before the first write.
    Preflight(Result<(), PreflightError>),
    /// What has become of the cluster's `ConfigMap` and of those of its jobs.
    Vanished(Result<Vanished, ApiError>),
}

/// What a leader finds a moment after its `ConfigMap` was deleted.
pub(crate) enum Vanished {
    /// It is there again.
    Back(Answer<Option<Value>>),
    /// It is the only one that is gone, as far as anybody can tell.
    Alone,
    /// The `ConfigMap`s of all jobs are gone with it, so many.
    Together(usize),
}

/// The requests that this task has sent and not yet seen the end of.
pub(crate) struct Requests {
    api: ApiClient,
    name: String,
    tasks: JoinSet<Finished>,
}

impl Requests {
    pub(crate) fn new(api: &ApiClient, name: String) -> Self {
        // A crowd of store reads must not keep a renewal waiting.
        Self {
            api: api.with_reserved_places(),
            name,
            tasks: JoinSet::new(),
        }
    }

    /// Sends it; what comes back can be withdrawn as long as it has not left.
    pub(crate) fn write(&mut self, write: &LockWrite, object: Value) -> Departure {
        let departure = Departure::default();
        let api = self.api.departing(&departure);
        let (attempt, exists) = (write.attempt, write.base.is_some());
        let (limit, again_after) = (write.time_limit, write.again_after);
        self.tasks.spawn(async move {
            let (object, elsewhere) = (&object, api.elsewhere());
            let send = |way, limit| {
                let api = if way == Way::Elsewhere { &elsewhere } else { &api };
                async move {
                    if exists {
                        api.replace(object, limit).await
                    } else {
                        api.create(object, limit).await
                    }
                }
            };
            let outcome = copies::write(send, limit, again_after).await;
            Finished::Write { attempt, outcome }
        });
        departure
    }

    pub(crate) fn read(&mut self, limit: Duration) {
        let (api, name) = (self.api.clone(), self.name.clone());
        self.tasks
            .spawn(async move { Finished::Read(api.get(&name, limit).await) });
    }

    pub(crate) fn preflight(&mut self) {
        let (api, name) = (self.api.clone(), self.name.clone());
        self.tasks
            .spawn(async move { Finished::Preflight(preflight::candidate_check(&api, &name).await) });
    }

    /// Looks, after this time, what is left beside the `ConfigMap` that was deleted.
    pub(crate) fn vanished(&mut self, jobs: Vec<String>, after: Duration, limit: Duration) {
        let (api, name) = (self.api.clone(), self.name.clone());
        self.tasks.spawn(async move {
            sleep(after).await;
            let found = what_is_left(&api, &name, &jobs, limit).await;
            if found.is_err() {
                sleep(RETRY_PAUSE).await;
            }
            Finished::Vanished(found)
        });
    }

    /// Gives up everything that is under way: its outcome is nobody's any more. What was sent goes its way.
    pub(crate) fn forget(&mut self) {
        self.tasks = JoinSet::new();
    }

    /// The next request that ends; pending for ever while none is under way.
    pub(crate) async fn next(&mut self) -> Finished {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(finished)) => return finished,
                // A panic in a request was logged by its task; the elector's own timers go on.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

async fn what_is_left(api: &ApiClient, name: &str, jobs: &[String], limit: Duration) -> Result<Vanished, ApiError> {
    let answer = api.get(name, limit).await?;
    if answer.value.is_some() {
        return Ok(Vanished::Back(answer));
    }
    for job in jobs {
        if api.get(job, limit).await?.value.is_some() {
            return Ok(Vanished::Alone);
        }
    }
    Ok(match jobs.len() {
        0 => Vanished::Alone,
        count => Vanished::Together(count),
    })
}
