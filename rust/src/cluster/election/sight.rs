//! What is known of the cluster `ConfigMap`, and what of it is news.

use log::debug;
use serde_json::Value;

use super::Election;
use super::candidacy::Starting;
use crate::cluster::client::Answer;
use crate::cluster::config_map::staleness::is_long_dead;
use crate::cluster::watch::Seen;
use crate::protocol::config_map;
use crate::protocol::contenders::Contenders;
use crate::protocol::elector::{Input, Observation, Source};
use crate::protocol::holder_notes::HolderPod;
use crate::protocol::lock_record::{LockRecord, LockView};

/// What is known of the cluster `ConfigMap`.
pub(super) enum Known {
    /// Nothing has been read yet.
    Nothing,
    Missing,
    Present(Value),
}

impl Election {
    pub(super) fn read(&mut self, answer: Answer<Option<Value>>, source: Source) {
        match answer.value {
            Some(object) if source == Source::Watch && self.elector.is_some() && self.is_older(&object) => {
                debug!("A read that is older than what a reply of our own showed was ignored.");
            }
            Some(object) => {
                if let Some(version) = config_map::resource_version(&object) {
                    let ours = |record: &LockRecord| record.holder_identity == self.context.identity;
                    let theirs = !matches!(LockView::of(&object), LockView::Held(record) if ours(&record));
                    self.batch.settle_doubts(&object, version, theirs);
                }
                let long_dead = is_long_dead(&object, answer.server_date, self.context.elector.timings.lease_duration);
                self.see(Known::Present(object), source, long_dead);
            }
            None => self.missing(source),
        }
    }

    pub(super) fn seen(&mut self, seen: Seen) {
        match seen {
            // A list that was under way while we made the ConfigMap does not show that it is gone.
            Seen::Listed(answer, version) if answer.value.is_none() && self.is_before(&version) => {
                debug!("A list of the past was ignored.");
            }
            Seen::Listed(answer, _) => self.read(answer, Source::Watch),
            Seen::Changed(object) | Seen::Deleted(object) if self.is_older(&object) => {
                debug!("An event of the past was ignored.");
            }
            Seen::Changed(object) => self.see(Known::Present(object), Source::Watch, false),
            Seen::Deleted(object) => {
                self.tell_of_departure(&object);
                self.missing(Source::Watch);
            }
        }
    }

    /// Nobody puts a `ConfigMap` right whose lock was given back before it was deleted: the addresses in it went with the leader. Who watches
    /// metadata may have had no time to read that. Under a leader the addresses stay valid, as in stock: it makes the `ConfigMap` anew.
    fn tell_of_departure(&mut self, deleted: &Value) {
        if matches!(LockView::of(deleted), LockView::Free(_)) {
            self.subscribers.tell(deleted);
        }
    }

    /// Whether an event tells of a version before the one that a reply to our own request showed already: a watch may lag behind.
    pub(super) fn is_older(&self, object: &Value) -> bool {
        config_map::resource_version(object).is_some_and(|version| self.is_before(version))
    }

    fn is_before(&self, version: &str) -> bool {
        let Known::Present(known) = &self.known else {
            return false;
        };
        let known = config_map::resource_version(known).and_then(|known| known.parse::<u64>().ok());
        matches!((version.parse::<u64>().ok(), known), (Some(version), Some(known)) if version < known)
    }

    pub(super) fn see(&mut self, known: Known, source: Source, long_dead: bool) {
        // While what is known is still what the elector knows: a renewal may be due.
        self.hear_the_jvm();
        self.long_dead = long_dead;
        self.note_emptied(&known);
        self.keep(known);
        self.observe(source);
        if matches!((self.starting, &self.known), (Starting::Resting(_), Known::Present(_))) {
            self.end_rest();
        }
    }

    pub(super) fn keep(&mut self, known: Known) {
        if let Known::Present(object) = &known {
            self.subscribers.tell(object);
            self.last = Some(object.clone());
        }
        self.known = known;
    }

    pub(super) fn observe(&mut self, source: Source) {
        let observation = match &self.known {
            Known::Nothing => return self.step(Input::Tick),
            Known::Missing => Observation::Missing,
            Known::Present(object) => observation_of(object),
        };
        let long_dead = self.long_dead;
        self.step(Input::Observed {
            observation,
            source,
            long_dead,
        });
    }
}

pub(super) fn observation_of(object: &Value) -> Observation {
    Observation::Present {
        resource_version: config_map::resource_version(object).unwrap_or_default().to_owned(),
        lock: LockView::of(object),
        contenders: Contenders::of(object),
        pod: HolderPod::of(object).map(Box::new),
    }
}
