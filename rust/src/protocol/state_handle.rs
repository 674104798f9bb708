//! Pointers: the text under a key of a `ConfigMap` that says where a piece of state lies.
//!
//! Stock writes the Base64 of the Java serialization of a
//! `KubernetesStateHandleStore.StateHandleWithDeleteMarker` around a `RetrievableStreamStateHandle` around a
//! `FileStateHandle`. With these classes the bytes have one fixed shape with three variable parts: delete marker,
//! state size, URI. Every writer of stock goes through `FileSystemStateStorageHelper`, so no other shape is
//! expected; another one inside the same wrapper can still be marked, because the marker stands before it.

mod layout;
mod modified_utf8;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where a piece of state lies, how large it is, and whether its removal has begun.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateHandle {
    /// The text of Flink's normalised `Path`: a `file:///x` directory is stored as `file:/x`.
    pub uri: String,
    /// Size of the state in bytes, as the writer reported it (`FileStateHandle.stateSize`).
    pub size: i64,
    /// Whether the removal has begun (`StateHandleWithDeleteMarker.markedForDeletion`).
    pub marked: bool,
}

/// Why a text is not a pointer of the shape that we read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undecodable {
    /// The text is not Base64 of the standard alphabet, padded, without line breaks.
    NotBase64,
    /// The bytes do not begin with stock's wrapper: another class, or the wrapper of Flink 1.18 and older.
    NotWrapped,
    /// The bytes begin with stock's wrapper and hold another inner shape: Java may be able to read it.
    ForeignShape,
}

impl StateHandle {
    /// The text that stock would write for this handle (`InstantiationUtil.serializeObject`, then `Base64.getEncoder`).
    #[must_use]
    pub fn encode(&self) -> String {
        STANDARD.encode(layout::write(self))
    }

    /// Reads a text that has exactly the shape [`encode`](Self::encode) writes; every other byte is refused.
    pub fn decode(text: &str) -> Result<Self, Undecodable> {
        let bytes = decode_base64(text)?;
        let (mark, inner) = layout::split_wrapper(&bytes).ok_or(Undecodable::NotWrapped)?;
        layout::read(mark, inner).ok_or(Undecodable::ForeignShape)
    }
}

/// Whether the removal of the state behind this pointer has begun. Any inner shape will do, if it is in stock's wrapper.
pub fn is_marked(text: &str) -> Result<bool, Undecodable> {
    let bytes = decode_base64(text)?;
    let (mark, _) = layout::split_wrapper(&bytes).ok_or(Undecodable::NotWrapped)?;
    Ok(mark != layout::LIVE)
}

/// The same pointer with its delete marker set. Any inner shape will do, if it is in stock's wrapper.
pub fn mark(text: &str) -> Result<String, Undecodable> {
    let mut bytes = decode_base64(text)?;
    let byte = layout::mark_byte_mut(&mut bytes).ok_or(Undecodable::NotWrapped)?;
    *byte = layout::MARKED;
    Ok(STANDARD.encode(bytes))
}

fn decode_base64(text: &str) -> Result<Vec<u8>, Undecodable> {
    STANDARD.decode(text).map_err(|_| Undecodable::NotBase64)
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotBase64 => "it is not padded standard Base64",
            Self::NotWrapped => "it does not begin with the delete-marker wrapper that Flink 1.19 and later write",
            Self::ForeignShape => "it wraps something other than the handle of a file",
        })
    }
}

impl std::error::Error for Undecodable {}

#[cfg(test)]
mod tests;
