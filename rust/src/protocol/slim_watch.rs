//! Following the leader information by metadata alone, and when it has to be read.
//!
//! A holder that makes [content marks](super::content_mark) changes the mark whenever it changes leader information, and the time of the
//! renewal with every write. So of an event that has another renewal and the same mark nothing but the metadata has to be known. Whatever
//! else has changed the `ConfigMap` may have changed leader information.

use serde_json::Value;

use super::config_map;
use super::content_mark::{ContentMark, is_held_by_stranger};
use super::lock_record::LockView;
use super::time::WallTime;

/// What of the `ConfigMap` a watch has to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Its metadata, as long as [`SlimWatch::event`] says so.
    Metadata,
    /// All of it: its holder makes no marks.
    Whole,
}

/// What an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is known is from this version or a later one.
    Past,
    /// The leader information is what it was.
    Same,
    /// It has to be read: it may be another.
    Read,
    /// From this event on the watch has to bring everything.
    Follow,
}

/// What is known of the `ConfigMap`.
#[derive(Debug, Default)]
pub struct SlimWatch {
    known: Option<Known>,
    stranger: bool,
}

#[derive(Debug)]
struct Known {
    uid: Option<String>,
    version: Option<u64>,
    renewed: Option<WallTime>,
    mark: Option<ContentMark>,
}

impl Known {
    fn of(object: &Value) -> Self {
        let renewed = match LockView::of(object) {
            LockView::Held(record) => Some(record.renew_time),
            LockView::Free(_) | LockView::Absent | LockView::Broken { .. } => None,
        };
        Self {
            uid: config_map::uid(object).map(str::to_owned),
            version: version(object),
            renewed,
            mark: ContentMark::of(object),
        }
    }

    /// Whether the next one is a renewal of the same holder, with the same leader information. Times of renewals tell writes apart and nothing
    /// else: the holder's clock may be set back.
    fn is_renewed_by(&self, next: &Self) -> bool {
        let renewed = matches!((self.renewed, next.renewed), (Some(before), Some(now)) if now != before);
        renewed && self.mark.is_some() && self.mark == next.mark && self.uid == next.uid
    }
}

impl SlimWatch {
    /// The whole object was read, or came with a watch.
    pub fn read(&mut self, object: &Value) {
        self.stranger = is_held_by_stranger(object);
        self.known = Some(Known::of(object));
    }

    /// The `ConfigMap` does not exist.
    pub fn missing(&mut self) {
        *self = Self::default();
    }

    /// What to watch next.
    #[must_use]
    pub const fn form(&self) -> Form {
        if self.stranger { Form::Whole } else { Form::Metadata }
    }

    /// The metadata of a new version, or of one that was read already. After [`Verdict::Read`] the next call is [`Self::read`], with what is at
    /// least as new, or [`Self::missing`].
    pub fn event(&mut self, metadata: &Value) -> Verdict {
        let next = Known::of(metadata);
        let past = |known: &Known| matches!((next.version, known.version), (Some(next), Some(known)) if next <= known);
        if self.known.as_ref().is_some_and(past) {
            return Verdict::Past;
        }
        if is_held_by_stranger(metadata) {
            self.stranger = true;
            return Verdict::Follow;
        }
        if self.known.as_ref().is_some_and(|known| known.is_renewed_by(&next)) {
            self.known = Some(next);
            return Verdict::Same;
        }
        Verdict::Read
    }
}

/// Versions are opaque by the rules; one that is no number is never past, which costs a read.
fn version(object: &Value) -> Option<u64> {
    config_map::resource_version(object)?.parse().ok()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
