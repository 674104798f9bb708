//! The elector: who leads, decided by conditional writes of one record.
//!
//! A pure machine. [`Elector::step`] is told what happened and when, notes it, and then decides once, from its state
//! alone, what to do next. It reads no clock and sends nothing, so a test can put it through any order of events.
//!
//! # Who may do what
//!
//! | role | sees | does |
//! |---|---|---|
//! | candidate | at first sight no lock; a released lock | `Acquire` at once |
//! | | a lock that has not changed for max(own lease, lease in the record) | `Acquire` |
//! | | at first sight a lock that is long dead by the server's clock | `Acquire` at once |
//! | | a lock of a process that has ended: in this pod, or seen over the network | `Acquire` at once |
//! | | its own identity: a write landed without an answer | `Acquire` at once, as the same term |
//! | | a lock that nobody can read | waits a lease, then `Acquire` |
//! | | a lock of ours that somebody else holds, without its own note | `Join` |
//! | | that the lock was removed from outside | waits a lease, in which its holder writes it again |
//! | | its `Acquire` acknowledged | `Grant` |
//! | leader | a retry period since the last acknowledged renewal was sent, or edits waiting | `Renew` |
//! | | its `Renew` acknowledged | `Extend` |
//! | | its lock missing or garbled | `Renew`, which repairs it |
//! | | another holder, or a lock released by someone else | `Revoke` at once, then candidate |
//! | | the end of `valid_until` | `Revoke` before anything else, then candidate |
//! | | that its JVM stands still | `Revoke`, then candidate |
//! | | that the API server cannot be used, and no other contender | `Hold` |
//! | | another contender while it holds on | `Hold` no longer, which may be a `Revoke` |
//! | | `Stop` | `Revoke`, then `Release` |
//! | | that it is to hand over, and who is there to take the lock | `Revoke`, between two checkpoints |
//! | handing over | that its revoke was handled | `HandOver`, then candidate |
//! | | the end of its lease before that | nothing: candidate |
//! | candidate | a lock that it has handed over, or that calls another one | waits a retry period |
//! | stopping | its own identity | `Release` |
//! | | its own note | `Leave` |
//! | | anything else, or that its time is up | `Stopped` |
//! | any | `Refused` or `Unknown` | `Read` before the next write |
//! | candidate | that its JVM stands still | nothing: the lock is left to others |
//!
//! # Why that is safe
//!
//! * Every write carries the version that it was decided on, so the API server puts all of them into one order, and a
//!   request that lands late can only land where nobody has written since. It then bears our identity for a while, which
//!   no candidate takes for a grant: it writes again, and the acknowledgement of *that* write is the grant.
//! * A leader's belief runs from the *sending* of its last acknowledged write and is shorter than the lease. A rival's
//!   wait runs from when it *saw* that write and is at least the lease. The margin between them is what the two clocks
//!   may differ in rate; no clock is ever compared with another.
//! * The belief ends by the clock in whatever step comes next, before that step looks at its input: neither a hanging
//!   request nor a thawed process can prolong it.
//!
//! Three things stand outside of this. The outage hold is an exception that is made on purpose: a contender that the
//! leader could not know of may lead while the leader, cut off, holds on. Evidence that the holder has ended is another: where
//! somebody has forged it, two lead until the old leader has seen the lock. The third is what outsiders do to the
//! `ConfigMap` under a living leader. Whoever has seen that leader leaves it a lease to repair the loss; but a candidate
//! that starts in this very moment cannot know of it, and a creation, the one write without a version, lands on the empty
//! place if it was under way. And a candidate that has never seen the record that is gone waits its own lease, which does
//! not help if the holder's was longer. Then the old leader is revoked when it sees the new one, by its watch or by its
//! own refused write.
//!
//! # How a step works
//!
//! | half | file | holds |
//! |---|---|---|
//! | note what happened | `events` | one function per input: the roles change here, and grants and revokes happen here |
//! | decide what to do | `decisions` | one function per role, from the state alone: at most one request, and one alarm |
//! | | `sight` | the newest known state of the lock, and from when on it can be taken |
//! | | `jvm` | whether the JVM is alive |
//! | | `gone` | evidence that the holder's process has ended |
//! | | `hand_over` | the lock given to another candidate, as an operator asked for |
//! | | `hold` | going on through an outage where nobody else is known |
//! | | `role` | candidate, leader with its belief, handing over, stopping; and the request under way |

mod decisions;
mod effect;
mod events;
mod gone;
mod hand_over;
mod hold;
mod input;
mod jvm;
mod role;
mod settings;
mod sight;

use super::time::BootTime;

pub use effect::{AcquireReason, AttemptId, Damage, Effect, GrantId, LockWrite, LockWriteKind, Notice, RevokeCause};
pub use gone::Evidence;
pub use input::{Input, Observation, Source};
use role::{Leader, Request, Role};
pub use settings::{ElectorSettings, OutageHold};
use sight::Sight;

/// The state machine of one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Elector {
    identity: String,
    settings: ElectorSettings,
    role: Role,
    request: Request,
    sight: Option<Sight>,
    next_grant: GrantId,
    next_attempt: AttemptId,
    /// Requests that failed in a row.
    failures: u32,
    /// The API server asked to be left alone until then.
    not_before: Option<BootTime>,
    /// A write of unknown outcome has not been read back yet.
    unsettled: bool,
    /// The timer that the caller has set.
    alarm: Option<BootTime>,
    /// What was said last.
    announced: Option<Notice>,
    /// The newest sign of life of the JVM; `None` before the first, when nothing is asked of it yet.
    jvm_heard: Option<BootTime>,
    /// Not before then it is noted again that this one waits.
    join_at: Option<BootTime>,
    /// The pod whose seat is ours.
    pod: Option<String>,
    /// Until then a lock that was handed over, or was to be, is left to others.
    yields_until: Option<BootTime>,
}

impl Elector {
    /// A candidate that knows nothing yet. `identity` must be new in this process's life: a lock that bears it is
    /// taken for our own. The grants are numbered from `first_grant`.
    #[must_use]
    pub fn new(identity: String, settings: impl Into<ElectorSettings>, first_grant: GrantId) -> Self {
        Self {
            identity,
            settings: settings.into(),
            role: Role::Candidate,
            request: Request::Idle,
            sight: None,
            next_grant: first_grant,
            next_attempt: AttemptId(0),
            failures: 0,
            not_before: None,
            unsettled: false,
            alarm: None,
            announced: None,
            jvm_heard: None,
            join_at: None,
            pod: None,
            yields_until: None,
        }
    }

    /// The same, with the seat of this pod from the beginning: [`Input::Seated`] before anything else has happened.
    #[must_use]
    pub fn seated_in(self, pod_uid: Option<&str>) -> Self {
        Self {
            pod: pod_uid.map(str::to_owned),
            ..self
        }
    }

    /// The grant that the last step left us with. It holds no longer than [`Elector::valid_until`].
    #[must_use]
    pub fn is_leader(&self) -> Option<GrantId> {
        self.leader().map(|leader| leader.grant)
    }

    /// Until when the grant holds if nothing else happens.
    #[must_use]
    pub fn valid_until(&self) -> Option<BootTime> {
        self.leader().map(|leader| leader.valid_until)
    }

    /// Until when the last acknowledged renewal carries the grant; what comes after that is the outage hold.
    #[must_use]
    pub fn confirmed_until(&self) -> Option<BootTime> {
        self.leader().map(|leader| leader.confirmed_until)
    }

    /// Whether the end has been reached.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.role, Role::Stopped)
    }

    /// The grant that would come next, for an elector that follows this one.
    #[must_use]
    pub fn next_grant(&self) -> GrantId {
        self.next_grant
    }

    /// Takes note of `input`, which happened at `now`, and answers what to do. `now` never goes back.
    pub fn step(&mut self, now: BootTime, input: Input) -> Vec<Effect> {
        let (mut effects, mut stored) = (Vec::new(), false);
        if self.is_stopped() {
            return effects;
        }
        if let Input::Pulse { at } = input {
            self.note_pulse(at);
        }
        self.end_belief_in_time(now, &mut effects);
        match input {
            // The caller's timer is spent, even if it went off a little early.
            Input::Tick => self.alarm = None,
            Input::Observed {
                observation,
                source,
                long_dead,
            } => {
                self.observed(now, observation, source, long_dead, &mut effects);
            }
            Input::ReadFailed => self.read_failed(now, &mut effects),
            Input::ReadPostponed => self.read_later(now),
            Input::WriteWanted => self.write_wanted(),
            Input::Applied { attempt, observation } => {
                self.applied(now, attempt, observation, &mut effects);
            }
            Input::Refused { attempt, unusable } => self.refused(now, attempt, unusable, &mut effects),
            Input::Unknown { attempt } => self.unknown(now, attempt, &mut effects),
            Input::AskedToWait { retry_after } => self.not_before = Some(now + retry_after),
            Input::Seated { pod_uid } => self.seated(now, pod_uid),
            Input::HolderEnded { holder } => self.holder_ended(now, &holder),
            Input::HandOver {
                to,
                between_checkpoints,
            } => self.asked_to_hand_over(now, to, between_checkpoints),
            Input::CheckpointStored => stored = true,
            Input::RevokeHandled { grant } => self.revoke_handled(grant),
            Input::Stop => self.stop(now, &mut effects),
            Input::Pulse { .. } => {}
        }
        self.hand_over_at_the_right_time(now, stored, &mut effects);
        self.act(now, &mut effects);
        self.set_alarm(now, &mut effects);
        effects
    }

    fn leader(&self) -> Option<&Leader> {
        match &self.role {
            Role::Leader(leader) => Some(leader),
            _ => None,
        }
    }
}
