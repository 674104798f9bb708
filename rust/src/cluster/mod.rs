//! Kubernetes I/O: the client, the watch, and one owner for each `ConfigMap`.

pub mod client;
pub mod clock;
pub(crate) mod config_map;
pub(crate) mod context;
pub(crate) mod election;
pub mod events;
pub(crate) mod failover;
pub mod grant;
pub(crate) mod mirror;
pub(crate) mod pod;
pub mod preflight;
pub(crate) mod pulse;
pub(crate) mod recorder;
pub mod services;
pub mod spawn;
pub(crate) mod watch;
