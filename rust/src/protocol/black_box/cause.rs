//! Why a leadership was lost.
//!
//! What the elector says (the deadline passed, somebody holds the lock, the JVM is silent) is only half of it. The other half is what
//! happened since the last acknowledged renewal was sent, and is forgotten with the next one.

use std::fmt;
use std::time::Duration;

use super::Renewal;
use super::event::{Answer, Outcome, Request};
use crate::protocol::elector::{AttemptId, RevokeCause};
use crate::protocol::time::BootTime;

/// One cause, and only one, for each loss of leadership.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LossCause {
    /// No answer of the API server in time.
    ApiUnreachable,
    /// It answered with errors: 429, 5xx, or something else than the Kubernetes API answers.
    ApiErrors,
    /// The ConfigMap was written by others, again and again, whenever a renewal was sent.
    Conflict,
    /// Somebody else holds the lock.
    Stolen {
        /// Whoever it is.
        holder: String,
    },
    /// Somebody else has released the lock.
    Released,
    /// The JVM gave no sign of life, while native threads ran on.
    JvmStall,
    /// The whole process, or the machine, stood still.
    Freeze,
    /// The API server did not accept our credentials.
    Unauthorized,
    /// The Role does not allow it, or an admission hook.
    Forbidden,
    /// The ConfigMap, or the namespace, was deleted.
    Deleted,
    /// The process ends in order.
    Shutdown,
    /// An operator asked for another leader.
    Switchover,
    /// The deadline passed, and nothing failed.
    Unexplained,
}

impl LossCause {
    /// The values of the label `cause`.
    pub const NAMES: [&'static str; 13] = [
        "api-unreachable",
        "api-errors",
        "conflict",
        "stolen",
        "released",
        "jvm-stall",
        "freeze",
        "401",
        "403",
        "deleted",
        "shutdown",
        "switchover",
        "unexplained",
    ];

    /// The name, without whoever has done it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ApiUnreachable => "api-unreachable",
            Self::ApiErrors => "api-errors",
            Self::Conflict => "conflict",
            Self::Stolen { .. } => "stolen",
            Self::Released => "released",
            Self::JvmStall => "jvm-stall",
            Self::Freeze => "freeze",
            Self::Unauthorized => "401",
            Self::Forbidden => "403",
            Self::Deleted => "deleted",
            Self::Shutdown => "shutdown",
            Self::Switchover => "switchover",
            Self::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for LossCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stolen { holder } => write!(f, "stolen by {holder}"),
            other => f.write_str(other.name()),
        }
    }
}

/// A write of the lock that is under way for so long hangs, whatever came of those before it.
const HANGS: Duration = Duration::from_secs(1);

/// A write of the lock that is under way.
#[derive(Clone, Copy, Debug)]
struct Sent {
    attempt: AttemptId,
    at: BootTime,
    renews: bool,
}

/// What speaks for which cause, since the last acknowledged renewal was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspicion {
    under_way: Option<Sent>,
    /// When the write was sent that was acknowledged last.
    applied: Option<BootTime>,
    /// The same, once it was taken for a renewal: then this process leads.
    confirmed: Option<BootTime>,
    stood_still: Duration,
    /// The newest trouble.
    trouble: Option<LossCause>,
    conflicts: bool,
}

impl Suspicion {
    pub(super) fn sent(&mut self, at: BootTime, attempt: AttemptId, renews: bool) {
        self.under_way = Some(Sent { attempt, at, renews });
    }

    /// Answers if this was a renewal.
    pub(super) fn settled(&mut self, now: BootTime, of: AttemptId, outcome: Outcome) -> Option<Renewal> {
        let sent = self.under_way.take_if(|sent| sent.attempt == of)?;
        if outcome == Outcome::Applied {
            self.applied = Some(sent.at);
        }
        sent.renews.then(|| Renewal {
            took: now.saturating_since(sent.at),
            outcome,
        })
    }

    /// The last acknowledgement counts: what was before it explains nothing that comes after it.
    pub(super) fn confirmed(&mut self) {
        *self = Self {
            under_way: self.under_way,
            applied: self.applied,
            confirmed: self.applied,
            ..Self::default()
        };
    }

    pub(super) fn stood_still(&mut self, gap: Duration) {
        self.stood_still += gap;
    }

    pub(super) fn missing(&mut self) {
        self.trouble = Some(LossCause::Deleted);
    }

    /// A request about the lock has ended. That one succeeds explains nothing.
    pub(super) fn request(&mut self, request: &Request) {
        let trouble = match request.answer {
            Answer::TimedOut | Answer::Unreachable | Answer::Tls => LossCause::ApiUnreachable,
            Answer::NoCredentials | Answer::Code(401) => LossCause::Unauthorized,
            // What is in a namespace that is being deleted cannot be made anew: that is said with 403.
            Answer::Code(403) if self.trouble == Some(LossCause::Deleted) => return,
            Answer::Code(403) => LossCause::Forbidden,
            Answer::Code(404) => LossCause::Deleted,
            Answer::Code(409) => {
                self.conflicts = true;
                return;
            }
            Answer::Code(0..=399 | 410) | Answer::Withheld | Answer::GivenUp => return,
            Answer::Code(_) | Answer::Malformed => LossCause::ApiErrors,
        };
        self.trouble = Some(trouble);
    }

    /// Since the renewal was sent that was acknowledged last.
    pub(super) fn lease_age(&self, now: BootTime) -> Option<Duration> {
        self.confirmed.map(|at| now.saturating_since(at))
    }

    /// How long a write of the lock has been waiting for its answer.
    pub(super) fn unanswered(&self, now: BootTime) -> Option<Duration> {
        self.under_way.map(|sent| now.saturating_since(sent.at))
    }

    pub(super) fn cause(&self, now: BootTime, revoke: &RevokeCause) -> LossCause {
        match revoke {
            RevokeCause::Stopped => LossCause::Shutdown,
            RevokeCause::HandedOver { .. } => LossCause::Switchover,
            RevokeCause::TakenBy { holder } => LossCause::Stolen { holder: holder.clone() },
            RevokeCause::Released => LossCause::Released,
            RevokeCause::CleanedUp => LossCause::Deleted,
            RevokeCause::JvmSilent | RevokeCause::RenewDeadlinePassed | RevokeCause::OutageHoldPassed
                if self.was_frozen(now) =>
            {
                LossCause::Freeze
            }
            RevokeCause::JvmSilent => LossCause::JvmStall,
            RevokeCause::RenewDeadlinePassed | RevokeCause::OutageHoldPassed | RevokeCause::NotAloneInOutage => {
                self.trouble(now)
            }
        }
    }

    /// At least half of the time since the last renewal.
    fn was_frozen(&self, now: BootTime) -> bool {
        let age = self.lease_age(now).unwrap_or_default();
        !self.stood_still.is_zero() && self.stood_still * 2 >= age
    }

    fn trouble(&self, now: BootTime) -> LossCause {
        let under_way = self.unanswered(now).unwrap_or_default();
        match &self.trouble {
            Some(trouble) => trouble.clone(),
            // One try follows the other, so the deadline may find one of them on its way.
            None if self.conflicts && under_way < HANGS => LossCause::Conflict,
            // It hangs.
            None if self.under_way.is_some() => LossCause::ApiUnreachable,
            None if self.conflicts => LossCause::Conflict,
            None if !self.stood_still.is_zero() => LossCause::Freeze,
            None => LossCause::Unexplained,
        }
    }
}
