//! Removals that were answered before they are written, and the files that are gone by then.

use std::collections::BTreeSet;
use std::time::Duration;

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::state_handle::StateHandle;
use serde_json::Value;

use crate::store::Store;

struct Removal {
    identity: String,
    grant: u64,
    map: String,
    key: String,
    pointer: String,
    answered: Duration,
}

#[derive(Default)]
pub struct Promises {
    removals: Vec<Removal>,
    /// Files that were discarded, by what points to them.
    discarded: BTreeSet<String>,
}

impl Promises {
    pub fn discards(&mut self, pointer: &str) {
        self.discarded.insert(file(pointer));
    }

    /// What lets the key of a file go that is still there leaks it.
    pub fn is_discarded(&self, pointer: &str) -> bool {
        self.discarded.contains(&file(pointer))
    }

    /// Live pointers whose files are gone.
    pub fn dangling(&self, object: &Value) -> Vec<String> {
        let entries = config_map::entries_with_prefix(object, "").into_iter();
        let dangles = |text: &str| {
            StateHandle::decode(text).is_ok_and(|handle| !handle.marked && self.discarded.contains(&handle.uri))
        };
        let dangling = entries.filter(|(_, text)| dangles(text));
        dangling.map(|(key, _)| key.to_owned()).collect()
    }

    pub fn removes(&mut self, identity: &str, grant: u64, map: &str, key: &str, pointer: &str, now: Duration) {
        self.removals.push(Removal {
            identity: identity.to_owned(),
            grant,
            map: map.to_owned(),
            key: key.to_owned(),
            pointer: pointer.to_owned(),
            answered: now,
        });
    }

    /// Keys that are as they were, although somebody who asked at this time was told that all removals are finished.
    pub fn unfinished(&mut self, identity: &str, grant: u64, map: &str, asked: Duration, store: &Store) -> Vec<String> {
        let ours = |removal: &Removal| {
            let same = removal.identity == identity && removal.grant == grant && removal.map == map;
            same && removal.answered < asked
        };
        let (due, later) = self.removals.drain(..).partition(ours);
        self.removals = later;
        let due: Vec<Removal> = due;
        let stays = |removal: &&Removal| {
            let left = |value: Option<&str>| value != Some(&removal.pointer);
            !store.had(map, &removal.key, removal.answered, left)
        };
        due.iter().filter(stays).map(|removal| removal.key.clone()).collect()
    }
}

fn file(pointer: &str) -> String {
    StateHandle::decode(pointer).unwrap().uri
}
