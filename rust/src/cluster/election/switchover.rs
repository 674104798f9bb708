//! A leadership that is handed over because an operator asked for it: the request, the answer, and the wait for everybody here.

use std::time::Duration;

use log::{info, warn};
use serde_json::Value;

use super::Election;
use super::sight::Known;
use crate::protocol::annotations::SWITCHOVER;
use crate::protocol::config_map;
use crate::protocol::elector::{GrantId, Input, LockWriteKind};
use crate::protocol::lock_record::LockView;
use crate::protocol::switchover::{Switchover as Request, SwitchoverState};
use crate::protocol::time::BootTime;

/// Flink has heard of the end and lets go of its stores, one job after the other. It is waited for no longer: the fence does not need it.
const LONGEST_CLOSING: Duration = Duration::from_secs(2);
/// How often it is looked whether that is done.
pub(super) const CLOSING_STEP: Duration = Duration::from_millis(5);

/// The request that was taken up last, and what is still to be waited for.
#[derive(Default)]
pub(super) struct Switchover {
    /// As it is to stand on the `ConfigMap`.
    taken: Option<Request>,
    ending: Option<Ending>,
}

/// A grant that has ended, and whose lock is given away once nobody uses it any more.
struct Ending {
    grant: GrantId,
    since: BootTime,
    /// Flink has taken in the revoke.
    heard: bool,
}

impl Switchover {
    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the answer is to be written.
    pub(super) fn wants_a_write(&self, object: &Value) -> bool {
        self.answer_to(object).is_some()
    }

    /// A request that this leader has taken up is answered. Whoever gives the lock away, or is the next, takes it off.
    pub(super) fn apply(&self, object: &mut Value, kind: LockWriteKind) {
        match kind {
            LockWriteKind::Join | LockWriteKind::Leave => {}
            LockWriteKind::Acquire | LockWriteKind::Release | LockWriteKind::HandOver => {
                config_map::remove_annotation(object, SWITCHOVER);
            }
            LockWriteKind::Renew => {
                if let Some(answer) = self.answer_to(object) {
                    config_map::set_annotation(object, SWITCHOVER, &answer.encode());
                }
            }
        }
    }

    fn answer_to(&self, object: &Value) -> Option<&Request> {
        let taken = self.taken.as_ref()?;
        Request::of(object)
            .filter(|request| request.id == taken.id && request.state != taken.state)
            .map(|_| taken)
    }
}

impl Election {
    /// In every round of the loop.
    pub(super) fn look_after_switchover(&mut self) {
        if let Some(request) = self.request() {
            self.take_up(request);
        }
        self.tell_of_the_end();
    }

    /// A request to this very leader that has not been taken up yet.
    fn request(&self) -> Option<Request> {
        self.context.grants.current()?;
        let Known::Present(object) = &self.known else {
            return None;
        };
        config_map::annotation(object, SWITCHOVER)?;
        let LockView::Held(record) = LockView::of(object) else {
            return None;
        };
        let own = record.holder_identity == self.context.identity;
        let taken = |request: &Request| {
            self.switchover
                .taken
                .as_ref()
                .is_some_and(|taken| taken.id == request.id)
        };
        Request::of(object).filter(|request| own && request.is_addressed_to(&record) && !taken(request))
    }

    fn take_up(&mut self, request: Request) {
        let grant = self.context.grants.current();
        let between_checkpoints = grant.is_some_and(|grant| self.context.writers.is_used_by(grant));
        let moment = if between_checkpoints {
            " after the next checkpoint, if that comes soon"
        } else {
            ""
        };
        let to = request.to.clone();
        info!(
            "Another leader is asked for in ConfigMap {}: {} is to follow{moment}.",
            self.context.cluster_map,
            to.as_deref().unwrap_or("whoever waits for the lock")
        );
        self.switchover.taken = Some(Request {
            state: SwitchoverState::Accepted,
            ..request
        });
        self.context.writers.tell_of_checkpoints(between_checkpoints);
        self.step(Input::HandOver {
            to,
            between_checkpoints,
        });
    }

    pub(super) fn hand_over_refused(&mut self, to: Option<&str>) {
        self.context.writers.tell_of_checkpoints(false);
        let why = match to {
            Some(to) => format!(
                "{to} does not wait for the lock, or did not answer in time: 'flink-ha who-leads' shows who does"
            ),
            None => "nobody who runs flink-kube-ha waits for the lock, or answered in time".to_owned(),
        };
        warn!(
            "The leadership in ConfigMap {} is not handed over: {why}.",
            self.context.cluster_map
        );
        if let Some(taken) = &mut self.switchover.taken {
            taken.state = SwitchoverState::Refused { why };
        }
    }

    /// The leadership ended so that another one begins.
    pub(super) fn begin_handing_over(&mut self, grant: GrantId) {
        self.context.writers.tell_of_checkpoints(false);
        self.switchover.ending = Some(Ending {
            grant,
            since: self.context.clock.boot(),
            heard: false,
        });
    }

    /// Flink has taken in the end of this grant.
    pub(super) fn revoke_heard(&mut self, grant: GrantId) {
        if let Some(ending) = self.switchover.ending.as_mut().filter(|ending| ending.grant == grant) {
            ending.heard = true;
        }
    }

    fn tell_of_the_end(&mut self) {
        let now = self.context.clock.boot();
        let done = |ending: &mut Ending| {
            let waited = now.saturating_since(ending.since) >= LONGEST_CLOSING;
            ending.heard && (waited || !self.context.writers.is_used_by(ending.grant))
        };
        if let Some(Ending { grant, .. }) = self.switchover.ending.take_if(done) {
            self.step(Input::RevokeHandled { grant });
        }
    }
}
