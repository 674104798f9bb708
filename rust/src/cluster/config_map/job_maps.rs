//! Which writers exist; creation and deletion of job `ConfigMap`s.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use log::{debug, info};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::batch::{PendingEdit, not_leader};
use super::job_map::JobMap;
use super::{REQUEST_LIMIT, pause_after, timed_out};
use crate::cluster::client::{ApiError, ApiErrorKind, WriteFailure};
use crate::cluster::context::Context;
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
    writers: Mutex<HashMap<String, mpsc::WeakUnboundedSender<PendingEdit>>>,
}

impl JobMaps {
    pub(crate) fn new(context: Context) -> Self {
        Self {
            context,
            writers: Mutex::default(),
        }
    }

    /// The writer of this `ConfigMap`, started if there is none.
    pub(crate) fn writer(&self, name: &str) -> mpsc::UnboundedSender<PendingEdit> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writers.get(name).and_then(mpsc::WeakUnboundedSender::upgrade) {
            return writer;
        }
        writers.retain(|_, writer| writer.upgrade().is_some());
        let (sender, receiver) = mpsc::unbounded_channel();
        writers.insert(name.to_owned(), sender.downgrade());
        self.context
            .spawn(JobMap::new(self.context.clone(), name.to_owned(), receiver).run());
        sender
    }

    /// Makes the `ConfigMap` if it is absent, with stock's labels and the claim of this grant.
    pub(crate) async fn ensure(&self, name: &str, grant: GrantId, deadline: BootTime) -> Result<(), HaError> {
        while let Some(pause) = self.pause_after(self.try_ensure(name, grant).await, name, deadline)? {
            sleep(pause).await;
        }
        Ok(())
    }

    async fn try_ensure(&self, name: &str, grant: GrantId) -> Result<Progress, Trial> {
        if self.context.api.get(name, REQUEST_LIMIT).await?.value.is_some() {
            return Ok(Progress::Done);
        }
        self.check(name, grant)?;
        let mut object = config_map::new_config_map(name, self.context.api.namespace(), &self.context.labels);
        let claim = Claim {
            holder_identity: self.context.identity.clone(),
            grant: grant.0,
        };
        if let Err(refusal) = Edit::Claim(claim).apply(&mut object) {
            return Err(Trial::Final(HaError::new(ErrorCode::Internal, refusal.to_string())));
        }
        match self.context.api.create(&object, REQUEST_LIMIT).await {
            Ok(_) => {
                debug!("Created ConfigMap {name}.");
                Ok(Progress::Done)
            }
            // Somebody made it meanwhile: the next read tells.
            Err(failure) if failure.is_conflict() => Ok(Progress::Again),
            Err(WriteFailure::Refused(error) | WriteFailure::Unknown(error)) => Err(error.into()),
        }
    }

    /// Deletes the `ConfigMap`; an absent one is fine. A job's needs this grant; the cluster's must not be held by another process.
    pub(crate) async fn delete(&self, name: &str, grant: Option<GrantId>, deadline: BootTime) -> Result<(), HaError> {
        while let Some(pause) = self.pause_after(self.try_delete(name, grant).await, name, deadline)? {
            sleep(pause).await;
        }
        Ok(())
    }

    async fn try_delete(&self, name: &str, grant: Option<GrantId>) -> Result<Progress, Trial> {
        let Some(object) = self.context.api.get(name, REQUEST_LIMIT).await?.value else {
            return Ok(Progress::Done);
        };
        if name == self.context.cluster_map {
            if let Some(holder) = self.other_holder(&object) {
                info!("ConfigMap {name} is kept: {holder} leads this cluster now.");
                return Ok(Progress::Done);
            }
        } else {
            let grant = grant.ok_or_else(|| Trial::Final(HaError::new(ErrorCode::NotLeader, not_leader(name))))?;
            self.check(name, grant)?;
        }
        let uid = config_map::uid(&object).unwrap_or_default();
        let version = config_map::resource_version(&object).unwrap_or_default();
        match self.context.api.delete(name, uid, version, REQUEST_LIMIT).await {
            Ok(()) => Ok(Progress::Done),
            Err(WriteFailure::Refused(error))
                if matches!(error.kind, ApiErrorKind::Conflict | ApiErrorKind::NotFound) =>
            {
                Ok(Progress::Again)
            }
            Err(WriteFailure::Refused(error) | WriteFailure::Unknown(error)) => Err(error.into()),
        }
    }

    fn other_holder(&self, object: &Value) -> Option<String> {
        match LockView::of(object) {
            LockView::Held(record) if record.holder_identity != self.context.identity => Some(record.holder_identity),
            _ => None,
        }
    }

    fn check(&self, name: &str, grant: GrantId) -> Result<(), Trial> {
        if self.context.grants.holds(grant) {
            return Ok(());
        }
        Err(Trial::Final(HaError::new(ErrorCode::NotLeader, not_leader(name))))
    }

    /// How long to wait before the next attempt; `None` when there is nothing left to do. An unknown outcome needs no care of its own here:
    /// every attempt begins with a read.
    fn pause_after(
        &self,
        trial: Result<Progress, Trial>,
        name: &str,
        deadline: BootTime,
    ) -> Result<Option<Duration>, HaError> {
        match trial {
            Ok(Progress::Done) => Ok(None),
            Ok(Progress::Again) => Ok(Some(Duration::ZERO)),
            Err(Trial::Final(error)) => Err(error),
            Err(Trial::Failed(error)) if error.kind == ApiErrorKind::Invalid => {
                Err(HaError::new(ErrorCode::ApiRefused, error.message))
            }
            Err(Trial::Failed(error)) if self.context.clock.boot() >= deadline => Err(timed_out(name, &error)),
            Err(Trial::Failed(error)) => Ok(Some(pause_after(&error))),
        }
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
