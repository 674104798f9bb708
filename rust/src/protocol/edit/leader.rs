//! Edits of the leaders' addresses.

use serde_json::Value;

use super::size::set_within;
use super::{EditAnswer, EditRefusal, remove_all, remove_one};
use crate::protocol::config_map::{self, DATA_BYTES_LIMIT};
use crate::protocol::names::{LEADER_KEY_PREFIX, leader_key};

pub(super) fn publish(object: &mut Value, component: &str, value: Option<&str>) -> Result<EditAnswer, EditRefusal> {
    let key = leader_key(component);
    let Some(value) = value else {
        return Ok(remove_one(object, &key));
    };
    if config_map::entry(object, &key) == Some(value) {
        return Ok(EditAnswer::Unchanged);
    }
    set_within(object, &key, value, DATA_BYTES_LIMIT)?;
    Ok(EditAnswer::Done)
}

pub(super) fn clear(object: &mut Value) -> EditAnswer {
    remove_all(object, |key| key.starts_with(LEADER_KEY_PREFIX))
}
