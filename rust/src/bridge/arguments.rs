//! Java's values as Rust's, and back.

use std::collections::BTreeMap;
use std::time::Duration;

use jni::Env;
use jni::objects::{JByteArray, JObjectArray, JString};
use jni::sys::jlong;

use super::native_exception::BridgeError;
use crate::error::{ErrorCode, HaError};

/// The longest wait: what is longer cannot be added to every clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A limit in milliseconds; a negative one is none at all.
pub(super) fn limit(millis: jlong) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).min(LONGEST)
}

/// A string, supplementary characters and zeros too. Half a surrogate pair, which is no text, becomes a replacement character.
pub(super) fn text(env: &Env<'_>, value: &JString<'_>, name: &str) -> Result<String, BridgeError> {
    optional_text(env, value)?.ok_or_else(|| null(name))
}

/// A string, or null.
pub(super) fn optional_text(env: &Env<'_>, value: &JString<'_>) -> Result<Option<String>, BridgeError> {
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(value.try_to_string(env)?))
}

/// Strings that are keys and values by turns.
pub(super) fn map(
    env: &mut Env<'_>,
    values: &JObjectArray<'_, JString<'_>>,
    name: &str,
) -> Result<BTreeMap<String, String>, BridgeError> {
    if values.is_null() {
        return Err(null(name));
    }
    let mut texts = Vec::new();
    for index in 0..values.len(env)? {
        let value = values.get_element(env, index)?;
        texts.push(text(env, &value, &format!("{name}[{index}]"))?);
        // The JVM keeps room for sixteen references.
        env.delete_local_ref(value);
    }
    let mut map = BTreeMap::new();
    let mut texts = texts.into_iter();
    while let Some(key) = texts.next() {
        let value = texts.next().ok_or_else(|| {
            let message = format!("{name} has no value for its last key {key}.");
            HaError::new(ErrorCode::InvalidSetting, message)
        })?;
        map.insert(key, value);
    }
    Ok(map)
}

/// Bytes.
pub(super) fn bytes(env: &Env<'_>, value: &JByteArray<'_>, name: &str) -> Result<Vec<u8>, BridgeError> {
    if value.is_null() {
        return Err(null(name));
    }
    Ok(env.convert_byte_array(value)?)
}

/// A Java string, or null.
pub(super) fn optional_string<'local>(
    env: &mut Env<'local>,
    value: Option<&str>,
) -> Result<JString<'local>, BridgeError> {
    match value {
        Some(value) => Ok(JString::new(env, value)?),
        None => Ok(JString::null()),
    }
}

/// A Java array of strings, some of them null.
pub(super) fn strings<'local>(
    env: &mut Env<'local>,
    values: &[Option<String>],
) -> Result<JObjectArray<'local, JString<'local>>, BridgeError> {
    let array = JObjectArray::<JString<'_>>::new(env, values.len(), JString::null())?;
    for (index, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let value = JString::new(env, value)?;
            array.set_element(env, index, &value)?;
            env.delete_local_ref(value);
        }
    }
    Ok(array)
}

/// A Java array of strings.
pub(super) fn all_strings<'local>(
    env: &mut Env<'local>,
    values: impl IntoIterator<Item = String>,
) -> Result<JObjectArray<'local, JString<'local>>, BridgeError> {
    let values: Vec<_> = values.into_iter().map(Some).collect();
    strings(env, &values)
}

/// A Java array of bytes.
pub(super) fn byte_array<'local>(env: &mut Env<'local>, value: &[u8]) -> Result<JByteArray<'local>, BridgeError> {
    if i32::try_from(value.len()).is_err() {
        let message = format!("{} bytes are too many for a Java array.", value.len());
        return Err(HaError::new(ErrorCode::Unsupported, message).into());
    }
    Ok(env.byte_array_from_slice(value)?)
}

fn null(name: &str) -> BridgeError {
    HaError::new(ErrorCode::InvalidSetting, format!("{name} is null.")).into()
}
