//! Kubernetes high availability services for Apache Flink.
//!
//! | module | holds |
//! |---|---|
//! | [`protocol`] | formats and decisions, pure: no I/O, no clock, no threads |
//! | `cluster` | Kubernetes I/O |
//! | `storage` | metadata objects behind the pointers |
//! | `metrics` | what is counted, and its text for Prometheus |
//! | `session` | one HA services instance: runtime, tasks, ordered shutdown |
//! | `error` | the one error type that leaves the library |
//! | `bridge` | the JNI boundary, the only unsafe code |

pub mod protocol;

#[cfg(feature = "native")]
pub mod bridge;
#[cfg(feature = "native")]
pub mod cluster;
#[cfg(feature = "native")]
pub mod error;
#[cfg(feature = "native")]
pub mod metrics;
#[cfg(feature = "native")]
pub mod session;
#[cfg(feature = "native")]
pub mod storage;
