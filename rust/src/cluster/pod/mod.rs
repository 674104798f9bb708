//! The pod that this process runs in, and its seat: what lets a restarted container take back the lock of its predecessor.
//!
//! | file | holds |
//! |---|---|
//! | `uid` | where the pod's UID comes from |
//! | `seat` | the socket that at most one living process of the pod can hold |

mod seat;
mod uid;

pub(crate) use seat::Seat;
pub(crate) use uid::pod_uid;
