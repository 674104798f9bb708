//! What outsiders do to the `ConfigMap` under a leader: it was emptied, deleted, or cleaned up with the whole cluster.

use std::time::Duration;

use log::warn;

use super::Election;
use super::candidacy::Starting;
use super::requests::Vanished;
use super::sight::Known;
use crate::cluster::client::ApiError;
use crate::cluster::config_map::settled_after;
use crate::protocol::config_map;
use crate::protocol::elector::{GrantId, Input, RevokeCause, Source};
use crate::protocol::names::LEADER_KEY_PREFIX;

/// How long a candidate stays away after its cluster was cleaned up: longer than a pod is given to end, so that a JobManager which is on its way
/// out brings nothing back. One that stays is wanted, and contends again.
const REST_AFTER_CLEAN_UP: Duration = Duration::from_secs(60);
/// Longest wait for one request that finds out what is left of a cluster.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

impl Election {
    /// A leader does not make its `ConfigMap` anew before it knows that this is no clean-up of the whole cluster.
    pub(super) fn missing(&mut self, source: Source) {
        let grant = self.context.grants.current();
        if let (Some(grant), Known::Present(_)) = (grant, &self.known) {
            if !self.vanishing {
                self.look_what_is_left(grant);
            }
            if source == Source::Read {
                self.step(Input::ReadPostponed);
            }
        } else {
            self.see(Known::Missing, source, false);
        }
    }

    fn look_what_is_left(&mut self, grant: GrantId) {
        self.vanishing = true;
        let after = settled_after(self.context.elector.timings.renew_deadline);
        let jobs = self.context.writers.had_by(grant);
        self.requests.vanished(jobs, after, LOOK_LIMIT);
    }

    pub(super) fn vanished(&mut self, found: Result<Vanished, ApiError>) {
        self.vanishing = false;
        let grant = self.context.grants.current();
        match (found, grant) {
            (Ok(Vanished::Back(answer)), _) => self.read(answer, Source::Watch),
            (Ok(Vanished::Together(jobs)), Some(grant)) => self.cleaned_up(grant, jobs),
            (Ok(Vanished::Alone | Vanished::Together(_)), _) | (Err(_), None) => {
                self.see(Known::Missing, Source::Watch, false);
            }
            (Err(error), Some(grant)) => {
                self.failing(&error.message);
                self.look_what_is_left(grant);
            }
        }
    }

    /// Everything that this leader had is gone: what was asked for is that it stays gone.
    fn cleaned_up(&mut self, grant: GrantId, jobs: usize) {
        warn!(
            "ConfigMap {} and the ConfigMaps of all jobs ({jobs}) have been deleted. This is taken for the clean-up of the cluster: nothing is written again, unless this process still runs in {} s.",
            self.context.cluster_map,
            REST_AFTER_CLEAN_UP.as_secs()
        );
        self.revoke(grant, &RevokeCause::CleanedUp);
        self.leaders.clear();
        self.forget_candidacy();
        self.keep(Known::Missing);
        self.last = None;
        self.starting = Starting::Resting(self.context.clock.boot() + REST_AFTER_CLEAN_UP);
    }

    /// Somebody has taken everything out: not what Flink's operator does, which removes plans and leaves the leaders, but an accident. The
    /// leaders are known; what else there was would be missed at the next recovery. A write of our own that is under way may have done it, too.
    pub(super) fn note_emptied(&mut self, known: &Known) {
        let (Known::Present(now), Some(before)) = (known, &self.last) else {
            return;
        };
        if self.writing.is_some() || self.context.grants.current().is_none() || config_map::data(now).is_some() {
            return;
        }
        let entries = config_map::entries_with_prefix(before, "").into_iter();
        let lost: Vec<_> = (entries.filter(|(key, _)| !key.starts_with(LEADER_KEY_PREFIX)))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        if !lost.is_empty() {
            warn!(
                "ConfigMap {} has been emptied from outside. What was in it is written again, {} entries beside the leader addresses.",
                self.context.cluster_map,
                lost.len()
            );
            self.emptied = lost;
        }
    }
}
