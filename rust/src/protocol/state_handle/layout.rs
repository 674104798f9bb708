//! The bytes of a pointer: Java's object serialization stream protocol, for the one graph of objects that stock writes.
//!
//! `73` is an object, `72` a class descriptor (name, serialVersionUID, flags, fields), `74` a string, `7c` a long
//! string, `78 70` the end of a descriptor without a superclass, and a final `78` the end of what `URI.writeObject` wrote.

use super::{StateHandle, modified_utf8};

/// The delete marker of a live pointer.
pub(super) const LIVE: u8 = 0;
/// The delete marker of a pointer whose removal has begun.
pub(super) const MARKED: u8 = 1;

/// Stream header and `StateHandleWithDeleteMarker`, up to its delete marker. The serialVersionUID is the one that Java
/// computes for stock's class, which declares none; it is the same from Flink 1.19 to 2.3.
const WRAPPER: &[u8] = b"\xac\xed\x00\x05\x73\x72\
    \x00\x63org.apache.flink.kubernetes.highavailability.KubernetesStateHandleStore$StateHandleWithDeleteMarker\
    \x1b\xad\x44\x80\xef\x86\x0d\x7c\x02\x00\x02\
    Z\x00\x11markedForDeletion\
    L\x00\x05inner\x74\x00\x37Lorg/apache/flink/runtime/state/RetrievableStateHandle;\
    \x78\x70";

/// `RetrievableStreamStateHandle` and `FileStateHandle`, up to the state size.
const HANDLES: &[u8] = b"\x73\x72\
    \x00\x3borg.apache.flink.runtime.state.RetrievableStreamStateHandle\
    \x00\x01\x1e\x18\xf1\x55\x97\x2b\x02\x00\x01\
    L\x00\x18wrappedStreamStateHandle\x74\x00\x32Lorg/apache/flink/runtime/state/StreamStateHandle;\
    \x78\x70\x73\x72\
    \x00\x39org.apache.flink.runtime.state.filesystem.FileStateHandle\
    \x04\xdc\x75\xd8\x62\xbd\x1b\xb3\x02\x00\x02\
    J\x00\x09stateSize\
    L\x00\x08filePath\x74\x00\x1fLorg/apache/flink/core/fs/Path;\
    \x78\x70";

/// `Path` and `java.net.URI`, up to the text of the URI.
const PATH: &[u8] = b"\x73\x72\
    \x00\x1dorg.apache.flink.core.fs.Path\
    \x00\x00\x00\x00\x00\x00\x00\x01\x02\x00\x01\
    L\x00\x03uri\x74\x00\x0eLjava/net/URI;\
    \x78\x70\x73\x72\
    \x00\x0cjava.net.URI\
    \xac\x01\x78\x2e\x43\x9e\x49\xab\x03\x00\x01\
    L\x00\x06string\x74\x00\x12Ljava/lang/String;\
    \x78\x70";

/// `TC_STRING`, followed by a length of two bytes.
const STRING: u8 = 0x74;
/// `TC_LONGSTRING`, followed by a length of eight bytes; written when two do not suffice.
const LONG_STRING: u8 = 0x7c;
/// `TC_ENDBLOCKDATA`.
const END: &[u8] = b"\x78";

/// The stream of this handle.
pub(super) fn write(handle: &StateHandle) -> Vec<u8> {
    let mut bytes = WRAPPER.to_vec();
    bytes.push(if handle.marked { MARKED } else { LIVE });
    bytes.extend_from_slice(HANDLES);
    bytes.extend_from_slice(&handle.size.to_be_bytes());
    bytes.extend_from_slice(PATH);
    write_string(&mut bytes, &handle.uri);
    bytes.extend_from_slice(END);
    bytes
}

fn write_string(bytes: &mut Vec<u8>, text: &str) {
    let text = modified_utf8::encode(text);
    if let Ok(length) = u16::try_from(text.len()) {
        bytes.push(STRING);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(LONG_STRING);
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
    }
    bytes.extend_from_slice(&text);
}

/// Delete marker and what follows it, of a stream that begins with stock's wrapper.
pub(super) fn split_wrapper(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (mark, inner) = bytes.strip_prefix(WRAPPER)?.split_first()?;
    Some((*mark, inner))
}

/// The delete marker of a stream that begins with stock's wrapper, to be changed.
pub(super) fn mark_byte_mut(bytes: &mut [u8]) -> Option<&mut u8> {
    split_wrapper(bytes)?;
    bytes.get_mut(WRAPPER.len())
}

/// The handle in a stream, from its delete marker and what follows it.
pub(super) fn read(mark: u8, inner: &[u8]) -> Option<StateHandle> {
    let marked = match mark {
        LIVE => false,
        MARKED => true,
        _ => return None,
    };
    let (size, rest) = inner.strip_prefix(HANDLES)?.split_first_chunk()?;
    let uri = read_string(rest.strip_prefix(PATH)?.strip_suffix(END)?)?;
    Some(StateHandle {
        uri,
        size: i64::from_be_bytes(*size),
        marked,
    })
}

fn read_string(bytes: &[u8]) -> Option<String> {
    let (tag, rest) = bytes.split_first()?;
    let text = match *tag {
        STRING => {
            let (length, text) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)) == text.len()).then_some(text)?
        }
        LONG_STRING => {
            let (length, text) = rest.split_first_chunk()?;
            let needed = u16::try_from(text.len()).is_err();
            (needed && u64::from_be_bytes(*length) == text.len() as u64).then_some(text)?
        }
        _ => return None,
    };
    modified_utf8::decode(text)
}
