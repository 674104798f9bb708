//! `io.flinkkubeha.bridge.Pointer`: what the text of a pointer says, in the strings that cross.

use crate::protocol::state_handle::StateHandle;

/// State, URI and size of a pointer. A foreign one has neither URI nor size: Java may be able to read it.
pub(super) fn fields(raw: &str) -> [Option<String>; 3] {
    match StateHandle::decode(raw) {
        Ok(handle) => {
            let state = if handle.marked { "MARKED" } else { "LIVE" };
            [Some(state.to_owned()), Some(handle.uri), Some(handle.size.to_string())]
        }
        Err(_) => [Some("FOREIGN".to_owned()), None, None],
    }
}

/// State, URI, size and text of a pointer.
pub(super) fn fields_and_raw(raw: &str) -> [Option<String>; 4] {
    let [state, uri, size] = fields(raw);
    [state, uri, size, Some(raw.to_owned())]
}

/// The text of a live pointer.
pub(super) fn encode(uri: String, size: i64) -> String {
    StateHandle {
        uri,
        size,
        marked: false,
    }
    .encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_tell_live_marked_and_foreign_apart() {
        let text = |text: &str| Some(text.to_owned());
        let live = encode("file:/a%20b".to_owned(), 42);
        assert_eq!(fields(&live), [text("LIVE"), text("file:/a%20b"), text("42")]);
        let marked = StateHandle {
            uri: "file:/c".to_owned(),
            size: 0,
            marked: true,
        }
        .encode();
        assert_eq!(fields(&marked), [text("MARKED"), text("file:/c"), text("0")]);
        assert_eq!(fields_and_raw("??"), [text("FOREIGN"), None, None, text("??")]);
    }
}
