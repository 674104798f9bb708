//! The newest known state of the lock, and from when on it can be taken.

use std::time::Duration;

use crate::protocol::lease::LeaseTimings;
use crate::protocol::lock_record::{LockRecord, LockView};
use crate::protocol::time::{BootTime, WallTime};

use super::effect::{AcquireReason, Damage, Notice};
use super::gone::Evidence;
use super::input::Observation;

/// What was seen last, judged when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sight {
    observation: Observation,
    /// Until then whoever held the lock may still believe in it.
    takeable_at: BootTime,
    /// The longer one of our lease and that of the rival last seen.
    wait: Duration,
    long_dead: bool,
    /// What shows that its holder's process has ended.
    gone: Option<Evidence>,
}

/// What stays the same while the holder does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Term {
    pub(super) transitions: i64,
    pub(super) acquired: Option<WallTime>,
}

impl Sight {
    /// The sight that follows `earlier`. Every *change* of the lock restarts the wait, stamped with our own clock:
    /// comparing the rival's `renewTime` with a wall clock, as stock does, would trust that the two clocks agree.
    pub(super) fn after(
        earlier: Option<&Self>,
        observation: Observation,
        long_dead: bool,
        now: BootTime,
        identity: &str,
        timings: &LeaseTimings,
    ) -> Self {
        let lease = timings.lease_duration;
        let unchanged = earlier.filter(|sight| sight.shows_the_lock_of(&observation));
        let first = earlier.is_none();
        let long_dead = unchanged.map_or(first && long_dead, |sight| sight.long_dead);
        let inherited = earlier.map_or(lease, |sight| sight.wait);
        let (wait, takeable_at) = match observation.lock() {
            // Whoever is called to be the next is left a moment for it.
            Some(lock @ LockView::Free(_)) if observation.calls_another_than(identity, lock) => {
                (lease, now + timings.retry_period)
            }
            // The holder itself gave it back, or the holder is this process.
            Some(LockView::Free(_)) => (lease, now),
            Some(LockView::Held(record)) if record.holder_identity == identity => (lease, now),
            Some(LockView::Held(record)) => {
                let wait = lease.max(record.lease_duration);
                (wait, if long_dead { now } else { now + wait })
            }
            Some(LockView::Absent) | None if first => (lease, now),
            // Removed or garbled from outside: its holder may live, and writes it again.
            Some(LockView::Broken { .. } | LockView::Absent) | None => (inherited, now + inherited),
        };
        let takeable_at = unchanged.map_or(takeable_at, |sight| sight.takeable_at);
        Self {
            observation,
            takeable_at,
            wait,
            long_dead,
            gone: unchanged.and_then(|sight| sight.gone),
        }
    }

    /// A record bears the time of its renewal. What bears none could have been repaired and damaged again, unseen by a
    /// watch that lagged; so it is the same only in the same version.
    fn shows_the_lock_of(&self, observation: &Observation) -> bool {
        let stamped = matches!(self.lock(), Some(LockView::Held(_) | LockView::Free(_)));
        self.lock() == observation.lock() && (stamped || self.version() == observation.version())
    }

    pub(super) fn is_newer_than(&self, observation: &Observation) -> bool {
        observation.is_older_than(&self.observation)
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.observation.version()
    }

    pub(super) fn lock(&self) -> Option<&LockView> {
        self.observation.lock()
    }

    /// Whether somebody else has noted that it waits.
    pub(super) fn shows_another_contender(&self, identity: &str) -> bool {
        self.observation
            .contenders()
            .is_some_and(|contenders| contenders.has_note_of_others(identity))
    }

    /// Whether this one has.
    pub(super) fn shows_note_of(&self, identity: &str) -> bool {
        self.observation
            .contenders()
            .is_some_and(|contenders| contenders.has_note_of(identity))
    }

    /// Whether somebody who leaves no notes has ever held the lock.
    pub(super) fn knows_strangers(&self) -> bool {
        let (contenders, lock) = (self.observation.contenders(), self.lock());
        matches!((contenders, lock), (Some(contenders), Some(lock)) if contenders.knows_strangers(lock))
    }

    /// Whether this one should note that it waits: for a holder that reads such notes, and where there is room.
    pub(super) fn wants_note_of(&self, identity: &str) -> bool {
        let (Some(contenders), Some(lock @ LockView::Held(_))) = (self.observation.contenders(), self.lock()) else {
            return false;
        };
        contenders.signs(lock)
            && contenders.has_room()
            && !contenders.has_note_of(identity)
            && self.own_record(identity).is_none()
    }

    /// Whoever holds the lock, if it noted that it had the seat of this pod. The note of an earlier holder is none of this one.
    pub(super) fn holder_in(&self, pod_uid: &str) -> Option<String> {
        let (Some(LockView::Held(record)), Some(pod)) = (self.lock(), self.observation.pod()) else {
            return None;
        };
        let same = pod.uid == pod_uid && pod.holder_identity == record.holder_identity;
        same.then(|| record.holder_identity.clone())
    }

    /// The process of this holder has ended: if it holds the lock, and is not this one, nobody has to wait for it.
    pub(super) fn holder_has_ended(&mut self, holder: &str, identity: &str, evidence: Evidence, now: BootTime) {
        let holds = matches!(self.lock(), Some(LockView::Held(record)) if record.holder_identity == holder);
        if holds && holder != identity && self.gone.is_none() {
            self.gone = Some(evidence);
            self.takeable_at = self.takeable_at.min(now);
        }
    }

    pub(super) fn takeable_at(&self) -> BootTime {
        self.takeable_at
    }

    /// The record, if it bears this identity.
    pub(super) fn own_record(&self, identity: &str) -> Option<&LockRecord> {
        match self.lock() {
            Some(LockView::Held(record)) if record.holder_identity == identity => Some(record),
            _ => None,
        }
    }

    /// Why a candidate may try to take the lock now; `None` while it has to wait.
    pub(super) fn chance(&self, identity: &str, now: BootTime) -> Option<AcquireReason> {
        if now < self.takeable_at {
            return None;
        }
        Some(match self.lock() {
            None | Some(LockView::Absent) => AcquireReason::NoLock,
            Some(LockView::Free(_)) => AcquireReason::Released,
            Some(LockView::Held(record)) if record.holder_identity == identity => AcquireReason::OwnIdentity,
            Some(LockView::Held(record)) => self.end_of(record.holder_identity.clone()),
            Some(LockView::Broken { text, reason }) => AcquireReason::Broken {
                text: text.clone(),
                reason: reason.clone(),
            },
        })
    }

    /// Why nobody has to wait for this holder any more.
    fn end_of(&self, holder: String) -> AcquireReason {
        match self.gone {
            Some(evidence) => AcquireReason::HolderGone { holder, evidence },
            None if self.long_dead => AcquireReason::LongDead { holder },
            None => AcquireReason::LeaseExpired { holder },
        }
    }

    /// The term that an acquisition would begin: a change of hands counts, our own lock stays as it is, and without a
    /// record stock counts from 0. Stock's counter has 32 bits, and it refuses a record with a larger one.
    pub(super) fn next_term(&self, identity: &str) -> Term {
        match self.lock() {
            Some(LockView::Held(record)) if record.holder_identity == identity => Term::of(record),
            Some(LockView::Held(record) | LockView::Free(record)) => Term {
                transitions: record.leader_transitions.saturating_add(1).min(i32::MAX.into()),
                acquired: None,
            },
            Some(LockView::Absent | LockView::Broken { .. }) | None => Term {
                transitions: 0,
                acquired: None,
            },
        }
    }

    /// What a candidate says while it waits beside a lock that nobody can read.
    pub(super) fn broken_lock(&self) -> Option<Notice> {
        match self.lock() {
            Some(LockView::Broken { text, reason }) => Some(Notice::BrokenLock {
                text: text.clone(),
                reason: reason.clone(),
            }),
            _ => None,
        }
    }

    /// What a leader sees where its lock should be.
    pub(super) fn damage(&self) -> Option<Damage> {
        match self.lock() {
            None => Some(Damage::ConfigMapMissing),
            Some(LockView::Absent) => Some(Damage::LockMissing),
            Some(LockView::Broken { text, reason }) => Some(Damage::LockBroken {
                text: text.clone(),
                reason: reason.clone(),
            }),
            Some(LockView::Held(_) | LockView::Free(_)) => None,
        }
    }
}

impl Term {
    /// Of a write that leaves the lock as it is.
    pub(super) const NONE: Self = Self {
        transitions: 0,
        acquired: None,
    };

    pub(super) fn of(record: &LockRecord) -> Self {
        Self {
            transitions: record.leader_transitions,
            acquired: Some(record.acquire_time),
        }
    }
}
