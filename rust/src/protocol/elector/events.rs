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
            let held = self.confirmed_until() < self.valid_until();
            let cause = if held {
                RevokeCause::OutageHoldPassed
            } else {
                RevokeCause::RenewDeadlinePassed
            };
            self.revoke(cause, effects);
        } else if self.jvm_is_silent(now) {
            self.revoke(RevokeCause::JvmSilent, effects);
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
            _ => self.hold_no_longer_beside_a_rival(now, effects),
        }
    }

    pub(super) fn read_failed(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if self.request == Request::Reading {
            self.hold_on(now, effects);
        }
        self.read_later(now);
    }

    pub(super) fn read_later(&mut self, now: BootTime) {
        if self.request == Request::Reading {
            self.failures = self.failures.saturating_add(1);
            let at = now + self.pause();
            self.request = Request::ReadAt(self.not_before_asked(now, at));
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
        if matches!(kind, LockWriteKind::Release | LockWriteKind::Leave) {
            // Nothing is ours any more, whatever an admission hook has made of it.
            self.sight = None;
            return;
        }
        // The watch may have been faster and shown what was written after our write: then that is the state to go by,
        // and an acknowledgement that somebody else has overtaken is none.
        if !self.is_old_news(&observation) {
            self.see(now, observation, false);
        }
        if kind == LockWriteKind::Join {
            // It may have been taken away again on its way.
            self.join_at = Some(now + self.settings.timings.retry_period);
            return;
        }
        if kind == LockWriteKind::HandOver {
            self.stand_back(now);
            return;
        }
        match self.own_term() {
            Some(term) => self.acknowledged(now, sent, term, effects),
            None => self.read_again(now),
        }
    }

    /// A write of ours is the newest state of the lock, and we know when it was sent.
    fn acknowledged(&mut self, now: BootTime, sent: BootTime, term: Term, effects: &mut Vec<Effect>) {
        self.failures = 0;
        let silent = self.jvm_is_silent(now);
        match &mut self.role {
            Role::Leader(leader) => {
                leader.extend(sent, &self.settings.timings);
                if let Some(hand_over) = &mut leader.hand_over {
                    hand_over.was_acknowledged();
                }
                effects.push(Effect::Extend {
                    grant: leader.grant,
                    valid_until: leader.valid_until,
                });
            }
            // Half the deadline at the most, or the grant might be revoked before a renewal is answered. An older
            // acknowledgement (this process was frozen) only says that the lock is ours, and the next write grants. So does
            // one that comes while the JVM stands still.
            Role::Candidate if now.saturating_since(sent) < self.settings.timings.renew_deadline / 2 && !silent => {
                let grant = self.next_grant;
                self.next_grant = GrantId(grant.0 + 1);
                let leader = Leader::new(now, grant, sent, term, &self.settings.timings);
                effects.push(Effect::Grant {
                    grant,
                    valid_until: leader.valid_until,
                });
                self.role = Role::Leader(leader);
            }
            Role::Candidate | Role::HandingOver { .. } | Role::Stopping { .. } | Role::Stopped => {}
        }
    }

    pub(super) fn refused(&mut self, now: BootTime, attempt: AttemptId, unusable: bool, effects: &mut Vec<Effect>) {
        if let Some((kind, _)) = self.take_write(attempt) {
            if unusable {
                self.hold_on(now, effects);
            }
            self.failed(now, kind);
        }
    }

    /// Neither won nor lost: until it has been read back, the lock may be ours to give back, but not to lead on.
    pub(super) fn unknown(&mut self, now: BootTime, attempt: AttemptId, effects: &mut Vec<Effect>) {
        if let Some((kind, _)) = self.take_write(attempt) {
            self.unsettled = true;
            self.hold_on(now, effects);
            self.failed(now, kind);
        }
    }

    fn failed(&mut self, now: BootTime, kind: LockWriteKind) {
        if kind == LockWriteKind::Join {
            // Not urgent, and perhaps never welcome.
            self.join_at = Some(now + self.settings.timings.retry_period);
        }
        if let Role::Leader(leader) = &mut self.role
            && let Some(hand_over) = &mut leader.hand_over
        {
            hand_over.was_not_acknowledged();
        }
        self.read_again(now);
    }

    /// Revoke first, give back afterwards: nobody may lead on a lock that is on its way to the next leader.
    pub(super) fn stop(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if matches!(self.role, Role::Stopping { .. }) {
            return;
        }
        self.revoke(RevokeCause::Stopped, effects);
        let until = now + self.settings.timings.renew_deadline.min(LONGEST_STOP);
        self.role = Role::Stopping { until };
        if let Request::ReadAt(at) = &mut self.request {
            *at = now;
        }
    }

    pub(super) fn revoke(&mut self, cause: RevokeCause, effects: &mut Vec<Effect>) {
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

    fn see(&mut self, now: BootTime, observation: Observation, long_dead: bool) -> Sight {
        let (identity, timings) = (&self.identity, &self.settings.timings);
        let sight = Sight::after(self.sight.as_ref(), observation, long_dead, now, identity, timings);
        let before = self.sight.replace(sight.clone());
        self.reckon_with_contenders(now, before.as_ref());
        self.reckon_with_the_pod(now);
        sight
    }

    /// The outcome of any other write than the one under way is of no interest.
    fn take_write(&mut self, outcome_of: AttemptId) -> Option<(LockWriteKind, BootTime)> {
        match self.request {
            Request::Writing {
                attempt, kind, sent, ..
            } if attempt == outcome_of => {
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
        self.request = Request::ReadAt(self.not_before_asked(now, at));
    }

    /// Not before the API server wishes to be asked again, but soon enough for two more tries: what it asks for may take longer than the lease.
    fn not_before_asked(&mut self, now: BootTime, at: BootTime) -> BootTime {
        let asked = self.not_before.take().filter(|asked| *asked > at);
        asked.map_or(at, |asked| asked.min(now + self.time_limit(now, None)).max(at))
    }
}
