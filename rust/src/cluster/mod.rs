//! Kubernetes I/O: the client, the watch, and one owner for each `ConfigMap`.

pub mod client;
pub mod clock;
pub(crate) mod config_map;
pub(crate) mod context;
pub(crate) mod election;
pub mod events;
pub mod grant;
pub mod preflight;
pub(crate) mod pulse;
pub mod services;
pub mod spawn;
pub(crate) mod watch;
