//! Kubernetes I/O.

pub mod client;
pub mod preflight;
