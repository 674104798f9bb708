//! What the writer of a job's `ConfigMap` puts together so that a checkpoint costs two writes.
//!
//! | step of a checkpoint | request |
//! |---|---|
//! | its id is handed out | none: it was reserved by the write that added the checkpoint before |
//! | it is added | a write, which also reserves the next id and takes away the key that the last removal has left |
//! | the oldest is marked for deletion | a write |
//! | the metadata file of the oldest is discarded, its removal is answered | none: the key leaves with the next write |
//!
//! The stored counter is the first id that was never handed out *and* is not reserved, so whoever reads it next, stock or
//! ours, begins behind everything that was given to anybody. A reserve that is dropped leaves a gap, which Flink does not
//! mind; an id is never handed out twice. A removal that was promised is only about a key whose delete marker is stored
//! and whose file is gone: if nobody comes to write it, the key stays behind, counts as absent for everyone, and is taken
//! away by the next leader, who recovers what is there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config_map;
use super::edit::{Edit, EditAnswer, EditRefusal, raise_counter, read_counter, reserve_counter};
use super::names;
use super::state_handle;

/// What was promised on top of the stored object, by one writer under one grant.
///
/// Whoever holds it tells it about every object that it reads ([`seen`](Self::seen)) or has stored
/// ([`written`](Self::written)), and throws it away with the grant or with the `ConfigMap`.
#[derive(Debug, Default)]
pub struct GroupCommit {
    /// An id below the stored counter that nobody was given yet.
    reserved: Option<i64>,
    /// The id that is reserved if the write under way is applied.
    offered: Option<i64>,
    /// The stored counter as it was last known: nothing below it is handed out again.
    counter: Option<i64>,
    /// Keys that leave with the next write, and the marked pointers that they hold.
    removals: BTreeMap<String, String>,
}

impl GroupCommit {
    /// Answers an edit that needs no write, or none yet. The others are applied to the object, with
    /// [`prepare`](Self::prepare) before them and [`reserve`](Self::reserve) after them.
    pub fn answer(&mut self, edit: &Edit) -> Option<EditAnswer> {
        match edit {
            Edit::NextCounter => self.reserved.take().map(EditAnswer::Counter),
            Edit::ReadCounter => self.reserved.map(EditAnswer::Next),
            Edit::SetCounter(_) | Edit::RemoveCounter => {
                self.reserved = None;
                self.counter = None;
                None
            }
            Edit::RemovePointer { key, pointer } if state_handle::is_marked(pointer) == Ok(true) => {
                self.removals.insert(key.clone(), pointer.clone());
                Some(EditAnswer::Done)
            }
            Edit::FinishRemovals => self.removals.is_empty().then_some(EditAnswer::Unchanged),
            _ => None,
        }
    }

    /// Takes away what was promised, and puts right a counter that somebody has set back.
    pub fn prepare(&self, object: &mut Value) {
        for (key, pointer) in &self.removals {
            if config_map::entry(object, key) == Some(pointer) {
                config_map::remove_entries(object, |candidate| candidate == key);
            }
        }
        if let Some(least) = self.counter {
            raise_counter(object, least);
        }
    }

    /// Reserves the next id in a write that adds a checkpoint, unless one is reserved or somebody else decides about the
    /// counter in it.
    pub fn reserve<'a>(
        &mut self,
        object: &mut Value,
        decided: impl Iterator<Item = (&'a Edit, &'a Result<EditAnswer, EditRefusal>)>,
    ) {
        let (mut adds, mut sets) = (false, false);
        for (edit, answer) in decided {
            match edit {
                Edit::AddPointer { key, .. } => {
                    adds |= names::is_checkpoint(key) && *answer == Ok(EditAnswer::Done);
                }
                Edit::SetCounter(_) | Edit::RemoveCounter => sets = true,
                _ => {}
            }
        }
        if adds && !sets && self.reserved.is_none() {
            self.offered = reserve_counter(object);
        }
    }

    /// This object was read just now.
    pub fn seen(&mut self, object: &Value) {
        self.offered = None;
        let stored = read_counter(object).ok();
        self.reserved = self.reserved.filter(|id| stored.is_some_and(|stored| *id < stored));
        self.counter = self.counter.max(stored);
        self.removals
            .retain(|key, pointer| config_map::entry(object, key) == Some(pointer));
    }

    /// This object was stored by the write under way, or is what that write would have stored.
    pub fn written(&mut self, object: &Value) {
        self.reserved = self.offered.take().or(self.reserved);
        self.counter = read_counter(object).ok().or(self.counter);
        self.removals.clear();
    }

    /// The write under way was refused, or what became of it is not known: it reserves nothing.
    pub fn not_written(&mut self) {
        self.offered = None;
    }

    /// The `ConfigMap` is gone and is about to be made anew: what was reserved in it is not handed out any more.
    pub fn lost_its_object(&mut self) {
        self.reserved = None;
        self.offered = None;
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
