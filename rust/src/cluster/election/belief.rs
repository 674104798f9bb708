//! What others are told of the leadership: the grant, how long it holds, that it is held on to, and its end.

use log::{info, warn};

use super::Election;
use crate::cluster::client::Departure;
use crate::cluster::config_map::batch::not_leader;
use crate::cluster::events::Event;
use crate::cluster::grant::Granted;
use crate::error::ErrorCode;
use crate::protocol::elector::{Elector, GrantId, RevokeCause};
use crate::protocol::time::BootTime;

impl Election {
    pub(super) fn believe(&self, grant: GrantId, valid_until: BootTime) {
        let confirmed_until = self.elector.as_ref().and_then(Elector::confirmed_until);
        self.context.grants.set(Some(Granted {
            grant,
            valid_until,
            // A grant that was revoked in the same step is revoked with the next effect.
            confirmed_until: confirmed_until.unwrap_or(valid_until),
        }));
    }

    /// Once the belief would have ended without it.
    pub(super) fn tell_of_hold(&mut self) {
        let confirmed_until = self.elector.as_ref().and_then(Elector::confirmed_until);
        let now = self.context.clock.boot();
        if self.holds_on_since.is_none() && confirmed_until.is_some_and(|until| now >= until) {
            self.holds_on_since = confirmed_until;
            warn!(
                "Leadership is held on to without the API server, because nobody else is known to wait for it: for {:?} at most, and nothing is written meanwhile. {}",
                self.context.elector.outage_hold.duration,
                self.trouble.last().unwrap_or_default()
            );
        }
    }

    pub(super) fn revoke(&mut self, grant: GrantId, cause: &RevokeCause) {
        self.context.grants.set(None);
        self.emptied.clear();
        self.holds_on_since = None;
        self.context.events.push(Event::Revoke {
            grant: grant.0,
            cause: cause.to_string(),
        });
        let loss = self.context.recorder.lost(grant, cause);
        info!(
            "Leadership of {} (grant {}) in ConfigMap {} ended, cause: {}: {cause}. What led to it:{loss}",
            self.context.identity, grant.0, self.context.cluster_map, loss.cause
        );
        // What has not left never will, and nobody has to be told that its outcome is not known.
        if self.writing.as_ref().is_some_and(Departure::withdraw) {
            self.batch.not_written();
        }
        self.batch
            .fail(ErrorCode::NotLeader, &not_leader(&self.context.cluster_map));
    }
}
