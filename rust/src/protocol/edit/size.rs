//! The size that a `ConfigMap` may have.

use serde_json::Value;

use super::EditRefusal;
use crate::protocol::config_map::{self, DATA_BYTES_LIMIT};

/// Pointers leave this much to what a running cluster cannot do without: leaders and the counter.
const RESERVE_BYTES: usize = 16 * 1024;
/// What the content may come to by adding and replacing pointers, in bytes.
pub const POINTER_BYTES_LIMIT: usize = DATA_BYTES_LIMIT - RESERVE_BYTES;

/// Sets a key, unless that would make the content larger than the limit. A content that is larger already may still
/// shrink, or change without growing.
pub(super) fn set_within(object: &mut Value, key: &str, value: &str, limit: usize) -> Result<(), EditRefusal> {
    let before = config_map::data_bytes(object);
    let old = config_map::entry(object, key).map_or(0, str::len);
    let bytes = before - old + value.len();
    if bytes > limit && bytes > before {
        return Err(EditRefusal::TooLarge {
            key: key.to_owned(),
            bytes,
            limit,
        });
    }
    config_map::set_entry(object, key, value);
    Ok(())
}
