//! The second half of a step: deciding, from the state alone, what to do next.

use std::time::Duration;

use crate::protocol::time::BootTime;

use super::Elector;
use super::effect::{AttemptId, Effect, LockWrite, LockWriteKind, Notice};
use super::hand_over::HandOver;
use super::role::{Request, Role};
use super::sight::{Sight, Term};

/// A request is given a third of the time that is left, so that after it has failed there is time for another. A renewal is waited for
/// until the belief ends, because a path that is slow may be slow for all others too; after a third of the time it goes out once more beside the first, …
const TRIES: u32 = 3;
/// … but never less than a healthy API server needs …
const SHORTEST_REQUEST: Duration = Duration::from_millis(200);
/// … nor more than it takes to be sure that this one will not be answered.
const LONGEST_REQUEST: Duration = Duration::from_secs(5);
/// That a renewal was not answered is told a twentieth of its time before the belief ends, or this long, so that there is time to hold on.
const TOLD_BEFORE_THE_END: Duration = Duration::from_millis(200);
const TOLD_IN_THE_LAST_PART: u32 = 20;
/// Bounds of the pause after the second failure in a row and every further one; in between a tenth of the retry period.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Giving the lock back takes no longer, whatever the API server does.
pub(super) const LONGEST_STOP: Duration = Duration::from_secs(5);

impl Elector {
    /// At most one request at a time.
    pub(super) fn act(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if let Role::Stopping { until } = self.role
            && (now >= until || !self.something_may_be_ours())
        {
            self.role = Role::Stopped;
            effects.push(Effect::Stopped);
            return;
        }
        self.give_up_handing_over_in_time(now, effects);
        self.look_at_overdue_renewal(now, effects);
        match self.request {
            Request::Reading | Request::Writing { .. } => {}
            Request::ReadAt(at) if now < at => {}
            Request::ReadAt(_) => self.read(now, effects),
            Request::Idle => match self.sight.clone() {
                None => self.read(now, effects),
                Some(sight) => match self.role {
                    Role::Candidate => self.contend(now, &sight, effects),
                    Role::Leader(_) => self.keep(now, &sight, effects),
                    Role::HandingOver { .. } => self.give_over(now, &sight, effects),
                    Role::Stopping { .. } => self.give_back(now, effects),
                    Role::Stopped => {}
                },
            },
        }
    }

    /// A renewal that has had its third of the time is under way still, and has failed as far as anybody can see. Whoever comes to look much later
    /// was frozen meanwhile, and has seen nothing.
    fn look_at_overdue_renewal(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        let next = now + self.time_limit(now, None);
        if let Request::Writing {
            overdue_at: Some(at), ..
        } = &mut self.request
            && now >= *at
        {
            let seen = now.saturating_since(*at) < LONGEST_PAUSE;
            *at = next;
            if seen {
                self.hold_on(now, effects);
            }
        }
    }

    pub(super) fn contend(&mut self, now: BootTime, sight: &Sight, effects: &mut Vec<Effect>) {
        if self.jvm_is_silent(now) {
            let notice = self
                .settings
                .jvm_stall_timeout
                .map(|timeout| Notice::JvmSilent { timeout });
            self.announce(notice, effects);
        } else if let Some(reason) = sight.chance(&self.identity, now).filter(|_| !self.yields(sight, now)) {
            self.announce(Some(Notice::Acquiring(reason)), effects);
            let term = sight.next_term(&self.identity);
            self.write(now, LockWriteKind::Acquire, &term, effects);
        } else {
            self.failures = 0;
            self.announce(sight.broken_lock(), effects);
            if self.joins_at(sight).is_some_and(|at| now >= at) {
                self.join_at = None;
                self.write(now, LockWriteKind::Join, &Term::NONE, effects);
            }
        }
    }

    /// When it is to be noted that this one waits, if it is.
    fn joins_at(&self, sight: &Sight) -> Option<BootTime> {
        let at = self.join_at.unwrap_or(BootTime::from_duration(Duration::ZERO));
        sight.wants_note_of(&self.identity).then_some(at)
    }

    fn keep(&mut self, now: BootTime, sight: &Sight, effects: &mut Vec<Effect>) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let (term, damage) = (leader.term.clone(), sight.damage());
        let calls = leader.hand_over.as_ref().is_some_and(HandOver::calls);
        let due = now >= leader.renew_at || leader.write_wanted || calls || self.failures > 0;
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
        } else if self.is_noted() {
            self.write(now, LockWriteKind::Leave, &Term::NONE, effects);
        }
    }

    fn is_noted(&self) -> bool {
        let sight = self.sight.as_ref();
        sight.is_some_and(|sight| sight.shows_note_of(&self.identity))
    }

    /// One alarm, at the exact time of what comes next if nothing is heard, and none to poll by.
    pub(super) fn set_alarm(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        let request = match (&self.request, &self.role) {
            (Request::ReadAt(at), _) => Some(*at),
            (Request::Writing { overdue_at, .. }, Role::Leader(_)) => *overdue_at,
            (Request::Idle, Role::Leader(leader)) => Some(leader.renew_at),
            // Without a sign of life of the JVM there is nothing to do, however much time passes.
            (Request::Idle, Role::Candidate) if self.jvm_is_silent(now) => None,
            (Request::Idle, Role::Candidate) => {
                let at = |sight: &Sight| self.joins_at(sight).into_iter().chain([self.takes_at(sight)]).min();
                self.sight.as_ref().and_then(at)
            }
            _ => None,
        };
        let end = match &self.role {
            Role::Candidate => None,
            Role::Leader(leader) => (self.jvm_counts_until().into_iter())
                .chain(leader.hand_over.as_ref().map(HandOver::until))
                .chain([leader.valid_until])
                .min(),
            Role::HandingOver { until, .. } | Role::Stopping { until } => Some(*until),
            Role::Stopped => return,
        };
        let next = request.into_iter().chain(end).min();
        if let Some(at) = next.filter(|at| self.alarm != Some(*at)) {
            effects.push(Effect::Wake { at });
            self.alarm = Some(at);
        }
    }

    pub(super) fn write(&mut self, now: BootTime, kind: LockWriteKind, term: &Term, effects: &mut Vec<Effect>) {
        let attempt = self.next_attempt;
        self.next_attempt = AttemptId(attempt.0 + 1);
        let share = self.time_limit(now, kind);
        let (time_limit, again_after) = match &self.role {
            Role::Leader(leader) => {
                let left = leader.valid_until.saturating_since(now);
                let rest = TOLD_BEFORE_THE_END.min(left / TOLD_IN_THE_LAST_PART);
                (left.saturating_sub(rest).max(share), Some(share))
            }
            _ => (share, None),
        };
        let may_hold = !self.settings.outage_hold.duration.is_zero();
        self.request = Request::Writing {
            attempt,
            kind,
            sent: now,
            overdue_at: again_after.filter(|_| may_hold).map(|share| now + share),
        };
        // An election begins without notes; a leader takes them away when they are old.
        let mut takes_notes_away = kind == LockWriteKind::Acquire;
        let others = self
            .sight
            .as_ref()
            .is_some_and(|sight| sight.shows_another_contender(&self.identity));
        if let Role::Leader(leader) = &mut self.role {
            leader.write_wanted = false;
            let calls = leader.hand_over.as_mut().is_some_and(HandOver::call);
            takes_notes_away = others && (calls || now >= leader.notes_last_until);
        }
        let next = match &self.role {
            Role::HandingOver { to, .. } => to.clone(),
            _ => None,
        };
        effects.push(Effect::Write(LockWrite {
            attempt,
            kind,
            base: self.sight.as_ref().and_then(Sight::version).map(str::to_owned),
            time_limit,
            again_after,
            transitions: term.transitions,
            keep_acquire_time: term.acquired,
            takes_notes_away,
            next,
        }));
    }

    fn read(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        self.request = Request::Reading;
        effects.push(Effect::Read {
            time_limit: self.time_limit(now, None),
        });
    }

    /// Says it once, until there is something else or nothing to say.
    pub(super) fn announce(&mut self, notice: Option<Notice>, effects: &mut Vec<Effect>) {
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
    fn something_may_be_ours(&self) -> bool {
        self.own_term().is_some()
            || self.is_noted()
            || self.unsettled
            || matches!(self.request, Request::Writing { .. })
    }

    pub(super) fn time_limit(&self, now: BootTime, write: impl Into<Option<LockWriteKind>>) -> Duration {
        let takeable_at = self.sight.as_ref().map(Sight::takeable_at);
        let left = match &self.role {
            // A note must not stand in the way of taking the lock.
            Role::Candidate if write.into() == Some(LockWriteKind::Join) => {
                let left = takeable_at.map_or(Duration::ZERO, |at| at.saturating_since(now));
                left.min(self.settings.timings.renew_deadline)
            }
            Role::Leader(leader) => leader.valid_until.saturating_since(now),
            Role::HandingOver { until, .. } | Role::Stopping { until } => until.saturating_since(now),
            Role::Candidate | Role::Stopped => self.settings.timings.renew_deadline,
        };
        (left / TRIES).clamp(SHORTEST_REQUEST, LONGEST_REQUEST)
    }

    pub(super) fn pause(&self) -> Duration {
        (self.settings.timings.retry_period / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }
}
