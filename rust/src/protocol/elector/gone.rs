//! Evidence that the process which holds the lock has ended: its lease protects nobody then.
//!
//! Two things show it. In the same pod: the holder's note says that it had the seat of the pod we run in, and the seat is ours, so no
//! living process of this pod has it. From anywhere: its connection was closed and its port refuses, see
//! [`death_watch`](crate::protocol::death_watch). Either opens the way to a normal conditional write and to nothing else.
//!
//! The first says who ended, whatever the lock's record has become since: a write of the dead that was still on its way changes nothing.
//! The second was true at a moment, so it ends when the holder is seen to have written again.

use crate::protocol::time::BootTime;

use super::Elector;

/// What shows that the holder's process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It had the seat of our pod, and the seat is ours now.
    SamePod,
    /// Its connection was closed, and its port refuses.
    Refused,
}

impl Elector {
    /// The seat of this pod is ours for the rest of this process's life.
    pub(super) fn seated(&mut self, now: BootTime, pod_uid: String) {
        self.pod = Some(pod_uid);
        self.reckon_with_the_pod(now);
    }

    /// Whatever was seen of the lock is judged anew by whose pod it was written in.
    pub(super) fn reckon_with_the_pod(&mut self, now: BootTime) {
        if let (Some(pod), Some(sight)) = (&self.pod, &mut self.sight)
            && let Some(holder) = sight.holder_in(pod)
        {
            sight.holder_has_ended(&holder, &self.identity, Evidence::SamePod, now);
        }
    }

    pub(super) fn holder_ended(&mut self, now: BootTime, holder: &str) {
        if let Some(sight) = &mut self.sight {
            sight.holder_has_ended(holder, &self.identity, Evidence::Refused, now);
        }
    }
}
