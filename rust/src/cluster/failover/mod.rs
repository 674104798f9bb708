//! Fast failover: each contender listens on a port, and a standby keeps one idle connection to the leader.
//!
//! Nothing is served on that port and nothing is sent to it: that the kernel keeps it open is all it says. When the connection is
//! closed and the port refuses, the process has ended; [`death_watch`](crate::protocol::death_watch) decides that.
//!
//! | file | holds |
//! |---|---|
//! | `listener` | the port of this process |
//! | `standby` | the connection to the leader |
//! | `idle` | what both ends do with a connection: nothing, until it ends |

mod idle;
mod listener;
mod standby;
#[cfg(test)]
mod tests;

pub(crate) use listener::Listener;
pub(crate) use standby::{Followed, Standby};

/// Where this process can be seen to be alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverSettings {
    /// The host that is announced, as others reach it: a name or an IP address, with or without brackets.
    pub host: String,
    /// The address to listen on; all of them where there is none.
    pub bind_host: Option<String>,
    /// The port; 0 lets the kernel choose one.
    pub port: u16,
}
