//! When there is an elector: from the check of the Role to the release.

use tokio::sync::oneshot;

use super::Election;
use crate::protocol::elector::{Elector, Input, Source};
use crate::protocol::time::BootTime;

/// What a candidacy that was asked for waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starting {
    No,
    /// The Role is being checked.
    Checking,
    /// The candidacy before is still stopping.
    AfterStop,
    /// The cluster was cleaned up: until then, or until somebody else makes it anew.
    Resting(BootTime),
}

impl Election {
    pub(super) fn start(&mut self) {
        if !self.stopping.is_empty() {
            self.starting = Starting::AfterStop;
        } else if self.elector.is_none() && self.starting == Starting::No {
            self.starting = Starting::Checking;
            self.show_presence();
            self.requests.preflight();
        }
    }

    pub(super) fn stop(&mut self, reply: oneshot::Sender<()>) {
        if std::mem::replace(&mut self.starting, Starting::No) == Starting::Checking {
            // Its outcome would be taken for that of the next check, and its requests hold places that the next election needs.
            self.requests.forget();
        }
        if self.elector.is_some() {
            self.stopping.push(reply);
            self.step(Input::Stop);
        } else {
            let _ = reply.send(());
        }
    }

    pub(super) fn become_candidate(&mut self) {
        self.starting = Starting::No;
        let identity = self.context.identity.clone();
        let elector = Elector::new(identity, self.context.elector, self.next_grant);
        self.elector = Some(elector.seated_in(self.presence.pod_uid()));
        self.jvm_heard = None;
        self.observe(Source::Watch);
    }

    pub(super) fn end_rest(&mut self) {
        self.starting = Starting::No;
        self.start();
    }

    pub(super) fn forget_candidacy(&mut self) {
        self.elector = None;
        self.context.recorder.candidacy_ended();
        self.wake = None;
        // The next elector counts its writes from the beginning: an outcome of this one would be taken for one of its own.
        self.requests.forget();
        // What a write that is forgotten carried waits for another one.
        self.leaders.not_stored();
        self.writing = None;
        self.vanishing = false;
    }

    pub(super) fn stopped(&mut self) {
        self.forget_candidacy();
        for reply in self.stopping.drain(..) {
            // Whoever waited may have given up.
            let _ = reply.send(());
        }
        if std::mem::replace(&mut self.starting, Starting::No) == Starting::AfterStop {
            self.start();
        }
    }
}
