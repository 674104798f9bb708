//! What this process shows of itself beside the lock, and what it sees of the holder's process.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::Election;
use super::command::Command;
use super::sight::Known;
use crate::cluster::context::Context;
use crate::cluster::failover::{FailoverSettings, Followed, Listener, Standby};
use crate::cluster::pod::Seat;
use crate::protocol::annotations::{FAILOVER_ADDRESS, POD_UID};
use crate::protocol::config_map;
use crate::protocol::elector::{Input, LockWriteKind};
use crate::protocol::holder_notes::{FailoverAddress, HolderPod};
use crate::protocol::lock_record::LockView;

/// The seat of the pod and the port, both for the rest of the process's life once it contends.
pub(super) struct Presence {
    identity: String,
    seat: Option<Seat>,
    failover: Option<Failover>,
}

struct Failover {
    settings: FailoverSettings,
    /// Where the port is open.
    address: Option<(String, u16)>,
    followed: Option<watch::Sender<Followed>>,
}

impl Presence {
    pub(super) fn new(context: &Context, pod_uid: Option<String>, failover: Option<FailoverSettings>) -> Self {
        let seat = pod_uid.map(|uid| Seat::new(uid, context.api.namespace(), &context.cluster_map));
        let failover = failover.map(|settings| Failover {
            settings,
            address: None,
            followed: None,
        });
        Self {
            identity: context.identity.clone(),
            seat,
            failover,
        }
    }

    /// The pod whose seat is ours.
    pub(super) fn pod_uid(&self) -> Option<&str> {
        self.seat.as_ref().and_then(Seat::pod_uid)
    }

    /// Writes beside the lock what belongs to its next holder, in the place of what belonged to the last.
    pub(super) fn apply(&self, object: &mut Value, kind: LockWriteKind) {
        let (pod, address) = match kind {
            LockWriteKind::Join | LockWriteKind::Leave => return,
            LockWriteKind::Release | LockWriteKind::HandOver => (None, None),
            LockWriteKind::Acquire | LockWriteKind::Renew => (self.pod_note(), self.address_note()),
        };
        for (name, value) in [(POD_UID, pod), (FAILOVER_ADDRESS, address)] {
            match value {
                Some(value) => config_map::set_annotation(object, name, &value),
                None => config_map::remove_annotation(object, name),
            }
        }
    }

    fn pod_note(&self) -> Option<String> {
        let note = |uid: &str| HolderPod {
            holder_identity: self.identity.clone(),
            uid: uid.to_owned(),
        };
        self.pod_uid().map(|uid| note(uid).encode())
    }

    fn address_note(&self) -> Option<String> {
        let (host, port) = self.failover.as_ref()?.address.clone()?;
        let note = FailoverAddress {
            holder_identity: self.identity.clone(),
            host,
            port,
        };
        Some(note.encode())
    }
}

impl Election {
    /// Before the first election: whoever contends can be seen to live, and sees others.
    pub(super) fn show_presence(&mut self) {
        if let Some(seat) = &mut self.presence.seat {
            seat.take(self.context.clock.boot());
        }
        let Some(failover) = self
            .presence
            .failover
            .as_mut()
            .filter(|failover| failover.followed.is_none())
        else {
            return;
        };
        if let Some(listener) = Listener::bind(&failover.settings) {
            failover.address = Some(listener.address());
            self.context.spawn(listener.run());
        }
        let (followed, receiver) = watch::channel(None);
        failover.followed = Some(followed);
        let election = self.context.election.clone();
        let standby = Standby::new(receiver, Arc::clone(&self.context.clock));
        self.context.spawn(standby.run(move |holder| {
            // The election task ends with the session.
            let _ = election.send(Command::HolderEnded { holder });
        }));
    }

    /// The seat may have become free, and the lock may have changed hands.
    pub(super) fn look_after_presence(&mut self) {
        if self.elector.is_none() {
            return self.follow(None);
        }
        let now = self.context.clock.boot();
        if let Some(seat) = &mut self.presence.seat
            && seat.take(now)
            && let Some(pod_uid) = seat.pod_uid().map(str::to_owned)
        {
            self.step(Input::Seated { pod_uid });
        }
        if self.presence.failover.is_some() {
            self.follow(self.holder_to_follow());
        }
    }

    fn holder_to_follow(&self) -> Followed {
        let Known::Present(object) = &self.known else {
            return None;
        };
        let LockView::Held(record) = LockView::of(object) else {
            return None;
        };
        let contends = self.stopping.is_empty() && record.holder_identity != self.context.identity;
        FailoverAddress::of(object).filter(|address| contends && address.holder_identity == record.holder_identity)
    }

    fn follow(&self, holder: Followed) {
        if let Some(followed) = self
            .presence
            .failover
            .as_ref()
            .and_then(|failover| failover.followed.as_ref())
        {
            followed.send_if_modified(|before| {
                let changed = *before != holder;
                *before = holder;
                changed
            });
        }
    }
}
