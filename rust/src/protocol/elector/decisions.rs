//! The second half of a step: deciding, from the state alone, what to do next.

use std::time::Duration;

use crate::protocol::time::BootTime;

use super::Elector;
use super::effect::{AttemptId, Effect, LockWrite, LockWriteKind, Notice};
use super::role::{Request, Role};
use super::sight::{Sight, Term};

/// A request is given a third of the time that is left, so that after it has failed there is time for another, …
const TRIES: u32 = 3;
/// … but never less than a healthy API server needs …
const SHORTEST_REQUEST: Duration = Duration::from_millis(200);
/// … nor more than it takes to be sure that this one will not be answered.
const LONGEST_REQUEST: Duration = Duration::from_secs(5);
/// Bounds of the pause after the second failure in a row and every further one; in between a tenth of the retry period.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Giving the lock back takes no longer, whatever the API server does.
pub(super) const LONGEST_STOP: Duration = Duration::from_secs(5);

impl Elector {
    /// At most one request at a time.
    pub(super) fn act(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if let Role::Stopping { until } = self.role
            && (now >= until || !self.lock_may_be_ours())
        {
            self.role = Role::Stopped;
            effects.push(Effect::Stopped);
            return;
        }
        match self.request {
            Request::Reading | Request::Writing { .. } => {}
            Request::ReadAt(at) if now < at => {}
            Request::ReadAt(_) => self.read(now, effects),
            Request::Idle => match self.sight.clone() {
                None => self.read(now, effects),
                Some(sight) => match self.role {
                    Role::Candidate => self.contend(now, &sight, effects),
                    Role::Leader(_) => self.keep(now, &sight, effects),
                    Role::Stopping { .. } => self.give_back(now, effects),
                    Role::Stopped => {}
                },
            },
        }
    }

    fn contend(&mut self, now: BootTime, sight: &Sight, effects: &mut Vec<Effect>) {
        if let Some(reason) = sight.chance(&self.identity, now) {
            self.announce(Some(Notice::Acquiring(reason)), effects);
            let term = sight.next_term(&self.identity);
            self.write(now, LockWriteKind::Acquire, &term, effects);
        } else {
            self.failures = 0;
            self.announce(sight.broken_lock(), effects);
        }
    }

    fn keep(&mut self, now: BootTime, sight: &Sight, effects: &mut Vec<Effect>) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let (term, damage) = (leader.term.clone(), sight.damage());
        let due = now >= leader.renew_at || leader.write_wanted || self.failures > 0;
        let renew = due || damage.is_some();
        self.announce(damage.map(Notice::Repairing), effects);
        if renew {
            self.write(now, LockWriteKind::Renew, &term, effects);
        }
    }

    /// A lock that somebody freed, removed or took meanwhile is left as it is: nothing is acquired or repaired here.
    fn give_back(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if let Some(Term { transitions, .. }) = self.own_term() {
            let term = Term {
                transitions,
                acquired: None,
            };
            self.write(now, LockWriteKind::Release, &term, effects);
        }
    }

    /// One alarm, at the exact time of what comes next if nothing is heard, and none to poll by.
    pub(super) fn set_alarm(&mut self, effects: &mut Vec<Effect>) {
        let request = match (&self.request, &self.role) {
            (Request::ReadAt(at), _) => Some(*at),
            (Request::Idle, Role::Leader(leader)) => Some(leader.renew_at),
            (Request::Idle, Role::Candidate) => self.sight.as_ref().map(Sight::takeable_at),
            _ => None,
        };
        let end = match &self.role {
            Role::Candidate => None,
            Role::Leader(leader) => Some(leader.valid_until),
            Role::Stopping { until } => Some(*until),
            Role::Stopped => return,
        };
        let next = request.into_iter().chain(end).min();
        if let Some(at) = next.filter(|at| self.alarm != Some(*at)) {
            effects.push(Effect::Wake { at });
            self.alarm = Some(at);
        }
    }

    fn write(&mut self, now: BootTime, kind: LockWriteKind, term: &Term, effects: &mut Vec<Effect>) {
        let attempt = self.next_attempt;
        self.next_attempt = AttemptId(attempt.0 + 1);
        self.request = Request::Writing {
            attempt,
            kind,
            sent: now,
        };
        if let Role::Leader(leader) = &mut self.role {
            leader.write_wanted = false;
        }
        effects.push(Effect::Write(LockWrite {
            attempt,
            kind,
            base: self.sight.as_ref().and_then(Sight::version).map(str::to_owned),
            time_limit: self.time_limit(now),
            transitions: term.transitions,
            keep_acquire_time: term.acquired,
        }));
    }

    fn read(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        self.request = Request::Reading;
        effects.push(Effect::Read {
            time_limit: self.time_limit(now),
        });
    }

    /// Says it once, until there is something else or nothing to say.
    fn announce(&mut self, notice: Option<Notice>, effects: &mut Vec<Effect>) {
        if self.announced != notice {
            effects.extend(notice.clone().map(Effect::Notice));
            self.announced = notice;
        }
    }

    /// Our term, if the lock bears our identity.
    pub(super) fn own_term(&self) -> Option<Term> {
        let sight = self.sight.as_ref()?;
        sight.own_record(&self.identity).map(Term::of)
    }

    /// Whether there is something to give back, or an outcome to wait for that would tell.
    fn lock_may_be_ours(&self) -> bool {
        self.own_term().is_some() || self.unsettled || matches!(self.request, Request::Writing { .. })
    }

    fn time_limit(&self, now: BootTime) -> Duration {
        let left = match &self.role {
            Role::Leader(leader) => leader.valid_until.saturating_since(now),
            Role::Stopping { until } => until.saturating_since(now),
            Role::Candidate | Role::Stopped => self.timings.renew_deadline,
        };
        (left / TRIES).clamp(SHORTEST_REQUEST, LONGEST_REQUEST)
    }

    pub(super) fn pause(&self) -> Duration {
        (self.timings.retry_period / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }
}
