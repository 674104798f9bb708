//! The lock given to another candidate while this one lives, as an operator asked for.
//!
//! A leader that is to hand over calls the roll first: notes outlive their writers, so a renewal takes them away, and whoever lives puts its own
//! back. With nobody there, or not the one that was named, nothing happens. Then it waits for the moment after a checkpoint, in which the next leader
//! has least to do over, but not for ever.
//!
//! The end of the leadership is told first, and the lock goes only when those who were told have answered: until then something may still be done
//! under the old grant. If they take longer than the lease lasts, the lock is left to its lease, as after any other revoke.
//!
//! Whoever has handed over stays a candidate, and would be the first to see that the lock is free. It leaves it to others for a retry period, and so
//! does everybody whom the lock does not call, where it calls one. After that anyone may take it: the one who was called may have died.

use std::time::Duration;

use crate::protocol::lock_record::LockView;
use crate::protocol::time::BootTime;

use super::Elector;
use super::effect::{Effect, GrantId, LockWriteKind, Notice, RevokeCause};
use super::role::Role;
use super::sight::{Sight, Term};

/// For the roll and for a checkpoint, or three retry periods: a note that meets another write is put back a retry period later.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const RETRIES: u32 = 3;

/// What a leader was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HandOver {
    to: Option<String>,
    between_checkpoints: bool,
    until: BootTime,
    roll: Roll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Roll {
    ToBeCalled,
    /// The renewal that takes the notes away is under way.
    UnderWay,
    /// Who is noted now lives.
    Called,
}

impl HandOver {
    pub(super) fn until(&self) -> BootTime {
        self.until
    }

    pub(super) fn calls(&self) -> bool {
        self.roll == Roll::ToBeCalled
    }

    /// With the renewal that is sent now, if it has not been done before.
    pub(super) fn call(&mut self) -> bool {
        let calls = self.calls();
        if calls {
            self.roll = Roll::UnderWay;
        }
        calls
    }

    pub(super) fn was_acknowledged(&mut self) {
        if self.roll == Roll::UnderWay {
            self.roll = Roll::Called;
        }
    }

    pub(super) fn was_not_acknowledged(&mut self) {
        if self.roll == Roll::UnderWay {
            self.roll = Roll::ToBeCalled;
        }
    }
}

impl Elector {
    pub(super) fn asked_to_hand_over(&mut self, now: BootTime, to: Option<String>, between_checkpoints: bool) {
        let wait = LONGEST_WAIT.max(self.settings.timings.retry_period * RETRIES);
        if let Role::Leader(leader) = &mut self.role {
            leader.hand_over = Some(HandOver {
                to,
                between_checkpoints,
                until: now + wait,
                roll: Roll::ToBeCalled,
            });
        }
    }

    /// A checkpoint that was `stored` in this step is the moment; otherwise there may be none to wait for, or it was waited for long enough.
    pub(super) fn hand_over_at_the_right_time(&mut self, now: BootTime, stored: bool, effects: &mut Vec<Effect>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(asked) = &leader.hand_over else { return };
        let waited = now >= asked.until;
        let sight = self.sight.as_ref().filter(|_| asked.roll == Roll::Called);
        let somebody_is_there = sight.is_some_and(|sight| match &asked.to {
            Some(to) => sight.shows_note_of(to),
            None => sight.shows_another_contender(&self.identity),
        });
        if somebody_is_there && (stored || waited || !asked.between_checkpoints) {
            let (grant, until, to) = (leader.grant, leader.valid_until, asked.to.clone());
            self.revoke(RevokeCause::HandedOver { to: to.clone() }, effects);
            self.role = Role::HandingOver {
                grant,
                to,
                until,
                handled: false,
            };
        } else if waited {
            let to = asked.to.clone();
            leader.hand_over = None;
            effects.push(Effect::HandOverRefused { to });
        }
    }

    pub(super) fn revoke_handled(&mut self, of: GrantId) {
        if let Role::HandingOver { grant, handled, .. } = &mut self.role {
            *handled |= *grant == of;
        }
    }

    pub(super) fn give_over(&mut self, now: BootTime, sight: &Sight, effects: &mut Vec<Effect>) {
        let Role::HandingOver { handled, .. } = self.role else {
            return;
        };
        match self.own_term() {
            Some(Term { transitions, .. }) if handled => {
                let term = Term {
                    transitions,
                    acquired: None,
                };
                self.write(now, LockWriteKind::HandOver, &term, effects);
            }
            Some(_) => {}
            // It landed without an answer, or somebody has taken the lock.
            None => {
                self.stand_back(now);
                self.contend(now, sight, effects);
            }
        }
    }

    pub(super) fn give_up_handing_over_in_time(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if let Role::HandingOver { until, handled, .. } = self.role
            && now >= until
        {
            self.announce(Some(Notice::NotHandedOver { handled }), effects);
            self.stand_back(now);
        }
    }

    /// A candidate again, but not at once for this lock.
    pub(super) fn stand_back(&mut self, now: BootTime) {
        if let Role::HandingOver { .. } = self.role {
            self.role = Role::Candidate;
            self.yields_until = Some(now + self.settings.timings.retry_period);
        }
    }

    /// Whether this lock is left to others still.
    pub(super) fn yields(&self, sight: &Sight, now: BootTime) -> bool {
        now < self.takes_at(sight)
    }

    /// When the lock is taken if nothing else happens.
    pub(super) fn takes_at(&self, sight: &Sight) -> BootTime {
        let handed_over = matches!(sight.lock(), Some(LockView::Free(_))) || sight.own_record(&self.identity).is_some();
        let yields_until = self.yields_until.filter(|_| handed_over);
        yields_until.map_or(sight.takeable_at(), |until| until.max(sight.takeable_at()))
    }
}
