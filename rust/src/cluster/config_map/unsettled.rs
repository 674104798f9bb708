//! Pointers whose write ended without an answer: what became of them is found out later, so that no file stays behind that nothing points to.
//!
//! A caller is told at once that the outcome is not known, because it may hold locks of Flink. Its file has to stay: the write may have been
//! applied, or may still be. It can be applied as long as the object has the version that the write was decided on, and not one moment longer.

use std::time::Duration;

use log::{debug, info};
use serde_json::Value;
use tokio::time::sleep;

use super::REQUEST_LIMIT;
use crate::cluster::context::Context;
use crate::cluster::events::Event;
use crate::protocol::config_map;
use crate::protocol::edit::Edit;
use crate::protocol::state_handle::StateHandle;

/// A reply that was only late has come by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Nothing is asked of a server that cannot be reached, and it may be back any moment.
const LONGEST_PAUSE_OF_AN_OUTAGE: Duration = Duration::from_secs(5);
/// As long as nobody writes the `ConfigMap` nothing is known; a job whose leader is back writes it at once.
const GIVEN_UP: Duration = Duration::from_secs(3600);

/// A pointer that may have been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsettled {
    key: String,
    pointer: String,
    /// The version that the write was decided on.
    base: String,
}

/// What an object says about a pointer that may have been written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The write can still land.
    Open,
    /// It was written, or nobody can tell: the file stays.
    Stays,
    /// It was not written and never will be, or it was and somebody has taken it away again, for which the file goes first.
    Unreferenced,
}

impl Unsettled {
    /// The pointer that this edit brings, in a write that was decided on this version. A creation is decided on none: it could land whenever the
    /// object is absent.
    pub(super) fn of(edit: &Edit, base: &str) -> Option<Self> {
        match edit {
            Edit::AddPointer { key, pointer } | Edit::ReplacePointer { key, pointer } if !base.is_empty() => {
                Some(Self {
                    key: key.clone(),
                    pointer: pointer.clone(),
                    base: base.to_owned(),
                })
            }
            _ => None,
        }
    }

    /// An absent object says nothing: its leader may make it anew from memory, with this pointer in it.
    fn verdict(&self, object: Option<&Value>) -> Verdict {
        let Some(object) = object else { return Verdict::Stays };
        match config_map::resource_version(object) {
            None => return Verdict::Stays,
            Some(version) if version == self.base => return Verdict::Open,
            Some(_) => {}
        }
        let ours = StateHandle::decode(&self.pointer);
        match config_map::entry(object, &self.key).map(StateHandle::decode) {
            None => Verdict::Unreferenced,
            Some(Ok(found)) if ours.is_ok_and(|ours| ours.uri != found.uri) => Verdict::Unreferenced,
            Some(_) => Verdict::Stays,
        }
    }
}

/// Finds out what became of these pointers, beside everything else.
pub(crate) fn settle_later(context: &Context, name: &str, unsettled: Vec<Unsettled>) {
    if !unsettled.is_empty() {
        context.spawn(settle(context.clone(), name.to_owned(), unsettled));
    }
}

/// Reads the `ConfigMap` until each of these pointers is known to be in it or not, and tells of those that are not.
async fn settle(context: Context, name: String, mut unsettled: Vec<Unsettled>) {
    let given_up = context.clock.boot() + GIVEN_UP;
    let mut pause = FIRST_LOOK;
    while !unsettled.is_empty() {
        if context.clock.boot() >= given_up {
            info!(
                "Whether ConfigMap {name} was changed by {} writes could not be found out; their files stay.",
                unsettled.len()
            );
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        let object = match context.api.get(&name, REQUEST_LIMIT).await {
            Ok(answer) => answer.value,
            Err(error) => {
                debug!(
                    "What became of writes to ConfigMap {name} is not known yet: {}",
                    error.message
                );
                pause = pause.min(LONGEST_PAUSE_OF_AN_OUTAGE);
                continue;
            }
        };
        unsettled.retain(|one| {
            let verdict = one.verdict(object.as_ref());
            if verdict == Verdict::Unreferenced {
                context.events.push(Event::Unreferenced {
                    config_map: name.clone(),
                    key: one.key.clone(),
                    pointer: one.pointer.clone(),
                });
            }
            verdict == Verdict::Open
        });
    }
}

#[cfg(test)]
mod tests;
