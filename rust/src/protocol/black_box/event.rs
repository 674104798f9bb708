//! One event, and how it reads.

use std::fmt;
use std::time::Duration;

use super::cause::LossCause;
use crate::protocol::elector::GrantId;
use crate::protocol::time::WallTime;

/// An event with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Events are numbered in their order.
    pub number: u64,
    /// The wall clock, for people.
    pub wall: WallTime,
    /// Since the last acknowledged write of the lock was sent; `None` where this process does not lead.
    pub lease_age: Option<Duration>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request has ended.
    Request(Request),
    /// This process leads.
    Granted {
        /// The new term.
        grant: GrantId,
    },
    /// The leadership is held on to without the API server.
    Held {
        /// For so long from now on, if nothing else happens.
        left: Duration,
    },
    /// This process leads no more.
    Lost {
        /// The term that ended.
        grant: GrantId,
        /// Why.
        cause: LossCause,
    },
    /// The lock has another holder, or none.
    Holder {
        /// Its identity, or in words that there is none.
        holder: String,
    },
    /// This process, native threads and all, did nothing for so long.
    StoodStill {
        /// How long.
        duration: Duration,
    },
    /// The JVM gave no sign of life for so long, and now does.
    JvmPaused {
        /// How long.
        duration: Duration,
    },
    /// Something that the elector says.
    Notice(String),
}

/// A request that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The verb, as a Role spells it.
    pub verb: &'static str,
    /// The object.
    pub config_map: String,
    /// What was answered.
    pub answer: Answer,
    /// For a write: what is certain about it.
    pub outcome: Option<Outcome>,
    /// The resource version in the answer.
    pub version: Option<String>,
    /// From the call to its end, waiting for a free place included.
    pub took: Duration,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// An answer with this HTTP code.
    Code(u16),
    /// Nothing in time.
    TimedOut,
    /// No connection, or one that broke.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// There are no credentials to send it with.
    NoCredentials,
    /// Something else than the Kubernetes API answers.
    Malformed,
    /// Never sent: whoever made it was no leader any more.
    Withheld,
    /// Nobody wanted the answer any more.
    GivenUp,
}

/// What is certain about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It was applied.
    Applied,
    /// It was not, and never will be.
    Refused,
    /// It may have been applied, or may be later.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Applied, Self::Refused, Self::Unknown];

    /// As metrics spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreachable => f.write_str("no connection"),
            Self::Tls => f.write_str("TLS handshake failed"),
            Self::NoCredentials => f.write_str("no credentials"),
            Self::Malformed => f.write_str("no answer of the Kubernetes API"),
            Self::Withheld => f.write_str("not sent, leads no more"),
            Self::GivenUp => f.write_str("given up"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(request) => write!(f, "{request}"),
            Self::Granted { grant } => write!(f, "leadership granted (grant {})", grant.0),
            Self::Held { left } => write!(
                f,
                "held on to without the API server, for {:.1} s from here at most",
                left.as_secs_f64()
            ),
            Self::Lost { grant, cause } => write!(f, "leadership lost (grant {}): {cause}", grant.0),
            Self::Holder { holder } => write!(f, "the lock is seen to be held by {holder}"),
            Self::StoodStill { duration } => {
                write!(f, "the process stood still for {:.1} s", duration.as_secs_f64())
            }
            Self::JvmPaused { duration } => {
                write!(f, "the JVM gave no sign of life for {:.1} s", duration.as_secs_f64())
            }
            Self::Notice(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.verb, self.config_map, self.answer)?;
        if self.outcome == Some(Outcome::Unknown) {
            f.write_str(", whether it was applied is not known")?;
        }
        if let Some(version) = &self.version {
            write!(f, ", version {version}")?;
        }
        write!(f, ", {:.1} ms", self.took.as_secs_f64() * 1000.0)
    }
}
