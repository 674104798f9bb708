//! What the elector asks for, in the order in which it has to be done.

use std::fmt;
use std::time::Duration;

use super::gone::Evidence;
use crate::protocol::contenders::Contenders;
use crate::protocol::lock_record::{LockRecord, LockView};
use crate::protocol::time::{BootTime, WallTime};

/// One term of leadership of this process. Never used twice; compared for equality only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantId(pub u64);

/// One write, so that its outcome finds back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptId(pub u64);

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// We are the leader, until `valid_until` and not an instant longer unless it is extended.
    Grant {
        /// The new term.
        grant: GrantId,
        /// The end of our belief, on our own clock.
        valid_until: BootTime,
    },
    /// A renewal was acknowledged.
    Extend {
        /// The running term.
        grant: GrantId,
        /// The new end of our belief.
        valid_until: BootTime,
    },
    /// The API server cannot be used and nobody else is known to contend: the belief goes on without an acknowledgement. Or it does so no longer,
    /// because somebody is.
    Hold {
        /// The running term.
        grant: GrantId,
        /// The new end of our belief, later or earlier than the former.
        valid_until: BootTime,
    },
    /// We are no longer the leader. Every grant gets exactly one.
    Revoke {
        /// The term that ended.
        grant: GrantId,
        /// Why.
        cause: RevokeCause,
    },
    /// Send this write now. Its outcome comes back as `Applied`, `Refused` or `Unknown`, exactly once.
    Write(LockWrite),
    /// Read the `ConfigMap` by a quorum GET. The answer comes back as `Observed` by `Source::Read`, or as `ReadFailed`.
    Read {
        /// How long to wait for the answer.
        time_limit: Duration,
    },
    /// Come back with a `Tick` at this time. Replaces the former timer.
    Wake {
        /// When.
        at: BootTime,
    },
    /// The lock is not handed over as [`Input::HandOver`](super::Input::HandOver) asked, and the leadership goes on: nobody waits for the lock, or
    /// not the one that was named.
    HandOverRefused {
        /// Who was named.
        to: Option<String>,
    },
    /// To be logged.
    Notice(Notice),
    /// The end: nothing follows.
    Stopped,
}

/// Why a leader is none any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RevokeCause {
    /// No renewal was acknowledged within the renew deadline.
    RenewDeadlinePassed,
    /// Nor within the time that a leader that is alone goes on without the API server.
    OutageHoldPassed,
    /// No renewal was acknowledged in time, and another contender has turned up meanwhile.
    NotAloneInOutage,
    /// Somebody else holds the lock.
    TakenBy {
        /// The identity in the record.
        holder: String,
    },
    /// Somebody else released the lock.
    Released,
    /// The JVM gave no sign of life for too long.
    JvmSilent,
    /// The last contender is gone.
    Stopped,
    /// Somebody asked for it.
    HandedOver {
        /// Who is to lead next; whoever is first without.
        to: Option<String>,
    },
    /// The `ConfigMap`s of the whole cluster have been deleted. No step ends with it: whoever owns the elector finds it out.
    CleanedUp,
}

impl fmt::Display for RevokeCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RenewDeadlinePassed => {
                write!(f, "no renewal was acknowledged within the renew deadline")
            }
            Self::OutageHoldPassed => {
                write!(
                    f,
                    "the API server could not be used for longer than a leader that is alone goes on"
                )
            }
            Self::NotAloneInOutage => {
                write!(
                    f,
                    "no renewal was acknowledged within the renew deadline, and somebody else waits for the lock"
                )
            }
            Self::TakenBy { holder } => write!(f, "{holder} holds the lock"),
            Self::Released => write!(f, "the lock was released from outside"),
            Self::JvmSilent => write!(f, "the JVM stood still"),
            Self::Stopped => write!(f, "the election was stopped"),
            Self::HandedOver { to: Some(to) } => write!(f, "it is handed over to {to}, as was asked for"),
            Self::HandedOver { to: None } => write!(f, "it is handed over to whoever waits for it, as was asked for"),
            Self::CleanedUp => write!(
                f,
                "the cluster was cleaned up: its ConfigMaps have been deleted together"
            ),
        }
    }
}

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockWriteKind {
    /// To become the leader.
    Acquire,
    /// To stay the leader; edits may ride on it.
    Renew,
    /// To give the lock back.
    Release,
    /// To give the lock to another candidate, and to stay one.
    HandOver,
    /// To note that we wait for the lock, which stays as it is.
    Join,
    /// To take that note away.
    Leave,
}

/// A conditional write of the lock. The caller puts the record into the object of version `base`, stamps the wall-clock
/// time and sends it at once: the belief in its success counts from the instant at which `step` returned it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockWrite {
    /// Names the outcome.
    pub attempt: AttemptId,
    /// What it is for.
    pub kind: LockWriteKind,
    /// The resource version that it was decided on; `None` creates the `ConfigMap`.
    pub base: Option<String>,
    /// How long to wait for the answer; after that the outcome is unknown.
    pub time_limit: Duration,
    /// After which time without an answer the same is to be sent once more, over another connection, while the first answer is still waited for. All
    /// copies are one write with one outcome, which counts from the sending of the first.
    pub again_after: Option<Duration>,
    /// `leaderTransitions` of the record.
    pub transitions: i64,
    /// The acquire time to keep, if the holder stays the same.
    pub keep_acquire_time: Option<WallTime>,
    /// The notes of all contenders are taken away with it.
    pub takes_notes_away: bool,
    /// Who is to lead next, if the lock is handed over to one and not to whoever is first.
    pub next: Option<String>,
}

impl LockWrite {
    /// The lease that stock writes when it releases.
    const RELEASED_LEASE: Duration = Duration::from_secs(1);

    /// The record to write, as stock's `LeaderElector` fills it; `None` where the lock stays as it is.
    #[must_use]
    pub fn record(&self, identity: &str, lease: Duration, now: WallTime) -> Option<LockRecord> {
        let (holder_identity, lease_duration) = match self.kind {
            LockWriteKind::Acquire | LockWriteKind::Renew => (identity.to_owned(), lease),
            LockWriteKind::Release | LockWriteKind::HandOver => (String::new(), Self::RELEASED_LEASE),
            LockWriteKind::Join | LockWriteKind::Leave => return None,
        };
        Some(LockRecord {
            holder_identity,
            lease_duration,
            acquire_time: self.keep_acquire_time.unwrap_or(now),
            renew_time: now,
            leader_transitions: self.transitions,
        })
    }

    /// The notes that go with it, in place of those that stood beside the former lock.
    #[must_use]
    pub fn contenders(
        &self,
        identity: &str,
        former: Contenders,
        former_lock: &LockView,
        record: Option<&LockRecord>,
    ) -> Contenders {
        let notes = match self.kind {
            LockWriteKind::Join => former.with(identity),
            LockWriteKind::Acquire
            | LockWriteKind::Renew
            | LockWriteKind::Release
            | LockWriteKind::HandOver
            | LockWriteKind::Leave => former.without(identity),
        };
        let notes = if self.takes_notes_away { notes.emptied() } else { notes };
        match record {
            Some(record) => notes.signing(former_lock, record).calling(self.next.as_deref()),
            None => notes,
        }
    }
}

/// Something that an operator may want to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// A candidate sees a lock that nobody can read, and waits a lease before it takes it.
    BrokenLock {
        /// The annotation.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A candidate tries to take the lock.
    Acquiring(AcquireReason),
    /// A leader writes its lock again, because something else has removed or garbled it.
    Repairing(Damage),
    /// Nobody leads or contends here until the JVM is heard of again.
    JvmSilent {
        /// How long it was waited for.
        timeout: Duration,
    },
    /// The lock could not be given to the next leader within the lease, which goes on to protect this one.
    NotHandedOver {
        /// Flink has taken in the end of its leadership.
        handled: bool,
    },
}

/// Why the lock can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AcquireReason {
    /// There is no lock.
    NoLock,
    /// The last holder released it.
    Released,
    /// It bears our own identity: a write of ours landed without an acknowledgement, or our time ran out and nobody
    /// else has taken it.
    OwnIdentity,
    /// It did not change for a whole lease.
    LeaseExpired {
        /// The identity in the record.
        holder: String,
    },
    /// The server's clock says that it was not written for longer than a lease.
    LongDead {
        /// The identity in the record.
        holder: String,
    },
    /// Its holder's process has ended.
    HolderGone {
        /// The identity in the record.
        holder: String,
        /// What shows it.
        evidence: Evidence,
    },
    /// Nobody can read it, and it did not change for a whole lease.
    Broken {
        /// The annotation that will be overwritten.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a leader finds where its lock should be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Damage {
    /// No `ConfigMap`.
    ConfigMapMissing,
    /// No annotation.
    LockMissing,
    /// An annotation that nobody can read.
    LockBroken {
        /// The annotation.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenLock { text, reason } => write!(
                f,
                "The lock cannot be read: {reason}. It is overwritten if it stays so for a whole lease: {}",
                quoted(text)
            ),
            Self::Acquiring(reason) => write!(f, "Taking the lock, because {reason}"),
            Self::Repairing(damage) => write!(f, "Writing the lock again, because {damage}"),
            Self::JvmSilent { timeout } => write!(
                f,
                "The JVM has given no sign of life for {timeout:?}, so this process leads no more and leaves the lock to others until it does"
            ),
            Self::NotHandedOver { handled } => {
                let why = if *handled {
                    "the API server has not acknowledged it"
                } else {
                    "Flink has not taken in the end of its leadership"
                };
                write!(
                    f,
                    "The lock was not handed over in time, because {why}: it ends with its lease"
                )
            }
        }
    }
}

impl fmt::Display for AcquireReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLock => write!(f, "there is none"),
            Self::Released => write!(f, "it was released"),
            Self::OwnIdentity => write!(f, "it bears our own identity"),
            Self::LeaseExpired { holder } => write!(f, "the lease of {holder} has expired"),
            Self::LongDead { holder } => {
                write!(f, "{holder} died longer than its lease ago, by the server's clock")
            }
            Self::HolderGone {
                holder,
                evidence: Evidence::SamePod,
            } => write!(
                f,
                "{holder} was a process of this pod, and none that held its seat is alive"
            ),
            Self::HolderGone {
                holder,
                evidence: Evidence::Refused,
            } => write!(
                f,
                "the connection to {holder} was closed, and its port refuses a new one"
            ),
            Self::Broken { text, reason } => write!(
                f,
                "it cannot be read ({reason}) and nobody has written it for a whole lease: {}",
                quoted(text)
            ),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigMapMissing => write!(f, "the ConfigMap has been deleted from outside"),
            Self::LockMissing => write!(f, "the annotation has been removed from outside"),
            Self::LockBroken { text, reason } => {
                write!(f, "it has been overwritten from outside ({reason}): {}", quoted(text))
            }
        }
    }
}

/// A foreign text for the log: its beginning, with control characters escaped.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let beginning: String = text.chars().take(LONGEST).collect();
    let ellipsis = if beginning.len() < text.len() { " …" } else { "" };
    format!("{beginning:?}{ellipsis}")
}
