//! What this process is to the lock, and what is under way with the API server.

use crate::protocol::lease::LeaseTimings;
use crate::protocol::time::BootTime;

use super::effect::{AttemptId, GrantId, LockWriteKind};
use super::hand_over::HandOver;
use super::hold::NOTES_LAST;
use super::sight::Term;

/// The part that this process plays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Candidate,
    Leader(Leader),
    /// Leads no more, and gives the lock to another one as soon as everybody here knows that.
    HandingOver {
        grant: GrantId,
        to: Option<String>,
        /// When the belief would have ended: then it is left to its lease.
        until: BootTime,
        handled: bool,
    },
    /// Giving back what may be ours, no longer than this.
    Stopping {
        until: BootTime,
    },
    Stopped,
}

/// A leader and its belief.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leader {
    pub(super) grant: GrantId,
    /// Counted from when the last acknowledged write was *sent*: a rival counts from when it *saw* that write, which is later.
    pub(super) confirmed_until: BootTime,
    /// The same, or later while an outage is outlived.
    pub(super) valid_until: BootTime,
    /// Until then somebody who has not noted it may wait for the lock.
    pub(super) alone_from: BootTime,
    /// From then on the notes of others are old enough to be asked for again.
    pub(super) notes_last_until: BootTime,
    pub(super) renew_at: BootTime,
    pub(super) write_wanted: bool,
    /// What a repair writes again.
    pub(super) term: Term,
    /// That another one is to lead, until it does or cannot.
    pub(super) hand_over: Option<HandOver>,
}

impl Leader {
    pub(super) fn new(now: BootTime, grant: GrantId, sent: BootTime, term: Term, timings: &LeaseTimings) -> Self {
        Self {
            grant,
            confirmed_until: sent + timings.renew_deadline,
            valid_until: sent + timings.renew_deadline,
            alone_from: now + timings.lease_duration,
            notes_last_until: now + NOTES_LAST,
            renew_at: sent + timings.retry_period,
            write_wanted: false,
            term,
            hand_over: None,
        }
    }

    pub(super) fn extend(&mut self, sent: BootTime, timings: &LeaseTimings) {
        self.confirmed_until = sent + timings.renew_deadline;
        self.valid_until = self.confirmed_until;
        self.renew_at = sent + timings.retry_period;
    }
}

/// The one request that may be under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Request {
    /// None; what was seen last is as good as it gets.
    Idle,
    /// What was seen last is not to be trusted: a read follows.
    ReadAt(BootTime),
    Reading,
    Writing {
        attempt: AttemptId,
        kind: LockWriteKind,
        sent: BootTime,
        /// From then on a renewal counts as one that fails, although it may still be answered.
        overdue_at: Option<BootTime>,
    },
}
