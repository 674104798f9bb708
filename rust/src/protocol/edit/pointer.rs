//! Edits of pointers: two-phase removal, and nothing that is there is overwritten by an addition.

use serde_json::Value;

use super::size::{POINTER_BYTES_LIMIT, set_within};
use super::{EditAnswer, EditRefusal, remove_all, remove_one};
use crate::protocol::config_map;
use crate::protocol::names::{COUNTER_KEY, LEADER_KEY_PREFIX};
use crate::protocol::state_handle::{self, StateHandle, Undecodable};

/// A pointer that stands in stock's wrapper, of whatever inner shape.
struct Found {
    text: String,
    marked: bool,
}

fn find(object: &Value, key: &str) -> Result<Option<Found>, EditRefusal> {
    let Some(text) = config_map::entry(object, key) else {
        return Ok(None);
    };
    let marked = state_handle::is_marked(text).map_err(|reason| undecodable(key, reason))?;
    Ok(Some(Found {
        text: text.to_owned(),
        marked,
    }))
}

fn undecodable(key: &str, reason: Undecodable) -> EditRefusal {
    EditRefusal::Undecodable {
        key: key.to_owned(),
        reason,
    }
}

fn refuse_marked(key: &str, found: Found) -> Result<String, EditRefusal> {
    if found.marked {
        return Err(EditRefusal::MarkedForDeletion {
            key: key.to_owned(),
            pointer: found.text,
        });
    }
    Ok(found.text)
}

pub(super) fn add(object: &mut Value, key: &str, pointer: &str) -> Result<EditAnswer, EditRefusal> {
    if let Some(found) = find(object, key)? {
        let live = refuse_marked(key, found)?;
        if live == pointer {
            return Ok(EditAnswer::Unchanged);
        }
        StateHandle::decode(&live).map_err(|reason| undecodable(key, reason))?;
        return Err(EditRefusal::AlreadyExists { key: key.to_owned() });
    }
    set_within(object, key, pointer, POINTER_BYTES_LIMIT)?;
    Ok(EditAnswer::Done)
}

pub(super) fn replace(object: &mut Value, key: &str, pointer: &str) -> Result<EditAnswer, EditRefusal> {
    let found = find(object, key)?.ok_or_else(|| EditRefusal::NotExists { key: key.to_owned() })?;
    let old = refuse_marked(key, found)?;
    if old == pointer {
        return Ok(EditAnswer::Unchanged);
    }
    set_within(object, key, pointer, POINTER_BYTES_LIMIT)?;
    Ok(EditAnswer::Replaced { old })
}

pub(super) fn mark(object: &mut Value, key: &str) -> Result<EditAnswer, EditRefusal> {
    let Some(found) = find(object, key)? else {
        return Ok(EditAnswer::Absent);
    };
    if found.marked {
        return Ok(EditAnswer::Marked { pointer: found.text });
    }
    let pointer = state_handle::mark(&found.text).map_err(|reason| undecodable(key, reason))?;
    config_map::set_entry(object, key, &pointer);
    Ok(EditAnswer::Marked { pointer })
}

pub(super) fn remove(object: &mut Value, key: &str, pointer: &str) -> Result<EditAnswer, EditRefusal> {
    if !state_handle::is_marked(pointer).map_err(|reason| undecodable(key, reason))? {
        return Err(EditRefusal::NotMarked { key: key.to_owned() });
    }
    if config_map::entry(object, key) != Some(pointer) {
        return Ok(EditAnswer::Unchanged);
    }
    Ok(remove_one(object, key))
}

pub(super) fn remove_key(object: &mut Value, key: &str) -> Result<EditAnswer, EditRefusal> {
    let handle = config_map::entry(object, key).map(StateHandle::decode);
    if let Some(Ok(StateHandle { marked: false, .. })) = handle {
        return Err(EditRefusal::NotMarked { key: key.to_owned() });
    }
    Ok(remove_one(object, key))
}

pub(super) fn clear(object: &mut Value, prefix: &str) -> EditAnswer {
    remove_all(object, |key| {
        key.starts_with(prefix) && key != COUNTER_KEY && !key.starts_with(LEADER_KEY_PREFIX)
    })
}
