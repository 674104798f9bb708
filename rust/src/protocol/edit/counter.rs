//! Edits of the checkpoint counter: the decimal text of the id that is handed out next, 1 when absent.

use serde_json::Value;

use super::size::set_within;
use super::{EditAnswer, EditRefusal, remove_one};
use crate::protocol::config_map::{self, DATA_BYTES_LIMIT};
use crate::protocol::names::COUNTER_KEY;

/// The id that is handed out when none has been (`CheckpointIDCounter.INITIAL_CHECKPOINT_ID`).
const FIRST: i64 = 1;

/// The checkpoint id that is handed out next (`KubernetesCheckpointIDCounter.get`).
pub fn read(object: &Value) -> Result<i64, EditRefusal> {
    let Some(value) = config_map::entry(object, COUNTER_KEY) else {
        return Ok(FIRST);
    };
    value.parse().map_err(|_| broken(value))
}

fn broken(value: &str) -> EditRefusal {
    EditRefusal::BrokenCounter {
        value: value.to_owned(),
    }
}

fn write(object: &mut Value, next: i64) -> Result<(), EditRefusal> {
    set_within(object, COUNTER_KEY, &next.to_string(), DATA_BYTES_LIMIT)
}

pub(super) fn next(object: &mut Value) -> Result<EditAnswer, EditRefusal> {
    let current = read(object)?;
    let next = current.checked_add(1).ok_or_else(|| broken(&current.to_string()))?;
    write(object, next)?;
    Ok(EditAnswer::Counter(current))
}

/// Takes the next checkpoint id out of a counter that is there, for whoever asks later. `None`, and nothing changed, when
/// there is none or nothing can be counted on from it.
pub(in crate::protocol) fn reserve(object: &mut Value) -> Option<i64> {
    config_map::entry(object, COUNTER_KEY)?;
    match next(object) {
        Ok(EditAnswer::Counter(id)) => Some(id),
        _ => None,
    }
}

/// Sets a counter that is lower than this. A broken one stays for people to look at.
pub(in crate::protocol) fn raise(object: &mut Value, least: i64) {
    if matches!(read(object), Ok(stored) if stored < least) {
        // What cannot grow by some digits cannot hand out an id either.
        write(object, least).ok();
    }
}

/// A broken value is replaced, and handed back so that the loss can be told: setting is the remedy that we name for it.
pub(super) fn set(object: &mut Value, next: i64) -> Result<EditAnswer, EditRefusal> {
    match read(object) {
        Ok(current) if current == next => Ok(EditAnswer::Unchanged),
        Ok(_) => write(object, next).map(|()| EditAnswer::Done),
        Err(EditRefusal::BrokenCounter { value: old }) => write(object, next).map(|()| EditAnswer::Replaced { old }),
        Err(refusal) => Err(refusal),
    }
}

pub(super) fn remove(object: &mut Value) -> EditAnswer {
    remove_one(object, COUNTER_KEY)
}
