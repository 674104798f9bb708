//! The black box: the newest events of the lease and of writes, and the cause of every loss of leadership.
//!
//! | file | holds |
//! |---|---|
//! | `event` | one event, and how it reads |
//! | `cause` | why a leadership was lost: a small state machine that gathers evidence between two acknowledged renewals |
//! | `ring` | a bounded memory that forgets the oldest |
//! | `report` | the lines for people |
//!
//! Memory is bounded: so many events of the lock, so many of other `ConfigMap`s, so that the checkpoints of many jobs do not drive out what
//! happened to the lease. Nothing here waits, and nothing is decided by it.

mod cause;
mod event;
mod report;
mod ring;

use std::time::Duration;

use super::elector::{Effect, GrantId, Input, LockWriteKind, Observation, RevokeCause};
use super::lock_record::LockView;
use super::time::{BootTime, WallTime};

pub use cause::LossCause;
use cause::Suspicion;
pub use event::{Answer, Entry, Event, Outcome, Request};
pub use report::{Loss, describe};
use ring::Ring;

/// Events of the lock that are kept.
const LOCK_EVENTS: usize = 256;
/// Events of other `ConfigMap`s that are kept.
const OTHER_EVENTS: usize = 128;
/// Whoever is not heard of for so long, although it should be all the time, stood still.
const STANDSTILL: Duration = Duration::from_secs(1);
/// Signs of life of the JVM come every second; a gap this long is an event.
const JVM_PAUSE: Duration = Duration::from_secs(3);

/// A renewal that has its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// From its sending to its outcome.
    pub took: Duration,
    /// What has become of it.
    pub outcome: Outcome,
}

/// What one process has seen of its lease and its writes.
#[derive(Clone, Debug)]
pub struct BlackBox {
    lock: Ring,
    others: Ring,
    suspicion: Suspicion,
    holder: Option<String>,
    jvm_heard: Option<BootTime>,
    /// When it was last seen to run, while it should be all the time.
    alive: Option<BootTime>,
    /// Number of the next event.
    next: u64,
}

impl Default for BlackBox {
    fn default() -> Self {
        Self {
            lock: Ring::new(LOCK_EVENTS),
            others: Ring::new(OTHER_EVENTS),
            suspicion: Suspicion::default(),
            holder: None,
            jvm_heard: None,
            alive: None,
            next: 0,
        }
    }
}

impl BlackBox {
    /// This process runs; `watched` says whether it is going to say so again at once. A gap is a standstill.
    pub fn alive(&mut self, now: BootTime, wall: WallTime, watched: bool) -> Option<Duration> {
        let before = std::mem::replace(&mut self.alive, watched.then_some(now));
        let gap = now.saturating_since(before?);
        if gap < STANDSTILL {
            return None;
        }
        self.suspicion.stood_still(gap);
        self.note(now, wall, Event::StoodStill { duration: gap });
        Some(gap)
    }

    /// A request has ended; `of_lock` when it was about the `ConfigMap` with the lock.
    pub fn request(&mut self, now: BootTime, wall: WallTime, request: Request, of_lock: bool) {
        if of_lock {
            self.suspicion.request(&request);
            self.note(now, wall, Event::Request(request));
        } else {
            let entry = self.entry(now, wall, Event::Request(request));
            self.others.push(entry);
        }
    }

    /// What the elector is about to be told. Answers with a renewal that has its outcome now.
    pub fn heard(&mut self, now: BootTime, wall: WallTime, input: &Input) -> Option<Renewal> {
        match input {
            Input::Observed { observation, .. } => self.seen(now, wall, observation),
            Input::Pulse { at } => {
                let gap = self.jvm_heard.map(|before| at.saturating_since(before));
                self.jvm_heard = self.jvm_heard.max(Some(*at));
                if let Some(duration) = gap.filter(|gap| *gap >= JVM_PAUSE) {
                    self.note(now, wall, Event::JvmPaused { duration });
                }
            }
            Input::Applied { attempt, observation } => {
                let renewal = self.suspicion.settled(now, *attempt, Outcome::Applied);
                self.seen(now, wall, observation);
                return renewal;
            }
            Input::Refused { attempt, .. } => return self.suspicion.settled(now, *attempt, Outcome::Refused),
            Input::Unknown { attempt } => return self.suspicion.settled(now, *attempt, Outcome::Unknown),
            _ => {}
        }
        None
    }

    /// What the elector has decided. The end of a leadership is for [`Self::lost`].
    pub fn decided(&mut self, now: BootTime, wall: WallTime, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Grant { grant, .. } => {
                    self.suspicion.confirmed();
                    self.note(now, wall, Event::Granted { grant: *grant });
                }
                Effect::Extend { .. } => self.suspicion.confirmed(),
                Effect::Hold { valid_until, .. } => {
                    let left = valid_until.saturating_since(now);
                    self.note(now, wall, Event::Held { left });
                }
                Effect::Write(write) => {
                    let renews = write.kind == LockWriteKind::Renew;
                    self.suspicion.sent(now, write.attempt, renews);
                }
                Effect::Notice(notice) => self.note(now, wall, Event::Notice(notice.to_string())),
                Effect::HandOverRefused { .. } => {
                    let text = "the lock is not handed over: nobody was there to take it".to_owned();
                    self.note(now, wall, Event::Notice(text));
                }
                Effect::Revoke { .. } | Effect::Read { .. } | Effect::Wake { .. } | Effect::Stopped => {}
            }
        }
    }

    /// A leadership has ended: why, and what led to it.
    pub fn lost(&mut self, now: BootTime, wall: WallTime, grant: GrantId, revoke: &RevokeCause) -> Loss {
        let cause = self.suspicion.cause(now, revoke);
        let unanswered = self.suspicion.unanswered(now);
        let event = Event::Lost {
            grant,
            cause: cause.clone(),
        };
        self.note(now, wall, event);
        self.suspicion = Suspicion::default();
        Loss {
            cause,
            unanswered,
            events: self.entries(),
        }
    }

    /// The end of a candidacy: outcomes of its writes are nobody's any more.
    pub fn candidacy_ended(&mut self) {
        self.suspicion = Suspicion::default();
        self.jvm_heard = None;
    }

    /// Everything that is kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<_> = self.lock.iter().chain(self.others.iter()).cloned().collect();
        entries.sort_by_key(|entry| entry.number);
        entries
    }

    fn seen(&mut self, now: BootTime, wall: WallTime, observation: &Observation) {
        let lock = match observation {
            Observation::Missing => None,
            Observation::Present { lock, .. } => Some(lock),
        };
        if lock.is_none() {
            self.suspicion.missing();
        }
        let holder = match lock {
            Some(LockView::Held(record)) => record.holder_identity.clone(),
            Some(LockView::Free(_)) => "nobody, it was released".to_owned(),
            Some(LockView::Absent) => "nobody, there is none".to_owned(),
            Some(LockView::Broken { .. }) => "nobody who can be read".to_owned(),
            None => "nobody, there is no ConfigMap".to_owned(),
        };
        if self.holder.as_ref() != Some(&holder) {
            self.holder = Some(holder.clone());
            self.note(now, wall, Event::Holder { holder });
        }
    }

    fn note(&mut self, now: BootTime, wall: WallTime, event: Event) {
        let entry = self.entry(now, wall, event);
        self.lock.push(entry);
    }

    fn entry(&mut self, now: BootTime, wall: WallTime, event: Event) -> Entry {
        let number = self.next;
        self.next += 1;
        Entry {
            number,
            wall,
            lease_age: self.suspicion.lease_age(now),
            event,
        }
    }
}

#[cfg(test)]
mod tests;
