//! What is known of the manifests of one `ConfigMap`.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::Instant;

use super::Stored;
use crate::protocol::manifest::{FileName, Manifest};

/// Of one `ConfigMap`.
#[derive(Default)]
pub(super) struct Map {
    /// What is to be mirrored, or was not yet held against what lies there.
    pub(super) waiting: Option<Stored>,
    /// Not before that: it was mirrored, or has changed, just now.
    pub(super) rests_until: Option<Instant>,
    /// Files that lay there when this grant began, until they were looked at.
    pub(super) found: Vec<FileName>,
    /// Files that the next manifest replaces.
    pub(super) replaced: BTreeSet<FileName>,
}

/// What becomes of files that lay there, beside an object that was stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    /// To go with the next manifest.
    pub(super) replaced: Vec<FileName>,
    /// Of another object, which knew more than this one does.
    pub(super) lost: Option<Manifest>,
}

impl Map {
    /// When it is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.as_ref()?;
        self.rests_until
    }
}

/// Splits what lay there into files of this object and those of others.
pub(super) fn of_others(found: Vec<FileName>, object: &Value) -> (Vec<FileName>, Vec<FileName>) {
    let own = FileName::of(object);
    found
        .into_iter()
        .partition(|file| own.as_ref().is_none_or(|own| own.uid != file.uid))
}

/// Of files of this object, older ones are replaced: what is newer is another leader's.
pub(super) fn older(of_this: Vec<FileName>, object: &Value) -> Vec<FileName> {
    let own = FileName::of(object);
    let mut older = of_this;
    older.retain(|file| own.as_ref().is_some_and(|own| file.version < own.version));
    older
}

/// Of manifests of other objects, those go that this one makes up for, and of the rest all but the newest.
pub(super) fn sort(mut others: Vec<Manifest>, object: &Value) -> Sorted {
    let mut sorted = Sorted::default();
    others.sort_by(|one, other| one.age().cmp(&other.age()));
    for other in others.into_iter().rev() {
        if other.is_known_by(object) || sorted.lost.is_some() {
            sorted.replaced.push(other.name);
        } else {
            sorted.lost = Some(other);
        }
    }
    sorted
}
