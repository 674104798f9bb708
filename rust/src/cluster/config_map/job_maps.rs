//! Opening and deletion of job `ConfigMap`s.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::{info, warn};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::batch::{PendingEdit, not_leader};
use super::job_map::JobMap;
use super::writers::Writer;
use super::{RETRY_PAUSE, limit_until, pause_after, timed_out};
use crate::cluster::client::{ApiError, ApiErrorKind, WriteFailure};
use crate::cluster::context::{Context, Lock};
use crate::error::{ErrorCode, HaError};
use crate::protocol::annotations::Claim;
use crate::protocol::config_map;
use crate::protocol::edit::Edit;
use crate::protocol::elector::GrantId;
use crate::protocol::lock_record::LockView;
use crate::protocol::time::BootTime;

/// The job `ConfigMap`s that this process has open. Handles of the same name share one writer, which ends with the last of them.
pub(crate) struct JobMaps {
    context: Context,
}

impl JobMaps {
    pub(crate) const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The writer of this `ConfigMap`, started if there is none.
    pub(crate) fn writer(&self, name: &str) -> Writer {
        self.context
            .writers
            .of(name, self.context.grants.current(), |memory, edits| {
                let map = JobMap::new(self.context.clone(), name.to_owned(), memory, edits);
                self.context.spawn(map.run());
            })
    }

    /// Claims the `ConfigMap` for this grant, and makes it with stock's labels if it is absent. From then on no older grant can change what is
    /// about to be read from it.
    pub(crate) async fn claim(&self, writer: &Writer, grant: GrantId, deadline: BootTime) -> Result<(), HaError> {
        writer.memory.begin();
        let claim = Edit::Claim(self.context.claim(grant));
        let (reply, claimed) = oneshot::channel();
        let sent = writer.edits.send(PendingEdit::new(claim, grant, deadline, reply));
        sent.map_err(|_| HaError::closed())?;
        claimed.await.unwrap_or_else(|_| Err(HaError::closed())).map(|_| ())
    }

    /// Deletes the `ConfigMap`; an absent one is fine. A job's needs this grant; the cluster's must not be held by another process.
    pub(crate) async fn delete(&self, name: &str, grant: Option<GrantId>, deadline: BootTime) -> Result<(), HaError> {
        self.context.writers.give_up(name);
        let call = Call::new(name, grant, deadline);
        let attempts = async {
            while let Some(pause) = self.pause_after(self.try_delete(&call).await, &call)? {
                sleep(pause).await;
            }
            Ok(())
        };
        match grant {
            Some(grant) if name != self.context.cluster_map => {
                // First, so that what is left of a job that has ended is never a mirror alone.
                let forgotten = async {
                    self.context.mirror.forget(name, self.left(&call)).await?;
                    attempts.await
                };
                self.while_granted(&call, grant, forgotten).await
            }
            _ if name == self.context.cluster_map => {
                // Listed before, so that nothing goes which a leader writes who is granted right after the deletion.
                let mirrored = self.context.mirror.list(self.left(&call)).await;
                attempts.await?;
                self.remove_mirror(&call, mirrored).await;
                Ok(())
            }
            _ => attempts.await,
        }
    }

    /// The cluster is cleaned up without its mirror, if need be.
    async fn remove_mirror(&self, call: &Call<'_>, mirrored: Result<Vec<String>, HaError>) {
        let removed = match mirrored {
            Ok(files) if !call.deleted.load(Ordering::Relaxed) => return drop(files),
            Ok(files) => self.context.mirror.remove(files, self.left(call)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            warn!("The mirror of the ConfigMaps of a cluster that was cleaned up may still be there: {error}");
        }
    }

    fn left(&self, call: &Call<'_>) -> Duration {
        call.deadline.saturating_since(self.context.clock.boot())
    }

    async fn try_delete(&self, call: &Call<'_>) -> Result<Progress, Trial> {
        let name = call.name;
        let Some(object) = self.context.api.get(name, self.limit(call)).await?.value else {
            call.deleted.store(true, Ordering::Relaxed);
            return Ok(Progress::Done);
        };
        if name == self.context.cluster_map {
            if let Some(holder) = self.other_holder(&object) {
                info!("ConfigMap {name} is kept: {holder} leads this cluster now.");
                return Ok(Progress::Done);
            }
        } else if !self.may_delete(call, &object).await? {
            return Ok(Progress::Again);
        }
        let uid = config_map::uid(&object).unwrap_or_default();
        let version = config_map::resource_version(&object).unwrap_or_default();
        call.in_doubt.store(true, Ordering::Relaxed);
        // A cluster is cleaned up after its leader has stepped down; a job's map goes only while its leader leads.
        let api = if name == self.context.cluster_map {
            &self.context.api.without_permit()
        } else {
            &self.context.api
        };
        match api.delete(name, uid, version, self.limit(call)).await {
            Ok(()) => {
                call.deleted.store(true, Ordering::Relaxed);
                Ok(Progress::Done)
            }
            Err(WriteFailure::Refused(error)) => {
                call.in_doubt.store(false, Ordering::Relaxed);
                match error.kind {
                    ApiErrorKind::Conflict | ApiErrorKind::NotFound => Ok(Progress::Again),
                    _ => Err(error.into()),
                }
            }
            Err(WriteFailure::Unknown(error)) => Err(error.into()),
        }
    }

    /// Whether this grant may delete the job's `ConfigMap` that was read just now: by its claim, or by the lock, read after it. `false` when neither
    /// says so at the moment.
    async fn may_delete(&self, call: &Call<'_>, object: &Value) -> Result<bool, Trial> {
        let not_leader = || Trial::Final(HaError::new(ErrorCode::NotLeader, not_leader(call.name)));
        let grant = call.grant.ok_or_else(not_leader)?;
        if Claim::of(object) != Some(self.context.claim(grant)) {
            match self.context.whose_lock(call.name, self.limit(call)).await? {
                Lock::Ours => {}
                Lock::Lost => return Err(not_leader()),
                Lock::Unclear => {
                    sleep(RETRY_PAUSE).await;
                    return Ok(false);
                }
            }
        }
        self.check(call, grant)?;
        // A leadership that is held on to without the API server is confirmed before anything is deleted under it.
        if !self.context.grants.confirmed() {
            sleep(RETRY_PAUSE).await;
        }
        Ok(self.context.grants.confirmed())
    }

    /// A call that waits ends at once with the grant that it is made under.
    async fn while_granted(
        &self,
        call: &Call<'_>,
        grant: GrantId,
        attempts: impl Future<Output = Result<(), HaError>>,
    ) -> Result<(), HaError> {
        tokio::select! {
            biased;
            () = self.context.grants.ended(grant) => Err(call.error(ErrorCode::NotLeader, not_leader(call.name))),
            outcome = attempts => outcome,
        }
    }

    fn other_holder(&self, object: &Value) -> Option<String> {
        match LockView::of(object) {
            LockView::Held(record) if record.holder_identity != self.context.identity => Some(record.holder_identity),
            _ => None,
        }
    }

    fn check(&self, call: &Call<'_>, grant: GrantId) -> Result<(), Trial> {
        if self.context.grants.holds(grant) {
            return Ok(());
        }
        Err(Trial::Final(call.error(ErrorCode::NotLeader, not_leader(call.name))))
    }

    fn limit(&self, call: &Call<'_>) -> Duration {
        limit_until(Some(call.deadline), self.context.clock.boot())
    }

    /// How long to wait before the next attempt; `None` when there is nothing left to do. Every attempt begins with a read, which settles what a
    /// lost write has done.
    fn pause_after(&self, trial: Result<Progress, Trial>, call: &Call<'_>) -> Result<Option<Duration>, HaError> {
        match trial {
            Ok(Progress::Done) => Ok(None),
            Ok(Progress::Again) => Ok(Some(Duration::ZERO)),
            Err(Trial::Final(error)) => Err(error),
            Err(Trial::Failed(error)) if error.kind == ApiErrorKind::Invalid => {
                Err(call.error(ErrorCode::ApiRefused, error.message))
            }
            Err(Trial::Failed(error)) if self.context.clock.boot() >= call.deadline => {
                let error = timed_out(call.name, &error);
                Err(call.error(error.code, error.message))
            }
            Err(Trial::Failed(error)) => Ok(Some(pause_after(&error).min(self.limit(call)))),
        }
    }
}

/// One deletion, over as many attempts as it takes.
struct Call<'a> {
    name: &'a str,
    grant: Option<GrantId>,
    deadline: BootTime,
    /// A deletion was sent, and whether it was carried out has not been read back yet.
    in_doubt: AtomicBool,
    /// It is not there any more.
    deleted: AtomicBool,
}

impl<'a> Call<'a> {
    const fn new(name: &'a str, grant: Option<GrantId>, deadline: BootTime) -> Self {
        Self {
            name,
            grant,
            deadline,
            in_doubt: AtomicBool::new(false),
            deleted: AtomicBool::new(false),
        }
    }

    fn error(&self, code: ErrorCode, message: String) -> HaError {
        if self.in_doubt.load(Ordering::Relaxed) {
            let what = format!("Whether ConfigMap {} was deleted is not known. {message}", self.name);
            return HaError::new(ErrorCode::UnknownOutcome, what);
        }
        HaError::new(code, message)
    }
}

enum Progress {
    Done,
    Again,
}

enum Trial {
    Failed(ApiError),
    Final(HaError),
}

impl From<ApiError> for Trial {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}
