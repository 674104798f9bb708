//! The one write that may be under way: when it is asked for, what is sent, and what came of it.

use log::{debug, error};
use serde_json::Value;

use super::Election;
use super::compose::compose;
use super::sight::{Known, observation_of};
use crate::cluster::client::{ApiErrorKind, WriteFailure};
use crate::error::ErrorCode;
use crate::protocol::config_map;
use crate::protocol::elector::{AttemptId, Input, LockWrite};

impl Election {
    pub(super) fn write_what_waits(&mut self) {
        let Known::Present(object) = &self.known else { return };
        // What came in meanwhile is asked for when the outcome is known: asked for now, it would cost a second write.
        if self.writing.is_some() {
            return;
        }
        let wanted = self.leaders.want_a_write(object) || self.switchover.wants_a_write(object);
        if !self.batch.is_empty() || !self.emptied.is_empty() || wanted {
            self.step(Input::WriteWanted);
        }
    }

    pub(super) fn send(&mut self, write: &LockWrite) {
        let known = match &self.known {
            Known::Present(object) => config_map::resource_version(object),
            Known::Nothing | Known::Missing => None,
        };
        if known != write.base.as_deref() {
            error!(
                "A write decided on version {:?} was not sent: version {known:?} is known. This is a bug.",
                write.base
            );
            let attempt = write.attempt;
            self.step(Input::Refused {
                attempt,
                unusable: false,
            });
            return;
        }
        let mut object = compose(
            &self.context,
            write,
            self.last.as_ref(),
            &self.emptied,
            &mut self.leaders,
            &mut self.batch,
            &self.presence,
        );
        self.switchover.apply(&mut object, write.kind);
        self.batch.sent(write.base.as_deref().unwrap_or_default());
        self.writing = Some(self.requests.write(write, object));
    }

    pub(super) fn written(&mut self, attempt: AttemptId, outcome: Result<Value, WriteFailure>) {
        // While what is known is still what the elector knows: a renewal may be due.
        self.hear_the_jvm();
        self.writing = None;
        match outcome {
            Ok(object) => {
                self.trouble.succeeded(self.context.clock.boot(), &self.what());
                let observation = observation_of(&object);
                self.leaders.stored(&object);
                self.emptied.clear();
                // The watch may have been faster and shown a later version already.
                if !self.is_older(&object) {
                    self.keep(Known::Present(object));
                }
                // Before anybody hears of it, who may close everything then.
                self.mirror();
                // Before the next step, which may apply what waits to another write.
                self.batch.written();
                self.step(Input::Applied { attempt, observation });
                // The write may have been the one that the grant is for.
                self.mirror();
            }
            Err(WriteFailure::Refused(error)) => {
                let unusable = is_unusable(error.kind);
                match error.kind {
                    ApiErrorKind::Conflict | ApiErrorKind::NotFound | ApiErrorKind::Withheld => {
                        debug!("{}: {}", self.what(), error.message);
                    }
                    // Something that rides along cannot be stored: it must not take the renewals down with it.
                    ApiErrorKind::Invalid if !self.batch.is_empty() => {
                        self.batch.reject(ErrorCode::ApiRefused, &error.message);
                    }
                    _ => self.failing(&error.message),
                }
                if error.kind == ApiErrorKind::Conflict {
                    self.batch.overtaken();
                } else {
                    self.batch.not_written();
                }
                self.leaders.not_stored();
                self.asked_to_wait(error.kind);
                self.step(Input::Refused { attempt, unusable });
            }
            Err(WriteFailure::Unknown(error)) => {
                self.failing(&error.message);
                self.batch.lost();
                self.leaders.not_stored();
                self.asked_to_wait(error.kind);
                self.step(Input::Unknown { attempt });
            }
        }
    }

    fn mirror(&self) {
        if let (Some(grant), Some(object)) = (self.context.grants.current(), &self.last) {
            self.context.mirror.stored(grant, object);
        }
    }

    pub(super) fn asked_to_wait(&mut self, error: ApiErrorKind) {
        if let Some(retry_after) = error.retry_after() {
            self.step(Input::AskedToWait { retry_after });
        }
    }

    fn what(&self) -> String {
        format!("Writing ConfigMap {}", self.context.cluster_map)
    }

    pub(super) fn failing(&mut self, why: &str) {
        let what = self.what();
        self.trouble.failed(self.context.clock.boot(), &what, why);
    }
}

/// Whether this refusal is one of everybody, and not of this write.
fn is_unusable(kind: ApiErrorKind) -> bool {
    !matches!(
        kind,
        ApiErrorKind::Conflict | ApiErrorKind::NotFound | ApiErrorKind::NamespaceMissing | ApiErrorKind::Invalid
    )
}
