//! Holding on to a leadership that cannot be renewed, because nobody can use the API server and nobody is known who could take it.
//!
//! A belief that ends without a renewal is right only where somebody may follow: alone, it costs a restart of every job and helps nobody. So a
//! leader that sees no other contender goes on, for as long as the settings say, counted from where its belief would have ended. It has to see
//! the API server fail all the while: each failed request carries the belief as far as a renewal would have, and what ends it is the clock, as
//! ever. A process that was frozen has seen nothing fail and ends like any other. The first read that succeeds decides: with another
//! contender in it the leadership ends, if it is still ours alone the renewal goes out.
//!
//! Contenders note that they wait. Notes outlive their writers, so a leader takes them away now and then; whoever lives puts its own back, and
//! until there was time for that, somebody is reckoned with.

use std::time::Duration;

use crate::protocol::time::BootTime;

use super::Elector;
use super::effect::{Effect, RevokeCause};
use super::role::Role;
use super::sight::Sight;

/// So long counts a note of a contender; then it is asked for again.
pub(super) const NOTES_LAST: Duration = Duration::from_secs(600);

impl Elector {
    /// A request has shown that the API server cannot be used.
    pub(super) fn hold_on(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if !self.is_alone(now) {
            return;
        }
        let (hold, deadline) = (self.settings.outage_hold.duration, self.settings.timings.renew_deadline);
        if let Role::Leader(leader) = &mut self.role {
            let until = (now + deadline).min(leader.confirmed_until + hold);
            if until > leader.valid_until {
                leader.valid_until = until;
                effects.push(Effect::Hold {
                    grant: leader.grant,
                    valid_until: until,
                });
            }
        }
    }

    /// Something was seen: a belief that goes on only because nobody else was there ends where it would have ended, or now.
    pub(super) fn hold_no_longer_beside_a_rival(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        if !self.sees_a_rival() {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.valid_until <= leader.confirmed_until {
            return;
        }
        leader.valid_until = leader.confirmed_until;
        let (grant, valid_until) = (leader.grant, leader.valid_until);
        if now >= valid_until {
            self.revoke(RevokeCause::NotAloneInOutage, effects);
        } else {
            effects.push(Effect::Hold { grant, valid_until });
        }
    }

    /// Whether nobody is known who might take the lock of this leader.
    fn is_alone(&self, now: BootTime) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        !self.settings.outage_hold.duration.is_zero()
            && now >= leader.alone_from
            && self.own_term().is_some()
            && !self.sees_a_rival()
    }

    fn sees_a_rival(&self) -> bool {
        let strangers_count = !self.settings.outage_hold.despite_strangers;
        self.sight.as_ref().is_some_and(|sight| {
            sight.shows_another_contender(&self.identity) || strangers_count && sight.knows_strangers()
        })
    }

    /// Notes that are there no more may only have been taken away, to be put back by whoever lives.
    pub(super) fn reckon_with_contenders(&mut self, now: BootTime, before: Option<&Sight>) {
        let shown = |sight: Option<&Sight>| sight.is_some_and(|sight| sight.shows_another_contender(&self.identity));
        let (had, has) = (shown(before), shown(self.sight.as_ref()));
        let lease = self.settings.timings.lease_duration;
        if let Role::Leader(leader) = &mut self.role {
            if had && !has {
                leader.alone_from = now + lease;
            }
            if had != has {
                leader.notes_last_until = now + NOTES_LAST;
            }
        }
    }
}
