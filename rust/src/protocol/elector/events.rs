//! The first half of a step: taking note of what happened.

use crate::protocol::lock_record::LockView;
use crate::protocol::time::BootTime;

use super::Elector;
use super::decisions::LONGEST_STOP;
use super::effect::{AttemptId, Effect, GrantId, LockWriteKind, RevokeCause};
use super::input::{Observation, Source};
use super::role::{Leader, Request, Role};
use super::sight::{Sight, Term};

impl Elector {
    /// The clock alone ends a belief. This comes before the input, so that not even an acknowledgement which waited in
    /// a queue while the process was frozen meets a leader whose time is over.
    pub(super) fn end_belief_in_time(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if self.valid_until().is_some_and(|end| now >= end) {
            self.revoke(RevokeCause::RenewDeadlinePassed, effects);
        }
    }

    pub(super) fn observed(
        &mut self,
        now: BootTime,
        observation: Observation,
        source: Source,
        long_dead: bool,
        effects: &mut Vec<Effect>,
    ) {
        if source == Source::Read && self.request == Request::Reading {
            // Accepted even if it is older than what was seen: after a restore of etcd from a backup it is.
            self.request = Request::Idle;
            self.unsettled = false;
        } else if self.is_old_news(&observation) {
            // A watch that lags behind our own write would show a new leader its predecessor.
            return;
        }
        let rival = match self.see(now, observation, long_dead).lock() {
            Some(LockView::Held(record)) => Some(record.holder_identity.clone()),
            Some(LockView::Free(_)) => Some(String::new()),
            _ => None,
        };
        match rival {
            Some(holder) if holder.is_empty() => self.revoke(RevokeCause::Released, effects),
            Some(holder) if holder != self.identity => {
                self.revoke(RevokeCause::TakenBy { holder }, effects);
            }
            _ => {}
        }
    }

    pub(super) fn read_failed(&mut self, now: BootTime) {
        if self.request == Request::Reading {
            self.failures = self.failures.saturating_add(1);
            self.request = Request::ReadAt(now + self.pause());
        }
    }

    pub(super) fn write_wanted(&mut self) {
        if let Role::Leader(leader) = &mut self.role {
            leader.write_wanted = true;
        }
    }

    pub(super) fn applied(
        &mut self,
        now: BootTime,
        attempt: AttemptId,
        observation: Observation,
        effects: &mut Vec<Effect>,
    ) {
        let Some((kind, sent)) = self.take_write(attempt) else {
            return;
        };
        if kind == LockWriteKind::Release {
            // Nothing is ours any more, whatever an admission hook has made of the record.
            self.sight = None;
            return;
        }
        // The watch may have been faster and shown what was written after our write: then that is the state to go by,
        // and an acknowledgement that somebody else has overtaken is none.
        if !self.is_old_news(&observation) {
            self.see(now, observation, false);
        }
        match self.own_term() {
            Some(term) => self.acknowledged(now, sent, term, effects),
            None => self.read_again(now),
        }
    }

    /// A write of ours is the newest state of the lock, and we know when it was sent.
    fn acknowledged(&mut self, now: BootTime, sent: BootTime, term: Term, effects: &mut Vec<Effect>) {
        self.failures = 0;
        match &mut self.role {
            Role::Leader(leader) => {
                leader.extend(sent, &self.timings);
                effects.push(Effect::Extend {
                    grant: leader.grant,
                    valid_until: leader.valid_until,
                });
            }
            // Half the deadline at the most, or the grant might be revoked before a renewal is answered. An older
            // acknowledgement (this process was frozen) only says that the lock is ours, and the next write grants.
            Role::Candidate if now.saturating_since(sent) < self.timings.renew_deadline / 2 => {
                let grant = self.next_grant;
                self.next_grant = GrantId(grant.0 + 1);
                let leader = Leader::new(grant, sent, term, &self.timings);
                effects.push(Effect::Grant {
                    grant,
                    valid_until: leader.valid_until,
                });
                self.role = Role::Leader(leader);
            }
            Role::Candidate | Role::Stopping { .. } | Role::Stopped => {}
        }
    }

    pub(super) fn refused(&mut self, now: BootTime, attempt: AttemptId) {
        if self.take_write(attempt).is_some() {
            self.read_again(now);
        }
    }

    /// Neither won nor lost: until it has been read back, the lock may be ours to give back, but not to lead on.
    pub(super) fn unknown(&mut self, now: BootTime, attempt: AttemptId) {
        if self.take_write(attempt).is_some() {
            self.unsettled = true;
            self.read_again(now);
        }
    }

    /// Revoke first, give back afterwards: nobody may lead on a lock that is on its way to the next leader.
    pub(super) fn stop(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if matches!(self.role, Role::Stopping { .. }) {
            return;
        }
        self.revoke(RevokeCause::Stopped, effects);
        let until = now + self.timings.renew_deadline.min(LONGEST_STOP);
        self.role = Role::Stopping { until };
        if let Request::ReadAt(at) = &mut self.request {
            *at = now;
        }
    }

    fn revoke(&mut self, cause: RevokeCause, effects: &mut Vec<Effect>) {
        if let Some(grant) = self.is_leader() {
            effects.push(Effect::Revoke { grant, cause });
            self.role = Role::Candidate;
        }
    }

    fn is_old_news(&self, observation: &Observation) -> bool {
        self.sight
            .as_ref()
            .is_some_and(|sight| sight.is_newer_than(observation))
    }

    fn see(&mut self, now: BootTime, observation: Observation, long_dead: bool) -> &Sight {
        let (identity, lease) = (&self.identity, self.timings.lease_duration);
        let sight = Sight::after(self.sight.as_ref(), observation, long_dead, now, identity, lease);
        self.sight.insert(sight)
    }

    /// The outcome of any other write than the one under way is of no interest.
    fn take_write(&mut self, outcome_of: AttemptId) -> Option<(LockWriteKind, BootTime)> {
        match self.request {
            Request::Writing { attempt, kind, sent } if attempt == outcome_of => {
                self.request = Request::Idle;
                Some((kind, sent))
            }
            _ => None,
        }
    }

    /// What we knew is outdated: read at once the first time, after a pause when that did not help.
    fn read_again(&mut self, now: BootTime) {
        let at = if self.failures == 0 { now } else { now + self.pause() };
        self.failures = self.failures.saturating_add(1);
        self.request = Request::ReadAt(at);
    }
}
